//! The options as clap sees them, and their help texts.

use std::path::PathBuf;

use clap::{ArgAction, Parser, ValueEnum};

use super::error::UsageError;
use super::evidence::Evidence;
use super::invocation::{ColorChoice, Invocation, Rate};
use super::many::{Bulk, Shard};
use super::values::{self, Source};
use crate::model::{Direction, Family, MethodChoice, PacketSize};
use crate::report::letter::Language;
use crate::report::text::Detail;

const SHORT_HELP_END: &str = "Needs CAP_NET_RAW, so run it by sudo. --help says more.";

const LONG_HELP_END: &str = "\
Examples:
  sudo pmtu-probe example.com
      All mail servers of the domain, side by side, with advice.
  sudo pmtu-probe -q --no-mx mx1.example.com mx2.example.com
      Two hosts, one line per address.
  sudo pmtu-probe [192.0.2.25]:587 2001:db8::25
      Addresses; the brackets are those of Postfix.
  sudo pmtu-probe --direction reverse -p 443 www.example.com
      Whether large packets of a web server reach this host.
  sudo pmtu-probe --method icmp --max-size 1400 192.0.2.25
      By ping only, sizes up to 1400 bytes.
  sudo pmtu-probe --letter=de mx.example.com
      The fault as a letter in German to those who have to repair it.
  sudo pmtu-probe --targets list.txt --jsonl out.jsonl --resume out.jsonl
      Any number of targets; after an interruption the same command goes on.
  sudo pmtu-probe --from-log /var/log/mail.log
      The relays whose mail stalls, as the log has it, and what their paths do.
  sudo pmtu-probe --from-queue
      The same for the mail that is stuck in the queue of Postfix now.
  sudo pmtu-probe --json mx.example.com | jq '.addresses[].verdict'
      For programs; docs/report.schema.json describes the document.

Verdicts and exit codes; the worst of all addresses and both directions counts,
2 before 1 before 3 before 0:
  0  clear         packets as large as this host sends pass
     discoverable  the path is smaller, and routers tell this host so
     untested      the other way only: the server sends no large packets
  1  masked        path MTU discovery is broken, but a small MSS lets mail pass
     discoverable  as with 0, but a router's message is faulty
     recovers      the other way only: the server finds a size that passes, but
                   only after seconds
  2  black_hole    large packets vanish: large mail will hang
  3  unreachable   even small packets go unanswered
     inconclusive  the evidence is too thin for a verdict
     also bad arguments, no privilege, no such name
  130  interrupted; what is known is printed

Sizes are whole IP packets: an MTU of 1500 is an MSS of 1460 (IPv6: 1440).

Privilege: sudo, or once and for all
  sudo setcap cap_net_raw+ep \"$(command -v pmtu-probe)\"

Environment: NO_COLOR, CLICOLOR_FORCE and TERM=dumb decide on colour.";

/// Find out whether large mail to a server will hang, and what to do about it
///
/// Sends packets of many sizes to a mail server and reports the largest that gets
/// through, whether routers report smaller links on the way (path MTU discovery),
/// and what to do where they do not. Then the other way: starts TLS, watches
/// whether the server's large packets arrive. Up to four TCP connections per
/// address, mostly one, closed in good order; no mail is sent.
#[derive(Debug, Parser)]
#[command(
    name = "pmtu-probe",
    version,
    verbatim_doc_comment,
    term_width = 80,
    after_help = SHORT_HELP_END,
    after_long_help = LONG_HELP_END,
    override_usage = "pmtu-probe [OPTIONS] TARGET...
       pmtu-probe [OPTIONS] --targets FILE
       pmtu-probe [OPTIONS] --from-log FILE...
       pmtu-probe [OPTIONS] --from-queue"
)]
#[allow(clippy::struct_excessive_bools)] // switches are switches
#[allow(clippy::doc_markdown, rustdoc::broken_intra_doc_links)] // help texts are no markdown
pub(super) struct Args {
    /// Mail domain, [host], host:port or address, like example.com
    ///
    /// A name is a mail domain: all its mail servers (MX) are examined, or the host
    /// of that name where there are none. In brackets, [mx1.example.com], or with a
    /// port other than 25, host:587, it is that host. An address, with or without a
    /// port: 192.0.2.25, [192.0.2.25]:587, [2001:db8::25]:587; a link-local one
    /// needs its interface: fe80::1%eth0.
    #[arg(required_unless_present_any = ["list", "from_log", "from_queue"], value_name = "TARGET", value_parser = values::target)]
    targets: Vec<String>,

