#!/usr/bin/env bash
# A client, a router and a server, each in a network namespace of its own. The link behind the router takes packets of 1400 bytes,
# those before it 1500: path MTU discovery has to work across the router, or large transfers hang.
#
#   unshare --map-root-user --net --mount path-mtu-check.sh [OPTION OF pmtu-probe...]
#   sudo unshare --net --mount path-mtu-check.sh ...            where user namespaces are not allowed
#
# ROUTER names a script that is run inside the router: the firewall, the VPN or the image that this check is about.
# Everything that it makes ends with it.
set -euo pipefail

# "ip netns" keeps the names here; no other process sees this mount.
mount -t tmpfs tmpfs /run
for node in client router server; do ip netns add "$node"; done
inside() { nsenter --net="/run/netns/$1" -- "${@:2}"; }

ip link add eth0 netns client type veth peer name eth0 netns router
ip link add eth1 netns router type veth peer name eth0 netns server
inside router ip link set eth1 mtu 1400
inside server ip link set eth0 mtu 1400
inside client ip address add 192.0.2.2/24 dev eth0
inside router ip address add 192.0.2.1/24 dev eth0
inside router ip address add 198.51.100.1/24 dev eth1
inside server ip address add 198.51.100.2/24 dev eth0
for node in client router server; do inside "$node" ip link set lo up; done
inside client ip link set eth0 up
inside router ip link set eth0 up
inside router ip link set eth1 up
inside server ip link set eth0 up
inside client ip route add default via 192.0.2.1
inside server ip route add default via 198.51.100.1
inside router sysctl -q -w net.ipv4.ip_forward=1
# A server says what its link takes, which would keep TCP small whatever the router does: this one promises full size.
inside server ip route replace default via 198.51.100.1 advmss 1460

if [[ -n ${ROUTER:-} ]]; then inside router "$ROUTER"; fi

inside server python3 -m http.server 8025 --bind 198.51.100.2 >/dev/null 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
for _ in {1..100}; do
    if inside client bash -c ': </dev/tcp/198.51.100.2/8025' 2>/dev/null; then break; fi
    sleep 0.1
done

status=0
inside client pmtu-probe "$@" 198.51.100.2:8025 || status=$?
exit "$status"
