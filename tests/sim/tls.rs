//! The TLS server of the peer, above its TCP: rustls, with certificates that make a flight of a wanted size.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::sync::{Arc, LazyLock, Mutex};

use rcgen::{CertificateParams, DnType, IsCa, Issuer, KeyPair, PKCS_ED25519, SanType, SerialNumber};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{Error, ServerConfig, ServerConnection};

use super::smtp::Smtp;

/// What a flight holds beside the certificates: server hello, extensions, signature, finished, and their records.
const BESIDE_CERTIFICATES: usize = 390;
/// A name in the leaf adds its length and two bytes.
const NAME_LENGTH: usize = 62;

/// One TLS session.
pub struct TlsServer {
    tls: ServerConnection,
    /// What is spoken inside; `None`: nothing is expected.
    smtp: Option<Smtp>,
    complaints: Vec<String>,
    over: bool,
}

impl std::fmt::Debug for TlsServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsServer").field("smtp", &self.smtp).field("over", &self.over).finish_non_exhaustive()
    }
}

impl TlsServer {
    pub fn new(flight: u32, smtp: Option<Smtp>) -> Self {
        let tls = ServerConnection::new(config(flight)).expect("the configuration is complete");
        Self { tls, smtp, complaints: Vec::new(), over: false }
    }

    /// Takes bytes of the stream and answers.
    pub fn receive(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        while !bytes.is_empty() && !self.over {
            if !matches!(self.tls.read_tls(&mut bytes), Ok(1..)) {
                break;
            }
            match self.tls.process_new_packets() {
                Ok(state) => {
                    self.converse(state.plaintext_bytes_to_read());
                    self.over |= state.peer_has_closed();
                }
                Err(error) => self.fail(&error),
            }
        }
        if self.over {
            self.tls.send_close_notify();
        }
        let mut out = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut out).expect("a vector takes everything");
        }
        out
    }

    fn converse(&mut self, length: usize) {
        let mut text = vec![0; length];
        self.tls.reader().read_exact(&mut text).expect("as much as rustls said");
        if text.is_empty() {
            return;
        }
        let Some(smtp) = &mut self.smtp else {
            return self.complaints.push(format!("{length} bytes inside TLS that nobody asked for"));
        };
        let reply = smtp.receive(&text, false);
        self.over |= smtp.quit;
        self.tls.writer().write_all(reply.as_bytes()).expect("rustls buffers");
    }

    /// A client may break off by an alert; anything else would stand in the log.
    fn fail(&mut self, error: &Error) {
        if !matches!(error, Error::AlertReceived(_)) {
            self.complaints.push(format!("TLS: {error}"));
        }
        self.over = true;
    }

    /// QUIT, or the client's own end.
    pub fn is_over(&self) -> bool {
        self.over
    }

    pub fn verdict(&self) -> Vec<String> {
        let mut complaints = self.complaints.clone();
        complaints.extend(self.smtp.iter().flat_map(Smtp::verdict));
        complaints
    }
}

/// The configuration whose flight has about this many bytes: always the same sizes, made once.
fn config(flight: u32) -> Arc<ServerConfig> {
    static CONFIGS: LazyLock<Mutex<HashMap<u32, Arc<ServerConfig>>>> = LazyLock::new(Mutex::default);
    let mut configs = CONFIGS.lock().expect("no thread panics here");
    Arc::clone(configs.entry(flight).or_insert_with(|| Arc::new(make_config(flight as usize))))
}

fn make_config(flight: usize) -> ServerConfig {
    let (chain, key) = chain(flight.saturating_sub(BESIDE_CERTIFICATES));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring knows both versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("the key belongs to the certificate")
}

/// A leaf alone, or with its issuer where there is room; names in the leaf fill up what is missing.
fn chain(bytes: usize) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let mut root = params("Example Root CA", 1);
    root.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root_key = key();
    let root_certificate = root.self_signed(&root_key).expect("complete parameters").der().clone();
    let issuer = Issuer::new(root, root_key);
    let leaf_key = key();
    let leaf = |names: usize| {
        let mut leaf = params("mx.example.com", 2);
        let name = |n: usize| format!("{n:0width$}.example.com", width = NAME_LENGTH - ".example.com".len() - 2);
        let names = (0..names).map(name).map(|name| SanType::DnsName(name.try_into().expect("ASCII")));
        leaf.subject_alt_names = names.collect();
        leaf.signed_by(&leaf_key, &issuer).expect("complete parameters").der().clone()
    };
    let alone = leaf(1).len();
    let with_issuer = alone + root_certificate.len();
    let missing = bytes.saturating_sub(with_issuer);
    let mut chain = vec![leaf(1 + missing.div_ceil(NAME_LENGTH))];
    if bytes >= with_issuer {
        chain.push(root_certificate);
    }
    (chain, PrivateKeyDer::try_from(leaf_key.serialize_der()).expect("PKCS#8"))
}

/// Ed25519: signatures and keys of one length, so that a flight has the same size each time.
fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ED25519).expect("ring makes keys")
}

fn params(name: &str, serial: u64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(SerialNumber::from(serial));
    params
}
