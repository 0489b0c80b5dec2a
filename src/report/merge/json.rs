//! The summary as one JSON document, schema `pmtu-probe-merge/1`. `docs/merge.schema.json` describes it.

use std::net::IpAddr;

use serde::Serialize;

use super::contradiction::Contradiction;
use super::summary::{FileRead, Row, Summary, VantageCount};
use crate::report::json::escape_unprintable;
use crate::report::rows::{Named, What};
use crate::report::words::Word;

/// The schema that the document follows; a change that breaks a reader gets a new number.
pub const SCHEMA: &str = "pmtu-probe-merge/1";

/// The document, indented, with a final newline.
pub fn render(summary: &Summary) -> String {
    // Serializing plain structs with string keys into memory has no way to fail (serde_json, `to_string`).
    let mut text = serde_json::to_string_pretty(&MergeJson::of(summary)).unwrap_or_default();
    text.push('\n');
    escape_unprintable(&text)
}

#[derive(Serialize)]
struct MergeJson<'a> {
    schema: &'static str,
    version: &'static str,
    exit_code: u8,
    files: Vec<FileJson<'a>>,
    vantages: Vec<VantageJson<'a>>,
    first_started: Option<String>,
    last_started: Option<String>,
    targets: u64,
    addresses: u64,
    outdated: u64,
    rows: Vec<RowJson<'a>>,
    contradictions: Vec<ContradictionJson<'a>>,
}

#[derive(Serialize)]
struct FileJson<'a> {
    file: &'a str,
    lines: u64,
    longest_line: usize,
    cut_short: bool,
}

#[derive(Serialize)]
struct VantageJson<'a> {
    name: &'a str,
    addresses: u64,
}

#[derive(Serialize)]
struct RowJson<'a> {
    way: Option<&'static str>,
    verdict: Option<&'static str>,
    cause: Option<&'static str>,
    masked_by: Option<&'static str>,
    port_state: Option<&'static str>,
    fault: Option<&'static str>,
    error: Option<&'static str>,
    place: Option<PlaceJson<'a>>,
    network: Option<String>,
    path_mtu: Option<RangeJson>,
    targets: u64,
    addresses: u64,
    vantages: Vec<&'a str>,
    examples: Vec<NamedJson<'a>>,
}

#[derive(Serialize)]
struct PlaceJson<'a> {
    #[serde(rename = "where")]
    spot: &'static str,
    router: Option<IpAddr>,
    vantage: Option<&'a str>,
}

#[derive(Serialize)]
struct RangeJson {
    min: u16,
    max: u16,
}

#[derive(Serialize)]
struct NamedJson<'a> {
    host: &'a str,
    address: Option<IpAddr>,
    port: Option<u16>,
}

#[derive(Serialize)]
struct ContradictionJson<'a> {
    way: Option<&'static str>,
    addresses: u64,
    said: Vec<SaidJson<'a>>,
    examples: Vec<NamedJson<'a>>,
}

#[derive(Serialize)]
struct SaidJson<'a> {
    vantage: &'a str,
    verdict: Option<&'static str>,
    row: u32,
}

impl<'a> MergeJson<'a> {
    fn of(summary: &'a Summary) -> Self {
        let time = |seconds: u32| Some(jiff::Timestamp::from_second(seconds.into()).ok()?.to_string());
        Self {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            exit_code: summary.exit_code(),
            files: summary.files.iter().map(FileJson::of).collect(),
            vantages: summary.vantages.iter().map(VantageJson::of).collect(),
            first_started: summary.span.and_then(|(first, _)| time(first)),
            last_started: summary.span.and_then(|(_, last)| time(last)),
            targets: summary.targets,
            addresses: summary.addresses,
            outdated: summary.outdated,
            rows: summary.rows.iter().map(|row| RowJson::of(row, summary)).collect(),
            contradictions: summary.contradictions.iter().map(|each| ContradictionJson::of(each, summary)).collect(),
        }
    }
}

impl<'a> FileJson<'a> {
    fn of(file: &'a FileRead) -> Self {
        Self { file: &file.name, lines: file.lines, longest_line: file.longest_line, cut_short: file.is_cut_short }
    }
}

impl<'a> VantageJson<'a> {
    fn of(vantage: &'a VantageCount) -> Self {
        Self { name: &vantage.name, addresses: vantage.addresses }
    }
}

impl<'a> RowJson<'a> {
    fn of(row: &'a Row, summary: &'a Summary) -> Self {
        let there = match row.key.what {
            What::There(there) => Some(there),
            What::Back(_) | What::NotExamined(_) => None,
        };
        let error = match row.key.what {
            What::NotExamined(kind) => Some(kind.word()),
            What::There(_) | What::Back(_) => None,
        };
        let place = row.key.place.spot.word().map(|spot| PlaceJson {
            spot,
            router: row.key.place.spot.router(),
            vantage: row.key.place.vantage.map(|vantage| name(summary, vantage)),
        });
        Self {
            way: way(row.key.what),
            verdict: verdict(row.key.what),
            cause: there.and_then(|there| there.cause).map(Word::word),
            masked_by: there.and_then(|there| there.masked_by),
            port_state: there.and_then(|there| there.port_state),
            fault: there.and_then(|there| there.fault),
            error,
            place,
            network: row.key.network.map(|network| network.to_string()),
            path_mtu: row.path_mtu.map(|(min, max)| RangeJson { min, max }),
            targets: row.targets,
            addresses: row.addresses,
            vantages: row.vantages.iter().map(|vantage| name(summary, *vantage)).collect(),
            examples: row.examples.iter().map(NamedJson::of).collect(),
        }
    }
}

impl<'a> NamedJson<'a> {
    fn of(named: &'a Named) -> Self {
        Self { host: &named.host, address: named.address, port: Some(named.port).filter(|port| *port > 0) }
    }
}

impl<'a> ContradictionJson<'a> {
    fn of(each: &'a Contradiction, summary: &'a Summary) -> Self {
        let what = |row: u32| summary.rows.get(row as usize).map(|row| row.key.what);
        let said = each.said.iter();
        Self {
            way: each.said.first().and_then(|(_, row)| what(*row)).and_then(way),
            addresses: each.addresses,
            said: said
                .map(|(vantage, row)| SaidJson {
                    vantage: name(summary, *vantage),
                    verdict: what(*row).and_then(verdict),
                    row: *row,
                })
                .collect(),
            examples: each.examples.iter().map(NamedJson::of).collect(),
        }
    }
}

fn way(what: What) -> Option<&'static str> {
    match what {
        What::There(_) => Some("forward"),
        What::Back(_) => Some("reverse"),
        What::NotExamined(_) => None,
    }
}

fn verdict(what: What) -> Option<&'static str> {
    match what {
        What::There(there) => Some(there.verdict.word()),
        What::Back(verdict) => Some(verdict.word()),
        What::NotExamined(_) => None,
    }
}

fn name(summary: &Summary, vantage: u32) -> &str {
    summary.vantages.get(vantage as usize).map_or("", |vantage| &vantage.name)
}
