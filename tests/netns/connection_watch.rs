//! `--watch --from-sockets`: connections of real kernels begin to hang while it runs, move again, and end; 200 others are fine.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use super::lab::{Lab, program, with_labs};
use super::scenario::Family;
use super::soak;
use super::sockets::{
    BACKUP, DATABASE, FINE, HOLED, LOSSY, PASSES, UNREAD, UPLOAD, connect, fill, healthy, lab, serve, sicken,
    stream_for_ever,
};
use super::watch::{Watch, frames, on_a_terminal};

/// The timer has to run out three times, which takes 1.4 s; two looks and an examination come after that.
const SOON: Duration = Duration::from_secs(8);

/// The lines that were told of a local port, in order.
fn of_port<'t>(told: &'t str, stream: &TcpStream) -> Vec<&'t str> {
    let port = format!(" port {} to ", stream.local_addr().expect("an end").port());
    told.lines().filter(|line| line.contains(&port)).collect()
}

fn stuck(lab: &Lab, port: u16) -> TcpStream {
    let mut stream = connect(lab, HOLED, port);
    stream.write_all(&[b'x'; 300]).expect("it takes a request");
    std::thread::sleep(Duration::from_millis(100));
    fill(stream)
}

#[test]
fn what_begins_to_hang_is_told_with_its_reason_and_its_end_and_nothing_else_is() {
    with_labs("connection_watch::what_begins_to_hang_is_told_with_its_reason_and_its_end_and_nothing_else_is", || {
        let lab = lab();
        let _servers = [UPLOAD, DATABASE, BACKUP, UNREAD].map(|port| serve(&lab, port));
        let healthy = healthy(&lab);
        let _slow = fill(connect(&lab, FINE, UNREAD));
        let lossy: Vec<TcpStream> = (0..6).map(|_| stream_for_ever(connect(&lab, LOSSY, BACKUP))).collect();
        let [history, metrics] =
            ["history.jsonl", "watch.prom"].map(|name| lab.folder().join(name).display().to_string());
        let arguments = ["--watch=60s", "--from-sockets", "--jsonl", &history, "--prometheus", &metrics];
        let watch = Watch::start(&lab, &arguments);
        watch.wait_for("watch.err", "watching connections of this host; what begins to hang is told");
        std::thread::sleep(Duration::from_secs(12));
        assert_eq!(watch.text("watch.out"), "", "nothing hangs");

        let began = Instant::now();
        let uploads = [UPLOAD, UPLOAD, BACKUP].map(|port| stuck(&lab, port));
        let told = loop {
            let told = watch.text("watch.out");
            if told.lines().count() >= uploads.len() {
                break told;
            }
            assert!(began.elapsed() < SOON, "told so far:\n{told}{}", watch.text("watch.err"));
            std::thread::sleep(Duration::from_millis(50));
        };
        println!("told {:.1} s after the first byte", began.elapsed().as_secs_f64());
        for (stream, port) in uploads.iter().zip([UPLOAD, UPLOAD, BACKUP]) {
            let [line] = of_port(&told, stream)[..] else { panic!("not told once:\n{told}") };
            for words in [
                &format!("(pid {}), port ", std::process::id()),
                &format!(" to {HOLED}:{port}: hangs for "),
                ", since ",
                "large segments are sent in vain, small ones pass",
                " bytes, of which ",
                "packets of up to 1500 bytes",
                &format!("the path: black hole above {PASSES}, hop "),
                &format!(
                    "black hole confirmed: its packets have 1500 bytes, and all above {PASSES} vanish on the way there"
                ),
                "it sends the same again until it times out",
                &format!("What `pmtu-probe [{HOLED}]:{port}` advises cures new connections"),
            ] {
                assert!(line.contains(words), "no {words:?} in\n{line}");
            }
        }
        let file = watch.wait_for("watch.prom", "verdict=\"black_hole\"} 1\n");
        assert!(file.contains(&format!("address=\"{HOLED}\"")), "{file}");

        // Its program gives one up; then the path heals for the others.
        let port = |stream: &TcpStream| stream.local_addr().expect("an end").port();
        let [given_up, first, second] = uploads;
        let whose = format!("port {} to {HOLED}:{UPLOAD}", port(&given_up));
        drop(given_up);
        watch.wait_for("watch.out", &format!("{whose}: is closed by its program, after it hung for "));
        sicken(&lab, false);
        for (stream, service) in [(&first, UPLOAD), (&second, BACKUP)] {
            watch.wait_for(
                "watch.out",
                &format!("port {} to {HOLED}:{service}: moves again, after it hung", port(stream)),
            );
        }
        let told = watch.text("watch.out");
        assert_eq!(told.lines().count(), 6, "each stall once and each end once, and nothing of the others:\n{told}");
        let lines: Vec<Value> = fs::read_to_string(&history)
            .expect("the history")
            .lines()
            .map(|line| serde_json::from_str(line).expect("a document"))
            .collect();
        let outcomes: Vec<&str> =
            lines.iter().map(|line| line["connections"][0]["outcome"].as_str().unwrap_or_default()).collect();
        assert_eq!(outcomes, ["stays", "stays", "stays", "stays", "gone_on", "gone_on"]);
        assert!(lines.iter().all(|line| line["addresses"][0]["verdict"] == "black_hole"));
        assert_eq!(watch.end(Signal::TERM), Some(0), "nothing hangs any more");
        // The history goes on, and others read it.
        let again = Watch::start(&lab, &arguments);
        again.wait_for("watch.err", "watching connections of this host");
        std::thread::sleep(Duration::from_secs(1));
        assert_eq!((again.text("watch.out"), again.end(Signal::TERM)), (String::new(), Some(0)));
        let merged = lab.probe(&["--merge", &history]);
        assert!(merged.stdout.contains("1 address of 2 targets"), "{}{}", merged.stdout, merged.stderr);
        assert_eq!(lab.processes("c").trim(), "", "nothing is left");
        drop((healthy, lossy));
        lab.down().unwrap_or_else(|error| panic!("{error}"));
    });
}

