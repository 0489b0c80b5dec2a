//! The SMTP side of the connection: as little as possible, one command at a time, never before the greeting.

use std::collections::VecDeque;
use std::net::IpAddr;

use crate::model::PacketSize;

use super::tcp::Connection;

/// Where the conversation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SmtpState {
    /// The server has not greeted yet.
    AwaitGreeting,
    /// A command may be sent.
    Ready,
    /// A command is out and its reply is not complete.
    AwaitReply,
    /// QUIT is out.
    Quitting,
    /// The server said goodbye, refused to talk, or does not speak SMTP.
    Over,
}

/// The conversation.
#[derive(Clone, Debug)]
pub(crate) struct Dialogue {
    state: SmtpState,
    greeted: bool,
    said_hello: bool,
    noops: u32,
    name: String,
    /// What is left of a command that is said byte by byte.
    unsaid: VecDeque<u8>,
    /// The code of the last complete reply.
    last_code: Option<u16>,
    offers: Offers,
}

/// What the reply to EHLO offers (RFC 5321, 4.1.1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offers {
    pub(crate) starttls: bool,
    pub(crate) help: bool,
}

/// RFC 5321, 4.5.3.1.4: a command line has at most 512 octets; a little below is safe everywhere.
const LINE: usize = 500;
/// Servers count commands that do nothing; design: at most four.
const MOST_NOOPS: u32 = 4;

impl Dialogue {
    pub(crate) fn new(source: IpAddr) -> Self {
        // RFC 5321, 4.1.3: an address literal is the name of a host that has none to give.
        let name = match source {
            IpAddr::V4(address) => format!("[{address}]"),
            IpAddr::V6(address) => format!("[IPv6:{address}]"),
        };
        Self {
            state: SmtpState::AwaitGreeting,
            greeted: false,
            said_hello: false,
            noops: 0,
            name,
            unsaid: VecDeque::new(),
            last_code: None,
            offers: Offers::default(),
        }
    }

    pub(crate) fn state(&self) -> SmtpState {
        self.state
    }

    /// Whether an SMTP greeting came.
    pub(crate) fn greeted(&self) -> bool {
        self.greeted
    }

    /// Whether in-order bytes of our choice can still be put through this conversation.
    pub(crate) fn is_viable(&self) -> bool {
        self.state != SmtpState::Over && self.state != SmtpState::Quitting
    }

    /// Reads what came. Returns whether a reply, or the end, is among it.
    pub(crate) fn read(&mut self, connection: &mut Connection) -> bool {
        let before = self.state;
        while let Some((len, code, is_last)) = next_line(connection.received()) {
            if self.said_hello && code == Some(250) {
                self.offers.note(connection.received().get(4..len).unwrap_or_default());
            }
            connection.consume(len);
            match code {
                None => self.state = SmtpState::Over,
                Some(code) if is_last => self.reply(code),
                Some(_) => {}
            }
        }
        if connection.received().len() > MOST_LINE {
            connection.consume(usize::MAX);
            self.state = SmtpState::Over;
        }
        if connection.peer_finished() {
            self.state = SmtpState::Over;
        }
        self.state != before
    }

    fn reply(&mut self, code: u16) {
        self.last_code = Some(code);
        self.state = match (self.state, code) {
            (SmtpState::AwaitGreeting, 220) => {
                self.greeted = true;
                SmtpState::Ready
            }
            // 554 and the like in place of a greeting: the server will not talk to us (RFC 5321, 3.1).
            (SmtpState::AwaitGreeting | SmtpState::Over | SmtpState::Quitting, _) | (_, 421) => SmtpState::Over,
            _ => SmtpState::Ready,
        };
    }

    /// The code of the last complete reply.
    pub(crate) fn last_code(&self) -> Option<u16> {
        self.last_code
    }

    /// What the server offers; `None` before it was asked.
    pub(crate) fn offers(&self) -> Option<Offers> {
        self.said_hello.then_some(self.offers)
    }

    /// Says EHLO, when the server waits for a command.
    pub(crate) fn say_hello(&mut self, connection: &mut Connection) {
        let line = self.hello();
        self.command(connection, &line);
    }

    /// Says a command, when the server waits for one.
    pub(crate) fn say(&mut self, connection: &mut Connection, line: &str) {
        self.command(connection, line);
    }

    /// Sends commands, one at a time, until `wanted` bytes are acknowledged. Returns whether they are.
    pub(crate) fn gather(&mut self, connection: &mut Connection, wanted: usize) -> bool {
        if connection.acknowledged_len() as usize >= wanted && connection.is_drained() && self.state == SmtpState::Ready
        {
            return true;
        }
        if self.state == SmtpState::Ready {
            if !self.said_hello {
                let line = self.hello();
                self.command(connection, &line);
            } else if self.noops < MOST_NOOPS {
                let line = self.noop(LINE);
                self.command(connection, &line);
            }
        }
        false
    }

    /// Whether the server waits for a command now.
    pub(crate) fn is_ready(&self) -> bool {
        self.state == SmtpState::Ready
    }

    /// Whether another command can still follow.
    pub(crate) fn may_go_on(&self) -> bool {
        self.greeted && self.is_viable() && self.noops < MOST_NOOPS
    }

    /// Writes the next command, EHLO or a NOOP of at most `payload` bytes, for the caller to send itself. Returns whether
    /// one may be said.
    pub(crate) fn hold_next(&mut self, connection: &mut Connection, payload: usize) -> bool {
        if !self.is_ready() || !self.may_go_on() {
            return false;
        }
        let line = if self.said_hello { self.noop(payload.clamp(SHORTEST_NOOP, LINE)) } else { self.hello() };
        connection.hold(line.as_bytes());
        self.state = SmtpState::AwaitReply;
        true
    }

