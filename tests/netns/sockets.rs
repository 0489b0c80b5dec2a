//! Connections that hang on a real path, among others that are fine: `--from-sockets`. All of them are connections of real kernels.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::lab::{Lab, Ran, program, run, with_labs};
use super::scenario::Family;
use super::verify;

/// Behind r2, which drops what is larger without a word.
pub(super) const HOLED: &str = "10.0.4.5";
pub(super) const PASSES: u32 = 1400;
/// Every tenth packet is lost, either way.
pub(super) const LOSSY: &str = "10.0.4.4";
pub(super) const FINE: &str = "10.0.4.2";

pub(super) const UPLOAD: u16 = 80;
/// By openssl at both ends.
const HTTPS: u16 = 443;
pub(super) const DATABASE: u16 = 5432;
pub(super) const BACKUP: u16 = 873;
/// Nobody reads what comes there.
pub(super) const UNREAD: u16 = 9001;

/// By then the timer has run out three times, after 0.2, 0.6 and 1.4 s.
const STUCK: Duration = Duration::from_secs(2);

#[test]
fn what_hangs_is_found_among_200_healthy_connections() {
    with_labs("sockets::what_hangs_is_found_among_200_healthy_connections", || {
        let lab = lab();
        let _servers = [UPLOAD, DATABASE, BACKUP, UNREAD].map(|port| serve(&lab, port));
        let healthy = healthy(&lab);
        assert_eq!(healthy.len(), 200);
        let _slow = fill(connect(&lab, FINE, UNREAD));
        let lossy: Vec<TcpStream> = (0..6).map(|_| stream_for_ever(connect(&lab, LOSSY, BACKUP))).collect();
        std::thread::sleep(STUCK);
        let none = lab.probe(&["--from-sockets"]);
        assert_eq!(none.status.code(), Some(0), "nothing hangs: {}{}", none.stdout, none.stderr);
        assert!(none.stdout.starts_with("No suspects: of 207 connections, none stands still"), "{}", none.stdout);
        assert!(none.stdout.contains("1 waits for a peer that reads slowly"), "{}", none.stdout);

        let mut https = stuck_https(&lab);
        let stuck = stuck(&lab);
        std::thread::sleep(STUCK);
        let (text, time) = until(&lab, "What that means for the connections");
        println!("named with its verdict after {:.2} s", time.as_secs_f64());
        assert!(time < Duration::from_secs(3), "{time:?}:\n{text}");
        all_are_named(&lab, &stuck);
        list_takes_no_privilege(&lab);
        what_the_advice_says_frees_them(&lab);
        drop((healthy, lossy));
        for one in &mut https {
            let _ = one.kill();
            let _ = one.wait();
        }
        lab.down().unwrap_or_else(|error| panic!("{error}"));
    });
}

pub(super) fn lab() -> Lab {
    let lab = Lab::up("clear", Family::V4, &[]).unwrap_or_else(|error| panic!("{error}"));
    lab.shell("s", &format!("ip address add {HOLED}/24 dev e0; ip address add {LOSSY}/24 dev e0"));
    lab.shell("c", "sysctl -qw net.ipv4.tcp_mtu_probing=0");
    lab.shell(
        "r2",
        "nft add table inet sick; nft add chain inet sick forward '{ type filter hook forward priority 0; }'",
    );
    sicken(&lab, true);
    lab
}

/// Sets what r2 loses.
pub(super) fn sicken(lab: &Lab, has_hole: bool) {
    let hole = if has_hole { format!("ip daddr {HOLED} meta length '>' {PASSES} drop") } else { "accept".into() };
    lab.shell(
        "r2",
        &format!(
            "nft flush chain inet sick forward
             nft add rule inet sick forward ip daddr {LOSSY} numgen random mod 10 '<' 1 drop
             nft add rule inet sick forward ip saddr {LOSSY} numgen random mod 10 '<' 1 drop
             nft add rule inet sick forward {hole}"
        ),
    );
}

/// A service that takes what comes, and answers every piece of it, as databases do.
pub(super) fn serve(lab: &Lab, port: u16) -> u16 {
    let listener = lab.inside("s", || TcpListener::bind(("0.0.0.0", port)).expect("a free port"));
    std::thread::spawn(move || {
        let mut unread = Vec::new();
        for stream in listener.incoming().map_while(Result::ok) {
            if port == UNREAD {
                unread.push(stream);
            } else {
                std::thread::spawn(move || take(stream, port == DATABASE));
            }
        }
    });
    port
}

fn take(mut stream: TcpStream, answers: bool) {
    let mut bytes = vec![0; 65_536];
    while let Ok(1..) = stream.read(&mut bytes) {
        if answers && stream.write_all(b"ok\n").is_err() {
            return;
        }
    }
}

pub(super) fn connect(lab: &Lab, address: &str, port: u16) -> TcpStream {
    lab.inside("c", || {
        // A SYN may be lost.
        TcpStream::connect((address, port)).unwrap_or_else(|error| panic!("{address}:{port}: {error}"))
    })
}

