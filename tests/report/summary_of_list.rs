//! The end of a list: what needs attention, by place and network, worst first.

use pmtu_probe::model::{AddressReport, PortState, Report, Reverse, ReverseReason, Verdict};
use pmtu_probe::report::json::render_line;
use pmtu_probe::report::rows::Document;
use pmtu_probe::report::verdict_counts::VerdictCounts;

use super::fixtures::{
    V4, all, back_hole, back_only, between, clear, combinations, hostile, ip, local_firewall, masked, no_ptb, report,
    unreachable,
};
use super::judged::{expecting, words};

/// A target with these addresses, of which the way back was not examined.
fn target(name: &str, addresses: Vec<AddressReport>) -> Report {
    Report { target: name.into(), ..report(addresses) }
}

/// As one of many targets: a name and an address of its own.
fn numbered(mut one: AddressReport, name: &str, number: u32) -> AddressReport {
    let [a, b] = [(number / 200) as u8, (number % 200) as u8 + 1];
    one.address = ip(&format!("10.9.{a}.{b}"));
    one.host = format!("{name}{number}.example");
    one.examined.reverse = Reverse::untested(ReverseReason::NoConnection);
    one
}

/// A hole between the same two routers.
fn behind(number: u32, router: &str, next: &str) -> AddressReport {
    let mut one = numbered(no_ptb(V4), "hole", number);
    one.examined.location = Some(between((2, router), (3, next)));
    one
}

fn counted(targets: &[Report]) -> VerdictCounts {
    let mut counts = VerdictCounts::default();
    for report in targets {
        let labels: Vec<String> = report.addresses.iter().map(|one| format!("{} {}", one.host, one.address)).collect();
        counts.add(report, &labels);
    }
    counts
}

/// As `--resume` counts.
fn counted_by_lines(targets: &[Report]) -> VerdictCounts {
    let mut counts = VerdictCounts::default();
    for report in targets {
        let line = render_line(report);
        counts.add_line(&Document::read(line.trim_end().as_bytes()).unwrap_or_else(|| panic!("{line}")));
    }
    counts
}

/// Thousands of holes behind three routers are three rows. Of those that are wrong in one way, the place with the most comes first.
#[test]
fn the_summary_says_where_and_for_how_many_worst_first() {
    let mut targets = Vec::new();
    let mut of = |one: AddressReport| targets.push(target(&one.host.clone(), vec![one]));
    (0..30).for_each(|n| of(numbered(clear(V4), "clear", n)));
    (0..7).for_each(|n| of(behind(n, "192.0.2.9", &format!("198.51.100.{n}"))));
    (7..32).for_each(|n| of(behind(n, "203.0.113.2", &format!("198.51.100.{n}"))));
    of(numbered(masked(V4), "masked", 0));
    (0..2).for_each(|n| of(numbered(unreachable(V4), "silent", n)));
    targets.push(target("nobody.example", Vec::new()));
    let counts = counted(&targets);
    let summary = counts.summary();
    println!("{summary}");
    let paragraphs: Vec<Vec<&str>> = summary.split("\n\n").map(|paragraph| paragraph.lines().collect()).collect();
    assert_eq!(paragraphs[0], ["66 targets: 32 black hole, 1 masked, 2 unreachable, 30 clear, 1 not examined"]);
    let place =
        |paragraph: &[&str]| (paragraph[0].split([',', ';']).next().unwrap().to_owned(), paragraph[1].to_owned());
    assert_eq!(place(&paragraphs[1]), ("black hole".into(), "  behind 203.0.113.2; network 203.0.113.0/24".into()));
    assert_eq!(place(&paragraphs[2]), ("black hole".into(), "  behind 192.0.2.9; network 192.0.2.0/24".into()));
    assert!(paragraphs[1][0].ends_with("; 1400 bytes pass"), "{summary}");
    assert!(paragraphs[1][2].starts_with("  25 targets: hole7.example (10.9.0.8), hole8.example (10.9.0.9), "));
    assert!(paragraphs[1][2].ends_with(", and 20 more") && paragraphs[2][2].ends_with(", and 2 more"), "{summary}");
    let heads: Vec<&str> =
        paragraphs[3..].iter().map(|lines| lines[0].split([',', ';', ':']).next().unwrap()).collect();
    assert_eq!(heads, ["masked black hole", "unreachable", "not examined"], "{summary}");
    assert!(summary.contains("\nunreachable\n  network 10.9.0.0/24\n  2 targets: silent0.example"), "{summary}");
    assert!(!summary.contains("clear0"), "nobody has to do anything about those");
    assert_eq!(counts.exit_code(), 2);
}

