#!/usr/bin/env bash
# real-host.sh HOST NODE LAST SERVER SERVERS SYSLOG [TLS] : one host of real-logs.sh, with its name, its syslog and its mail server, whose
# time limits are all as it comes. HOST is its folder, which gets the file "log"; NODE is c for one that sends and s for one that
# receives; LAST the last byte of its address. To be run in namespaces of its own for mounts and the host's name.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
host=$1 node=$2 last=$3 server=$4 servers=$5 syslog=$6 tls=${7:-}

if [[ $node == c ]]; then
    name=mail$((last - 10)).example.com
    listens=(127.0.0."$last")
else
    name=mx$((last - 10)).example.net
    listens=(10.0.4."$last" 10.0.4."$((last + 10))")
fi
# Domains that this host takes mail for, and relays that it sends to, in the order of their numbers.
domains=(birch cedar dogwood elm fir hazel)
own=("${domains[$((last - 11))]:-}.example.net" "${domains[$((last - 8))]:-}.example.net")

# /dev/log is this host's alone.
start_syslog() {
    mkdir "$host/dev"
    mount -t tmpfs tmpfs "$host/dev"
    cp -a /dev/{null,zero,full,random,urandom,tty,fd,stdin,stdout,stderr} "$host/dev"
    mount --move "$host/dev" /dev
    cat >"$host/rsyslog.conf" <<END
module(load="imuxsock")
mail.* action(type="omfile" file="$host/mail.log" template="RSYSLOG_FileFormat")
END
    LD_LIBRARY_PATH=$(echo "$syslog"/usr/lib/*-linux-*) "$syslog/usr/sbin/rsyslogd" -f "$host/rsyslog.conf" -i "$host/rsyslog.pid" \
        -M "$(echo "$syslog"/usr/lib/*-linux-*/rsyslog)"
    until [[ -S /dev/log ]]; do sleep 0.01; done
}

run_postfix() {
    mkdir -p "$host"/{etc,spool,data,mail}
    chown 65534:65534 "$host/mail"
    "postfix_$node" >"$host/etc/main.cf"
    # Debian's, without the parts for other transports, and not chrooted: the files of the chroot would be this machine's.
    cat >"$host/etc/master.cf" <<'END'
smtp inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
END
    ln -s mail.log "$host/log"
    mount --bind "$host/etc" /etc/postfix
    mount --bind "$host/spool" /var/spool/postfix
    mount --bind "$host/data" /var/lib/postfix
    chown postfix /var/lib/postfix
    cd /var/spool/postfix
    install -d -o postfix -m 700 active bounce corrupt defer deferred flush hold incoming private saved trace
    install -d -o postfix -g postdrop -m 710 public
    install -d -o postfix -g postdrop -m 730 maildrop
    install -d pid
    exec "$(postconf -h daemon_directory)/master" -d
}

postfix_both() {
    cat <<END
compatibility_level = 3.6
myhostname = $name
mydestination =
alias_maps =
local_recipient_maps =
disable_dns_lookups = yes
smtp_host_lookup = native
inet_protocols = ipv4
inet_interfaces = ${listens[*]}
END
}

postfix_c() {
    local number
    postfix_both
    cat <<END
mynetworks = 127.0.0.0/8
smtp_bind_address = 10.0.1.$last
smtp_tls_security_level = may
transport_maps = inline:{$(for number in {0..5}; do echo -n " { ${domains[$number]}.example.net = smtp:[mx$((number + 1)).example.net] }"; done) }
END
}

postfix_s() {
    postfix_both
    cat <<END
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_auth_destination, reject
virtual_alias_maps =
virtual_mailbox_domains = ${own[*]}
virtual_mailbox_base = $host/mail
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
END
    [[ -z $tls ]] || printf '%s\n' 'smtpd_tls_security_level = may' "smtpd_tls_chain_files = $tls/key.pem, $tls/chain.pem"
}

# The other two are unpacked, not installed, and have a root of their own.
run_unpacked() {
    mkdir -p "$host"/{root,mail,logs,settings/exim4}
    chown 65534:65534 "$host/mail"
    cp /etc/hosts "$host/settings/hosts"
    echo 'smtp 25/tcp' >"$host/settings/services"
    case $server in
        exim) "exim_$node" >"$host/settings/exim4/exim4.conf" && ln -s logs/mainlog "$host/log" ;;
        opensmtpd) "opensmtpd_$node" >"$host/settings/smtpd.conf" && ln -s mail.log "$host/log" ;;
    esac
    exec bash "$here/../tests/mail/own_root.sh" "$host/root" "$host/mail" "$host/logs" "$servers" "$server" "$tls" "$host/settings"
}

# The log selector and the retry rule are Debian's.
exim_both() {
    cat <<END
primary_hostname = $name
exim_path = /exim4
log_file_path = /logs/%slog
log_selector = +smtp_protocol_error +smtp_syntax_error +tls_certificate_verified +tls_peerdn
host_lookup = *
host_lookup_order = byaddr
local_interfaces = <; $(printf '%s; ' "${listens[@]}")
keep_environment =
rfc1413_query_timeout = 0s
smtp_accept_max = 200
acl_smtp_rcpt = accept_all
acl_smtp_data = accept_all
END
    if [[ $node == s && -n $tls ]]; then
        printf '%s\n' 'tls_advertise_hosts = *' 'tls_certificate = /etc/tls/chain.pem' 'tls_privatekey = /etc/tls/exim.pem'
    else
        echo 'tls_advertise_hosts ='
    fi
    cat <<END
begin acl
accept_all:
  accept
begin retry
* * F,2h,15m; G,16h,1h,1.5; F,4d,6h
END
}

exim_c() {
    local number
    exim_both
    cat <<END
begin routers
smarthost:
  driver = manualroute
  transport = remote_smtp
  route_list = $(for number in {0..5}; do echo -n "${domains[$number]}.example.net mx$((number + 1)).example.net byname; "; done)
begin transports
remote_smtp:
  driver = smtp
  interface = 10.0.1.$last
END
}

exim_s() {
    exim_both
    cat <<END
begin routers
box:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  directory = /mail/box
  maildir_format
  user = nobody
  group = nogroup
END
}

opensmtpd_c() {
    local number
    echo "listen on ${listens[0]}"
    for number in {0..5}; do
        echo "action \"${domains[$number]}\" relay src 10.0.1.$last helo $name host smtp://mx$((number + 1)).example.net"
        echo "match from any for domain \"${domains[$number]}.example.net\" action \"${domains[$number]}\""
    done
}

opensmtpd_s() {
    local listen
    [[ -z $tls ]] || printf '%s\n' 'pki mx.example.com cert "/etc/tls/chain.pem"' 'pki mx.example.com key "/etc/tls/key.pem"'
    echo 'table users { "@" = "nobody" }'
    for listen in "${listens[@]}"; do echo "listen on $listen${tls:+ tls pki mx.example.com} hostname $name"; done
    echo 'action "box" maildir "/mail/box" virtual <users>'
    echo 'match from any for any action "box"'
}

hostname "${name%%.*}"
start_syslog
if [[ $server == postfix ]]; then run_postfix; else run_unpacked; fi
