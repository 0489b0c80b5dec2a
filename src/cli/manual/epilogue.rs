//! What stands below the options in the help, read back: the manual page says the same.

/// A command line and what it is good for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Example<'a> {
    pub(super) command: &'a str,
    pub(super) says: String,
}

/// A line of the table of exit codes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome<'a> {
    pub(super) code: &'a str,
    /// `None`: something else that ends with this code.
    pub(super) verdict: Option<&'a str>,
    pub(super) says: String,
}

/// Columns at which the parts of a line begin.
const COMMAND: usize = 2;
const CODE: usize = 2;
const VERDICT: usize = 5;

pub(super) fn examples(epilogue: &str) -> Vec<Example<'_>> {
    let mut examples: Vec<Example> = Vec::new();
    for line in block(epilogue, "Examples") {
        match (indent(line), examples.last_mut()) {
            (COMMAND, _) => examples.push(Example { command: line.trim(), says: String::new() }),
            (_, Some(example)) => append(&mut example.says, line),
            _ => {}
        }
    }
    examples
}

pub(super) fn outcomes(epilogue: &str) -> Vec<Outcome<'_>> {
    let mut outcomes: Vec<Outcome> = Vec::new();
    for line in block(epilogue, "Verdicts") {
        let text = line.trim();
        match (indent(line), outcomes.last_mut()) {
            (CODE, _) => {
                let (code, rest) = text.split_once(' ').unwrap_or((text, ""));
                outcomes.push(outcome(code, rest.trim()));
            }
            (VERDICT, Some(above)) => {
                let code = above.code;
                outcomes.push(outcome(code, text));
            }
            (_, Some(above)) => append(&mut above.says, line),
            _ => {}
        }
    }
    outcomes
}

fn outcome<'a>(code: &'a str, text: &'a str) -> Outcome<'a> {
    match text.split_once("  ") {
        Some((verdict, says)) => Outcome { code, verdict: Some(verdict), says: says.trim().into() },
        None => Outcome { code, verdict: None, says: text.into() },
    }
}

/// The indented lines of the block whose heading begins with this word.
fn block<'a>(epilogue: &'a str, heading: &str) -> impl Iterator<Item = &'a str> {
    let block = epilogue.split("\n\n").find(|block| block.starts_with(heading)).unwrap_or_default();
    block.lines().filter(|line| indent(line) > 0)
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn append(text: &mut String, line: &str) {
    if !text.is_empty() {
        text.push(' ');
    }
    text.push_str(line.trim());
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPILOGUE: &str = "\
Examples:
  sudo program a
      One.
  program -b
      Two
      lines.

Verdicts and so on,
in two lines:
  0  good  all is well
     fair  nearly
           so
  3  bad   not at all
     also this
  130  interrupted

Last: words";

    #[test]
    fn examples_are_a_command_and_what_it_does() {
        let expected = [
            Example { command: "sudo program a", says: "One.".into() },
            Example { command: "program -b", says: "Two lines.".into() },
        ];
        assert_eq!(examples(EPILOGUE), expected);
    }

    #[test]
    fn outcomes_have_a_code_and_mostly_a_verdict() {
        let rows = [
            ("0", Some("good"), "all is well"),
            ("0", Some("fair"), "nearly so"),
            ("3", Some("bad"), "not at all"),
            ("3", None, "also this"),
            ("130", None, "interrupted"),
        ];
        let expected = rows.map(|(code, verdict, says)| Outcome { code, verdict, says: says.into() });
        assert_eq!(outcomes(EPILOGUE), expected);
    }

    #[test]
    fn an_epilogue_without_blocks_has_neither() {
        assert_eq!(examples("Verdicts"), []);
        assert_eq!(outcomes(""), []);
    }
}
