//! Hosts that the real systems configure: how each is set up, and what a restart of it does.

/// What configures this host.
pub(crate) struct System {
    pub(crate) name: &'static str,
    /// How its advice that lasts begins. Empty: nothing lasts.
    pub(crate) keeps: &'static str,
    pub(crate) setup: &'static str,
    /// A restart of the host: what acts now is lost, and what is in the files acts.
    pub(crate) restart: &'static str,
    /// Files that the undo leaves as they were.
    pub(crate) files: &'static str,
}

pub(crate) const NFTABLES: System = System {
    name: "nftables.service",
    keeps: "# to keep it, by nftables:",
    setup: "printf '%s\\n' '#!/usr/sbin/nft -f' '' 'flush ruleset' '' 'table inet filter {' '\tchain input {' \
            '\t\ttype filter hook input priority filter;' '\t}' '}' >/etc/nftables.conf
            mkdir -p /etc/systemd/system/sysinit.target.wants
            ln -sf /lib/systemd/system/nftables.service /etc/systemd/system/sysinit.target.wants/nftables.service
            nft -f /etc/nftables.conf",
    restart: "nft flush ruleset; nft -f /etc/nftables.conf",
    files: "/etc/nftables.conf",
};

pub(crate) const NETFILTER_PERSISTENT: System = System {
    name: "netfilter-persistent",
    keeps: "# to keep it, by saved iptables rules:",
    setup: "mkdir -p /etc/iptables /etc/systemd/system/multi-user.target.wants
            ln -sf /lib/systemd/system/netfilter-persistent.service /etc/systemd/system/multi-user.target.wants/
            for tables in iptables ip6tables; do $tables -t mangle -A INPUT -j RETURN; $tables -t mangle -D INPUT -j RETURN; done
            netfilter-persistent save",
    restart: "nft flush ruleset; netfilter-persistent start",
    files: "/etc/iptables/rules.v4 /etc/iptables/rules.v6",
};

pub(crate) const UFW: System = System {
    name: "ufw",
    keeps: "# to keep it, by ufw:",
    setup: "ufw --force enable",
    restart: "nft flush ruleset; /lib/ufw/ufw-init force-reload",
    files: "/etc/ufw/before.rules /etc/ufw/before6.rules",
};

pub(crate) const FIREWALLD: System = System {
    name: "firewalld",
    keeps: "# to keep it, by firewalld:",
    setup: "start_bus
            firewalld --nofork >/run/firewalld.log 2>&1 &
            patiently firewall-cmd --state
            # It writes this file with the first rule, and keeps it then, empty.
            firewall-cmd --permanent --direct --add-rule ipv4 filter INPUT 0 -j RETURN
            firewall-cmd --permanent --direct --remove-rule ipv4 filter INPUT 0 -j RETURN",
    restart: "kill $(cat /run/firewalld.pid)
              while kill -0 $(cat /run/firewalld.pid) 2>/dev/null; do sleep 0.05; done
              nft flush ruleset
              firewalld --nofork >/run/firewalld.log 2>&1 &
              patiently firewall-cmd --state",
    files: "/etc/firewalld/direct.xml",
};

pub(crate) const NETWORKD: System = System {
    name: "systemd-networkd",
    keeps: "# to keep it, by systemd-networkd:",
    setup: "cat >/etc/systemd/network/10-lan.network <<-END
	[Match]
	Name=e1
	[Network]
	Address=10.0.1.1/24
	Address=fd00:0:0:1::1/64
	Gateway=10.0.1.2
	Gateway=fd00:0:0:1::2
	LinkLocalAddressing=ipv6
	IPv6AcceptRA=no
	IPv6DuplicateAddressDetection=0
	END
            cat >/run/start_networkd <<-'END'
	set -eu
	ip address flush dev e1
	ip link set dev e1 mtu 1500 down
	rm -rf /run/systemd/netif
	mkdir -p /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/netif/lldp
	chown -R systemd-network:systemd-network /run/systemd/netif
	/lib/systemd/systemd-networkd >>/run/networkd.log 2>&1 &
	echo $! >/run/networkd.pid
	link=/run/systemd/netif/links/$(cat /sys/class/net/e1/ifindex)
	for i in $(seq 200); do grep -q ADMIN_STATE=configured $link && exit; sleep 0.05; done
	cat /run/networkd.log
	exit 1
	END
            sh /run/start_networkd",
    restart: "kill $(cat /run/networkd.pid)
              while kill -0 $(cat /run/networkd.pid) 2>/dev/null; do sleep 0.05; done
              sh /run/start_networkd",
    files: "$(find /etc/systemd/network -type f)",
};

