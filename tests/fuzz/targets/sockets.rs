//! What the kernel answers about the connections of this host, and what is made of it.

use pmtu_probe::intake::connections::judge;
use pmtu_probe::model::Stall;
use pmtu_probe::net::sockets::fuzz;
use pmtu_probe::report::Width;
use pmtu_probe::report::connections::{render_at, render_short};

/// The number of the question in the inputs.
const SEQUENCE: u32 = 1;

pub(crate) fn sockets(bytes: &[u8]) {
    let found = fuzz::dump(bytes, SEQUENCE);
    // A socket takes 72 bytes, and its message a header of 16.
    assert!(found.len() <= bytes.len() / 88, "{} sockets in {} bytes", found.len(), bytes.len());
    let connections = judge(&found, &found, &[]);
    let survey = &connections.survey;
    assert!(survey.looked_at + survey.own <= found.len() && connections.list.len() <= survey.looked_at);
    for one in &connections.list {
        let info = found.iter().find(|socket| socket.cookie == one.cookie).and_then(|socket| socket.info.as_ref());
        assert!(info.is_some() && !one.peer.ip().is_loopback(), "{one:?}");
        if let Stall::Forward(stall) = one.stall {
            assert!(
                stall.segment <= one.mss && stall.packet <= one.full_packet && stall.retransmissions >= 3,
                "{one:?}"
            );
            assert!(stall.in_flight <= stall.waiting, "{one:?}");
        }
    }
    assert_eq!(render_short(&connections).lines().count(), connections.list.len());
    let words = render_at(&connections, Width::USUAL);
    assert!(!words.is_empty() && words.lines().all(|line| line.chars().count() <= 100), "{words}");
}
