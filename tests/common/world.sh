# A host of its own for what follows: namespaces for mounts and processes, and Debian's packages laid over /usr and /etc without
# being installed. `netns-scripts/systems.sh` unpacks them; their folder is $systems.
#
# Run by root. Everything that is written goes to memory and ends with the namespaces.
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
for folder in usr etc var; do
    mkdir -p "$systems/$folder" "/mnt/$folder/new" "/mnt/$folder/work"
    mount -t overlay overlay -o "lowerdir=$systems/$folder:/$folder,upperdir=/mnt/$folder/new,workdir=/mnt/$folder/work" "/$folder"
done
mount -t tmpfs tmpfs /run
mount -t proc proc /proc
mount -t sysfs -o ro sysfs /sys
ldconfig
for program in dbus-daemon firewalld ufw nmcli netplan ifup netfilter-persistent networkctl perl iptables nft; do
    command -v $program >/dev/null || { echo "no $program, neither installed nor in $systems: rm -r it and run netns-scripts/systems.sh" >&2; exit 8; }
done
