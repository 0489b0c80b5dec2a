//! Name servers that mean harm, asked by the program: what they say costs no more than its time and 30 MiB, and ends in clear lines.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream, UdpSocket};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::dns::message::{Data, Kind, NO_ERROR, NXDOMAIN, Query, Record};
use super::lab::{Lab, lab_program, program, run, with_labs};
use super::paths::with_paths;

const MOST_KIB: u64 = 30 * 1024;
const LIMIT: Duration = Duration::from_secs(6);
const CLOSING: Duration = Duration::from_secs(4);
/// The one mail server that there is.
const REAL: &str = "10.64.0.9";

/// A target, what has to come of it, and what is said in one line.
struct Row {
    target: &'static str,
    exit: i32,
    says: &'static str,
}

const fn row(target: &'static str, exit: i32, says: &'static str) -> Row {
    Row { target, exit, says }
}

const ROWS: &[Row] = &[
    row("good.test", 0, ""),
    row("mx3000.test", 3, "3000 mail servers: the 20 most preferred are examined"),
    row("a3000.test", 0, "3000 addresses: the first 64 are examined"),
    row("internal.test", 0, "127.0.0.1, which leads back to this host: left out"),
    row("loopback.test", 3, "no mail server of loopback.test can be examined"),
    row("self.test", 3, "no mail server of self.test can be examined"),
    row("count-lies.test", 3, "sent nonsense"),
    row("pointer-loop.test", 3, "sent nonsense"),
    row("pointer-ahead.test", 3, "sent nonsense"),
    row("label-reserved.test", 3, "sent nonsense"),
    row("length-lies.test", 3, "sent nonsense"),
    row("tc-forever.test", 3, "cannot look up tc-forever.test"),
    row("tcp-drip.test", 3, "no answer about tcp-drip.test"),
    row("tcp-endless.test", 3, "no answer about tcp-endless.test"),
    row("tcp-silent.test", 3, "no answer about tcp-silent.test"),
    row("cname-200.test", 3, "cname-200.test"),
    row("cname-endless-0.test", 3, "cname-endless-0.test"),
    row("cname-self.test", 3, "cname-self.test"),
    row("nx-with-data.test", 3, "no such domain: nx-with-data.test"),
    row("wrong-class.test", 3, "wrong-class.test"),
    row("wrong-owner.test", 3, "wrong-owner.test"),
    row("flood.test", 0, ""),
    row("no-question.test", 3, "no-question.test"),
    row("directed.test", 3, "10.0.1.255 is the broadcast address of a network at this host"),
    row("silent.test", 3, "no answer about silent.test"),
    row("escapes.test", 3, "no mail server of escapes.test can be examined"),
];

#[test]
fn no_name_server_gets_more_than_its_time_and_memory() {
    with_labs("hostile_dns::no_name_server_gets_more_than_its_time_and_memory", || {
        let lab = with_paths("");
        lab.inside("c", serve);
        let (next, faults) = (Mutex::new(ROWS.iter()), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    loop {
                        let Some(row) = next.lock().expect("nobody panics with it").next() else { return };
                        let told = ask(&lab, row);
                        faults.lock().expect("nobody panics with it").extend(told);
                    }
                });
            }
        });
        let faults = faults.into_inner().expect("nobody panics with it");
        lab.down().unwrap();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    });
}

fn ask(lab: &Lab, row: &Row) -> Vec<String> {
    let note = lab.folder().join(format!("measured-{}", row.target));
    let mut command = lab.command("c", lab_program());
    command.arg("measure").arg("--to").arg(&note).arg("--").arg(program());
    command.args(["-q", "--direction", "forward", "--timeout", &LIMIT.as_secs().to_string(), row.target]);
    let begin = Instant::now();
    let ran = run(&mut command);
    let took = begin.elapsed();
    let measured = fs::read_to_string(&note).unwrap_or_default();
    let mut measured = measured.split_whitespace().skip(3);
    let kib: u64 = measured.next().and_then(|kib| kib.parse().ok()).unwrap_or(u64::MAX);
    let code: Option<i32> = measured.next().and_then(|code| code.parse().ok());
    let said = format!("{}{}", ran.stdout, ran.stderr);
    println!(
        "{:24} exit {:?} {kib} KiB {:.1} s: {}",
        row.target,
        code,
        took.as_secs_f64(),
        ran.stderr.trim().escape_debug()
    );
    let mut faults = Vec::new();
    let is_right = code == Some(row.exit) && ran.stderr.contains(row.says);
    if !is_right {
        faults.push(format!("exit {:?}: {}{}", code, ran.stdout, ran.stderr));
    }
    if took > LIMIT + CLOSING {
        faults.push(format!("it took {took:?}"));
    }
    if kib >= MOST_KIB {
        faults.push(format!("{kib} KiB of memory"));
    }
    if ran.stderr.lines().count() > 12 || ran.stderr.lines().any(|line| line.len() > 1000) {
        faults.push(format!("too many words: {}", ran.stderr));
    }
    if let Some(sign) = said.chars().find(|&c| c.is_control() && c != '\n') {
        faults.push(format!("{sign:?} is said"));
    }
    faults.into_iter().map(|fault| format!("{}: {fault}", row.target)).collect()
}

