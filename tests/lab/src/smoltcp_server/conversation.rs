//! A small SMTP dialogue, bytes in and bytes out, with the notes that `pmtu-lab mx` takes.

use std::io::Write;
use std::net::IpAddr;

/// Longer lines are cut, as RFC 5321 section 4.5.3.1.4 lets a server do.
const LONGEST_LINE: usize = 4096;

pub(super) struct Conversation {
    number: u32,
    line: Vec<u8>,
    to_say: Vec<u8>,
    has_quit: bool,
}

impl Conversation {
    pub(super) fn begin(number: u32, peer: Option<(IpAddr, u16)>) -> Self {
        if let Some((address, port)) = peer {
            note(&format!("connect {number} {}", std::net::SocketAddr::new(address, port)));
        }
        let to_say = b"220 mx.example.com ESMTP lab\r\n".to_vec();
        Self { number, line: Vec::new(), to_say, has_quit: false }
    }

    pub(super) fn hear(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte == b'\n' {
                let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).trim_end().to_owned();
                self.obey(&line);
            } else if self.line.len() < LONGEST_LINE {
                self.line.push(*byte);
            }
        }
    }

    fn obey(&mut self, line: &str) {
        if self.has_quit {
            return;
        }
        note(&format!("command {} {}", self.number, line.escape_debug()));
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        let answer: &[u8] = match verb.as_str() {
            "EHLO" => b"250-mx.example.com\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250 8BITMIME\r\n",
            "HELO" => b"250 mx.example.com\r\n",
            "NOOP" | "RSET" => b"250 2.0.0 Ok\r\n",
            "QUIT" => b"221 2.0.0 Bye\r\n",
            _ => b"500 5.5.2 Error: command not recognized\r\n",
        };
        self.to_say.extend_from_slice(answer);
        if verb == "QUIT" {
            note(&format!("quit {}", self.number));
            self.has_quit = true;
        }
    }

    pub(super) fn to_say(&self) -> &[u8] {
        &self.to_say
    }

    pub(super) fn said(&mut self, bytes: usize) {
        self.to_say.drain(..bytes.min(self.to_say.len()));
    }

    /// All is said.
    pub(super) fn is_over(&self) -> bool {
        self.has_quit && self.to_say.is_empty()
    }

    /// The connection has ended.
    pub(super) fn lost(self, why: &str) {
        if !self.has_quit {
            note(&format!("lost {} {why}", self.number));
        }
    }
}

pub(super) fn note(line: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody reads any more: the log ends, the server goes on.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
