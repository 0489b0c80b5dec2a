//! The letter in English.

mod back;

use super::Block;
use super::facts::{Complaint, Facts, Measured};
use crate::model::{AddressReport, Family, PacketSize, PtbFault, PtbReport, SizeEvidence, Verdict, Who};
use crate::report::words::address_with_zone;

/// Why an address gets no letter.
pub(super) fn no_letter(address: &AddressReport) -> String {
    let why = match address.examined.verdict {
        _ if !address.examined.direction.is_forward() => back::reverse_is_fine(address),
        Verdict::Unreachable => "it does not answer",
        Verdict::Inconclusive => "the evidence is too thin",
        Verdict::Clear => "the path carries full-size packets",
        Verdict::Discoverable | Verdict::Masked | Verdict::BlackHole => "path MTU discovery works",
    };
    format!("{}: no letter, as {why}.", address_with_zone(address.address, address.zone.as_deref()))
}

pub(super) fn letter(facts: &Facts<'_>) -> Vec<Block> {
    let mut blocks = vec![
        Block::Header(vec![("To", recipient(facts)), ("Subject", subject(facts))]),
        Block::Prose("Dear colleagues,".into()),
        Block::Prose(opening(facts)),
        Block::Prose(format!("This is what pmtu-probe {} measured:", env!("CARGO_PKG_VERSION"))),
        Block::Table(facts.measured().iter().map(|measured| row(measured, facts)).collect()),
        Block::Prose(back::sizes(facts)),
        Block::Prose(effect(facts)),
    ];
    blocks.extend(request(facts));
    blocks.push(Block::Prose(back::verify(facts)));
    blocks.push(Block::Code(vec![facts.verification()]));
    blocks.push(Block::Close("Kind regards", "[your name]"));
    blocks
}

fn recipient(facts: &Facts<'_>) -> String {
    let at = facts.place.map(|place| format!(" ({})", place.words()));
    match facts.who {
        Who::You => "the administrators of our own mail server".into(),
        Who::YourNetwork => format!("the administrators of our own network or our provider{}", at.unwrap_or_default()),
        Who::TheirSide => format!("the administrators of {}", facts.target()),
        Who::Unknown => match facts.place {
            Some(place) => format!("the network {} (whois tells whose the addresses are)", place.words()),
            None => format!("the administrators of {}, or of a network on the way there", facts.target()),
        },
    }
}

fn subject(facts: &Facts<'_>) -> String {
    let target = facts.target_address();
    let above = facts.passes().map_or_else(|| "Large packets".into(), |size| format!("Packets above {size} bytes"));
    match facts.complaint {
        Complaint::Silent | Complaint::Mismatch => format!("{above} to {target} vanish"),
        Complaint::SomeFlows => format!("{above} to {target} vanish on some flows"),
        Complaint::WrongMessages => format!("Unusable \"{}\" on the way to {target}", facts.message_name()),
        Complaint::SurvivableMessages => {
            format!("Wrong MTU in \"{}\" on the way to {target}", facts.message_name())
        }
        Complaint::OurFirewall => format!("Our firewall drops \"{}\"", facts.message_name()),
        Complaint::WayBack => format!("{} from {target} to us vanish", back::large(facts)),
        Complaint::WayBackStalls => format!("{} from {target} to us stall", back::large(facts)),
        Complaint::Unheeded => format!("{target} does not heed \"{}\"", facts.message_name()),
    }
}

fn opening(facts: &Facts<'_>) -> String {
    let target = facts.target();
    match facts.complaint {
        Complaint::Silent => format!(
            "Large packets on their way from our mail server to {target} vanish, and no message tells the sender about \
             it: a path MTU discovery black hole."
        ),
        Complaint::Mismatch => format!(
            "Large packets on their way from our mail server to {target} vanish, even those that routers may fragment. \
             So no router refuses them: it looks as if the two ends of one link disagreed about its MTU, or as if \
             something dropped packets by their size."
        ),
        Complaint::WrongMessages => format!(
            "On the way from our mail server to {target}, packets are reported to be too big in a way that no sender \
             can act on. Path MTU discovery does not work there."
        ),
        Complaint::SurvivableMessages => format!(
            "On the way from our mail server to {target}, a wrong MTU is reported for packets that are too big. Mail \
             still gets through."
        ),
        Complaint::SomeFlows => format!(
            "Some connections from our mail server to {target} lose all their large packets, others lose none. It looks \
             as if one of several parallel paths carried only smaller packets."
        ),
        Complaint::OurFirewall => format!(
            "The firewall of our mail server drops messages that the server needs in order to deliver large mail to \
             {target}."
        ),
        Complaint::WayBack => format!(
            "Large packets on their way from {target} to our mail server vanish, and nothing makes the sender use \
             smaller ones: a path MTU discovery black hole."
        ),
        Complaint::WayBackStalls => format!(
            "Large packets on their way from {target} to our mail server vanish. The sender goes on with smaller ones \
             only after a while: nothing tells it, it finds out by itself."
        ),
        Complaint::Unheeded => format!(
            "The server {target} goes on with large packets although it is told that they are too big. Mail from there \
             will hang wherever a path to the receiver is smaller than usual."
        ),
    }
}

