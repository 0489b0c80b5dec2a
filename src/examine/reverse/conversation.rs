//! What is said to a server so that it sends much: STARTTLS and a client hello, for its certificates fill several packets.
//! And how the conversation ends: by QUIT, or by TLS's close_notify.

use std::net::IpAddr;

use crate::model::{Reception, Service, Unwillingness};
use crate::tls::Tls;

use super::super::session::{Connection, Dialogue, SmtpState};
use super::setup::Setup;

/// Whether what the server has to send is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ReplyStatus {
    /// A reply is awaited, or was only just asked for.
    Awaited,
    /// All that the server has to send has arrived.
    Complete,
    /// There is nothing to be had, for this reason.
    Unavailable(Unwillingness),
}

/// A conversation.
#[derive(Debug)]
pub(super) struct Conversation {
    service: Service,
    name: Option<String>,
    address: IpAddr,
    channel: Channel,
    phase: ConversationPhase,
}

/// What commands go through.
#[derive(Debug)]
enum Channel {
    Plain {
        dialogue: Dialogue,
        awaits: PlainReply,
    },
    Tls {
        tls: Box<Tls>,
        /// Whether the server has said anything inside.
        has_spoken: bool,
    },
    /// TLS is over, by an error or by our close: nothing more is heard and nothing is said.
    Over,
}

/// Which reply is awaited in plain text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PlainReply {
    /// The greeting, or what EHLO offers.
    Introduction,
    Help,
    StartTls,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum ConversationPhase {
    Asking,
    Complete,
    Unavailable(Unwillingness),
    Leaving,
}

/// What follows from what the server said in plain text.
enum NextWords {
    /// The reply is not complete.
    None,
    /// The next command is said.
    Said(PlainReply),
    ClientHello,
    Unavailable(Unwillingness),
}

impl Conversation {
    /// Goes on where the dialogue stands.
    pub(super) fn new(setup: &Setup, dialogue: Dialogue) -> Self {
        let plan = setup.plan();
        Self {
            service: plan.service,
            name: plan.server_name.clone(),
            address: plan.destination,
            channel: Channel::Plain { dialogue, awaits: PlainReply::Introduction },
            phase: ConversationPhase::Asking,
        }
    }

    pub(super) fn status(&self) -> ReplyStatus {
        match &self.phase {
            ConversationPhase::Asking => ReplyStatus::Awaited,
            ConversationPhase::Complete | ConversationPhase::Leaving => ReplyStatus::Complete,
            ConversationPhase::Unavailable(why) => ReplyStatus::Unavailable(why.clone()),
        }
    }

    /// Whether the client hello is out, and the certificates are what is awaited.
    pub(super) fn awaits_certificates(&self) -> bool {
        self.phase == ConversationPhase::Asking && matches!(self.channel, Channel::Tls { .. })
    }

    /// Whether the server has not greeted yet.
    pub(super) fn awaits_greeting(&self) -> bool {
        let Channel::Plain { dialogue, awaits: PlainReply::Introduction } = &self.channel else { return false };
        self.phase == ConversationPhase::Asking && !dialogue.greeted()
    }

    /// How the server received us: whoever speaks TLS was received.
    pub(super) fn reception(&self) -> Reception {
        match &self.channel {
            Channel::Plain { dialogue, .. } => dialogue.reception(),
            Channel::Tls { .. } | Channel::Over => Reception::Greeted,
        }
    }

    /// Reads what came and says what follows. Returns whether something was said.
    pub(super) fn go_on(&mut self, connection: &mut Connection) -> bool {
        if self.phase != ConversationPhase::Asking {
            return false;
        }
        let next = match &mut self.channel {
            Channel::Tls { .. } | Channel::Over => return self.shake_hands(connection),
            Channel::Plain { .. } if self.service != Service::Smtp => NextWords::ClientHello,
            Channel::Plain { dialogue, awaits } => {
                dialogue.read(connection);
                match awaits {
                    PlainReply::Introduction => after_introduction(dialogue, connection),
                    PlainReply::Help => after_help(dialogue),
                    PlainReply::StartTls => after_starttls(dialogue),
                }
            }
        };
        self.follow(next, connection)
    }

