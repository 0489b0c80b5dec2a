//! JUnit's XML as Jenkins, GitLab and others read it (schema junit-10 of the xUnit plugin for Jenkins).

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use super::checks::{Check, Outcome};
use super::numbers::rfc3339;

/// The test cases of a run, as they come.
#[derive(Clone, Debug, Default)]
pub struct TestSuite {
    cases: String,
    tests: u64,
    failures: u64,
    errors: u64,
    skipped: u64,
}

impl TestSuite {
    /// Adds a case.
    pub fn add(&mut self, check: &Check) {
        self.tests += 1;
        let count = match check.outcome {
            Outcome::Passed => None,
            Outcome::Faulty | Outcome::Broken => Some(&mut self.failures),
            Outcome::Unknown => Some(&mut self.errors),
            Outcome::Skipped => Some(&mut self.skipped),
        };
        if let Some(count) = count {
            *count += 1;
        }
        push_case(&mut self.cases, check);
    }

    /// The document. A failure is a fault of the path, an error a path that could not be judged.
    pub fn document(&self, started: SystemTime, elapsed: Duration) -> String {
        let Self { cases, tests, failures, errors, skipped } = self;
        let time = seconds(elapsed);
        let timestamp = rfc3339(started).map(|at| format!(" timestamp=\"{at}\"")).unwrap_or_default();
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <testsuites name=\"{SUITE}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{time}\">\n  \
             <testsuite name=\"{SUITE}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" \
             skipped=\"{skipped}\" time=\"{time}\"{timestamp}>\n    \
             <properties>\n      \
             <property name=\"pmtu-probe\" value=\"{version}\"/>\n    \
             </properties>\n\
             {cases}  </testsuite>\n\
             </testsuites>\n",
            version = escaped(env!("CARGO_PKG_VERSION")),
        )
    }
}

/// Without a dot, at which Jenkins would part it into package and class.
const SUITE: &str = "pmtu-probe";

fn push_case(out: &mut String, check: &Check) {
    let (name, time) = (escaped(&check.name), seconds(check.elapsed));
    let (message, details) = (escaped(&check.headline), escaped(&check.details));
    let word = check.word;
    let found = match check.outcome {
        Outcome::Passed => None,
        Outcome::Faulty | Outcome::Broken => {
            Some(format!("<failure type=\"{word}\" message=\"{message}\">{details}</failure>"))
        }
        Outcome::Unknown => Some(format!("<error type=\"{word}\" message=\"{message}\">{details}</error>")),
        Outcome::Skipped => Some(format!("<skipped type=\"{word}\" message=\"{message}\"/>")),
    };
    let output = if details.is_empty() { &message } else { &details };
    let found = found.unwrap_or_else(|| format!("<system-out>{output}</system-out>"));
    // Writing into a String cannot fail.
    let _ = writeln!(
        out,
        "    <testcase classname=\"{SUITE}\" name=\"{name}\" time=\"{time}\">\n      {found}\n    </testcase>"
    );
}

fn seconds(duration: Duration) -> String {
    format!("{:.3}", duration.as_secs_f64())
}

/// Text as XML 1.0 can have it, in an attribute as well.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\n' => out.push(c),
            // What no document may contain, however it is written (XML 1.0, section 2.2).
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
