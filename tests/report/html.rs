//! The page: it says all that the text says, holds the JSON document, and its policy names its own script and style.
//! What it looks like, `tests/html` sees in a browser.

use std::time::{Duration, SystemTime};

use pmtu_probe::model::{Grade, MailFlow, Peer, Reason, Report, StallStage, Suspect, Suspects};
use pmtu_probe::report::html::render;
use pmtu_probe::report::suspects::{self, Answer, meanings};
use pmtu_probe::report::text::{Detail, Style, blocks};
use pmtu_probe::report::{Width, json, letter};
use serde_json::Value;

use super::fixtures::{V4, all, back_hole, back_only, clear, combinations, hostile, ip, no_ptb, report};

/// What is between two texts.
fn between<'a>(page: &'a str, before: &str, after: &str) -> &'a str {
    let start = page.find(before).unwrap_or_else(|| panic!("no {before}\n{page}")) + before.len();
    let length = page[start..].find(after).unwrap();
    &page[start..start + length]
}

/// Its words, without markup, script and style.
fn words_of(page: &str) -> String {
    let style = between(page, "<style>", "</style>");
    let data = between(page, "id=\"report\">", "</script>");
    let script = between(page, "<script>", "</script>");
    let mut rest = page.replace(style, "").replace(data, "").replace(script, "");
    let mut text = String::new();
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        text.push(' ');
        rest = after.split_once('>').unwrap().1.to_owned();
    }
    text.push_str(&rest);
    for (entity, letter) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")] {
        text = text.replace(entity, letter);
    }
    normal(&text)
}

fn normal(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The lines of the text without labels, numbers and what is about the text itself.
fn lines_of(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut is_drawing = false;
    for line in text.lines() {
        let label = line.get(..14).filter(|label| line.starts_with("  ") && !label.trim().is_empty());
        is_drawing = line.starts_with("  path  ") || (is_drawing && line.starts_with("              "));
        let is_of_text =
            line.contains("--advice all") || line.starts_with("       # MikroTik") || line.starts_with("       # ");
        if is_drawing || is_of_text {
            continue;
        }
        let is_row = label.is_some_and(|label| line.len() > 14 && label.ends_with(' ') && label.trim().len() < 12);
        let is_row = is_row
            && !line.starts_with("     ")
            && !line.trim_start().starts_with(['-', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
        let line = if is_row { &line[14..] } else { line };
        let line = line.trim_start().trim_start_matches("- ");
        let line =
            line.split_once(". ").filter(|(number, _)| number.parse::<u8>().is_ok()).map_or(line, |(_, line)| line);
        lines.push(normal(line));
    }
    lines
}

#[test]
fn the_page_says_all_that_the_text_says() {
    let style = Style { color: false, detail: Detail::Normal, width: Width::MOST };
    let mut reports: Vec<Report> = all().into_iter().chain([hostile()]).map(|of| report(vec![of])).collect();
    reports.push(report(vec![no_ptb(V4), clear("192.0.2.2"), clear("192.0.2.3")]));
    for report in reports {
        let page = words_of(&render(&report, None));
        // Cut words of hostile names are put together again.
        let joined = page.replace(' ', "");
        for line in lines_of(&blocks(&report, &style)) {
            assert!(joined.contains(&line.replace(' ', "")), "not on the page: {line}\n{page}");
        }
    }
}

#[test]
fn no_report_is_without_a_page() {
    for of in combinations() {
        let page = render(&report(vec![of]), None);
        assert!(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">") && page.ends_with("</html>\n"));
        assert_eq!(page.matches("<h1").count(), 1);
    }
}

#[test]
fn the_page_holds_the_document_of_json() {
    for report in [report(vec![no_ptb(V4)]), report(vec![hostile()]), report(vec![back_only(back_hole(V4))])] {
        let page = render(&report, None);
        let data = between(&page, "id=\"report\">", "</script>");
        assert!(!data.contains(['<', '>', '&', '\u{2028}', '\u{2029}']));
        let expected: Value = serde_json::from_str(&json::render(&report)).unwrap();
        assert_eq!(serde_json::from_str::<Value>(data).unwrap(), expected);
    }
}

#[test]
fn the_letters_are_those_of_the_letters() {
    let report = report(vec![no_ptb(V4)]);
    let page = words_of(&render(&report, None));
    for language in [letter::Language::English, letter::Language::German] {
        let letter = normal(&letter::render(&report, language));
        assert!(page.contains(&letter), "{letter}\n\n{page}");
    }
    let none = render(&self::report(vec![clear(V4)]), None);
    assert!(!none.contains("class=\"letter\""), "{none}");
}

/// A known hole counts 0 in the exit code, so it is no alarm on the page either; its neighbour, of which nothing was expected, is one.
#[test]
fn what_was_expected_is_said_and_is_no_alarm() {
    let mut known = no_ptb(V4);
    known.assessment.changes = Some(Vec::new());
    let mut report = report(vec![known, no_ptb("192.0.2.26")]);
    let page = render(&report, None);
    let headlines: Vec<&str> = page.split("<h2 class=\"headline ").skip(1).collect();
    assert_eq!(headlines.len(), 2, "{page}");
    assert!(headlines[0].starts_with("bad") && !headlines[0].split("</h2>").next().unwrap().contains("as expected"));
    assert!(headlines[1].starts_with("good") && headlines[1].split("</h2>").next().unwrap().contains("; as expected"));
    report.addresses.truncate(1);
    let alone = render(&report, None);
    assert!(alone.contains("<h1 class=\"headline good\"") && alone.contains("; as expected</title>"), "{alone}");
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let letter = char::from(ALPHABET[(bits >> (18 - 6 * at) & 63) as usize]);
            text.push(if at <= chunk.len() { letter } else { '=' });
        }
    }
    text
}

