//! A message, and whether it arrived whole.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

/// Many full packets: the issue asks for 200 kB.
const LARGE: usize = 200_000;
/// With its header still one packet on the smallest path of IPv6.
const SMALL: usize = 300;

pub(crate) const SENDER: &str = "admin@client.example.com";
pub(crate) const RECIPIENT: &str = "postmaster@mx.example.com";

/// What is sent.
pub(crate) struct Message {
    token: String,
    body: String,
}

impl Message {
    pub(crate) fn large() -> Self {
        Self::of(LARGE)
    }

    /// The control: it passes every path, so a server and a path that take it are alive.
    pub(crate) fn small() -> Self {
        Self::of(SMALL)
    }

    /// No two are the same, so that none is taken for another in the mailbox.
    pub(crate) fn of(size: usize) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let token = format!("message-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut body = String::with_capacity(size + 100);
        let mut line = 0;
        while body.len() < size {
            line += 1;
            let _ = writeln!(body, "{token} line {line:06} {}", "x".repeat(40));
        }
        Self { token, body }
    }

    /// As it is handed to `sendmail`.
    pub(crate) fn text(&self) -> String {
        format!("From: <{SENDER}>\nTo: <{RECIPIENT}>\nSubject: {}\n\n{}", self.token, self.body)
    }

    /// Whether a mailbox of one file per message holds it, byte by byte.
    pub(crate) fn is_in(&self, mailbox: &Path) -> bool {
        let files = fs::read_dir(mailbox.join("new")).into_iter().flatten().flatten();
        files.filter_map(|file| fs::read(file.path()).ok()).any(|text| self.is(&String::from_utf8_lossy(&text)))
    }

    fn is(&self, received: &str) -> bool {
        received.split_once("\n\n").is_some_and(|(_, body)| body.trim_end() == self.body.trim_end())
    }
}

#[test]
fn a_cut_message_is_not_the_message() {
    let message = Message::large();
    let received = format!("Received: by mx\n{}", message.text());
    assert!(message.is(&received));
    assert!(!message.is(&received[..received.len() - 100]));
    assert!(!message.is(&Message::large().text()));
    assert!(message.text().len() > LARGE && Message::small().text().len() < 1000);
}
