//! A stateful firewall between c and s, as Linux conntrack with "new only SYN, invalid dropped" behaves.

use std::collections::HashMap;

use pmtu_probe::model::{Body, Packet, QuotedTransport, Segment, SeqNumber};

use crate::scenario::{HTTPS_PORT, SMTP_PORT};

/// How far an acknowledgment may lag (`MAXACKWINCONST` of `nf_conntrack_proto_tcp.c`).
const LARGEST_ACK_LAG: u32 = 66_000;

/// The connections it knows, by the client's port: there is one client and one server.
#[derive(Debug, Default)]
pub struct Conntrack {
    connections: HashMap<u16, Connection>,
}

#[derive(Debug)]
struct Connection {
    client: Side,
    /// Known from the SYN-ACK on.
    server: Option<Side>,
}

/// What one end has sent and may send.
#[derive(Clone, Copy, Debug)]
struct Side {
    /// Sequence number after the last byte sent.
    end: SeqNumber,
    /// Sequence number after the last byte that it may send.
    max_end: SeqNumber,
    /// The largest window it has stated.
    max_window: u32,
}

impl Conntrack {
    /// Whether the packet may pass.
    pub fn admits(&mut self, packet: &Packet, from_client: bool) -> bool {
        match &packet.body {
            Body::Tcp(segment) if from_client => self.admits_from_client(segment),
            Body::Tcp(segment) => self.admits_from_server(segment),
            Body::EchoRequest(_) | Body::EchoReply(_) => false,
            Body::Error(error) => match error.quote.transport {
                QuotedTransport::Tcp { source_port, destination_port, .. } => {
                    let port = if from_client { destination_port } else { source_port };
                    self.connections.contains_key(&port)
                }
                _ => false,
            },
        }
    }

    fn admits_from_client(&mut self, segment: &Segment) -> bool {
        if ![SMTP_PORT, HTTPS_PORT].contains(&segment.destination_port) {
            return false;
        }
        if segment.flags.syn && !segment.flags.ack {
            return self.admits_syn(segment);
        }
        let Some(connection) = self.connections.get_mut(&segment.source_port) else { return false };
        let Some(server) = connection.server.as_mut() else {
            // SYN sent, no answer yet: only a RST makes sense.
            return segment.flags.rst && self.connections.remove(&segment.source_port).is_some();
        };
        let admitted = within_windows(segment, &mut connection.client, server);
        if admitted && segment.flags.rst {
            self.connections.remove(&segment.source_port);
        }
        admitted
    }

    fn admits_syn(&mut self, segment: &Segment) -> bool {
        let end = segment.seq + segment.sequence_len();
        let known = self.connections.get(&segment.source_port);
        if known.is_some_and(|connection| connection.server.is_some()) {
            // A SYN on an open connection passes, so that the server's challenge ACK can be seen.
            return true;
        }
        let client = Side { end, max_end: end, max_window: u32::from(segment.window).max(1) };
        self.connections.insert(segment.source_port, Connection { client, server: None });
        true
    }

    fn admits_from_server(&mut self, segment: &Segment) -> bool {
        if ![SMTP_PORT, HTTPS_PORT].contains(&segment.source_port) {
            return false;
        }
        if segment.flags.rst {
            return self.connections.remove(&segment.destination_port).is_some();
        }
        let Some(connection) = self.connections.get_mut(&segment.destination_port) else { return false };
        if segment.flags.syn {
            connection.client.max_end = segment.ack + u32::from(segment.window);
            connection.client.max_window = connection.client.max_window.max(1);
            let end = segment.seq + segment.sequence_len();
            let max_end = end + connection.client.max_window;
            connection.server.get_or_insert(Side { end, max_end, max_window: u32::from(segment.window).max(1) });
            return true;
        }
        connection.server.as_mut().is_some_and(|server| within_windows(segment, server, &mut connection.client))
    }
}

/// The four conditions of `tcp_in_window`, and what an admitted segment teaches.
fn within_windows(segment: &Segment, sender: &mut Side, receiver: &mut Side) -> bool {
    let end = segment.seq + segment.sequence_len();
    let ack = if segment.flags.ack { segment.ack } else { receiver.end };
    let oldest = sender.end - receiver.max_window - 1;
    let oldest_ack = receiver.end - sender.max_window.max(LARGEST_ACK_LAG) - 1;
    let admitted = !segment.seq.is_after(sender.max_end)
        && end.is_after(oldest)
        && !ack.is_after(receiver.end)
        && ack.is_after(oldest_ack);
    if admitted {
        let window = u32::from(segment.window);
        if end.is_after(sender.end) {
            sender.end = end;
        }
        sender.max_window = sender.max_window.max(window);
        // A window of zero still lets one byte probe it.
        let allowed = ack + window.max(1);
        if allowed.is_after(receiver.max_end) {
            receiver.max_end = allowed;
        }
    }
    admitted
}
