//! Answers of name servers.

use pmtu_probe::resolve::fuzz;

pub(crate) fn dns(bytes: &[u8]) {
    let name = "mx.example.com";
    let Some((names, records)) = fuzz::answer(bytes, name) else { return };
    assert_eq!(names.first().map(String::as_str), Some(name), "what was asked for comes first");
    assert!(names.len() <= 17, "{} aliases", names.len());
    assert!(records.len() <= bytes.len() / 11, "a record has eleven bytes at least");
}
