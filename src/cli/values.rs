//! Values of options. Each error says what is wrong, then what to do.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use jiff::ZonedDateTime;

use crate::app::plan::{CaptureLimit, Moment, Rate, ShardChoice};
use crate::model::{AlertRange, Expectation, PacketSize, ReverseVerdict, SizeRange, Verdict};
use crate::report::words::named;

const SMALLEST: u32 = 68;
const LARGEST: u32 = 65_535;
const LONGEST_RUN: f64 = 86_400.0;
/// Seconds between examinations of a target.
const LEAST_INTERVAL: u64 = 60;
const LONGEST_INTERVAL: u64 = 86_400;
const MOST_FLOWS: u8 = 64;
const MOST_AT_A_TIME: usize = 65_536;
const FASTEST: u32 = 1_000_000;
/// `IFNAMSIZ` less the final zero byte.
const LONGEST_INTERFACE_NAME: usize = 15;

/// An address and, for a link-local one, its interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SourceAddress {
    pub(super) address: IpAddr,
    pub(super) zone: Option<String>,
}

pub(super) fn target(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        Err("is empty; name a host or an address".into())
    } else if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        Err("holds a blank or a control character; give one host or address per argument".into())
    } else {
        Ok(text.into())
    }
}

pub(super) fn moment(text: &str) -> Result<Moment, String> {
    let wrong = "is no moment; give one like today, \"2 hours ago\", 10:00 or \"2026-11-20 10:00\"";
    Moment::parse(text, &ZonedDateTime::now()).ok_or_else(|| wrong.into())
}

pub(super) fn port(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("is no port; give a number from 1 to 65535".into()),
        Ok(port) => Ok(port),
    }
}

/// Ports that are wanted; none: all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ports(pub(super) Vec<u16>);

/// `25,465,587`, or `all`.
pub(super) fn ports(text: &str) -> Result<Ports, String> {
    if text == "all" {
        return Ok(Ports::default());
    }
    let mut ports = Vec::new();
    for word in text.split(',') {
        let port = port(word)
            .map_err(|_| format!("holds \"{word}\", which is no port; give some like 25,465,587, or leave =... out"))?;
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    Ok(Ports(ports))
}

pub(super) fn size(text: &str) -> Result<PacketSize, String> {
    match text.parse() {
        Ok(bytes) if (SMALLEST..=LARGEST).contains(&bytes) => Ok(PacketSize::new(bytes)),
        _ => Err(format!("is no packet size; give whole bytes from {SMALLEST} to {LARGEST}")),
    }
}

pub(super) fn timeout(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= LONGEST_RUN => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(format!("is no time limit; give seconds above 0, up to {LONGEST_RUN}")),
    }
}

/// `90s`, `5m`, `1h`, or seconds.
pub(super) fn interval(text: &str) -> Result<Duration, String> {
    let wrong = || "is no interval; give one like 90s, 5m or 1h".to_owned();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse::<u64>().ok().filter(|_| is_plain).ok_or_else(wrong)?;
    match number.checked_mul(seconds) {
        Some(0..LEAST_INTERVAL) => {
            Err("is too short: an address is examined once a minute at most; give 60s or more".into())
        }
        Some(seconds @ LEAST_INTERVAL..=LONGEST_INTERVAL) => Ok(Duration::from_secs(seconds)),
        _ => Err("is too long; give 24h or less".into()),
    }
}

pub(super) fn rate(text: &str) -> Result<Rate, String> {
    match text.parse() {
        Ok(packets) if packets <= FASTEST => Ok(Rate(NonZeroU32::new(packets))),
        _ => Err(format!("is no rate; give packets per second from 1 to {FASTEST}, or 0 for no limit")),
    }
}

/// `2048k`, `10M`, `1G`, or bytes.
pub(super) fn capture_limit(text: &str) -> Result<CaptureLimit, String> {
    let wrong = || "is no size; give one from 1M on, like 10M or 1G, or 0 for no limit".to_owned();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let unit: u64 = match &text[digits.len()..] {
        "" => 1,
        "k" | "K" => 1 << 10,
        "m" | "M" => 1 << 20,
        "g" | "G" => 1 << 30,
        _ => return Err(wrong()),
    };
    let size = digits.parse::<u64>().ok().filter(|_| is_plain).and_then(|number| number.checked_mul(unit));
    match size {
        Some(0) => Ok(CaptureLimit(None)),
        Some(bytes) if bytes >= CaptureLimit::LEAST => Ok(CaptureLimit(Some(bytes))),
        _ => Err(wrong()),
    }
}

