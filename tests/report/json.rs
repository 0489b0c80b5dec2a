//! The JSON contract.

use pmtu_probe::model::{FailureKind, TargetFailure};
use pmtu_probe::report::json::render;
use serde_json::{Value, json};

use super::fixtures::{
    self, FAULTS, FINDINGS, V4, bad_ptb, clear, combinations, discoverable, hostile, inconclusive, local_firewall,
    no_ptb, report, size, unreachable,
};

fn parse(document: &str) -> Value {
    serde_json::from_str(document).unwrap()
}

fn schema() -> Value {
    parse(include_str!("../../docs/report.schema.json"))
}

#[test]
fn the_document_is_that_of_the_contract() {
    let mut address = no_ptb(V4);
    address.examined.hops.truncate(1);
    address.examined.advice = vec![pmtu_probe::model::Advice {
        is_alternative: false,
        lasting: Vec::new(),
        who: pmtu_probe::model::Who::You,
        text: "Do this.".into(),
        commands: vec!["this".into()],
    }];
    let mut whole = report(Vec::new());
    whole.addresses = vec![address];
    let methods = json!([
        {"method": "tcp", "technique": "old_data", "status": "used", "reason": null, "sent": 60, "answered": 41,
         "path_mtu": 1400},
        {"method": "icmp", "technique": "echo", "status": "unusable",
         "reason": "no answer to small echo requests", "sent": 3, "answered": 0, "path_mtu": null}
    ]);
    let reverse =
        json!({"verdict": "clear", "path_mtu": 1500, "reason": null, "recovered_after_ms": null, "elapsed_ms": 40.0});
    let address = json!({
        "host": "mx.example.com", "preference": 10, "address": "192.0.2.25", "port": 25,
        "verdict": "black_hole", "cause": "no_ptb", "masked_by": null,
        "reason": "1400 byte packets are answered, 1401 byte packets never are, and nothing tells the sender; confirmed: \
                   in-order SMTP bytes of that size stall, and pass when cut",
        "port_state": "open", "confidence": 0.9989,
        "path_mtu": 1400, "first_lost_size": 1401, "local_mtu": 1500, "kernel_path_mtu": 1500,
        "peer_mss": 1460, "local_mss": 1460, "tcp_packet_limit": 1500, "rtt_ms": 20.4,
        "location": {
            "last_hop": {"ttl": 2, "address": "203.0.113.2"}, "next_hop": {"ttl": 3, "address": "203.0.113.6"}
        },
        "tcp_ends_at_hop": null,
        "hops": [ {"ttl": 1, "address": "198.51.100.1", "largest_answered": 1500, "rtt_ms": 6.8, "name": null, "name_confirmed": null, "asn": null} ],
        "expected": null, "change": null,
        "ptb": [],
        "rejections": [],
        "methods": methods,
        "sizes": [
            {"size": 1500, "sent": 2, "answered": 0},
            {"size": 1401, "sent": 8, "answered": 0},
            {"size": 1400, "sent": 8, "answered": 8}
        ],
        "reverse": reverse,
        "findings": [],
        "advice": [ {"who": "you", "text": "Do this.", "commands": ["this"], "lasting": []} ],
        "check": {"text": "Afterwards the first command no longer says that mail hangs. The second sends what waits, and Postfix logs \"status=sent\".", "commands": ["pmtu-probe -q 192.0.2.25", "postqueue -f  # Exim: exim -qf"]},
        "probes_sent": 63, "bytes_sent": 61000, "elapsed_ms": 170.0, "forward_elapsed_ms": 22.0
    });
    let expected = json!({
        "schema": "pmtu-probe/1", "version": env!("CARGO_PKG_VERSION"), "target": "mx.example.com", "vantage": "mail1.example.net",
        "started": "2026-01-01T00:00:00Z", "elapsed_ms": 171.2, "exit_code": 2,
        "addresses": [address],
        "errors": []
    });
    assert_eq!(parse(&render(&whole)), expected);
}

#[test]
fn the_keys_of_the_first_level_come_in_the_order_of_the_contract() {
    let document = render(&report(vec![clear(V4)]));
    let order = ["schema", "version", "target", "vantage", "started", "elapsed_ms", "exit_code", "addresses", "errors"];
    let at: Vec<_> = order.iter().map(|key| document.find(&format!("\n  \"{key}\"")).unwrap()).collect();
    assert!(at.is_sorted(), "{document}");
    assert!(document.ends_with("}\n"));
}

#[test]
fn ptbs_name_their_sender_and_fault() {
    let document = parse(&render(&report(vec![bad_ptb(V4), local_firewall(V4)])));
    assert_eq!(
        document["addresses"][0]["ptb"],
        json!([{"from": "203.0.113.2", "about": "tcp", "mtu": 1480, "reached_kernel": true, "fault": "stated_size_lost", "count": 3}])
    );
    assert_eq!(
        document["addresses"][1]["ptb"],
        json!([{"from": "203.0.113.2", "about": "tcp", "mtu": 1400, "reached_kernel": false, "fault": null, "count": 3}])
    );
}

#[test]
fn a_link_local_address_carries_its_zone() {
    let mut address = clear("fe80::25");
    address.zone = Some("eth0".into());
    assert_eq!(parse(&render(&report(vec![address])))["addresses"][0]["address"], "fe80::25%eth0");
}

