//! Systems other than plain Linux, as data. Names in capitals are for the reader to fill in; docs/systems.md has the same table.

use crate::model::Family;

/// One kind of system, and where its makers say so.
pub(super) struct System {
    pub(super) name: &'static str,
    /// What makes a router send the message.
    pub(super) send: Lines,
    /// What makes a firewall let it pass.
    pub(super) pass: Lines,
    /// What lowers the MSS of what it forwards: `{mss}`, `{over}` is one more, `{mtu}` the size of the packet.
    pub(super) clamp: Lines,
    pub(super) sources: &'static [&'static str],
}

/// Lines to type, or comments that say where to click.
pub(super) struct Lines {
    pub(super) v4: &'static [&'static str],
    pub(super) v6: &'static [&'static str],
}

impl Lines {
    const NONE: Self = Self { v4: &[], v6: &[] };

    const fn both(lines: &'static [&'static str]) -> Self {
        Self { v4: lines, v6: lines }
    }

    pub(super) fn of(&self, family: Family) -> &'static [&'static str] {
        match family {
            Family::V4 => self.v4,
            Family::V6 => self.v6,
        }
    }
}

/// The likeliest first.
pub(super) const OTHERS: &[System] = &[FIREWALLD, OPENWRT, OPNSENSE, MIKROTIK, IOS, ASA, FORTIGATE, AWS, AZURE, GOOGLE];

const FIREWALLD: System = System {
    name: "firewalld",
    send: Lines::NONE,
    pass: Lines {
        v4: &[
            "firewall-cmd --list-all-zones | grep -E '^[^ ]|icmp-block'",
            "firewall-cmd --zone=ZONE --remove-icmp-block=destination-unreachable --remove-icmp-block=fragmentation-needed",
        ],
        v6: &[
            "firewall-cmd --list-all-zones | grep -E '^[^ ]|icmp-block'",
            "firewall-cmd --zone=ZONE --remove-icmp-block=packet-too-big",
        ],
    },
    // Its own tcp-mss-clamp stands behind the accept for established connections: no SYN-ACK meets it (firewalld 1.3.3).
    clamp: Lines {
        v4: &[
            "firewall-cmd --direct --add-rule ipv4 mangle FORWARD 0 -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss {mss}",
            "firewall-cmd --permanent --direct --add-rule ipv4 mangle FORWARD 0 -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss {mss}",
            "# undo: the same two with --remove-rule",
        ],
        v6: &[
            "firewall-cmd --direct --add-rule ipv6 mangle FORWARD 0 -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss {mss}",
            "firewall-cmd --permanent --direct --add-rule ipv6 mangle FORWARD 0 -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss {mss}",
            "# undo: the same two with --remove-rule",
        ],
    },
    sources: &[
        "https://firewalld.org/documentation/man-pages/firewall-cmd.html",
        "https://firewalld.org/documentation/man-pages/firewalld.direct.html",
    ],
};

const OPENWRT: System = System {
    name: "OpenWrt",
    send: Lines::NONE,
    pass: Lines::NONE,
    clamp: Lines::both(&[
        "uci show firewall | grep -E 'zone.*(name|mtu_fix)'",
        "uci set firewall.@zone[1].mtu_fix=1   # zone 1 is wan as delivered",
        "uci commit firewall; service firewall restart",
    ]),
    sources: &["https://openwrt.org/docs/guide-user/firewall/firewall_configuration"],
};

const OPNSENSE: System = System {
    name: "OPNsense or pfSense",
    send: Lines::NONE,
    pass: Lines {
        v4: &["# Firewall > Rules > INTERFACE, at the top: pass, protocol ICMP, type Destination Unreachable"],
        v6: &["# Firewall > Rules > INTERFACE, at the top: pass, protocol IPv6-ICMP, type Packet Too Big"],
    },
    clamp: Lines::both(&["# Interfaces > WAN > MSS: {mtu} (the field takes off 40, in IPv6 60, by itself)"]),
    sources: &["https://docs.opnsense.org/manual/firewall_scrub.html", "https://github.com/opnsense/core/issues/9398"],
};

const MIKROTIK: System = System {
    name: "MikroTik",
    send: Lines {
        v4: &[
            "/ip firewall filter add chain=output protocol=icmp icmp-options=3:4 action=accept place-before=0 comment=pmtu-probe",
        ],
        v6: &[
            "/ipv6 firewall filter add chain=output protocol=icmpv6 icmp-options=2:0 action=accept place-before=0 comment=pmtu-probe",
        ],
    },
    pass: Lines {
        v4: &[
            "/ip firewall filter add chain=forward protocol=icmp icmp-options=3:4 action=accept place-before=0 comment=pmtu-probe",
            "# undo: /ip firewall filter remove [find comment=pmtu-probe]",
        ],
        v6: &[
            "/ipv6 firewall filter add chain=forward protocol=icmpv6 icmp-options=2:0 action=accept place-before=0 comment=pmtu-probe",
            "# undo: /ipv6 firewall filter remove [find comment=pmtu-probe]",
        ],
    },
    clamp: Lines {
        v4: &[
            "/ip firewall mangle add chain=forward protocol=tcp tcp-flags=syn tcp-mss={over}-65535 action=change-mss new-mss={mss} passthrough=yes comment=pmtu-probe",
            "# undo: /ip firewall mangle remove [find comment=pmtu-probe]",
        ],
        v6: &[
            "/ipv6 firewall mangle add chain=forward protocol=tcp tcp-flags=syn tcp-mss={over}-65535 action=change-mss new-mss={mss} passthrough=yes comment=pmtu-probe",
            "# undo: /ipv6 firewall mangle remove [find comment=pmtu-probe]",
        ],
    },
    sources: &["https://manual.mikrotik.com/docs/firewall-and-quality-of-service/firewall/mangle"],
};

