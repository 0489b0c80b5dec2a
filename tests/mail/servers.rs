//! Real servers with TLS and an ordinary chain of certificates: the verdict on the way back, and what their logs say of the visitor.

use std::fmt;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::answer;
use super::chain::{Chain, Kind};
use super::lab::Lab;
use super::manners::{self, Manners};
use super::mx::{self, Mx, Running};
use super::rows::Row;
use super::scenario::{self, Family, Node, Outcome};
use super::verify;

const HEALTHY: &str = "reverse_healthy";
/// Packets of the server vanish above 1400 bytes.
const HOLE: &str = "reverse_hole";

/// Which server is visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    Mail(Mx),
    Nginx,
}

impl Server {
    const ALL: [Self; 4] = [Self::Mail(Mx::Postfix), Self::Mail(Mx::Exim), Self::Mail(Mx::OpenSmtpd), Self::Nginx];

    fn start(self, lab: &Lab, chain: &Chain) -> Result<Running, String> {
        match self {
            Self::Mail(mx) => Running::start_with_tls(mx, lab, chain),
            Self::Nginx => mx::start_nginx(lab, chain),
        }
    }

    fn port(self) -> u16 {
        match self {
            Self::Mail(_) => 25,
            Self::Nginx => 443,
        }
    }

    fn manners(self) -> Manners {
        match self {
            Self::Mail(Mx::Postfix) => manners::POSTFIX,
            Self::Mail(Mx::Exim) => manners::EXIM,
            Self::Mail(Mx::OpenSmtpd) => manners::OPENSMTPD,
            Self::Nginx => manners::NGINX,
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mail(mx) => mx.fmt(f),
            Self::Nginx => f.pad("nginx"),
        }
    }
}

/// One visit.
pub(crate) struct Visit {
    server: Server,
    family: Family,
    scenario: &'static str,
}

/// Every server in both families on a healthy path. Behind a hole, where the program waits long: all of them, or one.
pub(crate) fn visits(all: bool) -> Vec<Visit> {
    let mut visits = Vec::new();
    for scenario in [HOLE, HEALTHY] {
        for server in Server::ALL {
            for family in [Family::V4, Family::V6] {
                if all || scenario == HEALTHY || server == Server::Nginx && family == Family::V6 {
                    visits.push(Visit { server, family, scenario });
                }
            }
        }
    }
    visits
}

/// Runs one visit to its end, whatever happens in it.
pub(crate) fn run(visit: &Visit) -> Row {
    let name = format!("{} {} {}", visit.server, visit.scenario, visit.family);
    let verdict = visit.expected().ok().and_then(|expected| expected.reverse);
    Row::of(name, verdict.map_or("", |reverse| reverse.verdict.word()), |row| fill(visit, row))
}

fn fill(visit: &Visit, row: &mut Row) -> Result<(), String> {
    let lab = Lab::up(visit.scenario, visit.family, &["--mx", "none"])?;
    let chain = Chain::make(Kind::Ordinary, &lab)?;
    let server = visit.server.start(&lab, &chain)?;
    let (port, address) = (visit.server.port().to_string(), Node::S.near_address(visit.family).to_string());
    let ran = lab.probe(&["--json", "-vv", "--direction", "both", "--port", &port, &address]);
    row.faults.extend(answer::faults(&ran, &visit.expected()?, visit.family));
    let document: Value = verify::document(&ran)?;
    row.mail = format!("probed {:.1} s", document["elapsed_ms"].as_f64().unwrap_or(f64::NAN) / 1000.0);
    if visit.scenario == HEALTHY {
        row.faults.extend(log_after(&server, visit.server.manners()));
    }
    drop(server);
    lab.down()
}

impl Visit {
    fn expected(&self) -> Result<Outcome, String> {
        Ok(scenario::load(self.scenario)?.expect.outcome(self.family))
    }
}

/// What is unkind in the log, once it is quiet.
fn log_after(server: &Running, manners: Manners) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let log = server.log();
        if manners.has_ended(&log) || Instant::now() > deadline {
            return manners.faults(&log);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
