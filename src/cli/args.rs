//! The options as clap sees them, and their help texts. Those of output formats stand with the formats.

use std::path::PathBuf;

use clap::{ArgAction, Parser};

use super::choices::{AdviceArg, ColorArg, DirectionArg, MethodArg};
use super::formats::{AnyFormatArgs, ListFormatArgs};
use super::values::{self, Ports, SourceAddress};
use crate::app::plan::{CaptureLimit, Moment, Rate, ShardChoice};
use crate::model::{AlertRange, Expectation, PacketSize, SizeRange};

const SHORT_HELP_END: &str = "Needs CAP_NET_RAW, so run it by sudo. --help has all options, and more words.";

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
  pmtu-probe --merge *.jsonl.gz
      What runs on several hosts have found, by place and cause.
  sudo pmtu-probe --from-log /var/log/mail.log
      The relays whose mail stalls, as the log has it, and what their paths do.
  sudo pmtu-probe --from-queue
      The same for the mail that is stuck in the queue of Postfix now.
  sudo pmtu-probe --from-sockets=25,465,587
      The mail connections of this host that hang at this moment, and why;
      with --watch, those that begin to hang from now on.
  sudo pmtu-probe --expect masked --expect-mtu 1400: mx.example.com
      A fault that everybody knows is no alarm; a change is.
  sudo pmtu-probe --format nagios -w 1500: -c 1280: -H mx.example.com
      As a plugin of Nagios, Icinga and others: one line with metrics.
  sudo pmtu-probe --json mx.example.com | jq '.addresses[].verdict'
      For programs; docs/report.schema.json describes the document.

Verdicts and exit codes; the worst of all addresses and both directions counts,
2 before 1 before 3 before 0:
  0  clear         packets as large as this host sends pass
     discoverable  the path is smaller, and routers tell this host so
     untested      the other way only: the server sends no large packets
  1  masked        path MTU discovery is broken, but a small MSS or a setting of
                   this host lets mail pass
     discoverable  as with 0, but a router's message is faulty
     recovers      large packets vanish, but this host's TCP, or the server's on
                   the other way, finds a size that passes after seconds
  2  black_hole    large packets vanish: large mail will hang
  3  unreachable   even small packets go unanswered
     inconclusive  the evidence is too thin for a verdict
     also a port that takes no connections, whatever the path carries
     also bad arguments, no privilege, no such name
  130  interrupted; what is known is printed

