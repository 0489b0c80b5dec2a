#!/usr/bin/env bash
# What large firewalls cost: time and memory to parse the rules and to lead four messages through them, made up and of a real nft.
# Compare two versions by running it on both. PMTU_RULES_ELEMENTS: how large sets are.
# shellcheck source=netns-scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
as_lab_root "$0" "$@"
require_cargo
require_cmd nft
export PMTU_RULES_ELEMENTS=${PMTU_RULES_ELEMENTS:-250000}

cd "$LAB_REPOSITORY"
tests=$(cargo test --locked ${PMTU_PROFILE:+--profile "$PMTU_PROFILE"} --no-run --lib --message-format=json |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)

say "Made up, each in a process of its own:"
"$tests" --list --ignored 2>/dev/null | grep -q what_large_rulesets_cost || die "the test is gone"
for name in '2 base chains' '100 base chains' networks time-outs pairs '1 000 000' 'in a rule' 'verdict map' 'tree of jumps' \
    '50 000 rules of nft' '50 000 rules of iptables' '100 000 rules' '1000 chains'; do
    PMTU_RULES_ONLY=$name "$tests" --ignored --nocapture what_large_rulesets_cost | grep parsed
done

say "Real: a set of $PMTU_RULES_ELEMENTS addresses that nft lists, in a namespace"
large_ruleset() {
    echo 'table inet f { set s { type ipv4_addr; elements = {'
    for ((number = 0; number < PMTU_RULES_ELEMENTS; number++)); do
        printf '10.%d.%d.%d,\n' $((number >> 15 & 255)) $((number >> 7 & 255)) $((2 * number & 255))
    done
    echo '}; }'
    echo 'chain in { type filter hook input priority 0; policy accept; ip saddr @s drop; ip saddr @s log; }'
    echo 'chain last { type filter hook input priority 9; policy drop; }; }'
}
export -f large_ruleset
# shellcheck disable=SC2016
unshare --net bash -c 'large_ruleset | nft -f - && TIMEFORMAT="nft lists it in %R s" && time nft -j list ruleset | wc -c &&
    TIMEFORMAT="and without the contents of sets in %R s" && time nft -j -t list ruleset | wc -c'