/// Idle ones, idle ones after some data, and such that go on.
pub(super) fn healthy(lab: &Lab) -> Vec<TcpStream> {
    let of = |n: usize| {
        let port = if n < 190 { [UPLOAD, DATABASE, BACKUP, 25][n % 4] } else { BACKUP };
        let mut stream = connect(lab, FINE, port);
        match n {
            0..50 => {}
            50..190 if port == 25 => stream.write_all(b"NOOP\r\n").expect("it takes a command"),
            50..190 => stream.write_all(&vec![b'x'; 20_000]).expect("it takes them"),
            _ => return stream_for_ever(stream),
        }
        stream
    };
    (0..200).map(of).collect()
}

pub(super) fn stream_for_ever(stream: TcpStream) -> TcpStream {
    let mut writer = stream.try_clone().expect("a second handle");
    std::thread::spawn(move || {
        while writer.write_all(&vec![b'x'; 20_000]).is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    stream
}

/// Writes as much as there is room for.
pub(super) fn fill(mut stream: TcpStream) -> TcpStream {
    stream.set_nonblocking(true).expect("a mode");
    let mut vain = 0;
    while vain < 20 {
        if stream.write_all(&vec![b'x'; 20_000]).is_ok() {
            vain = 0;
        } else {
            vain += 1;
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    stream
}

/// An upload over TLS behind the hole: its server and its client.
fn stuck_https(lab: &Lab) -> [Child; 2] {
    let folder = lab.folder().display().to_string();
    lab.shell(
        "s",
        &format!("openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=s -days 2 -keyout {folder}/key -out {folder}/chain 2>&1"),
    );
    let start = |node: &str, line: &str| {
        let mut command = lab.command(node, "bash");
        command.args(["-c", line]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("bash starts")
    };
    let server = start(
        "s",
        &format!("exec openssl s_server -accept {HTTPS} -key {folder}/key -cert {folder}/chain -quiet < <(sleep 100)"),
    );
    let deadline = Instant::now() + Duration::from_secs(5);
    while lab.shell("s", &format!("ss -Hltn 'sport = :{HTTPS}'")).is_empty() {
        assert!(Instant::now() < deadline, "openssl does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    let client = start("c", &format!("exec openssl s_client -quiet -connect {HOLED}:{HTTPS} </dev/zero"));
    [server, client]
}

/// A mail, an upload, a database and a backup, all behind the hole.
fn stuck(lab: &Lab) -> [TcpStream; 4] {
    let mut mail = BufReader::new(connect(lab, HOLED, 25));
    let mut said = String::new();
    mail.read_line(&mut said).expect("a greeting");
    mail.get_mut().write_all(b"NOOP\r\n").expect("it takes a command");
    mail.read_line(&mut said).expect("an answer");
    let mail = mail.into_inner();
    let mut database = connect(lab, HOLED, DATABASE);
    for _ in 0..5 {
        database.write_all(&[b'x'; 200]).expect("it takes a statement");
        database.read_exact(&mut [0; 3]).expect("an answer");
    }
    let mut upload = connect(lab, HOLED, UPLOAD);
    upload.write_all(&[b'x'; 300]).expect("it takes a request");
    std::thread::sleep(Duration::from_millis(100));
    [mail, upload, database, connect(lab, HOLED, BACKUP)].map(fill)
}

/// The program's text up to the line with these words, and when it came.
fn until(lab: &Lab, words: &str) -> (String, Duration) {
    let start = Instant::now();
    let mut child =
        lab.command("c", program()).args(["--from-sockets=25"]).stdout(Stdio::piped()).spawn().expect("it starts");
    let (mut text, mut time) = (String::new(), None);
    for line in BufReader::new(child.stdout.take().expect("it is piped")).lines().map_while(Result::ok) {
        if line.contains(words) {
            time = time.or(Some(start.elapsed()));
        }
        text.extend([&line, "\n"]);
    }
    assert_eq!(child.wait().expect("it ends").code(), Some(2), "{text}");
    let unbroken = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        " at port 25 stands still:",
        &format!("{HOLED}:25: classic: large segments are sent in vain, small ones pass"),
        &format!("{HOLED}: black hole above {PASSES} bytes: large mail will hang"),
        &format!("black hole confirmed: its packets have 1500 bytes, and all above {PASSES} vanish on the way there."),
        "net.ipv4.tcp_mtu_probing is 0: it sends the same again until it times out",
    ] {
        assert!(unbroken.contains(words), "no {words:?} in\n{text}");
    }
    (text, time.unwrap_or_else(|| panic!("no {words:?} in\n{unbroken}")))
}

/// Each once, with its own port and process, and no other.
fn all_are_named(lab: &Lab, stuck: &[TcpStream; 4]) {
    let ran = lab.probe(&["--from-sockets", "--json"]);
    let document = verify::document(&ran).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(ran.status.code(), Some(2));
    let connections = document["connections"].as_array().expect("connections");
    let mut found: Vec<(u64, u64)> = Vec::new();
    for connection in connections {
        let facts = ["address", "opened_by", "direction", "sign", "packet", "kernel_path_mtu", "outcome"];
        let expected = json!([HOLED, "this_host", "forward", "retransmissions", 1500, 1500, "stays"]);
        assert_eq!(Value::from(facts.map(|key| connection[key].clone()).to_vec()), expected, "{connection}");
        let number = |key: &str| connection[key].as_u64().expect("a number");
        assert!(number("in_flight_bytes") > 1400 && number("retransmissions") >= 3, "{connection}");
        if number("port") == u64::from(HTTPS) {
            assert_eq!(connection["process"]["name"], "openssl", "{connection}");
        } else {
            assert_eq!(connection["process"]["pid"], std::process::id(), "{connection}");
            found.push((number("local_port"), number("port")));
        }
    }
    assert_eq!(connections.len(), 5, "{document}");
    let ends = |stream: &TcpStream| {
        let (local, peer) = (stream.local_addr().expect("an end"), stream.peer_addr().expect("an end"));
        (u64::from(local.port()), u64::from(peer.port()))
    };
    let mut expected: Vec<(u64, u64)> = stuck.iter().map(ends).collect();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected, "{document}");
    let verdicts = document["addresses"].as_array().expect("addresses");
    assert_eq!(verdicts.len(), 5, "one for each port");
    for address in verdicts {
        assert_eq!((&address["verdict"], &address["path_mtu"]), (&json!("black_hole"), &json!(PASSES)), "{address}");
    }
    // The strongest suspicion first, and mail first of equals.
    assert_eq!(connections[0]["port"], 25);
}

/// Who may do nothing may ask, and is told no process of others.
fn list_takes_no_privilege(lab: &Lab) {
    let listed = without_privilege(lab, &["--from-sockets=25,5432", "--list-only"]);
    assert!(listed.status.success(), "{}{}", listed.stdout, listed.stderr);
    for words in ["at ports 25, 5432 stand still", "not readable without root", &format!("{HOLED}:5432: classic")] {
        assert!(listed.stdout.contains(words), "no {words:?} in\n{}", listed.stdout);
    }
    let others = without_privilege(lab, &["--from-sockets", "-6", "--list-only"]);
    assert_eq!(others.stdout, "No suspects: this host has no connection with another.\n");
    let refused = without_privilege(lab, &["--from-sockets"]);
    assert!(refused.status.code() == Some(3) && refused.stderr.contains("CAP_NET_RAW"), "{}", refused.stderr);
}

/// Without any capability; a user namespace may know no other user to become.
pub(super) fn without_privilege(lab: &Lab, arguments: &[&str]) -> Ran {
    let mut command = lab.command("c", "setpriv");
    command.args(["--bounding-set", "-all", "--inh-caps", "-all"]);
    run(command.arg(program()).args(arguments))
}

/// The setting acts on connections that hang already, once their timers run out.
fn what_the_advice_says_frees_them(lab: &Lab) {
    lab.shell("c", "sysctl -qw net.ipv4.tcp_mtu_probing=1");
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let listed = lab.probe(&["--from-sockets", "--list-only", "-q"]);
        if listed.stdout.starts_with("No suspects") {
            return;
        }
        assert!(Instant::now() < deadline, "they hang still:\n{}", listed.stdout);
    }
}

/// A server's certificates do not reach their client: the small end of them does.
#[test]
fn an_answer_that_does_not_come_is_found_by_the_gap() {
    with_labs("sockets::an_answer_that_does_not_come_is_found_by_the_gap", || {
        let lab = Lab::up("reverse_hole", Family::V4, &[]).unwrap_or_else(|error| panic!("{error}"));
        let mut client = lab.command("c", "openssl");
        client.args(["s_client", "-starttls", "smtp", "-connect", "10.0.4.2:25"]);
        let mut client =
            client.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("openssl starts");
        std::thread::sleep(Duration::from_millis(3500));
        let ran = lab.probe(&["--from-sockets", "--json"]);
        let _ = client.kill();
        let _ = client.wait();
        let document = verify::document(&ran).unwrap_or_else(|error| panic!("{error}"));
        let [connection] = &document["connections"].as_array().expect("connections")[..] else { panic!("{document}") };
        let facts = ["address", "port", "direction", "sign", "grade", "outcome"].map(|key| connection[key].clone());
        assert_eq!(
            Value::from(facts.to_vec()),
            json!(["10.0.4.2", 25, "reverse", "gap", "classic", "stays"]),
            "{connection}"
        );
        assert_eq!(connection["process"]["name"], "openssl", "{connection}");
        let reverse = &document["addresses"][0]["reverse"];
        assert_eq!((&reverse["verdict"], ran.status.code()), (&json!("black_hole"), Some(2)), "{reverse}");
        lab.down().unwrap_or_else(|error| panic!("{error}"));
    });
}