/// Whether a result comes from this run or from the file of an earlier one makes no difference.
#[test]
fn results_and_their_lines_are_counted_alike() {
    let every = || all().into_iter().chain(combinations()).chain([hostile()]).chain(all().into_iter().map(back_only));
    let expected = |one: &AddressReport| expecting(one.clone(), &words(&[Verdict::BlackHole]));
    let mut targets: Vec<Report> = every().map(|one| target(&one.host.clone(), vec![one])).collect();
    targets.push(target("all.example", every().collect()));
    targets.push(target("expected.example", every().map(|one| expected(&one)).collect()));
    targets.push(target("nobody.example", Vec::new()));
    // Who is not as expected is counted from the file, and named from this run alone.
    let without_names = |summary: String| {
        let mut paragraphs: Vec<String> = summary.split("\n\n").map(str::to_owned).collect();
        paragraphs.retain(|paragraph| !paragraph.starts_with("not as expected:"));
        paragraphs
    };
    let (by_report, by_line) = (counted(&targets), counted_by_lines(&targets));
    assert_eq!(without_names(by_report.summary()), without_names(by_line.summary()));
    assert_eq!(by_report.exit_code(), by_line.exit_code());
    for one in &targets {
        let one = std::slice::from_ref(one);
        assert_eq!(without_names(counted(one).summary()), without_names(counted_by_lines(one).summary()));
    }
}

/// A host's own firewall is no router's fault, a way back has no place, and a closed port is no good news.
#[test]
fn each_kind_has_its_words() {
    let closed = |mut one: AddressReport| {
        one.examined.port_state = Some(PortState::Refused);
        one
    };
    let cases = [
        (numbered(local_firewall(V4), "a", 0), "at this host itself"),
        (back_hole(V4), "the way back: black hole"),
        (back_only(back_hole(V4)), "1 with a black hole in the other direction\n"),
        (back_only(clear(V4)), "1 target: 1 clear in the other direction\n"),
        (closed(numbered(clear(V4), "a", 0)), "\nclear, the port refuses connections; 1500 bytes pass\n"),
    ];
    for (one, words) in cases {
        let summary = counted(&[target("a.example", vec![one])]).summary();
        assert!(summary.contains(words), "{words:?} is not in {summary}");
    }
}

/// An address that two targets lead to counts for each of them; two of one target are one target.
#[test]
fn targets_and_addresses_are_told_apart() {
    let two = target("two.example", vec![behind(0, "192.0.2.9", V4), behind(1, "192.0.2.9", V4)]);
    let summary = counted(&[two]).summary();
    assert!(summary.starts_with("1 target: 2 black hole\n"), "{summary}");
    assert!(
        summary.contains("\n  1 target (2 addresses): hole0.example (10.9.0.1), hole1.example (10.9.0.2)\n"),
        "{summary}"
    );
}

/// What everybody knows is no news; what is new comes first.
#[test]
fn what_is_as_expected_is_counted_and_not_named() {
    let known = expecting(numbered(masked(V4), "known", 0), &words(&[Verdict::Masked]));
    let news = expecting(behind(1, "192.0.2.9", V4), &words(&[Verdict::Clear]));
    let summary = counted(&[target("a", vec![known]), target("b", vec![news])]).summary();
    let first = "2 targets: 1 black hole, 1 masked, 1 as expected, 1 not as expected\n\n\
                 not as expected:\n  hole1.example 10.9.0.2\n\nblack hole, ";
    assert!(summary.starts_with(first), "{summary}");
    assert!(!summary.contains("known0"), "{summary}");
}

/// A list that is wrong in every network ends with a summary that can be read.
#[test]
fn the_summary_stays_short() {
    let targets: Vec<Report> = (0..5000)
        .map(|n| {
            let mut one = numbered(unreachable(V4), "silent", 0);
            one.address = ip(&format!("10.{}.{}.1", n / 250, n % 250));
            target(&format!("t{n}"), vec![one])
        })
        .collect();
    let summary = counted(&targets).summary();
    assert!(summary.lines().count() < 100, "{summary}");
    assert!(summary.contains("5000 unreachable"), "{summary}");
    // Beyond so many networks those that are left are one group; of the groups 20 are shown.
    assert!(summary.contains("\nunreachable\n  904 targets: "), "{summary}");
    assert!(summary.ends_with("and 4077 more such groups of 4077 targets; --merge shows those of a file of --jsonl\n"));
}
