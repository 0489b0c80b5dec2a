//! A box on a wire that looks into packets: it holds PTBs back, changes what they quote, adds false ones, renumbers TCP, and forges
//! segments and PTBs. Frames are Ethernet with IPv4 or IPv6 and no extension headers; everything else passes untouched.

use std::time::Duration;

use crate::packet::Frame;
use crate::random::Random;
use crate::scenario_file::{FORGED_MTU, Forgery, Middlebox as Config, QUOTED_OPTIONS, QuoteChange};

/// A box at work.
pub(crate) struct Middlebox {
    config: Config,
    random: Random,
    /// What it adds to the sequence numbers of c.
    offset: u32,
}

/// A frame that leaves the box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Carried {
    pub(crate) frame: Vec<u8>,
    pub(crate) towards_s: bool,
    pub(crate) held_back: Duration,
}

/// Forged packets of each kind for one of c.
const FORGERIES: u16 = 3;

impl Middlebox {
    /// `None`: the box would do nothing.
    pub(crate) fn new(config: &Config, seed: u64) -> Option<Self> {
        let mut random = Random::new(seed ^ 0xb0c5);
        let offset = (1 << 30) + (random.next() as u32 >> 1);
        (*config != Config::default()).then(|| Self { config: config.clone(), random, offset })
    }

    /// What becomes of a frame, and what comes with it.
    pub(crate) fn pass(&mut self, frame: &[u8], towards_s: bool) -> Vec<Carried> {
        let on_time = |frame: Vec<u8>, towards_s| Carried { frame, towards_s, held_back: Duration::ZERO };
        let Some(mut read) = Frame::read(frame) else { return vec![on_time(frame.to_vec(), towards_s)] };
        let mut carried = Vec::new();
        if towards_s {
            let forged = self.config.forges.clone().into_iter().flat_map(|kind| self.forge(kind, &read));
            carried.extend(forged.map(|frame| on_time(frame, false)));
        }
        if self.config.renumbers {
            read.renumber(self.offset, towards_s);
        }
        if towards_s || !read.is_ptb() {
            carried.push(on_time(read.bytes(), towards_s));
            return carried;
        }
        carried.extend(self.config.false_ptb_mtu.map(|mtu| on_time(read.with_mtu(mtu).bytes(), false)));
        self.change_quote(&mut read);
        let held_back = Duration::try_from_secs_f64(self.config.ptb_delay_ms / 1000.0).unwrap_or_default();
        carried.push(Carried { held_back, ..on_time(read.bytes(), false) });
        carried
    }

    fn change_quote(&self, ptb: &mut Frame) {
        let change = self.config.quotes;
        if change == QuoteChange::AsSent {
            return;
        }
        let (size, header) = (ptb.quoted_size(), ptb.ip_header());
        ptb.state_quoted_size(change.stated(size, header as u32));
        if change == QuoteChange::Options {
            ptb.insert_quoted_options(QUOTED_OPTIONS as usize);
        }
    }

    fn forge(&mut self, kind: Forgery, of_c: &Frame) -> Vec<Vec<u8>> {
        const ACK: u8 = 0x10;
        const RST: u8 = 0x04;
        let mut number = || self.random.next() as u32;
        match kind {
            Forgery::Segments if of_c.is_tcp() => {
                [ACK, ACK, RST].map(|flags| of_c.answer_with_segment(number(), number(), flags).bytes()).into()
            }
            Forgery::Ptbs if of_c.is_tcp() => {
                (0..FORGERIES).map(|_| of_c.answer_with_ptb(FORGED_MTU, Some(number()), None).bytes()).collect()
            }
            Forgery::Ptbs if of_c.is_echo_request() => {
                (0..FORGERIES).map(|seq| of_c.answer_with_ptb(FORGED_MTU, None, Some(seq)).bytes()).collect()
            }
            Forgery::Segments | Forgery::Ptbs => Vec::new(),
        }
    }
}
