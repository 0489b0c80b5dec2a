//! Why a log or a queue cannot be read.

use std::time::Duration;

use crate::model::SilentForm;

/// Why there are no suspects to list. Each message is one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    /// No such file, no right to read it, or the like.
    #[error("cannot open the log {name}: {reason}{hint}")]
    Open {
        /// The file.
        name: String,
        /// What the system says.
        reason: String,
        /// What to do.
        hint: &'static str,
    },
    /// A folder.
    #[error("{0} is a folder; name the logs in it, like /var/log/mail.log")]
    Folder(String),
    /// Reading failed.
    #[error("cannot read the log {name}: {reason}")]
    Read {
        /// The file.
        name: String,
        /// What the system says.
        reason: String,
    },
    /// gzip that ends too early or is damaged.
    #[error("the log {name} is gzip, but truncated or damaged; if it is still being written, try again later")]
    Gzip {
        /// The file.
        name: String,
    },
    /// Another compression.
    #[error("the log {name} is compressed by {program}; unpack it first: {program} -dc FILE | pmtu-probe --from-log -")]
    Compressed {
        /// The file.
        name: String,
        /// What unpacks it.
        program: &'static str,
    },
    /// Nothing in it.
    #[error("{name}: empty; give a log with lines in it: was it rotated, is the older one named mail.log.1?")]
    Empty {
        /// The files.
        name: String,
    },
    /// Lines, but none of a mail server.
    #[error(
        "{name}: none of {lines} lines can be read as one of Postfix, Exim, Sendmail, OpenSMTPD, qmail or Exchange; read are syslog, \
         journalctl in any form, docker and kubectl logs, JSON, CSV, mailq, Exim's mainlog, multilog and Exchange's protocol logs; get one by: journalctl -o json | pmtu-probe --from-log -"
    )]
    NoMailLog {
        /// The files.
        name: String,
        /// How many lines there are.
        lines: u64,
    },
    /// Lines that are known, and name no reason.
    #[error("{name}: {}", .form.words())]
    Silent {
        /// The files.
        name: String,
        /// What they are.
        form: SilentForm,
    },
    /// No such program.
    #[error(
        "postqueue is not installed, so there is no queue of Postfix to read; for other mail servers use --from-log"
    )]
    NoPostqueue,
    /// The program does not start.
    #[error("postqueue does not start: {0}")]
    PostqueueStart(String),
    /// The program says no.
    #[error("\"postqueue -j\" failed: {0}")]
    PostqueueFailed(String),
    /// The program does not end.
    #[error("\"postqueue -j\" does not finish within {} s; is Postfix running?", .0.as_secs())]
    PostqueueSlow(Duration),
    /// Something else than a queue.
    #[error("\"postqueue -j\" says something that is no queue (line {line}); it needs Postfix 3.1 or newer")]
    PostqueueGarbage {
        /// The first line that is none.
        line: u64,
    },
}
