use super::*;

const OURS: u16 = 40_000;
const SMTP: u16 = 25;
const ISS: SeqNumber = SeqNumber(1000);
const PEER_ISS: SeqNumber = SeqNumber(u32::MAX - 1); // so that the peer's numbers wrap

fn segment(seq: SeqNumber, ack: SeqNumber, flags: Flags, payload: &'static [u8]) -> Segment {
    let mut segment = Segment::new(SMTP, OURS, seq, ack, flags);
    segment.payload = Bytes::from_static(payload);
    segment
}

fn open() -> (Connection, RttEstimator, Timestamp) {
    let (mut connection, mut rtt) = (Connection::new(OURS, SMTP, ISS, 1460), RttEstimator::default());
    let now = Timestamp::ZERO;
    let syn = connection.poll(now, &rtt).expect("a SYN is due at once");
    assert_eq!((syn.flags, syn.seq, syn.mss, syn.sack_permitted), (Flags::SYN, ISS, Some(1460), true));
    let later = now + Duration::from_millis(20);
    let mut answer = segment(PEER_ISS, ISS + 1, Flags::SYN_ACK, b"");
    (answer.mss, answer.sack_permitted) = (Some(1400), true);
    connection.handle(&answer, later, &mut rtt);
    assert_eq!(connection.state(), TcpState::Open);
    assert_eq!(rtt.smoothed(), Some(Duration::from_millis(20)));
    let ack = connection.poll(later, &rtt).expect("the handshake's last ACK");
    assert_eq!((ack.flags, ack.seq, ack.ack), (Flags::ACK, ISS + 1, PEER_ISS + 1));
    (connection, rtt, later)
}

#[test]
fn a_handshake_tells_the_peers_options_and_gives_a_sample() {
    let (connection, ..) = open();
    assert_eq!((connection.peer().mss, connection.peer().sack), (Some(1400), true));
}

/// RFC 9293, 3.10.7.3: only an acceptable acknowledgment counts in SYN-SENT.
#[test]
fn an_answer_to_another_syn_is_ignored() {
    let (mut connection, mut rtt) = (Connection::new(OURS, SMTP, ISS, 1460), RttEstimator::default());
    let _ = connection.poll(Timestamp::ZERO, &rtt);
    connection.handle(&segment(PEER_ISS, ISS + 2, Flags::SYN_ACK, b""), Timestamp::ZERO, &mut rtt);
    connection.handle(&segment(PEER_ISS, ISS, Flags::RST_ACK, b""), Timestamp::ZERO, &mut rtt);
    assert_eq!(connection.state(), TcpState::Connecting);
    connection.handle(&segment(SeqNumber(0), ISS + 1, Flags::RST_ACK, b""), Timestamp::ZERO, &mut rtt);
    assert_eq!(connection.state(), TcpState::Refused);
}

#[test]
fn data_is_taken_once_in_order_and_across_the_wrap() {
    let (mut connection, mut rtt, now) = open();
    let hello = segment(PEER_ISS + 1, ISS + 1, Flags::PSH_ACK, b"220 hi\r\n");
    connection.handle(&segment(PEER_ISS + 3, ISS + 1, Flags::PSH_ACK, b"gap"), now, &mut rtt);
    assert_eq!(connection.received(), b"");
    connection.handle(&hello, now, &mut rtt);
    connection.handle(&hello, now, &mut rtt);
    assert_eq!(connection.received(), b"220 hi\r\n");
    assert_eq!(connection.poll(now, &rtt).map(|ack| ack.ack), Some(PEER_ISS + 9));
}

#[test]
fn bytes_below_the_stream_are_filler_and_the_rest_is_the_stream() {
    let (mut connection, ..) = open();
    connection.hold(b"EHLO x\r\n");
    let whole = connection.segment_over(ISS + 1 - 4, 12);
    assert_eq!(&whole.payload[..], b"....EHLO x\r\n");
    assert_eq!(&connection.segment_over(ISS + 1 + 5, 3).payload[..], b"x\r\n");
}

#[test]
fn a_closed_window_holds_data_back_and_does_not_spin() {
    let (mut connection, mut rtt, now) = open();
    let mut shut = segment(PEER_ISS + 1, ISS + 1, Flags::ACK, b"");
    shut.window = 0;
    connection.handle(&shut, now, &mut rtt);
    connection.write(b"QUIT\r\n");
    assert_eq!(connection.poll(now, &rtt), None);
    assert!(connection.wake().is_none_or(|at| at > now));
}

#[test]
fn lost_data_is_sent_again_and_then_the_end_is_orderly() {
    let (mut connection, mut rtt, now) = open();
    connection.write(b"QUIT\r\n");
    connection.close();
    let first = connection.poll(now, &rtt).expect("data");
    assert_eq!((&first.payload[..], connection.poll(now, &rtt)), (&b"QUIT\r\n"[..], None));
    let later = now + Duration::from_secs(5);
    assert_eq!(connection.poll(later, &rtt).map(|again| again.seq), Some(first.seq));
    connection.handle(&segment(PEER_ISS + 1, ISS + 7, Flags::ACK, b""), later, &mut rtt);
    assert_eq!(connection.poll(later, &rtt).map(|fin| fin.flags), Some(Flags::FIN_ACK));
    connection.handle(&segment(PEER_ISS + 1, ISS + 8, Flags::FIN_ACK, b""), later, &mut rtt);
    assert_eq!((connection.state(), connection.owes_ack()), (TcpState::Closed, true));
    assert_eq!(connection.poll(later, &rtt).map(|ack| ack.ack), Some(PEER_ISS + 2));
}

