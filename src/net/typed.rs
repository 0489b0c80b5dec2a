//! What is typed at the terminal, without waiting for the end of a line.

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::fcntl_dupfd_cloexec;
use tokio::io::unix::AsyncFd;

use super::sys;

/// Stdin, heard of by the runtime of the caller.
#[derive(Debug)]
pub struct Typed(AsyncFd<OwnedFd>);

impl Typed {
    /// To be called within a runtime.
    ///
    /// # Errors
    /// Stdin is a file, which is never waited for.
    pub fn open() -> io::Result<Self> {
        let stdin = fcntl_dupfd_cloexec(io::stdin(), 0)?;
        sys::register_descriptor(stdin).map(Self)
    }

    /// Waits for bytes. Returns how many came; none: no other will come.
    ///
    /// # Errors
    /// The terminal is gone.
    pub async fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut ready = self.0.readable().await?;
        // Nobody else reads it, so what is there is there.
        let read = rustix::io::read(self.0.get_ref(), bytes);
        ready.clear_ready();
        Ok(read?)
    }
}
