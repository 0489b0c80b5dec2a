#!/usr/bin/env bash
# Unpacks monitoring systems (Icinga 2, Nagios, the agent of Zabbix, plugins and their Perl library) for tests/monitoring.rs. They are not
# installed. test.sh does the same.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib.sh
source "$here/lib.sh"

MONITORING=(icinga2-bin nagios4-core zabbix-agent libmonitoring-plugin-perl monitoring-plugins-basic monitoring-plugins-standard)

folder=${PMTU_MONITORING:-$(target_dir)/monitoring}
{ is_root && [[ -z $LAB_INSIDE ]]; } || die "the tests of monitoring systems need root (sudo)"
if [[ ! -d $folder/etc ]]; then
    say "unpacking ${MONITORING[*]} in $folder"
    work=$(mktemp -d)
    mkdir -p "$work/debs/partial" "$work/root/usr"
    fetch_with_needs "$work/debs" "${MONITORING[@]}" || { apt-get update -q >/dev/null && fetch_with_needs "$work/debs" "${MONITORING[@]}"; } ||
        die "cannot download ${MONITORING[*]}"
    for package in "$work"/debs/*.deb; do dpkg -x "$package" "$work/root"; done
    # The folders at the root are links to those in /usr.
    for name in bin sbin lib lib64; do
        [[ ! -d $work/root/$name ]] || { cp -a "$work/root/$name" "$work/root/usr/" && rm -r "$work/root/$name"; }
    done
    chmod -R a-s "$work/root"
    mkdir -p "$work/root/var"
    rm -rf "$folder"
    mkdir -p "$(dirname "$folder")"
    cp -a "$work/root" "$folder"
    rm -rf "$work"
fi
echo "$folder"
