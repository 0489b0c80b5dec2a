//! A stream that may speak slowly.

use std::io::{self, IoSlice, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

/// Writes at once, or one byte at a time, each in a segment of its own.
pub(super) struct Paced {
    pub(super) stream: TcpStream,
    pause: Option<Duration>,
}

impl Paced {
    /// 0 bytes a second: no limit.
    pub(super) fn new(stream: TcpStream, bytes_per_second: u32) -> io::Result<Self> {
        let pause = (bytes_per_second > 0).then(|| Duration::from_secs(1) / bytes_per_second);
        if pause.is_some() {
            stream.set_nodelay(true)?;
        }
        Ok(Self { stream, pause })
    }
}

impl Read for Paced {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Write for Paced {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(pause) = self.pause else { return self.stream.write(bytes) };
        let written = self.stream.write(&bytes[..bytes.len().min(1)])?;
        thread::sleep(pause);
        Ok(written)
    }

    /// The records of a flight leave together, as from any server that buffers.
    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.pause.is_none() {
            return self.stream.write_vectored(parts);
        }
        parts.iter().find(|part| !part.is_empty()).map_or(Ok(0), |part| self.write(part))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
