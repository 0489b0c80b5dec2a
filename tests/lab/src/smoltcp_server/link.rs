//! The frames of an interface as packets: the network device of smoltcp.

use std::fs::File;
use std::io::{self, Read, Write};
use std::str::FromStr;

use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

use crate::port::{PortName, open};

const HEADER: usize = 14;
const LONGEST_FRAME: usize = 1 << 16;
const IPV4: [u8; 2] = [0x08, 0x00];
const IPV6: [u8; 2] = [0x86, 0xdd];

/// A hardware address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mac([u8; 6]);

impl FromStr for Mac {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes: Result<Vec<u8>, _> = text.split(':').map(|byte| u8::from_str_radix(byte, 16)).collect();
        let bytes = bytes.ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| "expected six bytes in hex, with ':' between".into())
    }
}

/// The interface, with one neighbour at its other end.
pub(super) struct FrameLink {
    file: File,
    mtu: usize,
    own: Mac,
    neighbour: Mac,
    buffer: Vec<u8>,
}

impl FrameLink {
    pub(super) fn open(interface: &str, mtu: usize, own: Mac, neighbour: Mac) -> io::Result<Self> {
        let file = open(&PortName::Interface(interface.to_owned()))?;
        Ok(Self { file, mtu, own, neighbour, buffer: vec![0; LONGEST_FRAME] })
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// The next packet that came for this host.
    fn next_packet(&mut self) -> Option<Vec<u8>> {
        loop {
            // An interface that went down has no frames.
            let length = (&self.file).read(&mut self.buffer).ok()?;
            let frame = self.buffer.get(..length)?;
            if let Some((header, packet)) = frame.split_at_checked(HEADER)
                && header.starts_with(&self.own.0)
                && [IPV4, IPV6].iter().any(|protocol| header.ends_with(protocol))
            {
                return Some(packet.to_vec());
            }
        }
    }
}

impl Device for FrameLink {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sender<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let packet = self.next_packet()?;
        Some((Received(packet), Sender(self)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Self::TxToken<'_>> {
        Some(Sender(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
        capabilities
    }
}

pub(super) struct Received(Vec<u8>);

impl phy::RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

pub(super) struct Sender<'a>(&'a FrameLink);

impl phy::TxToken for Sender<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, write: F) -> R {
        let Self(link) = self;
        let mut packet = vec![0; length];
        let done = write(&mut packet);
        let protocol = if packet.first().is_some_and(|byte| byte >> 4 == 6) { IPV6 } else { IPV4 };
        let frame = [&link.neighbour.0[..], &link.own.0, &protocol, &packet].concat();
        // What cannot be sent is lost, as on any network.
        let _ = (&link.file).write(&frame);
        done
    }
}
