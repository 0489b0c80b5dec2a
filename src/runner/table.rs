//! The examinations that run: by number, and by the address they are about.

use std::collections::HashMap;
use std::net::IpAddr;

use super::running::Running;

/// Places for examinations; a place is used again when its examination is over.
#[derive(Default)]
pub(super) struct Table {
    places: Vec<Option<Running>>,
    free: Vec<usize>,
    by_address: HashMap<IpAddr, Vec<usize>>,
    judged: usize,
}

impl Table {
    pub(super) fn insert(&mut self, running: Running) -> usize {
        let destination = running.destination();
        let place = if let Some(place) = self.free.pop() {
            self.places[place] = Some(running);
            place
        } else {
            self.places.push(Some(running));
            self.places.len() - 1
        };
        self.by_address.entry(destination).or_default().push(place);
        place
    }

    pub(super) fn remove(&mut self, place: usize) -> Option<Running> {
        let running = self.places.get_mut(place)?.take()?;
        self.free.push(place);
        if running.is_judged() {
            self.judged -= 1;
        }
        let destination = running.destination();
        if let Some(places) = self.by_address.get_mut(&destination) {
            places.retain(|&each| each != place);
            if places.is_empty() {
                self.by_address.remove(&destination);
            }
        }
        Some(running)
    }

    /// An examination that runs has its verdict now.
    pub(super) fn note_judged(&mut self) {
        self.judged += 1;
    }

    pub(super) fn get_mut(&mut self, place: usize) -> Option<&mut Running> {
        self.places.get_mut(place)?.as_mut()
    }

    pub(super) fn get(&self, place: usize) -> Option<&Running> {
        self.places.get(place)?.as_ref()
    }

    pub(super) fn knows(&self, address: IpAddr) -> bool {
        self.by_address.contains_key(&address)
    }

    /// How many examinations are about an address.
    pub(super) fn count_about(&self, address: IpAddr) -> usize {
        self.by_address.get(&address).map_or(0, Vec::len)
    }

    /// The place of one of them.
    pub(super) fn about(&self, address: IpAddr, index: usize) -> Option<usize> {
        self.by_address.get(&address)?.get(index).copied()
    }

    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Without a verdict.
    pub(super) fn unjudged(&self) -> usize {
        self.len() - self.judged
    }

    pub(super) fn places(&self) -> std::ops::Range<usize> {
        0..self.places.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Running> {
        self.places.iter().flatten()
    }
}
