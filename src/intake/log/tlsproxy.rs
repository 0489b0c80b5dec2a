//! Postfix's tlsproxy: it does the TLS of postscreen's clients, and of this host's own where they use connections again.
//!
//! One line tells who it is that we speak to or that speaks to us, another that the time is over, and a third that this was in the
//! handshake.

use crate::intake::bytes::{address, leading_number, split};
use crate::intake::event::{LineContext, MailEvent, PeerRef, Stall};
use crate::intake::mails::hash;
use crate::intake::pending::PendingTable;
use crate::intake::postfix::handshake;
use crate::model::{MailFlow, StallStage};

/// The connections whose handshake may be under way.
pub(super) struct TlsProxies {
    connections: PendingTable<Connection>,
}

struct Connection {
    flow: MailFlow,
    timed_out: bool,
}

impl Default for TlsProxies {
    fn default() -> Self {
        Self { connections: PendingTable::new() }
    }
}

impl TlsProxies {
    /// The event that a line completes.
    pub(super) fn event<'a>(&mut self, message: &'a [u8], context: &LineContext<'_>) -> Option<MailEvent<'a>> {
        let key = |peer: &[u8]| hash(&[context.host, peer]);
        if let Some(rest) = message.strip_prefix(b"CONNECT ") {
            let (flow, peer) = match rest.strip_prefix(b"from ") {
                Some(peer) => (MailFlow::Incoming, peer),
                None => (MailFlow::Outgoing, rest.strip_prefix(b"to ")?),
            };
            self.connections.insert(key(peer), Connection { flow, timed_out: false });
            return None;
        }
        if let Some(peer) = message.strip_prefix(b"warning: ciphertext read/write timeout for ") {
            self.connections.get_mut(key(peer))?.timed_out = true;
            return None;
        }
        if let Some(rest) = message.strip_prefix(b"TLS handshake failed for service=") {
            let (_, peer) = split(rest, b" peer=")?;
            let connection = self.connections.remove(key(peer)).filter(|connection| connection.timed_out)?;
            let stall = Stall::new(connection.flow, named(peer)?, StallStage::TlsHandshake);
            return Some(MailEvent::Stalled(stall));
        }
        if let Some(peer) = message.strip_prefix(b"DISCONNECT ") {
            self.connections.remove(key(peer));
            return None;
        }
        // In the words of the programs that do TLS themselves.
        if let Some(rest) = message.strip_prefix(b"SSL_connect error to ") {
            return handshake(MailFlow::Outgoing, rest);
        }
        handshake(MailFlow::Incoming, message.strip_prefix(b"SSL_accept error from ")?)
    }
}

/// `[192.0.2.1]:25`, perhaps with a name before it.
fn named(peer: &[u8]) -> Option<PeerRef<'_>> {
    let (name, rest) = split(peer, b"[")?;
    let (inside, rest) = split(rest, b"]")?;
    let port = rest.strip_prefix(b":").and_then(leading_number).and_then(|(port, _)| u16::try_from(port).ok());
    Some(PeerRef { name, address: Some(address(inside)?), port })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::stamp::Stamp;

    fn stalls(lines: &[&str]) -> Vec<(MailFlow, String, Option<u16>)> {
        let mut proxies = TlsProxies::default();
        let context = LineContext { host: b"mail", stamp: Stamp::None, line: b"" };
        let events = lines.iter().filter_map(|line| match proxies.event(line.as_bytes(), &context) {
            Some(MailEvent::Stalled(stall)) => Some(stall),
            _ => None,
        });
        events.map(|stall| (stall.flow, stall.peer.address.expect("an address").to_string(), stall.peer.port)).collect()
    }

    /// As Postfix 3.7 writes them.
    #[test]
    fn a_handshake_that_times_out_is_told_in_three_lines() {
        let lines = |way: &str, peer: &str| {
            [
                format!("CONNECT {way} {peer}"),
                format!("warning: ciphertext read/write timeout for {peer}"),
                format!("TLS handshake failed for service=smtp peer={peer}"),
                format!("DISCONNECT {peer}"),
            ]
        };
        let rows = [
            ("to", "[192.0.2.2]:25", (MailFlow::Outgoing, "192.0.2.2", Some(25))),
            ("from", "[2001:db8::7]:60054", (MailFlow::Incoming, "2001:db8::7", Some(60054))),
        ];
        for (way, peer, (flow, address, port)) in rows {
            let lines = lines(way, peer);
            let all: Vec<&str> = lines.iter().map(String::as_str).collect();
            assert_eq!(stalls(&all), [(flow, address.to_owned(), port)], "{way} {peer}");
            // One that fails at once, one that times out after it, and one of which nobody knows who began.
            for missing in [1, 2, 0] {
                let rest: Vec<&str> = (0..4).filter(|at| *at != missing).map(|at| all[at]).collect();
                assert_eq!(stalls(&rest), [], "{way} {peer} without {missing}");
            }
        }
    }

    #[test]
    fn the_words_of_other_programs_are_read_too() {
        let timed_out = "SSL_accept error from unknown[192.0.2.2]:4711: Connection timed out";
        assert_eq!(stalls(&[timed_out]), [(MailFlow::Incoming, "192.0.2.2".to_owned(), Some(4711))]);
        assert_eq!(stalls(&["SSL_connect error to mx[192.0.2.2]:25: lost connection"]), []);
    }
}
