//! Workflow commands of GitHub Actions: an annotation for each check.

use super::checks::{Check, Outcome};

/// The annotation of a check, in one line.
pub fn annotation(check: &Check) -> String {
    let command = match check.outcome {
        Outcome::Broken => "error",
        Outcome::Faulty | Outcome::Unknown => "warning",
        Outcome::Passed | Outcome::Skipped => "notice",
    };
    let title = property(&format!("PMTU {}", check.name));
    let advice = if check.advice.is_empty() { String::new() } else { format!("\n{}", check.advice) };
    let message = data(&format!("{}{advice}", check.headline));
    format!("::{command} title={title}::{message}\n")
}

/// What stands behind the second `::`, as the runner takes it apart: a line end would begin another command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
