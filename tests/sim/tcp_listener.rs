//! The peer's TCP: who is answered, and how, before a connection is established.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use pmtu_probe::model::{Family, Flags, PacketSize, Segment, SeqNumber, Timestamp};

use super::rng::Rng;
use super::tcp::{Agreed, Connection, INVALID_INTERVAL, Out, Start};
use super::tcp_sender::Limits;
use crate::scenario::{Peer, Port, Resets, Stack, Tls};

/// `TCP_TIMEOUT_INIT`.
const SYN_ACK_RTO: Duration = Duration::from_secs(1);
const SYN_ACK_RETRIES: u32 = 5;
const RECEIVE_WINDOW: u16 = 64_240;
/// `tcp_full_space`, as far as a window without scaling goes.
const RECEIVE_SPACE: u16 = u16::MAX;

/// The TCP of the peer.
#[derive(Debug)]
pub struct Listener {
    habits: Peer,
    family: Family,
    mtu: u32,
    /// Path MTU towards the client, as PTBs taught it.
    path_mtu: u32,
    half_open: BTreeMap<(IpAddr, u16), HalfOpen>,
    pub connections: BTreeMap<(IpAddr, u16), Connection>,
    /// Connections that made room for a new one on the same port.
    pub finished: Vec<Connection>,
    /// How many connections were established.
    pub established: u32,
    /// Whether the client reset a connection that was established.
    pub reset_by_client: bool,
}

/// SYN received.
#[derive(Debug)]
struct HalfOpen {
    agreed: Agreed,
    limits: Limits,
    since: Timestamp,
    rto: Duration,
    tries: u32,
    again_at: Timestamp,
    last_limited: Option<Timestamp>,
}

impl Listener {
    pub fn new(habits: &Peer, family: Family, mtu: u32) -> Self {
        Self {
            habits: habits.clone(),
            family,
            mtu,
            path_mtu: mtu,
            half_open: BTreeMap::new(),
            connections: BTreeMap::new(),
            finished: Vec::new(),
            established: 0,
            reset_by_client: false,
        }
    }

    pub fn receive(&mut self, from: IpAddr, segment: &Segment, now: Timestamp, rng: &mut Rng) -> Out {
        if self.habits.stack == Stack::Smoltcp && segment.flags.rst && !segment.flags.ack {
            // What acknowledges nothing goes to the first socket that listens, not to that of the connection.
            return Out::new();
        }
        let key = (from, segment.source_port);
        if segment.destination_port != self.habits.port() || self.habits.port == Port::Closed {
            return refuse(segment);
        }
        if matches!(self.habits.port, Port::Filtered | Port::Prohibited) {
            return Out::new();
        }
        let is_syn = segment.flags.syn && !segment.flags.ack;
        if self.half_open.contains_key(&key) {
            return self.receive_half_open(key, segment, now, rng);
        }
        let is_gone = |connection: &Connection| connection.is_forgotten() || (is_syn && connection.is_closed());
        if self.connections.get(&key).is_some_and(is_gone) {
            self.finished.extend(self.connections.remove(&key));
        }
        match self.connections.get_mut(&key) {
            Some(connection) => {
                let out = connection.receive(segment, now);
                self.reset_by_client |= connection.reset_by_client;
                out
            }
            None if is_syn && !segment.flags.rst => self.open(key, segment, now, rng),
            None => refuse(segment),
        }
    }

    fn open(&mut self, key: (IpAddr, u16), syn: &Segment, now: Timestamp, rng: &mut Rng) -> Out {
        let own_mss = self.own_mss();
        // RFC 9293, 3.7.1: without the option, 536 in IPv4 and 1220 in IPv6.
        let assumed = if self.family == Family::V4 { 536 } else { 1220 };
        let agreed = Agreed {
            local_port: self.habits.port(),
            remote_port: key.1,
            iss: SeqNumber(rng.next_u64() as u32),
            irs: syn.seq,
            sack: syn.sack_permitted && self.habits.sack,
        };
        let limits = Limits {
            mss: syn.mss.unwrap_or(assumed).min(own_mss).into(),
            headers: self.family.tcp_headers(),
            sack: agreed.sack,
            mtu_probing: self.habits.mtu_probing,
        };
        let again_at = now + SYN_ACK_RTO;
        let half_open =
            HalfOpen { agreed, limits, since: now, rto: SYN_ACK_RTO, tries: 0, again_at, last_limited: None };
        self.half_open.insert(key, half_open);
        vec![self.syn_ack(&agreed)]
    }

    /// `ipv4_default_advmss`, `ip6_default_advmss`: what PTBs taught counts.
    fn own_mss(&self) -> u16 {
        PacketSize::new(self.mtu.min(self.path_mtu)).to_mss(self.family)
    }

    fn syn_ack(&self, agreed: &Agreed) -> Segment {
        let ack = agreed.irs + 1;
        let mut segment = Segment::new(agreed.local_port, agreed.remote_port, agreed.iss, ack, Flags::SYN_ACK);
        let mss = self.own_mss();
        // `tcp_select_initial_window`: whole segments.
        segment.window = RECEIVE_SPACE / mss * mss;
        segment.mss = Some(mss);
        segment.sack_permitted = agreed.sack;
        segment
    }

