//! The sentences of a letter. Every function matches on the language, and on the fact where there are several.

mod effect;
mod frame;
mod label;
mod note;
mod opening;
mod ping;
mod plea;
mod subject;
mod terms;
mod value;
mod workaround;

pub(super) use effect::effect;
pub(super) use frame::{closing, header, measured_with, no_letter, recipient, salutation};
pub(super) use label::label;
pub(super) use note::{sizes, verify};
pub(super) use opening::opening;
pub(super) use ping::{after as after_ping, before as before_ping, our_address as ping_our_address};
pub(super) use plea::{or_with_iptables, other_systems, plea, until_then};
pub(super) use subject::subject;
pub(super) use value::value;
pub(super) use workaround::workaround;
