//! The sending host: a real Postfix, on c or in the MX's place.

use std::fs;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::chain::{self, Chain};
use super::lab::Lab;
use super::message::{Message, RECIPIENT, SENDER};
use super::postfix::Postfix;
use super::scenario::Scenario;
use super::state::forget;

/// An attempt takes no longer, a stall included.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(90);

/// Postfix waits minutes for data to move; here ten seconds. No live path without loss pauses for as long, and TCP that searches a size
/// by itself finds one before: Linux starts to after four retransmission time-outs, 6 s on a short path.
const PATIENCE: Duration = Duration::from_secs(10);
/// Where the first packet of a size that passes can be lost as well, the next try is as far away as all before together.
const PATIENCE_WITH_LOSS: Duration = Duration::from_secs(40);

/// How long Postfix is told to wait for data to move.
pub(crate) fn patience(scenario: &Scenario) -> Duration {
    let is_lossy = scenario.links().iter().any(|link| link.loss > 0.0);
    // Where the first size that TCP tries is too large as well, it needs one more time-out for each half of it.
    let searches_twice = scenario.host.mtu_probing > 0 && scenario.links().iter().any(|link| link.mtu < 1076);
    if is_lossy || searches_twice { PATIENCE_WITH_LOSS } else { PATIENCE }
}

pub(crate) const MAIN_CF: &str = "myhostname = client.example.com
smtp_connection_cache_on_demand = no
smtp_host_lookup = native
smtp_connect_timeout = 10s
initial_destination_concurrency = 20
default_destination_concurrency_limit = 20
default_destination_concurrency_failed_cohort_limit = 1000
";
pub(crate) const MASTER_CF: &str = "pickup unix n - n 1 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
postlog unix-dgram n - n - 1 postlogd
";

const LISTENING_MAIN_CF: &str = "smtpd_peername_lookup = no
smtpd_relay_restrictions = reject
";
const LISTENING_MASTER_CF: &str = "smtp inet n - n - - smtpd
anvil unix - - n - 1 anvil
";

fn main_cf(to: IpAddr, patience: Duration) -> String {
    let seconds = patience.as_secs();
    format!("{MAIN_CF}relayhost = [{to}]\nsmtp_data_xfer_timeout = {seconds}s\nsmtp_data_done_timeout = {seconds}s\n")
}

/// A message in the hands of the sender.
pub(crate) struct Mail {
    pub(crate) message: Message,
    id: String,
    /// Lines of the log that were there before the latest attempt.
    seen: usize,
    tried_at: Instant,
}

/// What an attempt to deliver came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    Sent,
    /// No data moved for the time that Postfix was told to wait, and the mail is still in the queue.
    Stalled,
}

pub(crate) struct Sender<'a> {
    postfix: Postfix<'a>,
}

impl<'a> Sender<'a> {
    /// Sends everything to this address.
    pub(crate) fn start_on_c(lab: &'a Lab, to: IpAddr, patience: Duration) -> Result<Self, String> {
        let main_cf = main_cf(to, patience);
        Ok(Self { postfix: Postfix::start(lab, "c", &main_cf, MASTER_CF)? })
    }

    /// In the MX's place on s, and listens there as an MX does, with STARTTLS if it has a chain of certificates.
    pub(crate) fn start_on_s(
        lab: &'a Lab,
        to: IpAddr,
        patience: Duration,
        chain: Option<&Chain>,
    ) -> Result<Self, String> {
        let main_cf = [&main_cf(to, patience), LISTENING_MAIN_CF, &chain.map(Chain::main_cf).unwrap_or_default()];
        let master_cf = [MASTER_CF, LISTENING_MASTER_CF, chain::MASTER_CF];
        Ok(Self { postfix: Postfix::start(lab, "s", &main_cf.concat(), &master_cf.concat())? })
    }

    /// Hands a message to Postfix, which tries at once.
    pub(crate) fn submit(&self, message: Message) -> Result<Mail, String> {
        let file = self.postfix.folder().join("message");
        fs::write(&file, message.text()).map_err(|error| format!("{}: {error}", file.display()))?;
        let seen = self.postfix.log().lines().count();
        let tried_at = Instant::now();
        self.postfix.command(&format!("sendmail -i -f {SENDER} {RECIPIENT} <{}", file.display()))?;
        let id = self.postfix.wait(Duration::from_secs(20), "Postfix to take a message", || {
            self.postfix.log().lines().skip(seen).find_map(queued_by_pickup)
        })?;
        Ok(Mail { message, id, seen, tried_at })
    }

