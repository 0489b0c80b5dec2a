//! Argument vectors, what becomes of them, and what the user is told.

mod completions;
mod evidence;
mod hostile;
mod manual;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use pmtu_probe::app::output::color::ColorChoice;
use pmtu_probe::app::output::format::{Destination, FormatArgument, FormatChoice, Runs};
use pmtu_probe::app::output::formats;
use pmtu_probe::app::plan::{
    CaptureLimit, ConnectionOptions, ConnectionWatchOptions, ExaminationOptions, JudgingOptions, ListOptions,
    MergeOptions, OutputOptions, Rate, RunPlan, SendingOptions, SuspectOptions, SuspectSource, TargetSource,
    WatchOptions, WatchSource,
};
use pmtu_probe::cli::{Request, UsageError, parse};
use pmtu_probe::intake::Period;
use pmtu_probe::model::{Direction, Family, FirstFlight, MethodChoice, PacketSize};
use pmtu_probe::report::text::Detail;

fn request(line: &str) -> Result<Request, UsageError> {
    parse(line.split(' '))
}

fn plan(line: &str) -> RunPlan {
    match request(line) {
        Ok(Request::Run(plan)) => *plan,
        other => panic!("{line}: {other:?}"),
    }
}

fn shown(line: &str) -> String {
    match request(line) {
        Ok(Request::Show(text)) => text,
        other => panic!("{line}: {other:?}"),
    }
}

fn defaults() -> RunPlan {
    RunPlan {
        targets: named(&["mx"]),
        examination: ExaminationOptions {
            family: None,
            port: 25,
            mail_domains: true,
            method: MethodChoice::Auto,
            first_flight: FirstFlight::Ladder,
            direction: None,
            ptb_test: false,
            max_size: None,
            min_size: None,
            flows: None,
        },
        judging: JudgingOptions::default(),
        sending: SendingOptions {
            interface: None,
            source: None,
            rate: Rate::DEFAULT,
            timeout: Duration::from_secs(30),
        },
        output: OutputOptions {
            formats: vec![],
            color: ColorChoice::Auto,
            detail: Detail::Normal,
            names: false,
            verbosity: 0,
            capture_limit: CaptureLimit::DEFAULT,
        },
    }
}

/// The plan of a line without options, but for this.
fn but(change: impl FnOnce(&mut RunPlan)) -> RunPlan {
    let mut plan = defaults();
    change(&mut plan);
    plan
}

/// The same for several targets or a list, where packets are saved.
fn of_list(change: impl FnOnce(&mut RunPlan)) -> RunPlan {
    let mut plan = but(change);
    plan.examination.first_flight = FirstFlight::TwoSizes;
    plan
}

fn list(file: &str, concurrency: usize, resume: Option<&str>, shard: &str) -> TargetSource {
    let resume = resume.map(Into::into);
    TargetSource::List(ListOptions {
        file: file.into(),
        concurrency,
        resume,
        track: None,
        shard: shard.parse().unwrap(),
    })
}

fn watch(source: WatchSource, seconds: u64) -> TargetSource {
    TargetSource::Watch(WatchOptions { source, interval: Duration::from_secs(seconds), concurrency: 512 })
}

fn merge(files: &[&str], json: bool) -> TargetSource {
    TargetSource::Merge(MergeOptions { files: files.iter().map(Into::into).collect(), json })
}

fn format(name: &str, argument: FormatArgument) -> FormatChoice {
    FormatChoice { format: formats::named(name).expect("a format"), argument }
}

fn word(word: &str) -> FormatArgument {
    FormatArgument::Word(word.into())
}

fn file(path: &str) -> FormatArgument {
    FormatArgument::File(path.into())
}