    fn follow(&mut self, next: NextWords, connection: &mut Connection) -> bool {
        match (next, &mut self.channel) {
            (NextWords::ClientHello, _) => self.say_client_hello(connection),
            (NextWords::Said(reply), Channel::Plain { awaits, .. }) => {
                *awaits = reply;
                true
            }
            (NextWords::Unavailable(why), _) => {
                self.phase = ConversationPhase::Unavailable(why);
                false
            }
            (NextWords::None | NextWords::Said(_), _) => false,
        }
    }

    fn say_client_hello(&mut self, connection: &mut Connection) -> bool {
        match Tls::connect(self.name.as_deref(), self.address) {
            Ok(mut tls) => {
                connection.write(&tls.take_output());
                self.channel = Channel::Tls { tls: Box::new(tls), has_spoken: false };
                true
            }
            Err(error) => {
                self.phase = ConversationPhase::Unavailable(Unwillingness::Tls(error));
                false
            }
        }
    }

    fn shake_hands(&mut self, connection: &mut Connection) -> bool {
        let Some((tls, has_spoken)) = self.take_tls() else { return false };
        let output = match tls.receive(&take_received(connection)) {
            Ok(mut tls) => {
                let output = tls.take_output();
                if tls.is_established() {
                    self.phase = ConversationPhase::Complete;
                } else if connection.peer_finished() {
                    self.phase = ConversationPhase::Unavailable(Unwillingness::HandshakeEnded);
                }
                self.channel = Channel::Tls { tls: Box::new(tls), has_spoken };
                output
            }
            Err(failure) => {
                self.phase = ConversationPhase::Unavailable(Unwillingness::Tls(failure.trouble));
                failure.last_words
            }
        };
        say(connection, &output)
    }

    /// Ends the conversation, step by step. `in_a_hurry`: without waiting for what the server may still say.
    pub(super) fn leave(&mut self, connection: &mut Connection, in_a_hurry: bool) {
        let was_complete = self.phase == ConversationPhase::Complete;
        self.phase = ConversationPhase::Leaving;
        match &mut self.channel {
            Channel::Plain { dialogue, .. } => leave_plain(dialogue, connection, in_a_hurry),
            Channel::Tls { .. } | Channel::Over => self.leave_tls(connection, was_complete, in_a_hurry),
        }
    }

    fn leave_tls(&mut self, connection: &mut Connection, was_complete: bool, in_a_hurry: bool) {
        let received = take_received(connection);
        let Some((tls, has_spoken)) = self.take_tls() else { return connection.close() };
        let mut tls = match tls.receive(&received) {
            Ok(tls) => tls,
            Err(failure) => {
                say(connection, &failure.last_words);
                return connection.close();
            }
        };
        let speaks = !tls.take_heard().is_empty();
        // Inside TLS from the first byte, a mail server greets before it takes a command.
        let speaks_smtp = tls.is_established() && self.service != Service::Tls;
        let may_quit = match self.service {
            Service::SmtpOverTls => speaks && !has_spoken,
            _ => was_complete,
        };
        if speaks_smtp && may_quit {
            tls.say(b"QUIT\r\n");
        }
        // The reply to QUIT ends with the server's close.
        if !speaks_smtp || connection.peer_finished() || in_a_hurry {
            say(connection, &tls.close());
            return connection.close();
        }
        say(connection, &tls.take_output());
        self.channel = Channel::Tls { tls: Box::new(tls), has_spoken: has_spoken || speaks };
    }

    /// Takes the session, if it is open, for something that may end it.
    fn take_tls(&mut self) -> Option<(Tls, bool)> {
        match std::mem::replace(&mut self.channel, Channel::Over) {
            Channel::Tls { tls, has_spoken } => Some((*tls, has_spoken)),
            Channel::Over => None,
            plain @ Channel::Plain { .. } => {
                self.channel = plain;
                None
            }
        }
    }
}

/// Returns whether there was something to say.
fn say(connection: &mut Connection, words: &[u8]) -> bool {
    if !words.is_empty() {
        connection.write(words);
    }
    !words.is_empty()
}

