//! SIGINT, SIGTERM and SIGHUP.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::warn;

use super::exit_code::INTERRUPTED;
use super::stderr::complain;

/// Until one of them comes. A second one ends the program at once.
pub(super) async fn interrupted() {
    let Some(mut signals) = Signals::catch() else {
        warn!("signals cannot be caught; an interrupt will leave without a report");
        return std::future::pending().await;
    };
    if signals.next().await == Interruption::Hangup {
        complain("the terminal hung up (SIGHUP): the run ends now, with what is known");
    }
    tokio::spawn(async move {
        // A terminal that goes may say so more than once.
        while signals.next().await == Interruption::Hangup {}
        std::process::exit(i32::from(INTERRUPTED));
    });
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interruption {
    Asked,
    Hangup,
}

pub(super) struct Signals {
    int: Signal,
    term: Signal,
    /// `None`: ignored, as `nohup` wants it.
    hup: Option<Signal>,
}

impl Signals {
    pub(super) fn catch() -> Option<Self> {
        let hup = if is_hangup_ignored() { None } else { Some(signal(SignalKind::hangup()).ok()?) };
        Some(Self { int: signal(SignalKind::interrupt()).ok()?, term: signal(SignalKind::terminate()).ok()?, hup })
    }

    pub(super) async fn next(&mut self) -> Interruption {
        let hangup = async {
            match &mut self.hup {
                Some(hup) => hup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.int.recv() => Interruption::Asked,
            _ = self.term.recv() => Interruption::Asked,
            _ = hangup => Interruption::Hangup,
        }
    }
}

/// Whether whoever started the program had it ignore SIGHUP: proc(5), `SigIgn` of /proc/self/status.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    is_ignored(&status, 1)
}

fn is_ignored(status: &str, signal: u32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::is_ignored;

    #[test]
    fn the_mask_of_proc_counts_signals_from_one() {
        let status = |mask: &str| format!("Name:\tx\nSigBlk:\tffffffffffffffff\nSigIgn:\t{mask}\nSigCgt:\t0\n");
        assert!(is_ignored(&status("0000000000001001"), 1), "SIGHUP and SIGPIPE");
        assert!(!is_ignored(&status("0000000000001000"), 1), "SIGPIPE alone");
        assert!(!is_ignored("", 1));
    }
}