    /// IPv4 only
    #[arg(short = '4', long = "ipv4", conflicts_with = "ipv6")]
    ipv4: bool,

    /// IPv6 only
    #[arg(short = '6', long = "ipv6")]
    ipv6: bool,

    /// TCP port where a target names none
    #[arg(short, long, value_name = "PORT", default_value = "25", value_parser = values::port)]
    port: u16,

    /// Names are hosts, not mail domains: no MX lookup
    #[arg(long)]
    no_mx: bool,

    /// How to probe: auto, tcp or icmp
    ///
    /// auto: TCP, with ping as a second witness. tcp: what mail does, and nothing
    /// else. icmp: ping only, where no TCP port is open; it cannot tell the two
    /// directions apart.
    #[arg(long, value_name = "METHOD", default_value = "auto", hide_possible_values = true)]
    method: MethodArg,

    /// Which way: forward, reverse or both [default: by the port]
    ///
    /// forward: from this host to the server, as outgoing mail goes. reverse: from
    /// the server to this host; TLS is started, because the server's certificates
    /// come in large packets. Without this option: both on ports whose service is
    /// known (SMTP; TLS on 443 and the like), else forward.
    #[arg(long, value_name = "WAY", hide_possible_values = true)]
    direction: Option<DirectionArg>,

    /// Tell the server that a packet was too big, and see if it obeys
    ///
    /// Sends it a correct ICMP message about a packet of this program's own
    /// connection, with MTU 1280, as a router would. Its firewall should let that
    /// in. Side effect: a server that obeys sends this host no packets above 1280
    /// bytes for ten minutes. Implies the other way. Off by default.
    #[arg(long)]
    ptb_test: bool,

    /// Largest packet to try, in bytes [default: MTU of the interface]
    #[arg(long, value_name = "BYTES", value_parser = values::size)]
    max_size: Option<PacketSize>,

    /// Smallest packet to try, in bytes [default: 68]
    #[arg(long, value_name = "BYTES", value_parser = values::size)]
    min_size: Option<PacketSize>,

    /// Outgoing interface
    #[arg(short = 'I', long, value_name = "NAME", value_parser = values::interface)]
    interface: Option<String>,

    /// Source address, one of this host's
    #[arg(long, value_name = "ADDRESS", value_parser = values::source)]
    source: Option<Source>,

