//! Looks at all connections of this host, in a thread of its own: a host may have many, and packets do not wait.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::app::connections::read::zone;
use crate::app::error::RunError;
use crate::app::plan::ConnectionOptions;
use crate::intake::connections::judge;
use crate::model::{Connections, Family, Holder, TcpSocket, TcpState};
use crate::net::NetError;
use crate::net::sockets::{HolderReader, SocketTables};

/// Between two looks.
const USUAL: Duration = Duration::from_secs(2);
/// Where a connection hangs, or has begun to send again, or misses something.
const SOON: Duration = Duration::from_secs(1);
/// Two looks that are compared are at least so far apart: more than the round trip of any path.
const APART: Duration = Duration::from_millis(500);
/// A look takes a hundredth of a processor's time at most, unless that makes it too rare.
const SHARE: u32 = 100;
const RAREST: Duration = Duration::from_secs(5);

pub(super) struct Looker {
    tables: SocketTables,
    holders: HolderReader,
    ports: Vec<u16>,
    /// The only one that is wanted.
    family: Option<Family>,
    /// The look that the next one is compared with.
    earlier: Option<(Instant, Arc<Vec<TcpSocket>>)>,
    /// Who holds those that stand still, and the interface of a link-local peer.
    named: HashMap<u64, (Holder, Option<String>)>,
}

/// What a look saw.
pub(super) struct Look {
    pub(super) sockets: Arc<Vec<TcpSocket>>,
    /// `None`: it was too soon after the last one to judge anything.
    pub(super) found: Option<Connections>,
    took: Duration,
}

impl Looker {
    /// Opens what is needed. To be called before privileges are given up, and before other threads exist.
    pub(super) fn open(options: &ConnectionOptions, family: Option<Family>) -> Result<Self, RunError> {
        let holders = HolderReader::prepare().map_err(|source| NetError::Socket {
            operation: "start a child that tells",
            subject: "the holders of sockets",
            source,
        })?;
        let (tables, ports) = (SocketTables::open()?, options.ports.clone());
        Ok(Self { tables, holders, ports, family, earlier: None, named: HashMap::new() })
    }

    pub(super) fn look(&mut self) -> Result<Look, NetError> {
        let began = Instant::now();
        let mut sockets = self.tables.tcp()?;
        let is_wanted = |socket: &TcpSocket| self.family.is_none_or(|family| socket.family() == family);
        sockets.retain(|socket| socket.state == TcpState::Listening || is_wanted(socket));
        let sockets = Arc::new(sockets);
        let earlier = self.earlier.as_ref().filter(|(when, _)| began.duration_since(*when) >= APART);
        let mut found = earlier.map(|(_, earlier)| judge(earlier, &sockets, &self.ports));
        if self.earlier.is_none() || found.is_some() {
            self.earlier = Some((began, Arc::clone(&sockets)));
        }
        // Names are asked for when something new hangs: that is no reason to look less often.
        let took = began.elapsed();
        if let Some(found) = &mut found {
            self.name(found);
        }
        Ok(Look { sockets, found, took })
    }

    /// A connection is asked for once: its process may close it while the kernel goes on.
    fn name(&mut self, found: &mut Connections) {
        let new = found.list.iter().filter(|one| !self.named.contains_key(&one.cookie));
        let inodes: Vec<u32> = new.map(|one| one.inode).collect();
        if !inodes.is_empty() {
            // Nobody is named where the child is gone.
            let holders = self.holders.read(&inodes).unwrap_or_default();
            for one in &found.list {
                self.named
                    .entry(one.cookie)
                    .or_insert_with(|| (holders.get(&one.inode).cloned().unwrap_or(Holder::Unreadable), zone(one)));
            }
        }
        for one in &mut found.list {
            if let Some((holder, zone)) = self.named.get(&one.cookie) {
                (one.holder, one.zone) = (holder.clone(), zone.clone());
            }
        }
        let hang: std::collections::HashSet<u64> = found.list.iter().map(|one| one.cookie).collect();
        self.named.retain(|cookie, _| hang.contains(cookie));
    }
}

impl Look {
    /// When to look again.
    pub(super) fn pause(&self) -> Duration {
        match &self.found {
            None => APART,
            Some(found) => pause(found.survey.young > 0 || !found.list.is_empty(), self.took),
        }
    }
}

fn pause(is_news_near: bool, took: Duration) -> Duration {
    let wanted = if is_news_near { SOON } else { USUAL };
    wanted.max((took * SHARE).min(RAREST))
}

/// Where a look fails, the next one may not.
pub(super) const AFTER_A_FAILURE: Duration = RAREST;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_takes_long_is_rare_but_not_too_rare() {
        let millis = Duration::from_millis;
        assert_eq!(pause(false, millis(1)), USUAL);
        assert_eq!(pause(true, millis(1)), SOON);
        assert_eq!(pause(true, millis(30)), millis(3000));
        assert_eq!(pause(false, millis(900)), RAREST);
    }
}
