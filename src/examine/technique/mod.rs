//! Ways to draw an answer that tells which size arrived, and what confirms a loss beside them. One file each; none knows another.

mod clamp_trace;
mod copies;
mod echo;
mod flow_comparison;
mod fragmented;
mod hop_search;
mod idle_ack;
mod interface;
mod knowledge;
mod limited_probe;
mod list;
mod no_df;
mod real_bytes;
mod real_bytes_search;
mod retransmit;
mod standing;
mod syn_data;
mod ttl_trace;
mod uses;
mod who_answers;

pub(super) use clamp_trace::ClampTrace;
pub(super) use flow_comparison::FlowComparison;
pub(super) use fragmented::FragmentedCopy;
pub(super) use hop_search::{Answerer, HopSearch, likely_distance, silences_needed};
pub(super) use interface::{Heard, Technique, TechniqueRecord, Turn};
pub(super) use knowledge::{AnswerTimes, Asking, Knowledge};
pub(super) use list::Techniques;
pub(super) use no_df::{NoDfCopy, NoDfOutcome, Surroundings};
pub(super) use real_bytes::{RealBytes, RealBytesOutcome};
pub(super) use ttl_trace::TtlTrace;
pub(super) use uses::Uses;
pub(super) use who_answers::{NearAnswers, Nearer, WhoAnswers};
