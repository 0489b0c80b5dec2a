//! Damaged lines without end, for every reader: no panic, bounded memory, and nothing kept that is longer than its limit.
//!
//! Each reader gets lines of its own kind, and of each kind as they are, with bytes changed, cut, put together from two, blown up, with broken
//! UTF-8, deep JSON, absurd dates and numbers. The same seeds give the same lines. The short form runs with all tests; the long one alone:
//!
//!     cargo test --release --test intake fuzzed_at_length -- --ignored --nocapture

mod damage;

use std::io::{self, Read};
use std::time::Instant;

use flate2::Compression;
use flate2::read::GzEncoder;
use pmtu_probe::intake::log::Log;
use pmtu_probe::intake::queue;
use pmtu_probe::model::Suspects;
use pmtu_probe::report::suspects::render;

use super::volume::resident;
use super::{file, meanings, now, wrappings};
use damage::{Damaged, Random};

const FEW: usize = 20_000;
const MANY: usize = 10_000_000;
/// What a reader may take beside the program itself.
const MEMORY: usize = 100 << 20;
/// The lines of one list of a queue.
const QUEUE: usize = 10_000;

/// Lines of one kind.
struct Kind {
    name: &'static str,
    lines: Vec<Vec<u8>>,
    packed: Packed,
}

#[derive(Clone, Copy, PartialEq)]
enum Packed {
    Plain,
    Gzip,
    Utf16,
    /// `postqueue -j`: one list, no stream.
    Queue,
}

#[test]
fn damaged_lines_do_no_harm() {
    for (number, kind) in kinds().iter().enumerate() {
        check(kind.name, &read(kind, number, FEW));
    }
}

#[test]
#[ignore = "takes many minutes; run it by hand, alone"]
fn fuzzed_at_length() {
    let lines = std::env::var("PMTU_FUZZ_LINES").map_or(MANY, |lines| lines.parse().expect("a number of lines"));
    let only = std::env::var("PMTU_FUZZ_NAMES").unwrap_or_default();
    for (number, kind) in kinds().iter().enumerate().filter(|(_, kind)| kind.name.contains(&only)) {
        std::fs::write("/proc/self/clear_refs", "5").expect("the kernel resets the peak");
        let start = Instant::now();
        let suspects = read(kind, number, lines);
        let (seconds, peak) = (start.elapsed().as_secs_f64(), resident("VmHWM"));
        println!(
            "{:<34} {:>9} lines of mail servers, {:>6} too long, {:>4} suspects, {seconds:>5.0} s, peak {:>2} MiB",
            kind.name,
            suspects.reading.mail_lines,
            suspects.reading.overlong,
            suspects.list.len(),
            peak >> 20
        );
        check(kind.name, &suspects);
        assert!(peak <= MEMORY, "{}: {peak} bytes", kind.name);
    }
}

fn read(kind: &Kind, number: usize, lines: usize) -> Suspects {
    let random = Random::new(number as u64 + 1);
    if kind.packed == Packed::Queue {
        return read_queues(&kind.lines, random, lines);
    }
    let text = Damaged::new(&kind.lines, random, lines);
    let mut log = Log::new(now());
    let result = match kind.packed {
        Packed::Gzip => log.read(GzEncoder::new(text, Compression::fast()), kind.name),
        Packed::Utf16 => log.read(Wide::new(text), kind.name),
        Packed::Plain | Packed::Queue => log.read(Unpacked(text), kind.name),
    };
    result.unwrap_or_else(|error| panic!("{}: {error}", kind.name));
    log.suspects()
}

/// A list ends at the first line that is none, so most have words of logs for reasons, and the last line is damaged.
fn read_queues(lines: &[Vec<u8>], mut random: Random, total: usize) -> Suspects {
    let reasons = reasons_of(lines);
    let mut last = Suspects::default();
    for _ in 0..total.div_ceil(QUEUE) {
        let mut queue_text = Vec::new();
        for _ in 0..QUEUE.min(total) - 1 {
            let mut reason = random.pick(&reasons).clone();
            random.damage(&mut reason, &reasons);
            let reason = serde_json::to_string(&String::from_utf8_lossy(&reason)).expect("text");
            let (id, size, time) = (random.number(), random.number() % 9_000_000, random.number() >> random.below(64));
            let time = time.cast_signed();
            queue_text.extend_from_slice(
                format!(
                    "{{\"queue_name\":\"deferred\",\"queue_id\":\"{id:X}\",\"arrival_time\":{time},\"message_size\":{size},\
                     \"sender\":\"\",\"recipients\":[{{\"address\":\"u@e.example\",\"delay_reason\":{reason}}}]}}\n"
                )
                .as_bytes(),
            );
        }
        last = queue::parse(&queue_text, now()).expect("a queue");
        check("postqueue -j", &last);
        let mut end = random.pick(lines).clone();
        random.damage(&mut end, lines);
        queue_text.extend_from_slice(&end);
        let _ = queue::parse(&queue_text, now());
    }
    last
}

/// The reasons in a queue, and those in logs of Postfix.
fn reasons_of(queue: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let between = |line: &[u8], start: &str, end: &str| {
        let text = String::from_utf8_lossy(line).into_owned();
        let (_, rest) = text.split_once(start)?;
        Some(rest.rsplit_once(end)?.0.as_bytes().to_vec())
    };
    let queued = queue.iter().filter_map(|line| between(line, "\"delay_reason\": \"", "\""));
    let logged = text_of_everything();
    let logged = logged.iter().filter_map(|line| between(line, "status=deferred (", ")"));
    queued.chain(logged).collect()
}