const IOS: System = System {
    name: "Cisco IOS",
    send: Lines {
        v4: &[
            "show ip interface | include line protocol|unreachables|access list",
            "interface INTERFACE",
            " ip unreachables",
            "no ip icmp rate-limit unreachable df",
        ],
        v6: &["show ipv6 interface | include line protocol|unreachables|access list"],
    },
    pass: Lines {
        v4: &["ip access-list extended LIST", " 1 permit icmp any any packet-too-big"],
        v6: &["ipv6 access-list LIST", " sequence 1 permit icmp any any packet-too-big"],
    },
    clamp: Lines {
        v4: &["interface INTERFACE", " ip tcp adjust-mss {mss}"],
        v6: &["interface INTERFACE", " ipv6 tcp adjust-mss {mss}"],
    },
    sources: &[
        "https://www.cisco.com/c/en/us/support/docs/ip/generic-routing-encapsulation-gre/25885-pmtud-ipfrag.html",
        "https://www.cisco.com/en/US/docs/ios-xml/ios/ipapp/command/iap-i2.html",
    ],
};

const ASA: System = System {
    name: "Cisco ASA",
    send: Lines { v4: &["icmp unreachable rate-limit 100 burst-size 1"], v6: &[] },
    pass: Lines {
        v4: &["show running-config access-group", "access-list LIST line 1 extended permit icmp any any unreachable"],
        v6: &[
            "show running-config access-group",
            "access-list LIST line 1 extended permit icmp6 any any packet-too-big",
        ],
    },
    clamp: Lines::both(&["sysopt connection tcpmss {mss}", "# undo: no sysopt connection tcpmss"]),
    sources: &[
        "https://www.manualslib.com/manual/1531207/Cisco-Asa-Series.html?page=55",
        "https://community.cisco.com/t5/networking-documents/telnet-session-to-fwsm-module-disconnects-due-to-mtu-size-issues/ta-p/3107751",
    ],
};

const FORTIGATE: System = System {
    name: "FortiGate",
    send: Lines { v4: &["config system global", "set honor-df enable", "end"], v6: &[] },
    pass: Lines {
        v4: &["diagnose sniffer packet any 'icmp[0]=3 and icmp[1]=4' 4"],
        v6: &["diagnose sniffer packet any 'icmp6 and ip6[40]=2' 4"],
    },
    clamp: Lines::both(&[
        "config firewall policy",
        "edit ID",
        "set tcp-mss-sender {mss}",
        "set tcp-mss-receiver {mss}",
        "end",
    ]),
    sources: &[
        "https://community.fortinet.com/t5/FortiGate/Technical-Tip-Setting-TCP-MSS-value/ta-p/194518",
        "https://docs.fortinet.com/document/fortigate/7.0.0/administration-guide/596096/interface-mtu-packet-size",
    ],
};

const AWS: System = System {
    name: "AWS",
    send: Lines::NONE,
    pass: Lines {
        v4: &[
            "aws ec2 authorize-security-group-ingress --group-id GROUP --ip-permissions IpProtocol=icmp,FromPort=3,ToPort=4,IpRanges='[{CidrIp=0.0.0.0/0}]'",
            "# undo: aws ec2 revoke-security-group-ingress --group-id GROUP --ip-permissions IpProtocol=icmp,FromPort=3,ToPort=4,IpRanges='[{CidrIp=0.0.0.0/0}]'",
        ],
        v6: &[
            "aws ec2 authorize-security-group-ingress --group-id GROUP --ip-permissions IpProtocol=icmpv6,FromPort=2,ToPort=0,Ipv6Ranges='[{CidrIpv6=::/0}]'",
            "# undo: aws ec2 revoke-security-group-ingress --group-id GROUP --ip-permissions IpProtocol=icmpv6,FromPort=2,ToPort=0,Ipv6Ranges='[{CidrIpv6=::/0}]'",
        ],
    },
    clamp: Lines::NONE,
    sources: &[
        "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/network_mtu.html",
        "https://docs.aws.amazon.com/vpc/latest/userguide/path_mtu_discovery.html",
    ],
};

const AZURE: System = System {
    name: "Azure",
    send: Lines::NONE,
    pass: Lines {
        v4: &[
            "az network nsg rule create -g GROUP --nsg-name NSG -n pmtu-probe --priority 100 --direction Inbound --access Allow --protocol Icmp --source-address-prefixes '*' --destination-address-prefixes '*' --destination-port-ranges '*'",
            "# undo: az network nsg rule delete -g GROUP --nsg-name NSG -n pmtu-probe",
        ],
        v6: &[],
    },
    clamp: Lines::NONE,
    sources: &["https://learn.microsoft.com/en-us/cli/azure/network/nsg/rule"],
};

const GOOGLE: System = System {
    name: "Google Cloud",
    send: Lines::NONE,
    pass: Lines {
        v4: &[
            "gcloud compute firewall-rules create pmtu-probe --network NETWORK --direction INGRESS --action ALLOW --rules icmp --source-ranges 0.0.0.0/0 --priority 0",
            "# undo: gcloud compute firewall-rules delete pmtu-probe",
        ],
        v6: &[
            "gcloud compute firewall-rules create pmtu-probe-v6 --network NETWORK --direction INGRESS --action ALLOW --rules 58 --source-ranges ::/0 --priority 0",
            "# undo: gcloud compute firewall-rules delete pmtu-probe-v6",
        ],
    },
    clamp: Lines::NONE,
    sources: &[
        "https://docs.cloud.google.com/vpc/docs/mtu",
        "https://docs.cloud.google.com/firewall/docs/using-firewalls",
    ],
};