fn hash(text: &str) -> String {
    let suites = rustls::crypto::ring::default_provider().cipher_suites;
    let sha256 = suites.into_iter().find_map(|suite| match suite {
        rustls::SupportedCipherSuite::Tls13(suite) if suite.common.hash_provider.output_len() == 32 => {
            Some(suite.common.hash_provider)
        }
        _ => None,
    });
    format!("'sha256-{}'", base64(sha256.unwrap().hash(text.as_bytes()).as_ref()))
}

/// Content Security Policy Level 3, 8.4: a script runs if the policy has its hash.
#[test]
fn the_policy_names_script_and_style_by_their_hashes() {
    let page = render(&report(vec![hostile()]), None);
    let policy = between(&page, "http-equiv=\"Content-Security-Policy\" content=\"", "\"").replace("&#39;", "'");
    let script = hash(between(&page, "<script>", "</script>"));
    let style = hash(between(&page, "<style>", "</style>"));
    let expected = format!(
        "default-src 'none'; script-src {script}; style-src {style}; img-src data:; base-uri 'none'; form-action 'none'"
    );
    assert_eq!(policy, expected, "put the hashes into src/report/html/policy.rs");
}

#[test]
fn a_run_without_a_result_says_so_first() {
    let report = Report {
        target: "nowhere.invalid".into(),
        started: SystemTime::UNIX_EPOCH,
        elapsed: Duration::ZERO,
        addresses: Vec::new(),
        errors: vec![pmtu_probe::model::TargetFailure {
            target: "nowhere.invalid".into(),
            kind: pmtu_probe::model::FailureKind::Unresolved,
            text: "no such name".into(),
        }],
        vantage: None,
        ending: Some(3),
    };
    let page = words_of(&render(&report, None));
    let at = |words: &str| page.find(words).unwrap_or_else(|| panic!("no {words}: {page}"));
    assert!(at("nowhere.invalid: no address was examined") < at("Could not be examined"));
    assert!(at("Could not be examined") < at("no such name"));
}

#[test]
fn suspects_have_what_the_log_says_and_what_that_means() {
    let suspect = Suspect {
        flow: MailFlow::Outgoing,
        peer: Peer { name: Some("mx.example.com".into()), address: Some(ip(V4)), port: None },
        also_named: vec!["mail.example.net".into()],
        logged_by: Some("mailer".into()),
        domains: vec!["example.org".into()],
        grade: Grade::Classic,
        reasons: vec![Reason::Stalled { stage: StallStage::EndOfData, mails: 2 }],
        first: None,
        last: None,
        delays: None,
        phrases: vec!["timed out while sending end of data"],
        sample: "Nov 29 12:00:00 mailer postfix/smtp[1]: 4F1: to=<a@example.org>, status=deferred".into(),
    };
    let report = report(vec![no_ptb(V4)]);
    let answers = [Answer { suspect: &suspect, reports: vec![&report.addresses[0]], error: None }];
    let page = words_of(&render(&report, Some(&answers)));
    let list = Suspects::new(vec![suspect.clone()], pmtu_probe::model::Reading::default());
    let told = lines_of(&meanings(&answers, Width::MOST)).into_iter();
    for line in told.chain(lines_of(&suspects::render_at(&list, Width::MOST)).into_iter().skip(1)) {
        assert!(page.contains(&line), "not on the page: {line}\n{page}");
    }
    assert!(page.contains("mx.example.com: 1 address: 1 black hole"), "{page}");
    // The verdict first; what it means speaks of what stands above.
    let at = |words: &str| page.find(words).unwrap_or_else(|| panic!("no {words}: {page}"));
    let order = ["black hole above 1400 bytes", "log line", "What to do", "What that means for the mail"].map(at);
    assert!(order.is_sorted(), "{order:?}: {page}");
}
