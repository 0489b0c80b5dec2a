//! What becomes of mail to a domain whose mail servers are not all behind a hole. MX records lead a real Postfix and a real Exim there,
//! and what the program says of the domain is what happened.

use std::fmt;
use std::time::{Duration, Instant};

use super::dns::message::{Data, Kind, NO_ERROR, NXDOMAIN, Query, Record};
use super::dns::server::Reply;
use super::exim::Exim;
use super::lab::Lab;
use super::message::{Message, SENDER};
use super::mx::Running;
use super::name_server;
use super::needs;
use super::postfix::Postfix;
use super::scenario::Family;
use super::sender::{MAIN_CF, MASTER_CF};
use super::state::forget;

/// Both mailers are told to wait so long. By themselves Postfix waits 3 min in the body and 10 min for the end of data
/// (`smtp_data_xfer_timeout`, `smtp_data_done_timeout`), Exim 5 min and 10 min (`data_timeout`, `final_timeout`).
const PATIENCE: Duration = Duration::from_secs(5);
/// Two hangs in a row, and time to spare.
const LONGEST: Duration = Duration::from_secs(60);

const HEALTHY: &str = "healthy.lab.test";
const DOMAINS: &str = "preferred.test, twice.test, two.test, equal.test, last.test";

/// `sick`, `sick2` and both addresses of `twice` stand behind the hole, `healthy` before it.
fn zone(query: &Query) -> Reply {
    let record = |data| Record { owner: query.name.clone(), ttl: 60, data };
    let mx = |preference, host: &str| record(Data::Mx(preference, format!("{host}.lab.test")));
    let a = |address: &str| record(Data::A(address.parse().expect("an address")));
    let records = match (query.name.as_str(), query.kind) {
        ("preferred.test", Kind::Mx) => vec![mx(20, "healthy"), mx(10, "sick")],
        ("twice.test", Kind::Mx) => vec![mx(10, "twice"), mx(20, "healthy")],
        ("two.test", Kind::Mx) => vec![mx(10, "sick"), mx(20, "sick2"), mx(30, "healthy")],
        ("equal.test", Kind::Mx) => vec![mx(10, "sick"), mx(10, "healthy")],
        ("last.test", Kind::Mx) => vec![mx(10, "healthy"), mx(20, "sick")],
        ("healthy.lab.test", Kind::A) => vec![a("10.0.1.2")],
        ("sick.lab.test", Kind::A) => vec![a("10.0.4.2")],
        ("sick2.lab.test", Kind::A) => vec![a("10.0.4.3")],
        ("twice.lab.test", Kind::A) => vec![a("10.0.4.2"), a("10.0.4.3")],
        (name, _) if name.rsplit('.').next() == Some("test") => Vec::new(),
        _ => return Reply::Answer(NXDOMAIN, Vec::new()),
    };
    Reply::Answer(NO_ERROR, records)
}

/// What is sent. Behind the hole the first passes, the second fits into the socket's buffer and hangs at the end of data, and the third
/// hangs in the midst of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size {
    Small,
    Medium,
    Large,
}

const SIZES: [Size; 3] = [Size::Small, Size::Medium, Size::Large];

impl Size {
    fn bytes(self) -> usize {
        match self {
            Self::Small => 300,
            Self::Medium => 20_000,
            Self::Large => 100_000,
        }
    }
}

/// What became of a mail in its first delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fate {
    /// The server that took it; `None`: it waits in the queue.
    taken_by: Option<String>,
    /// Sessions that timed out.
    hangs: usize,
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} after {} hangs", self.taken_by.as_deref().unwrap_or("queued"), self.hangs)
    }
}

/// How many hangs a domain costs, at least and at most, before mail that does not fit gets to the healthy server, and what the program
/// says of the domain.
struct Case {
    domain: &'static str,
    hangs: (usize, usize),
    small_goes_to: &'static [&'static str],
    says: &'static str,
}

