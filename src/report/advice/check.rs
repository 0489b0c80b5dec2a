//! How the reader sees for himself whether the advice worked: this program again, and the mail that waits.

use super::case::Case;
use crate::model::{AddressReport, Mailer, ReverseVerdict, Verdict};

/// What to run once the advice was followed, and what it shows then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What to look for.
    pub text: String,
    /// Commands that show it, ready to paste.
    pub commands: Vec<String>,
}

/// How to check the advice for these addresses, of which the same is true. `None`: nothing is to be repaired.
pub fn check(reports: &[&AddressReport]) -> Option<Check> {
    let (first, others) = reports.split_first()?;
    let trouble = Trouble::of(first)?;
    let mut text = trouble.cured().to_owned();
    let mut commands = vec![Case::of_all(first, others).command("-q")];
    if let Some(queue) = queue_of(first, trouble) {
        text.push(' ');
        text.push_str(queue.text);
        commands.extend(queue.commands.iter().map(|command| (*command).to_owned()));
    }
    Some(Check { text, commands })
}

/// What becomes of mail.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mail {
    Hangs,
    Stalls,
}

/// What is wrong, as far as a check depends on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// Mail to there hangs, or stalls.
    There(Mail),
    /// Mail from there does.
    Back(Mail),
    /// Mail passes over a path that is broken.
    Hidden,
}

impl Trouble {
    fn of(report: &AddressReport) -> Option<Self> {
        let examined = &report.examined;
        let back = match examined.reverse.verdict {
            ReverseVerdict::BlackHole => Some(Self::Back(Mail::Hangs)),
            ReverseVerdict::Recovers => Some(Self::Back(Mail::Stalls)),
            _ => None,
        };
        match Some(examined.verdict).filter(|_| examined.direction.is_forward()) {
            Some(Verdict::BlackHole) => Some(Self::There(Mail::Hangs)),
            Some(Verdict::Recovers) => Some(Self::There(Mail::Stalls)),
            Some(Verdict::Masked) => back.or(Some(Self::Hidden)),
            _ => back,
        }
    }

    fn cured(self) -> &'static str {
        match self {
            Self::Hidden => "After the repair this says \"PMTU discovery works\" or \"clear\".",
            Self::Back(Mail::Hangs) => "Afterwards this no longer says that mail hangs.",
            Self::Back(Mail::Stalls) => "Afterwards this no longer says that mail stalls.",
            Self::There(Mail::Hangs) => "Afterwards the first command no longer says that mail hangs.",
            Self::There(Mail::Stalls) => "Afterwards the first command no longer says that mail stalls.",
        }
    }
}

/// The mail that waits: how to send it now, and what the log says then.
struct Queue {
    text: &'static str,
    commands: &'static [&'static str],
}

/// `None`: no mail of this host waits, or it is not about mail.
fn queue_of(report: &AddressReport, trouble: Trouble) -> Option<Queue> {
    const MAIL: [u16; 4] = [25, 465, 587, 2525];
    if !MAIL.contains(&report.port) || trouble == Trouble::Hidden {
        return None;
    }
    if matches!(trouble, Trouble::Back(_)) {
        return Some(Queue { text: "Mail that waits at their server comes with its next try.", commands: &[] });
    }
    Some(match report.here.systems.mailer {
        Some(Mailer::Postfix) => Queue {
            text: "The second sends what waits, and Postfix logs \"status=sent\".",
            commands: &["postqueue -f"],
        },
        Some(Mailer::Exim) => Queue {
            text: "The second sends what waits, and Exim logs \"=>\" and \"Completed\".",
            commands: &["exim -qf"],
        },
        Some(Mailer::OpenSmtpd) => Queue {
            text: "The second sends what waits, and OpenSMTPD logs result=\"Ok\".",
            commands: &["smtpctl schedule all"],
        },
        Some(Mailer::Sendmail) => {
            Queue { text: "The second sends what waits, and Sendmail logs \"stat=Sent\".", commands: &["sendmail -q"] }
        }
        Some(Mailer::Qmail) => Queue {
            text: "The second sends what waits, and qmail logs \"success\".",
            commands: &["pkill -ALRM qmail-send"],
        },
        None => Queue {
            text: "The second sends what waits, and Postfix logs \"status=sent\".",
            commands: &["postqueue -f  # Exim: exim -qf"],
        },
    })
}
