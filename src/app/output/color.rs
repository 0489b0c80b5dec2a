//! Whether to use colour: the option first, then the environment, then the terminal.

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorChoice {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What of the environment decides on colour. Unset is `None`.
#[derive(Clone, Debug, Default)]
pub(super) struct Environment {
    /// `NO_COLOR` (no-color.org): any value but the empty one forbids colour.
    no_color: Option<String>,
    /// `CLICOLOR_FORCE` (bixense.com/clicolors): anything but `0` and the empty value demands it.
    clicolor_force: Option<String>,
    /// `TERM`: `dumb` cannot show it.
    term: Option<String>,
}

impl Environment {
    /// The environment of this process.
    pub(super) fn of_process() -> Self {
        let var = |name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        Self { no_color: var("NO_COLOR"), clicolor_force: var("CLICOLOR_FORCE"), term: var("TERM") }
    }

    /// Whether the terminal understands nothing but text.
    pub(super) fn is_dumb(&self) -> bool {
        self.term.as_deref() == Some("dumb")
    }
}

/// Whether text on a stream gets colour.
pub(super) fn wants_color(choice: ColorChoice, environment: &Environment, is_terminal: bool) -> bool {
    let set = |value: &Option<String>| value.as_deref().is_some_and(|value| !value.is_empty());
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if set(&environment.no_color) => false,
        ColorChoice::Auto if set(&environment.clicolor_force) && environment.clicolor_force.as_deref() != Some("0") => {
            true
        }
        ColorChoice::Auto => is_terminal && !environment.is_dumb(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_beats_the_environment_and_that_beats_the_terminal() {
        use ColorChoice::{Always, Auto, Never};
        // choice, NO_COLOR, CLICOLOR_FORCE, TERM, terminal, expected
        let rows = [
            (Auto, None, None, Some("xterm"), true, true),
            (Auto, None, None, None, false, false),
            (Auto, None, None, Some("dumb"), true, false),
            (Auto, Some("1"), None, Some("xterm"), true, false),
            (Auto, Some(""), None, Some("xterm"), true, true),
            (Auto, None, Some("1"), None, false, true),
            (Auto, None, Some("0"), None, false, false),
            (Auto, None, Some(""), None, false, false),
            (Auto, Some("1"), Some("1"), Some("xterm"), true, false),
            (Always, Some("1"), None, Some("dumb"), false, true),
            (Never, None, Some("1"), Some("xterm"), true, false),
        ];
        for (choice, no_color, force, term, terminal, expected) in rows {
            let own = |value: Option<&str>| value.map(str::to_owned);
            let environment = Environment { no_color: own(no_color), clicolor_force: own(force), term: own(term) };
            assert_eq!(wants_color(choice, &environment, terminal), expected, "{choice:?} {environment:?} {terminal}");
        }
    }
}
