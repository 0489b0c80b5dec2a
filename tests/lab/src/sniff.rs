//! Prints every packet of an interface, in both directions, with the time at which it passed: a witness for the tests that needs
//! no other user to become.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::port;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The interface.
    interface: String,
}

pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    let mut socket = port::witness(&arguments.interface)?;
    let mut out = io::stdout().lock();
    writeln!(out, "ready")?;
    let mut buffer = vec![0; 1 << 17];
    loop {
        let length = match socket.read(&mut buffer) {
            // The interface went down.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::NETDOWN.raw_os_error()) => continue,
            other => other?,
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // The Ethernet header says nothing about the packet.
        let packet = buffer[..length].get(14..).unwrap_or_default();
        let hex = packet.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        writeln!(out, "{:.6} {hex}", now.as_secs_f64())?;
        out.flush()?;
    }
}
