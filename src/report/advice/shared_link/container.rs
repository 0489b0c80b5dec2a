//! This host is a container: its interface is set up from outside, by the machine that runs it.

use std::net::IpAddr;

use super::link::{Link, SHARED};
use crate::model::{Advice, Container, PacketSize, Who};
use crate::report::advice::undo::undo;

/// `None`: it is none, or its address is not known, by which it is found from outside.
pub(super) fn lower_from_outside(link: &Link<'_>) -> Option<Advice> {
    let container = link.host.systems.container?;
    let address = link.host.source?;
    let size = link.size;
    let (what, and_then) = words(container);
    Some(Advice {
        is_alternative: false,
        lasting: lasting(container, size),
        who: Who::YourNetwork,
        text: format!(
            "{SHARED} This host is {what}, so this is typed on the machine that runs it: it lowers the MTU inside to {size}, and so cures \
             mail to every server, both ways. {and_then}"
        ),
        commands: vec![set_mtu(link, address, size), undo(&set_mtu(link, address, link.before))],
    })
}

/// In whichever network namespace has the address: the same for every kind of container.
fn set_mtu(link: &Link<'_>, address: IpAddr, size: PacketSize) -> String {
    format!(
        "for p in $(lsns -n -t net -o PID); do nsenter -t $p -n ip -o address | grep -q ' {address}/' && nsenter -t $p -n ip link \
         set dev {} mtu {size}; done",
        link.interface
    )
}

fn words(container: Container) -> (&'static str, &'static str) {
    const ANEW: &str = "Its next start has the old MTU again, unless its network has the new one.";
    match container {
        Container::Docker => ("a Docker container", ANEW),
        Container::Podman => ("a Podman container", ANEW),
        Container::Kubernetes => {
            ("a pod of Kubernetes", "The next pod has the old MTU again, unless the network plugin has the new one.")
        }
        Container::Lxc => ("an LXC container", ANEW),
        Container::Nspawn => ("a container of systemd-nspawn", ANEW),
        Container::Other => ("a container", ANEW),
    }
}

/// `ip link set dev docker0 mtu` would change no container: each gets its MTU from its network when it starts.
fn lasting(container: Container, size: PacketSize) -> Vec<String> {
    let lines: Vec<String> = match container {
        Container::Docker => vec![
            "# to keep it: a network with this MTU, for the container to run in; those that exist keep theirs:".into(),
            format!("docker network create -o com.docker.network.driver.mtu={size} mtu{size}"),
            undo(&format!("docker network rm mtu{size}")),
            format!(
                "# the same in a compose file, below networks, default, driver_opts: com.docker.network.driver.mtu: {size}"
            ),
            format!("# or for the network \"bridge\": \"mtu\": {size} in /etc/docker/daemon.json, then restart docker"),
        ],
        Container::Podman => vec![
            "# to keep it: a network with this MTU, for the container to run in:".into(),
            format!("podman network create --opt mtu={size} mtu{size}"),
            undo(&format!("podman network rm mtu{size}")),
            format!("# rootless, without such a network: --network pasta:--mtu,{size} or slirp4netns:mtu={size}"),
        ],
        Container::Kubernetes => vec![
            "# to keep it, where the operator of Calico runs; pods get it when they start:".into(),
            format!(
                "kubectl patch installation.operator.tigera.io default --type merge -p \
                 '{{\"spec\":{{\"calicoNetwork\":{{\"mtu\":{size}}}}}}}'"
            ),
            undo(
                "kubectl patch installation.operator.tigera.io default --type json -p \
                 '[{\"op\":\"remove\",\"path\":\"/spec/calicoNetwork/mtu\"}]'",
            ),
            format!(
                "# with Cilium: MTU: {size} in its Helm values; others: \"mtu\": {size} in the files of /etc/cni/net.d"
            ),
        ],
        Container::Lxc => vec![
            "# to keep it, with LXD or Incus (incus for lxc), where its network is lxdbr0:".into(),
            format!("lxc network set lxdbr0 bridge.mtu={size}"),
            undo("lxc network unset lxdbr0 bridge.mtu"),
            format!("# without them: lxc.net.0.mtu = {size} in the configuration of the container"),
        ],
        Container::Nspawn | Container::Other => Vec::new(),
    };
    lines
}
