//! The watch over connections, driven by hand on a clock of its own. What is expected of it is worked out from the life of each connection,
//! which the test makes up.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::*;
use crate::model::{
    BackwardSign, BackwardStall, Connections, Direction, ForwardStall, Grade, History, Holder, Opener, PacketSize,
    Sighting, Stall, StallEvent, StallNews, StalledConnection, TcpInfo, TcpSocket, TcpState, TcpTimer, Timestamp,
    Verdict,
};

pub(super) const LOOK: f64 = 2.0;
const INTERVAL: Duration = Duration::from_secs(300);

pub(super) fn at(seconds: f64) -> Timestamp {
    Timestamp::from_origin(Duration::from_secs_f64(seconds))
}

pub(super) fn peer(host: u8, port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, host)), port)
}

pub(super) fn stalled(cookie: u64, peer: SocketAddr, since: f64) -> StalledConnection {
    let since = Duration::from_secs_f64(since);
    let stall = ForwardStall {
        since,
        waiting: 83_984,
        in_flight: 21_720,
        segments: 15,
        segment: 1448,
        packet: PacketSize::new(1500),
        sacked: 0,
        retransmissions: 3,
        next_in: Duration::from_secs(1),
        silent_for: since,
        history: History::Nothing,
    };
    StalledConnection {
        cookie,
        inode: 7,
        local: peer_of_this_host(cookie),
        peer,
        zone: None,
        opener: Opener::ThisHost,
        holder: Holder::Nobody,
        grade: Grade::Likely,
        stall: Stall::Forward(stall),
        mss: 1448,
        full_packet: PacketSize::new(1500),
        path_mtu: PacketSize::new(1500),
        acknowledged: 100,
        received: 10,
    }
}

fn peer_of_this_host(cookie: u64) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 40_000 + (cookie % 20_000) as u16)
}

pub(super) fn backward(cookie: u64, peer: SocketAddr, since: f64) -> StalledConnection {
    let stall = BackwardStall {
        since: Duration::from_secs_f64(since),
        sign: BackwardSign::Gap { held: 1488 },
        received: 10,
        segments: 1,
    };
    StalledConnection { stall: Stall::Backward(stall), ..stalled(cookie, peer, since) }
}

/// What the kernel says of it while so much was acknowledged and came.
fn socket(connection: &StalledConnection, bytes: (u64, u64)) -> TcpSocket {
    TcpSocket {
        cookie: connection.cookie,
        inode: connection.inode,
        local: connection.local,
        peer: connection.peer,
        state: TcpState::Established,
        timer: TcpTimer::Retransmit(Duration::from_secs(1)),
        unread: 0,
        unacknowledged: 1,
        receive_memory: None,
        info: Some(TcpInfo { bytes_acked: bytes.0, bytes_received: bytes.1, ..TcpInfo::default() }),
    }
}

fn saw(verdict: Verdict) -> Sighting {
    Sighting { code: if verdict == Verdict::BlackHole { 2 } else { 0 }, ..Sighting::example(verdict, 1400) }
}

/// Looks and examinations by hand.
pub(super) struct World {
    pub(super) stalls: Stalls,
    pub(super) now: f64,
    /// By cookie: those that the judge finds still, and all that there are.
    pub(super) still: BTreeMap<u64, StalledConnection>,
    pub(super) moving: BTreeMap<u64, StalledConnection>,
    pub(super) says: Verdict,
    pub(super) took: f64,
    pub(super) running: Vec<(f64, u64)>,
    pub(super) orders: Vec<(f64, StallOrder)>,
    pub(super) news: Vec<(f64, StallNews)>,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            stalls: Stalls::new(INTERVAL, true),
            now: 0.0,
            still: BTreeMap::new(),
            moving: BTreeMap::new(),
            says: Verdict::BlackHole,
            took: 1.0,
            running: Vec::new(),
            orders: Vec::new(),
            news: Vec::new(),
        }
    }

    pub(super) fn stall(&mut self, connection: StalledConnection) {
        self.moving.remove(&connection.cookie);
        self.still.insert(connection.cookie, connection);
    }

    fn look(&mut self) {
        let list = self.still.values().cloned().collect();
        let still = self.still.values().map(|one| socket(one, (one.acknowledged, one.received)));
        let moving = self.moving.values().map(|one| socket(one, (one.acknowledged + 1000, one.received + 1000)));
        let sockets: Vec<TcpSocket> = still.chain(moving).collect();
        self.stalls.looked(&Connections { list, ..Connections::default() }, &sockets, at(self.now));
        self.act();
    }

    fn act(&mut self) {
        let now = at(self.now);
        for order in self.stalls.orders(now) {
            self.running.push((self.now + self.took, order.number));
            self.orders.push((self.now, order));
        }
        while let Some(news) = self.stalls.news() {
            self.news.push((self.now, news));
        }
    }

    /// Goes on with a look every two seconds, and one whenever it is asked for.
    pub(super) fn run(&mut self, until: f64) {
        while self.now < until {
            self.look();
            let next = (self.now + LOOK).min(until);
            while let Some(index) = self.running.iter().position(|(end, _)| *end <= next) {
                let (end, number) = self.running.remove(index);
                self.now = self.now.max(end);
                self.stalls.examined(number, Some(saw(self.says)), at(self.now));
                self.act();
                if self.stalls.wants_look() {
                    self.look();
                }
            }
            self.now = next;
        }
    }

    fn told(&self) -> Vec<(u64, &'static str)> {
        self.news.iter().map(|(_, news)| (news.connection.cookie, word(&news.what))).collect()
    }
}

