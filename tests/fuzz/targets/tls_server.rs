//! A TLS server without I/O whose records the targets change on their way.

use std::io::Write;
use std::sync::{Arc, LazyLock};

use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection};

/// Names that no one asks for make the certificate as large as a chain.
const NAMES: usize = 60;

static CONFIG: LazyLock<Arc<ServerConfig>> = LazyLock::new(|| {
    let key = KeyPair::generate().expect("a key");
    let names: Vec<String> = (0..NAMES).map(|number| format!("mx{number}.a-rather-long-name.example.com")).collect();
    let certificate = CertificateParams::new(names).and_then(|params| params.self_signed(&key)).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("usual versions").with_no_client_auth();
    Arc::new(builder.with_single_cert(vec![certificate.der().clone()], key).expect("a server"))
});

/// One session of the server.
pub(crate) struct TlsServer(ServerConnection, bool);

impl TlsServer {
    pub(crate) fn new() -> Self {
        Self(ServerConnection::new(Arc::clone(&CONFIG)).expect("a session"), false)
    }

    /// Takes what the client says, and gives what the server says to that. It does not hear what it cannot read.
    pub(crate) fn converse(&mut self, mut said: &[u8]) -> Vec<u8> {
        while !said.is_empty() && !self.1 {
            let taken = self.0.read_tls(&mut said);
            let failed = self.0.process_new_packets().is_err();
            self.1 = failed || !matches!(taken, Ok(1..));
        }
        self.output()
    }

    /// Says something inside, and gives the records.
    pub(crate) fn say(&mut self, text: &[u8]) -> Vec<u8> {
        let _ = self.0.writer().write_all(text);
        self.output()
    }

    pub(crate) fn close(&mut self) -> Vec<u8> {
        self.0.send_close_notify();
        self.output()
    }

    fn output(&mut self) -> Vec<u8> {
        let mut output = Vec::new();
        while self.0.wants_write() && matches!(self.0.write_tls(&mut output), Ok(1..)) {}
        output
    }
}
