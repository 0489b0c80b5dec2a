//! One line about a packet, as tcpdump would print it.

use std::fmt;

use crate::model::{Body, Echo, Family, Flags, IcmpError, IcmpErrorKind, Packet, Quote, QuotedTransport, Segment};

/// One line about `packet`, for logs.
pub fn summary(packet: &Packet) -> String {
    Summary(packet).to_string()
}

/// Shows a packet as one line. Costs nothing until it is printed.
#[derive(Clone, Copy, Debug)]
pub struct Summary<'a>(pub &'a Packet);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ip = &self.0.ip;
        let family = self.0.family();
        match &self.0.body {
            Body::Tcp(segment) => {
                let (from, to) = (segment.source_port, segment.destination_port);
                write!(f, "{} {}.{from} > {}.{to}: ", name(family), ip.source, ip.destination)?;
                write_segment(f, segment)?;
            }
            Body::EchoRequest(echo) => {
                write!(f, "{} {} > {}: ", name(family), ip.source, ip.destination)?;
                write_echo(f, *echo, "request")?;
            }
            Body::EchoReply(echo) => {
                write!(f, "{} {} > {}: ", name(family), ip.source, ip.destination)?;
                write_echo(f, *echo, "reply")?;
            }
            Body::Error(error) => {
                write!(f, "{} {} > {}: ", name(family), ip.source, ip.destination)?;
                write_error(f, error)?;
            }
        }
        if let Some(size) = self.0.size() {
            write!(f, ", size {size}")?;
        }
        write_ip(f, family, ip.ttl.0, ip.dont_fragment, ip.id)
    }
}

const fn name(family: Family) -> &'static str {
    match family {
        Family::V4 => "IP",
        Family::V6 => "IP6",
    }
}

fn write_ip(f: &mut fmt::Formatter<'_>, family: Family, ttl: u8, dont_fragment: bool, id: u16) -> fmt::Result {
    match family {
        Family::V4 if dont_fragment => write!(f, ", ttl {ttl}, DF, id {id}"),
        Family::V4 => write!(f, ", ttl {ttl}, id {id}"),
        Family::V6 => write!(f, ", hlim {ttl}, flow {id}"),
    }
}

fn write_segment(f: &mut fmt::Formatter<'_>, segment: &Segment) -> fmt::Result {
    write!(f, "Flags [{}], seq {}", Letters(segment.flags), segment.seq)?;
    if !segment.payload.is_empty() {
        write!(f, ":{}", segment.seq + segment.payload.len() as u32)?;
    }
    if segment.flags.ack {
        write!(f, ", ack {}", segment.ack)?;
    }
    write!(f, ", win {}", segment.window)?;
    if let Some(mss) = segment.mss {
        write!(f, ", mss {mss}")?;
    }
    if segment.sack_permitted {
        f.write_str(", sackOK")?;
    }
    if let Some((value, echo)) = segment.timestamps {
        write!(f, ", TS val {value} ecr {echo}")?;
    }
    for (left, right) in segment.sack.iter() {
        write!(f, ", sack {{{left}:{right}}}")?;
    }
    write!(f, ", length {}", segment.payload.len())
}

/// Control bits in tcpdump's letters.
struct Letters(Flags);

impl fmt::Display for Letters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Flags { syn, ack, psh, rst, fin } = self.0;
        for (set, letter) in [(fin, "F"), (syn, "S"), (rst, "R"), (psh, "P"), (ack, ".")] {
            f.write_str(if set { letter } else { "" })?;
        }
        Ok(())
    }
}

fn write_echo(f: &mut fmt::Formatter<'_>, echo: Echo, kind: &str) -> fmt::Result {
    write!(f, "echo {kind}, id {}, seq {}, length {}", echo.ident, echo.seq, echo.payload_len)
}

fn write_error(f: &mut fmt::Formatter<'_>, error: &IcmpError) -> fmt::Result {
    match error.kind {
        IcmpErrorKind::Ptb { mtu } => write!(f, "packet too big, mtu {mtu}")?,
        IcmpErrorKind::TimeExceeded => f.write_str("time exceeded")?,
        IcmpErrorKind::Unreachable { code } => write!(f, "unreachable, code {code}")?,
    }
    f.write_str(if error.checksum_ok { "" } else { ", bad checksum" })?;
    f.write_str(", about [")?;
    write_quote(f, &error.quote)?;
    f.write_str("]")
}

fn write_quote(f: &mut fmt::Formatter<'_>, quote: &Quote) -> fmt::Result {
    let (source, destination) = (quote.source, quote.destination);
    match quote.transport {
        QuotedTransport::Tcp { source_port, destination_port, seq } => {
            write!(f, "{source}.{source_port} > {destination}.{destination_port}: seq {seq}")?;
        }
        QuotedTransport::Echo { ident, seq } => {
            write!(f, "{source} > {destination}: echo request, id {ident}, seq {seq}")?;
        }
        QuotedTransport::Other(protocol) => write!(f, "{source} > {destination}: protocol {protocol}")?,
    }
    write!(f, ", size {}", quote.size)?;
    write_ip(f, Family::of(destination), quote.ttl.0, quote.dont_fragment, quote.id)
}
