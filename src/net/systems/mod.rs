//! What configures this host, read from its files: no other program, some dozens of small files.
//!
//! * `root`: the files; `firewall`, `machine`, `network`: what they tell.

mod firewall;
mod machine;
mod network;
mod root;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Mutex;

use super::interface::Interface;
use crate::model::{HostSystems, LinkKind, NetworkManager};
use root::Root;

/// What all interfaces of this host share, and what was found of each.
pub struct Systems {
    root: Root,
    shared: HostSystems,
    private: network::Private,
    is_configured_here: bool,
    managers: Mutex<HashMap<u32, Option<NetworkManager>>>,
}

impl Systems {
    /// Of the host that this program runs on. To be called while the privilege is there: root alone may read some of the files.
    pub fn of_this_host() -> Self {
        Self::read(Path::new("/"), is_network_of_init())
    }

    /// `is_configured_here`: whether the files are about this network namespace.
    fn read(root: &Path, is_configured_here: bool) -> Self {
        let root = Root::new(root);
        let firewall = firewall::manager(&root).filter(|_| is_configured_here);
        let shared = HostSystems {
            firewall,
            rules_file: firewall::rules_file(&root, firewall).filter(|_| is_configured_here),
            has_nft: firewall::has_nft(&root),
            iptables: firewall::iptables(&root),
            network: None,
            link: None,
            container: machine::container(&root).filter(|_| is_configured_here),
            mailer: machine::mailer(&root),
        };
        let private = network::Private::read(&root);
        Self { root, shared, private, is_configured_here, managers: Mutex::default() }
    }

    /// What bears on packets that leave by this interface.
    pub fn with(&self, interface: Option<&Interface>, link: Option<LinkKind>) -> HostSystems {
        HostSystems { network: interface.and_then(|interface| self.manager(interface)), link, ..self.shared.clone() }
    }

    /// Many targets share an interface.
    fn manager(&self, interface: &Interface) -> Option<NetworkManager> {
        if !self.is_configured_here {
            return None;
        }
        let find = || network::manager(&self.root, &self.private, interface.index, &interface.name);
        match self.managers.lock() {
            Ok(mut managers) => managers.entry(interface.index).or_insert_with(find).clone(),
            Err(_) => find(),
        }
    }
}

/// Whether this network namespace is that of process 1. In another one, the same files are about other interfaces.
///
/// A file below `/proc/PID/net` has a number of its own in each namespace, which everybody may see. Where processes of others
/// are hidden, nothing speaks against it.
fn is_network_of_init() -> bool {
    let number = |process: &str| std::fs::metadata(format!("/proc/{process}/net/dev")).map(|file| file.ino()).ok();
    match (number("1"), number("self")) {
        (Some(init), Some(own)) => init == own,
        _ => true,
    }
}
