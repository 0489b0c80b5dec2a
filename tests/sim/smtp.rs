//! The SMTP server of the peer: answers, and remembers what a mail admin would find in the log.

use crate::scenario::Tls;

/// One SMTP session.
#[derive(Debug, Default)]
pub struct Smtp {
    tls: Tls,
    buffer: Vec<u8>,
    greeted: bool,
    /// The verbs received, in order.
    pub commands: Vec<String>,
    /// What an orderly client does not do.
    pub complaints: Vec<String>,
    /// QUIT was answered.
    pub quit: bool,
    /// STARTTLS was accepted: TLS comes next.
    pub starts_tls: bool,
}

/// What Postfix sends.
const EHLO_REPLY: &str = "250-mx.example.com\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-ETRN\r\n\
                          250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250 CHUNKING\r\n";
const EHLO_REPLY_WITH_TLS: &str = "250-mx.example.com\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-ETRN\r\n\
                                   250-STARTTLS\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250 CHUNKING\r\n";
/// RFC 5321, 4.5.3.1.4.
const LONGEST_LINE: usize = 512;

impl Smtp {
    pub fn new(tls: Tls) -> Self {
        Self { tls, ..Self::default() }
    }

    /// RFC 3207, 4.2: after the handshake it starts anew, without a greeting and without STARTTLS.
    pub fn inside_tls() -> Self {
        Self { greeted: true, ..Self::default() }
    }

    /// What it says in place of the greeting before it closes.
    pub fn turn_away(&mut self) -> &'static str {
        self.greeted = true;
        self.quit = true;
        "421 mx.example.com does not want you\r\n"
    }

    /// Closes without a word.
    pub fn hang_up(&mut self) -> &'static str {
        self.greeted = true;
        self.quit = true;
        ""
    }

    /// The greeting, when its time has come.
    pub fn greet(&mut self) -> &'static str {
        self.greeted = true;
        "220 mx.example.com ESMTP\r\n"
    }

    /// Takes bytes of the stream; `reply_pending`: the client has not acknowledged all that was sent to it.
    pub fn receive(&mut self, bytes: &[u8], reply_pending: bool) -> String {
        if !self.greeted {
            self.complaints.push("spoke before the greeting".into());
        } else if reply_pending && !bytes.is_empty() {
            self.complaints.push("did not wait for the reply".into());
        }
        self.buffer.extend_from_slice(bytes);
        let mut replies = String::new();
        let mut lines = 0;
        while let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
            let line: Vec<u8> = self.buffer.drain(..end + 2).collect();
            replies += self.command(&line);
            lines += 1;
            if self.starts_tls {
                break;
            }
        }
        if self.starts_tls && !self.buffer.is_empty() {
            self.complaints.push("did not wait for the reply to STARTTLS".into());
        }
        if lines > 1 {
            self.complaints.push(format!("{lines} commands at once"));
        }
        replies
    }

    fn command(&mut self, line: &[u8]) -> &'static str {
        if line.len() > LONGEST_LINE {
            self.complaints.push(format!("a line of {} bytes", line.len()));
        }
        let text = String::from_utf8_lossy(line);
        let verb = text.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        self.commands.push(verb.clone());
        match verb.as_str() {
            "EHLO" if self.offers_tls() => EHLO_REPLY_WITH_TLS,
            "EHLO" => EHLO_REPLY,
            "STARTTLS" if self.offers_tls() && self.commands.iter().any(|verb| verb == "EHLO") => self.start_tls(),
            "NOOP" => "250 2.0.0 Ok\r\n",
            "QUIT" => {
                self.quit = true;
                "221 2.0.0 Bye\r\n"
            }
            _ => {
                self.complaints.push(format!("unexpected command {}", text.trim_end().escape_debug()));
                "502 5.5.2 Error: command not recognized\r\n"
            }
        }
    }

    fn offers_tls(&self) -> bool {
        matches!(self.tls, Tls::Starttls | Tls::Refused | Tls::Alert)
    }

    fn start_tls(&mut self) -> &'static str {
        if self.tls == Tls::Refused {
            return "454 4.7.0 TLS not available due to local problem\r\n";
        }
        self.starts_tls = true;
        "220 2.0.0 Ready to start TLS\r\n"
    }

    /// Everything that an orderly session does not contain.
    pub fn verdict(&self) -> Vec<String> {
        let mut complaints = self.complaints.clone();
        if self.commands.iter().filter(|verb| *verb == "NOOP").count() > 4 {
            complaints.push("more than 4 NOOPs".into());
        }
        if let Some(first) = self.commands.first().filter(|verb| *verb != "EHLO" && *verb != "QUIT") {
            complaints.push(format!("starts with {first}"));
        }
        complaints
    }
}