pub(crate) const NETWORK_MANAGER: System = System {
    name: "NetworkManager",
    keeps: "# to keep it, by NetworkManager:",
    setup: "start_bus
            cat >/etc/NetworkManager/system-connections/lan.nmconnection <<-END
	[connection]
	id=Wired connection 1
	uuid=11111111-2222-3333-4444-555555555555
	type=ethernet
	interface-name=e1
	[ipv4]
	method=manual
	address1=10.0.1.1/24,10.0.1.2
	[ipv6]
	method=manual
	address1=fd00:0:0:1::1/64,fd00:0:0:1::2
	END
            chmod 600 /etc/NetworkManager/system-connections/*
            cat >/run/start_networkmanager <<-'END'
	set -eu
	ip address flush dev e1
	ip link set dev e1 mtu 1500 down
	rm -rf /run/NetworkManager
	NetworkManager --no-daemon >/run/networkmanager.log 2>&1 &
	echo $! >/run/networkmanager.pid
	for i in $(seq 400); do
	    nmcli -g GENERAL.STATE device show e1 2>/dev/null | grep -q '(connected)' && exit
	    sleep 0.05
	done
	cat /run/networkmanager.log
	exit 1
	END
            sh /run/start_networkmanager
            # It writes the profile in its own way when it is changed first.
            nmcli connection modify 'Wired connection 1' connection.autoconnect-priority 0",
    restart: "kill $(cat /run/networkmanager.pid)
              while kill -0 $(cat /run/networkmanager.pid) 2>/dev/null; do sleep 0.05; done
              sh /run/start_networkmanager",
    files: "/etc/NetworkManager/system-connections/lan.nmconnection",
};

pub(crate) const IFUPDOWN: System = System {
    name: "ifupdown",
    keeps: "# to keep it, by ifupdown:",
    setup: "mkdir -p /run/network
            printf '%s\\n' 'auto e1' 'iface e1 inet static' '  address 10.0.1.1/24' '  gateway 10.0.1.2' 'iface e1 inet6 static' \
            '  address fd00:0:0:1::1/64' '  gateway fd00:0:0:1::2' '  dad-attempts 0' >/etc/network/interfaces
            rm -f /etc/network/if-*.d/postfix
            ip address flush dev e1; ip link set e1 down
            ifup e1",
    restart: "ifdown e1; ip link set dev e1 mtu 1500; ifup e1",
    files: "/etc/network/interfaces $(find /etc/network/if-up.d -type f)",
};

pub(crate) const SYSCTL: System = System {
    name: "sysctl",
    keeps: "# to keep it, by a file for sysctl:",
    setup: "true",
    restart: "sysctl -w net.ipv4.tcp_mtu_probing=0
              for file in /etc/sysctl.d/*pmtu-probe*; do [ ! -e $file ] || sysctl -p $file; done",
    files: "$(find /etc/sysctl.d -type f)",
};

/// Nothing is saved there, so the restart is none.
pub(crate) const IPTABLES_ALONE: System =
    System { name: "iptables alone", keeps: "", setup: "rm -f /usr/sbin/nft", restart: "true", files: "" };

/// The same firewalls, which drop the message. What the lab has for that goes.
pub(crate) const UFW_DROPS: System = System {
    setup: "nft flush ruleset
            sed -i '/^# End required lines/a -A ufw-before-input -p icmp --icmp-type destination-unreachable -j DROP' \
            /etc/ufw/before.rules
            ufw --force enable",
    ..UFW
};
pub(crate) const FIREWALLD_DROPS: System = System {
    setup: "nft flush ruleset
            start_bus
            firewalld --nofork >/run/firewalld.log 2>&1 &
            patiently firewall-cmd --state
            firewall-cmd --permanent --direct --add-rule ipv4 filter INPUT 0 -p icmp --icmp-type 3 -j DROP
            firewall-cmd --reload",
    ..FIREWALLD
};
pub(crate) const NETFILTER_PERSISTENT_DROPS: System = System {
    setup: "nft flush ruleset
            mkdir -p /etc/iptables /etc/systemd/system/multi-user.target.wants
            ln -sf /lib/systemd/system/netfilter-persistent.service /etc/systemd/system/multi-user.target.wants/
            iptables -A INPUT -p icmp --icmp-type fragmentation-needed -j DROP
            ip6tables -A INPUT -p ipv6-icmp --icmpv6-type packet-too-big -j DROP
            netfilter-persistent save",
    ..NETFILTER_PERSISTENT
};
pub(crate) const IPTABLES_ALONE_DROPS: System = System {
    setup: "nft flush ruleset
            iptables -A INPUT -p icmp --icmp-type fragmentation-needed -j DROP
            ip6tables -A INPUT -p ipv6-icmp --icmpv6-type packet-too-big -j DROP
            rm -f /usr/sbin/nft",
    ..IPTABLES_ALONE
};
