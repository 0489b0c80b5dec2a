//! The table of results.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::traffic::Fate;

/// What one case came to.
pub(crate) struct Row {
    pub(crate) name: String,
    /// The expected one, in the words of the JSON contract.
    pub(crate) verdict: &'static str,
    pub(crate) mail: String,
    pub(crate) remedies: Vec<Remedy>,
    pub(crate) faults: Vec<String>,
    pub(crate) took: Duration,
}

/// An advice that was run, and how long the stalled mail then took.
pub(crate) struct Remedy {
    pub(crate) name: &'static str,
    pub(crate) effect: Effect,
}

pub(crate) enum Effect {
    Delivered(Duration),
    /// It changed nothing that decides packet sizes, so it only looks.
    Diagnostic,
    /// It is for packets that go the other way.
    OtherWay,
}

impl Row {
    /// Runs one case to its end, whatever happens in it.
    pub(crate) fn of(name: String, verdict: &'static str, run: impl FnOnce(&mut Self) -> Result<(), String>) -> Self {
        let start = Instant::now();
        let mut row =
            Self { name, verdict, mail: "-".into(), remedies: Vec::new(), faults: Vec::new(), took: Duration::ZERO };
        match catch_unwind(AssertUnwindSafe(|| run(&mut row))) {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => row.faults.push(fault),
            Err(panic) => row.faults.push(panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "panics".into())),
        }
        row.took = start.elapsed();
        row
    }

    /// What the large mail came to.
    pub(crate) fn mail(&mut self, fate: Fate, took: Duration) {
        let word = if fate == Fate::Stalled { "stalled" } else { "delivered" };
        self.mail = format!("{word} {:.1} s", took.as_secs_f64());
    }

    /// All faults on one line each; `None`: there are none.
    pub(crate) fn faults(&self) -> Option<String> {
        let lines: Vec<String> = self.faults.iter().map(|fault| format!("{} {fault}", self.name)).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let result = if self.faults.is_empty() { "ok" } else { "FAILED" };
        let seconds = self.took.as_secs_f64();
        write!(f, "{:44} {:12} {:18} {result:6} {seconds:5.1} s", self.name, self.verdict, self.mail)?;
        for remedy in &self.remedies {
            write!(f, "  {}: {}", remedy.name, remedy.effect)?;
        }
        Ok(())
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delivered(took) => write!(f, "{:.1} s", took.as_secs_f64()),
            Self::Diagnostic => f.write_str("only looks"),
            Self::OtherWay => f.write_str("undone"),
        }
    }
}

/// The count of each outcome, and the times of each remedy.
pub(crate) fn print(rows: &[Row]) {
    let mut verdicts: Vec<&str> = rows.iter().map(|row| row.verdict).collect();
    verdicts.sort_unstable();
    verdicts.dedup();
    for verdict in verdicts {
        let of_it: Vec<&Row> = rows.iter().filter(|row| row.verdict == verdict).collect();
        let count = |mail: &str| of_it.iter().filter(|row| row.mail.starts_with(mail)).count();
        println!(
            "{:12} {:3} cases: {:3} delivered, {:3} stalled",
            verdict,
            of_it.len(),
            count("delivered"),
            count("stalled")
        );
    }
    let mut names: Vec<&str> = rows.iter().flat_map(|row| row.remedies.iter().map(|remedy| remedy.name)).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let of_it = rows.iter().flat_map(|row| &row.remedies).filter(|remedy| remedy.name == name);
        let mut times: Vec<f64> = of_it.filter_map(|remedy| remedy.effect.seconds()).collect();
        times.sort_by(f64::total_cmp);
        if let (Some(first), Some(last)) = (times.first(), times.last()) {
            let (count, median) = (times.len(), times[times.len() / 2]);
            println!("{name}: {count} stalled mails delivered, after {first:.1} to {last:.1} s, median {median:.1} s");
        }
    }
}

impl Effect {
    fn seconds(&self) -> Option<f64> {
        match self {
            Self::Delivered(took) => Some(took.as_secs_f64()),
            _ => None,
        }
    }
}