fn row(measured: &Measured<'_>, facts: &Facts<'_>) -> (&'static str, String) {
    match measured {
        Measured::From { source, behind_nat } => {
            let nat = if *behind_nat { ", behind NAT: you see another address" } else { "" };
            ("from", format!("{source}{nat}"))
        }
        Measured::To { target, port } => ("to", format!("{target}, port {port}")),
        Measured::Sender { target, port } => ("from", format!("{target}, port {port}")),
        Measured::Receiver { source, behind_nat } => {
            let nat = if *behind_nat { ", behind NAT: you see another address" } else { "" };
            ("to", format!("{source}{nat}"))
        }
        Measured::Announced(mss) => ("our MSS", format!("{mss}")),
        Measured::Arrives(size) => ("arrives", format!("{size} bytes")),
        Measured::NeverArrives { size, is_bound } => {
            let bound = if *is_bound { " (sizes in between were not tried)" } else { "" };
            ("vanishes", format!("{size} bytes{bound}"))
        }
        Measured::DontFragment(set) => ("DF", if *set { "set by your server" } else { "not set" }.into()),
        Measured::RecoversAfter(seconds) => ("stalls for", format!("about {seconds} s")),
        Measured::ToldTwice(mtu) => (
            "ICMP",
            format!("\"{}\" with MTU {mtu} sent to the server about such a packet: no effect", facts.message_name()),
        ),
        Measured::ThereToo(size, place) => {
            let at = place.map_or_else(String::new, |place| format!(", {}", place.words()));
            ("way there", format!("ends at {size} bytes as well{at}"))
        }
        Measured::When(when) => ("when", when.clone()),
        Measured::Passes(size, evidence) => ("passes", size_words(*size, *evidence)),
        Measured::TooBig(size, evidence) => ("too big", size_words(*size, *evidence)),
        Measured::Vanishes(size, evidence) => ("vanishes", size_words(*size, *evidence)),
        Measured::SentUpTo(size) => ("sent up to", format!("{size} bytes, the MTU of our interface or route")),
        Measured::Place(place) => ("where", place.words()),
        Measured::Flows { hit, known, ports: None } => ("flows", format!("{hit} of {known} are hit")),
        Measured::Flows { hit, known, ports: Some((lost, spared)) } => {
            ("flows", format!("{hit} of {known} are hit; source ports hit: {lost}; not hit: {spared}"))
        }
        Measured::Message(message) => ("ICMP", message_words(facts, message)),
        Measured::NoMessage { others_arrive } => {
            let only = if *others_arrive { ", though \"time exceeded\" from there does" } else { "" };
            ("ICMP", format!("no \"{}\" arrived{only}", facts.message_name()))
        }
    }
}

fn size_words(size: PacketSize, evidence: Option<SizeEvidence>) -> String {
    let answered = evidence.map_or_else(String::new, |e| format!(" ({} of {} answered)", e.answered, e.sent));
    format!("{size} bytes{answered}")
}

fn message_words(facts: &Facts<'_>, message: &PtbReport) -> String {
    let fault = match message.fault {
        None if message.reached_kernel => "",
        None => ", dropped by our own firewall",
        Some(PtbFault::StatedSizeLost) => ", though packets of that size vanish as well",
        Some(PtbFault::NotSmaller) => ", which is no smaller than what was sent",
        Some(PtbFault::BadChecksum) => ", with a wrong checksum",
        Some(PtbFault::MtuZero) => ", which is no size at all",
        Some(PtbFault::TooLow) => ", though larger packets pass",
        Some(PtbFault::BelowMinimum) => ", less than our kernel accepts",
    };
    format!("\"{}\" from {}, MTU {}{fault}", facts.message_name(), message.from, message.mtu)
}