pub(super) fn concurrency(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=MOST_AT_A_TIME).contains(&count) => Ok(count),
        _ => Err(format!("is no number of examinations; give 1 to {MOST_AT_A_TIME}")),
    }
}

pub(super) fn flows(text: &str) -> Result<u8, String> {
    match text.parse() {
        Ok(flows) if (1..=MOST_FLOWS).contains(&flows) => Ok(flows),
        _ => Err(format!("is no number of flows; give 1 to {MOST_FLOWS}")),
    }
}

pub(super) fn shard(text: &str) -> Result<ShardChoice, String> {
    text.parse()
}

pub(super) fn interface(text: &str) -> Result<String, String> {
    let fits = (1..=LONGEST_INTERFACE_NAME).contains(&text.len());
    if fits && !text.contains(|c: char| c == '/' || c.is_whitespace() || c.is_control()) {
        Ok(text.into())
    } else {
        Err("is no interface name; pick one that \"ip link\" shows".into())
    }
}

pub(super) fn source(text: &str) -> Result<SourceAddress, String> {
    let wrong = || "is no address; give an IPv4 or IPv6 address of this host, as \"ip address\" shows".to_owned();
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, Some(interface(zone)?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    if zone.is_some() && address.is_ipv4() {
        return Err(wrong());
    }
    Ok(SourceAddress { address, zone })
}

/// `masked,reverse:clear`.
pub(super) fn expectation(text: &str) -> Result<Expectation, String> {
    let mut expectation = Expectation::default();
    for word in text.split(',') {
        let wrong = |what_to_do: &str, all: &str| format!("holds \"{word}\", which is no verdict; {what_to_do}: {all}");
        if let Some(back) = word.strip_prefix("reverse:") {
            let verdict = named(&ReverseVerdict::WORST_FIRST, back);
            expectation.reverse.push(verdict.map_err(|all| wrong("after reverse: give one of", &all))?);
        } else {
            let verdict = named(&Verdict::WORST_FIRST, word);
            expectation.verdicts.push(verdict.map_err(|all| wrong("give some of", &all))?);
        }
    }
    Ok(expectation)
}

/// `1400`, `1400:`, `:1400`, `1280:1400`.
pub(super) fn size_range(text: &str) -> Result<SizeRange, String> {
    let wrong =
        || format!("is no range of packet sizes; give 1400, 1400:, :1400 or 1280:1400, from {SMALLEST} to {LARGEST}");
    let end = |text: &str| if text.is_empty() { Ok(None) } else { size(text).map(Some).map_err(|_| wrong()) };
    let (least, most) = match text.split_once(':') {
        Some((least, most)) => (end(least)?, end(most)?),
        None => (end(text)?, end(text)?),
    };
    let is_sound = match (least, most) {
        (Some(least), Some(most)) => least <= most,
        (least, most) => least.or(most).is_some(),
    };
    if is_sound { Ok(SizeRange { least, most }) } else { Err(wrong()) }
}

/// `[@]start:end`, as the guidelines of the monitoring plugins have it, of whole numbers.
pub(super) fn alert_range(text: &str) -> Result<AlertRange, String> {
    let wrong =
        || "is no range; give one like 1500: (at least), 1280:1500 (between) or @0:1279 (not between)".to_owned();
    let number = |text: &str| {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u32>().ok().filter(|_| is_plain).ok_or_else(wrong)
    };
    let (inside, range) = text.strip_prefix('@').map_or((false, text), |range| (true, range));
    let (start, end) = match range.split_once(':') {
        Some(("~", end)) => (None, end),
        Some((start, end)) => (Some(number(start)?), end),
        None => (Some(0), range),
    };
    let end = if end.is_empty() && range.contains(':') { None } else { Some(number(end)?) };
    match (start, end) {
        (Some(start), Some(end)) if start > end => Err(wrong()),
        (start, end) => Ok(AlertRange { start, end, inside }),
    }
}
