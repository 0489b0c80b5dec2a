# The million of many.sh: a long list that is killed and resumed, and what is checked of it. To be sourced, not run: it uses the network of
# many.sh.
# shellcheck shell=bash disable=SC2154

# million_of COUNT : as many addresses of three kinds in turns: clear, behind the hole, clear, behind the router that tells.
million_of() {
    awk -v n="$1" 'BEGIN {
        split("128 144 128 160", network)
        for (i = 0; i < n; i++) {
            j = i % 2 ? int(i / 4) : i / 2
            printf "10.%d.%d.%d\n", network[i % 4 + 1] + int(j / 64000), int(j / 250) % 256, j % 250 + 1
        }
    }'
}

# check_million SUMMARY... : each target of the list has exactly one line, with the verdict that its address says, and each of the summaries
# counts what the lines hold: what the run says at its end, and what --merge says. On a busy machine a run may be unable to tell, of one
# target in a thousand at most.
check_million() {
    python3 - "$scratch/list" "$scratch/results" "$@" <<'END'
import collections, json, re, sys

VERDICTS = {8: ("clear", 1500), 9: ("black_hole", 1400), 10: ("discoverable", 1400)}
wanted = set(line.rstrip("\n") for line in open(sys.argv[1]))
count, wrong, found, size = len(wanted), [], collections.Counter(), 0
for line in open(sys.argv[2], "rb"):
    size += len(line)
    document = json.loads(line)
    target, [address] = document["target"], document["addresses"]
    says = (address["verdict"], address["path_mtu"])
    found[says[0]] += 1
    if target not in wanted or says[0] != "inconclusive" and says != VERDICTS[int(target.split(".")[1]) // 16]:
        wrong.append(f"{target}: {says}")
    wanted.discard(target)
lines = sum(found.values())
assert lines == count and not wanted, f"{count} targets, {lines} lines, {len(wanted)} targets without one"
assert not wrong and found["inconclusive"] <= count / 1000, f"{found} of {count}, {len(wrong)} wrong: {wrong[:3]}"
for name in sys.argv[3:]:
    text = open(name).read()
    counted = collections.Counter()
    if text.startswith("{"):
        merged = json.loads(text)
        assert merged["targets"] == merged["addresses"] == count and merged["exit_code"] == 2, name
        for row in merged["rows"]:
            counted[row["verdict"]] += row["targets"]
    else:
        total, kinds = re.search(r"^(\d+) targets: (.*)$", text, re.MULTILINE).groups()
        assert int(total) == count, total
        counted.update({kind.split(" ", 1)[1].replace(" ", "_"): int(kind.split()[0]) for kind in kinds.split(", ")})
    assert +counted == +found, f"{name}: {counted} in place of {found}"
print(f"{lines} lines of {size // lines} bytes, each target once, all verdicts right:", dict(found))
END
}

# row_of_million WHAT TARGETS MILLISECONDS PROCESSOR KIB
row_of_million() {
    awk -v what="$1" -v n="$2" -v ms="$3" -v busy="$4" -v kib="$5" 'BEGIN {
        printf "%-26s %8d %9.1f s %8.3f ms %8.3f ms %7d KiB\n", what, n, ms / 1000, ms / n, busy / n, kib
    }'
}

million() {
    local count=${PMTU_MANY:-1000000} size wall busy peak code kill moment held=0 lines sum=0 work=0 highest=0 status=0
    local small=$((count > 500000 ? count / 100 : count > 10000 ? 5000 : count / 2)) whole=0 whole_work=0 first_peak=0
    printf '%-26s %8s %11s %11s %11s %11s\n' '' targets time 'per target' processor memory
    for size in "$small" $((count / 10)) "$count"; do
        [[ $size -ge $small ]] || continue
        million_of "$size" >"$scratch/list"
        rm -f "$scratch/results"
        sum=0 work=0 highest=0
        if [[ $size -eq $count ]]; then
            # The moments lie in the first half, so that what comes last is a long run.
            for ((kill = 1; kill <= ${kills:=4}; kill++)); do
                moment=$((1000 + whole * count * (4096 + RANDOM / 2) / 32768 / small / kills))
                kill_options=(--kill-after-ms "$moment")
                million_piece || true
                lines=$(wc -l 2>/dev/null <"$scratch/results" || echo 0)
                row_of_million "killed, $lines lines" "$((lines - held > 0 ? lines - held : 1))" "$wall" "$busy" "$peak"
                [[ $lines -ge $held ]] || { say "lines were lost" && return 1; }
                held=$lines
            done
            kill_options=()
        fi
        million_piece
        [[ $held -eq 0 ]] || row_of_million 'the rest' $((count - held)) "$wall" "$busy" "$peak"
        [[ $code -eq 2 ]] || { say "exit $code in place of 2" && status=1; }
        [[ $held -ne 0 ]] || check_million "$scratch/words" >&2 || status=1
        row_of_million 'all' "$size" "$sum" "$work" "$highest"
        ((whole > 0)) || whole=$sum whole_work=$work first_peak=$highest
    done
    million_piece
    row_of_million '--resume, nothing left' "$count" "$wall" "$busy" "$peak"
    "$PMTU_LAB" measure --to "$scratch/measured" -- "$PMTU_PROBE" --json --merge "$scratch/results" >"$scratch/merged" || true
    read_measured
    row_of_million '--merge' "$count" "$wall" "$busy" "$peak"
    check_million "$scratch/words" "$scratch/merged" || status=1
    # Of short lists, chance decides: how many run at a time, and what a kill costs.
    ((count >= 100000)) || return $status
    if ((highest > first_peak + count * 12 / 1024 + 3072)); then say "memory is not flat" && status=1; fi
    # Not by the clock, which depends on what else the machine does.
    if ((2 * work * small > 3 * whole_work * count)); then say "a target takes more work than in a short list" && status=1; fi
    return $status
}

read_measured() {
    local user system
    read -r wall user system peak code <"$scratch/measured"
    busy=$((user + system))
}

# Goes on with the results: sets "wall", "busy", "peak" and "code", and adds to "sum", "work" and "highest".
million_piece() {
    probe "$scratch/list" --rate "${rate:-0}" --jsonl "$scratch/results" --resume "$scratch/results" >"$scratch/words" 2>&1 || true
    read_measured
    sum=$((sum + wall)) work=$((work + busy)) highest=$((highest > peak ? highest : peak))
}
