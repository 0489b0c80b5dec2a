//! What a run has booked as sent, against what it really handed out: a probe that is booked and never leaves counts as lost later.

use std::collections::BTreeMap;

use pmtu_probe::model::{Body, Examined, Meaning, Outgoing, Purpose, Step, Technique};

/// The probes that came out of `poll`.
#[derive(Clone, Debug, Default)]
pub struct Probes {
    all: u32,
    first_echo: Option<u16>,
    /// Those about a size on the flow of the verdict, by technique.
    sized: BTreeMap<&'static str, u32>,
}

/// Ports of the connections that fetch certificates: their SYNs are no probes.
const FETCHING: std::ops::Range<u16> = 42_000..42_100;
/// Ports of other flows, on which a second examination has probes of its own.
const OTHER_FLOWS: std::ops::Range<u16> = 41_000..41_100;
/// Echo requests with numbers so far behind the first look at the way back.
const FIRST_ECHO_BACK: u16 = 0x8000;

impl Probes {
    pub fn note(&mut self, outgoing: &Outgoing) {
        let port = match &outgoing.packet.body {
            Body::Tcp(segment) => segment.source_port,
            _ => 0,
        };
        let is_back = match &outgoing.packet.body {
            Body::EchoRequest(echo) => {
                let first = *self.first_echo.get_or_insert(echo.seq);
                echo.seq.wrapping_sub(first) >= FIRST_ECHO_BACK
            }
            _ => false,
        };
        match outgoing.meaning {
            Meaning::Connection(Step::Open) if !FETCHING.contains(&port) => self.all += 1,
            Meaning::Probe(probe) => {
                self.all += 1;
                let is_sized = !matches!(
                    probe.purpose,
                    Purpose::Flow { .. } | Purpose::Trace(_) | Purpose::RealBytes | Purpose::CutBytes
                );
                if is_sized && !is_back && !OTHER_FLOWS.contains(&port) {
                    *self.sized.entry(name(probe.technique)).or_default() += 1;
                }
            }
            _ => {}
        }
    }

    /// What does not agree.
    pub fn compare(&self, booked: Option<u32>, examined: Option<&Examined>) -> Vec<String> {
        let mut faults = Vec::new();
        if let Some(booked) = booked.filter(|&booked| booked != self.all) {
            faults.push(format!("{booked} probes are booked as sent, {} came out of poll", self.all));
        }
        // The findings of another flow bring the counts of that flow along.
        let Some(examined) = examined.filter(|_| booked.is_some()).filter(|found| found.flows.is_none()) else {
            return faults;
        };
        for technique in
            [Technique::OldData, Technique::SmtpData, Technique::SynData, Technique::RealBytes, Technique::Echo]
        {
            let booked: u32 =
                examined.methods.iter().filter(|method| method.technique == technique).map(|method| method.sent).sum();
            let came = self.sized.get(name(technique)).copied().unwrap_or(0);
            // A technique that starts anew forgets what it sent before.
            if booked > came {
                faults.push(format!("{technique:?}: {booked} probes are booked as sent, {came} came out of poll"));
            }
        }
        faults
    }
}

fn name(technique: Technique) -> &'static str {
    match technique {
        Technique::OldData => "old data",
        Technique::SmtpData => "SMTP data",
        Technique::SynData => "SYN data",
        Technique::RealBytes => "real bytes",
        Technique::Echo => "echo",
    }
}
