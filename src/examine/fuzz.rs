//! The reader of SMTP replies as a function of bytes, for `tests/fuzz` alone. [`Examination`](super::Examination) has all the others.

use super::rtt::RttEstimator;
use super::session::{Connection, Dialogue, SmtpState};
use crate::model::{Flags, Segment, SeqNumber, Timestamp};

/// What was said to a server that says these pieces, as many commands as may be, and what of its words is kept at most.
pub fn smtp_replies<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, usize) {
    let mut rtt = RttEstimator::default();
    let mut connection = Connection::new(40_000, 25, SeqNumber(0), 1460);
    let mut dialogue = Dialogue::new(std::net::Ipv4Addr::new(192, 0, 2, 1).into());
    let mut segment = Segment::new(25, 40_000, SeqNumber(0), SeqNumber(1), Flags::SYN_ACK);
    connection.poll(Timestamp::ZERO, &rtt);
    connection.handle(&segment, Timestamp::ZERO, &mut rtt);
    let mut kept = 0;
    for piece in pieces {
        segment = Segment::new(25, 40_000, connection.receive_next(), SeqNumber(1), Flags::PSH_ACK);
        segment.payload = piece.to_vec().into();
        connection.handle(&segment, Timestamp::ZERO, &mut rtt);
        dialogue.read(&mut connection);
        kept = kept.max(connection.received().len());
        dialogue.gather(&mut connection, usize::MAX);
        if dialogue.state() == SmtpState::Ready {
            dialogue.quit(&mut connection);
        }
    }
    let (start, end) = (connection.stream_start(), connection.held_end());
    let length = end.bytes_since(start).unwrap_or(0) as usize;
    (connection.segment_over(start, length).payload.to_vec(), kept)
}
