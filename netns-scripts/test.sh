#!/usr/bin/env bash
# All tests, those on real kernel paths included. Arguments go to "cargo test". What is missing is installed or named.
#
#   test.sh [ARGUMENT...]
#   test.sh --fetch          fetches what the tests need, and runs none
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib.sh
source "$here/lib.sh"

require_cargo
require_cmd cc unshare perl

# What cannot run here is filtered out by name, so that it does not count as passed, and is named at the end.
left_out=()
filters=()
leave_out() {
    filters+=(--skip "$1")
    left_out+=("left out: $1: $2")
}
say_left_out() { [[ ${#left_out[@]} -eq 0 ]] || say "$(printf '%s\n' "${left_out[@]}")"; }
trap say_left_out EXIT

if is_root; then
    require_labs
    require_cmd iptables tc ping tcpdump openssl slirp4netns pasta
    no_mail=$(why_no_mail_servers)
    [[ -n $no_mail ]] || require_mail_servers
    no_systems=$(why_no_systems)
    [[ -n $no_systems ]] || require_systems
    no_packages=$(why_no_package_tests)
    [[ -n $no_packages ]] || require_package_tests
    # Other tests wait more than they work, and packages come late: what makes them is built beside.
    [[ -n $no_packages ]] || { nice -n 19 bash -c "source '$here/lib.sh'; make_package_tests" >&2 & }
    no_fleet=$(why_no_fleet)
    [[ -n $no_fleet ]] || require_fleet
    no_monitoring=''
    command -v apt-get >/dev/null || [[ -d $(target_dir)/monitoring/etc ]] || no_monitoring='Icinga, Nagios and others are packages of Debian, and there is no apt-get'
    [[ -n $no_monitoring ]] || "$here/monitoring.sh" >/dev/null
else
    # The tests enter a user namespace by themselves, each its own.
    require_user_namespaces
    require_cmd ip nft ethtool nsenter setpriv iptables tc ping tcpdump slirp4netns pasta
    no_mail='real mail servers need root'
    no_systems='firewalld, NetworkManager and others need root'
    no_packages='packages are tried as root'
    no_fleet='Slurm and others are fetched by root'
    no_monitoring='Icinga, Nagios and others need root'
    [[ -w /dev/net/tun ]] || leave_out a_link_without_a_header_is_captured_alike 'this user may not open /dev/net/tun'
    one_user='a user namespace of one user knows no other'
    leave_out root_can_write_where_the_caller_of_sudo_can "$one_user"
    leave_out nothing_is_left_of_the_rights_however_it_is_started "$one_user"
    leave_out a_child_has_the_rights_for_its_one_task "$one_user"
    leave_out a_process_of_the_same_user_gets_no_socket "$one_user"
    leave_out the_environment_of_a_user_without_the_rights_decides_nothing "$one_user"
    leave_out a_set_user_id_program_opens_no_file_for_its_user "$one_user"
fi
if [[ -n $no_mail ]]; then
    leave_out mail_passes_exactly_where_the_verdict_says_so "$no_mail"
    leave_out mail_comes_back_exactly_where_the_verdict_says_so "$no_mail"
    leave_out the_queue_and_the_log_lead_to_the_relay_behind_the_hole "$no_mail"
    leave_out a_log_of_incoming_mail_leads_to_the_way_back "$no_mail"
    leave_out mail_that_hangs_now_is_found_by_its_connections "$no_mail"
    leave_out incoming_mail_that_hangs_now_is_found_by_its_connection "$no_mail"
    leave_out the_first_advice_cures_mail_to_every_server_behind_the_link "$no_mail"
    leave_out the_first_advice_cures_mail_to_every_server_behind_a_tunnel "$no_mail"
    leave_out real_servers_get_their_verdict_and_see_a_polite_visitor "$no_mail"
    leave_out a_real_postfix_sees_an_orderly_visitor "$no_mail"
    leave_out rules_that_could_not_be_read_are_passed_by_all_the_same "$no_mail"
    leave_out what_routers_are_told_lets_mail_pass "$no_mail"
fi
[[ -z $no_packages ]] || leave_out packages_are_installed_used_and_purged "$no_packages"
if [[ -n $no_fleet ]]; then
    leave_out slurm_runs_the_script_of_the_docs_as_an_array "$no_fleet"
    leave_out gnu_parallel_spreads_a_list_over_hosts "$no_fleet"
    leave_out the_manifest_is_one_of_kubernetes "$no_fleet"
    leave_out duckdb::on_the_real_program "$no_fleet"
fi
[[ -z $no_monitoring ]] || leave_out monitored:: "$no_monitoring"
no_browser=$(why_no_browser)
if [[ -z $no_browser ]]; then require_browser; else leave_out in_a_browser:: "$no_browser"; fi
[[ -z $no_systems ]] || leave_out lasting::on_real_systems "$no_systems"
if [[ -n $no_systems || -n $no_mail ]]; then
    leave_out what_lasts_cures_mail "${no_systems:-$no_mail}"
    leave_out the_first_advice_cures_mail_to_a_container "${no_systems:-$no_mail}"
fi
if ! true 2>/dev/null <>/dev/net/tun; then
    leave_out a_tun_interface_is_an_interface '/dev/net/tun cannot be opened'
    [[ -n $no_mail ]] || leave_out the_first_advice_cures_mail_to_every_server_behind_a_tunnel '/dev/net/tun cannot be opened'
    leave_out behind_slirp4netns_nothing_is_said_of_the_path '/dev/net/tun cannot be opened'
    leave_out behind_pasta_nothing_is_said_of_the_path '/dev/net/tun cannot be opened'
fi

no_readers=$(why_no_readers)
if [[ -z $no_readers ]]; then
    require_readers
    say "readers of formats: $(tr '\n' ';' <"$(readers_dir)/versions")"
else
    leave_out with_readers "$no_readers"
fi

for stack in "${FOREIGN_STACKS[@]}"; do
    reason=$(build_stack "$stack")
    [[ -z $reason ]] || leave_out "a_server_on_${stack}_gets_its_verdict" "$reason"
done

# What makes packages is still built: the tests of packages wait for it.
[[ ${1:-} != --fetch ]] || exit 0

# Labs and mail servers mostly wait.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-4}
cd "$LAB_REPOSITORY"
# A choice of tests may leave out the one with which cargo builds the lab's program.
build_lab_for_tests
[[ ${#filters[@]} -eq 0 || " $* " == *' -- '* ]] || set -- "$@" --
cargo test --locked "$@" "${filters[@]}"
