//! The moods of the mail server.

#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(crate) struct Arguments {
    /// The TCP port, on all addresses of both families.
    #[arg(long, default_value_t = 25)]
    pub(super) port: u16,
    /// Milliseconds before the greeting.
    #[arg(long, default_value_t = 0)]
    pub(super) greeting_delay_ms: u64,
    /// Never greet, only listen.
    #[arg(long)]
    pub(super) no_greeting: bool,
    /// Reset the connection at this point.
    #[arg(long, value_enum)]
    pub(super) reset: Option<ResetAt>,
    /// Refuse service with this code in place of the greeting, and close.
    #[arg(long, value_name = "CODE")]
    pub(super) turn_away: Option<u16>,
    /// Close the connection as soon as it is accepted.
    #[arg(long)]
    pub(super) hang_up: bool,
    /// Keep the receive window shut: never read, with the smallest buffer.
    #[arg(long)]
    pub(super) zero_window: bool,
    /// Milliseconds before every answer.
    #[arg(long, default_value_t = 0)]
    pub(super) tarpit_ms: u64,
    /// Say everything at this many bytes a second, one by one; 0: at once.
    #[arg(long, default_value_t = 0)]
    pub(super) bytes_per_second: u32,
    /// TLS on the port.
    #[arg(long, value_enum, default_value_t = Tls::None)]
    pub(super) tls: Tls,
    /// About so many bytes answer a client hello: names are added to the certificate.
    #[arg(long, default_value_t = 3400)]
    pub(super) flight: usize,
    /// End when the parent process ends.
    #[arg(long)]
    pub(super) with_parent: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ResetAt {
    /// As soon as it is accepted.
    Accept,
    /// After the greeting.
    Greeting,
    /// After the first command.
    Command,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Tls {
    /// No STARTTLS.
    None,
    /// STARTTLS, and SMTP inside.
    Starttls,
    /// STARTTLS is offered and refused with 454.
    Refused,
    /// Every client hello is answered by a fatal alert.
    Alert,
    /// TLS from the first byte, and no SMTP.
    Implicit,
}

impl Tls {
    pub(super) fn is_offered(self) -> bool {
        matches!(self, Self::Starttls | Self::Refused | Self::Alert)
    }
}
