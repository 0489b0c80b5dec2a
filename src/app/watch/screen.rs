//! The terminal while the table is shown: another screen, without echo. It gets its own back however the program ends.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use rustix::io::Errno;
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
};

use crate::report::printable_lines;

/// What is to be given back, for as long as the screen is shown.
static SHOWN: Mutex<Option<Before>> = Mutex::new(None);

/// How the terminal was.
struct Before {
    /// The modes of stdin, if that is a terminal.
    modes: Option<Termios>,
}

/// The screen, shown until it is dropped.
pub(super) struct Screen {
    has_keys: bool,
    drawn: Vec<String>,
}

/// Another screen (DEC 1049), no cursor, empty; and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[2J";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
/// Nothing is shown of what is drawn in between (DEC 2026); terminals that do not know it ignore it.
const BEGIN: &str = "\x1b[?2026h\x1b[H";
const END: &str = "\x1b[J\x1b[?2026l";
/// Erases the rest of the line (ECMA-48 EL).
const REST: &str = "\x1b[K";
/// Where the terminal does not say.
const USUAL: (usize, usize) = (80, 24);

impl Screen {
    /// Shows it.
    pub(super) fn enter() -> io::Result<Self> {
        let stdin = io::stdin();
        let before = if stdin.is_terminal() { tcgetattr(&stdin).ok() } else { None };
        if let Some(before) = &before {
            let mut modes = before.clone();
            modes.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
            // Ctrl-S would stop the examinations, and Ctrl-Z would leave the shell on this screen.
            modes.input_modes.remove(InputModes::IXON);
            modes.special_codes[SpecialCodeIndex::VSUSP] = 0;
            modes.special_codes[SpecialCodeIndex::VMIN] = 1;
            modes.special_codes[SpecialCodeIndex::VTIME] = 0;
            let _ = tcsetattr(&stdin, OptionalActions::Now, &modes);
        }
        let has_keys = before.is_some();
        *SHOWN.lock().unwrap_or_else(PoisonError::into_inner) = Some(Before { modes: before });
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            leave_in_a_hurry();
            usual(panic);
        }));
        let screen = Self { has_keys, drawn: Vec::new() };
        write(ENTER)?;
        Ok(screen)
    }

    /// Whether keys can be read.
    pub(super) fn has_keys(&self) -> bool {
        self.has_keys
    }

    /// Columns and lines.
    pub(super) fn size() -> (usize, usize) {
        let size = tcgetwinsize(io::stdout()).ok().map(|size| (usize::from(size.ws_col), usize::from(size.ws_row)));
        size.filter(|(columns, lines)| *columns > 0 && *lines > 0).unwrap_or(USUAL)
    }

    /// Draws, unless all of it is there already.
    pub(super) fn draw(&mut self, lines: Vec<String>) -> io::Result<()> {
        if lines == self.drawn {
            return Ok(());
        }
        let mut out = String::from(BEGIN);
        for (index, line) in lines.iter().enumerate() {
            if index > 0 {
                out.push_str("\r\n");
            }
            out.push_str(&printable_lines(line));
            out.push_str(REST);
        }
        out.push_str(END);
        self.drawn = lines;
        write(&out)
    }

    /// All of it is drawn the next time: the size has changed, or somebody else wrote.
    pub(super) fn forget(&mut self) {
        self.drawn.clear();
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave_in_a_hurry();
    }
}

/// Gives the terminal back, once.
pub(super) fn leave_in_a_hurry() {
    let Some(before) = SHOWN.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
    let _ = write(LEAVE);
    if let Some(modes) = before.modes {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &modes);
    }
}

/// Whether stdout was a terminal that is no longer there: the kernel fails what is asked of it.
pub(super) fn is_terminal_gone() -> bool {
    matches!(tcgetattr(io::stdout()), Err(Errno::IO))
}

fn write(words: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(words.as_bytes())?;
    stdout.flush()
}
