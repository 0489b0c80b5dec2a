//! What the kernel answers about routes, addresses and links.

use pmtu_probe::net::route::fuzz;

use super::input::Input;

/// `RTM_NEWLINK`, `RTM_NEWADDR`, `RTM_NEWROUTE`.
const KINDS: [u16; 3] = [16, 20, 24];

pub(crate) fn netlink(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let kind = input.pick(&KINDS);
    let Some(understood) = fuzz::message(kind, input.rest()) else { return };
    let fuzz::Understood { learnt, mtu, mss, words } = understood;
    for size in [learnt, mtu, mss.map(u32::from)].into_iter().flatten() {
        assert_ne!(size, 0, "0 is no size");
    }
    assert!(learnt.is_none() || learnt == mtu, "what was learnt is what is in force");
    assert!(words.len() < 300);
}
