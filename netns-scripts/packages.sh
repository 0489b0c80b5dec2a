#!/usr/bin/env bash
# The packages: builds them, or tries them in a Debian of its own. test.sh does the latter.
#
#   packages.sh build [FOLDER]    .deb and .rpm of a release build, by default in target/packages
#   packages.sh static [PROFILE]  the program without any library, for any Linux; by default a release build
#   packages.sh test              packages of PMTU_PROBE (or a quick build): lintian, rpm, and a whole life under systemd. Needs root.
#   packages.sh image             the static program in an image of its own, run by podman with NET_RAW alone. Needs root.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib.sh
source "$here/lib.sh"

# make_packages PROGRAM FOLDER : both tools take FOLDER for the folder of a release build. The program is there already, whatever its profile.
make_packages() {
    local program=$1 folder=$2 shell
    rm -rf "$folder/release" "$folder/debian" "$folder/generate-rpm"
    mkdir -p "$folder/release/completions"
    install -m 755 "$program" "$folder/release/pmtu-probe"
    strip "$folder/release/pmtu-probe"
    for shell in bash zsh fish; do "$program" --generate $shell >"$folder/release/completions/pmtu-probe.$shell"; done
    folder=$(realpath "$folder")
    (
        cd "$LAB_REPOSITORY"
        export CARGO_TARGET_DIR=$folder
        "$(packaging_tool cargo-deb)" deb --quiet --no-build --no-strip ${PMTU_QUICK_PACKAGES:+--fast}
        "$(packaging_tool cargo-generate-rpm)" generate-rpm ${PMTU_QUICK_PACKAGES:+--payload-compress none}
    ) >&2
    DEB=$(echo "$folder"/debian/*.deb)
    RPM=$(echo "$folder"/generate-rpm/*.rpm)
}

build() {
    local folder=${1:-$(target_dir)/packages}
    require_cmd strip
    require_packaging_tools
    PMTU_LAB=none build_programs release
    make_packages "$PMTU_PROBE" "$folder"
    printf '%s\n' "$DEB" "$RPM"
}

# build_static PROFILE : STATIC is the program.
build_static() {
    local target
    target=$(uname -m)-unknown-linux-musl
    require_cargo
    require_cmd musl-gcc
    rustup target add "$target" 2>/dev/null >&2 || die "the standard library for $target is missing: rustup target add $target"
    # One of the crates is C in part.
    (cd "$LAB_REPOSITORY" && env "CC_${target//-/_}=musl-gcc" cargo build --locked --profile "$1" --target "$target" --package pmtu-probe) ||
        die "the build failed"
    STATIC=$(target_dir)/$target/$1/pmtu-probe
}

main() {
    case ${1:-} in
        build) build "${@:2}" ;;
        static)
            build_static "${2:-release}"
            echo "$STATIC"
            ;;
        image)
            # shellcheck source=package-tests.sh
            source "$here/package-tests.sh"
            test_image
            ;;
        test)
            # shellcheck source=package-tests.sh
            source "$here/package-tests.sh"
            test_packages
            ;;
        *) die "usage: packages.sh build [FOLDER] | static [PROFILE] | test | image" ;;
    esac
}

main "$@"
