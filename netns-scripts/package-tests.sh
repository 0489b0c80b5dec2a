# What packages.sh tries. To be sourced by it, not run.
# shellcheck shell=bash

# The Debian that the package is installed in: a copy, which ends with the script.
work=''
# The process that is systemd in there, and the groups that it makes.
systemd=''
groups=''
lab=pkg-$$
VERSION=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$LAB_REPOSITORY/Cargo.toml" | head -1)

test_packages() {
    require_package_tests
    make_package_tests
    export PMTU_QUICK_PACKAGES=1
    [[ -n ${PMTU_PROBE:-} ]] || build_programs demo
    find_lab_program
    work=$(mktemp -d)
    trap clean_up EXIT
    step "both packages" make_packages "$PMTU_PROBE" "$work/packages"
    step "lintian" the_deb_has_no_fault
    step "rpm" the_rpm_holds_what_it_should
    step "a Debian of its own" unpack_debian
    step "installing" it_is_installed
    step "dpkg-statoverride" an_override_is_honoured
    step "no setcap" without_setcap_it_says_how
    step "a path with a black hole" start_debian_behind_a_black_hole
    step "systemd-analyze" the_unit_is_sound
    step "for a user" a_user_runs_it
    step "the service" the_service_tells_what_has_changed
    step "the timer" the_timer_runs_it
    step "purging" nothing_is_left
    say "packages: all of it passed"
}

step() {
    local began=$SECONDS
    "${@:2}"
    say "packages: $1: good, $((SECONDS - began)) s"
}

clean_up() {
    [[ -z $systemd ]] || kill -9 "$systemd" 2>/dev/null || true
    "$LAB_SCRIPTS/path.sh" down "$lab" >/dev/null 2>&1 || true
    [[ -z $groups ]] || remove_groups
    rm -rf --one-file-system "$work"
}

# Processes that were killed leave their groups a little later.
remove_groups() {
    local tries=50
    until find "$groups" -depth -type d -exec rmdir {} + 2>/dev/null; do
        ((tries-- > 0)) || return 0
        sleep 0.1
    done
}

# must WHAT COMMAND... : fails with these words.
must() {
    local what=$1
    shift
    "$@" >"$work/said" 2>&1 || die "$what
$(cat "$work/said")"
}