    /// Time limit in seconds: of the whole run; from a list or log, of each
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = values::timeout)]
    timeout: std::time::Duration,

    /// Packets per second over all addresses; 0: no limit
    #[arg(long, value_name = "PACKETS", default_value = "2000", value_parser = values::rate)]
    rate: Rate,

    /// Compare this many flows; 1: none but the first
    ///
    /// Load balancers spread flows over parallel paths, of which one may have a
    /// hole. By default eight flows are compared where large packets vanish; with
    /// this option always. Each flow has a source port of its own.
    #[arg(long, value_name = "COUNT", value_parser = values::flows)]
    flows: Option<u8>,

    /// Read targets from a file, one per line; -: from stdin
    ///
    /// As many as you like: the list is read as it is needed, and each result is
    /// printed as it comes, a line per address, then a summary. Empty lines and
    /// what follows a # are no targets. A bad line is reported with its number;
    /// the rest goes on.
    #[arg(long = "targets", id = "list", value_name = "FILE", conflicts_with_all = ["targets", "json", "letter"])]
    list: Option<PathBuf>,

    /// With --targets: examine so many addresses at a time
    ///
    /// Fewer run where --rate does not allow for more, or where this host cannot
    /// keep up.
    #[arg(long, value_name = "COUNT", default_value = "512", value_parser = values::concurrency)]
    concurrency: usize,

    /// With --targets: write a JSON document per target and line; -: to stdout
    ///
    /// Each line is the document that --json prints for that target alone, written
    /// as soon as the target is done.
    #[arg(long, value_name = "FILE")]
    jsonl: Option<PathBuf>,

    /// With --targets: skip what this file of results already holds
    ///
    /// Named by --jsonl as well, the file is added to. However a run ended, the same
    /// command goes on with the rest.
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,

    /// With --targets: only part I of N, for several machines
    ///
    /// A target is in the same part on every machine: 1/3, 2/3 and 3/3 together
    /// are the whole list.
    #[arg(long, value_name = "I/N", value_parser = values::shard)]
    shard: Option<Shard>,

    /// Examine whom mail logs make suspect; -: stdin
    ///
    /// Relays and clients whose mail stalls as if the path swallowed large packets.
    /// Logs of Postfix, Exim, Sendmail, OpenSMTPD; plain or gzip; syslog, or journald
    /// by "journalctl -o json". Each suspect is shown with its evidence, then
    /// examined at the address that the log names: the way there for mail to it, the
    /// way back for mail from it. Stdout has no list with --json, --letter and -q;
    /// stderr has it, but not with -q.
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["targets", "list"])]
    from_log: Vec<PathBuf>,

    /// The same with the queue of Postfix (postqueue -j)
    ///
    /// The environment variable MAIL_CONFIG leads to another instance of Postfix,
    /// as it does for its own commands.
    #[arg(long, conflicts_with_all = ["targets", "list", "from_log"])]
    from_queue: bool,

    /// Only list the suspects of --from-log, --from-queue
    ///
    /// Examines nothing, and needs no privilege but to read the log. With -q: a line
    /// for each.
    #[arg(long, conflicts_with_all = ["json", "letter"])]
    list_only: bool,

    /// Write every packet to this file, with comments, for Wireshark
    ///
    /// The comment of each packet says what it is for or what it proved. An
    /// existing file is overwritten. If the disk fills up, the capture ends with a
    /// warning, and the examination goes on.
    #[arg(long, value_name = "FILE")]
    pcapng: Option<PathBuf>,

    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,

    /// Print a letter to whoever has to repair it: en or de
    ///
    /// In place of the report, one for each address with a fault: what was
    /// measured, why it breaks mail, what to change. Without =LANG: en.
    #[arg(long, value_name = "LANG", num_args = 0..=1, require_equals = true, default_missing_value = "en",
          conflicts_with_all = ["json", "quiet"], hide_possible_values = true)]
    letter: Option<LetterArg>,

    /// Colour: auto, always or never
    #[arg(long, value_name = "WHEN", default_value = "auto", hide_possible_values = true)]
    color: ColorArg,

    /// Print the verdicts only, one line per address
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,

    /// Say more, and tell about each packet; -vv, -vvv: log
    ///
    /// Once: a line on stderr for each packet, with its time, direction, size and
    /// meaning, and a fuller report. Twice: a log of decisions as well. Three
    /// times: every packet in full.
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum MethodArg {
    Auto,
    Tcp,
    Icmp,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DirectionArg {
    Forward,
    Reverse,
    Both,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ColorArg {
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LetterArg {
    En,
    De,
}

impl Args {
    pub(super) fn into_invocation(self) -> Result<Invocation, UsageError> {
        self.check_sizes()?;
        self.check_capture()?;
        self.check_direction()?;
        self.check_sources()?;
        let family = self.family()?;
        let interface = self.outgoing_interface()?;
        let bulk = self.list.map(|list| Bulk {
            list,
            concurrency: self.concurrency,
            jsonl: self.jsonl,
            resume: self.resume,
            shard: self.shard.unwrap_or(Shard::ALL),
        });
        Ok(Invocation {
            targets: each_once(self.targets),
            bulk,
            evidence: Evidence::of(&self.from_log, self.from_queue),
            list_only: self.list_only,
            family,
            port: self.port,
            mail_domains: !self.no_mx,
            method: self.method.into(),
            direction: self.direction.map(Direction::from),
            ptb_test: self.ptb_test,
            max_size: self.max_size,
            min_size: self.min_size,
            interface,
            source: self.source.map(|source| source.address),
            timeout: self.timeout,
            rate: self.rate,
            flows: self.flows,
            pcapng: self.pcapng,
            json: self.json,
            letter: self.letter.map(Language::from),
            color: self.color.into(),
            detail: detail(self.quiet, self.verbose),
            verbosity: self.verbose,
        })
    }

    fn check_sizes(&self) -> Result<(), UsageError> {
        match (self.min_size, self.max_size) {
            (Some(min), Some(max)) if min > max => {
                Err(UsageError::new(format!("--min-size {min} is above --max-size {max}; give a smaller --min-size")))
            }
            _ => Ok(()),
        }
    }

    fn check_capture(&self) -> Result<(), UsageError> {
        match &self.pcapng {
            Some(path) if path.as_os_str() == "-" => {
                Err(UsageError::new("--pcapng - is no file: stdout carries the report; name a file"))
            }
            _ => Ok(()),
        }
    }

    fn check_sources(&self) -> Result<(), UsageError> {
        if self.list_only && self.from_log.is_empty() && !self.from_queue {
            return Err(UsageError::new("--list-only lists suspects; give --from-log FILE or --from-queue as well"));
        }
        // Clap forgets that these require --targets where something stands that excludes it.
        let of_lists = self.jsonl.is_some() || self.resume.is_some() || self.shard.is_some();
        if self.list.is_none() && of_lists {
            return Err(UsageError::new(
                "--jsonl, --resume and --shard go with --targets FILE; add it, or leave them out",
            ));
        }
        Ok(())
    }

    fn check_direction(&self) -> Result<(), UsageError> {
        match (self.method, self.direction) {
            (MethodArg::Icmp, Some(DirectionArg::Reverse | DirectionArg::Both)) => {
                Err(UsageError::new("--method icmp cannot examine the other way; leave out --method or --direction"))
            }
            (MethodArg::Icmp, _) if self.ptb_test => Err(UsageError::new(
                "--method icmp does not go with --ptb-test, which needs TCP; leave one of them out",
            )),
            (_, Some(DirectionArg::Forward)) if self.ptb_test => Err(UsageError::new(
                "--direction forward does not go with --ptb-test, which tests the other way; leave one of them out",
            )),
            _ => Ok(()),
        }
    }

    fn family(&self) -> Result<Option<Family>, UsageError> {
        let asked = match (self.ipv4, self.ipv6) {
            (true, _) => Some(Family::V4),
            (_, true) => Some(Family::V6),
            _ => None,
        };
        let of_source = self.source.as_ref().map(|source| Family::of(source.address));
        match (asked, of_source) {
            (Some(Family::V4), Some(Family::V6)) => {
                Err(UsageError::new("-4 does not go with an IPv6 --source; leave one of them out"))
            }
            (Some(Family::V6), Some(Family::V4)) => {
                Err(UsageError::new("-6 does not go with an IPv4 --source; leave one of them out"))
            }
            _ => Ok(asked.or(of_source)),
        }
    }

    fn outgoing_interface(&self) -> Result<Option<String>, UsageError> {
        let zone = self.source.as_ref().and_then(|source| source.zone.as_ref());
        match (&self.interface, zone) {
            (Some(name), Some(zone)) if name != zone => Err(UsageError::new(format!(
                "--interface {name} contradicts the zone %{zone} of --source; leave one of them out"
            ))),
            (name, zone) => Ok(name.as_ref().or(zone).cloned()),
        }
    }
}

/// The same target twice would only be examined against itself.
fn each_once(targets: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::with_capacity(targets.len());
    let mut seen = std::collections::HashSet::new();
    for target in targets {
        if seen.insert(target.trim_end_matches('.').to_ascii_lowercase()) {
            kept.push(target);
        }
    }
    kept
}

fn detail(quiet: bool, verbose: u8) -> Detail {
    match (quiet, verbose) {
        (true, _) => Detail::VerdictOnly,
        (false, 0) => Detail::Normal,
        (false, _) => Detail::Full,
    }
}

impl From<MethodArg> for MethodChoice {
    fn from(method: MethodArg) -> Self {
        match method {
            MethodArg::Auto => Self::Auto,
            MethodArg::Tcp => Self::Tcp,
            MethodArg::Icmp => Self::Icmp,
        }
    }
}

impl From<DirectionArg> for Direction {
    fn from(direction: DirectionArg) -> Self {
        match direction {
            DirectionArg::Forward => Self::Forward,
            DirectionArg::Reverse => Self::Reverse,
            DirectionArg::Both => Self::Both,
        }
    }
}

impl From<LetterArg> for Language {
    fn from(letter: LetterArg) -> Self {
        match letter {
            LetterArg::En => Self::English,
            LetterArg::De => Self::German,
        }
    }
}

impl From<ColorArg> for ColorChoice {
    fn from(color: ColorArg) -> Self {
        match color {
            ColorArg::Auto => Self::Auto,
            ColorArg::Always => Self::Always,
            ColorArg::Never => Self::Never,
        }
    }
}
