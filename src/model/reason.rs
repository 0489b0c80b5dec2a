//! Why a verdict is what it is, and why a method did not serve: as data. `report/` has the sentences.

use std::net::IpAddr;
use std::time::Duration;

use super::own_tcp::HoleHere;
use super::ptb::PtbFault;
use super::size::{PacketSize, Ttl};
use super::technique::Technique;

/// Why the verdict on the way there is what it is.
#[derive(Clone, Debug, PartialEq)]
pub struct VerdictReason {
    /// What the verdict rests on.
    pub ground: Ground,
    /// Whether the verdict is that of a second flow, which fares worse than the first one.
    pub of_other_flow: bool,
    /// On how many flows large packets vanish, where they vanish on some only.
    pub share: Option<FlowShare>,
    /// What this host's own TCP makes of the hole, if that changes what becomes of mail, or could be taken for it.
    pub here: Option<HoleHere>,
}

/// A part of the flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowShare {
    /// Flows on which large packets vanish.
    pub hit: usize,
    /// Flows that answered.
    pub known: usize,
}

/// What a verdict on the way there rests on.
#[derive(Clone, Debug, PartialEq)]
pub enum Ground {
    /// A packet of full size that must not be fragmented was answered.
    FullSizeAnswered {
        /// The size.
        size: PacketSize,
        /// What the packet was.
        technique: Technique,
    },
    /// Packets up to the limit that the user set pass; this host would send larger ones.
    LargerNotTried {
        /// The limit.
        size: PacketSize,
    },
    /// A router refuses larger packets, and its message reaches this host's kernel.
    RefusedByRouter {
        /// The largest size that passes.
        passes: PacketSize,
        /// The size that the kernel starts from.
        start: PacketSize,
    },
    /// The same is known of others alone: large packets vanished here while many were examined at once, the router rations its messages,
    /// and each of those that it was asked about alone was told.
    ToldToOthers {
        /// The largest size that passes.
        passes: PacketSize,
        /// The size that the kernel starts from.
        start: PacketSize,
        /// How many were told when asked alone.
        told: u32,
    },
    /// Large packets vanish, and a router that rations its messages may have been about to tell: it tells some of those that ask alone, and
    /// nothing to others.
    Rationed {
        /// A size that is answered.
        passes: PacketSize,
        /// A size that never was.
        lost: PacketSize,
    },
    /// Large packets vanish, and more than one technique says so.
    Vanishes {
        /// A size that is answered.
        passes: PacketSize,
        /// A size that never is.
        lost: PacketSize,
        /// What became of the PTB.
        ptb: PtbOutcome,
        /// What confirms it.
        confirmation: Confirmation,
    },
    /// The same, and TCP does not meet them only because the peer announces a small MSS, as if it had learnt the path MTU. It
    /// forgets that after some minutes.
    Hidden {
        /// A size that is answered.
        passes: PacketSize,
        /// A size that never is.
        lost: PacketSize,
        /// What became of the PTB.
        ptb: PtbOutcome,
        /// What confirms it.
        confirmation: Confirmation,
        /// The largest packet that TCP sends at present.
        limit: PacketSize,
    },
    /// Large packets vanish by the word of one technique, which is not enough.
    OneTechnique {
        /// The technique.
        technique: Technique,
        /// A size that is answered.
        passes: PacketSize,
        /// A size that is not.
        lost: PacketSize,
        /// Why it is not enough.
        doubt: Doubt,
    },
    /// Segments above the peer's MSS vanish, which a firewall may do for that reason alone.
    AboveMssOnly {
        /// The largest size that passes.
        passes: PacketSize,
        /// The largest packet that TCP sends here.
        limit: PacketSize,
    },
    /// Large packets vanish, and TCP does not meet them because the peer announces a small MSS. Whether that lasts is not known,
    /// as too many packets are lost to see where they end.
    MayMask {
        /// A size that is answered.
        passes: PacketSize,
        /// A size that never is.
        lost: PacketSize,
        /// The largest packet that TCP sends at present.
        limit: PacketSize,
    },
    /// Large packets vanish, and this host sends without DF. Whether routers cut its packets is not known, as too few copies that may be
    /// fragmented got an answer.
    MayBeCut {
        /// A size that is answered.
        passes: PacketSize,
        /// A size that never is.
        lost: PacketSize,
    },
    /// Large packets vanish, and the run was cut short before this host's own TCP told whether it sends any.
    OwnTcpNotAsked {
        /// A size that is answered.
        passes: PacketSize,
        /// A size that never is.
        lost: PacketSize,
    },
    /// Too many packets of any size are lost to tell size from chance.
    TooLossy {
        /// A size that was answered.
        passes: PacketSize,
        /// A size that was not.
        lost: PacketSize,
        /// Probability that chance alone did it.
        p: f64,
    },
    /// The target answers, but to nothing whose size could be varied.
    NoSizedAnswer,
    /// SYNs of full size were refused, but echo requests of that size were not answered: a RST may come from a firewall on the way.
    OnlyRefused {
        /// The size.
        size: PacketSize,
    },
    /// A packet of this size was answered, and one that is no larger was refused by a router.
    PathChanged {
        /// The size.
        size: PacketSize,
    },
    /// The run was cut short.
    CutShort(CutShort),
    /// Neither the TCP port nor small echo requests were answered.
    NothingAnswered,
    /// Something says that the target cannot be reached.
    Unreachable(Obstacle),
    /// A firewall rule on this host refuses to send the probes.
    SendingForbidden,
    /// Something nearer than the target answers TCP in its place.
    TcpEndsAtHop {
        /// Its distance.
        hop: Ttl,
    },
    /// This host dropped packets that had arrived.
    HostTooBusy,
    /// Only the way back was asked for.
    OnlyWayBackAsked,
}

