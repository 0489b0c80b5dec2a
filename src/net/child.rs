//! A small child that does one thing with files, as often as it is told, with rights that this process gives up.
//!
//! It hears orders by a pipe, answers each with a number (0, or an error of the system), and ends when the pipe closes, however this process
//! ends.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, waitpid};

use super::sys;

/// The child, as its parent has it.
#[derive(Debug)]
pub(super) struct Child {
    /// `None` only while it is dropped.
    orders: Option<PipeWriter>,
    outcomes: PipeReader,
    process: Pid,
}

impl Child {
    /// Returns once the child has its rights and has found that they suffice: `prepare`. It keeps these descriptors and its pipes.
    pub(super) fn start(
        kept: &[BorrowedFd<'_>],
        prepare: impl FnOnce() -> Result<(), Errno>,
        serve: impl FnOnce(PipeReader, PipeWriter),
    ) -> io::Result<Self> {
        let (commands, orders) = io::pipe()?;
        let (mut outcomes, mut answers) = io::pipe()?;
        let process = sys::fork_child(|| {
            settle(kept, &commands, &answers);
            let ready = prepare();
            if answer(&mut answers, ready.map_err(io::Error::from)).is_ok() && ready.is_ok() {
                serve(commands, answers);
            }
        })?;
        let first = receive_outcome(&mut outcomes);
        let child = Self { orders: Some(orders), outcomes, process };
        first.map(|()| child)
    }

    /// Tells it what to do, and waits for its answer.
    pub(super) fn order(&mut self, words: &[&[u8]]) -> io::Result<()> {
        let orders = self.orders.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        let sent = words.iter().try_for_each(|word| orders.write_all(word));
        match (sent, receive_outcome(&mut self.outcomes)) {
            // Why the child stopped to read says more than that it did.
            (_, Err(error)) => Err(error),
            (sent, Ok(())) => sent,
        }
    }

    /// What the child says after the number.
    pub(super) fn outcomes(&mut self) -> &mut impl Read {
        &mut self.outcomes
    }

    /// Where orders go, for a test that breaks off.
    #[cfg(test)]
    pub(super) fn orders(&mut self) -> Option<&mut PipeWriter> {
        self.orders.as_mut()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.orders = None;
        let _ = waitpid(Some(self.process), WaitOptions::empty());
    }
}

fn receive_outcome(outcomes: &mut PipeReader) -> io::Result<()> {
    let mut number = [0; 4];
    outcomes.read_exact(&mut number)?;
    match i32::from_le_bytes(number) {
        0 => Ok(()),
        number => Err(io::Error::from_raw_os_error(number)),
    }
}

/// In the child: what became of an order.
pub(super) fn answer(answers: &mut PipeWriter, outcome: io::Result<()>) -> io::Result<()> {
    let number = outcome.err().map_or(0, |error| error.raw_os_error().unwrap_or(libc::EIO));
    answers.write_all(&number.to_le_bytes())
}

/// Of all that the child got from its parent, keeps what it needs.
fn settle(kept: &[BorrowedFd<'_>], commands: &PipeReader, answers: &PipeWriter) {
    let pipes: [BorrowedFd<'_>; 2] = [commands.as_fd(), answers.as_fd()];
    let kept: Vec<_> = kept.iter().chain(&pipes).map(AsRawFd::as_raw_fd).collect();
    sys::close_all_but(&kept);
    // Ctrl-C and an orderly end reach this process too, and the report comes after them.
    sys::ignore_signals(&[libc::SIGINT, libc::SIGTERM, libc::SIGHUP]);
}
