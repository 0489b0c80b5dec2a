//! All connections that hang: looks and examinations in, orders and news out.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use super::hanging::{Fate, Hanging};
use super::host::{Host, HostRecord, LastExamination};
use crate::model::{
    Connections, Direction, Sighting, StallNews, StalledConnection, TcpSocket, Timestamp, worst_exit_code,
};
use crate::watch::terms::{LEAST_PAUSE, Number};

/// Connections that hang and are heeded at the same time. Others are when these are over.
const MOST: usize = 10_000;

/// An examination to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct StallOrder {
    /// Its number.
    pub number: u64,
    /// The address.
    pub host: Host,
    /// One of its connections: the peer's address and port.
    pub connection: StalledConnection,
    /// The ways on which its connections stall.
    pub direction: Direction,
}

/// A connection, for whoever shows all of them.
#[derive(Clone, Copy, Debug)]
pub struct StallRow<'w> {
    /// The connection.
    pub connection: &'w StalledConnection,
    /// For how long it has stood still.
    pub hung: Duration,
    /// What is known of its peer.
    pub peer: Option<&'w Sighting>,
    /// Whether that is being examined.
    pub is_running: bool,
}

/// All connections of this host that hang.
#[derive(Debug)]
pub struct Stalls {
    interval: Duration,
    examines: bool,
    has_looked: bool,
    /// By the number that the kernel knows them by.
    hanging: BTreeMap<u64, Hanging>,
    hosts: HashMap<Host, HostRecord>,
    ordered: HashMap<Number, Host>,
    next_order: Number,
    news: VecDeque<StallNews>,
}

impl Stalls {
    /// None hangs yet. The peer of one that goes on hanging is examined so often, or never.
    pub fn new(interval: Duration, examines: bool) -> Self {
        Self {
            interval: interval.max(LEAST_PAUSE),
            examines,
            has_looked: false,
            hanging: BTreeMap::new(),
            hosts: HashMap::new(),
            ordered: HashMap::new(),
            next_order: 0,
            news: VecDeque::new(),
        }
    }

    /// A look: all sockets of this host, and those that stand still by the judgement of this look and an earlier one.
    pub fn looked(&mut self, found: &Connections, sockets: &[TcpSocket], now: Timestamp) {
        self.has_looked = true;
        self.follow(sockets, now);
        for connection in &found.list {
            if let Some(hanging) = self.hanging.get_mut(&connection.cookie) {
                hanging.renew(connection);
            } else if self.hanging.len() < MOST {
                self.add(connection, now);
            }
        }
        let told: Vec<StallNews> =
            self.hanging.values_mut().filter_map(|hanging| hanging.news_of_its_path(now)).collect();
        self.news.extend(told);
        self.hosts.retain(|_, record| !record.is_over(now));
    }

    /// What became of those that hung before.
    fn follow(&mut self, sockets: &[TcpSocket], now: Timestamp) {
        if self.hanging.is_empty() {
            return;
        }
        let there: HashMap<u64, &TcpSocket> = sockets.iter().map(|socket| (socket.cookie, socket)).collect();
        let hosts = &self.hosts;
        let mut over = Vec::new();
        for (cookie, hanging) in &mut self.hanging {
            let record = hosts.get(&Host::of(hanging.connection())).filter(|record| record.running.is_some());
            let is_examined =
                record.and_then(|record| record.last).is_some_and(|last| last.covers(hanging.connection()));
            match hanging.looked(there.get(cookie).copied(), is_examined, now) {
                Fate::Stays => {}
                Fate::Told(news) => self.news.push_back(*news),
                Fate::Over(news) => over.push((*cookie, news)),
            }
        }
        self.end(over);
    }

    fn add(&mut self, connection: &StalledConnection, now: Timestamp) {
        if !self.examines {
            let (hanging, news) = Hanging::unexamined(connection.clone(), now);
            self.hanging.insert(connection.cookie, hanging);
            self.news.push_back(news);
            return;
        }
        let mut hanging = Hanging::new(connection.clone(), now);
        let record = self.hosts.entry(Host::of(connection)).or_default();
        record.connections.insert(connection.cookie);
        if let Some(last) = record.last.filter(|last| record.running.is_none() && last.answers_for(&hanging, now)) {
            hanging.examined(last.said, now);
        }
        self.hanging.insert(connection.cookie, hanging);
    }

    fn end(&mut self, over: Vec<(u64, Option<Box<StallNews>>)>) {
        for (cookie, news) in over {
            let Some(hanging) = self.hanging.remove(&cookie) else { continue };
            if let Some(record) = self.hosts.get_mut(&Host::of(hanging.connection())) {
                record.connections.remove(&cookie);
            }
            self.news.extend(news.map(|news| *news));
        }
    }

