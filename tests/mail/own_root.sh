#!/usr/bin/env bash
# own_root.sh ROOT MAIL LOGS SERVERS NAME [TLS [SETTINGS]] : runs a mail server that was unpacked and not installed. Its root is ROOT: the
# machine's programs and libraries, users and settings of its own, MAIL for what it receives, LOGS for what it notes. With TLS, the
# folder of a key and a chain of certificates, it offers STARTTLS. SETTINGS, a folder, has files that replace those in /etc. To be run
# in a mount namespace of its own.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$1 mail=$2 logs=$3 servers=$4 name=$5 tls=${6:-} settings=${7:-}

mount -t tmpfs tmpfs "$root"
cd "$root"
mkdir -p usr dev proc etc/exim4 etc/tls mail logs servers tmp run var/spool/exim4 var/spool/smtpd var/lib/opensmtpd/empty
chmod 1777 tmp
chmod 711 var/spool/smtpd
ln -s /run var/run
mount --rbind /usr usr
for folder in bin sbin lib lib32 lib64; do
    if [[ -L /$folder ]]; then
        cp -a "/$folder" "$folder"
    elif [[ -d /$folder ]]; then
        mkdir "$folder"
        mount --rbind "/$folder" "$folder"
    fi
done
mount --rbind /dev dev
mount -t proc proc proc 2>/dev/null || mount --rbind /proc proc
mount --bind "$mail" mail
mount --bind "$logs" logs
mount --bind "$servers" servers
# Exim runs itself again as root for each delivery.
install -m 4755 "$servers/usr/sbin/exim4" exim4
# OpenSMTPD looks for its helpers here and nowhere else.
mount -t tmpfs tmpfs usr/libexec
mkdir usr/libexec/opensmtpd
mount --bind "$servers/usr/libexec/opensmtpd" usr/libexec/opensmtpd

cat >etc/passwd <<'END'
root:x:0:0:root:/:/bin/sh
nobody:x:65534:65534:nobody:/mail:/bin/sh
Debian-exim:x:901:901:exim:/var/spool/exim4:/bin/sh
opensmtpd:x:902:902:smtpd:/var/lib/opensmtpd/empty:/bin/sh
opensmtpq:x:903:903:smtpd queue:/var/lib/opensmtpd/empty:/bin/sh
END
cat >etc/group <<'END'
root:x:0:
mail:x:8:
nogroup:x:65534:
Debian-exim:x:901:
opensmtpd:x:902:
opensmtpq:x:903:
END
echo '127.0.0.1 localhost mx.example.com' >etc/hosts
echo 'hosts: files' >etc/nsswitch.conf
chown 901:901 var/spool/exim4 logs

exim_tls='tls_advertise_hosts =' smtpd_tls='' smtpd_pki=''
if [[ -n $tls ]]; then
    cp "$tls/chain.pem" etc/tls/chain.pem
    # Each of the two takes a key that it alone can read.
    install -o 901 -m 400 "$tls/key.pem" etc/tls/exim.pem
    install -m 600 "$tls/key.pem" etc/tls/key.pem
    exim_tls=$(printf '%s\n' 'tls_advertise_hosts = *' 'tls_certificate = /etc/tls/chain.pem' 'tls_privatekey = /etc/tls/exim.pem')
    smtpd_pki=$(printf '%s\n' 'pki mx.example.com cert "/etc/tls/chain.pem"' 'pki mx.example.com key "/etc/tls/key.pem"')
    smtpd_tls=' tls pki mx.example.com'
    cc -shared -fPIC -o opensmtpd_keys.so "$here/opensmtpd_keys.c"
fi

cat >etc/exim4/exim4.conf <<END
primary_hostname = mx.example.com
exim_path = /exim4
log_file_path = /logs/%slog
log_selector = +smtp_connection +smtp_no_mail +tls_cipher
host_lookup =
$exim_tls
keep_environment =
rfc1413_query_timeout = 0s
acl_smtp_rcpt = accept_all
acl_smtp_data = accept_all
begin acl
accept_all:
  accept
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
cat >etc/smtpd.conf <<END
$smtpd_pki
table users { "@" = "nobody" }
listen on 0.0.0.0$smtpd_tls
listen on ::$smtpd_tls
action "box" maildir "/mail/box" virtual <users>
match from any for any action "box"
END

foreground=-d
if [[ -n $settings ]]; then
    cp -r "$settings/." etc
    foreground=-F
fi

case $name in
    # With settings they also send: Exim looks after its queue as often as Debian's does, and OpenSMTPD writes to syslog.
    exim) command=(/exim4 -bdf ${settings:+-q30m} -oX 25) ;;
    opensmtpd) command=(/usr/bin/env ${tls:+LD_PRELOAD=/opensmtpd_keys.so} /servers/usr/sbin/smtpd "$foreground" -f /etc/smtpd.conf) ;;
    *) echo "unknown mail server: $name" >&2 && exit 3 ;;
esac
exec chroot . "${command[@]}"