    /// `tcp_check_req`.
    fn receive_half_open(&mut self, key: (IpAddr, u16), segment: &Segment, now: Timestamp, rng: &mut Rng) -> Out {
        let Some(half_open) = self.half_open.get_mut(&key) else { return Out::new() };
        let agreed = half_open.agreed;
        let rcv_nxt = agreed.irs + 1;
        let plain_ack = || {
            let mut ack = Segment::new(agreed.local_port, key.1, agreed.iss + 1, rcv_nxt, Flags::ACK);
            ack.window = RECEIVE_WINDOW;
            vec![ack]
        };
        if segment.flags.syn && segment.seq == agreed.irs {
            let again = half_open.passes_limit(now);
            return if again { vec![self.syn_ack(&agreed)] } else { Out::new() };
        }
        let end = segment.seq + segment.sequence_len();
        let in_window = segment.seq == rcv_nxt
            || (end.is_after(rcv_nxt) && (rcv_nxt + u32::from(RECEIVE_WINDOW)).is_after(segment.seq));
        if !in_window {
            let exempt = !segment.payload.is_empty() && !segment.flags.syn;
            let answered = !segment.flags.rst && (exempt || half_open.passes_limit(now));
            return if answered { plain_ack() } else { Out::new() };
        }
        if segment.flags.rst {
            if segment.seq == rcv_nxt {
                self.half_open.remove(&key);
            }
            return Out::new();
        }
        if segment.flags.syn || !segment.flags.ack {
            return Out::new();
        }
        if segment.ack != agreed.iss + 1 {
            return refuse(segment);
        }
        let start = Start {
            limits: half_open.limits,
            path_mtu: self.path_mtu,
            // Karn: after a repetition nobody knows which one was answered.
            rtt: (half_open.tries == 0).then(|| now.since(half_open.since)),
            quick_ack: rng.chance(0.5),
        };
        self.half_open.remove(&key);
        self.establish(key, agreed, start, segment, now)
    }

    fn establish(&mut self, key: (IpAddr, u16), agreed: Agreed, start: Start, ack: &Segment, now: Timestamp) -> Out {
        self.established += 1;
        let mut connection = Connection::new(agreed, &self.habits, start);
        if self.habits.resets == Resets::AfterHandshake {
            return vec![connection.abort()];
        }
        connection.sender.on_ack(ack, now);
        if self.habits.greeting && self.habits.tls != Tls::Implicit {
            connection.greet_at = Some(now + Duration::from_millis(self.habits.greeting_after_ms.into()));
        }
        let out = if ack.sequence_len() > 0 { connection.receive(ack, now) } else { Out::new() };
        self.connections.insert(key, connection);
        out
    }

    /// The host knows a smaller path MTU towards the client.
    pub fn learn(&mut self, path_mtu: u32) {
        self.path_mtu = path_mtu;
        for connection in self.connections.values_mut() {
            connection.sender.path_mtu = path_mtu;
        }
    }

    /// A PTB quotes a segment to this client.
    pub fn too_big(&mut self, client: IpAddr, port: u16, seq: SeqNumber, now: Timestamp) -> Out {
        self.connections.get_mut(&(client, port)).map_or(Out::new(), |connection| connection.too_big(seq, now))
    }

    /// Whether a segment with this sequence number is on its way to this client: PTBs about others are not believed.
    pub fn has_sent(&self, client: IpAddr, port: u16, seq: SeqNumber) -> bool {
        self.connections.get(&(client, port)).is_some_and(|connection| connection.sender.covers(seq))
    }

    /// Timers that are due, by client.
    pub fn wake(&mut self, now: Timestamp) -> Vec<(IpAddr, Segment)> {
        let mut out = Vec::new();
        let due: Vec<(IpAddr, u16)> =
            self.half_open.iter().filter(|(_, half)| half.again_at <= now).map(|(key, _)| *key).collect();
        for key in due {
            let Some(half_open) = self.half_open.get_mut(&key) else { continue };
            half_open.tries += 1;
            half_open.rto *= 2;
            half_open.again_at = now + half_open.rto;
            let (agreed, tries) = (half_open.agreed, half_open.tries);
            if tries > SYN_ACK_RETRIES {
                self.half_open.remove(&key);
            } else {
                out.push((key.0, self.syn_ack(&agreed)));
            }
        }
        let mut aborted = Vec::new();
        for (key, connection) in &mut self.connections {
            if connection.next_wake().is_some_and(|at| at <= now) {
                let greets = connection.greet_at.is_some_and(|at| at <= now);
                out.extend(connection.wake(now).into_iter().map(|segment| (key.0, segment)));
                if greets && self.habits.resets == Resets::AfterGreeting {
                    out.push((key.0, connection.abort()));
                    aborted.push(*key);
                }
            }
        }
        for key in aborted {
            self.connections.remove(&key);
        }
        out
    }

    pub fn next_wake(&self) -> Option<Timestamp> {
        let half_open = self.half_open.values().map(|half| half.again_at);
        half_open.chain(self.connections.values().filter_map(Connection::next_wake)).min()
    }
}

impl HalfOpen {
    fn passes_limit(&mut self, now: Timestamp) -> bool {
        let passes = self.last_limited.is_none_or(|last| now.since(last) >= INVALID_INTERVAL);
        if passes {
            self.last_limited = Some(now);
        }
        passes
    }
}

/// A segment that belongs to no connection (RFC 9293, 3.5.2, group 1).
pub fn refuse(segment: &Segment) -> Out {
    if segment.flags.rst {
        return Out::new();
    }
    let (seq, ack, flags) = if segment.flags.ack {
        (segment.ack, SeqNumber::default(), Flags::RST)
    } else {
        (SeqNumber::default(), segment.seq + segment.sequence_len(), Flags::RST_ACK)
    };
    let mut reset = Segment::new(segment.destination_port, segment.source_port, seq, ack, flags);
    reset.window = 0;
    vec![reset]
}
