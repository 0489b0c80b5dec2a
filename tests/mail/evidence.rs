//! From stuck mail to the path: a real Postfix whose queue and log hold mail to four relays, one of them behind a black hole.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::chain::{Chain, Kind};
use super::lab::{Lab, Ran, program, run};
use super::message::Message;
use super::mx::Running;
use super::needs;
use super::postfix::Postfix;
use super::scenario::{Family, Node};
use super::sender::{MAIN_CF, MASTER_CF, Sender};
use super::state::forget;
use super::verify;

/// Domain, relay, address. The last is behind the hole.
pub(super) const RELAYS: [(&str, &str, &str); 4] = [
    ("ash.example.com", "mx1.example.net", "10.0.4.2"),
    ("birch.example.com", "mx2.example.net", "10.0.4.3"),
    ("cedar.example.com", "mx3.example.net", "10.0.4.4"),
    ("dogwood.example.com", "mx4.example.net", "10.0.4.5"),
];
pub(super) const HOLED: (&str, &str, &str) = RELAYS[3];
pub(super) const PASSES: u32 = 1400;
/// So many large mails to the relay behind the hole, and one to each of the others; a small one to each of all.
pub(super) const LARGE_TO_HOLED: usize = 3;
/// A live path without loss never pauses for as long.
const PATIENCE: Duration = Duration::from_secs(5);

#[test]
fn the_queue_and_the_log_lead_to_the_relay_behind_the_hole() {
    needs::check_postfix();
    let lab = Lab::up("clear", Family::V4, &["--mx", "none"]).unwrap_or_else(|error| panic!("{error}"));
    let result = stuck_mail(&lab);
    result.unwrap_or_else(|error| panic!("{error}"));
    lab.down().unwrap_or_else(|error| panic!("{error}"));
}

fn stuck_mail(lab: &Lab) -> Result<(), String> {
    dig_a_hole(lab)?;
    let domains: Vec<&str> = RELAYS.iter().map(|(domain, _, _)| *domain).collect();
    let _mx = Running::start_for(lab, &domains.join(", "))?;
    let postfix = Postfix::start(lab, "c", &main_cf(PATIENCE), MASTER_CF)?;
    submit_all(&postfix)?;
    postfix
        .wait(Duration::from_secs(40), "all mail to be sent or stuck", || is_settled(&postfix.log()).then_some(()))?;
    from_queue(lab, &postfix)?;
    from_log(lab, &postfix)?;
    only_listed(lab, &postfix)?;
    the_others_are_healthy(lab)
}

/// r2 has a route with a small MTU to one address, and says nothing when a packet does not fit.
pub(super) fn dig_a_hole(lab: &Lab) -> Result<(), String> {
    let mut hosts = fs::read_to_string(lab.folder().join("hosts")).map_err(|error| error.to_string())?;
    for (_, relay, address) in RELAYS {
        hosts.extend([address, " ", relay, "\n"]);
        if address != RELAYS[0].2 {
            lab.shell("s", &format!("ip address add {address}/24 dev e0"));
        }
    }
    fs::write(lab.folder().join("hosts"), hosts).map_err(|error| error.to_string())?;
    let (_, _, holed) = HOLED;
    lab.shell(
        "r2",
        &format!(
            "ip route add {holed}/32 via 10.0.3.2 mtu {PASSES}
             nft add table inet silence
             nft add chain inet silence output '{{ type filter hook output priority 0; }}'
             nft add rule inet silence output icmp type destination-unreachable icmp code 4 drop"
        ),
    );
    Ok(())
}

pub(super) fn main_cf(patience: Duration) -> String {
    let transports: Vec<String> =
        RELAYS.iter().map(|(domain, relay, _)| format!("{{ {domain} = smtp:[{relay}] }}")).collect();
    let seconds = patience.as_secs();
    format!(
        "{MAIN_CF}transport_maps = inline:{{ {} }}\nsmtp_data_xfer_timeout = {seconds}s\nsmtp_data_done_timeout = {seconds}s\n",
        transports.join(", ")
    )
}