    /// The examinations that are due.
    pub fn orders(&mut self, now: Timestamp) -> Vec<StallOrder> {
        let mut orders = Vec::new();
        for (host, record) in &mut self.hosts {
            if record.opens().is_none_or(|opens| opens > now) {
                continue;
            }
            let last = record.last.map(|last| last.began);
            let of_host = || record.connections.iter().filter_map(|cookie| self.hanging.get(cookie));
            let due = of_host().filter_map(|hanging| Some((hanging.due(last, self.interval)?, hanging.connection())));
            let Some((_, connection)) = due.filter(|(due, _)| *due <= now).min_by_key(|(due, one)| (*due, one.cookie))
            else {
                continue;
            };
            let connection = connection.clone();
            let ways = of_host().filter(|hanging| !hanging.is_over()).map(|hanging| hanging.connection().direction());
            let direction = ways.reduce(|one, other| if one == other { one } else { Direction::Both });
            let direction = direction.unwrap_or_default();
            let number = self.next_order;
            self.next_order += 1;
            record.running = Some(number);
            record.last = Some(LastExamination::ordered(direction, connection.service_port(), now));
            self.ordered.insert(number, *host);
            orders.push(StallOrder { number, host: *host, connection, direction });
        }
        orders
    }

    /// An examination has its verdict; `None`: it could not be made. A second one of the same number is not listened to.
    pub fn examined(&mut self, number: u64, said: Option<Sighting>, now: Timestamp) {
        let Some(host) = self.ordered.remove(&number) else { return };
        let Some(record) = self.hosts.get_mut(&host) else { return };
        record.running = None;
        let Some(last) = &mut record.last else { return };
        last.said = said;
        let last = *last;
        let mut over = Vec::new();
        for cookie in &record.connections {
            let Some(hanging) = self.hanging.get_mut(cookie) else { continue };
            let answers = last.covers(hanging.connection()) && (!hanging.waits() || last.answers_for(hanging, now));
            let fate = match hanging {
                hanging if answers => hanging.examined(said, now),
                // It waits for an examination that it does not need any more.
                hanging if hanging.has_left() => Fate::Over(None),
                _ => Fate::Stays,
            };
            if let Fate::Over(news) = fate {
                over.push((*cookie, news));
            }
        }
        self.end(over);
    }

    /// The next of what is to be told.
    pub fn news(&mut self) -> Option<StallNews> {
        self.news.pop_front()
    }

    /// Whether something is to be told that takes a look first.
    pub fn wants_look(&self) -> bool {
        self.hanging.values().any(Hanging::wants_look)
    }

    /// When an examination is due, unless a look says otherwise.
    pub fn next_wake(&self) -> Timestamp {
        let of_host = |record: &HostRecord| {
            let (opens, last) = (record.opens()?, record.last.map(|last| last.began));
            let hanging = record.connections.iter().filter_map(|cookie| self.hanging.get(cookie));
            hanging.filter_map(|hanging| hanging.due(last, self.interval)).min().map(|due| due.max(opens))
        };
        self.hosts.values().filter_map(of_host).min().unwrap_or(Timestamp::MAX)
    }

    /// Whether anything about the address is still of use.
    pub fn knows(&self, host: &Host) -> bool {
        self.hosts.contains_key(host)
    }

    /// Those that hang, in no order.
    pub fn rows(&self, now: Timestamp) -> impl Iterator<Item = StallRow<'_>> {
        self.hanging.values().filter(|hanging| !hanging.is_over()).map(move |hanging| {
            let record = self.hosts.get(&Host::of(hanging.connection()));
            StallRow {
                connection: hanging.connection(),
                hung: hanging.hung(now),
                peer: hanging.said(),
                is_running: record.is_some_and(|record| record.running.is_some()),
            }
        })
    }

    /// The addresses whose state was told of a connection that hangs.
    pub fn hosts_in_trouble(&self) -> impl Iterator<Item = Host> {
        let told = self.hanging.values().filter(|hanging| hanging.is_told());
        let mut hosts: Vec<Host> = told.map(|hanging| Host::of(hanging.connection())).collect();
        hosts.sort_unstable();
        hosts.dedup();
        hosts.into_iter()
    }

    /// The worst of what is known of the peers of those that hang: 0 where none does. `None`: nobody has looked yet.
    pub fn exit_code(&self) -> Option<u8> {
        /// It could not be examined.
        const UNKNOWN: u8 = 3;
        let told = self.hanging.values().filter(|hanging| self.examines && hanging.is_told());
        let codes = told.map(|hanging| hanging.said().map_or(UNKNOWN, |said| said.code));
        self.has_looked.then(|| worst_exit_code(codes.chain([0])))
    }
}