fn named(names: &[&str]) -> TargetSource {
    TargetSource::Named(names.iter().map(|name| (*name).to_owned()).collect())
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn rows_of_fleets_and_names() {
    let rows: Vec<(&str, RunPlan)> = vec![
        (
            "pmtu-probe --merge a.jsonl b.jsonl.gz -",
            but(|plan| plan.targets = merge(&["a.jsonl", "b.jsonl.gz", "-"], false)),
        ),
        (
            "pmtu-probe --json --merge a",
            but(|plan| {
                plan.targets = merge(&["a"], true);
                plan.output.formats = vec![format("json", file("-"))];
            }),
        ),
        ("pmtu-probe --targets list --shard auto", of_list(|plan| plan.targets = list("list", 512, None, "auto"))),
        ("pmtu-probe --names mx", but(|plan| plan.output.names = true)),
    ];
    for (line, expected) in rows {
        assert_eq!(plan(line), expected, "{line}");
    }
}

#[test]
fn rows_of_watches() {
    let mx = || WatchSource::Named(vec!["mx".into()]);
    let rows: Vec<(&str, RunPlan)> = vec![
        ("pmtu-probe --watch mx", of_list(|plan| plan.targets = watch(mx(), 300))),
        ("pmtu-probe --watch=90s mx", of_list(|plan| plan.targets = watch(mx(), 90))),
        ("pmtu-probe --watch=60 -H mx", of_list(|plan| plan.targets = watch(mx(), 60))),
        ("pmtu-probe --watch=60 --thorough mx", but(|plan| plan.targets = watch(mx(), 60))),
        ("pmtu-probe --watch=24h mx", of_list(|plan| plan.targets = watch(mx(), 86_400))),
        (
            "pmtu-probe --watch=2m --targets list --jsonl out --prometheus out.prom",
            of_list(|plan| {
                plan.targets = watch(WatchSource::List("list".into()), 120);
                let formats = [format("jsonl", file("out")), format("prometheus", file("out.prom"))];
                plan.output.formats = formats.into();
            }),
        ),
        (
            "pmtu-probe --watch --jsonl - mx",
            of_list(|plan| {
                plan.targets = watch(mx(), 300);
                plan.output.formats = vec![format("jsonl", file("-"))];
            }),
        ),
    ];
    for (line, expected) in rows {
        let found = plan(line);
        assert_eq!(RunPlan { output: expected.output.clone(), ..found.clone() }, expected, "{line}");
        let names = |plan: &RunPlan| {
            plan.output.formats.iter().map(|one| one.format.name).collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(names(&found), names(&expected), "{line}");
    }
}

#[test]
fn a_watch_says_what_does_not_go_with_it() {
    let short = "is too short: an address is examined once a minute at most; give 60s or more";
    let rows = [
        ("pmtu-probe --watch=59s mx", short),
        ("pmtu-probe --watch=0 mx", short),
        ("pmtu-probe --watch=25h mx", "is too long; give 24h or less"),
        ("pmtu-probe --watch=soon mx", "is no interval; give one like 90s, 5m or 1h"),
        ("pmtu-probe --watch=-60s mx", "is no interval; give one like 90s, 5m or 1h"),
        (
            "pmtu-probe --watch --json mx",
            "--watch tells changes and has no report; --jsonl and --prometheus go with it, leave out --json",
        ),
        ("pmtu-probe --watch --pcapng x mx", "leave out --pcapng"),
        ("pmtu-probe --watch --format nagios mx", "leave out --format nagios"),
        ("pmtu-probe --watch --ptb-test mx", "it does not go with --watch"),
        ("pmtu-probe --watch --names mx", "--watch has none"),
        ("pmtu-probe --watch --from-queue", "--from-queue and --watch exclude each other; give one of them"),
        ("pmtu-probe --watch --from-sockets mx", "exclude each other; give one of them"),
        ("pmtu-probe --watch --from-sockets --targets a", "exclude each other; give one of them"),
        ("pmtu-probe --watch --from-sockets --json", "--watch tells changes and has no report"),
        (
            "pmtu-probe --watch --from-sockets --list-only --jsonl x",
            "--jsonl and --list-only exclude each other; give one of them",
        ),
        ("pmtu-probe --watch --list-only mx", "--list-only lists suspects"),
        ("pmtu-probe --watch --targets a --track b", "--track and --watch exclude each other; give one of them"),
        ("pmtu-probe --watch", "no target given"),
    ];
    for (line, expected) in rows {
        let error = request(line).expect_err(line).to_string();
        assert!(error.contains(expected), "{line}: {error}");
    }
}

#[test]
fn good_rows() {
    let size = |bytes| Some(PacketSize::new(bytes));
    let rate = |packets| Rate(std::num::NonZeroU32::new(packets));
    let rows: Vec<(&str, RunPlan)> = vec![
        ("pmtu-probe mx", defaults()),
        ("pmtu-probe a b", of_list(|plan| plan.targets = named(&["a", "b"]))),
        ("pmtu-probe a b --thorough", but(|plan| plan.targets = named(&["a", "b"]))),
        ("pmtu-probe a a. A", but(|plan| plan.targets = named(&["a"]))),
        ("pmtu-probe a b A a. b", of_list(|plan| plan.targets = named(&["a", "b"]))),
        ("pmtu-probe [192.0.2.1]:587", but(|plan| plan.targets = named(&["[192.0.2.1]:587"]))),
        ("pmtu-probe fe80::1%eth0", but(|plan| plan.targets = named(&["fe80::1%eth0"]))),
        ("pmtu-probe -- -mx", but(|plan| plan.targets = named(&["-mx"]))),
        ("pmtu-probe -4 mx", but(|plan| plan.examination.family = Some(Family::V4))),
        ("pmtu-probe mx -6", but(|plan| plan.examination.family = Some(Family::V6))),
        ("pmtu-probe -p 587 mx", but(|plan| plan.examination.port = 587)),
        ("pmtu-probe -p587 mx", but(|plan| plan.examination.port = 587)),
        ("pmtu-probe --port=65535 mx", but(|plan| plan.examination.port = 65_535)),
        ("pmtu-probe --no-mx mx", but(|plan| plan.examination.mail_domains = false)),
        ("pmtu-probe --method tcp mx", but(|plan| plan.examination.method = MethodChoice::Tcp)),
        ("pmtu-probe --method icmp mx", but(|plan| plan.examination.method = MethodChoice::Icmp)),
        ("pmtu-probe --direction forward mx", but(|plan| plan.examination.direction = Some(Direction::Forward))),
        ("pmtu-probe --direction=reverse mx", but(|plan| plan.examination.direction = Some(Direction::Reverse))),
        ("pmtu-probe mx --direction both", but(|plan| plan.examination.direction = Some(Direction::Both))),
        ("pmtu-probe --ptb-test mx", but(|plan| plan.examination.ptb_test = true)),
        (
            "pmtu-probe --method icmp --direction forward mx",
            but(|plan| {
                plan.examination.method = MethodChoice::Icmp;
                plan.examination.direction = Some(Direction::Forward);
            }),
        ),
        ("pmtu-probe --max-size 68 mx", but(|plan| plan.examination.max_size = size(68))),
        ("pmtu-probe --max-size 65535 mx", but(|plan| plan.examination.max_size = size(65_535))),
        (
            "pmtu-probe --min-size 1400 --max-size 1400 mx",
            but(|plan| {
                plan.examination.min_size = size(1400);
                plan.examination.max_size = size(1400);
            }),
        ),
        ("pmtu-probe -I eth0 mx", but(|plan| plan.sending.interface = Some("eth0".into()))),
        ("pmtu-probe --interface br-a.100 mx", but(|plan| plan.sending.interface = Some("br-a.100".into()))),
        (
            "pmtu-probe --source 192.0.2.1 mx",
            but(|plan| {
                plan.sending.source = Some(ip("192.0.2.1"));
                plan.examination.family = Some(Family::V4);
            }),
        ),
        (
            "pmtu-probe -6 --source 2001:db8::1 mx",
            but(|plan| {
                plan.sending.source = Some(ip("2001:db8::1"));
                plan.examination.family = Some(Family::V6);
            }),
        ),
        (
            "pmtu-probe --source fe80::1%eth0 mx",
            but(|plan| {
                plan.sending.source = Some(ip("fe80::1"));
                plan.examination.family = Some(Family::V6);
                plan.sending.interface = Some("eth0".into());
            }),
        ),
        ("pmtu-probe --timeout 2.5 mx", but(|plan| plan.sending.timeout = Duration::from_millis(2500))),
        ("pmtu-probe --timeout 86400 mx", but(|plan| plan.sending.timeout = Duration::from_secs(86_400))),
        ("pmtu-probe --rate 50 mx", but(|plan| plan.sending.rate = rate(50))),
        ("pmtu-probe --rate 0 mx", but(|plan| plan.sending.rate = Rate(None))),
        ("pmtu-probe --targets list", of_list(|plan| plan.targets = list("list", 512, None, "1/1"))),
        ("pmtu-probe --targets list --thorough", but(|plan| plan.targets = list("list", 512, None, "1/1"))),
        (
            "pmtu-probe --targets - --concurrency 9 --jsonl a --resume b --shard 2/3",
            of_list(|plan| {
                plan.targets = list("-", 9, Some("b"), "2/3");
                plan.output.formats = vec![format("jsonl", file("a"))];
            }),
        ),
        (
            "pmtu-probe --targets list --track a",
            of_list(|plan| {
                let TargetSource::List(options) = list("list", 512, None, "1/1") else { unreachable!() };
                plan.targets = TargetSource::List(ListOptions { track: Some("a".into()), ..options });
            }),
        ),
    ];
    check_plans(rows);
}

#[test]
fn good_rows_about_output() {
    let rows: Vec<(&str, RunPlan)> = vec![
        ("pmtu-probe --pcapng a.pcapng mx", but(|plan| plan.output.formats = vec![format("pcapng", file("a.pcapng"))])),
        ("pmtu-probe --json mx", but(|plan| plan.output.formats = vec![format("json", file("-"))])),
        ("pmtu-probe --json=a mx", but(|plan| plan.output.formats = vec![format("json", file("a"))])),
        (
            "pmtu-probe --format json mx",
            but(|plan| plan.output.formats = vec![format("json", FormatArgument::Nothing)]),
        ),
        (
            "pmtu-probe --format tap --junit a --prometheus b mx",
            but(|plan| {
                plan.output.formats = vec![
                    format("junit", file("a")),
                    format("prometheus", file("b")),
                    format("tap", FormatArgument::Nothing),
                ];
            }),
        ),
        (
            "pmtu-probe --format github mx",
            but(|plan| plan.output.formats = vec![format("github", FormatArgument::Nothing)]),
        ),
        ("pmtu-probe --letter mx", but(|plan| plan.output.formats = vec![format("letter", word("en"))])),
        ("pmtu-probe --letter=en mx", but(|plan| plan.output.formats = vec![format("letter", word("en"))])),
        ("pmtu-probe --letter=de mx", but(|plan| plan.output.formats = vec![format("letter", word("de"))])),
        ("pmtu-probe --color always mx", but(|plan| plan.output.color = ColorChoice::Always)),
        ("pmtu-probe --color=never mx", but(|plan| plan.output.color = ColorChoice::Never)),
        ("pmtu-probe -q mx", but(|plan| plan.output.detail = Detail::VerdictOnly)),
        (
            "pmtu-probe -v mx",
            but(|plan| {
                plan.output.detail = Detail::Full;
                plan.output.verbosity = 1;
            }),
        ),
        (
            "pmtu-probe -vvv mx",
            but(|plan| {
                plan.output.detail = Detail::Full;
                plan.output.verbosity = 3;
            }),
        ),
    ];
    check_plans(rows);
}

fn check_plans(rows: Vec<(&str, RunPlan)>) {
    for (line, expected) in rows {
        assert_eq!(plan(line), expected, "{line}");
    }
}

#[test]
fn logs_may_be_several_and_named_in_several_ways() {
    let logs = |names: &[&str]| SuspectSource::Logs(names.iter().map(PathBuf::from).collect(), Period::default());
    let rows = [
        ("pmtu-probe --from-log a", logs(&["a"]), false),
        ("pmtu-probe --from-log a b.gz", logs(&["a", "b.gz"]), false),
        ("pmtu-probe --from-log a --from-log -", logs(&["a", "-"]), false),
        ("pmtu-probe --from-queue", SuspectSource::Queue, false),
        ("pmtu-probe --list-only --from-log a", logs(&["a"]), true),
    ];
    for (line, source, list_only) in rows {
        let targets = TargetSource::Suspects(SuspectOptions { source, list_only });
        assert_eq!(plan(line), RunPlan { targets, ..defaults() }, "{line}");
    }
}

#[test]
fn connections_are_those_at_all_ports_or_at_some() {
    let rows = [
        ("pmtu-probe --from-sockets", &[][..], false),
        ("pmtu-probe --from-sockets=all", &[], false),
        ("pmtu-probe --from-sockets=25", &[25], false),
        ("pmtu-probe --from-sockets=25,465,25,587 --list-only", &[25, 465, 587], true),
    ];
    for (line, ports, list_only) in rows {
        let targets = TargetSource::Connections(ConnectionOptions { ports: ports.to_vec(), list_only });
        assert_eq!(plan(line), RunPlan { targets, ..defaults() }, "{line}");
    }
    let rows = [
        ("pmtu-probe --watch --from-sockets", &[][..], false, 300),
        ("pmtu-probe --watch=90s --from-sockets=25,587 --list-only", &[25, 587], true, 90),
    ];
    for (line, ports, list_only, seconds) in rows {
        let connections = ConnectionOptions { ports: ports.to_vec(), list_only };
        let interval = Duration::from_secs(seconds);
        let options = ConnectionWatchOptions { connections, interval, concurrency: 512 };
        // Who is suspect is examined as a whole.
        assert_eq!(plan(line), RunPlan { targets: TargetSource::ConnectionWatch(options), ..defaults() }, "{line}");
    }
    // A value without = would be a target.
    let error = request("pmtu-probe --from-sockets 25").expect_err("an error").to_string();
    assert!(error.contains("exclude each other"), "{error}");
}

#[test]
fn the_way_back_is_examined_where_the_service_is_known_unless_the_user_says_otherwise() {
    use Direction::{Both, Forward, Reverse};
    let rows = [
        ("pmtu-probe mx", 25, Both),
        ("pmtu-probe mx", 587, Both),
        ("pmtu-probe mx", 465, Both),
        ("pmtu-probe mx", 443, Both),
        ("pmtu-probe mx", 22, Forward),
        ("pmtu-probe --method tcp mx", 25, Both),
        ("pmtu-probe --method icmp mx", 25, Forward),
        ("pmtu-probe --direction forward mx", 25, Forward),
        ("pmtu-probe --direction reverse mx", 25, Reverse),
        ("pmtu-probe --direction reverse mx", 22, Reverse),
        ("pmtu-probe --direction both mx", 22, Both),
        ("pmtu-probe --ptb-test mx", 22, Both),
        ("pmtu-probe --ptb-test --direction reverse mx", 25, Reverse),
    ];
    for (line, port, expected) in rows {
        assert_eq!(plan(line).examination.direction_towards(port), expected, "{line}, port {port}");
    }
}

#[test]
fn ports_are_held_for_the_way_back_where_it_may_be_examined() {
    for (line, ports) in [
        ("pmtu-probe mx", 5),
        ("pmtu-probe --direction reverse mx", 5),
        ("pmtu-probe --direction forward mx", 0),
        ("pmtu-probe --method icmp mx", 0),
    ] {
        assert_eq!(plan(line).examination.reverse_ports(), ports, "{line}");
    }
}

#[test]
#[allow(clippy::too_many_lines)] // a table
fn bad_rows_say_what_is_wrong_and_what_to_do() {
    let rows = [
        ("pmtu-probe", "no target given; name a mail server, as in \"pmtu-probe mx.example.com\""),
        ("pmtu-probe --letter=fr mx", "--letter fr is no choice; give one of: en, de"),
        ("pmtu-probe --letter --json mx", "--json and --letter exclude each other; give one of them"),
        ("pmtu-probe --letter -q mx", "--letter and --quiet exclude each other; give one of them"),
        ("pmtu-probe -q", "no target given; name a mail server, as in \"pmtu-probe mx.example.com\""),
        ("pmtu-probe ", "target \"\" is empty; name a host or an address"),
        (
            "pmtu-probe a\tb",
            "target \"a\\tb\" holds a blank or a control character; give one host or address per argument",
        ),
        ("pmtu-probe --nonsense mx", "unknown option --nonsense; \"pmtu-probe --help\" lists them all"),
        ("pmtu-probe -x mx", "unknown option -x; \"pmtu-probe --help\" lists them all"),
        ("pmtu-probe --timout 3 mx", "unknown option --timout; did you mean --timeout?"),
        ("pmtu-probe -4 -6 mx", "--ipv4 and --ipv6 exclude each other; give one of them"),
        ("pmtu-probe -6 -4 mx", "--ipv4 and --ipv6 exclude each other; give one of them"),
        ("pmtu-probe -q -v mx", "--quiet and --verbose exclude each other; give one of them"),
        ("pmtu-probe -p 25 -p 26 mx", "--port is given twice; give it once"),
        ("pmtu-probe -p 0 mx", "--port \"0\" is no port; give a number from 1 to 65535"),
        ("pmtu-probe -p 65536 mx", "--port \"65536\" is no port; give a number from 1 to 65535"),
        ("pmtu-probe --port smtp mx", "--port \"smtp\" is no port; give a number from 1 to 65535"),
        ("pmtu-probe mx --port", "--port needs a value; see \"pmtu-probe --help\""),
        ("pmtu-probe --method udp mx", "--method udp is no choice; give one of: auto, tcp, icmp"),
        ("pmtu-probe --direction up mx", "--direction up is no choice; give one of: forward, reverse, both"),
        (
            "pmtu-probe --method icmp --direction reverse mx",
            "--method icmp cannot examine the other way; leave out --method or --direction",
        ),
        (
            "pmtu-probe --direction both --method icmp mx",
            "--method icmp cannot examine the other way; leave out --method or --direction",
        ),
        (
            "pmtu-probe --method icmp --ptb-test mx",
            "--method icmp does not go with --ptb-test, which needs TCP; leave one of them out",
        ),
        (
            "pmtu-probe --direction forward --ptb-test mx",
            "--direction forward does not go with --ptb-test, which tests the other way; leave one of them out",
        ),
        (
            "pmtu-probe --list-only mx",
            "--list-only lists suspects; give --from-log FILE, --from-queue or --from-sockets as well",
        ),
        ("pmtu-probe --from-log", "--from-log needs a value; see \"pmtu-probe --help\""),
        ("pmtu-probe --from-sockets mx", "--from-sockets and TARGET exclude each other; give one of them"),
        (
            "pmtu-probe --from-sockets --from-queue",
            "--from-queue and --from-sockets exclude each other; give one of them",
        ),
        ("pmtu-probe --from-sockets --targets a", "--from-sockets and --targets exclude each other; give one of them"),
        ("pmtu-probe --from-sockets --list-only --json", "--json and --list-only exclude each other; give one of them"),
        (
            "pmtu-probe --from-sockets=25,x",
            "--from-sockets \"25,x\" holds \"x\", which is no port; give some like 25,465,587, or leave =... out",
        ),
        (
            "pmtu-probe --from-sockets=",
            "--from-sockets \"\" holds \"\", which is no port; give some like 25,465,587, or leave =... out",
        ),
        ("pmtu-probe --from-queue mx", "--from-queue and TARGET exclude each other; give one of them"),
        ("pmtu-probe mx --from-log a", "--from-log and TARGET exclude each other; give one of them"),
        ("pmtu-probe --from-log a --from-queue", "--from-log and --from-queue exclude each other; give one of them"),
        ("pmtu-probe --targets a --from-log b", "--from-log and --targets exclude each other; give one of them"),
        ("pmtu-probe --targets a --from-queue", "--from-queue and --targets exclude each other; give one of them"),
        ("pmtu-probe --from-queue --list-only --json", "--json and --list-only exclude each other; give one of them"),
        (
            "pmtu-probe --from-log a --jsonl b",
            "--jsonl, --resume, --track and --shard go with --targets FILE; add it, or leave them out",
        ),
        (
            "pmtu-probe --shard 1/2 mx",
            "--jsonl, --resume, --track and --shard go with --targets FILE; add it, or leave them out",
        ),
        ("pmtu-probe --color red mx", "--color red is no choice; give one of: auto, always, never"),
        ("pmtu-probe --max-size 67 mx", "--max-size \"67\" is no packet size; give whole bytes from 68 to 65535"),
        ("pmtu-probe --max-size 65536 mx", "--max-size \"65536\" is no packet size; give whole bytes from 68 to 65535"),
        ("pmtu-probe --min-size 1e3 mx", "--min-size \"1e3\" is no packet size; give whole bytes from 68 to 65535"),
        (
            "pmtu-probe --min-size 1401 --max-size 1400 mx",
            "--min-size 1401 is above --max-size 1400; give a smaller --min-size",
        ),
        (
            "pmtu-probe --source eth0 mx",
            "--source \"eth0\" is no address; give an IPv4 or IPv6 address of this host, as \"ip address\" shows",
        ),
        (
            "pmtu-probe --source 192.0.2.1%eth0 mx",
            "--source \"192.0.2.1%eth0\" is no address; give an IPv4 or IPv6 address of this host, as \"ip address\" shows",
        ),
        ("pmtu-probe -4 --source 2001:db8::1 mx", "-4 does not go with an IPv6 --source; leave one of them out"),
        ("pmtu-probe -6 --source 192.0.2.1 mx", "-6 does not go with an IPv4 --source; leave one of them out"),
        (
            "pmtu-probe -I eth1 --source fe80::1%eth0 mx",
            "--interface eth1 contradicts the zone %eth0 of --source; leave one of them out",
        ),
        ("pmtu-probe -I a/b mx", "--interface \"a/b\" is no interface name; pick one that \"ip link\" shows"),
        (
            "pmtu-probe -I sixteen-letters- mx",
            "--interface \"sixteen-letters-\" is no interface name; pick one that \"ip link\" shows",
        ),
        ("pmtu-probe --timeout 0 mx", "--timeout \"0\" is no time limit; give seconds above 0, up to 86400"),
        ("pmtu-probe --timeout=-1 mx", "--timeout \"-1\" is no time limit; give seconds above 0, up to 86400"),
        ("pmtu-probe --timeout inf mx", "--timeout \"inf\" is no time limit; give seconds above 0, up to 86400"),
        ("pmtu-probe --timeout NaN mx", "--timeout \"NaN\" is no time limit; give seconds above 0, up to 86400"),
        ("pmtu-probe --timeout 86401 mx", "--timeout \"86401\" is no time limit; give seconds above 0, up to 86400"),
        ("pmtu-probe --rate -1 mx", "unknown option -1; \"pmtu-probe --help\" lists them all"),
        (
            "pmtu-probe --rate 1000001 mx",
            "--rate \"1000001\" is no rate; give packets per second from 1 to 1000000, or 0 for no limit",
        ),
        ("pmtu-probe --pcapng - mx", "--pcapng - is no file: stdout carries the report; name a file"),
        (
            "pmtu-probe --pcapng f --pcapng-limit 10 mx",
            "--pcapng-limit \"10\" is no size; give one from 1M on, like 10M or 1G, or 0 for no limit",
        ),
        (
            "pmtu-probe --pcapng f --pcapng-limit 10T mx",
            "--pcapng-limit \"10T\" is no size; give one from 1M on, like 10M or 1G, or 0 for no limit",
        ),
        (
            "pmtu-probe --pcapng f --pcapng-limit 99999999999999999G mx",
            "--pcapng-limit \"99999999999999999G\" is no size; give one from 1M on, like 10M or 1G, or 0 for no limit",
        ),
        ("pmtu-probe --pcapng= mx", "--pcapng needs a value; see \"pmtu-probe --help\""),
        ("pmtu-probe --generate man mx", "--generate stands alone; leave all else out"),
        ("pmtu-probe --generate pdf", "--generate pdf is no choice; give one of: man, bash, zsh, fish"),
        ("pmtu-probe --list-only=yes mx", "--list-only takes no value; leave \"=yes\" out"),
        ("pmtu-probe --junit - mx", "--junit - is no file: stdout carries the report; name a file"),
        ("pmtu-probe --prometheus - mx", "--prometheus - is no file: stdout carries the report; name a file"),
        ("pmtu-probe --format tap --json mx", "--format tap and --json exclude each other; give one of them"),
        ("pmtu-probe --json= mx", "--json needs a value; see \"pmtu-probe --help\""),
        (
            "pmtu-probe --format pdf mx",
            "--format pdf is no choice; give one of: text, json, tap, github, markdown, nagios, checkmk",
        ),
        ("pmtu-probe --format json --letter mx", "--format json and --letter exclude each other; give one of them"),
        ("pmtu-probe --format json --json mx", "--format json is given twice; give it once"),
        ("pmtu-probe --json=a --pcapng a mx", "--json and --pcapng name one file, a; give each its own"),
    ];
    refused(&rows);
}

#[test]
fn bad_rows_about_what_is_expected_say_so_too() {
    let verdicts = "black_hole, recovers, masked, unreachable, inconclusive, discoverable, clear";
    let no_verdict = format!("--expect \"mask\" holds \"mask\", which is no verdict; give some of: {verdicts}");
    let empty = format!("--expect \"masked,\" holds \"\", which is no verdict; give some of: {verdicts}");
    let no_range = "is no range of packet sizes; give 1400, 1400:, :1400 or 1280:1400, from 68 to 65535";
    let no_limit = "is no range; give one like 1500: (at least), 1280:1500 (between) or @0:1279 (not between)";
    let of_the_way_there =
        "--direction reverse does not examine the way that --expect is about; put reverse: before the verdict";
    let of_the_way_back =
        "--expect reverse:... needs the other way, which --direction forward and --method icmp leave out";
    let for_monitoring = "--warning and --critical go with --format nagios or checkmk; try --expect-mtu";
    let sizes = ["", ":", "1500:1400", "a", "1400:b", "-1", "67", "65536:", "1:2:3", "1400B"];
    let limits = ["", ":", "@", "10:5", "~", "1e3", "-1:", "1500:1500:", "+5", "99999999999"];
    for size in sizes {
        let line = format!("pmtu-probe --expect-mtu={size} mx");
        refused(&[(&line, &format!("--expect-mtu {size:?} {no_range}"))]);
    }
    for limit in limits {
        let line = format!("pmtu-probe --format nagios -w={limit} mx");
        refused(&[(&line, &format!("--warning {limit:?} {no_limit}"))]);
    }
    refused(&[
        ("pmtu-probe --expect mask mx", &no_verdict),
        ("pmtu-probe --expect masked, mx", &empty),
        ("pmtu-probe --expect clear --direction reverse mx", of_the_way_there),
        ("pmtu-probe --expect-mtu 1400 --direction reverse mx", of_the_way_there),
        ("pmtu-probe --expect reverse:clear --direction forward mx", of_the_way_back),
        ("pmtu-probe --expect reverse:clear --method icmp mx", of_the_way_back),
        ("pmtu-probe -w 1500: mx", for_monitoring),
        ("pmtu-probe -c 1500: --json mx", for_monitoring),
        (
            "pmtu-probe --format nagios -w 1500: --direction reverse mx",
            "--direction reverse does not find the path MTU that --warning and --critical are about; leave it out",
        ),
        (
            "pmtu-probe --from-log a --list-only --expect clear",
            "--list-only examines nothing that could be as expected; leave out one of them",
        ),
        (
            "pmtu-probe --targets a --format nagios",
            "--format nagios and --targets exclude each other; give one of them",
        ),
        ("pmtu-probe --targets a -H b", "--hostname and --targets exclude each other; give one of them"),
        ("pmtu-probe --from-queue -H b", "--from-queue and --hostname exclude each other; give one of them"),
    ]);
}

#[test]
fn what_is_expected_is_a_part_of_the_plan() {
    use pmtu_probe::model::{AlertRange, Expectation, ReverseVerdict, SizeRange, Thresholds, Verdict};
    let size = |bytes| Some(PacketSize::new(bytes));
    let mtu = |least, most| Expectation { path_mtu: Some(SizeRange { least, most }), ..Expectation::default() };
    let words = |verdicts: &[Verdict], reverse: &[ReverseVerdict]| Expectation {
        verdicts: verdicts.to_vec(),
        reverse: reverse.to_vec(),
        path_mtu: None,
    };
    for (line, expectation) in [
        ("--expect masked", words(&[Verdict::Masked], &[])),
        ("--expect black_hole,clear", words(&[Verdict::BlackHole, Verdict::Clear], &[])),
        (
            "--expect masked,reverse:recovers,reverse:untested",
            words(&[Verdict::Masked], &[ReverseVerdict::Recovers, ReverseVerdict::Untested]),
        ),
        ("--expect-mtu 1400", mtu(size(1400), size(1400))),
        ("--expect-mtu 1400:", mtu(size(1400), None)),
        ("--expect-mtu :1400", mtu(None, size(1400))),
        ("--expect-mtu 1280:1400", mtu(size(1280), size(1400))),
    ] {
        assert_eq!(plan(&format!("pmtu-probe {line} mx")).judging.expectation, expectation, "{line}");
    }
    // Who expects something of the other way asks for it; suspects have their way from the log.
    let direction = |line| plan(line).examination.direction;
    assert_eq!(direction("pmtu-probe --expect reverse:clear mx"), Some(Direction::Both));
    assert_eq!(direction("pmtu-probe --expect clear mx"), None);
    assert_eq!(direction("pmtu-probe --expect reverse:clear --from-log a"), None);
    let known = plan("pmtu-probe --known a mx").judging.known;
    assert_eq!(known.as_deref(), Some(std::path::Path::new("a")));
    let range = |start, end, inside| Some(AlertRange { start, end, inside });
    let limits = plan("pmtu-probe --format nagios -w 1500: -c @0:1279 mx").judging.thresholds;
    assert_eq!(
        limits,
        Thresholds { warning: range(Some(1500), None, false), critical: range(Some(0), Some(1279), true) }
    );
}

/// As monitoring systems call plugins.
#[test]
fn a_plugin_has_the_options_of_plugins() {
    let plugin = plan("pmtu-probe --format nagios -H mx -t 5 -p 587 b");
    assert_eq!(plugin.targets, named(&["mx", "b"]));
    assert_eq!(plugin.sending.timeout, Duration::from_secs(5));
    let defaults = plan("pmtu-probe --format nagios -H mx");
    assert!(defaults.sending.timeout < Duration::from_secs(10));
    assert_eq!(defaults.output.detail, Detail::VerdictOnly);
    assert_eq!(plan("pmtu-probe -H mx").sending.timeout, Duration::from_secs(30));
}

/// A monitoring system reads stdout, whatever is the matter with the arguments.
#[test]
fn a_usage_error_reaches_a_monitoring_system() {
    let rows: [(&[&str], &str); 7] = [
        (&["--format", "nagios"], "PMTU UNKNOWN - no target given"),
        (&["--format=nagios", "--port", "0", "mx"], "PMTU UNKNOWN - --port '0' is no port"),
        (&["-x", "--format", "nagios"], "PMTU UNKNOWN - unknown option -x"),
        (&["--format", "nagios", "--format", "json", "mx"], "PMTU UNKNOWN - --format is given twice"),
        (&["--format", "nagios", "--json", "mx"], "PMTU UNKNOWN - --format nagios and --json exclude each other"),
        (&["--format", "nagios", "a|b\nc"], "PMTU UNKNOWN - target 'a/b?nc'"),
        (&["--format", "checkmk"], "3 \"PMTU\" - no target given"),
    ];
    for (args, begin) in rows {
        let ran = std::process::Command::new(env!("CARGO_BIN_EXE_pmtu-probe")).args(args).output().unwrap();
        let stdout = String::from_utf8_lossy(&ran.stdout);
        assert!(stdout.starts_with(begin), "{args:?}: {stdout}");
        assert_eq!(
            (stdout.lines().count(), ran.stderr.len(), ran.status.code()),
            (1, 0, Some(3)),
            "{args:?}: {stdout}"
        );
    }
    // Behind "--" nothing is an option.
    let ran =
        std::process::Command::new(env!("CARGO_BIN_EXE_pmtu-probe")).args(["-x", "--", "--format", "nagios"]).output();
    assert!(ran.is_ok_and(|ran| ran.stdout.is_empty() && !ran.stderr.is_empty()));
}

#[test]
fn bad_rows_about_lists_say_so_too() {
    refused(&[
        ("pmtu-probe --targets list mx", "--targets and TARGET exclude each other; give one of them"),
        ("pmtu-probe --targets list --json", "--json and --targets exclude each other; give one of them"),
        ("pmtu-probe --targets list --letter", "--letter and --targets exclude each other; give one of them"),
        (
            "pmtu-probe --jsonl a mx",
            "--jsonl, --resume, --track and --shard go with --targets FILE; add it, or leave them out",
        ),
        (
            "pmtu-probe --shard 1/2 mx",
            "--jsonl, --resume, --track and --shard go with --targets FILE; add it, or leave them out",
        ),
        (
            "pmtu-probe --track a mx",
            "--jsonl, --resume, --track and --shard go with --targets FILE; add it, or leave them out",
        ),
        ("pmtu-probe --targets list --track a --resume b", "--resume and --track exclude each other; give one of them"),
        (
            "pmtu-probe --targets list --names",
            "--names goes with targets of the command line, a log, a queue or connections; leave it out",
        ),
        (
            "pmtu-probe --merge a --names",
            "--names goes with targets of the command line, a log, a queue or connections; leave it out",
        ),
        ("pmtu-probe --merge a --pcapng b", "--merge prints text or --json; leave out --pcapng"),
        ("pmtu-probe --merge a --letter", "--merge prints text or --json; leave out --letter"),
        ("pmtu-probe mx --merge a", "--merge and TARGET exclude each other; give one of them"),
        ("pmtu-probe --merge a --targets b", "--merge and --targets exclude each other; give one of them"),
        (
            "pmtu-probe --merge a --jsonl b",
            "--jsonl, --resume, --track and --shard go with --targets FILE; add it, or leave them out",
        ),
        (
            "pmtu-probe --targets list --shard 3/2",
            "--shard \"3/2\" is no part of a list; give one like 1/3, 2/3 or 3/3, or auto",
        ),
        (
            "pmtu-probe --targets list --concurrency 0",
            "--concurrency \"0\" is no number of examinations; give 1 to 65536",
        ),
    ]);
}

/// Every format is asked for by the option of its name, wherever it is listed.
#[test]
fn every_format_with_an_option_can_be_asked_for() {
    for format in formats::ALL.iter().filter(|format| format.option.is_some()) {
        let target = if format.runs == Runs::Lists { "--targets list" } else { "mx" };
        let line = match format.destination {
            Destination::File | Destination::FileOrStdout => format!("pmtu-probe {target} --{} a", format.name),
            Destination::Stdout | Destination::StdoutForPrograms | Destination::StdoutOrFile => {
                format!("pmtu-probe {target} --{}", format.name)
            }
        };
        assert_eq!(names_of_formats(&line), [format.name], "{line}");
    }
}

#[test]
fn every_format_with_a_word_can_be_asked_for() {
    for format in formats::ALL.iter().filter(|format| format.word.is_some()) {
        let line = format!("pmtu-probe mx --format {}", format.name);
        assert_eq!(names_of_formats(&line), [format.name], "{line}");
    }
}

fn names_of_formats(line: &str) -> Vec<&'static str> {
    plan(line).output.formats.iter().map(|choice| choice.format.name).collect()
}

/// What goes to files leaves stdout to one that does not.
#[test]
fn several_outputs_go_together() {
    let formats = plan("pmtu-probe mx --letter --json=a --pcapng b").output.formats;
    let on_stdout: Vec<&str> =
        formats.iter().filter(|choice| choice.takes_stdout()).map(|choice| choice.format.name).collect();
    assert_eq!((formats.len(), on_stdout), (3, vec!["letter"]));
}

fn refused(rows: &[(&str, &str)]) {
    for (line, expected) in rows {
        let error = request(line).expect_err(line).to_string();
        assert_eq!(error, *expected, "{line}");
        assert_eq!(error.lines().count(), 1, "{line}");
    }
}

#[test]
fn a_usage_error_is_one_line_on_stderr() {
    let ran =
        std::process::Command::new(env!("CARGO_BIN_EXE_pmtu-probe")).args(["--port", "0", "mx"]).output().unwrap();
    assert_eq!(ran.status.code(), Some(3));
    assert_eq!(ran.stdout, b"");
    assert_eq!(
        String::from_utf8_lossy(&ran.stderr),
        "pmtu-probe: --port \"0\" is no port; give a number from 1 to 65535\n"
    );
}

#[test]
fn a_usage_error_is_no_black_hole() {
    assert_eq!(UsageError::EXIT_CODE, 3);
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    use std::os::unix::ffi::OsStringExt;
    let args = ["pmtu-probe".into(), std::ffi::OsString::from_vec(vec![0xff, b'\n'])];
    let error = parse(args).unwrap_err().to_string();
    assert_eq!(error, "an argument is not valid UTF-8; retype it");
}

#[test]
fn a_file_may_have_any_name() {
    use std::os::unix::ffi::OsStringExt;
    let name = std::ffi::OsString::from_vec(vec![b'a', 0xff]);
    let Ok(Request::Run(plan)) = parse(["pmtu-probe".into(), "--pcapng".into(), name.clone(), "mx".into()]) else {
        panic!()
    };
    assert_eq!(plan.output.formats, [format("pcapng", FormatArgument::File(name.into()))]);
}

#[test]
fn an_error_stays_on_one_line_whatever_was_typed() {
    for evil in ["--a\nb", "-\u{1b}", "--port=\n", "--method=a\nb", "\u{1b}[2J", "--list-only=\n\r"] {
        let error = parse(["pmtu-probe", evil, "mx"]).unwrap_err().to_string();
        assert!(!error.chars().any(char::is_control), "{error:?}");
    }
}

#[test]
fn help_teaches() {
    assert_eq!(without_trailing_blanks("pmtu-probe -h"), include_str!("help-short.txt"));
    assert_eq!(without_trailing_blanks("pmtu-probe --help"), include_str!("help-long.txt"));
}

/// clap indents its empty lines.
fn without_trailing_blanks(line: &str) -> String {
    shown(line).lines().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

/// The long options of the help. Their lines are indented by 2 or 6, what is said of them by more.
fn long_options() -> BTreeSet<String> {
    let help = shown("pmtu-probe --help");
    let lines = help.lines().filter(|line| line.starts_with("  -") || line.starts_with("      --"));
    let options = lines.filter_map(|line| line.split_whitespace().find(|word| word.starts_with("--")));
    options.map(|word| word.split(['[', '.']).next().unwrap_or(word).to_owned()).collect()
}

#[test]
fn help_fits_80_columns_and_the_short_one_a_screen() {
    let (long, short) = (shown("pmtu-probe --help"), shown("pmtu-probe -h"));
    let options = long_options();
    assert!(options.len() > 25, "{options:?}");
    let of_short = short.split_whitespace().filter(|word| word.starts_with("--") && !word.starts_with("--help"));
    for option in of_short {
        let name = option.split(['[', '.']).next().unwrap_or(option);
        assert!(options.contains(name), "{option}");
    }
    assert!(short.lines().count() <= 40, "{} lines", short.lines().count());
    for line in long.lines().chain(short.lines()) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let expected = format!("pmtu-probe {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(shown("pmtu-probe -V"), expected);
    assert_eq!(shown("pmtu-probe --version"), expected);
    assert_eq!(shown("pmtu-probe --help mx -4 -6").lines().count(), shown("pmtu-probe --help").lines().count());
}

#[test]
fn a_limit_of_the_capture_has_a_unit() {
    for (text, bytes) in [
        ("1M", Some(1 << 20)),
        ("2048k", Some(2 << 20)),
        ("1g", Some(1 << 30)),
        ("1048576", Some(1 << 20)),
        ("0", None),
    ] {
        let Request::Run(plan) = request(&format!("pmtu-probe --pcapng f --pcapng-limit {text} mx")).expect("a plan")
        else {
            panic!("no run")
        };
        assert_eq!(plan.output.capture_limit, CaptureLimit(bytes), "{text}");
    }
}
