//! Payload without meaning.

use bytes::Bytes;

/// Old bytes that were never part of the stream: a receiver discards them unread.
pub(super) const FILLER: u8 = b'.';

/// So many bytes of filler. Most packets carry nothing else, and none of them allocates.
pub(super) fn filler(len: usize) -> Bytes {
    static BYTES: [u8; 1 << 16] = [FILLER; 1 << 16];
    Bytes::from_static(&BYTES).slice(..len.min(BYTES.len()))
}
