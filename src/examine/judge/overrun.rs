//! What a verdict is worth if this host dropped packets that had arrived while it was examined.
//!
//! Answers still prove what they prove. A silence does not, because the answer may be among the dropped packets.

use crate::model::{Examined, Ground, ReverseReason, ReverseVerdict, Verdict};

/// Whether a silence has part in a verdict.
pub(super) fn rests_on_silence(examined: &Examined) -> bool {
    is_forward_silence(examined) || is_reverse_silence(examined)
}

/// The findings without the verdicts that rest on silence.
pub(super) fn without_silence(examined: Examined) -> Examined {
    let examined = if is_forward_silence(&examined) { without_forward(examined) } else { examined };
    if is_reverse_silence(&examined) { without_reverse(examined) } else { examined }
}

fn is_forward_silence(examined: &Examined) -> bool {
    examined.direction.is_forward() && examined.verdict != Verdict::Clear
}

fn is_reverse_silence(examined: &Examined) -> bool {
    !matches!(examined.reverse.verdict, ReverseVerdict::Clear | ReverseVerdict::Untested)
}

fn without_forward(examined: Examined) -> Examined {
    Examined {
        verdict: Verdict::Inconclusive,
        cause: None,
        masked_by: None,
        confidence: None,
        first_lost_size: None,
        location: None,
        reason: Ground::HostTooBusy.into(),
        ..examined
    }
}

fn without_reverse(mut examined: Examined) -> Examined {
    examined.reverse.verdict = ReverseVerdict::Inconclusive;
    examined.reverse.first_lost_size = None;
    examined.reverse.recovered_after = None;
    examined.reverse.reason = Some(ReverseReason::HostTooBusy);
    examined
}
