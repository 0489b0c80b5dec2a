//! The reader of the kernel's answers as a function of bytes, for `tests/fuzz` alone.

use super::answer;
use crate::model::TcpSocket;

/// The sockets in a piece of a dump that answers the question with this number.
pub fn dump(bytes: &[u8], sequence: u32) -> Vec<TcpSocket> {
    let mut found = Vec::new();
    answer::read(bytes, sequence, &mut found);
    found
}
