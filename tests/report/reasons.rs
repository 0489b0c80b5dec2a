//! The sentence of every reason: they are read by people and by programs, so none changes by accident.

use std::time::Duration;

use pmtu_probe::model::{
    Confirmation, CutShort, DialogueTrouble, Doubt, FlowShare, Ground, MethodReason, Obstacle, PtbFault, PtbOutcome,
    ReverseReason, SlowStep, Technique, TlsTrouble, Ttl, Unwillingness, VerdictReason,
};
use pmtu_probe::report::words::{method_reason, reverse_reason, verdict_reason};

use super::fixtures::{ip, size};

fn of(ground: Ground) -> String {
    verdict_reason(&ground.into())
}

fn vanishes(ptb: PtbOutcome, confirmation: Confirmation) -> Ground {
    Ground::Vanishes { passes: size(1400), lost: size(1401), ptb, confirmation }
}

fn one_technique(technique: Technique, doubt: Doubt) -> String {
    of(Ground::OneTechnique { technique, passes: size(1400), lost: size(1401), doubt })
}

#[test]
fn a_verdict_that_rests_on_others() {
    for (ground, sentence) in [
        (
            Ground::ToldToOthers { passes: size(1400), start: size(1500), told: 8 },
            "1400 byte packets pass, larger ones were not answered while many addresses were examined at once; the router rations \
             its messages: each of 8 addresses behind it that were asked alone was told, starting from 1500, and this one was not \
             asked alone",
        ),
        (
            Ground::Rationed { passes: size(1400), lost: size(1401) },
            "1400 byte packets are answered, 1401 byte packets were not while many addresses were examined at once; the router \
             rations its messages, and of the addresses behind it that were asked alone some were told and some were not: examine \
             this one alone",
        ),
    ] {
        assert_eq!(of(ground), sentence);
    }
}

#[test]
fn a_verdict_on_the_way_there() {
    let full = |technique| of(Ground::FullSizeAnswered { size: size(1500), technique });
    for (technique, packets) in [
        (Technique::OldData, "repeated TCP segments"),
        (Technique::SmtpData, "repeated SMTP bytes"),
        (Technique::SynData, "SYN segments with data"),
        (Technique::RealBytes, "segments with new SMTP bytes"),
        (Technique::Echo, "ICMP echo requests"),
    ] {
        let sentence = format!("a 1500 byte packet that must not be fragmented was answered ({packets})");
        assert_eq!(full(technique), sentence);
        let sentence = format!(
            "1400 byte packets are answered, 1401 byte packets never are, and nothing tells the sender; confirmed: {packets}"
        );
        assert_eq!(of(vanishes(PtbOutcome::NoneCame, Confirmation::Technique(technique))), sentence);
    }
    for (ground, sentence) in [
        (
            Ground::LargerNotTried { size: size(1300) },
            "packets up to 1300 bytes pass; larger ones, which this host would send, were not tried: leave out --max-size",
        ),
        (
            Ground::RefusedByRouter { passes: size(1400), start: size(1500) },
            "1400 byte packets pass, larger ones are refused by a router whose message reaches this host's kernel, \
             starting from 1500",
        ),
        (
            Ground::AboveMssOnly { passes: size(1400), limit: size(1360) },
            "packets up to 1400 bytes pass, which is all that TCP sends here (limit 1360); larger TCP segments vanish, but \
             a firewall may drop them for exceeding the peer's MSS, and no other technique shows more",
        ),
        (
            Ground::MayMask { passes: size(1400), lost: size(1401), limit: size(1400) },
            "1400 byte packets are answered, 1401 byte packets never are; the server's MSS keeps TCP to 1400 bytes, but it \
             was not seen where large packets end, so that may be its own link or a path that it remembers for a while",
        ),
        (
            Ground::MayBeCut { passes: size(1400), lost: size(1401) },
            "1400 byte packets are answered, 1401 byte packets that must not be fragmented never are; this host lets routers cut \
             its packets, but too few copies of that kind got an answer to say whether they pass",
        ),
        (
            Ground::OwnTcpNotAsked { passes: size(1400), lost: size(1401) },
            "1400 byte packets are answered, 1401 byte packets never are; the run was cut short before this host's own TCP told \
             whether it sends such packets: a firewall or a setting of this host may keep it to smaller ones",
        ),
        (
            Ground::TooLossy { passes: size(1400), lost: size(1401), p: 0.012_345 },
            "1400 byte packets were answered and 1401 byte packets were not, but too many small packets are lost to tell \
             size from chance (p = 0.0123)",
        ),
        (
            Ground::OnlyRefused { size: size(1500) },
            "the port refuses packets of 1500 bytes as it refuses small ones, but no ping of that size is answered, and a \
             firewall on the way may refuse in the host's place",
        ),
        (
            Ground::PathChanged { size: size(1440) },
            "a packet of 1440 bytes was answered, and one that was no larger was refused by a router: the path changed during the \
             run; run it again",
        ),
        (Ground::NoSizedAnswer, "the target answers, but to no kind of probe whose size could be varied"),
        (Ground::CutShort(CutShort::BeforeAnyAnswer), "the run was cut short before anything was answered"),
        (Ground::CutShort(CutShort::BeforeSizesSettled), "the run was cut short before the sizes were settled"),
        (
            Ground::CutShort(CutShort::AfterMostProbes(2000)),
            "2000 probes, the most that are sent to one address, did not settle the sizes",
        ),
        (Ground::NothingAnswered, "nothing answered: neither the TCP port nor small ICMP echo requests"),
        (
            Ground::Hidden {
                passes: size(1400),
                lost: size(1401),
                ptb: PtbOutcome::NoneCame,
                confirmation: Confirmation::Technique(Technique::Echo),
                limit: size(1400),
            },
            "1400 byte packets are answered, 1401 byte packets never are, and nothing tells the sender; confirmed: ICMP echo \
             requests; the server's MSS keeps TCP to 1400 bytes, but nothing on the path accounts for it, so the server is taken \
             to remember the path, which it does for ten minutes at most",
        ),
        (
            Ground::TcpEndsAtHop { hop: Ttl(1) },
            "something at the first hop answers TCP in the server's place, so the path behind it was not examined; run this \
             there (in a container: on its host), or use --method icmp",
        ),
        (Ground::SendingForbidden, "a firewall rule on this host refuses to send the probes"),
        (
            Ground::HostTooBusy,
            "this host dropped packets that had arrived, as it was too busy: try again with a lower --rate",
        ),
        (Ground::OnlyWayBackAsked, "only the way back was examined"),
    ] {
        assert_eq!(of(ground), sentence);
    }
}

