//! The plugin by itself: one answer on stdout whatever happens, in time.

use std::time::{Duration, Instant};

use super::lab::{Lab, Ran, program, run, with_labs};
use super::{SERVER, up};

/// The answer, the state, and nothing on stderr, which Icinga would add to it.
fn must_answer(ran: &Ran, state: u8, begin: &str) {
    assert_eq!(ran.status.code(), Some(i32::from(state)), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.starts_with(begin), "{begin}: {}", ran.stdout);
    assert!(ran.stdout.ends_with('\n') && ran.stderr.is_empty(), "{:?} {:?}", ran.stdout, ran.stderr);
}

fn plugin(lab: &Lab, arguments: &[&str]) -> Ran {
    lab.probe(&[&["--format", "nagios"], arguments].concat())
}

#[test]
fn every_failure_is_one_line_and_unknown() {
    with_labs("plugin::every_failure_is_one_line_and_unknown", || {
        let lab = up("clear");
        let rows: [(&[&str], &str); 8] = [
            (&[], "PMTU UNKNOWN - no target given"),
            (&["-x"], "PMTU UNKNOWN - unknown option -x"),
            (&["-H"], "PMTU UNKNOWN - --hostname needs a value"),
            (&["-H", SERVER, "-t", "soon"], "PMTU UNKNOWN - --timeout 'soon' is no time limit"),
            (&["-H", SERVER, "-I", "nope0"], "PMTU UNKNOWN - no interface nope0"),
            (&["-H", SERVER, "--known", "/nonexistent"], "PMTU UNKNOWN - cannot read the results /nonexistent"),
            // Nobody listens where resolv.conf points.
            (&["-H", "lab.test", "-t", "1"], "PMTU UNKNOWN - no answer about lab.test"),
            (&["-H", "a.test", "-H", "[b.test]", "-t", "1"], "PMTU UNKNOWN - no answer about a.test"),
        ];
        for (arguments, begin) in rows {
            must_answer(&plugin(&lab, arguments), 3, begin);
        }
        // What would be a warning on stderr is none.
        let ran =
            plugin(&lab, &["-H", SERVER, "-H", "[0.0.0.0]", "--direction", "forward", "--max-size", "9000", "-t", "5"]);
        must_answer(
            &ran,
            3,
            "PMTU UNKNOWN - not all could be examined; 10.0.4.2: clear, 1500 bytes pass | pmtu=1500B;",
        );
        assert!(ran.stdout.lines().nth(1).is_some_and(|line| line.contains("0.0.0.0")), "{}", ran.stdout);
        let mut unprivileged = lab.command("c", "setpriv");
        unprivileged.args(["--bounding-set=-net_raw", "--inh-caps=-net_raw"]).arg(program());
        unprivileged.args(["--format", "nagios", "-H", SERVER]);
        let ran = run(&mut unprivileged);
        must_answer(&ran, 3, "PMTU UNKNOWN - ");
        assert!(ran.stdout.contains("CAP_NET_RAW"), "{}", ran.stdout);
        let help = plugin(&lab, &["--help"]);
        assert_eq!(help.status.code(), Some(3), "help is no good state");
        lab.down().unwrap();
    });
}

/// Its default limit keeps it within the 10 s that schedulers and NRPE wait, whatever the path does.
#[test]
fn it_answers_within_ten_seconds() {
    for (scenario, state, begin) in [
        ("host_dead", 3, "PMTU UNKNOWN - 10.0.4.2: unreachable"),
        // Whether the server finds its way out is watched for longer where there is time.
        ("reverse_hole", 2, "PMTU CRITICAL - 10.0.4.2: clear, 1500 bytes pass; way back: black hole above 1400 | "),
    ] {
        with_labs("plugin::it_answers_within_ten_seconds", || {
            let lab = up(scenario);
            let begun = Instant::now();
            let ran = plugin(&lab, &["-H", SERVER]);
            let took = begun.elapsed();
            assert!(took < Duration::from_secs(10), "{scenario}: {took:?}");
            println!("{scenario}: {took:?}: {}", ran.stdout.trim_end());
            must_answer(&ran, state, begin);
            lab.down().unwrap();
        });
    }
}
