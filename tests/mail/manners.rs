//! What a server's log says of a visitor, and what is unkind in it.

/// How to read the log of one server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manners {
    /// In each line about a connection that begins; empty: the log does not say.
    begins: &'static str,
    /// In each line about one that ends in good order.
    ends: &'static str,
    /// Proof that TLS was spoken.
    tls: &'static str,
    /// Lines with this word are about visitors; of them, those with one of `kind` may be there and no others.
    about_visitors: &'static str,
    kind: &'static [&'static str],
}

/// `disconnect from … ehlo=1 starttls=1 quit=1`, in which no command was refused: Postfix writes `noop=1/2` then.
pub(crate) const POSTFIX: Manners = Manners {
    begins: "]: connect from ",
    ends: " quit=1 ",
    tls: " starttls=1 ",
    about_visitors: "postfix/smtpd[",
    kind: &["]: connect from ", "]: disconnect from ", "]: Anonymous TLS connection established from "],
};

/// Each connection ends `closed by QUIT`, and those that brought no mail are listed with their commands.
pub(crate) const EXIM: Manners = Manners {
    begins: "(TCP/IP connection count = ",
    ends: " closed by QUIT",
    tls: " C=EHLO,STARTTLS,",
    about_visitors: "",
    kind: &[" daemon started: ", "(TCP/IP connection count = ", " closed by QUIT", "no MAIL in SMTP connection from "],
};

pub(crate) const OPENSMTPD: Manners = Manners {
    begins: " smtp connected address=",
    ends: " smtp disconnected reason=quit",
    tls: " smtp tls ciphers=",
    about_visitors: " smtp ",
    kind: &[" smtp connected address=", " smtp tls ciphers=", " smtp disconnected reason=quit"],
};

/// A visitor that asks for nothing is noted so, without blame, once TLS stands. Before, the words are others.
pub(crate) const NGINX: Manners = Manners {
    begins: "",
    ends: " closed connection while waiting for request",
    tls: " closed connection while waiting for request",
    about_visitors: "[",
    kind: &["[notice] ", " closed connection while waiting for request"],
};

impl Manners {
    /// Whether every connection has ended.
    pub(crate) fn has_ended(self, log: &str) -> bool {
        let ended = count(log, self.ends);
        ended > 0 && (self.begins.is_empty() || ended >= count(log, self.begins))
    }

    /// All that is worse than a visitor who left politely after TLS.
    pub(crate) fn faults(self, log: &str) -> Vec<String> {
        let is_kind = |line: &&str| self.kind.iter().any(|kind| line.contains(kind)) && !has_refusals(line);
        let about_visitors = log.lines().filter(|line| line.contains(self.about_visitors));
        let mut faults: Vec<String> =
            about_visitors.filter(|line| !is_kind(line)).map(|line| format!("the server noted: {line}")).collect();
        if !self.has_ended(log) {
            faults.push(format!("not every connection has ended in good order: {log}"));
        }
        if count(log, self.tls) == 0 {
            faults.push(format!("no TLS in the server's log: {log}"));
        }
        faults
    }
}

fn count(log: &str, text: &str) -> usize {
    log.lines().filter(|line| line.contains(text)).count()
}

/// Postfix counts commands, and those that it took beside them if they are fewer.
fn has_refusals(line: &str) -> bool {
    let Some((_, counts)) = line.split_once("]: disconnect from ") else { return false };
    counts.split_whitespace().any(|word| word.contains('=') && word.contains('/'))
}
