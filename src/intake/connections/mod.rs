//! Which of this host's TCP connections stand still as if the path swallowed large packets? Two looks at all of them in, the stalled ones
//! out, without I/O.
//!
//! * `forward`: what this host sends does not arrive; `backward`: what the peer sends does not.
//!
//! `docs/live-connections.md` has the rules.

mod backward;
mod forward;
mod judgement;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use crate::model::{
    Connections, Grade, Holder, Opener, PacketSize, Stall, StalledConnection, Survey, TcpInfo, TcpSocket, TcpState,
};
use judgement::{Judgement, packet};

/// Compares two looks, the earlier one first. `ports`: those that are wanted, this host's or the peer's; none means all.
pub fn judge(earlier: &[TcpSocket], later: &[TcpSocket], ports: &[u16]) -> Connections {
    let place = Place::of(later);
    let before: HashMap<u64, &TcpSocket> = earlier.iter().map(|socket| (socket.cookie, socket)).collect();
    let mut all = Connections { list: Vec::new(), survey: Survey { ports: ports.to_vec(), ..Survey::default() } };
    let is_wanted = |port: u16| ports.is_empty() || ports.contains(&port);
    for socket in later {
        if !carries_data(socket.state) || !is_wanted(socket.local.port()) && !is_wanted(socket.peer.port()) {
            continue;
        }
        // What is left of a connection that is over on both sides but for the peer's FIN: the kernel keeps next to nothing of it.
        let is_over = socket.state == TcpState::HalfClosed && socket.info.is_none();
        if is_over {
            continue;
        }
        if place.is_own(socket) {
            all.survey.own += 1;
            continue;
        }
        all.survey.looked_at += 1;
        // One that is new was looked at once, and that tells nothing.
        let looks = before.get(&socket.cookie).and_then(|before| Some((before.info.as_ref()?, socket.info.as_ref()?)));
        let opener = place.opener(socket);
        match looks.map(|(before, now)| one(socket, before, now, opener)) {
            Some(Judgement::Stalled(grade, stall)) => all.list.extend(describe(socket, opener, grade, stall)),
            Some(Judgement::WaitsForRoom) => all.survey.waiting_for_room += 1,
            Some(Judgement::Young) => all.survey.young += 1,
            Some(Judgement::Small) => all.survey.small += 1,
            Some(Judgement::Fine) => {}
            None => all.survey.untold += usize::from(socket.info.is_none()),
        }
    }
    all.list.sort_by_key(|one| {
        (Reverse(one.grade), !backward::is_mail(one.service_port()), Reverse(one.since()), one.cookie)
    });
    all
}

fn one(socket: &TcpSocket, before: &TcpInfo, now: &TcpInfo, opener: Opener) -> Judgement {
    match forward::judge(socket, before, now) {
        Judgement::Fine => backward::judge(socket, before, now, opener),
        judgement => judgement,
    }
}

fn carries_data(state: TcpState) -> bool {
    matches!(state, TcpState::Established | TcpState::Closing | TcpState::HalfClosed | TcpState::PeerClosed)
}

fn describe(socket: &TcpSocket, opener: Opener, grade: Grade, stall: Stall) -> Option<StalledConnection> {
    let info = socket.info.as_ref()?;
    Some(StalledConnection {
        cookie: socket.cookie,
        inode: socket.inode,
        local: socket.local,
        peer: socket.peer,
        zone: None,
        opener,
        holder: Holder::Unreadable,
        grade,
        stall,
        mss: info.snd_mss,
        full_packet: packet(socket, info, info.snd_mss),
        path_mtu: PacketSize::new(info.path_mtu),
        acknowledged: info.bytes_acked,
        received: info.bytes_received,
    })
}

/// What all sockets together tell: this host's addresses, and the ports that somebody listens at.
struct Place {
    own: HashSet<IpAddr>,
    listening: HashSet<u16>,
}

impl Place {
    fn of(sockets: &[TcpSocket]) -> Self {
        let own = sockets.iter().map(|socket| socket.local.ip()).filter(|address| !address.is_unspecified());
        let listening = sockets.iter().filter(|socket| socket.state == TcpState::Listening);
        Self { own: own.collect(), listening: listening.map(|socket| socket.local.port()).collect() }
    }

    /// No path leads from this host to itself.
    fn is_own(&self, socket: &TcpSocket) -> bool {
        let peer = socket.peer.ip();
        peer.is_loopback() || self.own.contains(&peer)
    }

    fn opener(&self, socket: &TcpSocket) -> Opener {
        if self.listening.contains(&socket.local.port()) { Opener::Peer } else { Opener::ThisHost }
    }
}