    /// Writes one byte of a command that is said byte by byte, for the caller to send itself. Begins the next command if one may
    /// be said. Returns whether there was a byte to write.
    pub(crate) fn hold_byte(&mut self, connection: &mut Connection) -> bool {
        if self.unsaid.is_empty() && self.is_ready() && self.may_go_on() {
            let line = if self.said_hello { self.noop(LINE) } else { self.hello() };
            self.unsaid = line.into_bytes().into();
            self.state = SmtpState::AwaitReply;
        }
        let next = self.unsaid.front().copied().filter(|_| self.is_viable());
        if let Some(byte) = next {
            self.unsaid.pop_front();
            connection.hold(&[byte]);
        }
        next.is_some()
    }

    /// Writes the rest of a command that was said byte by byte, without the filler that nobody needs any more.
    pub(crate) fn hold_rest(&mut self, connection: &mut Connection) {
        let rest: Vec<u8> = self.unsaid.drain(..).filter(|&byte| byte != FILLER).collect();
        connection.hold(&rest);
    }

    fn hello(&mut self) -> String {
        self.said_hello = true;
        format!("EHLO {}\r\n", self.name)
    }

    fn noop(&mut self, len: usize) -> String {
        self.noops += 1;
        let filler = len.saturating_sub(SHORTEST_NOOP);
        if filler == 0 {
            "NOOP\r\n".into()
        } else {
            format!("NOOP {}\r\n", char::from(FILLER).to_string().repeat(filler - 1))
        }
    }

    fn command(&mut self, connection: &mut Connection, line: &str) {
        connection.write(line.as_bytes());
        self.state = SmtpState::AwaitReply;
    }

    /// Says QUIT if the server listens. Returns whether a reply is to be expected.
    pub(crate) fn quit(&mut self, connection: &mut Connection) -> bool {
        if self.state != SmtpState::Ready {
            return false;
        }
        connection.write(b"QUIT\r\n");
        self.state = SmtpState::Quitting;
        true
    }
}

impl Offers {
    /// A line of the reply, without its code.
    fn note(&mut self, line: &[u8]) {
        let keyword = line.split(u8::is_ascii_whitespace).next().unwrap_or_default();
        self.starttls |= keyword.eq_ignore_ascii_case(b"STARTTLS");
        self.help |= keyword.eq_ignore_ascii_case(b"HELP");
    }
}

/// Bytes of in-order material that EHLO and the NOOPs can provide at most, as a packet size.
pub(crate) fn most_material(headers: u32) -> PacketSize {
    PacketSize::new(headers + MOST_NOOPS.saturating_sub(1) * LINE as u32)
}

/// What a NOOP is made longer with. No command and no name of ours has it.
const FILLER: u8 = b'x';

const SHORTEST_NOOP: usize = "NOOP\r\n".len();

/// RFC 5321, 4.5.3.1.5 allows 512 octets for a reply line; be lenient.
const MOST_LINE: usize = 4096;

/// The first complete line: its length, its reply code, and whether it ends the reply.
fn next_line(bytes: &[u8]) -> Option<(usize, Option<u16>, bool)> {
    let end = bytes.iter().position(|&b| b == b'\n')? + 1;
    let line = &bytes[..end];
    let code = line
        .get(..3)
        .filter(|digits| digits.iter().all(u8::is_ascii_digit))
        .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    Some((end, code, code.is_none() || line.get(3) != Some(&b'-')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SeqNumber;

    #[test]
    fn reply_lines_are_told_apart() {
        assert_eq!(next_line(b"220 mx ESMTP\r\nrest"), Some((14, Some(220), true)));
        assert_eq!(next_line(b"250-SIZE\r\n"), Some((10, Some(250), false)));
        assert_eq!(next_line(b"250\r\n"), Some((5, Some(250), true)));
        assert_eq!(next_line(b"SSH-2.0-x\r\n"), Some((11, None, true)));
        assert_eq!(next_line(b"\n"), Some((1, None, true)));
        assert_eq!(next_line(b"220 no end"), None);
    }

    #[test]
    fn a_command_said_byte_by_byte_ends_early_and_whole() {
        let stream = |said: usize| {
            let mut dialogue = Dialogue::new("192.0.2.1".parse().expect("literal"));
            let mut connection = Connection::new(1, 25, SeqNumber(0), 1460);
            (dialogue.state, dialogue.greeted, dialogue.said_hello) = (SmtpState::Ready, true, true);
            assert!((0..said).all(|_| dialogue.hold_byte(&mut connection)));
            dialogue.hold_rest(&mut connection);
            assert!(!dialogue.hold_byte(&mut connection), "the server has to reply first");
            let len = connection.held_end().bytes_since(connection.stream_start()).unwrap_or(0) as usize;
            String::from_utf8(connection.segment_over(connection.stream_start(), len).payload.to_vec()).expect("text")
        };
        assert_eq!(stream(2), "NOOP \r\n");
        assert_eq!(stream(7), "NOOP xx\r\n");
        assert_eq!(stream(500).len(), 500);
    }

    #[test]
    fn a_noop_has_the_length_asked_for() {
        let mut dialogue = Dialogue::new("192.0.2.1".parse().expect("literal"));
        for len in [6, 7, 8, 100, 500] {
            assert_eq!(dialogue.noop(len).len(), len.max(SHORTEST_NOOP));
        }
    }
}