/// The table, its keys and its end; what hangs on a terminal is a row.
#[test]
fn on_a_terminal_what_hangs_is_a_table() {
    with_labs("connection_watch::on_a_terminal_what_hangs_is_a_table", || {
        let lab = lab();
        let _server = serve(&lab, UPLOAD);
        let upload = stuck(&lab, UPLOAD);
        std::thread::sleep(Duration::from_secs(2));
        let told = on_a_terminal(&lab, "quit", &["--watch", "--from-sockets"]);
        let port = upload.local_addr().expect("an end").port();
        let is_row = |line: &String| {
            line.contains(&format!("port {port} to {HOLED}:{UPLOAD} "))
                && line.contains(&format!("black hole above {PASSES}, hop"))
        };
        let large = frames(&told["shown"]["large"]);
        let last = large.last().unwrap_or_else(|| panic!("{told}"));
        // The visit of this host's own TCP to the peer is a connection as well, for as long as it lasts.
        let counts = [" 1 of 1 connection hangs", " 1 of 2 connections hangs"];
        assert!(last.iter().any(is_row) && counts.iter().any(|count| last[0].contains(count)), "{last:#?}");
        assert!(last.iter().all(|line| line.chars().count() <= 120), "{last:#?}");
        assert_eq!((&told["status"], &told["is_restored"]), (&Value::from(2), &Value::from(true)), "{told}");
        let shown = told["shown"]["end"].as_str().unwrap_or_default();
        let left = shown.rsplit("\u{1b}[?1049l").next().unwrap_or_default();
        assert!(left.contains(&format!("{HOLED}:{UPLOAD}: hangs for ")), "what was told stays behind: {left}");
        drop(upload);
        lab.down().unwrap_or_else(|error| panic!("{error}"));
    });
}

