//! From the record to what the rules weigh.

use crate::model::{
    Confirmation, DialogueTrouble, Family, MethodChoice, PacketSize, PortState, Reception, Technique as Name, Ttl,
};

use super::super::packet_kind::PacketKind;
use super::super::ptb_log::{Kernel, KernelPmtu};
use super::super::reach::Silence;
use super::super::search::{MOST_PROBES, Pair, Progress, Proof};
use super::super::session::TcpState;
use super::super::technique::{NoDfOutcome, RealBytesOutcome, Surroundings, Uses};
use super::masking::{Masking, masking};
use super::opinion::{Second, opinion};
use super::record::Record;

/// All that a verdict may rest on.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools)] // facts that do not exclude each other
pub(super) struct Evidence {
    /// What the technique that carries the verdict found; `None` if no technique drew a single answer.
    pub(super) carried: Option<(Name, Carried)>,
    /// What keeps TCP below the hole, if something does.
    pub(super) masking: Option<Masking>,
    /// Where TCP ends, if that is nearer than the target.
    pub(super) tcp_ends_at: Option<Ttl>,
    /// Why nothing was reached; `None` if the target answered anything at all, be it a refusal.
    pub(super) silence: Option<Silence>,
    /// What this host would send at most.
    pub(super) start: PacketSize,
    /// Whether this host would send packets larger than `start`, which the user left out.
    pub(super) sends_larger: bool,
    /// Largest packet TCP would send, if the peer told its MSS.
    pub(super) tcp_limit: Option<PacketSize>,
    /// Where a kernel ends that starts with `start`.
    pub(super) path_end: Option<KernelPmtu>,
    /// Where a kernel ends that starts with `tcp_limit`.
    pub(super) tcp_end: Option<KernelPmtu>,
    /// Whether a PTB speaks of the smallest size that is lost.
    pub(super) is_lost_size_told: bool,
    /// PTBs about other packets than those of the verdict reached the kernel, and none about those.
    pub(super) only_others_told: bool,
    /// Probing was cut short before a PTB could come late, or on being asked for once more.
    pub(super) awaits_ptb: bool,
    /// As many probes were sent as may be.
    pub(super) spent: Option<u32>,
    /// The trial with in-order SMTP bytes.
    pub(super) real_bytes: Option<RealBytesOutcome>,
    /// What other techniques say about the same pair.
    pub(super) second: Vec<(Name, Second)>,
    /// The copies without DF.
    pub(super) no_df: NoDfOutcome,
    /// Whether the lost size passes in packets that are smaller, so that no firewall drops it for what it is: copies without DF
    /// (IPv4), or copies that this host fragments (IPv6).
    pub(super) smaller_packets: Option<Confirmation>,
    /// Why no in-order bytes could be tried.
    pub(super) dialogue_trouble: DialogueTrouble,
}

/// What a technique found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Carried {
    Full,
    /// All that says that the full size gets there are RSTs to SYNs, which a firewall on the way sends in the host's place.
    Refused,
    Discoverable(Pair),
    /// What passes was refused at another time.
    Changed(PacketSize),
    Proven(Proof),
    Noisy(Proof),
    /// Probing ended before the technique did; this is the largest size that was answered.
    Unfinished(Option<PacketSize>),
}

impl Evidence {
    pub(super) fn of(record: &Record) -> Self {
        let plan = &record.plan;
        let reached = !record.nothing_answered();
        let answering = record.carrier.filter(|_| reached);
        let carried = answering.and_then(|name| Some((name, carried(record, name)?)));
        let passes = carried.and_then(|(_, carried)| match carried {
            Carried::Discoverable(pair) => Some(pair.passes),
            Carried::Proven(proof) | Carried::Noisy(proof) => Some(proof.pair.passes),
            Carried::Full | Carried::Refused | Carried::Changed(_) | Carried::Unfinished(_) => None,
        });
        let limit = record.session.tcp_limit;
        let about = record.packets().unwrap_or(PacketKind::Segment);
        let end = |from: PacketSize, passes| record.ptbs.kernel_pmtu(about, from, passes, Kernel::of(plan));
        Self {
            carried,
            masking: masking_of(record, carried),
            tcp_ends_at: record.tcp_ends_at(),
            silence: (!reached).then(|| silence(record)),
            start: plan.max_size,
            sends_larger: limit.unwrap_or(plan.local_mtu).max(plan.max_size) > plan.max_size,
            tcp_limit: limit,
            path_end: passes.map(|passes| end(plan.max_size, passes)),
            tcp_end: passes.zip(limit).map(|(passes, limit)| end(limit.min(plan.max_size), passes)),
            is_lost_size_told: passes.is_some_and(|passes| record.ptbs.may_speak_of(about, passes.next(), passes)),
            only_others_told: matches!(carried, Some((_, Carried::Proven(proof)))
                if record.ptbs.has_word_for_others_only(about, proof.suspect, proof.pair.passes)),
            awaits_ptb: record.awaits_ptb,
            spent: Some(record.probes_sent).filter(|&probes| probes >= MOST_PROBES),
            real_bytes: real_bytes(record, carried),
            second: seconds(record, carried),
            no_df: no_df(record, answering),
            smaller_packets: answering.and_then(|name| smaller_packets(record, name)),
            dialogue_trouble: dialogue_trouble(record),
        }
    }
}