/// The greeting calls for EHLO, and its reply for what the server offers.
fn after_introduction(dialogue: &mut Dialogue, connection: &mut Connection) -> NextWords {
    match dialogue.state() {
        SmtpState::AwaitGreeting | SmtpState::AwaitReply => return NextWords::None,
        SmtpState::Quitting | SmtpState::Over => {
            let why = match dialogue.reception() {
                Reception::Greeted => Unwillingness::ConversationEnded,
                Reception::TurnedAway { code } => Unwillingness::TurnedAway { code },
                Reception::HungUp => Unwillingness::HungUp,
                Reception::NotHeard | Reception::Reset => Unwillingness::NoSmtp,
            };
            return NextWords::Unavailable(why);
        }
        SmtpState::Ready => {}
    }
    match dialogue.offers() {
        None => {
            dialogue.say_hello(connection);
            NextWords::Said(PlainReply::Introduction)
        }
        Some(offers) if offers.starttls => {
            dialogue.say(connection, "STARTTLS\r\n");
            NextWords::Said(PlainReply::StartTls)
        }
        // Its answer is text of the server's choice, and may be long.
        Some(offers) if offers.help => {
            dialogue.say(connection, "HELP\r\n");
            NextWords::Said(PlainReply::Help)
        }
        Some(_) => NextWords::Unavailable(Unwillingness::NoStartTls),
    }
}

fn after_help(dialogue: &Dialogue) -> NextWords {
    if dialogue.is_ready() || !dialogue.is_viable() {
        return NextWords::Unavailable(Unwillingness::NoStartTls);
    }
    NextWords::None
}

fn after_starttls(dialogue: &Dialogue) -> NextWords {
    match (dialogue.state(), dialogue.last_code()) {
        (SmtpState::Ready, Some(220)) => NextWords::ClientHello,
        (SmtpState::Ready, code) => NextWords::Unavailable(Unwillingness::StartTlsRefused { code }),
        (SmtpState::Over, _) => NextWords::Unavailable(Unwillingness::ConversationEnded),
        _ => NextWords::None,
    }
}

fn leave_plain(dialogue: &mut Dialogue, connection: &mut Connection, in_a_hurry: bool) {
    dialogue.read(connection);
    let said = dialogue.quit(connection);
    let waits = match dialogue.state() {
        SmtpState::AwaitGreeting | SmtpState::AwaitReply | SmtpState::Quitting => !in_a_hurry,
        SmtpState::Ready | SmtpState::Over => false,
    };
    if !said && !waits {
        connection.close();
    }
}

fn take_received(connection: &mut Connection) -> Vec<u8> {
    let bytes = connection.received().to_vec();
    connection.consume(bytes.len());
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::super::rtt::RttEstimator;
    use super::*;
    use crate::model::{Flags, Segment, SeqNumber, Timestamp};

    fn hear(connection: &mut Connection, words: &[u8]) {
        let mut segment = Segment::new(443, 40_000, connection.receive_next(), SeqNumber(1), Flags::PSH_ACK);
        segment.payload = words.to_vec().into();
        connection.handle(&segment, Timestamp::ZERO, &mut RttEstimator::default());
    }

    /// A connection, and a conversation on it that has said its client hello.
    fn greeted() -> (Connection, Conversation) {
        let mut connection = Connection::new(40_000, 443, SeqNumber(0), 1460);
        let syn_ack = Segment::new(443, 40_000, SeqNumber(0), SeqNumber(1), Flags::SYN_ACK);
        connection.poll(Timestamp::ZERO, &RttEstimator::default());
        connection.handle(&syn_ack, Timestamp::ZERO, &mut RttEstimator::default());
        let address = IpAddr::from([192, 0, 2, 25]);
        let channel = Channel::Plain { dialogue: Dialogue::new(address), awaits: PlainReply::Introduction };
        let phase = ConversationPhase::Asking;
        let mut conversation = Conversation { service: Service::Tls, name: None, address, channel, phase };
        assert!(conversation.go_on(&mut connection), "the client hello");
        (connection, conversation)
    }

    /// What a server says behind our close_notify, or behind a fatal alert of either side, is not even read (RFC 8446, section 6).
    #[test]
    fn once_tls_is_over_nothing_is_heard_and_nothing_said() {
        for (first, in_a_hurry) in
            [(&b""[..], true), (b"no record", true), (b"no record", false), (&[21, 3, 3, 0, 2, 2, 40], false)]
        {
            let (mut connection, mut conversation) = greeted();
            hear(&mut connection, first);
            conversation.go_on(&mut connection);
            conversation.leave(&mut connection, in_a_hurry);
            let said = connection.held_end();
            for words in [&b"no record of TLS either"[..], &[21, 3, 3, 0, 2, 2, 40], &[22, 3, 3, 0, 1, 99]] {
                hear(&mut connection, words);
                conversation.leave(&mut connection, in_a_hurry);
                assert_eq!((connection.held_end(), connection.received()), (said, &b""[..]), "after {first:?}");
            }
        }
    }
}