fn effect(facts: &Facts<'_>) -> String {
    let message = facts.message();
    let relies = match facts.family {
        Family::V4 => format!(
            "Mail servers send packets of full size that must not be fragmented, and learn from {message} that a link \
             is smaller."
        ),
        Family::V6 => {
            format!("IPv6 routers do not fragment. Mail servers learn from {message} that a link is smaller.")
        }
    };
    if facts.complaint.is_about_the_way_back() {
        return back::effect_back(facts, &relies);
    }
    let hangs = "the same packet is sent again and again: short messages get through, longer ones hang until the \
                 connection times out, and are tried again for days";
    match (facts.complaint, facts.address.examined.peer_mss) {
        (Complaint::SurvivableMessages, _) => {
            format!("{relies} If the size is wrong, senders have to guess, or send smaller packets than they could.")
        }
        (_, Some(mss)) if facts.is_masked() => format!(
            "{relies} At present mail gets through only because an MSS of {mss} keeps TCP packets small. Whatever does \
             not have this protection, such as UDP and IPsec, loses its large packets."
        ),
        (Complaint::Mismatch, _) => format!("{relies} Where no router notices, nobody can send it, and {hangs}."),
        (Complaint::SomeFlows, _) => {
            format!(
                "{relies} On the flows that are hit it does not arrive, and {hangs}. The next attempt may be lucky."
            )
        }
        _ => format!("{relies} Without a usable one, {hangs}."),
    }
}

fn request(facts: &Facts<'_>) -> Vec<Block> {
    match facts.complaint {
        Complaint::Silent => admit(facts),
        Complaint::Mismatch => vec![Block::Prose(
            "Please compare the MTU at both ends of that link, switches and tunnels between them included, and look for \
             a device that drops packets by their size."
                .into(),
        )],
        Complaint::SomeFlows => {
            let mut blocks = vec![Block::Prose(
                "Please compare the MTU of all next hops of equal cost and of all members of bundled links."
                    .into(),
            )];
            blocks.extend(admit(facts));
            blocks
        }
        Complaint::WrongMessages | Complaint::SurvivableMessages => correct(facts),
        Complaint::OurFirewall => admit_here(facts),
        Complaint::WayBack | Complaint::WayBackStalls if facts.peer_cuts() => vec![Block::Prose(
            "Please look for a firewall that drops fragments, and compare the MTU at both ends of each link; we will do \
             the same here."
                .into(),
        )],
        Complaint::WayBack | Complaint::WayBackStalls | Complaint::Unheeded => back::admit_back(facts),
    }
}

fn admit(facts: &Facts<'_>) -> Vec<Block> {
    let rules = facts.rules();
    let numbers = match facts.family {
        Family::V4 => "ICMP types 3, 11 and 12",
        Family::V6 => "ICMPv6 types 1 to 4",
    };
    vec![
        Block::Prose(format!(
            "Please make sure that the router before the smaller link sends {}, and that no firewall on the way back \
             drops it. These rules for a Linux firewall admit error messages and nothing else; with nftables:",
            facts.message()
        )),
        Block::Code(vec![rules.nft]),
        Block::Prose("or with iptables:".into()),
        Block::Code(rules.iptables),
        Block::Prose(format!(
            "On other systems, the interface must send unreachables, and access lists and control-plane filters must \
             permit {numbers}, without rationing them to nothing."
        )),
    ]
}

fn correct(facts: &Facts<'_>) -> Vec<Block> {
    let size = facts.passes();
    let truth = size.map_or_else(|| "the size that its link takes".into(), |size| format!("{size}"));
    let asked = facts.faulty().into_iter().map(|message| match message.fault {
        Some(PtbFault::BadChecksum) => format!(
            "Please look for a NAT or a firewall that changes ICMP messages from {} without correcting the checksum: \
             every receiver drops them.",
            message.from
        ),
        _ => format!(
            "Please make {} state {truth} in place of {}. Often it is a tunnel whose overhead is not deducted, or an MTU \
             set by hand.",
            message.from, message.mtu
        ),
    });
    let mut asked: Vec<String> = asked.collect();
    asked.dedup();
    asked.into_iter().map(Block::Prose).collect()
}

fn admit_here(facts: &Facts<'_>) -> Vec<Block> {
    let mut blocks = Vec::new();
    for blocker in facts.blockers() {
        blocks.push(Block::Prose(format!(
            "The rule that {} it is \"{}\" ({}). These commands admit error messages before it:",
            if blocker.is_certain { "does" } else { "probably does" },
            blocker.rule,
            blocker.place
        )));
        blocks.push(Block::Code(blocker.remedy.clone()));
    }
    if blocks.is_empty() {
        let rules = facts.rules();
        blocks.push(Block::Prose(format!(
            "Please admit {} and the other ICMP errors on our mail server. With nftables:",
            facts.message()
        )));
        blocks.push(Block::Code(vec![rules.nft]));
        blocks.push(Block::Prose("or with iptables:".into()));
        blocks.push(Block::Code(rules.iptables));
    }
    blocks
}
