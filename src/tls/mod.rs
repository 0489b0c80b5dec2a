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

/// One session.
#[derive(Debug)]
pub struct Tls {
    session: ClientConnection,
}

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
        Ok(Self { session })
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
    /// The server refuses, or does not speak TLS. The alert for it waits in [`take_output`](Self::take_output).
    pub fn receive(&mut self, mut bytes: &[u8]) -> Result<(), TlsTrouble> {
        while !bytes.is_empty() {
            let taken = self.session.read_tls(&mut bytes).map_err(|error| TlsTrouble::Broken(error.to_string()))?;
            self.session.process_new_packets().map_err(trouble)?;
            if taken == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Whether the handshake is complete on this side.
    pub fn is_established(&self) -> bool {
        !self.session.is_handshaking()
    }

    /// Sends bytes inside the session.
    pub fn say(&mut self, text: &[u8]) {
        // The bytes are buffered. Only a closed session refuses them, and then nobody needs them.
        let _ = io::Write::write_all(&mut self.session.writer(), text);
    }

    /// The bytes that the server sent inside the session.
    pub fn take_heard(&mut self) -> Vec<u8> {
        let mut heard = Vec::new();
        // The reader reports "nothing yet" and "closed" as errors. The bytes read before still count.
        let _ = io::Read::read_to_end(&mut self.session.reader(), &mut heard);
        heard
    }

    /// Sends close_notify (RFC 8446, section 6.1), also during a handshake.
    pub fn close(&mut self) {
        self.session.send_close_notify();
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
        let refused = client().receive(&[21, 3, 3, 0, 2, 2, 40]);
        assert!(matches!(&refused, Err(TlsTrouble::Refused(alert)) if alert == "HandshakeFailure"), "{refused:?}");
        assert!(matches!(client().receive(b"500 what?\r\n"), Err(TlsTrouble::Broken(_))));
    }

    #[test]
    fn a_session_can_be_closed_before_it_is_one() {
        let mut tls = client();
        tls.take_output();
        tls.close();
        assert_eq!(tls.take_output().get(..1), Some([21].as_slice()), "an alert record");
        assert!(!tls.is_established());
    }
}
