#!/usr/bin/env bash
# How long --merge takes for many results, and how much memory: merge.sh [LINES] [BYTES]
# LINES results (1 000 000) of about BYTES each (1500), from two hosts: 94 % clear, 5 % behind 20 routers, 1 % unreachable.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib.sh
source "$here/lib.sh"

lines=${1:-1000000} bytes=${2:-1500}
require_cmd perl
PMTU_LAB=none build_programs
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

say "writing $lines results"
# shellcheck disable=SC2016
perl -e '
    my ($lines, $bytes) = @ARGV;
    my $reason = "x" x ($bytes > 900 ? $bytes - 900 : 1);
    for my $n (0 .. $lines - 1) {
        my $address = join ".", 10 + ($n >> 24), ($n >> 16) & 255, ($n >> 8) & 255, $n & 255;
        my $host = $n % 2 ? "fra1" : "nyc2";
        my ($verdict, $cause, $mtu, $place, $code) = ("clear", "null", 1500, "null", 0);
        if ($n % 20 == 7) {
            ($verdict, $cause, $mtu, $code) = ("black_hole", "\"no_ptb\"", 1400, 2);
            my $router = "203.0.113." . ($n / 20 % 20 + 1);
            $place = "{\"last_hop\":{\"ttl\":4,\"address\":\"$router\"},\"next_hop\":null}";
        } elsif ($n % 100 == 50) {
            ($verdict, $mtu, $code) = ("unreachable", "null", 3);
        }
        print qq({"schema":"pmtu-probe/1","version":"0.1.0","target":"d$n.example","vantage":"$host","started":"2026-01-01T00:00:00Z",)
            . qq("elapsed_ms":171.2,"exit_code":$code,"addresses":[{"host":"mx.d$n.example","preference":10,"address":"$address",)
            . qq("port":25,"verdict":"$verdict","cause":$cause,"masked_by":null,"reason":"$reason","port_state":"open",)
            . qq("confidence":1.0,"path_mtu":$mtu,"first_lost_size":null,"local_mtu":1500,"location":$place,)
            . qq("hops":[{"ttl":1,"address":"198.51.100.1","largest_answered":1500,"rtt_ms":6.8}],"ptb":[],"rejections":[],)
            . qq("reverse":{"verdict":"untested","path_mtu":null,"reason":null,"recovered_after_ms":null,"elapsed_ms":null},)
            . qq("findings":[],"advice":[],"check":null,"probes_sent":14,"bytes_sent":14200,"elapsed_ms":62.0,)
            . qq("forward_elapsed_ms":22.0}],"errors":[]}\n);
    }' "$lines" "$bytes" >"$scratch/results.jsonl"
gzip -1 <"$scratch/results.jsonl" >"$scratch/results.jsonl.gz"

# measure FILE : time, processor time and peak memory, from the kernel's own account of the child.
measure() {
    # shellcheck disable=SC2016
    python3 -c '
import os, resource, subprocess, sys, time
begin = time.monotonic()
code = subprocess.run(sys.argv[1:], stdout=open(os.environ["SUMMARY"], "w")).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{time.monotonic() - begin:6.1f} s, processor {used.ru_utime + used.ru_stime:6.1f} s, memory {used.ru_maxrss:7d} KiB, exit {code}")
' "$PMTU_PROBE" --json --merge "$1"
}
export SUMMARY=$scratch/summary.json
for file in "$scratch/results.jsonl" "$scratch/results.jsonl.gz"; do
    printf '%-17s %5d MB: ' "${file##*/}" $(($(stat -c %s "$file") / 1000000))
    measure "$file"
    # Every target is in the summary, and every row is there.
    python3 - "$SUMMARY" "$lines" <<'END'
import json, sys
summary = json.load(open(sys.argv[1]))
lines = int(sys.argv[2])
assert summary["targets"] == summary["addresses"] == lines, (summary["targets"], summary["addresses"])
holes = [row for row in summary["rows"] if row["verdict"] == "black_hole"]
assert len(holes) == min(20, (lines + 12) // 20) and sum(row["targets"] for row in holes) == (lines + 12) // 20, len(holes)
END
done