#[test]
fn what_became_of_the_message_and_what_confirms_it() {
    for (outcome, words) in [
        (PtbOutcome::NoneCame, "nothing tells the sender"),
        (
            PtbOutcome::DroppedHere,
            "the routers' messages reach this host's interface but not its kernel: its own firewall drops them",
        ),
        (
            PtbOutcome::OnlyAboutOthers,
            "the routers' messages that reach this host's kernel are about other packets, none about these",
        ),
        (
            PtbOutcome::Unexplained,
            "nothing tells the sender; too few copies that may be fragmented got an answer to say whether a router keeps \
             silent or the two ends of a link disagree",
        ),
        (PtbOutcome::NoneDue, "copies that may be fragmented vanish as well, so no router finds them too big"),
        (PtbOutcome::Faulty(PtbFault::MtuZero), "the router's message states no MTU"),
        (PtbOutcome::Faulty(PtbFault::StatedSizeLost), "the router's message states a size that is lost as well"),
        (
            PtbOutcome::Faulty(PtbFault::NotSmaller),
            "the router's message states a size that is not smaller than what it refuses",
        ),
        (PtbOutcome::Faulty(PtbFault::TooLow), "the router's message states too little"),
        (PtbOutcome::Faulty(PtbFault::BelowMinimum), "the router's message states less than any kernel accepts"),
        (PtbOutcome::Faulty(PtbFault::BadChecksum), "the router's message has a wrong checksum, so kernels discard it"),
    ] {
        let sentence = format!(
            "1400 byte packets are answered, 1401 byte packets never are, and {words}; confirmed: in-order SMTP bytes of \
             that size stall, and pass when cut"
        );
        assert_eq!(of(vanishes(outcome, Confirmation::RealBytes)), sentence);
    }
    assert_eq!(
        of(vanishes(PtbOutcome::NoneCame, Confirmation::NoDfCopyPasses)),
        "1400 byte packets are answered, 1401 byte packets never are, and nothing tells the sender; confirmed: the same \
         packet passes when routers may fragment it, so its size is the matter and not its kind"
    );
}

