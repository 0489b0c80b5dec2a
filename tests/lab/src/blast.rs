//! Sends UDP packets as fast as it can: what a path forwards at most.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where to.
    #[arg(long)]
    to: Ipv4Addr,
    /// Size of the IP packets.
    #[arg(long, default_value_t = 800)]
    size: usize,
    /// For how long.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
}

/// Prints how many packets it sent.
pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    const HEADERS: usize = 20 + 8;
    const BETWEEN_LOOKS: u64 = 64;
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.connect((arguments.to, 9))?;
    let payload = vec![0; arguments.size.saturating_sub(HEADERS)];
    let (end, mut sent) = (Instant::now() + Duration::from_secs(arguments.seconds), 0_u64);
    while Instant::now() < end {
        for _ in 0..BETWEEN_LOOKS {
            // Full queues and "port unreachable" are no reason to stop.
            sent += u64::from(socket.send(&payload).is_ok());
        }
    }
    println!("{sent}");
    Ok(())
}
