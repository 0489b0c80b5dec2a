#!/usr/bin/env bash
# real-logs.sh [FOLDER] : makes the logs of tests/logs/real anew, or puts them in FOLDER. A real Postfix, Exim and OpenSMTPD send mails of
# 1 kB to 1 MB over a silent hole, each with the time limits that it comes with, once plain and once with STARTTLS, and each of them
# receives as well. Takes 22 minutes, nearly all of it waiting: their time limits are that long. Needs root.
#
#   c, four hosts that send               s, three hosts that receive, each at two addresses
#   10.0.1.11  mail1  Postfix             10.0.4.11, 10.0.4.21  mx1, mx4  Postfix
#   10.0.1.12  mail2  Exim                10.0.4.12, 10.0.4.22  mx2, mx5  Exim
#   10.0.1.13  mail3  OpenSMTPD           10.0.4.13, 10.0.4.23  mx3, mx6  OpenSMTPD
#   10.0.1.14  mail4  Postfix
#
# r2 has a small link to mx1, mx2 and mx3, and says nothing when a packet does not fit: to them the path has a hole, to mx4, mx5 and mx6
# it has none. What mail4 sends takes another way around the small link. So of each receiver mail1 to mail3 are behind the hole, and
# mail4 is not.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib.sh
source "$here/lib.sh"

folder=${1:-$LAB_REPOSITORY/tests/logs/real}
# For a look at the script itself: nothing has timed out by then.
seconds=${PMTU_REAL_LOGS_SECONDS:-1260}

is_root || die "real mail servers need root (sudo)"
require_mail_servers
require_labs
require_cmd curl openssl cc
find_lab_program

senders=([11]=postfix [12]=exim [13]=opensmtpd [14]=postfix)
receivers=([11]=postfix [12]=exim [13]=opensmtpd)
# The domain of each relay, by the last byte of its address.
domains=([11]=birch [12]=cedar [13]=dogwood [21]=elm [22]=fir [23]=hazel)
passes=1400
sizes=(1000 3000 10000 20000 60000 200000 1000000)
small=600
# When another small mail is sent to each relay, in seconds since the first.
small_at=(15 120 400 800)

scratch=$(mktemp -d)
chmod 755 "$scratch"
kinds=(plain starttls)
lab_of() { echo "real-logs-$1-$$"; }
in_node() { "$PMTU_LAB" exec "$(lab_of "$1")" "${@:2}"; }

