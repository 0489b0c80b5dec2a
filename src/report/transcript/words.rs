//! What a packet is and what it means, in words.

use crate::model::{
    Body, Family, IcmpError, IcmpErrorKind, Meaning, Packet, PacketEvent, PacketEventKind, PacketSize, Probe, Purpose,
    Refusal, Segment, Technique, Ttl,
};
use crate::report::printable::printable;
use crate::report::words::unreachable;

pub(super) fn tell(event: &PacketEvent<'_>) -> String {
    let words = meaning(event.meaning, event.packet);
    match event.kind {
        PacketEventKind::Sent | PacketEventKind::Received => words,
        PacketEventKind::Refused(refusal) => format!("not sent, {}: {words}", why_refused(refusal)),
        PacketEventKind::PassedFirewall => format!("{words}: passed this host's firewall"),
    }
}

fn meaning(meaning: Meaning, packet: &Packet) -> String {
    match meaning {
        Meaning::Connection(_) | Meaning::Unreachable => plain(packet),
        Meaning::Probe(probe) => outgoing(probe, packet),
        Meaning::Answer(probe) => answer(probe),
        Meaning::Hop(probe) => hop(probe, packet),
        Meaning::TooBig { refused, mtu, checksum_ok } => too_big(packet, refused, mtu, checksum_ok),
        Meaning::Fetched { size, after_gap: false } => format!("{size} bytes of the server arrive: {}", plain(packet)),
        Meaning::Fetched { size, after_gap: true } => {
            format!("{size} bytes of the server arrive, those before them do not: {}", plain(packet))
        }
        Meaning::OwnTcp => format!("this host's own TCP: {}", plain(packet)),
        Meaning::AckProbe => format!("a byte again, to learn how far the server has come: {}", plain(packet)),
        Meaning::OwnPtb { mtu } => format!("our own message that its packet is too big, MTU {mtu}"),
        Meaning::Stray => format!("does not count: {}", plain(packet)),
    }
}

fn outgoing(probe: Probe, packet: &Packet) -> String {
    let what = match probe.purpose {
        Purpose::Search | Purpose::Trace(_) => technique(probe.technique).to_owned(),
        Purpose::Confirm => format!("{}, to confirm", technique(probe.technique)),
        Purpose::NoDfCopy => format!("{}, a copy that routers may cut", technique(probe.technique)),
        Purpose::Fragments => format!("{}, cut into small fragments", technique(probe.technique)),
        Purpose::FragmentedCopy => format!("{}, a copy cut into fragments", technique(probe.technique)),
        Purpose::RealBytes => format!("real bytes of the conversation, {}", last_line(packet)),
        Purpose::CutBytes => format!("the same real bytes, cut, {}", last_line(packet)),
        Purpose::Flow { port } => format!("{}, flow from port {port}", technique(probe.technique)),
    };
    format!("probe {}{}{}, {what}", probe.size, fragmentation(packet), limit(probe.purpose))
}

/// In IPv6 no router fragments, so there is nothing to say.
fn fragmentation(packet: &Packet) -> &'static str {
    match (packet.family(), packet.ip.dont_fragment) {
        (Family::V4, true) => ", DF",
        (Family::V4, false) => ", no DF",
        (Family::V6, _) => "",
    }
}

fn limit(purpose: Purpose) -> String {
    match purpose {
        Purpose::Trace(Ttl(ttl)) => format!(", TTL {ttl}"),
        _ => String::new(),
    }
}

fn answer(probe: Probe) -> String {
    let size = probe.size;
    let proved = match probe.purpose {
        // An echo reply is as large as the request.
        Purpose::Search | Purpose::Confirm if probe.technique == Technique::Echo => {
            format!("{size} bytes pass both ways")
        }
        Purpose::Search | Purpose::Confirm => format!("{size} bytes pass"),
        Purpose::NoDfCopy => "passes where routers may cut it".into(),
        Purpose::Fragments => "small fragments pass".into(),
        Purpose::FragmentedCopy => "passes in fragments".into(),
        Purpose::Trace(Ttl(ttl)) => format!("the target is at most {ttl} hops away"),
        Purpose::RealBytes => format!("real bytes pass in {size} bytes"),
        Purpose::CutBytes => format!("the cut bytes pass in {size} bytes"),
        Purpose::Flow { port } => format!("{size} bytes pass on the flow from port {port}"),
    };
    format!("answer to {size}{}, {}: {proved}", limit(probe.purpose), technique(probe.technique))
}

fn hop(probe: Probe, packet: &Packet) -> String {
    let number = match probe.purpose {
        Purpose::Trace(Ttl(ttl)) => format!("hop {ttl} "),
        _ => String::new(),
    };
    let cleared = match &packet.body {
        Body::Error(error) if !error.quote.dont_fragment => "; DF was cleared on the way",
        _ => "",
    };
    format!("{number}{}: time exceeded for {}: it came this far{cleared}", packet.ip.source, probe.size)
}

