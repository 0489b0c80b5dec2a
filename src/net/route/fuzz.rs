//! The reader of the kernel's answers as a function of bytes, for `tests/fuzz` alone.

use netlink_packet_route::RouteNetlinkMessage;
use rtnetlink::packet_core::ParseableParametrized;

use super::answer::{
    gateway, has_gateway, is_default, is_for_one, is_local, learnt_mtu, metric_advmss, metric_mtu, outgoing,
    own_address, source,
};
use super::links::kind_of_way_out;
use crate::model::Family;

/// What is made of a message.
#[derive(Debug, Default)]
pub struct Understood {
    /// The path MTU that was learnt.
    pub learnt: Option<u32>,
    /// The MTU of the route.
    pub mtu: Option<u32>,
    /// The MSS of the route.
    pub mss: Option<u16>,
    /// All else.
    pub words: String,
}

/// What is made of a message of this type. `None`: it is none.
pub fn message(kind: u16, bytes: &[u8]) -> Option<Understood> {
    let only_words = |words| Some(Understood { words, ..Understood::default() });
    match RouteNetlinkMessage::parse_with_param(bytes, kind).ok()? {
        RouteNetlinkMessage::NewRoute(route) => {
            let learnt = [Family::V4, Family::V6].into_iter().find_map(|family| learnt_mtu(&route, family));
            let whole = (has_gateway(&route), is_default(&route), is_local(&route), is_for_one(&route));
            Some(Understood {
                learnt: learnt.map(|learnt| learnt.mtu.bytes()),
                mtu: metric_mtu(&route).map(|route| route.mtu.bytes()),
                mss: metric_advmss(&route),
                words: format!("{:?} {:?} {:?} {whole:?}", source(&route), gateway(&route), outgoing(&route)),
            })
        }
        RouteNetlinkMessage::NewAddress(address) => only_words(format!("{:?}", own_address(&address))),
        RouteNetlinkMessage::NewLink(link) => only_words(format!("{:?}", kind_of_way_out(&link))),
        _ => None,
    }
}