/// RFC 5961, 3.2: a RST counts only at exactly the next expected byte.
#[test]
fn a_blind_reset_is_ignored() {
    let (mut connection, mut rtt, now) = open();
    connection.handle(&segment(PEER_ISS + 100, ISS + 1, Flags::RST, b""), now, &mut rtt);
    assert_eq!(connection.state(), TcpState::Open);
    connection.handle(&segment(PEER_ISS + 1, ISS + 1, Flags::RST, b""), now, &mut rtt);
    assert_eq!(connection.state(), TcpState::Reset);
}

/// RFC 9293, 3.10.7.4: an update of the window counts only if the segment begins after the one that brought the last.
#[test]
fn a_smaller_window_comes_with_a_later_byte() {
    let (mut connection, rtt, now) = open();
    connection.announce_window(2680);
    connection.write(b"hello");
    connection.announce_after_first_byte(1340);
    let first = connection.poll(now, &rtt).expect("the first byte");
    assert_eq!((first.seq, &first.payload[..], first.window), (ISS + 1, b"h".as_slice(), 2680));
    let rest = connection.poll(now, &rtt).expect("the rest");
    assert_eq!((rest.seq, &rest.payload[..], rest.window), (ISS + 2, b"ello".as_slice(), 1340));
    assert_eq!(connection.poll(now, &rtt), None);
}

/// Where packets are saved: the greeting is acknowledged by QUIT, the reply to that by our FIN, which waits for theirs.
#[test]
fn an_acknowledgment_may_wait_for_something_to_go_with() {
    let patience = Duration::from_millis(100);
    let (mut connection, mut rtt, now) = open();
    connection.delay_acks(patience);
    connection.handle(&segment(PEER_ISS + 1, ISS + 1, Flags::PSH_ACK, b"220 hi\r\n"), now, &mut rtt);
    assert_eq!(connection.poll(now, &rtt), None);
    assert_eq!(connection.wake(), Some(now + patience));
    connection.write(b"QUIT\r\n");
    let quit = connection.poll(now, &rtt).expect("QUIT");
    assert_eq!((quit.seq, quit.ack), (ISS + 1, PEER_ISS + 9));
    assert_eq!(connection.poll(now, &rtt), None, "it is acknowledged");
    connection.handle(&segment(PEER_ISS + 9, ISS + 7, Flags::PSH_ACK, b"221 bye\r\n"), now, &mut rtt);
    connection.close();
    assert_eq!(connection.poll(now, &rtt), None, "the server is about to end its direction");
    connection.handle(&segment(PEER_ISS + 18, ISS + 7, Flags::FIN_ACK, b""), now, &mut rtt);
    let fin = connection.poll(now, &rtt).expect("our FIN");
    assert_eq!((fin.flags, fin.seq, fin.ack), (Flags::FIN_ACK, ISS + 7, PEER_ISS + 19));
    connection.handle(&segment(PEER_ISS + 19, ISS + 8, Flags::ACK, b""), now, &mut rtt);
    assert_eq!((connection.state(), connection.poll(now, &rtt)), (TcpState::Closed, None));
}

/// RFC 9293, 3.8.6.3: not for ever, and at least every second segment is acknowledged.
#[test]
fn an_acknowledgment_waits_for_a_while_and_not_for_two_segments() {
    let patience = Duration::from_millis(100);
    let (mut connection, mut rtt, now) = open();
    connection.delay_acks(patience);
    connection.handle(&segment(PEER_ISS + 1, ISS + 1, Flags::PSH_ACK, b"220-"), now, &mut rtt);
    assert_eq!(connection.poll(now + patience / 2, &rtt), None);
    assert_eq!(connection.poll(now + patience, &rtt).map(|ack| ack.ack), Some(PEER_ISS + 5));
    let later = now + patience * 2;
    connection.handle(&segment(PEER_ISS + 5, ISS + 1, Flags::PSH_ACK, b"hi"), later, &mut rtt);
    connection.handle(&segment(PEER_ISS + 7, ISS + 1, Flags::PSH_ACK, b"\r\n"), later, &mut rtt);
    assert_eq!(connection.poll(later, &rtt).map(|ack| ack.ack), Some(PEER_ISS + 9));
    // What comes again was not acknowledged in time.
    connection.handle(&segment(PEER_ISS + 7, ISS + 1, Flags::PSH_ACK, b"\r\n"), later, &mut rtt);
    assert_eq!(connection.poll(later, &rtt).map(|ack| ack.ack), Some(PEER_ISS + 9));
    // Nobody else takes the connection over with an acknowledgment that waits.
    connection.handle(&segment(PEER_ISS + 9, ISS + 1, Flags::PSH_ACK, b"220 x\r\n"), later, &mut rtt);
    connection.delay_acks(Duration::ZERO);
    assert_eq!(connection.poll(later, &rtt).map(|ack| ack.ack), Some(PEER_ISS + 16));
}