fn too_big(packet: &Packet, refused: PacketSize, mtu: u32, checksum_ok: bool) -> String {
    let stated = if mtu == 0 { "without an MTU".into() } else { format!("MTU {mtu}") };
    let fault = if checksum_ok { "" } else { "; its checksum is wrong, so kernels drop it" };
    format!("{}, {stated}, from {} about {refused}{fault}", ptb_name(packet.family()), packet.ip.source)
}

fn ptb_name(family: Family) -> &'static str {
    match family {
        Family::V4 => "fragmentation needed",
        Family::V6 => "packet too big",
    }
}

/// What a packet is, whatever it means.
fn plain(packet: &Packet) -> String {
    match &packet.body {
        Body::Tcp(segment) => segment_words(segment),
        Body::EchoRequest(echo) => format!("echo request {}", echo.seq),
        Body::EchoReply(echo) => format!("echo reply {}", echo.seq),
        Body::Error(error) => error_words(packet, error),
    }
}

fn error_words(packet: &Packet, error: &IcmpError) -> String {
    let about = error.quote.size;
    let fault = if error.checksum_ok { "" } else { "; its checksum is wrong" };
    let words = match error.kind {
        IcmpErrorKind::Ptb { mtu } => return too_big(packet, about, mtu, error.checksum_ok),
        IcmpErrorKind::TimeExceeded => "time exceeded",
        IcmpErrorKind::Unreachable { code } => unreachable(packet.family(), code),
    };
    format!("{words}, from {} about {about}{fault}", packet.ip.source)
}

fn segment_words(segment: &Segment) -> String {
    let flags = segment.flags;
    let mut words = Vec::new();
    if !segment.payload.is_empty() {
        words.push(quoted(&segment.payload));
    }
    match (flags.syn, flags.rst, flags.fin) {
        (_, true, _) => words.push("RST".into()),
        (true, ..) => words.push(if flags.ack { "SYN-ACK" } else { "SYN" }.into()),
        (_, _, true) => words.push("FIN".into()),
        _ if words.is_empty() => words.push("ACK".into()),
        _ => {}
    }
    if flags.syn {
        words.extend(segment.mss.map(|mss| format!("MSS {mss}")));
        words.extend(segment.sack_permitted.then(|| "SACK".into()));
    }
    if segment.window == 0 && !flags.rst {
        words.push("window closed".into());
    }
    words.join(", ")
}

/// The first line of what one side says, or what kind of bytes they are.
fn quoted(payload: &[u8]) -> String {
    if let Some(record) = tls_record(payload) {
        return record.into();
    }
    if !is_text(payload) {
        return format!("{} bytes that are no text", payload.len());
    }
    let text = String::from_utf8_lossy(payload);
    let mut lines = text.lines();
    let first = in_quotes(lines.next().unwrap_or_default());
    match lines.count() {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// What a TLS record that begins here carries (RFC 8446, 5.1).
fn tls_record(payload: &[u8]) -> Option<&'static str> {
    match payload {
        [20, 3, ..] => Some("TLS change of cipher"),
        [21, 3, ..] => Some("TLS alert"),
        [22, 3, _, _, _, 1, ..] => Some("TLS client hello"),
        [22, 3, _, _, _, 2, ..] => Some("TLS server hello, and what follows it"),
        [22, 3, ..] => Some("TLS handshake"),
        [23, 3, ..] => Some("TLS, encrypted"),
        _ => None,
    }
}

/// Mostly letters: what a server strews in between is shown as it is, made harmless.
fn is_text(payload: &[u8]) -> bool {
    let is_odd = |byte: &&u8| !byte.is_ascii_graphic() && !byte.is_ascii_whitespace();
    payload.iter().filter(is_odd).count() * 2 < payload.len()
}

/// The last line of a segment of real bytes: what comes before it is old to the server. Dots fill what was never said.
fn last_line(packet: &Packet) -> String {
    let Body::Tcp(segment) = &packet.body else { return String::new() };
    let text = String::from_utf8_lossy(&segment.payload);
    match text.trim_end().rsplit('\n').next().unwrap_or_default().trim_start_matches('.') {
        "" => "the end of the line".into(),
        line => in_quotes(line),
    }
}

/// In quotes, so that no server can feign a line of the transcript.
fn in_quotes(text: &str) -> String {
    const ROOM: usize = 60;
    let shown: String = text.chars().take(ROOM).collect();
    let end = if shown.len() < text.len() { ".." } else { "" };
    format!("\"{}{end}\"", printable(&shown).replace('"', "\\\""))
}

fn technique(technique: Technique) -> &'static str {
    match technique {
        Technique::OldData => "old data",
        Technique::SmtpData => "repeated SMTP lines",
        Technique::SynData => "SYN with data",
        Technique::RealBytes => "new SMTP bytes",
        Technique::Echo => "ICMP echo",
    }
}

fn why_refused(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::TooBig => "larger than the interface takes",
        Refusal::Forbidden => "this host's firewall forbids it",
        Refusal::NoRoute => "no route or no neighbour",
        Refusal::Busy => "the buffers of this host are full",
        Refusal::InterfaceDown => "the interface is down",
    }
}
