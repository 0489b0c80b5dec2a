//! What runs this host: which programs configure its firewall and its network, what it is itself, and its mailer.

/// What is known of it. The default knows nothing, and then the usual is assumed: nftables, a plain host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostSystems {
    /// What fills the firewall.
    pub firewall: Option<FirewallManager>,
    /// The file that its rules are loaded from. Without a manager, the one that `nftables.service` would load, once it is enabled.
    pub rules_file: Option<String>,
    /// Whether `nft` is installed.
    pub has_nft: bool,
    /// What `iptables` writes to, where it is installed.
    pub iptables: Option<IptablesBackend>,
    /// What configures the outgoing interface.
    pub network: Option<NetworkManager>,
    /// What kind of link the outgoing interface is.
    pub link: Option<LinkKind>,
    /// The kind of container or virtual machine that this host is.
    pub container: Option<Container>,
    /// The mailer that is installed.
    pub mailer: Option<Mailer>,
}

impl Default for HostSystems {
    fn default() -> Self {
        Self {
            firewall: None,
            rules_file: None,
            has_nft: true,
            iptables: None,
            network: None,
            link: None,
            container: None,
            mailer: None,
        }
    }
}

/// A program that owns the rules of this host's firewall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirewallManager {
    /// firewalld.
    Firewalld,
    /// ufw.
    Ufw,
    /// A file of nft rules, as `nftables.service` loads it.
    Nftables,
    /// Files of iptables rules, as `netfilter-persistent` or `iptables.service` load them.
    Iptables,
}

/// Which kernel interface the `iptables` program uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IptablesBackend {
    /// `iptables-nft`: its rules are seen by `nft`.
    Nft,
    /// `iptables-legacy`.
    Legacy,
}

/// A program that configures the outgoing interface, and sets it anew when the link or the host comes up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkManager {
    /// NetworkManager, with the name of the connection where it is known.
    NetworkManager {
        /// The profile, as `nmcli` takes it.
        connection: Option<String>,
    },
    /// systemd-networkd, with the `.network` file that the interface uses where it is known.
    Networkd {
        /// The whole path of the file.
        file: Option<String>,
    },
    /// netplan, which writes for one of the two above.
    Netplan,
    /// ifupdown: `/etc/network/interfaces`.
    Ifupdown,
}

/// A kind of link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// A network card, real or of a virtual machine.
    Ethernet,
    /// One end of a pair; the other is on the machine that this container runs on.
    Veth,
    /// PPP: often DSL.
    Ppp,
    /// WireGuard.
    WireGuard,
    /// OpenVPN and other programs with a tun device.
    Tun,
    /// Another tunnel of the kernel.
    Tunnel,
}

/// A kind of container or virtual machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// Docker.
    Docker,
    /// Podman.
    Podman,
    /// A pod of Kubernetes.
    Kubernetes,
    /// LXC or LXD.
    Lxc,
    /// systemd-nspawn.
    Nspawn,
    /// A container of an unknown kind.
    Other,
}

/// A mail server program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mailer {
    /// Postfix.
    Postfix,
    /// Exim.
    Exim,
    /// OpenSMTPD.
    OpenSmtpd,
    /// Sendmail.
    Sendmail,
    /// qmail.
    Qmail,
}