--expect, --expect-mtu, --known: what is as expected counts as 0; what is not
counts as 1 or more. --warning and --critical count as 1 and 2.

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
       pmtu-probe [OPTIONS] --from-queue
       pmtu-probe [OPTIONS] [--watch] --from-sockets[=PORTS]
       pmtu-probe [OPTIONS] --merge FILE..."
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
    #[arg(required_unless_present_any = ["hostname", "list", "from_log", "from_queue", "from_sockets", "merge"], value_name = "TARGET", value_parser = values::target)]
    pub(super) targets: Vec<String>,

    /// A target, as plugins of monitoring systems take it
    #[arg(short = 'H', long, value_name = "TARGET", value_parser = values::target, action = ArgAction::Append)]
    pub(super) hostname: Vec<String>,

    /// IPv4 only
    #[arg(short = '4', long = "ipv4", conflicts_with = "ipv6")]
    pub(super) ipv4: bool,

    /// IPv6 only
    #[arg(short = '6', long = "ipv6")]
    pub(super) ipv6: bool,

    /// TCP port where a target names none
    #[arg(short, long, value_name = "PORT", default_value = "25", value_parser = values::port)]
    pub(super) port: u16,

    /// Names are hosts, not mail domains: no MX lookup
    #[arg(long)]
    pub(super) no_mx: bool,

    /// How to probe: auto, tcp or icmp
    ///
    /// auto: TCP, with ping as a second witness. tcp: what mail does, and nothing
    /// else. icmp: ping only, where no TCP port is open; it cannot tell the two
    /// directions apart.
    #[arg(long, value_name = "METHOD", default_value = "auto", hide_possible_values = true)]
    pub(super) method: MethodArg,

    /// Which way: forward, reverse, both [default: by port]
    ///
    /// forward: from this host to the server, as outgoing mail goes. reverse: from
    /// the server to this host; TLS is started, because the server's certificates
    /// come in large packets. Without this option: both on ports whose service is
    /// known (SMTP; TLS on 443 and the like), else forward.
    #[arg(long, value_name = "WAY", hide_possible_values = true)]
    pub(super) direction: Option<DirectionArg>,

    /// Tell the server that a packet was too big, and see if it obeys
    ///
    /// Sends it a correct ICMP message about a packet of this program's own
    /// connection, as a router would. Its firewall should let that in. The MTU is
    /// 1280, or the largest size that arrives where large packets do not. Side
    /// effect: a server that obeys sends this host no packets above that size for
    /// ten minutes. Implies the other way. Off by default.
    #[arg(long)]
    pub(super) ptb_test: bool,

    /// Ask about all sizes at once in lists as well
    ///
    /// With --targets, or with several targets, an examination begins with two
    /// packets, one of full size and a small one, and asks about other sizes only
    /// where the large one is not answered: a clear address takes 8 packets in place
    /// of 35. The verdicts are the same. With this option each address is examined
    /// like a single one, which shows a little more of it: whether large ping
    /// requests pass as well, and more hops in front of a hole.
    #[arg(long)]
    pub(super) thorough: bool,

    /// Largest packet to try, in bytes [default: MTU of the interface]
    #[arg(long, value_name = "BYTES", value_parser = values::size)]
    pub(super) max_size: Option<PacketSize>,

    /// Smallest packet to try, in bytes [default: 68]
    #[arg(long, value_name = "BYTES", value_parser = values::size)]
    pub(super) min_size: Option<PacketSize>,

    /// Outgoing interface
    #[arg(short = 'I', long, value_name = "NAME", value_parser = values::interface)]
    pub(super) interface: Option<String>,

    /// Source address, one of this host's
    #[arg(long, value_name = "ADDRESS", value_parser = values::source)]
    pub(super) source: Option<SourceAddress>,

    /// Time limit in seconds: of the whole run; from a list or log, of each
    ///
    /// By default 30, and with --format nagios 9: monitoring systems wait for 10.
    #[arg(short = 't', long, value_name = "SECONDS", value_parser = values::timeout)]
    pub(super) timeout: Option<std::time::Duration>,

    /// Packets per second over all addresses; 0: no limit
    #[arg(long, value_name = "PACKETS", default_value = "2000", value_parser = values::rate)]
    pub(super) rate: Rate,

    /// Verdicts that are no news, like masked or reverse:clear
    ///
    /// Separated by commas: clear, discoverable, masked, recovers, black_hole,
    /// unreachable, inconclusive; of the other way with reverse: before them, where
    /// untested is one as well. An address that has one of them counts as 0 in the
    /// exit code; one that has not keeps its own code, or gets 1 if that is 0. What
    /// no word is about keeps its own code.
    #[arg(long, value_name = "VERDICT,...", value_parser = values::expectation)]
    pub(super) expect: Option<Expectation>,

    /// Path MTU that is no news: 1400, 1400:, :1400 or 1280:1400
    ///
    /// Exactly, at least, at most, between. Another one counts as 1 in the exit
    /// code, unless the verdict counts as more.
    #[arg(long, value_name = "RANGE", value_parser = values::size_range)]
    pub(super) expect_mtu: Option<SizeRange>,

    /// Results of an earlier run, by --json or --jsonl: what they say is no news
    ///
    /// An address whose verdict, cause, path MTU, port and other way are as they
    /// were counts as 0 in the exit code; another one keeps its own code, or gets 1
    /// if that is 0. One that the file does not have is judged as without it.
    /// Doubt is never as expected.
    #[arg(long, value_name = "FILE")]
    pub(super) known: Option<PathBuf>,

    /// Path MTU below or beyond which it is a warning, like 1500:
    ///
    /// With --format nagios or checkmk; a range as monitoring plugins take it. 1500:
    /// is at least 1500, 1280:1500 is between, @0:1279 is not between, ~:1500 is at
    /// most 1500.
    #[arg(short = 'w', long, value_name = "RANGE", value_parser = values::alert_range)]
    pub(super) warning: Option<AlertRange>,

    /// Path MTU below or beyond which it is critical, like 1280:
    #[arg(short = 'c', long, value_name = "RANGE", value_parser = values::alert_range)]
    pub(super) critical: Option<AlertRange>,

    /// Compare this many flows; 1: none but the first
    ///
    /// Load balancers spread flows over parallel paths, of which one may have a
    /// hole. By default eight flows are compared where large packets vanish; with
    /// this option always. Each flow has a source port of its own.
    #[arg(long, value_name = "COUNT", value_parser = values::flows)]
    pub(super) flows: Option<u8>,

    /// Read targets from a file, one per line; -: from stdin
    ///
    /// As many as you like: the list is read as it is needed, and each result is
    /// printed as it comes, a line per address, then a summary. Empty lines and
    /// what follows a # are no targets. A bad line is reported with its number;
    /// the rest goes on.
    #[arg(long = "targets", id = "list", value_name = "FILE", conflicts_with_all = ["targets", "hostname"])]
    pub(super) list: Option<PathBuf>,

    /// With --targets: examine so many addresses at a time
    ///
    /// Fewer run where --rate does not allow for more, or where this host cannot
    /// keep up.
    #[arg(long, value_name = "COUNT", default_value = "512", value_parser = values::concurrency)]
    pub(super) concurrency: usize,

    #[command(flatten)]
    pub(super) list_formats: ListFormatArgs,

    /// With --targets: skip what this file of results already holds
    ///
    /// Named by --jsonl as well, the file is added to. However a run ended, the same
    /// command goes on with the rest.
    #[arg(long, value_name = "FILE")]
    pub(super) resume: Option<PathBuf>,

    /// With --targets: tell what changed since last time
    ///
    /// The last run's results stand in FILE, a JSON document per target and line.
    /// What is different now is told on stderr, a line for each address: changed,
    /// gone, or new and not fine. At the end of the run its results replace them, and
    /// they become FILE.previous; a run that is interrupted or fails leaves both.
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    pub(super) track: Option<PathBuf>,

    /// With --targets: only part I of N, for several machines
    ///
    /// A target is in the same part on every machine: 1/3, 2/3 and 3/3 together
    /// are the whole list. auto: the part that Kubernetes (indexed Job), Slurm
    /// (array), GNU parallel or Nomad gave this process by its environment; where
    /// the engine does not tell how many there are, PMTU_SHARDS does.
    #[arg(long, value_name = "I/N", value_parser = values::shard)]
    pub(super) shard: Option<ShardChoice>,

    /// Again and again, and tell changes only [5m]
    ///
    /// =90s, =5m, =1h: rounds of a target are at most so far apart; a minute or more.
    /// Names are looked up each time. A change is confirmed at once and told on
    /// stdout, a line each; on a terminal a table shows all targets, where q quits and
    /// p pauses. --jsonl keeps a history, also without --targets, and goes on with the
    /// file; --prometheus always holds the last state. SIGHUP has the file of --targets
    /// read again. SIGINT and SIGTERM end it; the exit code is that of the last state.
    /// With --from-sockets it takes no targets: it waits for connections of this host
    /// to hang, and says why, and when they move or end.
    #[arg(long, value_name = "INTERVAL", num_args = 0..=1, require_equals = true, default_missing_value = "5m", value_parser = values::interval, conflicts_with_all = ["from_log", "from_queue", "merge", "resume", "track", "shard"])]
    pub(super) watch: Option<std::time::Duration>,

    /// Sum up results of earlier runs; -: stdin
    ///
    /// Files that --jsonl wrote, plain or gzip, on one host or on many. The same
    /// bottleneck seen by many targets is one row, the worst first, and hosts that
    /// disagree about an address are shown. With --json: a document, which
    /// docs/merge.schema.json describes. Sends nothing and needs no privilege.
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["targets", "list", "from_log", "from_queue", "from_sockets"])]
    pub(super) merge: Vec<PathBuf>,

    /// Examine whom mail logs make suspect; -: stdin
    ///
    /// Relays and clients whose mail stalls as if the path swallowed large packets.
    /// Logs of Postfix, Exim, Sendmail, OpenSMTPD, qmail, Exchange, plain or gzip, as
    /// syslog, journalctl, docker, kubectl or a collector wrote them, and mailq of Postfix.
    /// Lines that accuse and cannot be read are shown, and the exit code is 3. Each
    /// suspect is shown with its evidence, then examined at the address that the log
    /// names: the way there for mail to it, the way back for mail from it. Stdout has
    /// no list with --json, --letter and -q; stderr has it, but not with -q.
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["targets", "hostname", "list"])]
    pub(super) from_log: Vec<PathBuf>,

    /// Only lines of --from-log from this moment on
    ///
    /// "today", "yesterday", "2 hours ago", "10:00", "2026-11-20", "2026-11-20 10:00",
    /// or a date as logs have it, in the time zone of this host.
    #[arg(long, value_name = "WHEN", value_parser = values::moment, allow_hyphen_values = true)]
    pub(super) since: Option<Moment>,

    /// Only lines of --from-log before this moment
    #[arg(long, value_name = "WHEN", value_parser = values::moment, allow_hyphen_values = true)]
    pub(super) until: Option<Moment>,

    /// The same with Postfix's queue (postqueue -j)
    ///
    /// The environment variable MAIL_CONFIG leads to another instance of Postfix,
    /// as it does for its own commands.
    #[arg(long, conflicts_with_all = ["targets", "hostname", "list", "from_log"])]
    pub(super) from_queue: bool,

    /// Examine the peers of connections that hang now
    ///
    /// Asks the kernel for this host's TCP connections, at any port or at these, like
    /// =25,465,587. Those that send large segments in vain, or miss what the other
    /// side sent, are shown with process, peer, sizes and times; then their peers are
    /// examined, and the report says of each connection whether it will go on. Slow
    /// readers, idle and lossy connections are no suspects. Names of processes of
    /// other users take root.
    #[arg(long, value_name = "PORTS", num_args = 0..=1, require_equals = true, default_missing_value = "all", value_parser = values::ports, conflicts_with_all = ["targets", "hostname", "list", "from_log", "from_queue"])]
    pub(super) from_sockets: Option<Ports>,

    /// Only list whom --from-log, -queue, -sockets suspect
    ///
    /// Examines nothing, and needs no privilege but to read the log. With -q: a line
    /// for each.
    #[arg(long)]
    pub(super) list_only: bool,

    /// Look up names (PTR) and networks (AS) of hops
    ///
    /// When the verdict stands, in two seconds at most. Public addresses of hops
    /// are told to the name servers of Team Cymru, who know the networks. Whoever
    /// has an address writes its name: one that does not lead back to the address
    /// is called unconfirmed.
    #[arg(long)]
    pub(super) names: bool,

    #[command(flatten)]
    pub(super) formats: AnyFormatArgs,

    /// Size that the file of --pcapng may have, like 64M; 0: no limit
    ///
    /// k, M and G are 1024, 1024^2 and 1024^3 bytes. Whoever floods this host fills a
    /// part of the file at most: what the run sends, and what answers it, comes first.
    /// What was left out is counted at the end of the file, and told.
    #[arg(long, value_name = "SIZE", default_value = "16M", value_parser = values::capture_limit, requires = "pcapng")]
    pub(super) pcapng_limit: CaptureLimit,

    /// Colour: auto, always or never
    #[arg(long, value_name = "WHEN", default_value = "auto", hide_possible_values = true)]
    pub(super) color: ColorArg,

    /// Advice: likely, or all ways on all kinds of systems
    ///
    /// What is to be done on routers and firewalls is printed for Linux; all has it
    /// for firewalld, OpenWrt, OPNsense, pfSense, MikroTik, Cisco, FortiGate and the
    /// rules of clouds as well. -v has all.
    #[arg(long, value_name = "WHICH", default_value = "likely", hide_possible_values = true)]
    pub(super) advice: AdviceArg,

    /// Print the verdicts only, one line per address
    #[arg(short, long, conflicts_with = "verbose")]
    pub(super) quiet: bool,

    /// Say more, and tell about each packet; -vv, -vvv: log
    ///
    /// Once: a line on stderr for each packet, with its time, direction, size and
    /// meaning, and a fuller report. Twice: a log of decisions as well. Three
    /// times: every packet in full.
    #[arg(short, long, action = ArgAction::Count)]
    pub(super) verbose: u8,
}
