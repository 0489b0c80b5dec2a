//! A server's key and chain of certificates, made anew for each lab by the openssl command.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::lab::{Lab, run};

/// What chain.sh makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As public authorities issue them. What a server sends with it fills packets of any size that a path may carry.
    Ordinary,
    /// One small certificate: all that a server sends with it fits into one packet.
    Small,
}

/// The folder with both.
pub(crate) struct Chain(PathBuf);

impl Chain {
    pub(crate) fn make(kind: Kind, lab: &Lab) -> Result<Self, String> {
        let folder = lab.folder().join("tls");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail/chain.sh");
        let name = match kind {
            Kind::Ordinary => "ordinary",
            Kind::Small => "small",
        };
        let ran = run(Command::new("bash").arg(script).arg(&folder).arg(name));
        if ran.status.success() { Ok(Self(folder)) } else { Err(format!("chain.sh {name}: {}", ran.stderr)) }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.0.join("key.pem")
    }

    pub(crate) fn certificates(&self) -> PathBuf {
        self.0.join("chain.pem")
    }

    /// STARTTLS in Postfix: lines of main.cf.
    pub(crate) fn main_cf(&self) -> String {
        let (key, certificates) = (self.key(), self.certificates());
        format!(
            "smtpd_tls_security_level = may\nsmtpd_tls_chain_files = {}, {}\nsmtpd_tls_loglevel = 1\n",
            key.display(),
            certificates.display()
        )
    }
}

/// What Postfix runs for it: lines of master.cf.
pub(crate) const MASTER_CF: &str = "tlsmgr unix - - n 1000? 1 tlsmgr\n";