/// When a run was cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CutShort {
    /// Before anything was answered.
    BeforeAnyAnswer,
    /// Before the sizes were settled.
    BeforeSizesSettled,
    /// As many probes were sent as one examination may send.
    AfterMostProbes(u32),
}

/// What became of the PTB about a packet that vanishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PtbOutcome {
    /// None came.
    NoneCame,
    /// None came about these packets, though some did about others.
    OnlyAboutOthers,
    /// It reached the interface, and this host's firewall dropped it.
    DroppedHere,
    /// It cannot work.
    Faulty(PtbFault),
    /// None is due: copies that may be fragmented vanish as well.
    NoneDue,
    /// None came, and whether one is due is not known.
    Unexplained,
}

/// What confirms that packets of a size vanish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Confirmation {
    /// In-order SMTP bytes of that size stall, and pass when cut.
    RealBytes,
    /// Another technique finds the same.
    Technique(Technique),
    /// The same packet passes without DF.
    NoDfCopyPasses,
    /// The same packet passes in fragments.
    FragmentedCopyPasses,
}

/// Why one technique is not enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Doubt {
    /// No second technique could confirm it.
    NoSecondTechnique,
    /// In-order SMTP bytes of the size pass.
    RealBytesPass,
    /// Another technique passes packets of the size.
    OtherTechniquePasses,
    /// Real bytes could not be tried.
    NoRealBytes(DialogueTrouble),
    /// Echo alone is not enough.
    EchoAlone,
}

/// Why no in-order bytes could be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DialogueTrouble {
    /// The user asked for another method.
    TcpNotAskedFor,
    /// The server takes no further bytes.
    TakesNoMoreBytes,
    /// The conversation ended too soon.
    EndedTooSoon,
    /// The run ended first: the user stopped it, or its time was up.
    RunEnded,
    /// No SMTP greeting came.
    NoGreeting,
}

/// What says that a target cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// An ICMP "destination unreachable".
    Icmp {
        /// Who sent it.
        from: IpAddr,
        /// Its code, of the family of that address.
        code: u8,
    },
    /// An ICMP "time exceeded".
    RoutingLoop {
        /// Who sent it.
        from: IpAddr,
    },
    /// This host has no route, or its neighbour does not answer.
    NoRoute,
    /// The outgoing interface is down.
    InterfaceDown,
}

/// Why a method is not usable, or was not tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MethodReason {
    /// The user left it out.
    NotAskedFor,
    /// The verdict stands without it.
    NotNeeded,
    /// The verdict stands without it; it only compared flows.
    OnlyForFlows,
    /// No local port is left for it.
    NoSparePorts,
    /// The port is closed.
    PortClosed,
    /// The peer reset the connection.
    ConnectionReset,
    /// The port does not answer.
    PortSilent,
    /// A firewall answers in the place of the port.
    PortFiltered,
    /// This host's own firewall refuses to send to the port.
    PortForbidden,
    /// The server takes too few bytes for a packet of full size.
    TooFewBytes,
    /// Something nearer than the server answers SYNs.
    AnsweredOnTheWay,
    /// Answers do not name the probe.
    AnswersNameNoProbe,
    /// The peer answers what asks for no answer, and names nothing in it: none of its answers is that of a probe.
    IdleAcksAnswered,
    /// Nothing of it was answered.
    Unanswered,
    /// Not even its small probes were answered.
    SmallProbesUnanswered,
    /// Segments below the initial sequence number were not answered.
    OldSegmentsUnanswered,
    /// Repeated segments were not answered.
    RepeatsUnanswered,
    /// SYNs with data were not answered.
    SynDataUnanswered,
    /// Segments with new bytes at their end were not answered.
    NewBytesUnanswered,
    /// The server takes no more commands that such bytes could be part of.
    NoMoreCommands,
    /// Small echo requests were not answered.
    EchoUnanswered,
}

