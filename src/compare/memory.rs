//! What a run has learnt of hops, networks and kinds of examinations.

use std::net::IpAddr;

use super::account::{Account, Answer, Likeness};
use super::held::Held;
use super::hop::{HopRecord, Hops, NetworkRecord, SILENT_ALONE};
use super::outcome::SharedPlace;
use super::recent::Recent;
use crate::model::{Family, KnownEnd, Network, PacketSize, Timestamp};

/// As much of it as there is room for.
#[derive(Debug)]
pub(super) struct Memory {
    hops: Recent<HopKey, HopRecord>,
    kinds: Recent<Likeness, Kind>,
    networks: Recent<(Likeness, Network), NetworkRecord>,
    /// The last place that was found for a network, or for all.
    ends: Recent<(Option<Network>, PacketSize), Option<Likeness>>,
}

/// A hop, or the unknown ones, as the end of packets of one size.
pub(super) type HopKey = (Likeness, Option<IpAddr>);

/// All examinations that are alike.
#[derive(Debug, Default)]
pub(super) struct Kind {
    pub(super) hops: Hops,
    /// From when on all of its hops have rested.
    rested: Timestamp,
    /// Examinations that ask alone at present.
    pub(super) asking: u32,
    /// How many were told, by whatever hop.
    told: u32,
    /// How many heard nothing though they asked alone.
    silent_alone: u32,
}

impl Kind {
    /// No hop told anybody, as far as anybody knows, and there are not several.
    pub(super) fn are_silent(&self) -> bool {
        self.told == 0 && self.silent_alone >= SILENT_ALONE && !self.hops.are_several()
    }
}

/// Hops, kinds of examinations and networks that are remembered.
const MOST_REMEMBERED: usize = 16_384;

impl Default for Memory {
    fn default() -> Self {
        Self {
            hops: Recent::new(MOST_REMEMBERED),
            kinds: Recent::new(MOST_REMEMBERED),
            networks: Recent::new(MOST_REMEMBERED),
            ends: Recent::new(MOST_REMEMBERED),
        }
    }
}

impl Memory {
    pub(super) fn hop(&self, key: HopKey) -> Option<&HopRecord> {
        self.hops.get(&key)
    }

    pub(super) fn kind(&self, likeness: Likeness) -> Option<&Kind> {
        self.kinds.get(&likeness)
    }

    pub(super) fn network(&self, likeness: Likeness, network: Network) -> Option<&NetworkRecord> {
        self.networks.get(&(likeness, network))
    }

    /// Whether a hop has told anybody, and so might have told whoever heard nothing.
    pub(super) fn tells_others(&self, key @ (likeness, hop): HopKey) -> bool {
        let any_does = || hop.is_none() && self.kind(likeness).is_some_and(|kind| kind.told > 0);
        self.hop(key).is_some_and(|record| record.told > 0) || any_does()
    }

    /// What every examination adds: its hop, and that large packets went there until now. Returns the hop.
    pub(super) fn note(&mut self, account: &Account, ended: Timestamp) -> HopKey {
        let (likeness, was_told) = (account.likeness, matches!(account.answer, Answer::Told(_)));
        if let Some(hop) = account.hop() {
            let (beyond, network) = (account.beyond(), account.network);
            self.kinds.touch(likeness).hops.note(hop, beyond, network);
            self.networks.touch((likeness, network)).hops.note(hop, beyond, network);
            self.hops.touch((likeness, Some(hop))).found_at(account.place.as_ref());
        }
        if account.place.is_some() {
            for network in [Some(account.network), None] {
                *self.ends.touch((network, likeness.local_mtu())) = Some(likeness);
            }
        }
        let key = (likeness, self.hop_of(account));
        let record = self.hops.touch(key);
        record.rest_from(ended, was_told);
        let rested = record.rested;
        let kind = self.kinds.touch(likeness);
        kind.rested = kind.rested.max(rested);
        key
    }

    /// A hop told an address of this network.
    pub(super) fn told(&mut self, (likeness, network): (Likeness, Network), hop: IpAddr) {
        let near = self.networks.touch((likeness, network));
        near.told += 1;
        let differs = near.silent > 0;
        let record = self.hops.touch((likeness, Some(hop)));
        record.told += 1;
        record.differing += u32::from(differs);
        self.kinds.touch(likeness).told += 1;
    }

