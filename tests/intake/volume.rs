//! A gigabyte of log: how long, and how much memory. Run by hand, as a release build:
//!
//!     cargo test --release --test intake volume -- --ignored --nocapture --test-threads 1

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use pmtu_probe::intake::Period;
use pmtu_probe::intake::log::{self, Source};
use pmtu_probe::model::{Grade, Suspects};

use super::now;

const SIZE: usize = 1 << 30;
/// What a reader may take on two cores.
const TIME: Duration = Duration::from_secs(5);
const MEMORY: usize = 50 << 20;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Format {
    Old,
    Iso,
    Journal,
    Exim,
}

/// A file that is gone with the test.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
#[ignore = "writes a gigabyte; run it by hand as a release build"]
fn volume_of_plain_logs() {
    for format in [Format::Old, Format::Iso, Format::Exim, Format::Journal] {
        measure(format, false);
    }
}

#[test]
#[ignore = "writes a gigabyte; run it by hand as a release build"]
fn volume_of_gzip() {
    measure(Format::Iso, true);
}

fn measure(format: Format, packed: bool) {
    let is_release = std::hint::black_box(!cfg!(debug_assertions));
    assert!(is_release, "only a release build says anything");
    let file = generate(format, packed);
    let on_disk = std::fs::metadata(&file.0).expect("the file is there").len();
    // Memory from here on; what the generator took does not count.
    std::fs::write("/proc/self/clear_refs", "5").expect("the kernel resets the peak");
    let before = resident("VmRSS");
    let (start, busy) = (Instant::now(), processor_time());
    let suspects = log::read(&[Source::new(&file.0)], Period::default(), now()).expect("a log");
    let (time, peak) = (start.elapsed(), resident("VmHWM"));
    println!(
        "{format:?}{}: {} lines, {} MB on disk, {:.2} s ({:.2} s of a processor), peak {} MiB ({} MiB before)",
        if packed { ", gzip" } else { "" },
        suspects.reading.lines,
        on_disk / 1_000_000,
        time.as_secs_f64(),
        processor_time() - busy,
        peak >> 20,
        before >> 20
    );
    check(&suspects);
    assert!(peak <= MEMORY, "{peak} bytes");
    assert!(time <= TIME, "{time:?}");
}

/// Of the relays, number 7 stalls with whatever is large.
fn check(suspects: &Suspects) {
    let [suspect] = suspects.list.as_slice() else { panic!("{:?}", suspects.list.len()) };
    assert_eq!(suspect.peer.address, "198.51.100.7".parse().ok());
    assert_eq!(suspect.grade, Grade::Classic);
}

pub(super) fn resident(key: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("the kernel tells");
    let line = status.lines().find(|line| line.starts_with(key)).expect("the kernel tells");
    line.split_whitespace().nth(1).and_then(|number| number.parse::<usize>().ok()).expect("a number") * 1024
}

/// Seconds of user and system; the kernel counts hundredths.
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("the kernel tells");
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    let ticks: u32 = fields.skip(11).take(2).map(|ticks| ticks.parse::<u32>().expect("a number")).sum();
    f64::from(ticks) / 100.0
}

fn generate(format: Format, packed: bool) -> Temporary {
    let path = std::env::temp_dir().join(format!("pmtu-probe-volume-{}-{format:?}-{packed}", std::process::id()));
    let guard = Temporary(path);
    let file = BufWriter::with_capacity(1 << 20, File::create(&guard.0).expect("a temporary file"));
    if packed {
        let mut encoder = GzEncoder::new(file, Compression::fast());
        write_all(format, &mut encoder);
        encoder.finish().and_then(|mut file| file.flush()).expect("room for a gigabyte");
    } else {
        let mut file = file;
        write_all(format, &mut file);
        file.flush().expect("room for a gigabyte");
    }
    guard
}

fn write_all(format: Format, into: &mut impl Write) {
    let (mut written, mut mail, mut text) = (0, 0_u64, String::new());
    while written < SIZE {
        text.clear();
        one_mail(format, mail, &mut text);
        into.write_all(text.as_bytes()).expect("room for a gigabyte");
        written += text.len();
        mail += 1;
    }
}