const CASES: [Case; 5] = [
    Case {
        domain: "preferred.test",
        hangs: (1, 1),
        small_goes_to: &["sick.lab.test"],
        says: "Mail goes to sick.lab.test (preference 10) first, and large mail hangs there for minutes. Then Postfix and Exim go on to \
               healthy.lab.test (preference 20), which takes it, and the mail is some minutes late",
    },
    Case {
        domain: "twice.test",
        hangs: (2, 2),
        small_goes_to: &["twice.lab.test"],
        says: "Mail goes to twice.lab.test (preference 10) first, and large mail hangs there for minutes. Postfix gives up a delivery \
               after two such hangs and never gets to healthy.lab.test (preference 20); the mail waits in the queue. Exim gets there",
    },
    Case {
        domain: "two.test",
        hangs: (2, 2),
        small_goes_to: &["sick.lab.test"],
        says: "Postfix gives up a delivery after two such hangs and never gets to healthy.lab.test (preference 30); the mail waits in \
               the queue. Exim gets there",
    },
    Case {
        domain: "equal.test",
        hangs: (0, 1),
        small_goes_to: &["sick.lab.test", HEALTHY],
        says: "about 1 of 2 first tries. After these minutes Postfix and Exim go on to another address, which takes it",
    },
    Case {
        domain: "last.test",
        hangs: (0, 0),
        small_goes_to: &[HEALTHY],
        says: "Mail goes to healthy.lab.test (preference 10) first, where large mail passes. It meets sick.lab.test (preference 20) only \
               when that is down or turns it away",
    },
];

impl Case {
    /// `most_hangs`: the mailer gives up a delivery then.
    fn fits(&self, size: Size, most_hangs: usize, fate: &Fate) -> bool {
        let taken_by = fate.taken_by.as_deref();
        if size == Size::Small {
            return fate.hangs == 0 && taken_by.is_some_and(|host| self.small_goes_to.contains(&host));
        }
        let is_given_up = self.hangs.0 >= most_hangs;
        (self.hangs.0..=self.hangs.1).contains(&fate.hangs) && taken_by == (!is_given_up).then_some(HEALTHY)
    }
}

#[test]
fn what_is_said_of_a_domain_with_a_sick_server_is_what_happens() {
    needs::check();
    let lab = lab("");
    let postfix = Postfix::start(&lab.lab, "c", &main_cf(), MASTER_CF).unwrap_or_else(|error| panic!("{error}"));
    let exim = Exim::start(&lab.lab, PATIENCE).unwrap_or_else(|error| panic!("{error}"));
    let mut sent = Vec::new();
    for case in &CASES {
        for size in SIZES {
            let message = Message::of(size.bytes());
            submit(&postfix, &recipient(size, case), &message);
            sent.push((case, size, message));
            exim.submit(&recipient(size, case), &Message::of(size.bytes()).text())
                .unwrap_or_else(|error| panic!("{error}"));
        }
    }
    let mut faults = Vec::new();
    for (case, size, message) in &sent {
        let recipient = recipient(*size, case);
        let by_postfix = wait(|| postfix.log(), |log| fate_with_postfix(log, &recipient));
        let by_exim = wait(|| exim.log(), |log| fate_with_exim(log, &recipient));
        println!("{recipient:24} Postfix: {by_postfix:40} Exim: {by_exim}");
        if !case.fits(*size, 2, &by_postfix) || !case.fits(*size, usize::MAX, &by_exim) {
            faults.push(format!("{recipient}: Postfix: {by_postfix}, Exim: {by_exim}"));
        }
        if by_postfix.taken_by.as_deref() == Some(HEALTHY) && !message.is_in(lab.healthy.mailbox()) {
            faults.push(format!("{recipient} is not whole in the mailbox"));
        }
    }
    for case in &CASES {
        forget(&lab.lab);
        let said = lab.lab.probe(&["--direction", "forward", case.domain]).stdout;
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        if !said.contains(case.says) {
            faults.push(format!("{}: the program says {said}", case.domain));
        }
    }
    drop(exim);
    assert!(faults.is_empty(), "{}\n{}", faults.join("\n"), postfix.log());
    lab.down();
}

/// Exim sends in chunks (RFC 3030) where the server takes them, and else by DATA: it goes on either way.
#[test]
fn exim_goes_on_from_a_server_without_chunking_as_well() {
    needs::check();
    let lab = lab("smtpd_discard_ehlo_keywords = chunking\n");
    let exim = Exim::start(&lab.lab, PATIENCE).unwrap_or_else(|error| panic!("{error}"));
    let case = &CASES[0];
    for size in SIZES {
        let message = Message::of(size.bytes()).text();
        exim.submit(&recipient(size, case), &message).unwrap_or_else(|error| panic!("{error}"));
    }
    for size in SIZES {
        let fate = wait(|| exim.log(), |log| fate_with_exim(log, &recipient(size, case)));
        assert!(case.fits(size, usize::MAX, &fate), "{size:?}: {fate}: {}", exim.log());
    }
    let is_in_chunks = |line: &str| line.contains("H=sick.lab.test ") && line.contains("] K ");
    assert!(!exim.log().lines().any(is_in_chunks), "{}", exim.log());
    drop(exim);
    lab.down();
}