#[test]
fn one_technique_is_not_enough() {
    for (doubt, words) in [
        (Doubt::NoSecondTechnique, "no second technique could confirm it"),
        (
            Doubt::RealBytesPass,
            "in-order SMTP bytes of that size pass: something on the way treats repeated segments differently",
        ),
        (Doubt::OtherTechniquePasses, "another technique passes packets of that size"),
        (Doubt::NoRealBytes(DialogueTrouble::TcpNotAskedFor), "TCP was not asked for"),
        (
            Doubt::NoRealBytes(DialogueTrouble::TakesNoMoreBytes),
            "the server takes no further bytes, and no other technique could confirm it",
        ),
        (
            Doubt::NoRealBytes(DialogueTrouble::EndedTooSoon),
            "the conversation ended too soon, and no other technique could confirm it",
        ),
        (
            Doubt::NoRealBytes(DialogueTrouble::RunEnded),
            "the run ended before in-order SMTP bytes of that size were tried, and no other technique had confirmed it",
        ),
        (
            Doubt::NoRealBytes(DialogueTrouble::NoGreeting),
            "no SMTP greeting came that would let real bytes be tried, and no other technique could confirm it",
        ),
        (
            Doubt::EchoAlone,
            "echo alone cannot tell a hole from a firewall that drops large echo, nor the way there from the way back",
        ),
    ] {
        for (technique, packets) in [
            (Technique::OldData, "repeated old segments"),
            (Technique::SmtpData, "repeated old segments"),
            (Technique::SynData, "SYN segments with data"),
            (Technique::RealBytes, "segments with new SMTP bytes"),
            (Technique::Echo, "ICMP echo requests"),
        ] {
            let sentence = format!("{packets} of 1400 bytes are answered and of 1401 bytes are not, but {words}");
            assert_eq!(one_technique(technique, doubt), sentence);
        }
    }
}

#[test]
fn an_obstacle_names_who_speaks() {
    for (obstacle, sentence) in [
        (
            Obstacle::Icmp { from: ip("192.0.2.1"), code: 1 },
            "192.0.2.1 answers: the host does not answer on its network",
        ),
        (Obstacle::Icmp { from: ip("2001:db8::1"), code: 1 }, "2001:db8::1 answers: administratively prohibited"),
        (
            Obstacle::RoutingLoop { from: ip("192.0.2.1") },
            "192.0.2.1 answers: time exceeded in transit: a routing loop",
        ),
        (Obstacle::NoRoute, "this host has no route to it, or its neighbour does not answer"),
        (Obstacle::InterfaceDown, "the outgoing interface is down"),
    ] {
        assert_eq!(of(Ground::Unreachable(obstacle)), sentence);
    }
}

#[test]
fn other_flows_frame_the_sentence() {
    let share = Some(FlowShare { hit: 2, known: 8 });
    let reason = VerdictReason { ground: Ground::NothingAnswered, of_other_flow: true, share, here: None };
    assert_eq!(
        verdict_reason(&reason),
        "on another flow: nothing answered: neither the TCP port nor small ICMP echo requests; large packets vanish on 2 \
         of 8 flows"
    );
}

#[test]
fn a_method_that_did_not_serve() {
    for (reason, words) in [
        (MethodReason::NotAskedFor, "not asked for"),
        (MethodReason::NotNeeded, "not needed"),
        (MethodReason::OnlyForFlows, "not needed but to compare flows"),
        (MethodReason::NoSparePorts, "no spare local ports"),
        (MethodReason::PortClosed, "the port is closed"),
        (MethodReason::ConnectionReset, "the peer reset the connection"),
        (MethodReason::PortSilent, "the port does not answer"),
        (MethodReason::PortFiltered, "a firewall answers in the place of the port"),
        (MethodReason::PortForbidden, "this host's own firewall refuses to send to the port"),
        (MethodReason::TooFewBytes, "too few bytes may be sent to make a packet of full size"),
        (MethodReason::AnsweredOnTheWay, "something nearer than the server answers SYN segments"),
        (MethodReason::AnswersNameNoProbe, "answers do not name the probe"),
        (
            MethodReason::IdleAcksAnswered,
            "it answers acknowledgments that ask for no answer, so its answers prove nothing",
        ),
        (MethodReason::Unanswered, "no answer"),
        (MethodReason::SmallProbesUnanswered, "no answer to small probes"),
        (MethodReason::OldSegmentsUnanswered, "no answer to segments below the initial sequence number"),
        (MethodReason::RepeatsUnanswered, "no answer to repeated segments"),
        (MethodReason::SynDataUnanswered, "no answer to SYN segments with data"),
        (MethodReason::NewBytesUnanswered, "no answer to segments with new SMTP bytes"),
        (MethodReason::NoMoreCommands, "the server takes no more SMTP commands"),
        (MethodReason::EchoUnanswered, "no answer to small echo requests"),
    ] {
        assert_eq!(method_reason(reason), words);
    }
}

