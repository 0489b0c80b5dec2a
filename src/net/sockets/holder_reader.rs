//! Who holds a socket, asked again and again although this process may no longer know.
//!
//! A small child looks: it keeps the right to see whose files are open, hears of sockets by their numbers alone, and ends when the pipe
//! closes.

use std::collections::HashMap;
use std::io::{self, PipeReader, PipeWriter, Read, Write};

use rustix::io::Errno;

use super::processes::holders;
use crate::model::Holder;
use crate::net::child::{Child, answer};
use crate::net::privilege;

/// Sockets of one question.
const MOST: usize = 1 << 16;

const NOBODY: u8 = 0;
const UNREADABLE: u8 = 1;
const PROCESS: u8 = 2;

/// The child, ready to look.
#[derive(Debug)]
pub struct HolderReader(Child);

impl HolderReader {
    /// Starts it. To be called before privileges are given up and before other threads exist.
    ///
    /// # Errors
    /// No process can be had, or it cannot give up what it does not need.
    pub fn prepare() -> io::Result<Self> {
        let prepare = || privilege::only_read_processes().map_err(|_| Errno::PERM);
        Child::start(&[], prepare, serve).map(Self)
    }

    /// The holders of these sockets.
    ///
    /// # Errors
    /// The child is gone.
    pub fn read(&mut self, inodes: &[u32]) -> io::Result<HashMap<u32, Holder>> {
        let inodes = &inodes[..inodes.len().min(MOST)];
        let words: Vec<u8> = inodes.iter().flat_map(|inode| inode.to_le_bytes()).collect();
        self.0.order(&[&(inodes.len() as u32).to_le_bytes(), &words])?;
        inodes.iter().map(|inode| Ok((*inode, read_holder(self.0.outcomes())?))).collect()
    }
}

fn serve(mut orders: PipeReader, mut answers: PipeWriter) {
    while let Ok(count) = read_number(&mut orders) {
        let inodes: io::Result<Vec<u32>> = (0..count).map(|_| read_number(&mut orders)).collect();
        let Ok(inodes) = inodes else { return };
        let found = holders(&inodes);
        let mut bytes = Vec::new();
        for inode in inodes {
            write_holder(found.get(&inode).unwrap_or(&Holder::Unreadable), &mut bytes);
        }
        if answer(&mut answers, Ok(())).and_then(|()| answers.write_all(&bytes)).is_err() {
            return;
        }
    }
}

fn write_holder(holder: &Holder, bytes: &mut Vec<u8>) {
    match holder {
        Holder::Nobody => bytes.push(NOBODY),
        Holder::Unreadable => bytes.push(UNREADABLE),
        Holder::Process { pid, name, others } => {
            bytes.push(PROCESS);
            bytes.extend(pid.to_le_bytes());
            bytes.extend(u32::try_from(*others).unwrap_or(u32::MAX).to_le_bytes());
            // The kernel gives it 15 bytes.
            let length = u8::try_from(name.len()).unwrap_or(0);
            bytes.push(length);
            bytes.extend(&name.as_bytes()[..length.into()]);
        }
    }
}

fn read_holder(bytes: &mut impl Read) -> io::Result<Holder> {
    let mut kind = [0];
    bytes.read_exact(&mut kind)?;
    match kind[0] {
        NOBODY => Ok(Holder::Nobody),
        PROCESS => {
            let (pid, others) = (read_number(bytes)?, read_number(bytes)?);
            let mut length = [0];
            bytes.read_exact(&mut length)?;
            let mut name = vec![0; length[0].into()];
            bytes.read_exact(&mut name)?;
            Ok(Holder::Process { pid, name: String::from_utf8_lossy(&name).into_owned(), others: others as usize })
        }
        _ => Ok(Holder::Unreadable),
    }
}

fn read_number(bytes: &mut impl Read) -> io::Result<u32> {
    let mut number = [0; 4];
    bytes.read_exact(&mut number)?;
    Ok(u32::from_le_bytes(number))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_child_tells_who_holds_a_socket_that_was_opened_after_it_began() {
        let mut reader = HolderReader::prepare().expect("a child");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
        let link = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&listener));
        let inode = std::fs::metadata(link).expect("it is open").ino() as u32;
        for _ in 0..2 {
            let found = reader.read(&[0, inode, u32::MAX]).expect("an answer");
            assert_eq!((&found[&0], &found[&u32::MAX]), (&Holder::Nobody, &Holder::Unreadable));
            assert!(matches!(&found[&inode], Holder::Process { pid, .. } if *pid == std::process::id()), "{found:?}");
        }
        assert!(reader.read(&[]).expect("an answer").is_empty());
    }

    #[test]
    fn what_the_child_says_is_understood() {
        let named = |name: &str| Holder::Process { pid: 744, name: name.into(), others: 2 };
        let all = [Holder::Nobody, named("smtp"), Holder::Unreadable, named(""), named("ärger")];
        let mut bytes = Vec::new();
        for holder in &all {
            write_holder(holder, &mut bytes);
        }
        let mut rest = &bytes[..];
        let read: Vec<Holder> = all.iter().map(|_| read_holder(&mut rest).expect("a holder")).collect();
        assert_eq!((&read[..], rest), (&all[..], &[][..]));
        assert!(read_holder(&mut &bytes[1..5]).is_err(), "cut short");
    }
}
