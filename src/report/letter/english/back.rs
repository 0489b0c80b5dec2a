//! What a letter in English says of the way back.

use crate::model::{AddressReport, ReverseVerdict, Who};
use crate::report::letter::Block;
use crate::report::letter::facts::{Complaint, Facts, MTU_PROBING, WATCHED_SECONDS};

pub(super) fn reverse_is_fine(address: &AddressReport) -> &'static str {
    match address.examined.reverse.verdict {
        ReverseVerdict::Untested => "its way to this host was not tested",
        ReverseVerdict::Inconclusive => "the evidence is too thin",
        _ => "its large packets arrive",
    }
}

pub(super) fn sizes(facts: &Facts<'_>) -> String {
    if !facts.complaint.is_about_the_way_back() {
        return "Sizes are whole IP packets; they were sent with don't-fragment where IPv4 leaves the choice.".into();
    }
    let from_where = "We only see what arrives here, so we cannot tell where on the way packets are lost.";
    match facts.complaint {
        Complaint::Unheeded => "Sizes are whole IP packets.".into(),
        Complaint::WayBackStalls => format!("Sizes are whole IP packets. {from_where}"),
        _ => format!(
            "Sizes are whole IP packets. The server answered small packets all the time, and its sequence numbers show \
             that it had sent what is missing. We waited {WATCHED_SECONDS} seconds; over a connection for which we \
             announced a small MSS, everything arrived. {from_where}"
        ),
    }
}

pub(super) fn verify(facts: &Facts<'_>) -> String {
    match facts.complaint {
        Complaint::Unheeded => {
            "To verify afterwards, this command on our mail server should report \"peer_obeys_ptb\" \
             with --json. We will gladly run it; it tells the server once more to keep to smaller packets towards us:"
                .into()
        }
        _ => {
            "To verify afterwards, this command on our mail server should end with exit code 0. We will gladly run it; \
              from any other Linux host it shows the path from there:"
                .into()
        }
    }
}

/// Packets from there that do not arrive: with the size if it is exact.
pub(super) fn large(facts: &Facts<'_>) -> String {
    let size = facts.address.examined.reverse.path_mtu.filter(|_| facts.limit_is_exact());
    size.map_or_else(|| "Large packets".into(), |size| format!("Packets above {size} bytes"))
}

pub(super) fn effect_back(facts: &Facts<'_>, relies: &str) -> String {
    if facts.peer_cuts() && facts.complaint != Complaint::Unheeded {
        return "Routers may cut these packets to pieces, so no message about their size is missing. Short messages get \
                through, longer ones hang until the connection times out; our log then says \"timeout after DATA\"."
            .into();
    }
    match facts.complaint {
        Complaint::WayBackStalls => format!(
            "{relies} Without it each connection stalls until the server tries smaller packets by itself. That costs time \
             with every longer message, and whenever your server shows its certificates."
        ),
        Complaint::Unheeded => relies.into(),
        _ if !facts.is_mail() => format!(
            "{relies} Without it, your server sends the same packet again and again: small answers get here, larger ones \
             hang, and so does TLS, as its certificates come in large packets."
        ),
        _ => format!(
            "{relies} Without it, your server sends the same packet again and again: short messages to us get through, \
             longer ones hang until the connection times out, and are tried again for days. Our log then says \"timeout \
             after DATA\". Your server's certificates come in large packets as well, so TLS hangs too when we deliver mail \
             to you."
        ),
    }
}

/// What tells the target has to reach it.
pub(super) fn admit_back(facts: &Facts<'_>) -> Vec<Block> {
    let rules = facts.rules();
    let please = if facts.who == Who::YourNetwork {
        format!(
            "The way there ends at the same size in our network, so it is likely our router that has to tell the server. \
             Please make sure that it sends {}, and that no firewall of ours drops it on its way out.",
            facts.message()
        )
    } else {
        format!(
            "Please let {} in, from any router on the way: on the server, and in every firewall in front of it.",
            facts.message()
        )
    };
    let mut blocks = vec![
        Block::Prose(format!("{please} These rules for Linux admit error messages and nothing else; with nftables:")),
        Block::Code(vec![rules.nft]),
        Block::Prose("or with iptables:".into()),
        Block::Code(rules.iptables),
    ];
    if facts.complaint == Complaint::WayBack && facts.who == Who::TheirSide {
        blocks.push(Block::Prose(
            "Until then, this setting lets a Linux server find a size that passes by itself, after a stall of some \
             seconds:"
                .into(),
        ));
        blocks.push(Block::Code(vec![MTU_PROBING.into()]));
    }
    blocks
}
