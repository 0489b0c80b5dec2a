//! What this host is, and which mailer it has.

use super::root::Root;
use crate::model::{Container, Mailer};

/// The kind of container, by the marks that each leaves.
pub(super) fn container(root: &Root) -> Option<Container> {
    if root.has_one_of(&["/var/run/secrets/kubernetes.io", "/run/secrets/kubernetes.io"]) {
        return Some(Container::Kubernetes);
    }
    if root.has("/.dockerenv") {
        return Some(Container::Docker);
    }
    if root.has("/run/.containerenv") {
        return Some(Container::Podman);
    }
    // systemd inside writes it down for those who may not read the environment of process 1.
    let noted = root.text("/run/systemd/container");
    let name = noted.or_else(|| root.text("/proc/1/environ").and_then(|text| in_environment(&text)))?;
    by_name(name.trim())
}

fn in_environment(text: &str) -> Option<String> {
    text.split('\0').find_map(|entry| entry.strip_prefix("container=")).map(str::to_owned)
}

/// The names of systemd's Container Interface.
fn by_name(name: &str) -> Option<Container> {
    match name {
        // No container by its network, or none at all.
        "" | "wsl" | "proot" => None,
        "docker" => Some(Container::Docker),
        "podman" => Some(Container::Podman),
        "systemd-nspawn" => Some(Container::Nspawn),
        _ if name.starts_with("lxc") => Some(Container::Lxc),
        _ => Some(Container::Other),
    }
}

/// The mailer, by what only it has: `sendmail` is a name that all of them offer.
pub(super) fn mailer(root: &Root) -> Option<Mailer> {
    if root.has("/etc/postfix/main.cf") && root.has_one_of(&["/usr/sbin/postqueue", "/usr/local/sbin/postqueue"]) {
        Some(Mailer::Postfix)
    } else if root.has_one_of(&["/usr/sbin/exim4", "/usr/sbin/exim", "/usr/local/sbin/exim"]) {
        Some(Mailer::Exim)
    } else if root.has_one_of(&["/usr/sbin/smtpctl", "/usr/local/sbin/smtpctl"]) {
        Some(Mailer::OpenSmtpd)
    } else if root.has("/var/qmail/bin/qmail-send") {
        Some(Mailer::Qmail)
    } else if root.has("/etc/mail/sendmail.cf") {
        Some(Mailer::Sendmail)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_known_by_the_environment_of_its_first_process() {
        assert_eq!(in_environment("PATH=/bin\0container=lxc\0TERM=linux\0").as_deref(), Some("lxc"));
        assert_eq!(in_environment("PATH=/bin\0mycontainer=lxc\0"), None);
    }

    #[test]
    fn names_of_containers() {
        assert_eq!(by_name("lxc-libvirt"), Some(Container::Lxc));
        assert_eq!(by_name("systemd-nspawn"), Some(Container::Nspawn));
        assert_eq!(by_name("oci"), Some(Container::Other));
        assert_eq!(by_name("wsl"), None);
    }
}