fn word(event: &StallEvent) -> &'static str {
    match event {
        StallEvent::Stalled => "stalled",
        StallEvent::Changed { .. } => "changed",
        StallEvent::MovesAgain => "moves",
        StallEvent::GivenUp => "given up",
        StallEvent::Ended => "ended",
    }
}

#[test]
fn a_stall_is_told_with_its_verdict_and_its_end_with_its_length() {
    let mut world = World::new();
    world.run(10.0);
    world.stall(stalled(1, peer(1, 25), 3.0));
    world.run(40.0);
    let (when, news) = &world.news[0];
    assert!(*when <= 10.0 + LOOK + world.took, "{when}");
    assert_eq!((news.peer.and_then(|peer| peer.there), news.hung), (Some(Verdict::BlackHole), Duration::from_secs(4)));
    assert_eq!(world.stalls.exit_code(), Some(2));
    world.still.clear();
    world.moving.insert(1, stalled(1, peer(1, 25), 3.0));
    world.run(60.0);
    assert_eq!(world.told(), [(1, "stalled"), (1, "moves")]);
    // Found after 3 s at 10 s, and found moving by the look at 40 s.
    assert_eq!(world.news[1].1.hung, Duration::from_secs(33));
    assert_eq!(world.stalls.exit_code(), Some(0), "none hangs now");
    assert_eq!(world.orders.len(), 1);
}

#[test]
fn many_connections_with_one_peer_share_an_examination() {
    let mut world = World::new();
    for cookie in 0..50 {
        world.stall(stalled(cookie, peer(1, 25 + (cookie % 3) as u16), 2.0));
    }
    world.run(20.0);
    world.stall(stalled(99, peer(1, 80), 2.0));
    world.run(50.0);
    assert_eq!((world.orders.len(), world.news.len()), (1, 51), "one that comes later has the same cause");
    world.run(900.0);
    assert_eq!(world.news.len(), 51, "nothing is told twice");
    let gaps: Vec<f64> = world.orders.windows(2).map(|two| two[1].0 - two[0].0).collect();
    assert!(gaps.iter().all(|gap| (300.0..=302.0).contains(gap)), "{gaps:?}");
}

/// A verdict that is no reason for a stall cannot be one for a stall that began after it.
#[test]
fn a_clear_path_is_examined_anew_for_what_stalls_later_a_minute_apart() {
    let mut world = World::new();
    world.says = Verdict::Clear;
    world.stall(stalled(1, peer(1, 25), 2.0));
    world.run(20.0);
    assert_eq!(world.told(), [(1, "stalled")]);
    world.says = Verdict::BlackHole;
    world.stall(stalled(2, peer(1, 25), 2.0));
    world.run(59.0);
    assert_eq!(world.orders.len(), 1);
    world.run(63.0);
    assert_eq!((world.orders.len(), world.told()[1]), (2, (2, "stalled")));
    assert_eq!(world.news[1].1.peer.and_then(|peer| peer.there), Some(Verdict::BlackHole));
}

#[test]
fn another_verdict_is_told_once_it_was_seen_twice_and_doubt_never() {
    let mut world = World::new();
    world.stall(stalled(1, peer(1, 25), 2.0));
    world.run(100.0);
    world.says = Verdict::Inconclusive;
    world.run(700.0);
    assert_eq!(world.told(), [(1, "stalled")]);
    world.says = Verdict::Clear;
    world.run(950.0);
    assert_eq!(world.told(), [(1, "stalled")], "seen once at 900 s");
    world.run(970.0);
    let [_, (when, changed)] = &world.news[..] else { panic!("{:?}", world.told()) };
    assert!((960.0..965.0).contains(when), "a minute after the first: {when}");
    let StallEvent::Changed { was } = changed.what else { panic!("{changed:?}") };
    assert_eq!(
        (was.and_then(|was| was.there), changed.peer.and_then(|peer| peer.there)),
        (Some(Verdict::BlackHole), Some(Verdict::Clear))
    );
    world.run(2000.0);
    assert_eq!(world.news.len(), 2);
}