#[test]
fn a_verdict_on_the_way_back() {
    let unwilling = ReverseReason::Unwilling;
    let tls = |trouble| unwilling(Unwillingness::Tls(trouble));
    let seconds = Duration::from_secs;
    for (reason, sentence) in [
        (ReverseReason::OnlyForwardAsked, "only the way to the target was examined"),
        (ReverseReason::ServiceUnknown, "what is spoken on this port is not known, so nothing large can be asked for"),
        (ReverseReason::NoConnection, "no TCP connection came about"),
        (ReverseReason::PortClosed, "the port is closed"),
        (ReverseReason::ConnectionEnded, "the server ended the connection"),
        (
            ReverseReason::TcpEndsAtHop { hop: Ttl(1) },
            "the connection ends at hop 1, which answers in the server's place",
        ),
        (ReverseReason::RunEndedBefore, "the run ended before"),
        (ReverseReason::RunEndedEarly, "the run ended before the server had sent much"),
        (
            ReverseReason::RunEndedWhileMissing { missing_for: Duration::from_millis(2600) },
            "the server's large packets had not arrived for 3 s when the run ended; it may recover, or not",
        ),
        (ReverseReason::Slow { step: SlowStep::Greeting, within: seconds(20) }, "the server did not greet within 20 s"),
        (
            ReverseReason::Slow { step: SlowStep::Reply, within: seconds(20) },
            "the server did not finish a reply within 20 s",
        ),
        (
            ReverseReason::RepliesTooShort { longest: 700 },
            "the longest reply that could be drawn, of 700 bytes, fills no packet of full size",
        ),
        (
            ReverseReason::InFragments,
            "the server's packets arrive in fragments: it lets routers cut them, so no size is lost",
        ),
        (
            ReverseReason::KeepsBelow { largest: Some(size(1400)) },
            "the server keeps its packets to 1400 bytes, less than both ends announced: it knows the path, or something \
             lowered the MSS on the way",
        ),
        (
            ReverseReason::KeepsBelow { largest: None },
            "the server keeps its packets to few bytes, less than both ends announced: it knows the path, or something \
             lowered the MSS on the way",
        ),
        (
            ReverseReason::LoweredAfter { after: Duration::from_millis(1250) },
            "the server lowered its packets after 1.2 s, told by a router or by itself: too many packets are lost to say",
        ),
        (
            ReverseReason::Missing { watched: seconds(15), answers: 12 },
            "the server's large packets did not arrive within 15 s, though it answered 12 small ones meanwhile and the \
             same bytes came in small packets on another connection",
        ),
        (
            ReverseReason::MayBeChance,
            "the server's large packets stay away, but so many packets of any size are lost that it may be chance",
        ),
        (
            ReverseReason::MayRecover { watched: seconds(27) },
            "the server's large packets did not arrive within 27 s; whether it went over to smaller ones by itself cannot \
             be told, as too many packets of any size are lost",
        ),
        (
            ReverseReason::NoControl,
            "the server's large packets stay away, but it took no further connection that would show that small ones come",
        ),
        (ReverseReason::FellSilent, "the server's large packets stay away, but soon it answered nothing else either"),
        (
            ReverseReason::TooLossy,
            "too many packets of any size are lost to hold the conversation that would draw large ones",
        ),
        (ReverseReason::SmallOnesLost, "the server's packets stay away, small ones as well"),
        (
            ReverseReason::HostTooBusy,
            "this host dropped packets that had arrived, as it was too busy: try again with a lower --rate",
        ),
        (unwilling(Unwillingness::ConnectionRefused), "the server refused a further connection"),
        (unwilling(Unwillingness::ConnectionReset), "the server reset the connection"),
        (unwilling(Unwillingness::FellSilent), "the server answers no more"),
        (unwilling(Unwillingness::ConversationEnded), "the server ended the conversation"),
        (unwilling(Unwillingness::HandshakeEnded), "the server ended the conversation during the TLS handshake"),
        (unwilling(Unwillingness::NoSmtp), "the server does not speak SMTP"),
        (unwilling(Unwillingness::TurnedAway { code: 554 }), "the server turns this host away (554)"),
        (unwilling(Unwillingness::HungUp), "the server closes the connection without a greeting"),
        (
            unwilling(Unwillingness::NoStartTls),
            "the server offers no STARTTLS, and nothing else that it says fills a packet",
        ),
        (
            unwilling(Unwillingness::StartTlsRefused { code: Some(454) }),
            "the server offers STARTTLS and refuses it (454)",
        ),
        (unwilling(Unwillingness::StartTlsRefused { code: None }), "the server offers STARTTLS and refuses it"),
        (tls(TlsTrouble::Start("no randomness".into())), "cannot make a TLS client hello: no randomness"),
        (tls(TlsTrouble::Refused("HandshakeFailure".into())), "the server refuses TLS (HandshakeFailure)"),
        (tls(TlsTrouble::Broken("bad record".into())), "the server's TLS is not understood: bad record"),
    ] {
        assert_eq!(reverse_reason(&reason), sentence);
    }
}
