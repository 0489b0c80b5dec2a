//! What is said to a server so that it sends much: STARTTLS and a client hello, for its certificates fill several packets.
//! And how the conversation ends: by QUIT, or by TLS's close_notify.

use std::net::IpAddr;

use crate::model::{Service, Unwillingness};
use crate::tls::Tls;

use super::super::connection::Connection;
use super::super::dialogue::{self, Dialogue};

/// How far the conversation has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// A reply is awaited, or was only just asked for.
    Waiting,
    /// All that the server has to send has arrived.
    Drawn,
    /// There is nothing to be had, for this reason.
    Unwilling(Unwillingness),
}

/// A conversation.
#[derive(Debug)]
pub(super) struct Talk {
    service: Service,
    name: Option<String>,
    address: IpAddr,
    dialogue: Dialogue,
    stage: Stage,
    tls: Option<Tls>,
    /// What the server said inside TLS, as far as it matters.
    heard: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    Plain,
    AwaitHelp,
    AwaitStartTls,
    Handshake,
    Drawn,
    Unwilling(Unwillingness),
    Leaving,
}

impl Talk {
    /// A conversation that goes on where another has come to.
    pub(super) fn new(service: Service, name: Option<String>, address: IpAddr, dialogue: Dialogue) -> Self {
        Self { service, name, address, dialogue, stage: Stage::Plain, tls: None, heard: false }
    }

    pub(super) fn standing(&self) -> Standing {
        match &self.stage {
            Stage::Drawn | Stage::Leaving => Standing::Drawn,
            Stage::Unwilling(why) => Standing::Unwilling(why.clone()),
            Stage::Plain | Stage::AwaitHelp | Stage::AwaitStartTls | Stage::Handshake => Standing::Waiting,
        }
    }

    /// Whether the client hello is out, and the certificates are what is awaited.
    pub(super) fn has_said_hello(&self) -> bool {
        self.stage == Stage::Handshake
    }

    /// Whether the server has not greeted yet.
    pub(super) fn awaits_greeting(&self) -> bool {
        self.stage == Stage::Plain && !self.dialogue.greeted()
    }

    /// Reads what came and says what follows. Returns whether something was said.
    pub(super) fn go_on(&mut self, connection: &mut Connection) -> bool {
        match self.stage {
            Stage::Plain if self.service != Service::Smtp => self.say_client_hello(connection),
            Stage::Plain => self.speak_smtp(connection),
            Stage::AwaitHelp => {
                self.dialogue.read(connection);
                if self.dialogue.is_ready() || !self.dialogue.is_viable() {
                    self.stage = Stage::Unwilling(Unwillingness::NoStartTls);
                }
                false
            }
            Stage::AwaitStartTls => self.await_starttls(connection),
            Stage::Handshake => self.shake_hands(connection),
            Stage::Drawn | Stage::Unwilling(_) | Stage::Leaving => false,
        }
    }

    fn speak_smtp(&mut self, connection: &mut Connection) -> bool {
        self.dialogue.read(connection);
        match self.dialogue.stage() {
            dialogue::Stage::AwaitGreeting | dialogue::Stage::AwaitReply => return false,
            dialogue::Stage::Quitting | dialogue::Stage::Over => {
                let greeted = self.dialogue.greeted();
                self.stage =
                    Stage::Unwilling(if greeted { Unwillingness::ConversationEnded } else { Unwillingness::NoSmtp });
                return false;
            }
            dialogue::Stage::Ready => {}
        }
        match self.dialogue.offers() {
            None => self.dialogue.say_hello(connection),
            Some(offers) if offers.starttls => {
                self.dialogue.say(connection, "STARTTLS\r\n");
                self.stage = Stage::AwaitStartTls;
            }
            // Its answer is text of the server's choice, and may be long.
            Some(offers) if offers.help => {
                self.dialogue.say(connection, "HELP\r\n");
                self.stage = Stage::AwaitHelp;
            }
            Some(_) => {
                self.stage = Stage::Unwilling(Unwillingness::NoStartTls);
                return false;
            }
        }
        true
    }

