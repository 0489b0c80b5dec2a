//! promtool reads the alerts and tries them; Grafana's SDK reads the dashboard.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;

use super::metrics::file_of;
use crate::fixtures::{all, report};
use crate::readers::{Scratch, debian, feed, python, repository, script};

fn rules() -> PathBuf {
    repository().join("docs/monitoring/pmtu-probe.rules.yml")
}

fn dashboard() -> PathBuf {
    repository().join("docs/monitoring/grafana-dashboard.json")
}

#[test]
fn the_alerts_are_valid_and_speak_when_they_should() {
    let checked = feed(debian("promtool").args(["check", "rules"]).arg(rules()), "");
    assert!(checked.is_good && checked.said.contains("SUCCESS"), "{}", checked.said);
    let scratch = Scratch::new("rules");
    let cases = std::fs::read_to_string(script("rules.test.yml")).unwrap();
    let cases = scratch.write("cases.yml", &cases.replace("RULES", rules().to_str().unwrap()));
    let tested = feed(debian("promtool").args(["test", "rules"]).arg(cases), "");
    assert!(tested.is_good && tested.said.contains("SUCCESS"), "{}", tested.said);
}

/// Each alert has a case in which it speaks.
#[test]
fn no_alert_is_untried() {
    let text = std::fs::read_to_string(rules()).unwrap();
    let cases = std::fs::read_to_string(script("rules.test.yml")).unwrap();
    let alerts: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 5, "{alerts:?}");
    for alert in alerts {
        let mut of_it = cases.split("alertname: ").skip(1).filter(|case| case.lines().next() == Some(alert));
        assert!(of_it.any(|case| case.contains("exp_labels")), "{alert} is tried nowhere");
    }
}

/// A metric that is asked for and never written shows nothing, and nobody wonders.
#[test]
fn alerts_and_dashboard_ask_for_what_is_written() {
    let file = file_of(&report(all()));
    let written: BTreeSet<&str> =
        file.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    for path in [rules(), dashboard()] {
        let text = std::fs::read_to_string(&path).unwrap();
        let asked: BTreeSet<&str> = text
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .filter(|word| word.starts_with("pmtu_probe_"))
            .collect();
        assert!(asked.len() > 5 && asked.is_subset(&written), "{}: {:?}", path.display(), asked.difference(&written));
    }
}

#[test]
fn grafana_knows_all_of_the_dashboard_and_prometheus_its_expressions() {
    let read = feed(&mut python([script("dashboard.py"), dashboard()]), "");
    assert!(read.is_good, "{}", read.said);
    // promtool has no command that reads one expression; it reads those of rules.
    let mut as_rules = "groups: [{name: dashboard, rules: [\n".to_owned();
    for (number, expression) in read.said.lines().enumerate() {
        let quoted = expression.replace('\'', "''");
        let _ = writeln!(as_rules, "{{record: 'panel_{number}', expr: '{quoted}'}},");
    }
    as_rules.push_str("]}]\n");
    let scratch = Scratch::new("dashboard");
    let file = scratch.write("panels.yml", &as_rules);
    let checked = feed(debian("promtool").args(["check", "rules"]).arg(file), "");
    assert!(checked.is_good && checked.said.contains("SUCCESS"), "{}\n{as_rules}", checked.said);
}

/// So that the test above means something.
#[test]
fn grafana_does_not_know_everything() {
    let text = std::fs::read_to_string(dashboard()).unwrap();
    let scratch = Scratch::new("unknown");
    for (ours, unknown) in [("\"colorMode\"", "\"coulourMode\""), ("\"schemaVersion\"", "\"schemaVersions\"")] {
        assert!(text.contains(ours));
        let file = scratch.write("dashboard.json", &text.replace(ours, unknown));
        let read = feed(&mut python([script("dashboard.py"), file]), "");
        assert!(!read.is_good, "{unknown} is known");
    }
}