/// Answers on port 53 of c until the lab is gone.
fn serve() {
    let udp = UdpSocket::bind("127.0.0.1:53").expect("a UDP port in a fresh namespace");
    let tcp = TcpListener::bind("127.0.0.1:53").expect("a TCP port in a fresh namespace");
    std::thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((length, client)) = udp.recv_from(&mut buffer) {
            let Some(query) = Query::read(&buffer[..length]) else { continue };
            for answer in answers(&query, 1200) {
                let _ = udp.send_to(&answer, client);
            }
        }
    });
    std::thread::spawn(move || {
        for stream in tcp.incoming().flatten() {
            std::thread::spawn(move || by_tcp(stream));
        }
    });
}

fn by_tcp(mut stream: TcpStream) -> Option<()> {
    loop {
        let mut length = [0; 2];
        stream.read_exact(&mut length).ok()?;
        let mut bytes = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut bytes).ok()?;
        let query = Query::read(&bytes)?;
        let framed = |message: &[u8]| [&(message.len() as u16).to_be_bytes()[..], message].concat();
        match query.name.as_str() {
            "tcp-drip.test" => {
                stream.write_all(&[0xff, 0xff]).ok()?;
                for byte in std::iter::repeat(query.id.to_be_bytes()).flatten() {
                    stream.write_all(&[byte]).ok()?;
                    std::thread::sleep(Duration::from_secs(1));
                }
            }
            "tcp-endless.test" => loop {
                stream
                    .write_all(&framed(&query.numbered(query.id ^ 1).answer(NO_ERROR, &good(&query), 65_535)))
                    .ok()?;
            },
            "tcp-silent.test" => std::thread::sleep(Duration::from_secs(60)),
            _ => {
                for answer in answers(&query, 65_535) {
                    stream.write_all(&framed(&answer)).ok()?;
                }
            }
        }
    }
}

fn record(owner: &str, data: Data) -> Record {
    Record { owner: owner.into(), ttl: 60, data }
}

fn real() -> Data {
    Data::A(REAL.parse().expect("an address"))
}

/// Leads to the real server.
fn good(query: &Query) -> Vec<Record> {
    match query.kind {
        Kind::Mx => vec![record(&query.name, Data::Mx(10, "mail.good.test".into()))],
        Kind::A => vec![record(&query.name, real())],
        _ => Vec::new(),
    }
}

