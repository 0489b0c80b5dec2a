//! The judge: the record of an examination in, the findings out. Pure: no state, no time, and nothing is edited after it.

mod evidence;
mod findings;
mod masking;
mod methods;
mod opinion;
mod other_flows;
mod overrun;
mod record;
mod rules;
mod way_back;

use crate::model::Examined;

pub(super) use opinion::{Second, opinion};
pub(super) use other_flows::outcome_of;
pub(super) use record::{EchoReplies, Record, SessionFacts, WayBack, remembers_a_message};

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

fn judge_both_ways(record: &Record) -> Examined {
    let evidence = Evidence::of(record);
    let judgement = rules::judge(&evidence);
    let examined = findings::describe(record, &evidence, judgement);
    let examined = other_flows::add(record, examined, judge);
    way_back::add(record, examined)
}
