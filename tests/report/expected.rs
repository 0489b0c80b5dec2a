//! Whole texts, kept as files. `PMTU_REPORT_RECORD=1` writes them anew: read the difference as the reader would.

use std::path::PathBuf;

/// The text has to be that of `expected/NAME.txt`.
pub(crate) fn must_be_as_expected(text: &str, name: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/report/expected/{name}.txt"));
    if std::env::var_os("PMTU_REPORT_RECORD").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{}", path.display());
}