/// Nothing is sent, and no privilege is needed.
#[test]
fn without_privilege_what_hangs_is_told_and_nothing_is_sent() {
    with_labs("connection_watch::without_privilege_what_hangs_is_told_and_nothing_is_sent", || {
        let lab = lab();
        let _server = serve(&lab, UPLOAD);
        let mut command = lab.command("c", "setpriv");
        command.args(["--bounding-set", "-all", "--inh-caps", "-all"]).arg(program());
        command.args(["--watch", "--from-sockets=80", "--list-only"]);
        let watch = Watch::of(&lab, command);
        watch.wait_for("watch.err", "and nothing is sent");
        let sent = || lab.shell("c", "awk '/^Ip:/ {sent = $11} END {print sent}' /proc/net/snmp");
        let upload = stuck(&lab, UPLOAD);
        let told = watch.wait_for("watch.out", "\n");
        let [line] = of_port(&told, &upload)[..] else { panic!("{told}") };
        assert!(line.contains("classic: large segments are sent in vain") && !line.contains("the path"), "{line}");
        // Beside the upload's own, which come ever more rarely.
        let before: u64 = sent().trim().parse().expect("a number");
        std::thread::sleep(Duration::from_secs(2));
        let after: u64 = sent().trim().parse().expect("a number");
        assert!(after - before <= 3, "{} packets", after - before);
        watch.signal(Signal::HUP);
        watch.wait_for("watch.err", "SIGHUP: there is no list to read again");
        assert_eq!(watch.end(Signal::INT), Some(0));
        lab.down().unwrap_or_else(|error| panic!("{error}"));
    });
}

/// A server's certificates do not reach their client while the watch runs.
#[test]
fn an_answer_that_does_not_come_is_told_with_the_way_back() {
    with_labs("connection_watch::an_answer_that_does_not_come_is_told_with_the_way_back", || {
        let lab = Lab::up("reverse_hole", Family::V4, &[]).unwrap_or_else(|error| panic!("{error}"));
        let watch = Watch::start(&lab, &["--watch", "--from-sockets"]);
        watch.wait_for("watch.err", "watching");
        let mut client = lab.command("c", "openssl");
        client.args(["s_client", "-starttls", "smtp", "-connect", "10.0.4.2:25"]);
        client
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        let mut client = client.spawn().expect("openssl starts");
        let told = watch.wait_for("watch.out", "\n");
        for words in [
            "openssl (pid ",
            "to 10.0.4.2:25: hangs for ",
            "the path: way back black hole above 1400",
            "large packets from there do not arrive",
        ] {
            assert!(told.contains(words), "no {words:?} in\n{told}");
        }
        let _ = client.kill();
        let _ = client.wait();
        watch.wait_for("watch.out", "after it hung for ");
        assert_eq!(watch.text("watch.out").lines().count(), 2, "{}", watch.text("watch.out"));
        assert_eq!(watch.end(Signal::INT), Some(0));
        lab.down().unwrap_or_else(|error| panic!("{error}"));
    });
}

/// `PMTU_WATCH_SECONDS=3600`: connections hang and go, with ever new peers' ports, and nothing grows.
#[test]
fn for_as_long_as_it_runs_nothing_grows() {
    let Some(seconds) = std::env::var("PMTU_WATCH_SECONDS").ok().and_then(|text| text.parse::<u64>().ok()) else {
        println!("PMTU_WATCH_SECONDS=3600 runs it for an hour");
        return;
    };
    with_labs("connection_watch::for_as_long_as_it_runs_nothing_grows", || {
        let lab = lab();
        let _servers = [UPLOAD, BACKUP].map(|port| serve(&lab, port));
        let lossy: Vec<TcpStream> = (0..6).map(|_| stream_for_ever(connect(&lab, LOSSY, BACKUP))).collect();
        let watch = Watch::start(&lab, &["--watch=60s", "--from-sockets"]);
        let (end, mut growth, mut count) = (Instant::now() + Duration::from_secs(seconds), Vec::new(), 0);
        while Instant::now() < end {
            let some: Vec<TcpStream> = (0..5).map(|_| stuck(&lab, UPLOAD)).collect();
            count += some.len();
            for _ in 0..10 {
                std::thread::sleep(Duration::from_secs(1));
                growth.extend(soak::taken(watch.pid()));
            }
            drop(some);
            lab.shell("c", "ss -K dst 10.0.4.5 >/dev/null || true");
            std::thread::sleep(Duration::from_secs(4));
        }
        let told = watch.text("watch.out");
        println!("{seconds} s, {count} stalls, {} lines; {}", told.lines().count(), soak::sketch(&growth));
        assert_eq!(soak::grown(&growth), None);
        assert_eq!(told.lines().filter(|line| line.contains(": hangs for ")).count(), count, "{told}");
        assert!(watch.end(Signal::INT).is_some());
        drop(lossy);
        lab.down().unwrap_or_else(|error| panic!("{error}"));
    });
}