sending=()
tear_down() {
    local kind
    [[ ${#sending[@]} -eq 0 ]] || kill "${sending[@]}" 2>/dev/null || true
    for kind in "${kinds[@]}"; do "$PMTU_LAB" down "$(lab_of "$kind")" 2>/dev/null || true; done
    wait
    rm -rf "$scratch"
}
trap tear_down EXIT
trap 'exit 1' INT TERM HUP

# OpenSMTPD writes to syslog alone, so a syslog there has to be: Debian's own, unpacked like the servers.
unpack_syslog() {
    local packages=(rsyslog libestr0 libfastjson4) package
    syslog=$(target_dir)/rsyslog
    [[ ! -x $syslog/usr/sbin/rsyslogd ]] || return 0
    say "unpacking ${packages[*]} in $syslog"
    mkdir "$scratch/packages"
    download "$scratch/packages" "${packages[@]}" || { apt-get update -q >/dev/null && download "$scratch/packages" "${packages[@]}"; } || die "cannot download ${packages[*]}"
    for package in "$scratch"/packages/*.deb; do dpkg -x "$package" "$syslog"; done
}

# The lab, with all addresses and names, and the hole.
dig_a_hole() {
    local kind=$1 id last hosts
    id=$(lab_of "$kind")
    "$PMTU_LAB" up clear v4 --id "$id" --mx none --owner $$ >/dev/null
    hosts=${PMTU_LAB_STATE:-/run/pmtu-lab}/$id/hosts
    echo '127.0.0.1 localhost' >"$hosts"
    for last in "${!senders[@]}"; do
        in_node "$kind" c ip address add "10.0.1.$last/24" dev e1
        # Postfix looks for the addresses that it is to listen at.
        in_node "$kind" c ip address add "127.0.0.$last/8" dev lo
        echo "10.0.1.$last mail$((last - 10)).example.com" >>"$hosts"
    done
    for last in "${!domains[@]}"; do
        in_node "$kind" s ip address add "10.0.4.$last/24" dev e0
        echo "10.0.4.$last $(relay_name "$last")" >>"$hosts"
    done
    in_node "$kind" r2 bash -euc "
        ip route add default via 10.0.3.2 table 100
        ip rule add from 10.0.1.14 table 100
        nft add table inet silence
        nft add chain inet silence output '{ type filter hook output priority 0; }'
        nft add rule inet silence output icmp type destination-unreachable icmp code 4 drop"
    for last in "${!receivers[@]}"; do in_node "$kind" r2 ip route add "10.0.4.$last/32" via 10.0.3.2 mtu "$passes"; done
    require_hole "$kind"
}

relay_name() {
    local number=$(($1 < 20 ? $1 - 10 : $1 - 17))
    echo "mx$number.example.net"
}

# The labels say what this proves, before any mail is sent.
require_hole() {
    local kind=$1 last is_through
    for last in "${!domains[@]}"; do
        can_ping "$kind" 11 "$last" "$passes" || die "$passes bytes do not pass to 10.0.4.$last"
        can_ping "$kind" 14 "$last" 1500 || die "1500 bytes of mail4 do not pass to 10.0.4.$last"
        if can_ping "$kind" 11 "$last" 1500; then is_through=1; else is_through=0; fi
        [[ $is_through -eq $((last > 20)) ]] || die "the path to 10.0.4.$last is not as it should be"
    done
}

can_ping() { in_node "$1" c ping -q -c 1 -W 1 -M "do" -s "$(($4 - 28))" -I "10.0.1.$2" "10.0.4.$3" >/dev/null 2>&1; }

# start KIND NODE LAST SERVER : one host. Its folder gets its log.
start() {
    local kind=$1 node=$2 last=$3 server=$4 host tls=''
    host=$scratch/$kind/$node$last
    mkdir -p "$host"
    if [[ $kind == starttls ]]; then tls=$scratch/$kind/tls; fi
    in_node "$kind" "$node" unshare --uts --mount "$here/real-host.sh" "$host" "$node" "$last" "$server" "$PMTU_MAIL_SERVERS" "$syslog" "$tls" \
        >"$host/output" 2>&1 &
    (wait_for 20 "$server on $node, $kind" listens "$kind" "$node" "$last") || { tail -n 5 "$host"/{output,mail.log} "$host"/logs/* >&2 && exit 1; }
}

listens() {
    local address=10.0.4.$3
    if [[ $2 == c ]]; then address=127.0.0.$3; fi
    in_node "$1" "$2" ss -Hltn "src $address and sport = :25" | grep -q .
}

# A mail of so many bytes, in lines.
message() {
    local header
    header=$(printf 'From: admin@example.com\r\nTo: someone@example.net\r\nSubject: %s bytes\r\nMessage-ID: <%s@example.com>' "$1" "$RANDOM$RANDOM$RANDOM")
    printf '%s\r\n\r\n' "$header"
    head -c "$(($1 - ${#header} - 4))" /dev/zero | tr '\0' x | fold -w 70 | sed 's/$/\r/'
}

# submit KIND SIZE : one mail from each sender to each relay.
submit() {
    local kind=$1 size=$2 mail sender last
    mail=$scratch/$kind/mail-$size-$SECONDS
    message "$size" >"$mail"
    for sender in "${!senders[@]}"; do
        for last in "${!domains[@]}"; do
            in_node "$kind" c curl -sS --url "smtp://127.0.0.$sender/client.example.com" --mail-from admin@example.com \
                --mail-rcpt "bytes$size@${domains[$last]}.example.net" --upload-file "$mail" >/dev/null ||
                say "not submitted: $size bytes to 10.0.4.$last by $sender, $kind"
        done
    done
}

# In short naps, which end soon if the script does.
sleep_until() { while ((SECONDS < $1)); do sleep 1; done; }

send_all() {
    local kind=$1 begin=$SECONDS size at
    submit "$kind" "$small"
    sleep 5
    for size in "${sizes[@]}"; do submit "$kind" "$size"; done
    for at in "${small_at[@]}"; do
        ((at < seconds)) || break
        sleep_until $((begin + at))
        submit "$kind" "$small"
    done
    sleep_until $((begin + seconds))
}

# Debian's version of a server. What was only unpacked is not known to dpkg.
version_of() {
    local package=$1
    case $1 in
        postfix) dpkg-query -W -f '${Version}' postfix && return ;;
        exim) package=exim4-daemon-light ;;
    esac
    gzip -dc "$PMTU_MAIL_SERVERS/usr/share/doc/$package"/changelog.Debian*.gz | sed -n '1s/.*(\(.*\)).*/\1/p'
}

# keep KIND NODE LAST NAME : the log, and its labels: who is behind the hole, by how the path was built.
keep() {
    local kind=$1 node=$2 last=$3 file=$folder/$4-$1.log server=${senders[$3]} other
    install -m 644 "$scratch/$kind/$node$last/log" "$file"
    {
        echo "# written by $server $(version_of "$server") itself with its own time limits, $kind; made by netns-scripts/real-logs.sh"
        echo "# what the path is, direction of the mail, peer, why"
        if [[ $node == c ]]; then
            for other in "${!domains[@]}"; do label out "10.0.4.$other" $((other < 20)); done
        else
            for other in "${!senders[@]}"; do label in "10.0.1.$other" $((other < 14)); done
        fi
    } >"$file.labels"
}

# label DIRECTION PEER IS_BEHIND_THE_HOLE
label() {
    local way=to
    if [[ $1 == in ]]; then way=from; fi
    if (($3)); then
        printf 'hole      %-3s %s  packets above %s bytes vanish on the way %s it\n' "$1" "$2" "$passes" "$way"
    else
        printf 'innocent  %-3s %s  all packets pass\n' "$1" "$2"
    fi
}

unpack_syslog
for kind in "${kinds[@]}"; do
    mkdir "$scratch/$kind"
    bash "$LAB_REPOSITORY/tests/mail/chain.sh" "$scratch/$kind/tls" ordinary
    dig_a_hole "$kind"
    for last in "${!receivers[@]}"; do start "$kind" s "$last" "${receivers[$last]}"; done
    for last in "${!senders[@]}"; do start "$kind" c "$last" "${senders[$last]}"; done
done
say "mail is on its way; the logs are complete in $((seconds / 60)) minutes"
for kind in "${kinds[@]}"; do
    send_all "$kind" &
    sending+=("$!")
done
wait "${sending[@]}"
mkdir -p "$folder"
for kind in "${kinds[@]}"; do
    for last in "${!receivers[@]}"; do
        keep "$kind" c "$last" "${senders[$last]}"
        keep "$kind" s "$last" "${receivers[$last]}-receives"
    done
done
say "the logs are in $folder"
