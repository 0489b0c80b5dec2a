//! What the peer's port speaks: SMTP, SMTP with STARTTLS (RFC 3207), or TLS from the first byte.

use super::smtp::Smtp;
use super::tls::TlsServer;
use crate::scenario::{Peer, Tls, Welcome};

/// A fatal alert, `handshake_failure` (RFC 8446, section 6.2), in a record of its own.
const FATAL_ALERT: [u8; 7] = [21, 3, 3, 0, 2, 2, 40];
const RECORD_HEADER: usize = 5;

/// One session.
#[derive(Debug)]
pub struct Service {
    habits: Peer,
    smtp: Smtp,
    layer: Layer,
}

#[derive(Debug)]
enum Layer {
    Plain,
    Tls(Box<TlsServer>),
    /// Waits for a client hello, to refuse it.
    Refusing(Vec<u8>),
    Refused,
}

impl Service {
    pub fn new(habits: &Peer) -> Self {
        let layer = if habits.tls == Tls::Implicit {
            Layer::Tls(Box::new(TlsServer::new(habits.flight, None)))
        } else {
            Layer::Plain
        };
        Self { habits: habits.clone(), smtp: Smtp::new(habits.tls), layer }
    }

    /// The greeting, when its time has come.
    pub fn greet(&mut self) -> &'static str {
        match self.habits.welcome {
            Welcome::Ready => self.smtp.greet(),
            Welcome::TurnedAway => self.smtp.turn_away(),
            Welcome::HungUp => self.smtp.hang_up(),
        }
    }

    /// Takes bytes of the stream and answers; `reply_pending`: the client has not acknowledged all that was sent to it.
    pub fn receive(&mut self, bytes: &[u8], reply_pending: bool) -> Vec<u8> {
        match &mut self.layer {
            Layer::Plain => self.receive_plain(bytes, reply_pending),
            Layer::Tls(tls) => tls.receive(bytes),
            Layer::Refusing(hello) => {
                hello.extend_from_slice(bytes);
                let length = hello.get(3..RECORD_HEADER).map(|n| usize::from(n[0]) << 8 | usize::from(n[1]));
                if length.is_none_or(|length| hello.len() < RECORD_HEADER + length) {
                    return Vec::new();
                }
                self.layer = Layer::Refused;
                FATAL_ALERT.to_vec()
            }
            Layer::Refused => Vec::new(),
        }
    }

    fn receive_plain(&mut self, bytes: &[u8], reply_pending: bool) -> Vec<u8> {
        if !self.habits.greeting {
            self.smtp.complaints.push("spoke before the greeting".into());
            return Vec::new();
        }
        let replies = self.smtp.receive(bytes, reply_pending);
        if self.smtp.starts_tls {
            self.layer = match self.habits.tls {
                Tls::Alert => Layer::Refusing(Vec::new()),
                _ => Layer::Tls(Box::new(TlsServer::new(self.habits.flight, Some(Smtp::inside_tls())))),
            };
        }
        replies.into_bytes()
    }

    /// The server has nothing more to say and closes.
    pub fn is_over(&self) -> bool {
        match &self.layer {
            Layer::Plain | Layer::Refusing(_) => self.smtp.quit,
            Layer::Tls(tls) => tls.is_over(),
            Layer::Refused => true,
        }
    }

    /// Everything that an orderly session does not contain.
    pub fn verdict(&self) -> Vec<String> {
        let mut complaints = match self.habits.tls {
            Tls::Implicit => Vec::new(),
            _ => self.smtp.verdict(),
        };
        if let Layer::Tls(tls) = &self.layer {
            complaints.extend(tls.verdict());
        }
        complaints
    }
}