fn masking_of(record: &Record, carried: Option<(Name, Carried)>) -> Option<Masking> {
    let Some((_, Carried::Proven(proof))) = carried else { return None };
    Some(masking(record, proof.pair.passes, proof.pair.lost, record.session.tcp_limit?))
}

/// Where a technique stood when probing ended.
fn carried(record: &Record, name: Name) -> Option<Carried> {
    let search = &record.technique(name)?.search;
    let unfinished = Carried::Unfinished(search.log().largest_answered());
    let elsewhere = record.testimonies(name);
    Some(match search.progress(&record.situation(&elsewhere)) {
        Progress::Full if search.max() < record.plan.max_size => unfinished,
        Progress::Full if name == Name::SynData && is_only_refused(record) => Carried::Refused,
        Progress::Full => Carried::Full,
        Progress::Discoverable(Pair { passes, .. }) if search.log().is_refused(passes) => Carried::Changed(passes),
        Progress::Discoverable(pair) => Carried::Discoverable(pair),
        Progress::Proven(proof) => Carried::Proven(proof),
        Progress::Noisy(proof) => Carried::Noisy(proof),
        Progress::Busy | Progress::Nothing => unfinished,
    })
}

fn seconds(record: &Record, carried: Option<(Name, Carried)>) -> Vec<(Name, Second)> {
    let Some((name, Carried::Proven(proof))) = carried else { return Vec::new() };
    let others = record.techniques.iter().filter(|other| other.uses != Uses::Connection && other.name != name);
    others
        .map(|other| {
            let said = opinion(&other.search, other.uses, other.unusable.is_none(), proof);
            (other.name, said.unwrap_or(Second::Mute))
        })
        .collect()
}

/// Whether the port refuses connections, and no echo request of full size was answered.
fn is_only_refused(record: &Record) -> bool {
    let echo = record.using(Uses::Icmp).and_then(|echo| echo.search.log().largest_answered());
    record.port == Some(PortState::Refused) && echo.is_none_or(|size| size < record.plan.max_size)
}

/// Silence means something only after a while.
fn silence(record: &Record) -> Silence {
    match record.reach.silence() {
        Silence::Plain if !record.is_silence_telling => Silence::CutShort,
        silence => silence.clone(),
    }
}

/// The trial counts only for the pair that it was made with. A search by real bytes is one long trial.
fn real_bytes(record: &Record, carried: Option<(Name, Carried)>) -> Option<RealBytesOutcome> {
    match carried {
        Some((_, Carried::Proven(proof))) if record.real_bytes.pair() == Some((proof.pair.passes, proof.suspect)) => {
            record.real_bytes.outcome()
        }
        Some((name, Carried::Proven(_))) if uses(record, name) == Some(Uses::Conversation) => {
            Some(RealBytesOutcome::Stalls)
        }
        _ => None,
    }
}

fn uses(record: &Record, name: Name) -> Option<Uses> {
    record.technique(name).map(|technique| technique.uses)
}

fn no_df(record: &Record, carrier: Option<Name>) -> NoDfOutcome {
    if record.plan.family() == Family::V6 {
        return NoDfOutcome::NoSuchCopies;
    }
    let sent_by = carrier.and_then(|_| record.no_df.sent_by());
    let witness = sent_by.and_then(|name| record.technique(name));
    let logs = record.techniques.iter().map(|technique| technique.search.log());
    let around = Surroundings::new(record.echo.keeps_df, logs);
    let outcome = |log| record.no_df.outcome(log, around);
    witness.map_or(NoDfOutcome::Untested, |witness| outcome(witness.search.log()))
}

fn smaller_packets(record: &Record, name: Name) -> Option<Confirmation> {
    if no_df(record, Some(name)) == NoDfOutcome::Passes {
        return Some(Confirmation::NoDfCopyPasses);
    }
    let arrives = record.fragmented.arrives(record.technique(name)?.search.log());
    arrives.then_some(Confirmation::FragmentedCopyPasses)
}

/// Nobody ended the conversation.
fn is_still_talking(record: &Record) -> bool {
    record.session.state == TcpState::Open && record.session.reception == Reception::Greeted
}

fn dialogue_trouble(record: &Record) -> DialogueTrouble {
    let unusable = record.real_bytes.outcome() == Some(RealBytesOutcome::Unusable);
    match (record.session.is_greeted, unusable) {
        _ if record.plan.method == MethodChoice::Icmp => DialogueTrouble::TcpNotAskedFor,
        (true, true) => DialogueTrouble::TakesNoMoreBytes,
        (true, false) if is_still_talking(record) => DialogueTrouble::RunEnded,
        (true, false) => DialogueTrouble::EndedTooSoon,
        (false, _) => DialogueTrouble::NoGreeting,
    }
}