#[test]
fn what_goes_on_before_its_verdict_is_told_only_if_the_path_is_to_blame() {
    let rows = [(Verdict::Clear, 0), (Verdict::BlackHole, 1), (Verdict::Inconclusive, 0), (Verdict::Unreachable, 0)];
    for (says, told) in rows {
        let mut world = World::new();
        (world.says, world.took) = (says, 5.0);
        world.stall(stalled(1, peer(1, 25), 2.0));
        world.run(2.0);
        world.still.clear();
        world.run(20.0);
        assert_eq!((world.orders.len(), world.news.len()), (1, told), "{says:?}");
    }
}

/// A client that went away looks like this, and a server that thinks.
#[test]
fn what_only_may_be_the_paths_fault_is_told_once_the_path_is_known_to_be_at_fault() {
    let possible = || StalledConnection { grade: Grade::Possible, ..stalled(1, peer(1, 25), 13.0) };
    for says in [Verdict::Clear, Verdict::Unreachable, Verdict::Inconclusive] {
        let mut world = World::new();
        world.says = says;
        world.stall(possible());
        world.run(20.0);
        assert_eq!((world.told().len(), world.stalls.exit_code()), (0, Some(0)), "{says:?}");
        world.says = Verdict::BlackHole;
        world.run(400.0);
        assert_eq!((world.told(), world.orders.len()), (vec![(1, "stalled")], 2), "{says:?}");
    }
    let mut world = World::new();
    world.says = Verdict::Unreachable;
    world.stall(possible());
    world.run(20.0);
    world.still.clear();
    world.run(100.0);
    assert_eq!(world.told().len(), 0);
    // Where one of several parallel paths has a hole, the first verdict says so.
    world.stall(StalledConnection { cookie: 2, ..possible() });
    world.look();
    world.running.clear();
    let some_flows = Sighting { on_some_flows: true, ..saw(Verdict::Clear) };
    world.stalls.examined(world.orders[1].1.number, Some(some_flows), at(101.0));
    world.look();
    assert_eq!(world.told(), [(2, "stalled")]);
}

#[test]
fn each_way_has_its_own_verdict() {
    let mut world = World::new();
    world.stall(stalled(1, peer(1, 25), 2.0));
    world.stall(backward(2, peer(1, 25), 2.0));
    world.run(10.0);
    assert_eq!(world.orders[0].1.direction, Direction::Both);
    assert_eq!(world.told().len(), 2);
    // The way back is asked for at each port.
    world.stall(backward(3, peer(1, 587), 2.0));
    world.run(80.0);
    assert_eq!((world.orders.len(), world.told().len()), (2, 3));
    assert_eq!(world.orders[1].1.connection.service_port(), 587);
}

#[test]
fn where_nothing_is_to_be_sent_a_stall_is_told_at_once() {
    let mut world = World { stalls: Stalls::new(INTERVAL, false), ..World::new() };
    world.stall(stalled(1, peer(1, 25), 2.0));
    world.look();
    assert_eq!((world.told(), world.orders.len()), (vec![(1, "stalled")], 0));
    world.still.clear();
    world.run(10.0);
    assert_eq!(world.told(), [(1, "stalled"), (1, "ended")]);
    assert_eq!(world.stalls.exit_code(), Some(0));
}

#[test]
fn a_peer_that_cannot_be_examined_is_told_as_such_and_later_with_what_is_known() {
    let mut world = World::new();
    world.stall(stalled(1, peer(1, 25), 2.0));
    world.look();
    world.running.clear();
    world.stalls.examined(world.orders[0].1.number, None, at(0.5));
    world.look();
    assert_eq!((world.told(), world.news[0].1.peer), (vec![(1, "stalled")], None));
    assert_eq!(world.stalls.exit_code(), Some(3));
    world.run(310.0);
    assert_eq!(world.told(), [(1, "stalled"), (1, "changed")]);
}

/// For the program it is over; the kernel sends again for minutes.
#[test]
fn what_its_program_has_closed_is_over_once() {
    let mut world = World::new();
    world.stall(stalled(1, peer(1, 25), 2.0));
    world.run(10.0);
    world.stall(StalledConnection { inode: 0, ..stalled(1, peer(1, 25), 2.0) });
    world.run(1000.0);
    assert_eq!(world.told(), [(1, "stalled"), (1, "given up")]);
    assert_eq!((world.orders.len(), world.stalls.rows(at(1000.0)).count(), world.stalls.exit_code()), (1, 0, Some(0)));
    world.still.clear();
    world.run(1100.0);
    assert_eq!(world.news.len(), 2);
}