struct Domain {
    lab: Lab,
    healthy: Running,
}

impl Domain {
    fn down(self) {
        self.lab.down().unwrap_or_else(|error| panic!("{error}"));
    }
}

/// The path is `silent_router`: s stands behind the hole at two addresses, r1 before it. `sick` is more of main.cf for s.
fn lab(sick: &str) -> Domain {
    let lab = Lab::up("silent_router", Family::V4, &["--mx", "none"]).unwrap_or_else(|error| panic!("{error}"));
    lab.shell("s", "ip address add 10.0.4.3/24 dev e0");
    name_server::start_on_c(&lab, zone);
    let start = |node, more: &str| {
        let main_cf = format!("virtual_mailbox_domains = {DOMAINS}\n{more}");
        Running::start_postfix_on(&lab, node, &main_cf).unwrap_or_else(|error| panic!("{error}"))
    };
    start("s", sick);
    let healthy = start("r1", "");
    forget(&lab);
    Domain { lab, healthy }
}

fn main_cf() -> String {
    let seconds = PATIENCE.as_secs();
    format!(
        "{MAIN_CF}disable_dns_lookups = no\nsmtp_host_lookup = dns\nsmtp_data_xfer_timeout = {seconds}s\n\
         smtp_data_done_timeout = {seconds}s\n"
    )
}

fn recipient(size: Size, case: &Case) -> String {
    format!("{size:?}@{}", case.domain).to_lowercase()
}

fn submit(postfix: &Postfix<'_>, recipient: &str, message: &Message) {
    let file = postfix.folder().join("message");
    std::fs::write(&file, message.text()).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let line = format!("sendmail -i -f {SENDER} {recipient} <{}", file.display());
    postfix.command(&line).unwrap_or_else(|error| panic!("{error}"));
}

fn wait(log: impl Fn() -> String, find: impl Fn(&str) -> Option<Fate>) -> Fate {
    let deadline = Instant::now() + LONGEST;
    loop {
        let log = log();
        match find(&log) {
            Some(fate) => return fate,
            None if Instant::now() > deadline => panic!("waited too long for an attempt to deliver:\n{log}"),
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// `… postfix/smtp[12]: ID: to=<…>, relay=HOST[…]:25, … status=sent (…)`, and before it a line for each session but the last.
fn fate_with_postfix(log: &str, recipient: &str) -> Option<Fate> {
    let end = log.lines().find(|line| line.contains(&format!(": to=<{recipient}>, ")))?;
    let id = end.split_once("]: ")?.1.split_once(':')?.0;
    let relay = end.split_once(", relay=")?.1.split_once('[')?.0;
    let is_hang = |line: &&str| line.contains(&format!(": {id}: ")) && line.contains(" timed out while sending ");
    let taken_by = end.contains(" status=sent ").then(|| relay.to_owned());
    Some(Fate { taken_by, hangs: log.lines().filter(is_hang).count() })
}

/// `TIME ID => RECIPIENT … H=HOST […] …` or `TIME ID == RECIPIENT … defer …`, and before it a line for each session that failed.
fn fate_with_exim(log: &str, recipient: &str) -> Option<Fate> {
    let words = |line: &str| line.split(' ').skip(2).map(str::to_owned).collect::<Vec<_>>();
    let ends = log.lines().map(words);
    let end = ends.into_iter().find(|words| {
        words.get(1).is_some_and(|sign| sign == "=>" || sign == "==") && words.get(2).is_some_and(|to| to == recipient)
    })?;
    let id = &end[0];
    let is_hang = |line: &&str| line.contains(&format!(" {id} H=")) && line.contains(": SMTP timeout ");
    let host = end.iter().find_map(|word| word.strip_prefix("H=")).map(str::to_owned);
    Some(Fate { taken_by: host.filter(|_| end[1] == "=>"), hangs: log.lines().filter(is_hang).count() })
}