/// The lines of one mail that comes in and goes out, as a server in the middle writes them.
fn one_mail(format: Format, mail: u64, text: &mut String) {
    let relay = mail % 200;
    let size = if relay == 7 && !(mail / 200).is_multiple_of(3) { 900 } else { 3000 + mail * 7919 % 100_000 };
    let stalls = relay == 7 && size > 1000;
    let (a, b) = (mail / 250 % 250, mail % 250);
    let client = format!("client{a}-{b}.example[203.0.{a}.{b}]");
    let id = format!("{:010X}", 0xA0_0000_0000 + mail * 4099 % 0xF_FFFF_FFFF);
    if format == Format::Exim {
        return exim_mail(mail, relay, size, stalls, text);
    }
    let name = format!("mx{relay}.example.net[198.51.100.{relay}]");
    let (delay, outcome) = if stalls {
        (180, format!("dsn=4.4.2, status=deferred (conversation with {name} timed out while sending message body)"))
    } else {
        (1, "dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4BcDfG1z2Xz9)".to_owned())
    };
    let mut line = |program: &str, message: &str| prefixed(format, mail, program, message, text);
    line("postfix/smtpd", &format!("connect from {client}"));
    line("postfix/smtpd", &format!("{id}: client={client}"));
    line("postfix/cleanup", &format!("{id}: message-id=<{mail}.{size}@client.example>"));
    line("postfix/qmgr", &format!("{id}: from=<sender{b}@client.example>, size={size}, nrcpt=1 (queue active)"));
    line(
        "postfix/smtpd",
        &format!("disconnect from {client} ehlo=2 starttls=1 mail=1 rcpt=1 data=1 quit=1 commands=7"),
    );
    line(
        "postfix/smtp",
        &format!(
            "{id}: to=<user{b}@example{relay}.net>, relay={name}:25, delay={delay}.6, delays=0.1/0.01/0.5/{delay}, {outcome}"
        ),
    );
    line("postfix/qmgr", &format!("{id}: removed"));
    line("dovecot", &format!("imap-login: Login: user=<user{b}>, method=PLAIN, rip=203.0.{a}.{b}, mpid={mail}, TLS"));
}

fn prefixed(format: Format, mail: u64, program: &str, message: &str, text: &mut String) {
    let (hour, minute, second) = (mail / 3600 % 24, mail / 60 % 60, mail % 60);
    let written = match format {
        Format::Old => writeln!(text, "Nov 14 {hour:02}:{minute:02}:{second:02} mail {program}[4711]: {message}"),
        Format::Iso => {
            writeln!(text, "2026-11-14T{hour:02}:{minute:02}:{second:02}.123456+01:00 mail {program}[4711]: {message}")
        }
        Format::Journal | Format::Exim => writeln!(
            text,
            r#"{{"__CURSOR":"s=6c3f;i={mail:x};b=5a7c1e0f2d3b4a5968778695a4b3c2d1;m=5e8f;t=60a1;x=1f","__REALTIME_TIMESTAMP":"1794000000{second:02}0000","__MONOTONIC_TIMESTAMP":"6345789012","_BOOT_ID":"5a7c1e0f2d3b4a5968778695a4b3c2d1","_TRANSPORT":"syslog","PRIORITY":"6","SYSLOG_FACILITY":"2","_UID":"106","_GID":"113","_MACHINE_ID":"0f1e2d3c4b5a69788796a5b4c3d2e1f0","_HOSTNAME":"mail","_COMM":"smtp","_EXE":"/usr/lib/postfix/sbin/smtp","_CMDLINE":"smtp -t unix -u -c","_SYSTEMD_CGROUP":"/system.slice/postfix.service","_SYSTEMD_UNIT":"postfix.service","SYSLOG_IDENTIFIER":"{program}","SYSLOG_PID":"4711","_PID":"4711","MESSAGE":"{message}"}}"#
        ),
    };
    written.expect("a string takes all");
}

fn exim_mail(mail: u64, relay: u64, size: u64, stalls: bool, text: &mut String) {
    let (hour, minute, second) = (mail / 3600 % 24, mail / 60 % 60, mail % 60);
    let date = format!("2026-11-14 {hour:02}:{minute:02}:{second:02}");
    let id = format!("1uA{:03}-{:011}-{:04}", mail % 1000, mail, mail % 10_000);
    let (a, b) = (mail / 250 % 250, mail % 250);
    let host = format!("H=mx{relay}.example.net [198.51.100.{relay}]");
    let written = writeln!(text, "{date} {id} <= sender{b}@client.example H=client{a}-{b}.example [203.0.{a}.{b}] P=esmtps X=TLS1.3:ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_256_GCM:256 CV=no S={size} id={mail}.{size}@client.example")
        .and_then(|()| {
            if stalls {
                writeln!(text, "{date} {id} == user{b}@example{relay}.net R=dnslookup T=remote_smtp defer (110): Connection timed out {host}: SMTP timeout after end of data ({size} bytes written)")
            } else {
                writeln!(text, "{date} {id} => user{b}@example{relay}.net R=dnslookup T=remote_smtp {host} X=TLS1.3:ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_256_GCM:256 CV=yes C=\"250 2.0.0 Ok: queued as 4BcDfG1z2Xz9\"\n{date} {id} Completed")
            }
        });
    written.expect("a string takes all");
}
