//! The judge: the record of an examination in, the findings out. Pure: no state, no time, and nothing is edited after it.

mod evidence;
mod findings;
mod masking;
mod methods;
mod opinion;
mod other_flows;
mod overrun;
mod own_tcp;
mod record;
mod rules;
mod visited_flow;
mod way_back;

use crate::model::Examined;

pub(super) use opinion::{Second, opinion};
pub(super) use own_tcp::is_asked_for;
pub use own_tcp::{clamped_here, may_be_clamped_here};
pub(super) use record::{Announced, EchoReplies, OwnTcpFacts, Record, SessionFacts, WayBack};
pub(super) use visited_flow::VisitedFlow;

use evidence::Evidence;

/// Judges.
pub(super) fn judge(record: &Record) -> Examined {
    let examined = judge_both_ways(record);
    if record.is_overrun { overrun::without_silence(examined) } else { examined }
}

/// Whether the verdict is in doubt because this host dropped packets that had arrived. A second try may find more.
pub(super) fn is_spoilt_by_overrun(record: &Record) -> bool {
    record.is_overrun && overrun::rests_on_silence(&judge_both_ways(record))
}

/// What the path does, whatever this host's own TCP makes of it.
pub(super) fn judge_path(record: &Record) -> Examined {
    let evidence = Evidence::of(record);
    judge_path_by(record, &evidence)
}

fn judge_path_by(record: &Record, evidence: &Evidence) -> Examined {
    let judgement = rules::judge(evidence);
    let examined = findings::describe(record, evidence, judgement);
    other_flows::add(record, examined, judge_path)
}

fn judge_both_ways(record: &Record) -> Examined {
    let evidence = Evidence::of(record);
    let examined = own_tcp::add(record, &evidence, judge_path_by(record, &evidence));
    way_back::add(record, examined)
}
