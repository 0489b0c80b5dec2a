//! The TLS of the mail server: a chain of certificates made for a flight of a given size, and the handshake.

use std::io::{self, Read, Write};
use std::sync::Arc;

use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::pace::Paced;

const NAME: &str = "mx.example.com";
/// A smaller flight has no room for an authority beside the server's own certificate.
const SMALLEST_WITH_AUTHORITY: usize = 1400;

/// A connection after its handshake.
pub(super) type Secured = StreamOwned<ServerConnection, Paced>;

/// How a handshake ended.
pub(super) enum Shaken {
    Done(Box<Secured>),
    /// The visitor closed politely in the middle of it.
    Goodbye,
}

/// A server that answers a client hello with about so many bytes of records.
pub(super) fn with_flight(flight: usize) -> io::Result<Arc<ServerConfig>> {
    let authorities = usize::from(flight >= SMALLEST_WITH_AUTHORITY);
    let mut padding = 0;
    let mut config = server(authorities, padding)?;
    // The second step knows how much a byte of padding costs beside itself.
    for _ in 0..2 {
        let missing = flight.cast_signed() - flight_of(&config)?.cast_signed();
        padding = padding.saturating_add_signed(missing);
        config = server(authorities, padding)?;
    }
    Ok(config)
}

fn server(authorities: usize, padding: usize) -> io::Result<Arc<ServerConfig>> {
    let (chain, key) = chain(authorities, padding).map_err(io::Error::other)?;
    let config = ServerConfig::builder_with_provider(default_provider().into())
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
    Ok(Arc::new(config.map_err(io::Error::other)?))
}

/// The server's own certificate, then those of its authorities; the last one is signed by a root that stays at home.
fn chain(
    authorities: usize,
    padding: usize,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), rcgen::Error> {
    let (mut issuer, _) = authority("Lab Root", None)?;
    let mut certificates = Vec::new();
    for _ in 0..authorities {
        let (next, certificate) = authority("Lab Authority", Some(&issuer))?;
        issuer = next;
        certificates.insert(0, certificate.der().clone());
    }
    let key = KeyPair::generate()?;
    let mut own = CertificateParams::new(names(padding))?;
    own.distinguished_name.push(DnType::CommonName, NAME);
    certificates.insert(0, own.signed_by(&key, &issuer)?.der().clone());
    Ok((certificates, PrivateKeyDer::Pkcs8(key.serialize_der().into())))
}

fn authority(
    name: &str,
    by: Option<&Issuer<'static, KeyPair>>,
) -> Result<(Issuer<'static, KeyPair>, Certificate), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = match by {
        Some(by) => params.signed_by(&key, by)?,
        None => params.self_signed(&key)?,
    };
    Ok((Issuer::new(params, key), certificate))
}

/// More names that the server has; each costs two bytes beside its letters.
fn names(mut padding: usize) -> Vec<String> {
    const TYPE_AND_LENGTH: usize = 2;
    const LONGEST: usize = 40;
    let mut names = vec![NAME.to_owned()];
    while padding > NAME.len() + 1 + TYPE_AND_LENGTH {
        let whole = padding.min(LONGEST + TYPE_AND_LENGTH);
        let label = whole - TYPE_AND_LENGTH - NAME.len() - 1;
        names.push(format!("{:m<label$}.{NAME}", names.len()));
        padding -= whole;
    }
    names
}

/// How many bytes of records answer the client hello of an ordinary client.
fn flight_of(config: &Arc<ServerConfig>) -> io::Result<usize> {
    let client = ClientConfig::builder_with_provider(default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from(NAME).map_err(io::Error::other)?;
    let mut client = ClientConnection::new(Arc::new(client), name).map_err(io::Error::other)?;
    let mut server = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    let mut hello = Vec::new();
    client.write_tls(&mut hello)?;
    server.read_tls(&mut hello.as_slice())?;
    server.process_new_packets().map_err(io::Error::other)?;
    let mut flight = Vec::new();
    while server.wants_write() {
        server.write_tls(&mut flight)?;
    }
    Ok(flight.len())
}

pub(super) fn handshake(mut stream: Paced, config: Arc<ServerConfig>) -> io::Result<Shaken> {
    let mut connection = ServerConnection::new(config).map_err(io::Error::other)?;
    while connection.is_handshaking() {
        write_all(&mut connection, &mut stream)?;
        if connection.read_tls(&mut stream)? == 0 {
            return Err(io::Error::other("the peer closed in the handshake"));
        }
        let state = connection.process_new_packets();
        // A goodbye behind the end of the handshake is for whoever reads next.
        if state.as_ref().is_ok_and(rustls::IoState::peer_has_closed) && connection.is_handshaking() {
            connection.send_close_notify();
            write_all(&mut connection, &mut stream)?;
            return Ok(Shaken::Goodbye);
        }
        if let Err(error) = state {
            // The alert; that the visitor no longer takes it is no news.
            let _ = write_all(&mut connection, &mut stream);
            return Err(io::Error::other(error));
        }
    }
    write_all(&mut connection, &mut stream)?;
    Ok(Shaken::Done(Box::new(StreamOwned::new(connection, stream))))
}

fn write_all(connection: &mut ServerConnection, stream: &mut Paced) -> io::Result<()> {
    while connection.wants_write() {
        connection.write_tls(stream)?;
    }
    Ok(())
}

/// A visitor that is gone already has heard enough.
pub(super) fn close(stream: &mut Secured) {
    stream.conn.send_close_notify();
    let _ = write_all(&mut stream.conn, &mut stream.sock);
}

/// Answers a client hello by a fatal alert, `handshake_failure` (RFC 8446, section 6).
pub(super) fn refuse(stream: &mut Paced) -> io::Result<()> {
    const ALERT: [u8; 7] = [21, 3, 3, 0, 2, 2, 40];
    let mut header = [0; 5];
    stream.read_exact(&mut header)?;
    let mut hello = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
    stream.read_exact(&mut hello)?;
    stream.write_all(&ALERT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flight_has_about_the_size_that_was_asked_for() {
        for wanted in [900_usize, 1400, 2000, 3400, 5000, 12_000] {
            let found = flight_of(&with_flight(wanted).unwrap()).unwrap();
            assert!(found.abs_diff(wanted) <= 40, "{found} bytes instead of {wanted}");
        }
    }
}