    /// Tries a message from the queue again: `postqueue -f` for this one alone.
    pub(crate) fn flush(&self, mail: &mut Mail) -> Result<(), String> {
        mail.seen = self.postfix.log().lines().count();
        mail.tried_at = Instant::now();
        self.postfix.command(&format!("postqueue -i {}", mail.id)).map(drop)
    }

    /// What Postfix says at the end of the latest attempt: `sent (…)` or `deferred (…)`.
    pub(crate) fn status(&self, mail: &Mail) -> Result<String, String> {
        self.postfix.wait(LONGEST_ATTEMPT, "an attempt to deliver", || {
            self.postfix.log().lines().skip(mail.seen).find_map(|line| status_of(&mail.id, line))
        })
    }

    /// A large mail has to fare like this, where nobody remembers what earlier ones learned.
    pub(crate) fn large_mail_must(&self, lab: &Lab, wanted: &Attempt, when: &str) -> Result<(), String> {
        forget(lab);
        let (found, took) = self.attempt(&self.submit(Message::large())?)?;
        if found == *wanted { Ok(()) } else { Err(format!("{when}: {found:?} after {took:?}, not {wanted:?}")) }
    }

    /// Waits for the end of the latest attempt; also says how long it took.
    pub(crate) fn attempt(&self, mail: &Mail) -> Result<(Attempt, Duration), String> {
        let status = self.status(mail)?;
        let took = mail.tried_at.elapsed();
        if status.starts_with("sent ") {
            return Ok((Attempt::Sent, took));
        }
        if !is_stall(&status) {
            return Err(format!("neither sent nor stalled: {status}"));
        }
        let queue = self.postfix.command("postqueue -j")?;
        let is_queued = queue.lines().any(|line| line.contains(&format!("\"{}\"", mail.id)) && is_stall(line));
        if is_queued { Ok((Attempt::Stalled, took)) } else { Err(format!("stalled, but not in the queue:\n{queue}")) }
    }
}

/// `… postfix/pickup[12]: ID: uid=0 from=<…>`
fn queued_by_pickup(line: &str) -> Option<String> {
    let (_, text) = line.split_once("postfix/pickup[")?.1.split_once("]: ")?;
    let (id, rest) = text.split_once(": ")?;
    rest.starts_with("uid=").then(|| id.to_owned())
}

/// `sent (…)` or `deferred (…)` of this message.
fn status_of(id: &str, line: &str) -> Option<String> {
    let (_, text) = line.split_once("postfix/smtp[")?.1.split_once("]: ")?;
    let (_, status) = text.strip_prefix(id)?.strip_prefix(": ")?.split_once(" status=")?;
    Some(status.to_owned())
}

/// What Postfix writes when large packets vanish: in the midst of the body, or after it where all of it fitted into the socket.
fn is_stall(text: &str) -> bool {
    ["timed out while sending message body", "timed out while sending end of data"]
        .iter()
        .any(|stall| text.contains(stall))
}

#[test]
fn log_lines_are_read() {
    let queued = "Nov 24 10:00:00 client postfix/pickup[7]: 4Z1A: uid=0 from=<a@b.example>";
    assert_eq!(queued_by_pickup(queued).as_deref(), Some("4Z1A"));
    let stalled = "Nov 24 10:00:00 client postfix/smtp[9]: 4Z1A: to=<p@mx.example.com>, relay=10.0.4.2[10.0.4.2]:25, delay=5, \
                   delays=0/0/0/5, dsn=4.4.2, status=deferred (conversation with 10.0.4.2[10.0.4.2] timed out while sending \
                   message body)";
    assert!(is_stall(&status_of("4Z1A", stalled).unwrap()));
    assert_eq!(status_of("4Z1", stalled), None);
    let lost = "Nov 24 10:00:00 client postfix/smtp[9]: 4Z1A: to=<p@mx>, status=deferred (lost connection with mx while sending message body)";
    assert!(!is_stall(&status_of("4Z1A", lost).unwrap()));
}