fn answers(query: &Query, room: usize) -> Vec<Vec<u8>> {
    let say = |code, records: Vec<Record>| vec![query.answer(code, &records, room)];
    let own = |records: Vec<Data>| say(NO_ERROR, records.into_iter().map(|data| record(&query.name, data)).collect());
    let (name, kind) = (query.name.as_str(), query.kind);
    // An answer whose one record is these bytes, behind a header that counts `count` of them.
    let raw = |count: u16, bytes: &[u8]| {
        let mut answer = query.answer(NO_ERROR, &[], 65_535);
        answer[6..8].copy_from_slice(&count.to_be_bytes());
        answer.extend(bytes);
        vec![answer]
    };
    let behind = query.answer(NO_ERROR, &[], 65_535).len() as u16;
    let pointer = |to: u16| (0xc000 | to).to_be_bytes();
    // The type MX, the class IN, a TTL, and data of this length.
    let fixed = |class: u8, length: u16| [&[0, 15, 0, class, 0, 0, 0, 60][..], &length.to_be_bytes()].concat();
    match (name, kind) {
        ("mx3000.test", Kind::Mx) if room > 2000 => {
            // 20 bytes each: names by pointers.
            let one = |n: u16| {
                [&pointer(12)[..], &fixed(1, 8), &n.to_be_bytes(), &[3], &three_letters(n), &pointer(12)].concat()
            };
            raw(3000, &(0..3000).flat_map(one).collect::<Vec<u8>>())
        }
        ("wide.a3000.test", Kind::A) if room > 2000 => {
            let one = |n: u16| {
                let host = 9_u16 + n;
                let address = [10, 64, (host >> 8) as u8, host as u8];
                [&pointer(12)[..], &[0, 1, 0, 1, 0, 0, 0, 60, 0, 4], &address].concat()
            };
            raw(3000, &(0..3000).flat_map(one).collect::<Vec<u8>>())
        }
        ("mx3000.test", Kind::Mx) | ("wide.a3000.test", Kind::A) | ("tc-forever.test", _) => {
            vec![query.answer(NO_ERROR, &good(query), 0)]
        }
        ("tcp-drip.test" | "tcp-endless.test" | "tcp-silent.test", _) => vec![query.answer(NO_ERROR, &good(query), 0)],
        ("a3000.test", Kind::Mx) => own(vec![Data::Mx(10, "wide.a3000.test".into())]),
        ("internal.test", Kind::Mx) => own(vec![Data::Mx(10, "mx.internal.test".into())]),
        ("mx.internal.test", Kind::A) => {
            let odd =
                [[127, 0, 0, 1], [127, 9, 9, 9], [0, 0, 0, 0], [224, 0, 0, 1], [255, 255, 255, 255], [10, 0, 1, 255]];
            own(odd.map(|octets| Data::A(octets.into())).into_iter().chain([real()]).collect())
        }
        ("mx.internal.test", Kind::Aaaa) => {
            let mapped = Ipv4Addr::LOCALHOST.to_ipv6_mapped();
            let group = "ff02::1".parse().expect("an address");
            own([Ipv6Addr::LOCALHOST, Ipv6Addr::UNSPECIFIED, mapped, group].map(Data::Aaaa).into())
        }
        ("loopback.test", Kind::Mx) => own(vec![Data::Mx(10, "mx.loopback.test".into())]),
        ("mx.loopback.test", Kind::A) => own(vec![Data::A(Ipv4Addr::LOCALHOST)]),
        ("mx.loopback.test", Kind::Aaaa) => own(vec![Data::Aaaa(Ipv6Addr::LOCALHOST)]),
        ("self.test", Kind::Mx) => own(vec![Data::Mx(0, "self.test".into())]),
        ("count-lies.test", _) => raw(65_535, &[]),
        ("pointer-loop.test", _) => raw(1, &[&pointer(behind)[..], &fixed(1, 2), &[0, 1]].concat()),
        ("pointer-ahead.test", _) => raw(1, &[&pointer(behind + 40)[..], &fixed(1, 2), &[0; 60]].concat()),
        ("label-reserved.test", _) => raw(1, &[&[0x80, 1, 2, 3][..], &fixed(1, 2), &[0, 1]].concat()),
        ("length-lies.test", _) => raw(1, &[&pointer(12)[..], &fixed(1, 60_000), &[0, 1, 0]].concat()),
        ("cname-200.test", _) => {
            let link = |n: usize| if n == 0 { name.to_owned() } else { format!("n{n}.{name}") };
            say(NO_ERROR, (0..200).map(|n| record(&link(n), Data::Cname(link(n + 1)))).collect())
        }
        ("cname-self.test", _) => own(vec![Data::Cname(name.into())]),
        ("nx-with-data.test", _) => say(NXDOMAIN, good(query)),
        ("wrong-class.test", _) => raw(1, &[&pointer(12)[..], &fixed(3, 4), &[0, 10], &pointer(12)].concat()),
        ("wrong-owner.test", _) => say(NO_ERROR, vec![record("good.test", Data::Mx(10, "mail.good.test".into()))]),
        ("flood.test", _) => {
            let forged = |n: u16| {
                query.numbered(query.id.wrapping_add(n)).answer(
                    NO_ERROR,
                    &[record(name, Data::Mx(1, "evil.test".into()))],
                    room,
                )
            };
            (1..3000).map(forged).chain([query.answer(NO_ERROR, &good(query), room)]).collect()
        }
        ("no-question.test", _) => {
            let mut answer = query.answer(NO_ERROR, &good(query), 65_535);
            answer[4..6].fill(0);
            answer.drain(12..usize::from(behind));
            vec![answer]
        }
        ("directed.test", Kind::A) => own(vec![Data::A([10, 0, 1, 255].into())]),
        ("directed.test", Kind::Mx) => own(vec![Data::Mx(10, name.into())]),
        ("silent.test", _) => Vec::new(),
        ("escapes.test", Kind::Mx) => own(vec![Data::Mx(10, "\u{1b}[2J\u{7}\r\n\u{202e}.$(reboot).test".into())]),
        (name, _) if name.starts_with("cname-endless-") => {
            let number: u64 = name.trim_start_matches("cname-endless-").trim_end_matches(".test").parse().unwrap_or(0);
            own(vec![Data::Cname(format!("cname-endless-{}.test", number + 1))])
        }
        ("good.test" | "mail.good.test" | "flood.good.test", _) => say(NO_ERROR, good(query)),
        ("self.test", _) => say(NO_ERROR, Vec::new()),
        _ => say(NXDOMAIN, Vec::new()),
    }
}

fn three_letters(n: u16) -> [u8; 3] {
    [n / 900, n / 30 % 30, n % 30].map(|n| b"abcdefghijklmnopqrstuvwxyz0123"[usize::from(n)])
}