/// What lowers the MSS that this host announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AskedBy {
    /// The `advmss` of its route.
    Route,
    /// Something between its TCP and the first router: a rule of its own, or of the machine that it runs in.
    FirstHop,
}

/// Why the verdict on the way back is no better, or what there is to know about it.
#[derive(Clone, Debug, PartialEq)]
pub enum ReverseReason {
    /// Only the way there was asked for.
    OnlyForwardAsked,
    /// What is spoken on the port is not known.
    ServiceUnknown,
    /// There was no TCP connection.
    NoConnection,
    /// The port is closed.
    PortClosed,
    /// The server ended the connection before the way back had its turn.
    ConnectionEnded,
    /// The connection ends at something nearer than the server.
    TcpEndsAtHop {
        /// Its distance.
        hop: Ttl,
    },
    /// The run ended before the way back had its turn.
    RunEndedBefore,
    /// The run ended before the server had sent much.
    RunEndedEarly,
    /// The run ended while the server's large packets were missing.
    RunEndedWhileMissing {
        /// For how long they had been missing.
        missing_for: Duration,
    },
    /// The server is slow.
    Slow {
        /// What it did not do.
        step: SlowStep,
        /// Within what time.
        within: Duration,
    },
    /// There is nothing large to be had from the server.
    Unwilling(Unwillingness),
    /// The longest reply fills no packet of full size.
    RepliesTooShort {
        /// Its bytes.
        longest: u32,
    },
    /// The server's packets arrive in fragments.
    InFragments,
    /// The server keeps its packets smaller than both ends announced.
    KeepsBelow {
        /// The largest that it sent.
        largest: Option<PacketSize>,
    },
    /// Less is asked for than the interface takes, and the server keeps to that.
    AskedForLess {
        /// The largest packets asked for.
        size: PacketSize,
        /// What lowers the MSS in this host's SYN.
        by: AskedBy,
    },
    /// The server lowered its packets, and nobody can say who told it.
    LoweredAfter {
        /// After what time.
        after: Duration,
    },
    /// Large packets did not arrive, though the server answered all the while.
    Missing {
        /// For how long they were awaited.
        watched: Duration,
        /// What the server answered meanwhile.
        answers: u32,
    },
    /// Large packets stay away, and so many of any size are lost that chance may have taken all of them.
    MayBeChance,
    /// Large packets stay away, and smaller ones that the server may have gone over to may be lost by chance.
    MayRecover {
        /// For how long they were awaited.
        watched: Duration,
    },
    /// Large packets stay away, and the server took no further connection.
    NoControl,
    /// Large packets stay away, and soon the server answered nothing else.
    FellSilent,
    /// Small packets stay away as well.
    SmallOnesLost,
    /// Too many packets of any size are lost for a conversation.
    TooLossy,
    /// This host dropped packets that had arrived.
    HostTooBusy,
}

/// What a slow server did not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SlowStep {
    /// Greet.
    Greeting,
    /// Finish a reply.
    Reply,
}

/// Why there is nothing large to be had from a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unwillingness {
    /// It refused a further connection.
    ConnectionRefused,
    /// It reset the connection.
    ConnectionReset,
    /// It answers no more.
    FellSilent,
    /// It ended the conversation.
    ConversationEnded,
    /// It ended the conversation during the TLS handshake.
    HandshakeEnded,
    /// It does not speak SMTP.
    NoSmtp,
    /// In place of a greeting it refuses service.
    TurnedAway {
        /// The code of its reply.
        code: u16,
    },
    /// It closed the connection without a word.
    HungUp,
    /// It offers no STARTTLS, and nothing else that is long.
    NoStartTls,
    /// It offers STARTTLS and refuses it.
    StartTlsRefused {
        /// The code of its reply.
        code: Option<u16>,
    },
    /// TLS failed.
    Tls(TlsTrouble),
}

/// Why TLS failed, with the words of the library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsTrouble {
    /// It could not begin.
    Start(String),
    /// The server refused, by an alert of this kind.
    Refused(String),
    /// What came is no TLS, or breaks its rules.
    Broken(String),
}

impl From<Ground> for VerdictReason {
    fn from(ground: Ground) -> Self {
        Self { ground, of_other_flow: false, share: None, here: None }
    }
}