    fn await_starttls(&mut self, connection: &mut Connection) -> bool {
        self.dialogue.read(connection);
        match (self.dialogue.stage(), self.dialogue.last_code()) {
            (dialogue::Stage::Ready, Some(220)) => return self.say_client_hello(connection),
            (dialogue::Stage::Ready, code) => {
                self.stage = Stage::Unwilling(Unwillingness::StartTlsRefused { code });
            }
            (dialogue::Stage::Over, _) => self.stage = Stage::Unwilling(Unwillingness::ConversationEnded),
            _ => {}
        }
        false
    }

    fn say_client_hello(&mut self, connection: &mut Connection) -> bool {
        match Tls::connect(self.name.as_deref(), self.address) {
            Ok(mut tls) => {
                connection.write(&tls.take_output());
                self.tls = Some(tls);
                self.stage = Stage::Handshake;
                true
            }
            Err(trouble) => {
                self.stage = Stage::Unwilling(Unwillingness::Tls(trouble));
                false
            }
        }
    }

    fn shake_hands(&mut self, connection: &mut Connection) -> bool {
        let Some(tls) = &mut self.tls else { return false };
        let bytes = connection.received().to_vec();
        connection.consume(bytes.len());
        let outcome = tls.receive(&bytes);
        let output = tls.take_output();
        if !output.is_empty() {
            connection.write(&output);
        }
        if let Err(trouble) = outcome {
            self.stage = Stage::Unwilling(Unwillingness::Tls(trouble));
        } else if tls.is_established() {
            self.stage = Stage::Drawn;
        } else if connection.peer_finished() {
            self.stage = Stage::Unwilling(Unwillingness::HandshakeEnded);
        }
        !output.is_empty()
    }

    /// Ends the conversation, step by step. `in_a_hurry`: without waiting for what the server may still say.
    pub(super) fn leave(&mut self, connection: &mut Connection, in_a_hurry: bool) {
        let was = std::mem::replace(&mut self.stage, Stage::Leaving);
        if self.tls.is_some() {
            self.leave_tls(connection, was == Stage::Drawn, in_a_hurry);
        } else {
            self.leave_smtp(connection, in_a_hurry);
        }
    }

    fn leave_smtp(&mut self, connection: &mut Connection, in_a_hurry: bool) {
        self.dialogue.read(connection);
        let said = self.dialogue.quit(connection);
        let waits = match self.dialogue.stage() {
            dialogue::Stage::AwaitGreeting | dialogue::Stage::AwaitReply | dialogue::Stage::Quitting => !in_a_hurry,
            dialogue::Stage::Ready | dialogue::Stage::Over => false,
        };
        if !said && !waits {
            connection.close();
        }
    }

    fn leave_tls(&mut self, connection: &mut Connection, is_first_time: bool, in_a_hurry: bool) {
        let Some(tls) = &mut self.tls else { return };
        let bytes = connection.received().to_vec();
        connection.consume(bytes.len());
        let closed = tls.receive(&bytes).is_err() || connection.peer_finished();
        let heard = !tls.take_heard().is_empty();
        // Inside TLS from the first byte, a mail server greets before it takes a command.
        let speaks_smtp = tls.is_established() && self.service != Service::Tls;
        let may_quit = match self.service {
            Service::SmtpOverTls => heard && !self.heard,
            _ => is_first_time,
        };
        self.heard |= heard;
        if speaks_smtp && may_quit {
            tls.say(b"QUIT\r\n");
        }
        // The reply to QUIT ends with the server's close.
        if !speaks_smtp || closed || in_a_hurry {
            tls.close();
            connection.close();
        }
        let output = tls.take_output();
        if !output.is_empty() {
            connection.write(&output);
        }
    }
}