/// The limits of `docs/logs.md`.
fn check(name: &str, suspects: &Suspects) {
    let fits =
        |text: &str, longest: usize| assert!(text.chars().count() <= longest, "{name}: {} characters", text.len());
    assert!(suspects.list.len() <= 2 * 4096, "{name}: {} suspects", suspects.list.len());
    fits(suspects.reading.unread_line.as_deref().unwrap_or_default(), 400);
    for suspect in &suspects.list {
        fits(&suspect.sample, 400);
        assert!(suspect.domains.len() <= 4 && suspect.also_named.len() <= 8, "{name}: {suspect:?}");
        let names =
            suspect.domains.iter().chain(&suspect.also_named).chain(&suspect.peer.name).chain(&suspect.logged_by);
        names.for_each(|text| fits(text, 255));
    }
    let shown = render(suspects);
    assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{name}");
}

fn kinds() -> Vec<Kind> {
    let logs = |names: &[&str]| names.iter().flat_map(|name| lines_of(&file(name))).collect();
    let meant = |names: &[&str]| {
        let all = meanings::all();
        let texts = all.iter().filter(|(what, _, _)| names.iter().any(|name| what.contains(name)));
        texts.flat_map(|(_, log, _)| lines_of(log.as_bytes())).collect()
    };
    let wrapped = |names: &[&str]| {
        let texts = wrappings::texts();
        let chosen = texts.iter().filter(|(wrapping, _)| names.iter().any(|name| wrapping.contains(name)));
        chosen.flat_map(|(_, text)| lines_of(text)).collect()
    };
    let everything = text_of_everything;
    let kind = |name, lines: Vec<Vec<u8>>| Kind { name, lines, packed: Packed::Plain };
    let kinds = vec![
        kind("syslog", logs(&["postfix-3.7-rfc3164.log", "postfix-3.7-postlogd.log", "postfix-3.7-solaris.log"])),
        kind("ISO 8601 and RFC 5424", logs(&["postfix-3.11-iso.log", "postfix-3.11-rfc5424.log"])),
        kind("journald, JSON", logs(&["postfix-3.11-journal.json"])),
        kind("journald, records", wrapped(&["export", "verbose", "json-pretty", "json-seq", "json-sse"])),
        kind("columns", wrapped(&["csv", "tabs", "web interface"])),
        kind(
            "containers and collectors",
            wrapped(&["compose", "json-file", "cri", "kube", "elastic", "loki", "array", "logfmt"]),
        ),
        kind("quotes and cut lines", wrapped(&["folded", "quoted", "grep", "indented", "numbers"])),
        kind("Exim", logs(&["exim-4.96-mainlog.log", "exim-4.97-mainlog.log", "exim-syslog.log"])),
        kind("Exim's logs of one mail and queue", meant(&["Exim's log of", "mailq of Exim"])),
        kind("Sendmail", logs(&["sendmail-8.17-iso.log", "sendmail-rfc3164.log"])),
        kind("OpenSMTPD", logs(&["opensmtpd-6.8-iso.log", "opensmtpd-6.8-rfc3164.log"])),
        kind("mailq", meant(&["mailq"])),
        kind("tlsproxy", meant(&["tlsproxy", "postscreen", "after its handshake"])),
        kind("qmail", meant(&["qmail"])),
        kind("Exchange", meant(&["Exchange"])),
        Kind { packed: Packed::Queue, ..kind("postqueue -j", logs(&["postqueue.json"])) },
        Kind { packed: Packed::Utf16, ..kind("UTF-16", everything()) },
        Kind { packed: Packed::Gzip, ..kind("gzip", everything()) },
        kind("everything mixed", everything()),
    ];
    for kind in &kinds {
        assert!(kind.lines.len() >= 5, "{}: {} lines", kind.name, kind.lines.len());
    }
    kinds
}

fn text_of_everything() -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = meanings::all().iter().flat_map(|(_, log, _)| lines_of(log.as_bytes())).collect();
    lines.extend(
        wrappings::texts().iter().filter(|(name, _)| !name.contains("utf-16")).flat_map(|(_, text)| lines_of(text)),
    );
    lines
}

fn lines_of(text: &[u8]) -> Vec<Vec<u8>> {
    text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

/// Plain text: damage at its very start may look like something packed, which is another error.
struct Unpacked<'a>(Damaged<'a>);

impl Read for Unpacked<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.0.is_at_start() {
            into[0] = b'\n';
            self.0.begin();
            return Ok(1);
        }
        self.0.read(into)
    }
}

/// Each byte as a unit of UTF-16, with a mark, and now and then half a pair.
struct Wide<'a> {
    from: Damaged<'a>,
    random: Random,
    odd: Option<u8>,
    marked: bool,
}

impl<'a> Wide<'a> {
    fn new(from: Damaged<'a>) -> Self {
        Self { from, random: Random::new(99), odd: None, marked: false }
    }
}

impl Read for Wide<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if !self.marked {
            self.marked = true;
            into[..2].copy_from_slice(&[0xff, 0xfe]);
            return Ok(2);
        }
        let mut at = 0;
        if let Some(odd) = self.odd.take() {
            into[0] = odd;
            at = 1;
        }
        let mut narrow = [0; 4096];
        let room = (into.len() - at).div_ceil(2).min(narrow.len());
        let read = self.from.read(&mut narrow[..room])?;
        for byte in &narrow[..read] {
            let high = if self.random.below(500) == 0 { 0xd8 + self.random.below(8) as u8 } else { 0 };
            into[at] = *byte;
            at += 1;
            match into.get_mut(at) {
                Some(place) => *place = high,
                None => self.odd = Some(high),
            }
            at = (at + 1).min(into.len());
        }
        Ok(at)
    }
}
