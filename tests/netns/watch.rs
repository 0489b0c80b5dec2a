//! `--watch` on real paths: what is told and kept, new editions of the list, the table on a terminal, the end.
//!
//! `PMTU_WATCH_SECONDS=3600` is a watch over a path that breaks and heals for so long, with a round a minute: each change is told once, in
//! time, and nothing grows. Without it that test does nothing, since no round comes sooner than a minute after the last.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path as File, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::lab::{Lab, finish, program, with_labs};
use super::scenario::{Family, Node};
use super::soak::{self, Back, Path, There, USUAL};

/// A first round with its confirmation, on a machine that is busy.
const SOON: Duration = Duration::from_secs(20);

/// A watch in c, and what it has said so far.
pub(super) struct Watch {
    child: Child,
    folder: PathBuf,
}

impl Watch {
    pub(super) fn start(lab: &Lab, arguments: &[&str]) -> Self {
        let mut command = lab.command("c", program());
        command.args(arguments);
        Self::of(lab, command)
    }

    /// The command is one in c.
    pub(super) fn of(lab: &Lab, mut command: Command) -> Self {
        let folder = lab.folder();
        let file = |name: &str| fs::File::create(folder.join(name)).expect("a file");
        command.stdout(file("watch.out")).stderr(file("watch.err"));
        Self { child: command.spawn().expect("it starts"), folder }
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    /// What one of its files holds once it holds this.
    pub(super) fn wait_for(&self, file: &str, wanted: &str) -> String {
        let end = Instant::now() + SOON;
        loop {
            let text = self.text(file);
            if text.contains(wanted) {
                return text;
            }
            assert!(Instant::now() < end, "no \"{wanted}\" in {file}:\n{text}\n{}", self.text("watch.err"));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(super) fn text(&self, file: &str) -> String {
        fs::read_to_string(self.folder.join(file)).unwrap_or_default()
    }

    /// Its exit code.
    pub(super) fn end(self, signal: Signal) -> Option<i32> {
        self.signal(signal);
        let began = Instant::now();
        let ran = finish(self.child);
        assert!(began.elapsed() < Duration::from_secs(5), "an orderly end takes no time: {:?}", began.elapsed());
        ran.status.code()
    }
}

fn write(path: &File, text: &str) {
    let beside = path.with_extension("beside");
    fs::write(&beside, text).expect("a file");
    fs::rename(beside, path).expect("its name");
}

#[test]
fn a_watch_tells_and_keeps_what_it_finds_and_reads_its_list_again() {
    with_labs("watch::a_watch_tells_and_keeps_what_it_finds_and_reads_its_list_again", || {
        let lab = soak::prepared();
        soak::set(&lab, USUAL);
        let [v4, v6] = [Family::V4, Family::V6].map(|family| Node::S.near_address(family).to_string());
        let (list, history, metrics) =
            (lab.folder().join("list"), lab.folder().join("history.jsonl"), lab.folder().join("watch.prom"));
        write(&list, &format!("{v4}\n"));
        let path = |path: &File| path.display().to_string();
        let (list_name, history_name, metrics_name) = (path(&list), path(&history), path(&metrics));
        let arguments =
            ["--watch=60s", "--targets", &list_name, "--jsonl", &history_name, "--prometheus", &metrics_name];
        let watch = Watch::start(&lab, &arguments);
        let verdict = |address: &str, word: &str| {
            format!(
                "address=\"{address}\",family=\"ipv{}\",port=\"25\",verdict=\"{word}\"}} 1\n",
                if address == v4 { 4 } else { 6 }
            )
        };
        watch.wait_for("watch.prom", &verdict(&v4, "clear"));
        assert_eq!(watch.text("watch.out"), "", "new and fine is no news");
        assert_eq!(watch.text("watch.err"), "pmtu-probe: watching 1 target, every 1 min; changes are told\n");

        // The path breaks, and the list gets a target that meets it broken.
        soak::set(&lab, Path { there: There::Hole, back: Back::Clear });
        write(&list, &format!("{v4}\nno target\n{v6}\n"));
        watch.signal(Signal::HUP);
        watch.wait_for("watch.err", "pmtu-probe: line 2 of the list is no target: ");
        watch.wait_for("watch.err", "pmtu-probe: the list was read again: 2 targets, 1 new and 0 gone\n");
        let told = watch.wait_for("watch.out", "\n");
        let line = told.trim_end();
        assert!(line.ends_with(&format!("{v6}: black hole above 1400 at the first examination, hop 2")), "{line}");
        assert_eq!((told.lines().count(), line.split(' ').next().map(str::len)), (1, Some("2026-11-30".len())));
        watch.wait_for("watch.prom", &verdict(&v6, "black_hole"));
        assert!(watch.text("watch.prom").contains(&verdict(&v4, "clear")), "v4 was not asked again within a minute");

        fs::remove_file(&list).expect("the list");
        watch.signal(Signal::HUP);
        watch.wait_for("watch.err", "No such file or directory (os error 2); name a file with one target per line, or - for stdin; the list stays as it was\n");

        let lines: Vec<Value> = fs::read_to_string(&history)
            .expect("the history")
            .lines()
            .map(|line| serde_json::from_str(line).expect("a document"))
            .collect();
        let said = |line: &Value| {
            (
                line["target"].as_str().unwrap_or_default().to_owned(),
                line["addresses"][0]["verdict"].as_str().unwrap_or_default().to_owned(),
            )
        };
        let said: Vec<_> = lines.iter().map(said).collect();
        assert_eq!(said, [(v4.clone(), "clear".into()), (v6.clone(), "black_hole".into())]);
        assert_eq!(watch.end(Signal::TERM), Some(2), "the last state");
        assert_eq!(lab.processes("c").trim(), "", "nothing is left");

        // The history goes on, and others read it. What it says is known: the hole of v6 is told no more, that of v4 is a change.
        let again = Watch::start(&lab, &["--watch", "--jsonl", &history_name, &v6, &v4]);
        let told = again.wait_for("watch.out", &format!("{v4}: was clear, now black hole above 1400 since between "));
        let deadline = Instant::now() + SOON;
        while fs::read_to_string(&history).expect("the history").lines().count() < 4 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(
            (told.lines().count(), again.text("watch.out")),
            (1, told.clone()),
            "v6 has its line and is no news"
        );
        assert_eq!(again.end(Signal::INT), Some(2));
        let merged = lab.probe(&["--merge", &history_name]);
        assert!(merged.stdout.contains("2 addresses of 2 targets"), "{}", merged.stdout);
        lab.down().unwrap();
    });
}

/// Reading the list from a pipe takes as long as whoever writes it; a SIGHUP that comes meanwhile ends nothing.
#[test]
fn a_sighup_before_the_watch_has_begun_is_heard_when_it_has() {
    with_labs("watch::a_sighup_before_the_watch_has_begun_is_heard_when_it_has", || {
        let lab = soak::prepared();
        let mut command = lab.command("c", program());
        command.args(["--watch", "--targets", "-"]).stdin(Stdio::piped());
        let mut watch = Watch::of(&lab, command);
        let mut list = watch.child.stdin.take().expect("a pipe");
        // It waits in pipe_read by then.
        std::thread::sleep(Duration::from_secs(1));
        watch.signal(Signal::HUP);
        std::thread::sleep(Duration::from_millis(100));
        list.write_all(b"10.64.0.1\n").expect("it is still there");
        drop(list);
        watch.wait_for("watch.err", "watching 1 target");
        watch.wait_for("watch.err", "SIGHUP: there is no list to read again");
        watch.signal(Signal::HUP);
        assert!(watch.end(Signal::INT).is_some(), "it ends by itself");
        lab.down().unwrap();
    });
}

#[test]
fn a_watch_without_a_list_goes_on_at_sighup_and_says_so() {
    with_labs("watch::a_watch_without_a_list_goes_on_at_sighup_and_says_so", || {
        let lab = soak::prepared();
        let watch = Watch::start(&lab, &["--watch", "10.64.0.1", "mx.invalid"]);
        let told = watch.wait_for("watch.out", "leads nowhere");
        assert!(told.contains(" mx.invalid: leads nowhere: "), "{told}");
        watch.signal(Signal::HUP);
        watch.wait_for("watch.err", "SIGHUP: there is no list to read again");
        assert_eq!(watch.end(Signal::INT), Some(3), "a target that leads nowhere is no good news");
        lab.down().unwrap();
    });
}

/// What a terminal shows: every frame, line by line, without colours.
pub(super) fn frames(shown: &Value) -> Vec<Vec<String>> {
    let text = shown.as_str().unwrap_or_default();
    let frame = |frame: &str| {
        let frame = frame.split("\u{1b}[J").next().unwrap_or_default();
        let lines = frame
            .split('\n')
            .map(|line| line.trim_end_matches('\r'))
            .map(|line| anstream::adapter::strip_str(line).to_string());
        lines.collect()
    };
    text.split("\u{1b}[?2026h\u{1b}[H").skip(1).map(frame).collect()
}

pub(super) fn on_a_terminal(lab: &Lab, end: &str, arguments: &[&str]) -> Value {
    let terminal = File::new(env!("CARGO_MANIFEST_DIR")).join("tests/netns/terminal.py");
    let mut command = lab.command("c", "python3");
    command.arg(terminal).arg(end).arg(program()).args(arguments).env("TERM", "xterm").stderr(Stdio::inherit());
    let output = command.output().expect("python3 starts");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn on_a_terminal_there_is_a_table_and_the_terminal_is_given_back() {
    with_labs("watch::on_a_terminal_there_is_a_table_and_the_terminal_is_given_back", || {
        let lab = soak::prepared();
        soak::set(&lab, Path { there: There::Hole, back: Back::Clear });
        let ends = [("quit", Some(2)), ("interrupt", Some(2)), ("twice", None), ("gone", None)];
        std::thread::scope(|scope| {
            for (index, (end, code)) in ends.into_iter().enumerate() {
                let lab = &lab;
                // No address is asked twice.
                let target = format!("10.64.0.{}", index + 1);
                scope.spawn(move || table(lab, end, code, &target));
            }
        });
        assert_eq!(lab.processes("c").trim(), "", "nothing is left");
        lab.down().unwrap();
    });
}

fn table(lab: &Lab, end: &str, code: Option<i64>, target: &str) {
    let told = on_a_terminal(lab, end, &["--watch", target]);
    let shown = &told["shown"];
    let is_row = |line: &String| line.contains(&format!(" {target} ")) && line.contains(" 1400 black hole ");
    let large = frames(&shown["large"]);
    assert!(large.last().is_some_and(|frame| frame.iter().any(is_row)), "{end}: {large:#?}");
    assert!(told["is_raw"] == true, "{end}: keys are read as they are typed");
    // Frames of both sizes are drawn while the size changes; the last one fits.
    for (name, height, width) in [("large", 30, 120), ("small", 9, 50), ("paused", 9, 50)] {
        let frames = frames(&shown[name]);
        let frame = frames.last().unwrap_or_else(|| panic!("{end}: nothing is drawn: {name}"));
        let is_narrow = frame.iter().all(|line| line.chars().count() <= width);
        assert!(frame.len() <= height && is_narrow, "{end}, {name}: {frame:#?}");
    }
    assert!(frames(&shown["paused"]).last().is_some_and(|frame| frame[0].contains("PAUSED")), "{end}");
    assert!(told["status"].is_i64(), "{end}: it ends: {told}");
    if let Some(code) = code {
        assert_eq!(told["status"], code, "{end}");
        // What was told stays behind.
        let left = shown["end"].as_str().unwrap_or_default().rsplit("\u{1b}[?1049l").next().unwrap_or_default();
        assert!(left.contains(&format!("{target}: black hole above 1400")), "{end}: {left}");
    }
    if end != "gone" {
        assert_eq!(told["is_restored"], true, "{end}");
        assert!(shown["end"].as_str().is_some_and(|shown| shown.contains("\u{1b}[?25h\u{1b}[?1049l")), "{end}");
    }
}

/// A state of the path, when it began, and what is told of it.
type Entry = (Instant, Path);

#[test]
fn for_as_long_as_it_runs_each_change_is_told_in_time_and_nothing_grows() {
    let Some(seconds) = std::env::var("PMTU_WATCH_SECONDS").ok().and_then(|text| text.parse::<u64>().ok()) else {
        println!("PMTU_WATCH_SECONDS=3600 runs it for an hour");
        return;
    };
    with_labs("watch::for_as_long_as_it_runs_each_change_is_told_in_time_and_nothing_grows", || {
        let lab = soak::prepared();
        soak::set(&lab, USUAL);
        let list = lab.folder().join("list");
        let addresses: Vec<String> =
            (0..60).map(|n| if n % 2 == 0 { format!("10.64.1.{n}") } else { format!("fd64::1:{n:x}") }).collect();
        write(&list, &addresses.join("\n"));
        let list = list.display().to_string();
        let mut command = lab.command("c", program());
        command.args(["--watch=60s", "--direction", "forward", "--targets", &list]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("it starts");
        let (pid, out) = (child.id(), child.stdout.take().expect("a pipe"));
        let (told, mut diary, mut growth) = (Mutex::new(Vec::new()), vec![(Instant::now(), USUAL)], Vec::new());
        let end = Instant::now() + Duration::from_secs(seconds);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for line in BufReader::new(out).lines().map_while(Result::ok) {
                    told.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), line));
                }
            });
            let mut states = [There::Clear, There::Hole, There::Told, There::Down].into_iter().cycle();
            let mut changes = Instant::now() + Duration::from_secs(100);
            states.next();
            while Instant::now() < end {
                std::thread::sleep(Duration::from_secs(1));
                growth.extend(soak::taken(pid));
                if Instant::now() > changes {
                    let path = Path { there: states.next().expect("no end"), back: Back::Clear };
                    soak::set(&lab, path);
                    diary.push((Instant::now(), path));
                    changes = Instant::now() + Duration::from_secs(150);
                }
            }
            kill_process(Pid::from_child(&child), Signal::INT).expect("it runs");
            let _ = child.wait();
        });
        let told = told.into_inner().unwrap_or_else(PoisonError::into_inner);
        println!("{seconds} s, {} states, {} lines; {}", diary.len(), told.len(), soak::sketch(&growth));
        let mut faults: Vec<String> = soak::grown(&growth).into_iter().collect();
        for address in &addresses {
            let told: Vec<&(Instant, String)> =
                told.iter().filter(|(_, line)| line.contains(&format!(" {address}: "))).collect();
            faults.extend(of_the_diary(&told, &diary, end).into_iter().map(|fault| format!("{address}: {fault}")));
        }
        lab.down().unwrap();
        assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    });
}

/// Each state but the first is told once, within the interval and what two examinations of a dead path take; nothing else is.
fn of_the_diary(told: &[&(Instant, String)], diary: &[Entry], end: Instant) -> Vec<String> {
    let mut faults = Vec::new();
    let mut lines = told.iter();
    for (began, path) in &diary[1..] {
        let latest = *began + Duration::from_secs(60 + 40);
        if latest > end {
            break;
        }
        let word = match path.there {
            There::Clear => ", now clear",
            There::Hole => ", now black hole above 1400",
            There::Told => ", now discoverable (1400 bytes)",
            There::Down => ", now unreachable",
        };
        match lines.next() {
            Some((at, line)) if at >= began && *at <= latest && line.contains(word) => {}
            other => faults.push(format!("{:?} at {:?}: told {other:?}", path.there, began.duration_since(diary[0].0))),
        }
    }
    faults
}
