//! What a box does, as a scenario file says it. The kinds stand in the order in which an admin is likely to meet them.

use serde::{Deserialize, Serialize};

/// A box on a link that routers do not see. What is not said it leaves alone.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
#[allow(clippy::struct_excessive_bools, reason = "independent habits, as a file lists them")]
pub struct Middlebox {
    /// The line behind it takes so much, in each direction.
    pub rate: Option<Rate>,
    /// Probability that a packet of 1500 bytes is lost; each bit has its part of it.
    pub loss_at_1500: f64,
    /// Probability that a byte of a packet is changed on the way.
    pub corrupts: f64,

    /// Lowers the MSS of SYN-ACKs on their way to c.
    pub mss_to_c: Option<u16>,
    /// Lowers the MSS of SYNs on their way to s.
    pub mss_to_s: Option<u16>,
    /// TCP options that it removes, in both directions.
    pub strips: Strips,
    /// What becomes of data in a SYN.
    pub syn_data: Treatment,
    /// What becomes of a segment whose data the server has acknowledged.
    pub old_data: Treatment,
    /// What becomes of a segment with data that has passed before.
    pub repeated: Treatment,
    /// Answers every SYN itself, and opens the connection to the server once c has acknowledged that.
    pub syn_proxy: Option<SynProxy>,
    /// Acknowledges data in the server's place.
    pub acks: Acks,
    /// States this window in all that goes to c.
    pub window: Option<u16>,

    /// Renumbers TCP, as firewalls do that do not trust the sequence numbers of a host.
    pub renumbers: bool,
    /// It leaves SACK blocks as they are, though it renumbers.
    pub forgets_sack: bool,
    /// It renumbers what ICMP errors quote as well.
    pub renumbers_quotes: bool,

    /// Holds PTBs on their way to c back for so long.
    pub ptb_delay_ms: f64,
    /// Lets so many PTBs a second pass to c.
    pub ptb_per_second: Option<u32>,
    /// Sends each PTB so many times more.
    pub ptb_copies: u32,
    /// Leaves so many bytes of what a PTB quotes behind the IP header.
    pub ptb_quotes_bytes: Option<usize>,
    /// Changes what PTBs on their way to c quote.
    pub quotes: QuoteChange,
    /// Sends a PTB with this MTU right before each one on its way to c.
    pub false_ptb_mtu: Option<u32>,

    /// What becomes of large packets.
    pub large: Option<Large>,
    /// IPv4: clears DF of what goes to s.
    pub clears_df: bool,
    /// What becomes of fragments.
    pub fragments: Fragments,
    /// IPv4: adds four bytes of options to the header of what goes to s.
    pub adds_options: bool,

    /// Somebody who does not see the path forges packets to c. It knows addresses, ports and the identifier of echo requests, and
    /// no numbers.
    pub forges: Vec<Forgery>,
    /// So many a second; 0: a few for each packet from c.
    pub forges_per_second: u32,
}

/// A token bucket. What exceeds it waits in the queue, or is dropped where there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Kilobits a second.
    pub kbit: f64,
    /// Bytes that pass at once after a pause.
    pub burst: f64,
    /// Bytes that may wait.
    #[serde(default)]
    pub queue: f64,
}

/// Which TCP options are removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Strips {
    #[default]
    Nothing,
    /// SACK permitted, of SYNs.
    SackPermitted,
    /// The blocks alone: both ends believe that SACK is in use.
    SackBlocks,
    /// All, the MSS included.
    Options,
}

/// What a box does with a segment that it does not like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Treatment {
    #[default]
    Pass,
    Drop,
    /// Resets the connection at both ends.
    Reset,
    /// Cuts off what the server has; what is left over, if anything, passes.
    Trim,
    /// Lets the segment pass without its data.
    Strip,
}

/// A SYN proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SynProxy {
    /// The MSS that it announces.
    pub mss: Option<u16>,
}

/// What a box acknowledges itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Acks {
    #[default]
    Nothing,
    /// Data that the server has, by D-SACK, and drops it.
    OldData,
    /// All data, before the server has it. It sends nothing again.
    All,
}

/// How the header that a PTB quotes differs from the one that was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum QuoteChange {
    #[default]
    AsSent,
    /// IPv4: four bytes of options more.
    Options,
    /// The stated length lacks the header, as old BSDs wrote it.
    WithoutHeader,
    /// The stated length is three bytes less.
    ThreeLess,
}

/// What becomes of large packets on their way to s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Large {
    /// Packets of more bytes are large.
    pub above: u32,
    pub fate: Fate,
}

/// What a box makes of a large packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// TCP is answered by RST; everything else is dropped.
    Reset,
    /// Answered by ICMP: administratively prohibited.
    Prohibited,
    /// Cut short, though its header says otherwise.
    Truncated,
    /// One byte is changed.
    Corrupted,
}

/// What becomes of fragments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fragments {
    #[default]
    Pass,
    Drop,
    /// IPv4: it makes some itself, of at most [`PIECE`] bytes, whatever DF says.
    Make,
}

/// What is forged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Forgery {
    /// Acknowledgments, SYN-ACKs and resets of the server, with random numbers.
    Segments,
    /// PTBs with MTU [`FORGED_MTU`], about segments with random numbers and echo requests with the first numbers.
    Ptbs,
}

/// The MTU of a forged PTB.
pub const FORGED_MTU: u32 = 1300;
/// How many bytes IPv4 options take, in a header or in a quote of one.
pub const OPTIONS: u32 = 4;
/// The largest fragment that a box makes.
pub const PIECE: u32 = 1000;

impl QuoteChange {
    /// The length that is stated of a packet of this size.
    pub fn stated(self, size: u32, ip_header: u32) -> u32 {
        match self {
            Self::AsSent => size,
            Self::Options => size + OPTIONS,
            Self::WithoutHeader => size - ip_header,
            Self::ThreeLess => size - 3,
        }
    }
}

impl Middlebox {
    /// Whether it changes nothing.
    pub fn is_idle(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it breaks connections, or keeps bytes from either end, so that none ends in order.
    pub fn breaks_connections(&self) -> bool {
        [self.old_data, self.repeated].contains(&Treatment::Reset) || self.large.is_some() || self.window == Some(0)
    }

    /// Whether segments that look for the hop, or the answers to them, do not pass as others do.
    pub fn hides_hops(&self) -> bool {
        let meddles = self.old_data != Treatment::Pass || self.acks != Acks::Nothing || self.syn_proxy.is_some();
        meddles || self.strips == Strips::Options || (self.renumbers && !self.renumbers_quotes) || self.rate.is_some()
    }

    /// Whether packets are lost by chance.
    pub fn is_lossy(&self) -> bool {
        self.loss_at_1500 > 0.0 || self.corrupts > 0.0 || self.rate.is_some()
    }
}
