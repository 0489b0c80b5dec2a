//! A transparent proxy: it takes every connection at once and carries its bytes over a connection of its own.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where to listen, in the family of the server.
    #[arg(long)]
    port: u16,
    /// The server.
    #[arg(long)]
    to: SocketAddr,
}

pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    let any = if arguments.to.is_ipv4() { "0.0.0.0" } else { "::" };
    let listener = TcpListener::bind((any, arguments.port))?;
    println!("listening {}", listener.local_addr()?);
    for client in listener.incoming() {
        let (client, to) = (client?, arguments.to);
        thread::spawn(move || carry_both_ways(&client, to));
    }
    Ok(())
}

/// A connection that breaks breaks the other one as well.
fn carry_both_ways(client: &TcpStream, to: SocketAddr) {
    let Ok(server) = TcpStream::connect(to) else { return };
    thread::scope(|scope| {
        scope.spawn(|| carry(client, &server));
        scope.spawn(|| carry(&server, client));
    });
}

fn carry(mut from: &TcpStream, mut to: &TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