#[test]
fn what_is_unknown_is_null() {
    let document = parse(&render(&report(vec![unreachable(V4)])));
    let address = &document["addresses"][0];
    for key in
        ["cause", "confidence", "path_mtu", "first_lost_size", "kernel_path_mtu", "peer_mss", "rtt_ms", "location"]
    {
        assert_eq!(address.get(key), Some(&Value::Null), "{key}");
    }
    for key in ["hops", "ptb", "sizes", "findings"] {
        assert_eq!(address.get(key), Some(&json!([])), "{key}");
    }
}

#[test]
fn the_exit_code_is_that_of_the_worst_address() {
    let code = |addresses| parse(&render(&report(addresses)))["exit_code"].as_u64();
    assert_eq!(code(vec![clear(V4), discoverable(V4)]), Some(0));
    assert_eq!(code(vec![clear(V4), inconclusive(V4)]), Some(3));
    assert_eq!(code(vec![unreachable(V4), no_ptb(V4), clear(V4)]), Some(2));
}

/// What the process ends with may be worse than its addresses.
#[test]
fn what_could_not_be_examined_stands_in_errors() {
    let mut whole = report(vec![clear(V4)]);
    whole.errors = vec![TargetFailure {
        target: "nobody.example".into(),
        kind: FailureKind::Unresolved,
        text: "no such name".into(),
    }];
    whole.ending = Some(3);
    let document = parse(&render(&whole));
    assert_eq!(document["errors"], json!([{"target": "nobody.example", "kind": "unresolved", "text": "no such name"}]));
    assert_eq!(document["exit_code"], 3);
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for kind in [
        FailureKind::BadTarget,
        FailureKind::Unresolved,
        FailureKind::NoRoute,
        FailureKind::BadOption,
        FailureKind::NoPrivilege,
        FailureKind::Interrupted,
        FailureKind::System,
    ] {
        whole.errors[0].kind = kind;
        whole.ending = Some(130);
        assert!(validator.is_valid(&parse(&render(&whole))), "{kind:?}");
    }
}

#[test]
fn every_document_follows_the_schema() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let mut single: Vec<_> = combinations();
    single.push(hostile());
    for address in single {
        let document = parse(&render(&report(vec![address])));
        let errors: Vec<_> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}\n{document:#}");
    }
    assert!(validator.is_valid(&parse(&render(&report(Vec::new())))));
    assert!(validator.is_valid(&parse(&render(&report(combinations())))));
}

#[test]
fn the_schema_refuses_what_is_not_in_the_contract() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let good = parse(&render(&report(vec![no_ptb(V4)])));
    assert!(validator.is_valid(&good));
    let bad = |change: &dyn Fn(&mut Value)| {
        let mut document = good.clone();
        change(&mut document);
        assert!(!validator.is_valid(&document), "{document:#}");
    };
    bad(&|d| d["extra"] = json!(1));
    bad(&|d| d["addresses"][0]["extra"] = json!(1));
    bad(&|d| d["addresses"][0]["reverse"]["extra"] = json!(1));
    bad(&|d| d["schema"] = json!("pmtu-probe/2"));
    bad(&|d| d["exit_code"] = json!(4));
    bad(&|d| d["addresses"][0]["verdict"] = json!("blackhole"));
    bad(&|d| d["addresses"][0]["path_mtu"] = json!("1400"));
    bad(&|d| d["addresses"][0]["path_mtu"] = json!(1400.5));
    bad(&|d| d["addresses"][0]["confidence"] = json!(1.1));
    bad(&|d| d["addresses"][0]["findings"] = json!(["no_such_finding"]));
    bad(&|d| d["addresses"][0]["verdict"] = json!("clear")); // clear has no cause
    for key in ["verdict", "path_mtu", "advice", "sizes"] {
        bad(&|d| {
            d["addresses"][0].as_object_mut().unwrap().remove(key);
        });
    }
}

/// A word that the program never prints, or one that the schema does not know, is a mistake in either.
#[test]
fn program_and_schema_know_the_same_words() {
    let mut address = no_ptb(V4);
    address.examined.findings = FINDINGS.to_vec();
    address.examined.ptb = FAULTS.iter().map(|fault| fixtures::ptb(&no_ptb(V4), 1, true, Some(*fault))).collect();
    let document = parse(&render(&report(vec![address])));
    let schema = schema();
    assert_eq!(document["addresses"][0]["findings"], schema["$defs"]["finding"]["enum"]);
    let mut faults: Vec<_> =
        document["addresses"][0]["ptb"].as_array().unwrap().iter().map(|ptb| ptb["fault"].clone()).collect();
    faults.push(Value::Null);
    assert_eq!(json!(faults), schema["$defs"]["ptb"]["properties"]["fault"]["enum"]);
}

#[test]
fn a_hostile_name_cannot_steer_a_terminal_and_survives_the_round_trip() {
    let address = hostile();
    let host = address.host.clone();
    let document = render(&report(vec![address]));
    let raw: Vec<_> = document.chars().filter(|c| !(c.is_ascii_graphic() || matches!(c, ' ' | '\n'))).collect();
    assert!(raw.is_empty(), "{raw:?}");
    assert_eq!(parse(&document)["addresses"][0]["host"], host);
}

#[test]
fn sizes_are_bytes_of_whole_packets() {
    let mut address = no_ptb(V4);
    address.examined.path_mtu = Some(size(65_535));
    assert_eq!(parse(&render(&report(vec![address])))["addresses"][0]["path_mtu"], 65_535);
}
