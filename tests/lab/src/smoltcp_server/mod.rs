//! A mail server on smoltcp: a TCP of its own that owns the server's address, on the frames of an interface to which the kernel
//! has given none. It notes on stdout what the mail server on the kernel's TCP notes.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpCidr};

use crate::scenario_file::SMTP_PORT;

mod conversation;
mod link;

use conversation::{Conversation, note};
use link::{FrameLink, Mac};

/// Each listens for one connection: more than any visitor has open at the same time.
const SOCKETS: usize = 96;
const BUFFER: usize = 8192;
const LONGEST_SLEEP: Duration = Duration::from_millis(100);

/// What every foreign stack is told, in this order.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The interface whose frames it reads and writes.
    interface: String,
    /// The largest packet that it sends.
    mtu: usize,
    /// The hardware address of the interface.
    own: Mac,
    /// The hardware address of the only neighbour, to whom all packets go.
    neighbour: Mac,
    /// Its addresses and its gateways, which are that neighbour.
    v4: Ipv4Addr,
    v4_gateway: Ipv4Addr,
    v6: Ipv6Addr,
    v6_gateway: Ipv6Addr,
}

pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    let mut link = FrameLink::open(&arguments.interface, arguments.mtu, arguments.own, arguments.neighbour)?;
    let mut interface = interface(arguments, &mut link)?;
    let mut sockets = SocketSet::new(Vec::new());
    let mut lines: Vec<Line> = (0..SOCKETS).map(|_| Line::new(&mut sockets)).collect();
    let mut connections = 0;
    note("listening");
    loop {
        interface.poll(Instant::now(), &mut link, &mut sockets);
        for line in &mut lines {
            line.serve(sockets.get_mut(line.socket), &mut connections);
        }
        // What was said above goes out before the sleep.
        interface.poll(Instant::now(), &mut link, &mut sockets);
        let asked = interface.poll_delay(Instant::now(), &sockets).map(Duration::from);
        sleep(&link, asked.unwrap_or(LONGEST_SLEEP).min(LONGEST_SLEEP))?;
    }
}

fn interface(arguments: &Arguments, link: &mut FrameLink) -> io::Result<Interface> {
    let mut config = Config::new(HardwareAddress::Ip);
    config.random_seed = std::process::id().into();
    let mut interface = Interface::new(config, link, Instant::now());
    let addresses = [IpCidr::new(arguments.v4.into(), 24), IpCidr::new(arguments.v6.into(), 64)];
    let mut all_fit = true;
    interface.update_ip_addrs(|own| all_fit = addresses.into_iter().all(|address| own.push(address).is_ok()));
    let routes = interface.routes_mut();
    let has_routes = routes.add_default_ipv4_route(arguments.v4_gateway).is_ok()
        && routes.add_default_ipv6_route(arguments.v6_gateway).is_ok();
    if all_fit && has_routes { Ok(interface) } else { Err(io::Error::other("no room for addresses and routes")) }
}

fn sleep(link: &FrameLink, at_most: Duration) -> io::Result<()> {
    let mut ready = [PollFd::new(&link, PollFlags::IN)];
    let timeout = Timespec { tv_sec: 0, tv_nsec: at_most.subsec_nanos().into() };
    match poll(&mut ready, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

impl AsFd for FrameLink {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.file().as_fd()
    }
}

/// A socket, and the conversation on it.
struct Line {
    socket: SocketHandle,
    conversation: Option<Conversation>,
}

impl Line {
    fn new(sockets: &mut SocketSet<'_>) -> Self {
        let buffer = || tcp::SocketBuffer::new(vec![0; BUFFER]);
        Self { socket: sockets.add(tcp::Socket::new(buffer(), buffer())), conversation: None }
    }

    fn serve(&mut self, socket: &mut tcp::Socket<'_>, connections: &mut u32) {
        if !socket.is_open() {
            self.end("the connection is gone");
            // It fails only for port 0 and for sockets that are open.
            let _ = socket.listen(SMTP_PORT);
            return;
        }
        if self.conversation.is_none() && socket.may_send() {
            *connections += 1;
            let peer = socket.remote_endpoint().map(|peer| (std::net::IpAddr::from(peer.addr), peer.port));
            self.conversation = Some(Conversation::begin(*connections, peer));
        }
        let Some(conversation) = &mut self.conversation else { return };
        if socket.can_recv() {
            let _ = socket.recv(|bytes| (bytes.len(), conversation.hear(bytes)));
        }
        if let Ok(sent) = socket.send_slice(conversation.to_say()) {
            conversation.said(sent);
        }
        if conversation.is_over() {
            socket.close();
        } else if socket.state() == tcp::State::CloseWait {
            self.end("the peer closed without QUIT");
            socket.close();
        }
    }

    /// The end of a conversation, if it has not ended already.
    fn end(&mut self, why: &str) {
        if let Some(conversation) = self.conversation.take() {
            conversation.lost(why);
        }
    }
}