pub(super) fn submit_all(postfix: &Postfix<'_>) -> Result<(), String> {
    let folder = postfix.folder();
    for (name, message) in [("large", Message::large()), ("small", Message::small())] {
        fs::write(folder.join(name), message.text()).map_err(|error| error.to_string())?;
    }
    let mut script = format!("cd {}\n", folder.display());
    for (domain, _, _) in RELAYS {
        let large = if domain == HOLED.0 { LARGE_TO_HOLED } else { 1 };
        for file in std::iter::repeat_n("large", large).chain(["small"]) {
            script.extend(["sendmail -i -f admin@client.example.com someone@", domain, " <", file, "\n"]);
        }
    }
    postfix.command(&script).map(drop)
}

/// Everything was tried once: what can pass is sent, the rest is deferred.
fn is_settled(log: &str) -> bool {
    let count = |status: &str| log.lines().filter(|line| line.contains(status)).count();
    count(" status=sent ") == 2 * RELAYS.len() - 1 && count(" status=deferred ") == LARGE_TO_HOLED
}

fn from_queue(lab: &Lab, postfix: &Postfix<'_>) -> Result<(), String> {
    forget(lab);
    let mut command = lab.command("c", program());
    let ran = run(command.args(["--from-queue", "--json"]).env("MAIL_CONFIG", postfix.folder().join("config")));
    is_found(&ran)?;
    must_contain(&ran.stderr, &["1 suspect in 3 messages of the queue", "likely: mail stalls", HOLED.1, HOLED.0])
}

/// The one relay, its verdict and size, and advice that this host can follow.
fn is_found(ran: &Ran) -> Result<(), String> {
    let document = verify::document(ran)?;
    let addresses = document["addresses"].as_array().map(Vec::as_slice).unwrap_or_default();
    let [address] = addresses else { return Err(format!("{} addresses: {}", addresses.len(), ran.stderr)) };
    let found = (&address["host"], &address["address"], &address["port"], &address["verdict"], &address["path_mtu"]);
    let expected = [HOLED.1.into(), HOLED.2.into(), 25.into(), "black_hole".into(), Value::from(PASSES)];
    if [found.0, found.1, found.2, found.3, found.4] != expected.each_ref() {
        return Err(format!("found {found:?}, expected {expected:?}"));
    }
    let advice = address["advice"].as_array().map(Vec::as_slice).unwrap_or_default();
    let helps = |advice: &Value| advice["who"] == "you" && advice["commands"].as_array().is_some_and(|c| !c.is_empty());
    match ran.status.code() {
        Some(2) if advice.iter().any(helps) => Ok(()),
        code => Err(format!("exit code {code:?}, advice: {advice:?}")),
    }
}

fn from_log(lab: &Lab, postfix: &Postfix<'_>) -> Result<(), String> {
    forget(lab);
    let log = postfix.folder().join("maillog");
    let ran = lab.probe(&["--from-log", &log.display().to_string()]);
    if let Some(folder) = std::env::var_os("PMTU_MAIL_KEEP") {
        let folder = PathBuf::from(folder);
        fs::copy(&log, folder.join("maillog")).map_err(|error| error.to_string())?;
        fs::write(folder.join("report"), &ran.stdout).map_err(|error| error.to_string())?;
    }
    let unbroken = unwrapped(&ran.stdout);
    must_contain(
        &unbroken,
        &[
            "1 suspect in ",
            &format!("{} {}: classic: large mail stalls, smaller mail passes", HOLED.1, HOLED.2),
            "small mail passed: 1 mail, up to",
            &format!("{} {}: black hole above {PASSES} bytes: large mail will hang", HOLED.1, HOLED.2),
            "What to do",
            &format!("mail to {} {}: black hole confirmed: packets above {PASSES} bytes vanish", HOLED.1, HOLED.2),
        ],
    )?;
    let innocent = RELAYS[..3].iter().find(|(_, relay, address)| {
        let is_word = |word: &str| word.trim_end_matches(':') == *address;
        unbroken.contains(relay) || unbroken.split(' ').any(is_word)
    });
    match (innocent, ran.status.code()) {
        (None, Some(2)) => Ok(()),
        (innocent, code) => Err(format!("{innocent:?} is named, or exit code {code:?}:\n{}", ran.stdout)),
    }
}

