//! How probes draw an answer.

/// A probing method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Segments of a TCP connection, or SYNs.
    Tcp,
    /// ICMP echo.
    Icmp,
}

/// A way to draw an answer that names the size of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Technique {
    /// Segments below the receiver's `rcv_nxt`, answered by D-SACK (RFC 2883) or by a plain duplicate ACK.
    OldData,
    /// SMTP bytes: sent once in order, then repacketised.
    SmtpData,
    /// SYNs that carry data.
    SynData,
    /// New SMTP bytes, each at the end of a segment that is otherwise old.
    RealBytes,
    /// ICMP echo requests.
    Echo,
}
