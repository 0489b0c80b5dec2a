//! A TLS client without I/O: bytes in, bytes out.
//!
//! It makes a server send its certificates, which fill more than one packet, and then closes the session in order. It uses
//! nothing of what it receives, so it neither trusts nor refuses a certificate.

mod verifier;

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use rustls::pki_types::ServerName;
use rustls::{AlertDescription, ClientConfig, ClientConnection};

use crate::model::TlsTrouble;

use verifier::TakesAnyCertificate;

/// One session that is open. Whatever ends it takes it away: nothing can be received, or said, after a fatal error or a close
/// (RFC 8446, section 6).
#[derive(Debug)]
pub struct Tls {
    session: ClientConnection,
    heard: Vec<u8>,
}

/// How a session failed.
#[derive(Debug)]
pub struct TlsFailure {
    /// The server refuses, or does not speak TLS.
    pub trouble: TlsTrouble,
    /// What is still to be said to the server.
    pub last_words: Vec<u8>,
}

/// So much of what the server says inside is kept until it is taken; nobody needs more.
const MOST_HEARD: usize = 64 << 10;

impl Tls {
    /// A session whose client hello waits in [`take_output`](Self::take_output). If only the address of the
    /// server is known, no server name is sent (RFC 6066, section 3).
    ///
    /// # Errors
    /// The library has no randomness, or no cipher suites.
    pub fn connect(name: Option<&str>, address: IpAddr) -> Result<Self, TlsTrouble> {
        let config = CONFIG.as_ref().map_err(|error| TlsTrouble::Start(error.clone()))?;
        let of_name = name.and_then(|name| ServerName::try_from(name.trim_end_matches('.').to_owned()).ok());
        let server = of_name.unwrap_or(ServerName::IpAddress(address.into()));
        let session =
            ClientConnection::new(Arc::clone(config), server).map_err(|error| TlsTrouble::Start(error.to_string()))?;
        Ok(Self { session, heard: Vec::new() })
    }

    /// Bytes for the server.
    pub fn take_output(&mut self) -> Vec<u8> {
        let mut output = Vec::new();
        while self.session.wants_write() {
            // Writing into a Vec cannot fail.
            if !matches!(self.session.write_tls(&mut output), Ok(1..)) {
                break;
            }
        }
        output
    }

    /// Takes bytes of the server.
    ///
    /// # Errors
    /// The session is over: the server refuses, or does not speak TLS.
    pub fn receive(mut self, bytes: &[u8]) -> Result<Self, TlsFailure> {
        match self.process(bytes) {
            Ok(()) => Ok(self),
            Err(trouble) => Err(TlsFailure { trouble, last_words: self.take_output() }),
        }
    }

    fn process(&mut self, mut bytes: &[u8]) -> Result<(), TlsTrouble> {
        while !bytes.is_empty() {
            let taken = self.session.read_tls(&mut bytes).map_err(|error| TlsTrouble::Broken(error.to_string()))?;
            self.session.process_new_packets().map_err(trouble)?;
            self.hear();
            // After the server's close_notify nothing is taken.
            if taken == 0 {
                break;
            }
        }
        Ok(())
    }

    /// What stays in the library fills it up, and then it takes no more records.
    fn hear(&mut self) {
        let mut heard = Vec::new();
        // The reader reports "nothing yet" and "closed" as errors. The bytes read before still count.
        let _ = io::Read::read_to_end(&mut self.session.reader(), &mut heard);
        heard.truncate(MOST_HEARD - self.heard.len());
        self.heard.append(&mut heard);
    }

    /// Whether the handshake is complete on this side.
    pub fn is_established(&self) -> bool {
        !self.session.is_handshaking()
    }

    /// Sends bytes inside the session.
    pub fn say(&mut self, text: &[u8]) {
        // The bytes are buffered. Only a full buffer refuses them, and we say little.
        let _ = io::Write::write_all(&mut self.session.writer(), text);
    }

    /// The bytes that the server sent inside the session.
    pub fn take_heard(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.heard)
    }

    /// Ends the session, also during a handshake. Returns what is still to be said, close_notify at last (RFC 8446, section 6.1).
    pub fn close(mut self) -> Vec<u8> {
        self.session.send_close_notify();
        self.take_output()
    }
}

fn trouble(error: rustls::Error) -> TlsTrouble {
    match error {
        rustls::Error::AlertReceived(AlertDescription::CloseNotify) => TlsTrouble::Refused("it closes".into()),
        rustls::Error::AlertReceived(alert) => TlsTrouble::Refused(format!("{alert:?}")),
        other => TlsTrouble::Broken(other.to_string()),
    }
}

/// One configuration for all sessions. None is resumed, because a resumed session has no certificates.
static CONFIG: LazyLock<Result<Arc<ClientConfig>, String>> = LazyLock::new(|| {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    let mut config =
        builder.dangerous().with_custom_certificate_verifier(Arc::new(TakesAnyCertificate)).with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
});

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> Tls {
        Tls::connect(Some("mx.example.com"), IpAddr::from([192, 0, 2, 25])).expect("a client")
    }

    #[test]
    fn a_hello_names_the_server_and_fits_into_any_packet() {
        let hello = client().take_output();
        assert_eq!(hello.first(), Some(&22), "a handshake record");
        assert!(hello.windows(14).any(|part| part == b"mx.example.com"));
        assert!(hello.len() < 512, "{} bytes", hello.len());
    }

    #[test]
    fn an_address_is_no_server_name() {
        let hello = Tls::connect(None, IpAddr::from([192, 0, 2, 25])).expect("a client").take_output();
        assert!(!hello.windows(10).any(|part| part == b"192.0.2.25"));
    }

    #[test]
    fn an_alert_is_a_refusal_and_garbage_is_none() {
        let refused = client().receive(&[21, 3, 3, 0, 2, 2, 40]).map(drop).map_err(|failure| failure.trouble);
        assert!(matches!(&refused, Err(TlsTrouble::Refused(alert)) if alert == "HandshakeFailure"), "{refused:?}");
        let garbage = client().receive(b"500 what?\r\n").expect_err("no TLS");
        assert!(matches!(garbage.trouble, TlsTrouble::Broken(_)));
        assert_eq!(garbage.last_words.last_chunk(), Some(&[21, 3, 3, 0, 2, 2, 50]), "the alert decode_error");
    }

    #[test]
    fn a_session_can_be_closed_before_it_is_one() {
        let mut tls = client();
        tls.take_output();
        assert!(!tls.is_established());
        assert_eq!(tls.close().get(..1), Some([21].as_slice()), "an alert record");
    }
}
