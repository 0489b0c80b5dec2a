//! What a verdict is worth if this host dropped packets that had arrived while it was examined.
//!
//! Answers still prove what they prove. A silence does not, because the answer may be among the dropped packets.

use crate::model::{Examined, ReverseVerdict, Verdict};

const REASON: &str = "this host dropped packets that had arrived, as it was too busy: try again with a lower --rate";

/// Takes back what rests on silence. `Err` if nothing does: the findings stand as they are.
pub(super) fn without_silence(examined: Examined) -> Result<Examined, Examined> {
    let forward = examined.direction.is_forward() && examined.verdict != Verdict::Clear;
    let reverse = !matches!(examined.reverse.verdict, ReverseVerdict::Clear | ReverseVerdict::Untested);
    match (forward, reverse) {
        (false, false) => Err(examined),
        (true, false) => Ok(without_forward(examined)),
        (false, true) => Ok(without_reverse(examined)),
        (true, true) => Ok(without_reverse(without_forward(examined))),
    }
}

fn without_forward(examined: Examined) -> Examined {
    Examined {
        verdict: Verdict::Inconclusive,
        cause: None,
        confidence: None,
        first_lost_size: None,
        location: None,
        reason: REASON.to_owned(),
        ..examined
    }
}

fn without_reverse(mut examined: Examined) -> Examined {
    examined.reverse.verdict = ReverseVerdict::Inconclusive;
    examined.reverse.first_lost_size = None;
    examined.reverse.recovered_after = None;
    examined.reverse.reason = Some(REASON.to_owned());
    examined
}