    /// An address of this network heard nothing when it was examined first.
    pub(super) fn silent(&mut self, key @ (likeness, _): HopKey, network: Network) {
        let near = self.networks.touch((likeness, network));
        near.silent += 1;
        let differs = near.told > 0;
        self.hops.touch(key).differing += u32::from(differs);
    }

    /// The same when it was asked alone.
    pub(super) fn told_alone(&mut self, (likeness, network): (Likeness, Network), hop: IpAddr) {
        self.hops.touch((likeness, Some(hop))).told_alone += 1;
        self.networks.touch((likeness, network)).told_alone += 1;
    }

    /// An address of this network heard nothing though it asked alone.
    pub(super) fn silent_alone(&mut self, key @ (likeness, _): HopKey, network: Network) {
        self.hops.touch(key).silent_alone += 1;
        self.networks.touch((likeness, network)).silent_alone += 1;
        self.kinds.touch(likeness).silent_alone += 1;
    }

    pub(super) fn begin_asking(&mut self, key @ (likeness, _): HopKey) {
        let record = self.hops.touch(key);
        record.is_asked = true;
        record.asked += 1;
        self.kinds.touch(likeness).asking += 1;
    }

    pub(super) fn stop_asking(&mut self, key @ (likeness, _): HopKey) {
        self.hops.touch(key).is_asked = false;
        let kind = self.kinds.touch(likeness);
        kind.asking = kind.asking.saturating_sub(1);
    }

    /// From when on no large packets went to a hop for long enough.
    pub(super) fn rested(&self, (likeness, hop): HopKey) -> Timestamp {
        let of = |key: HopKey| self.hops.get(&key).map_or(Timestamp::ZERO, |record| record.rested);
        match hop {
            Some(_) => of((likeness, hop)).max(of((likeness, None))),
            None => self.kinds.get(&likeness).map_or(Timestamp::ZERO, |kind| kind.rested),
        }
    }

    pub(super) fn key_of(&self, held: &Held) -> HopKey {
        let of_others = self.hop_of_others(held.likeness, held.network);
        let own = held.own_hop().filter(|_| !self.ends_too_soon(held));
        (held.likeness, own.or(of_others))
    }

    pub(super) fn hop_of(&self, account: &Account) -> Option<IpAddr> {
        account.hop().or_else(|| self.hop_of_others(account.likeness, account.network))
    }

    /// The hop that its neighbours agree on, else all that are alike.
    fn hop_of_others(&self, likeness: Likeness, network: Network) -> Option<IpAddr> {
        match self.networks.get(&(likeness, network)).map(|record| &record.hops) {
            Some(hops) if !hops.are_none() => hops.only(),
            _ => self.kinds.get(&likeness)?.hops.only_from_many_networks(),
        }
    }

    /// Whether its trace ended in front of the hop that others end at, while many asked: that hop was sparing its words.
    pub(super) fn ends_too_soon(&self, held: &Held) -> bool {
        let of_others = self.hop_of_others(held.likeness, held.network);
        held.is_crowded && of_others.is_some() && held.beyond() == of_others
    }

    /// Where packets of some size to this address may end.
    pub(super) fn known_end(&self, network: Network, (family, local_mtu): (Family, PacketSize)) -> Option<KnownEnd> {
        let of = |network| self.ends.get(&(network, local_mtu)).copied().flatten();
        let likeness = of(Some(network)).or_else(|| of(None)).filter(|likeness| likeness.family() == family)?;
        let hop = self.hop_of_others(likeness, network)?;
        let ttl = self.hop((likeness, Some(hop)))?.place.as_ref()?.last_hop.as_ref()?.ttl?;
        Some(KnownEnd { passes: likeness.passes(), ttl, hop })
    }

    /// Whether the hop is known from the address itself or from its network.
    pub(super) fn is_near(&self, held: &Held) -> bool {
        let of_neighbours = || self.networks.get(&(held.likeness, held.network)).map(|record| &record.hops);
        held.place.is_some() || of_neighbours().is_some_and(|hops| !hops.are_none())
    }

    pub(super) fn shared_place(&self, held: &Held) -> Option<SharedPlace> {
        if held.place.is_some() && !self.ends_too_soon(held) {
            return None;
        }
        let record = self.hops.get(&self.key_of(held))?;
        let location = record.place.clone()?;
        Some(SharedPlace { location, others: record.found })
    }
}
