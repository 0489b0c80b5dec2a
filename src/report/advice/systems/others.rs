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
    // As delivered, mtu_fix is on in the zone wan: then it is the MTU of the link that is too large.
    clamp: Lines::both(&[
        "uci show firewall | grep -E 'zone.*(name|mtu_fix)'",
        "uci set firewall.@zone[1].mtu_fix=1   # on as delivered, where zone 1 is wan",
        "uci commit firewall; service firewall restart",
        "# it lowers to the MTU of that link; if that is larger than {mtu}:",
        "uci set network.wan.mtu={mtu}; uci commit network; service network restart",
    ]),
    sources: &[
        "https://github.com/openwrt/openwrt/blob/046191f3a9b6c6707fd7d2f6d7dd85749ce3149d/package/network/config/firewall/files/firewall.config",
        "https://github.com/openwrt/firewall4/blob/20d440f8738f2994908080867772c00b8dce921e/root/usr/share/firewall4/templates/zone-mssfix.uc",
        "https://github.com/openwrt/openwrt/issues/8122",
    ],
};

const OPNSENSE: System = System {
    name: "OPNsense or pfSense",
    send: Lines::NONE,
    pass: Lines {
        v4: &["# Firewall > Rules > INTERFACE, at the top: pass, protocol ICMP, type Destination Unreachable"],
        v6: &["# Firewall > Rules > INTERFACE, at the top: pass, protocol IPv6-ICMP, type Packet Too Big"],
    },
    clamp: Lines::both(&["# Interfaces > WAN > MSS: {mtu} (the field takes off 40, in IPv6 60, by itself)"]),
    sources: &[
        "https://github.com/opnsense/core/issues/9398",
        "https://github.com/pfsense/pfsense/blob/c7839f1569033d925a990a5cd28a11960849373c/src/usr/local/www/interfaces.php",
    ],
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
    sources: &[
        "https://manual.mikrotik.com/docs/firewall-and-quality-of-service/firewall/mangle",
        "https://www.easymanua.ls/mikrotik/routeros-v2-9/manual?p=486",
        "https://pastebin.com/Pmpamr6C",
    ],
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
        v6: &["ipv6 access-list LIST", " permit icmp any any packet-too-big sequence 1"],
    },
    clamp: Lines {
        v4: &["interface INTERFACE", " ip tcp adjust-mss {mss}"],
        v6: &["interface INTERFACE", " ipv6 tcp adjust-mss {mss}"],
    },
    sources: &[
        "https://www.cisco.com/c/en/us/support/docs/ip/generic-routing-encapsulation-gre/25885-pmtud-ipfrag.html",
        "https://www.cisco.com/en/US/docs/ios-xml/ios/ipapp/command/iap-i2.html",
        "https://manualshive.com/en/manual/cisco/catalyst-3750-metro/67620?page=99",
        "https://pastebin.com/K58yh2E1",
    ],
};

const ASA: System = System {
    name: "Cisco ASA",
    send: Lines { v4: &["icmp unreachable rate-limit 100 burst-size 1"], v6: &[] },
    pass: Lines {
        v4: &["show running-config access-group", "access-list LIST line 1 extended permit icmp any any unreachable"],
        v6: &[
            "show running-config access-group",
            "access-list LIST line 1 extended permit icmp6 any6 any6 packet-too-big",
        ],
    },
    clamp: Lines::both(&["sysopt connection tcpmss {mss}", "# undo: no sysopt connection tcpmss"]),
    sources: &[
        "https://www.manualslib.com/manual/1531207/Cisco-Asa-Series.html?page=55",
        "https://pastebin.com/psLwjVCw",
        "https://community.cisco.com/t5/networking-documents/telnet-session-to-fwsm-module-disconnects-due-to-mtu-size-issues/ta-p/3107751",
    ],
};

const FORTIGATE: System = System {
    name: "FortiGate",
    // With honor-df off it cuts packets up whatever their DF says, and there is nothing to send.
    send: Lines { v4: &["config system global", "set send-pmtu-icmp enable", "end"], v6: &[] },
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
        "https://community.fortinet.com/t5/FortiGate/Technical-Tip-Explaining-the-honor-df-global-setting/ta-p/197002",
        "https://github.com/fortinet-ansible-dev/ansible-galaxy-fortios-collection/blob/009bf779b58adcddd0766ef510788034bfe71fb8/plugins/modules/fortios_system_global.py",
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
        "https://github.com/aws/aws-cli/blob/052d4f44c811a2e2fcd1c225cdead55ab2a13c93/awscli/examples/ec2/authorize-security-group-ingress.rst",
        "https://docs.amazonaws.cn/vpc/latest/userguide/path_mtu_discovery.html",
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
        // Network security groups do not support ICMPv6.
        v6: &[],
    },
    clamp: Lines::NONE,
    sources: &[
        "https://github.com/Azure/azure-cli/blob/2e85395fd71c1de767f4201827c545e0d07e536e/src/azure-cli/azure/cli/command_modules/network/aaz/latest/network/nsg/rule/_create.py",
        "https://github.com/MicrosoftDocs/azure-docs/blob/3b9d7e48ea5eb9114907dbaa09ae2823a5a4d8b2/articles/virtual-network/ip-services/ipv6-overview.md",
    ],
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
        "https://cloud.google.com/sdk/gcloud/reference/compute/firewall-rules/create",
        "https://cloud.google.com/vpc/docs/mtu",
    ],
};