/// By a user who may do nothing but read what he is given.
fn only_listed(lab: &Lab, postfix: &Postfix<'_>) -> Result<(), String> {
    let log = fs::File::open(postfix.folder().join("maillog")).map_err(|error| error.to_string())?;
    let mut command = lab.command("c", "setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--bounding-set", "-all"]);
    command.arg(program()).args(["--from-log", "-", "--list-only", "-q"]).stdin(log);
    let ran = run(&mut command);
    let expected = format!("{} {}: classic: large mail stalls, smaller mail passes\n", HOLED.1, HOLED.2);
    if ran.stdout == expected && ran.status.success() { Ok(()) } else { Err(format!("{}{}", ran.stdout, ran.stderr)) }
}

fn the_others_are_healthy(lab: &Lab) -> Result<(), String> {
    let relays = RELAYS[..3].iter().map(|(_, relay, _)| *relay);
    let arguments: Vec<&str> = ["-q", "--direction", "forward"].into_iter().chain(relays).collect();
    let ran = lab.probe(&arguments);
    let clear = ran.stdout.lines().filter(|line| line.contains(": clear: packets of 1500 bytes pass")).count();
    if clear == 3 { Ok(()) } else { Err(format!("{}{}", ran.stdout, ran.stderr)) }
}

#[test]
fn a_log_of_incoming_mail_leads_to_the_way_back() {
    needs::check_postfix();
    let lab = Lab::up("reverse_hole", Family::V4, &["--mx", "none"]).unwrap_or_else(|error| panic!("{error}"));
    stuck_incoming_mail(&lab).unwrap_or_else(|error| panic!("{error}"));
    lab.down().unwrap_or_else(|error| panic!("{error}"));
}

fn stuck_incoming_mail(lab: &Lab) -> Result<(), String> {
    forget(lab);
    let receiver = Running::start_on_c(lab, PATIENCE)?;
    let chain = Chain::make(Kind::Ordinary, lab)?;
    let to = Node::C.far_address(Family::V4);
    let sender = Sender::start_on_s(lab, to, 2 * PATIENCE, Some(&chain))?;
    let mails = [sender.submit(Message::large())?, sender.submit(Message::small())?];
    for mail in &mails {
        sender.attempt(mail)?;
    }
    let log = lab.folder().join("incoming.log");
    fs::write(&log, receiver.log()).map_err(|error| error.to_string())?;
    forget(lab);
    let (name, log) = (Node::S.near_address(Family::V4), log.display().to_string());
    let ran = lab.probe(&["--from-log", &log]);
    must_contain(
        &unwrapped(&ran.stdout),
        &[
            &format!("{name}: classic: mail from there stalls, smaller mail passes"),
            "it sends to us; the way from there is to be examined",
            &format!("{name}: other direction: black hole above 1400 bytes: large mail from there will hang"),
            &format!("mail from {name}: black hole confirmed: large packets from there do not arrive"),
        ],
    )?;
    must_end_with(&ran, 2)?;
    // Many a host that sends mail takes none.
    lab.shell(
        "s",
        "nft add table inet closed
         nft add chain inet closed input '{ type filter hook input priority 0; }'
         nft add rule inet closed input tcp dport 25 drop",
    );
    let ran = lab.probe(&["--from-log", &log]);
    must_contain(
        &unwrapped(&ran.stdout),
        &[
            &format!("mail from {name}: could not be examined from here: no TCP connection came about at its port 25"),
            "Ask the sender to run pmtu-probe",
            "ip daddr @ip_mss_1240 tcp flags syn tcp option maxseg size set 1240",
            &format!("nft add element inet pmtu_clamp_back ip_mss_1240 '{{ {name} }}'"),
        ],
    )?;
    must_end_with(&ran, 3)
}

fn must_end_with(ran: &Ran, code: i32) -> Result<(), String> {
    if ran.status.code() == Some(code) { Ok(()) } else { Err(format!("{:?}:\n{}", ran.status, ran.stdout)) }
}

pub(super) fn must_contain(text: &str, expected: &[&str]) -> Result<(), String> {
    match expected.iter().find(|words| !text.contains(**words)) {
        None => Ok(()),
        Some(words) => Err(format!("no {words:?} in:\n{text}")),
    }
}

/// Prose breaks at blanks.
pub(super) fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
