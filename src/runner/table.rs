//! The examinations that run, by slot and by destination address.

use std::collections::HashMap;
use std::net::IpAddr;

use super::running::Running;

/// Slots for examinations. A slot is used again when its examination is over.
#[derive(Default)]
pub(super) struct ExaminationTable {
    slots: Vec<Option<Running>>,
    free: Vec<usize>,
    by_address: HashMap<IpAddr, Vec<usize>>,
    judged: usize,
}

impl ExaminationTable {
    pub(super) fn insert(&mut self, running: Running) -> usize {
        let destination = running.destination();
        let slot = if let Some(slot) = self.free.pop() {
            self.slots[slot] = Some(running);
            slot
        } else {
            self.slots.push(Some(running));
            self.slots.len() - 1
        };
        self.by_address.entry(destination).or_default().push(slot);
        slot
    }

    pub(super) fn remove(&mut self, slot: usize) -> Option<Running> {
        let running = self.slots.get_mut(slot)?.take()?;
        self.free.push(slot);
        if running.is_judged() {
            self.judged -= 1;
        }
        let destination = running.destination();
        if let Some(slots) = self.by_address.get_mut(&destination) {
            slots.retain(|&each| each != slot);
            if slots.is_empty() {
                self.by_address.remove(&destination);
            }
        }
        Some(running)
    }

    /// An examination that runs has its verdict now.
    pub(super) fn note_judged(&mut self) {
        self.judged += 1;
    }

    pub(super) fn get_mut(&mut self, slot: usize) -> Option<&mut Running> {
        self.slots.get_mut(slot)?.as_mut()
    }

    pub(super) fn get(&self, slot: usize) -> Option<&Running> {
        self.slots.get(slot)?.as_ref()
    }

    pub(super) fn knows(&self, address: IpAddr) -> bool {
        self.by_address.contains_key(&address)
    }

    /// How many examinations are about an address.
    pub(super) fn count_about(&self, address: IpAddr) -> usize {
        self.by_address.get(&address).map_or(0, Vec::len)
    }

    /// The slot of one of them, by its index among them.
    pub(super) fn about(&self, address: IpAddr, index: usize) -> Option<usize> {
        self.by_address.get(&address)?.get(index).copied()
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Without a verdict.
    pub(super) fn unjudged(&self) -> usize {
        self.len() - self.judged
    }

    pub(super) fn slots(&self) -> std::ops::Range<usize> {
        0..self.slots.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Running> {
        self.slots.iter().flatten()
    }
}