# has TEXT PATTERN
has() { grep -q -- "$2" <<<"$1" || die "no \"$2\" in:
$1"; }

has_not() { ! grep -q -- "$2" <<<"$1" || die "\"$2\" in:
$1"; }

# is FOUND EXPECTED
is() { [[ $1 == "$2" ]] || die "found \"$1\", expected \"$2\""; }

the_deb_has_no_fault() {
    local tags
    tags=$(lintian --allow-root --tag-display-limit 0 --fail-on error "$DEB") || die "lintian:
$tags"
    # Only Debian itself has a list of wishes for packages.
    tags=$(grep -v initial-upload-closes-no-bugs <<<"$tags" || true)
    is "$tags" ''
}

# A name that is in neither package is a typing error here.
PACKAGED="/usr/bin/pmtu-probe
/usr/lib/systemd/system/pmtu-probe.service
/usr/lib/systemd/system/pmtu-probe.timer
/usr/lib/sysusers.d/pmtu-probe.conf
/usr/share/bash-completion/completions/pmtu-probe
/etc/pmtu-probe/targets
/usr/share/man/man8/pmtu-probe.8"

the_rpm_holds_what_it_should() {
    local files file
    files=$(rpm -qpl "$RPM")
    for file in $PACKAGED; do has "$files" "^$file\$"; done
    has "$files" '^/usr/share/zsh/site-functions/_pmtu-probe$'
    has "$files" '^/usr/share/fish/vendor_completions.d/pmtu-probe.fish$'
    is "$(rpm -qp --queryformat '[%{FILENAMES} %{FILECAPS}\n]' "$RPM" | grep '/bin/')" '/usr/bin/pmtu-probe cap_net_raw=ep'
    is "$(rpm -qp --queryformat '[%{FILENAMES} %{FILEMODES:perms}\n]' "$RPM" | grep '/bin/')" '/usr/bin/pmtu-probe -rwxr-xr-x'
    is "$(rpm -qpc "$RPM")" /etc/pmtu-probe/targets
    is "$(rpm -qp --scripts "$RPM")" ''
    is "$(rpm -qp --queryformat '%{NAME} %{VERSION} %{LICENSE}' "$RPM")" "pmtu-probe $VERSION MIT OR Apache-2.0"
    has "$(rpm -qp --requires "$RPM")" 'libc.so.6'
}

unpack_debian() {
    mkdir "$work/debian"
    tar -xf "$(debian_tar)" -C "$work/debian"
    # Without it systemd takes this for its first start, and enables all that there is.
    tr -d - </proc/sys/kernel/random/uuid >"$work/debian/etc/machine-id"
    cp "$DEB" "$work/debian/root/pmtu-probe.deb"
}

DEBIAN_ENVIRONMENT=(DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin)

in_debian() { chroot "$work/debian" env -i "${DEBIAN_ENVIRONMENT[@]}" "$@"; }

it_is_installed() {
    local said file
    said=$(in_debian dpkg -i /root/pmtu-probe.deb 2>&1)
    has_not "$said" 'setcap'
    is "$(in_debian getcap /usr/bin/pmtu-probe)" '/usr/bin/pmtu-probe cap_net_raw=ep'
    is "$(stat -c '%a %U' "$work/debian/usr/bin/pmtu-probe")" '755 root'
    for file in ${PACKAGED/%.8/.8.gz}; do [[ -s $work/debian$file ]] || die "$file is missing"; done
    # The comments alone: nothing is examined that nobody asked for.
    is "$(grep -v '^#' "$work/debian/etc/pmtu-probe/targets")" ''
    # shellcheck disable=SC2016
    has "$(in_debian dpkg-query --showformat '${Conffiles}' --show pmtu-probe)" '/etc/pmtu-probe/targets'
    is "$(in_debian systemctl is-enabled pmtu-probe.timer)" disabled
    has "$(zcat "$work/debian/usr/share/man/man8/pmtu-probe.8.gz")" '^.TH PMTU-PROBE 8 '
    must "changed files" in_debian dpkg --verify pmtu-probe
    has "$(in_debian pmtu-probe --version)" "$VERSION"
}

an_override_is_honoured() {
    in_debian dpkg-statoverride --add --update root adm 0750 /usr/bin/pmtu-probe
    has "$(in_debian dpkg -i /root/pmtu-probe.deb 2>&1)" 'owner and mode are those of dpkg-statoverride'
    is "$(in_debian getcap /usr/bin/pmtu-probe)" ''
    is "$(stat -c '%a %G' "$work/debian/usr/bin/pmtu-probe")" '750 adm'
    in_debian dpkg-statoverride --remove /usr/bin/pmtu-probe
}

without_setcap_it_says_how() {
    local setcap said
    setcap=$(in_debian sh -c 'command -v setcap')
    mv "$work/debian$setcap" "$work/setcap"
    said=$(in_debian dpkg -i /root/pmtu-probe.deb 2>&1)
    mv "$work/setcap" "$work/debian$setcap"
    has "$said" 'setcap is missing (package libcap2-bin)'
    has "$said" 'setcap cap_net_raw+ep /usr/bin/pmtu-probe'
    is "$(stat -c %a "$work/debian/usr/bin/pmtu-probe")" 755
    # The line that it prints.
    must "the line does not work" in_debian setcap cap_net_raw+ep /usr/bin/pmtu-probe
}

the_unit_is_sound() {
    local said units="/usr/lib/systemd/system/pmtu-probe.service /usr/lib/systemd/system/pmtu-probe.timer"
    # shellcheck disable=SC2086
    said=$(under_systemd systemd-analyze verify --man=no $units 2>&1) || die "systemd-analyze verify: $said"
    has_not "$said" pmtu-probe
    said=$(under_systemd systemd-analyze security --offline=true --threshold=15 --no-pager pmtu-probe.service 2>&1) || die "exposed: $said"
    say "packages: $(tail -1 <<<"$said" | sed 's/^[^A-Z]*//')"
}

start_debian_behind_a_black_hole() {
    local cgroup2
    "$LAB_SCRIPTS/path.sh" up silent_router v4 --id "$lab" --owner $$ >/dev/null
    cgroup2=$(findmnt -rn -t cgroup2 -o TARGET | head -1)
    groups=$cgroup2/pmtu-$lab
    mkdir "$groups"
    cat >"$work/start" <<'END'
set -eu
root=$1 groups=$2
echo $$ >"$groups/cgroup.procs"
exec unshare --mount --pid --fork --kill-child --ipc --uts --cgroup bash -c '
    set -eu
    root=$1
    mount --make-rprivate /
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount --bind /sys "$root/sys"
    mount -t tmpfs tmpfs "$root/sys/fs/cgroup"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    mount -t tmpfs -o mode=755 tmpfs "$root/run"
    mkdir -p "$root/run/systemd"
    echo lab >"$root/run/systemd/container"
    exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" /lib/systemd/systemd --unit=basic.target' - "$root"
END
    "$LAB_SCRIPTS/path.sh" exec "$lab" c bash "$work/start" "$work/debian" "$groups" >"$work/systemd" 2>&1 </dev/null &
    # Its end is no news.
    disown
    wait_for 20 "systemd" find_systemd
    wait_for 60 "systemd to be up" is_up
}

find_systemd() {
    local process
    while read -r process; do
        [[ $(cat "/proc/$process/comm") == systemd ]] || continue
        grep -q '^NSpid:.*[[:space:]]1$' "/proc/$process/status" || continue
        systemd=$process
        return 0
    done < <(cat "$groups"/cgroup.procs "$groups"/*/cgroup.procs 2>/dev/null)
    return 1
}

is_up() { under_systemd systemctl is-active basic.target >/dev/null; }

under_systemd() { nsenter --target "$systemd" --mount --pid --net --ipc --uts --root --wd -- env -i "${DEBIAN_ENVIRONMENT[@]}" "$@"; }

as_nobody() { under_systemd setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"; }

a_user_runs_it() {
    local status=0 said
    said=$(as_nobody pmtu-probe -q 10.0.4.2 2>&1) || status=$?
    is "$status" 2
    has "$said" 'black hole above 1400 bytes'
}

set_targets() { printf '%s\n' "$@" >"$work/debian/etc/pmtu-probe/targets"; }

log() { under_systemd journalctl --no-pager --output=cat --unit=pmtu-probe.service; }

# run_service RESULT : what systemd makes of it; a unit that has ended well has no other memory than the log.
run_service() {
    local result=success
    under_systemd systemctl start pmtu-probe.service 2>/dev/null || result=failure
    [[ $result == "$1" ]] || die "$result of the service:
$(log)"
}

the_service_tells_what_has_changed() {
    local state=/var/lib/pmtu-probe hole='black_hole (1400 bytes)'
    leave_out_unknown_options
    run_service success
    has "$(log)" "Skipped due to 'exec-condition'"
    [[ ! -e $work/debian$state/results.jsonl ]] || die "results of nothing"

    set_targets 10.0.4.2
    run_service success
    has "$(log)" "new: 10.0.4.2: $hole, way back"
    # Others may read it: they serve metrics from there.
    has "$(as_nobody cat $state/results.jsonl)" '"exit_code":2'
    is "$(log | grep -c black_hole)" 1
    run_service success
    is "$(log | grep -c black_hole)" 1

    # The link is repaired. What a learned path MTU would hide was never learned: the router is silent.
    repair r2
    repair r3
    run_service success
    has "$(log)" "changed: 10.0.4.2: $hole -> clear"
    has "$(cat "$work/debian$state/results.jsonl")" '"verdict":"clear"'
    has "$(cat "$work/debian$state/results.jsonl.previous")" '"verdict":"black_hole"'
    cp "$work/debian$state/results.jsonl" "$work/results"

    # A run that is stopped leaves them as they are: nobody answers at this address.
    set_targets 10.0.4.2 10.0.4.99
    under_systemd systemctl start --no-block pmtu-probe.service
    sleep 3
    it_is_fenced
    under_systemd systemctl stop pmtu-probe.service
    is "$(under_systemd systemctl is-failed pmtu-probe.service || true)" inactive
    is "$(cat "$work/debian$state/results.jsonl")" "$(cat "$work/results")"

    # A run that cannot begin is a failure.
    echo '# no results' >"$work/debian$state/results.jsonl"
    run_service failure
    is "$(cat "$work/debian$state/results.jsonl")" '# no results'
    has "$(log)" 'is no result of this program'
}

# Without capset(2) the capability stays, and the filter of system calls takes its use.
it_is_fenced() {
    local main status
    main=$(under_systemd systemctl show --property MainPID --value pmtu-probe.service)
    status=$(under_systemd cat "/proc/$main/status")
    has "$status" '^Seccomp:[[:space:]]2$'
    has "$status" '^NoNewPrivs:[[:space:]]1$'
    has "$status" '^CapAmb:[[:space:]]0*$'
    has_not "$status" '^Uid:[[:space:]]0'
    is "$(under_systemd stat --format %u "/proc/$main/fd")" 0
}

# repair ROUTER : its links take packets of any usual size.
repair() {
    local link
    while read -r link; do
        "$LAB_SCRIPTS/path.sh" exec "$lab" "$1" ip link set "$link" mtu 1500
    done < <("$LAB_SCRIPTS/path.sh" exec "$lab" "$1" ip -o link show | sed -n 's/^[0-9]*: \(e[0-9]*\)[@:].*/\1/p')
}

# The unit may ask for more than this build of the program has.
leave_out_unknown_options() {
    local unit=/usr/lib/systemd/system/pmtu-probe.service
    if ! in_debian pmtu-probe --help | grep -q -- --prometheus; then
        sed -i 's/ --prometheus [^ ]*//' "$work/debian$unit"
        under_systemd systemctl daemon-reload
    fi
}

the_timer_runs_it() {
    is "$(under_systemd systemctl is-enabled pmtu-probe.timer)" disabled
    must "the timer" under_systemd systemctl enable --now pmtu-probe.timer
    is "$(under_systemd systemctl is-active pmtu-probe.timer)" active
    has "$(under_systemd systemctl list-timers --no-pager --no-legend)" pmtu-probe.service
}

nothing_is_left() {
    local left
    must "purging" under_systemd dpkg --purge pmtu-probe
    is "$(under_systemd systemctl is-active pmtu-probe.timer || true)" inactive
    left=$(find "$work/debian" -xdev -name '*pmtu-probe*' ! -path '*/root/*' ! -path '*/var/log/*' ! -path '*/proc/*' ! -path '*/sys/*')
    is "$left" ''
}

test_image() {
    { is_root && [[ -z $LAB_INSIDE ]]; } || die "images are tried as root (sudo)"
    require_cmd buildah podman runc readelf
    build_static demo
    find_lab_program
    work=$(mktemp -d)
    trap clean_up EXIT
    step "no library" it_is_static
    step "the image" the_image_is_built
    step "a container" a_container_with_net_raw_is_enough
    step "no capability" without_it_the_program_says_so
    say "packages: all of it passed"
}

it_is_static() {
    has_not "$(readelf --program-headers --dynamic "$STATIC")" 'INTERP\|NEEDED'
    # In a root that holds nothing else.
    mkdir "$work/empty"
    cp "$STATIC" "$work/empty/"
    has "$(chroot "$work/empty" /pmtu-probe --version)" "$VERSION"
}

# Storage of its own, for it is thrown away.
STORAGE=(--storage-driver vfs)

the_image_is_built() {
    mkdir "$work/context"
    cp "$STATIC" "$work/context/"
    buildah "${STORAGE[@]}" --root "$work/store" --runroot "$work/runroot" build --quiet --isolation chroot \
        --tag pmtu-probe --file "$LAB_REPOSITORY/docs/packaging/Containerfile" "$work/context" >/dev/null
    "$LAB_SCRIPTS/path.sh" up silent_router v4 --id "$lab" --owner $$ >/dev/null
}

# contain OPTION... -- ARGUMENT... : "host" is the lab's node c. The limits are those of any user, as a container of a container may have no more.
contain() {
    local options=()
    while [[ $1 != -- ]]; do
        options+=("$1")
        shift
    done
    "$LAB_SCRIPTS/path.sh" exec "$lab" c podman "${STORAGE[@]}" --root "$work/store" --runroot "$work/runroot" --cgroup-manager cgroupfs \
        --runtime runc run --rm --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 --network host "${options[@]}" pmtu-probe "${@:2}" 2>&1
}

a_container_with_net_raw_is_enough() {
    local status=0 said
    said=$(contain --cap-drop all --cap-add net_raw --security-opt no-new-privileges --read-only -- -q 10.0.4.2) || status=$?
    has "$said" 'black hole above 1400 bytes'
    is "$status" 2
}

without_it_the_program_says_so() {
    local status=0 said
    said=$(contain --cap-drop all -- -q 10.0.4.2) || status=$?
    has "$said" 'setcap\|CAP_NET_RAW'
    is "$status" 3
}
