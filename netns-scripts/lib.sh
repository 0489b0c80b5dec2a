# What every script here needs. To be sourced, not run.
# shellcheck shell=bash
set -euo pipefail

LAB_SCRIPTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LAB_REPOSITORY=$(dirname "$LAB_SCRIPTS")
# For a shell that is inside the user namespace of an unprivileged run.
export LAB_INSIDE=${LAB_INSIDE:-}

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

is_root() { [[ $(id -u) -eq 0 ]]; }

# Debian's package for a command.
package_of() {
    case $1 in
        ip | tc | ss) echo iproute2 ;;
        nft) echo nftables ;;
        unshare | nsenter | setpriv) echo util-linux ;;
        tracepath) echo iputils-tracepath ;;
        pgrep) echo procps ;;
        ping) echo iputils-ping ;;
        cc) echo build-essential ;;
        pasta) echo passt ;;
        strip | readelf) echo binutils ;;
        musl-gcc) echo musl-tools ;;
        node) echo nodejs ;;
        *) echo "$1" ;;
    esac
}

# require_cmd COMMAND... : installs what is missing where that is allowed, else says how to.
require_cmd() {
    local command packages=()
    PATH=$PATH:/usr/sbin:/sbin
    for command in "$@"; do
        command -v "$command" >/dev/null || packages+=("$(package_of "$command")")
    done
    [[ ${#packages[@]} -eq 0 ]] && return
    if is_root && [[ -z $LAB_INSIDE ]] && command -v apt-get >/dev/null; then
        say "installing ${packages[*]}"
        install_packages "${packages[@]}" && return
    fi
    die "missing: ${packages[*]}. Install with: sudo apt-get install -y ${packages[*]}"
}

install_packages() {
    export DEBIAN_FRONTEND=noninteractive
    if ! apt-get install -y -q --no-install-recommends "$@" >/dev/null 2>&1; then
        apt-get update -q >/dev/null
        apt-get install -y -q --no-install-recommends "$@" >/dev/null
    fi
}

# Real servers for the tests, all run inside namespaces with settings of their own. As packages mail servers exclude each other: Postfix is
# installed if there is no other, Exim and OpenSMTPD are only unpacked. So is nginx, a web server, which as a package would start.
require_mail_servers() {
    local reason
    { is_root && [[ -z $LAB_INSIDE ]]; } || die "real mail servers need root (sudo)"
    reason=$(why_no_mail_servers)
    [[ -z $reason ]] || die "$reason"
    if [[ ! -x /usr/sbin/postfix ]]; then
        say "installing postfix, which stays off"
        echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
        without_services install_packages postfix
    fi
    export PMTU_MAIL_SERVERS=${PMTU_MAIL_SERVERS:-$(target_dir)/mail-servers}
    has_other_servers || unpack_mail_servers
}

has_other_servers() {
    local folder=${PMTU_MAIL_SERVERS:-$(target_dir)/mail-servers}
    [[ -x $folder/usr/sbin/exim4 && -x $folder/usr/sbin/smtpd && -x $folder/usr/sbin/nginx ]]
}

# Empty if they are there or can be fetched.
why_no_mail_servers() {
    if [[ ! -x /usr/sbin/postfix && -e /usr/sbin/sendmail ]]; then
        echo 'Postfix is needed, and another mail server is installed that excludes it'
    elif [[ ! -x /usr/sbin/postfix ]] || ! has_other_servers; then
        command -v apt-get >/dev/null || echo 'the mail servers are packages of Debian, and there is no apt-get'
    fi
}

# A policy that is there already is left alone.
without_services() {
    local policy=/usr/sbin/policy-rc.d status=0
    if [[ -e $policy ]]; then
        "$@"
        return
    fi
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    "$@" || status=$?
    rm -f "$policy"
    return $status
}

# The libraries are installed: they exclude nothing. A start that fails leaves no half of it behind.
unpack_mail_servers() {
    local servers=(exim4-daemon-light opensmtpd nginx) libraries folder package
    say "unpacking ${servers[*]} in $PMTU_MAIL_SERVERS"
    [[ -n $(apt-cache show opensmtpd 2>/dev/null) ]] || apt-get update -q >/dev/null
    mapfile -t libraries < <(apt-cache depends --important "${servers[@]}" | sed -n 's/^  Depends: \(lib[^ <>]*\)$/\1/p' | sort -u)
    install_packages "${libraries[@]}"
    folder=$(mktemp -d)
    download "$folder" "${servers[@]}" || { apt-get update -q >/dev/null && download "$folder" "${servers[@]}"; } || die "cannot download ${servers[*]}"
    mkdir -p "$folder/root" "$(dirname "$PMTU_MAIL_SERVERS")"
    for package in "$folder"/*.deb; do dpkg -x "$package" "$folder/root"; done
    # Nothing that gives root away stays outside the namespaces.
    chmod -R a-s "$folder/root"
    rm -rf "$PMTU_MAIL_SERVERS"
    cp -a "$folder/root" "$PMTU_MAIL_SERVERS"
    rm -rf "$folder"
}

# download FOLDER PACKAGE... : an old list of packages names files that are gone.
download() {
    (cd "$1" && apt-get download -q -o APT::Sandbox::User=root "${@:2}" >/dev/null)
}

# Programs that configure hosts, for the tests of what they are advised: unpacked, not installed. A test lays them over /usr and /etc in a
# mount namespace of its own. What they need and this system lacks is unpacked with them; those that exclude each other one after the other.
SYSTEMS=(firewalld network-manager netplan.io ifupdown ufw systemd dbus iptables nftables procps perl)
MORE_SYSTEMS=(netfilter-persistent iptables-persistent)

systems_dir() { echo "${PMTU_SYSTEMS:-$(target_dir)/systems}"; }

# Empty if they are there or can be fetched.
why_no_systems() {
    [[ -d $(systems_dir)/etc ]] || command -v apt-get >/dev/null ||
        echo 'firewalld, NetworkManager and others are packages of Debian, and there is no apt-get'
}

require_systems() {
    local folder package
    { is_root && [[ -z $LAB_INSIDE ]]; } || die "the tests of firewalld, NetworkManager and others need root (sudo)"
    [[ ! -d $(systems_dir)/etc ]] || return 0
    say "unpacking ${SYSTEMS[*]} ${MORE_SYSTEMS[*]} in $(systems_dir)"
    folder=$(mktemp -d)
    mkdir -p "$folder/debs/partial" "$folder/root/usr"
    fetch_with_needs "$folder/debs" "${SYSTEMS[@]}" || { apt-get update -q >/dev/null && fetch_with_needs "$folder/debs" "${SYSTEMS[@]}"; } ||
        die "cannot download ${SYSTEMS[*]}"
    download "$folder/debs" "${MORE_SYSTEMS[@]}" || die "cannot download ${MORE_SYSTEMS[*]}"
    for package in "$folder"/debs/*.deb; do dpkg -x "$package" "$folder/root"; done
    # The folders at the root are links to those in /usr.
    for package in bin sbin lib lib64; do
        [[ ! -d $folder/root/$package ]] || { cp -a "$folder/root/$package" "$folder/root/usr/" && rm -r "$folder/root/$package"; }
    done
    chmod -R a-s "$folder/root"
    finish_systems "$folder/root"
    rm -rf "$(systems_dir)"
    mkdir -p "$(dirname "$(systems_dir)")"
    cp -a "$folder/root" "$(systems_dir)"
    rm -rf "$folder"
}

# What the packages' own scripts would do when they are installed.
finish_systems() {
    cp -n "$1"/usr/share/ufw/ufw.conf "$1"/usr/share/ufw/iptables/*.rules "$1/etc/ufw/"
    mkdir -p "$1/etc/netplan" "$1/etc/network" "$1/etc/iptables" "$1/etc/systemd/network"
    cp /etc/passwd /etc/group "$1/etc/"
    grep -q '^systemd-network:' "$1/etc/passwd" || {
        echo 'systemd-network:x:979:979::/:/usr/sbin/nologin' >>"$1/etc/passwd"
        echo 'systemd-network:x:979:' >>"$1/etc/group"
    }
}

# fetch_with_needs FOLDER PACKAGE... : what is installed already is not fetched.
fetch_with_needs() {
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --download-only --no-install-recommends --no-upgrade \
        -o "Dir::Cache::archives=$1" -o APT::Sandbox::User=root "${@:2}" >/dev/null
}

# What makes packages of a cargo project: from crates.io, in these versions. Building them takes minutes, so they outlive a clone.
PACKAGING_TOOLS=(cargo-deb@3.8.0 cargo-generate-rpm@0.21.1)

tools_dir() { echo "${PMTU_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/pmtu-probe}"; }

# packaging_tool NAME : its path.
packaging_tool() {
    local tool
    for tool in "${PACKAGING_TOOLS[@]}"; do
        [[ ${tool%@*} != "$1" ]] || echo "$(tools_dir)/$tool/bin/$1"
    done
}

require_packaging_tools() {
    local tool build
    require_cargo
    for tool in "${PACKAGING_TOOLS[@]}"; do
        [[ ! -x $(tools_dir)/$tool/bin/${tool%@*} ]] || continue
        say "building $tool in $(tools_dir), once: some minutes"
        build=$(mktemp -d)
        # Without optimisation: it runs for seconds.
        CARGO_TARGET_DIR=$build cargo install --quiet --locked --debug --no-track --root "$(tools_dir)/$tool" "$tool" ||
            die "$tool does not build"
        rm -rf "$build"
    done
}

# A small Debian 12 with systemd, in which packages are tried: installed, used, purged. It outlives a clone as well.
debian_tar() { echo "$(tools_dir)/debian-12.tar"; }

# Empty if it can be had, and systemd can run in it.
why_no_package_tests() {
    if ! findmnt -rn -t cgroup2 >/dev/null; then
        echo 'systemd needs cgroup2, which is not mounted'
    elif [[ ! -s $(debian_tar) ]] && ! command -v apt-get >/dev/null; then
        echo 'packages are tried in a Debian of their own, and there is no apt-get'
    fi
}

# What Debian has for it; the rest is made by make_package_tests.
require_package_tests() {
    local reason
    { is_root && [[ -z $LAB_INSIDE ]]; } || die "packages are tried as root (sudo)"
    reason=$(why_no_package_tests)
    [[ -z $reason ]] || die "$reason"
    require_cmd strip lintian rpm mmdebstrap nsenter unshare
}

# Takes minutes, once. Whoever comes while another is at it waits for the end of that.
make_package_tests() {
    local lock
    mkdir -p "$(tools_dir)"
    exec {lock}>"$(tools_dir)/lock"
    flock "$lock"
    require_packaging_tools
    if [[ ! -s $(debian_tar) ]]; then
        say "making $(debian_tar)"
        mmdebstrap --quiet --format=tar --variant=minbase --mode=root --include=systemd,libcap2-bin bookworm "$(debian_tar).new" >&2 ||
            die "cannot make a Debian"
        mv "$(debian_tar).new" "$(debian_tar)"
    fi
    exec {lock}>&-
}

# Engines that spread a list over machines, and readers of what comes of it: unpacked, not installed; what is Python's in a folder of its own.
FLEET=(slurmctld slurmd slurm-client parallel)
FLEET_OF_PYTHON=(duckdb==2.0.1 kubernetes-validate==1.37.0)

fleet_dir() { echo "${PMTU_FLEET:-$(target_dir)/fleet}"; }
has_fleet() { [[ -x $(fleet_dir)/root/usr/bin/parallel && -e $(fleet_dir)/python/complete ]]; }

# Empty if they are there or can be fetched.
why_no_fleet() {
    has_fleet || command -v apt-get >/dev/null || echo 'Slurm and GNU parallel are packages of Debian, and there is no apt-get'
}

# A fetch that fails leaves no half of it behind.
require_fleet() {
    local folder package
    { is_root && [[ -z $LAB_INSIDE ]]; } || die "the tests of Slurm, GNU parallel and others need root (sudo)"
    export PMTU_FLEET
    PMTU_FLEET=$(fleet_dir)
    ! has_fleet || return 0
    say "fetching ${FLEET[*]} ${FLEET_OF_PYTHON[*]} to $PMTU_FLEET"
    python3 -c 'import ensurepip' 2>/dev/null || install_packages python3 python3-venv
    folder=$(mktemp -d)
    mkdir -p "$folder/debs/partial" "$PMTU_FLEET"
    fetch_with_needs "$folder/debs" "${FLEET[@]}" || { apt-get update -q >/dev/null && fetch_with_needs "$folder/debs" "${FLEET[@]}"; } ||
        die "cannot download ${FLEET[*]}"
    for package in "$folder"/debs/*.deb; do dpkg -x "$package" "$folder/root"; done
    # Debian's names for other programs, which its alternatives would lead to.
    for package in slurmctld slurmd slurmstepd; do ln -s "$package-wlm" "$folder/root/usr/sbin/$package"; done
    chmod -R a-s "$folder/root"
    rm -rf "$PMTU_FLEET/root" "$PMTU_FLEET/python"
    cp -a "$folder/root" "$PMTU_FLEET/root"
    python3 -m venv "$PMTU_FLEET/python"
    "$PMTU_FLEET/python/bin/pip" install -q "${FLEET_OF_PYTHON[@]}" >/dev/null || die "cannot install ${FLEET_OF_PYTHON[*]}"
    touch "$PMTU_FLEET/python/complete"
    rm -rf "$folder"
}

# What reads the formats of the program, for tests/formats: Debian's packages are unpacked, Python's stand in an environment of their
# own. pytest's source has the schema of JUnit files that Jenkins uses (MIT licence).
READERS=(prometheus prometheus-node-exporter)
PYTHON_READERS=(check-jsonschema==0.39.0 yamllint==1.38.0 lxml==6.1.3 prometheus-client==0.26.0 markdown-it-py==4.3.0
    linkify-it-py==2.1.0 grafana-foundation-sdk==1769699998!10.1.0)
JUNIT_SCHEMA_OF=pytest==8.4.2

readers_dir() { echo "${PMTU_READERS:-$(target_dir)/readers-of-formats}"; }

has_readers() { [[ -e $(readers_dir)/versions && $(<"$(readers_dir)/wanted") == "${READERS[*]} ${PYTHON_READERS[*]} $JUNIT_SCHEMA_OF" ]]; }

# Empty if they are there or can be fetched.
why_no_readers() {
    has_readers || command -v apt-get >/dev/null || echo 'promtool and node_exporter are packages of Debian, and there is no apt-get'
}

# Any user may fetch them; only what is missing of Python needs root.
require_readers() {
    local folder package
    folder=$(readers_dir)
    ! has_readers || return 0
    require_cmd perl python3
    say "fetching ${READERS[*]} and ${PYTHON_READERS[*]} into $folder"
    rm -rf "$folder"
    mkdir -p "$folder/debs"
    download "$folder/debs" "${READERS[@]}" || { apt-get update -q >/dev/null && download "$folder/debs" "${READERS[@]}"; } ||
        die "cannot download ${READERS[*]}"
    for package in "$folder"/debs/*.deb; do dpkg -x "$package" "$folder/root"; done
    python3 -m venv "$folder/python" 2>/dev/null || { require_venv && python3 -m venv --clear "$folder/python"; } ||
        die "python3 cannot make an environment. Install with: sudo apt-get install -y python3-venv"
    "$folder/python/bin/python" -m pip install -q "${PYTHON_READERS[@]}" || die "cannot install ${PYTHON_READERS[*]}"
    "$folder/python/bin/python" -m pip download -q --no-deps --no-binary pytest -d "$folder/debs" "$JUNIT_SCHEMA_OF" || die "cannot download $JUNIT_SCHEMA_OF"
    tar -xzf "$folder"/debs/pytest-*.tar.gz -C "$folder" --strip-components 3 --wildcards '*/junit-10.xsd'
    echo "${READERS[*]} ${PYTHON_READERS[*]} $JUNIT_SCHEMA_OF" >"$folder/wanted"
    {
        for package in "$folder"/debs/*.deb; do dpkg-deb -W "$package"; done
        "$folder/python/bin/python" -m pip freeze
        echo "junit-10.xsd of $JUNIT_SCHEMA_OF"
        prove --version
    } >"$folder/versions"
    rm -rf "$folder/debs"
}

require_venv() { is_root && command -v apt-get >/dev/null && install_packages python3-venv; }

# What tests/html looks at pages with: a browser without a window, and from npm a checker of accessibility and a validator, in these versions.
PAGE_TOOLS=(axe-core@4.14.1 html-validate@9.7.1)

page_tools_dir() { echo "${PMTU_PAGE_TOOLS:-$(target_dir)/page-tools}"; }

has_browser() { [[ -x /usr/bin/chromium-headless-shell || -x /usr/bin/chromium ]]; }

has_page_tools() { [[ -e $(page_tools_dir)/versions && $(<"$(page_tools_dir)/versions") == "${PAGE_TOOLS[*]}" ]]; }

# Empty if they are there or can be fetched.
why_no_browser() {
    if ! has_browser; then
        { is_root && command -v apt-get >/dev/null; } || echo 'a browser (chromium-headless-shell) can be installed by root alone'
    elif ! has_page_tools; then
        { is_root || command -v npm >/dev/null; } || echo 'npm is needed, and root alone can install it'
    fi
}

require_browser() {
    local folder
    if ! has_browser; then
        say 'installing chromium-headless-shell'
        install_packages chromium-headless-shell fonts-dejavu-core
    fi
    export PMTU_PAGE_TOOLS=${PMTU_PAGE_TOOLS:-$(page_tools_dir)}
    require_cmd node npm
    if ! has_page_tools; then
        say "fetching ${PAGE_TOOLS[*]} from npm"
        folder=$(mktemp -d)
        npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$folder" "${PAGE_TOOLS[@]}" >/dev/null ||
            die "cannot fetch ${PAGE_TOOLS[*]}"
        echo "${PAGE_TOOLS[*]}" >"$folder/versions"
        rm -rf "$PMTU_PAGE_TOOLS"
        mkdir -p "$(dirname "$PMTU_PAGE_TOOLS")"
        cp -a "$folder" "$PMTU_PAGE_TOOLS"
        rm -rf "$folder"
    fi
}

# Mail servers with a TCP of their own, beside that on smoltcp, which is part of pmtu-lab.
FOREIGN_STACKS=(lwip gvisor)

stacks_dir() { echo "${PMTU_STACKS:-$(target_dir)/stacks}"; }

stack_packages() {
    case $1 in
        lwip) echo build-essential liblwip-dev ;;
        gvisor) echo golang-go golang-gvisor-gvisor-dev ;;
    esac
}

has_stack_parts() {
    case $1 in
        lwip) command -v cc >/dev/null && [[ -e /usr/include/lwip/lwipopts.h ]] ;;
        gvisor) command -v go >/dev/null && [[ -d /usr/share/gocode/src/gvisor.dev/gvisor ]] ;;
    esac
}

# build_stack NAME : makes the mail server on this stack, with Debian's packages. If that cannot be, prints why.
build_stack() {
    local stack=$1 folder source packages
    folder=$(stacks_dir)
    source=$(echo "$LAB_REPOSITORY/tests/lab/stacks/$stack".*)
    [[ $folder/$stack -nt $source ]] && return
    read -ra packages <<<"$(stack_packages "$stack")"
    if ! has_stack_parts "$stack" && is_root && [[ -z $LAB_INSIDE ]] && command -v apt-get >/dev/null; then
        say "installing ${packages[*]}"
        install_packages "${packages[@]}" >&2 || true
    fi
    if ! has_stack_parts "$stack"; then
        echo "${packages[*]} are missing. Install with: sudo apt-get install -y ${packages[*]}"
        return
    fi
    say "building the mail server on $stack"
    mkdir -p "$folder"
    "compile_$stack" "$source" "$folder/$stack" || echo "$source does not build with the packages of this system"
}

compile_lwip() { cc -O2 -Wall -Wextra -I/usr/include/lwip -o "$2" "$1" -llwip -lpthread >&2; }

# Without the network: all of it is in Debian's packages.
compile_gvisor() {
    GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$(stacks_dir)/go-cache go build -o "$2" "$1" >&2
}

# wait_for SECONDS WHAT COMMAND... : until the command succeeds.
wait_for() {
    local tries=$(($1 * 100)) what=$2
    shift 2
    until "$@" 2>/dev/null; do
        ((tries-- > 0)) || die "waited too long for $what"
        sleep 0.01
    done
}

# The flags that make an unprivileged user root of its own small world.
UNSHARE_FLAGS=(--user --map-root-user --net --mount --pid --fork --kill-child --mount-proc)

# Whether this user may make user namespaces; else says what to do.
require_user_namespaces() {
    unshare --user --map-root-user --net true 2>/dev/null && return
    die "needs root or user namespaces. Run it with sudo, or allow them:
  sudo sysctl kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0"
}

# Root alone is not enough in a container that may not make namespaces.
require_labs() {
    unshare --net --mount true 2>/dev/null ||
        die "root here may not make network namespaces. In a container: docker run --privileged, or --cap-add SYS_ADMIN --cap-add NET_ADMIN"
    require_cmd ip nft ethtool nsenter
}

# as_lab_root SCRIPT ARGS... : starts the script again as root of a user namespace, unless it is root already.
# Everything it makes ends with it, whatever happens.
as_lab_root() {
    if is_root; then return; fi
    require_cmd unshare
    require_user_namespaces
    exec unshare "${UNSHARE_FLAGS[@]}" bash -c \
        'mount -t tmpfs tmpfs /run && ip link set lo up && LAB_INSIDE=1 exec "$@"' lab "$@"
}

target_dir() {
    (cd "$LAB_REPOSITORY" && echo "${CARGO_TARGET_DIR:-$LAB_REPOSITORY/target}")
}

require_cargo() {
    command -v cargo >/dev/null || die "missing: cargo. Install Rust with: curl https://sh.rustup.rs -sSf | sh"
}

# build_programs [PROFILE] : pmtu-probe and pmtu-lab, unless the caller brought them (PMTU_PROBE, PMTU_LAB). Both in one run of cargo,
# which builds what they share once. Measurements need the profile "release", the default; for a look "demo" is there sooner.
build_programs() {
    local profile=${1:-release} packages=()
    [[ -n ${PMTU_PROBE:-} ]] || packages+=(--package pmtu-probe)
    [[ -n ${PMTU_LAB:-} ]] || packages+=(--package pmtu-lab)
    [[ ${#packages[@]} -gt 0 ]] || return 0
    require_cargo
    if [[ -e $(target_dir)/$profile/pmtu-probe ]]; then
        say "Building what has changed (cargo build --profile $profile)"
    else
        say "Building pmtu-probe and the test network for the first time (cargo build --profile $profile): some minutes"
    fi
    (cd "$LAB_REPOSITORY" && cargo build --locked --profile "$profile" "${packages[@]}") || die "the build failed"
    PMTU_PROBE=${PMTU_PROBE:-$(target_dir)/$profile/pmtu-probe}
    PMTU_LAB=${PMTU_LAB:-$(target_dir)/$profile/pmtu-lab}
    export PMTU_PROBE PMTU_LAB
}

# The lab's program for the tests, built as "cargo test" builds it: with the features that the tests give to what both share.
build_lab_for_tests() {
    require_cargo
    (cd "$LAB_REPOSITORY" && cargo test --locked --no-run --test pmtu_lab) || die "the build failed"
}

# The one that was built last, whatever for.
find_lab_program() {
    local profile found=''
    if [[ -z ${PMTU_LAB:-} ]]; then
        for profile in demo release debug; do
            PMTU_LAB=$(target_dir)/$profile/pmtu-lab
            if [[ -x $PMTU_LAB && (-z $found || $PMTU_LAB -nt $found) ]]; then found=$PMTU_LAB; fi
        done
        PMTU_LAB=$found
        [[ -n $found ]] || PMTU_PROBE=none build_programs demo
    fi
    export PMTU_LAB
}
