//! The path as a picture: stations from this host down to the target, the way there between them, the way back beside them.
//!
//! What colour says is said by shape as well: a thick line carries large packets, a thin one only smaller ones, a dotted one is not
//! known; a hole is a disc.

use super::element::Element;
use super::numbering::Numbering;
use crate::model::{AddressReport, Cause, Family, PtbReport, ReverseVerdict, Verdict};
use crate::report::place::{Point, place_of};
use crate::report::route::{Link, MOST_STEPS, Route, Station, Step};
use crate::report::text::pieces::{self, large_packets};
use crate::report::words::ptb_name;

/// Units of the picture: pixels where there is room for all of it.
const WIDTH: u32 = 384;
const BACK: u32 = 20;
const CHAIN: u32 = 66;
const LABEL: u32 = 92;
const TOP: u32 = 26;
/// From a station to the next.
const STEP: u32 = 52;
/// The same where words stand between them.
const LONG_STEP: u32 = 68;
/// Half of a station.
const RADIUS: u32 = 14;

/// The picture and what it says, in words.
pub(super) fn figure(report: &AddressReport, numbering: &mut Numbering) -> Element {
    let ways = [
        ("\u{2193}", "this way", pieces::way_there(report)),
        ("\u{2191}", "other direction", pieces::way_back(report)),
    ];
    let captions = ways.into_iter().filter_map(|(arrow, name, words)| {
        let arrow = Element::of_class("span", "arrow").attribute("aria-hidden", "true").text(arrow);
        Some(Element::new("p").child(arrow).text(&format!(" {name}: {}", words?)))
    });
    let legend = Element::of_class("p", "legend").text(LEGEND);
    Element::of_class("figure", "path")
        .child(picture(report, numbering))
        .child(Element::new("figcaption").children(captions).child(legend))
}

const LEGEND: &str = "Thick lines carry large packets, thin ones only smaller ones; of dotted ones nothing is known.";

fn picture(report: &AddressReport, numbering: &mut Numbering) -> Element {
    let steps = steps(report);
    let (title, description) = (numbering.next("title"), numbering.next("description"));
    let mut y = TOP;
    let mut parts = vec![station(Station::Known(Point::Here), y, report)];
    let mut links = Vec::new();
    let mut is_said = false;
    for (link_here, to) in &steps {
        let words = words_of(*link_here, report).filter(|_| !std::mem::replace(&mut is_said, true));
        let next = y + if words.is_some() { LONG_STEP } else { STEP };
        links.push(link(*link_here, y + RADIUS, next - RADIUS, report));
        links.extend(words.map(|words| label("where", LABEL, y.midpoint(next) + 4, &words)));
        parts.push(station(*to, next, report));
        y = next;
    }
    let height = y + TOP;
    Element::new("svg")
        .attribute("viewBox", &format!("0 0 {WIDTH} {height}"))
        .attribute("width", &WIDTH.to_string())
        .attribute("height", &height.to_string())
        .attribute("role", "img")
        .attribute("aria-labelledby", &format!("{title} {description}"))
        .child(Element::new("title").attribute("id", &title).text(&format!("The path to {}", report.address)))
        .child(Element::new("desc").attribute("id", &description).text(&in_words(report, &steps)))
        .children(way_back(report, y))
        .children(links)
        .children(parts)
}

/// A link of which something is known, or nothing.
type Drawn = (Option<Link>, Station);

fn steps(report: &AddressReport) -> Vec<Drawn> {
    if !report.examined.direction.is_forward() {
        return vec![(None, Station::Known(Point::Target))];
    }
    match Route::of(report) {
        Some(route) => {
            route.shortened(MOST_STEPS).into_iter().map(|Step { link, station }| (Some(link), station)).collect()
        }
        None => vec![(unplaced(report.examined.verdict), Station::Known(Point::Target))],
    }
}

/// What becomes of large packets on the whole way.
fn unplaced(verdict: Verdict) -> Option<Link> {
    match verdict {
        Verdict::Clear => Some(Link::Carries),
        Verdict::Discoverable | Verdict::Masked | Verdict::Recovers | Verdict::BlackHole => {
            Some(Link::Ends { is_in_doubt: true })
        }
        Verdict::Unreachable | Verdict::Inconclusive => None,
    }
}

/// What stands beside a link.
fn words_of(link: Option<Link>, report: &AddressReport) -> Option<String> {
    let examined = &report.examined;
    match link? {
        Link::Ends { .. } if examined.verdict == Verdict::Discoverable => {
            Some(format!("at most {} bytes", examined.path_mtu?))
        }
        Link::Ends { .. } => Some(format!("{} vanish", large_packets(examined.path_mtu))),
        Link::Carries if place_of(report).is_none() => Some(format!("packets of {} bytes pass", examined.path_mtu?)),
        Link::Carries | Link::Beyond => None,
    }
}

/// All of it for those who do not see it.
fn in_words(report: &AddressReport, steps: &[Drawn]) -> String {
    let stations: Vec<String> = steps.iter().map(|(_, station)| station.words(report)).collect();
    let end = steps.iter().find_map(|(link, _)| words_of(*link, report)).map_or_else(String::new, |words| {
        let place = place_of(report).map_or_else(String::new, |place| format!(" {}", place.words()));
        format!(" {words}{place}.")
    });
    let back = pieces::way_back(report).map_or_else(String::new, |back| format!(" The other direction: {back}."));
    format!("From this host to {}.{end}{back}", stations.join(", "))
}

fn link(link: Option<Link>, from: u32, to: u32, report: &AddressReport) -> Element {
    let group = Element::new("g");
    let middle = from.midpoint(to);
    match link {
        None => group.child(line("unknown", CHAIN, from, to)).child(mark(CHAIN, middle, "?")),
        Some(Link::Carries) => group.child(line("carries", CHAIN, from, to - 9)).child(head(CHAIN, to, true)),
        Some(Link::Beyond) => group.child(line("beyond", CHAIN, from, to - 6)).child(head(CHAIN, to, false)),
        Some(Link::Ends { is_in_doubt }) => {
            let ends = if report.examined.verdict == Verdict::Discoverable {
                group.child(line("carries", CHAIN, from, middle - 4)).child(neck(CHAIN, middle))
            } else {
                let sign = if is_in_doubt { "?" } else { "\u{2715}" };
                group.child(line("carries", CHAIN, from, middle)).child(hole(CHAIN, middle, sign))
            };
            ends.child(line("beyond", CHAIN, middle + 9, to - 6)).child(head(CHAIN, to, false))
        }
    }
}

/// Beside the chain, from the target up. Which router is at fault cannot be seen from here, so its place is no place.
fn way_back(report: &AddressReport, bottom: u32) -> Vec<Element> {
    if !report.examined.direction.is_reverse() {
        return Vec::new();
    }
    let middle = TOP.midpoint(bottom);
    let edge = CHAIN - RADIUS;
    let out =
        |class, to: u32| Element::of_class("path", class).attribute("d", &format!("M{edge} {bottom}H{BACK}V{to}"));
    let into = |class, from: u32, end: u32| {
        Element::of_class("path", class).attribute("d", &format!("M{BACK} {from}V{TOP}H{end}"))
    };
    match report.examined.reverse.verdict {
        ReverseVerdict::Clear => {
            vec![out("carries", middle), into("carries", middle, edge - 9), head_to_the_right(edge, true)]
        }
        ReverseVerdict::Discoverable => vec![
            out("carries", middle + 4),
            neck(BACK, middle),
            into("beyond", middle - 9, edge - 6),
            head_to_the_right(edge, false),
        ],
        ReverseVerdict::BlackHole | ReverseVerdict::Recovers => vec![
            out("carries", middle),
            into("beyond", middle - 9, edge - 6),
            hole(BACK, middle, "?"),
            head_to_the_right(edge, false),
        ],
        ReverseVerdict::Untested | ReverseVerdict::Inconclusive => {
            vec![out("unknown", middle), into("unknown", middle, edge), mark(BACK, middle, "?")]
        }
    }
}

fn station(station: Station, y: u32, report: &AddressReport) -> Element {
    let number = station.number().unwrap_or_default();
    let half = RADIUS.max(u32::try_from(number.len()).unwrap_or(0) * 4 + 5);
    let (class, corner) = match station {
        Station::Known(Point::Here | Point::Target) => ("end", 4),
        Station::Known(Point::Hop(..)) | Station::Several(..) => ("hop", RADIUS),
        Station::Hidden(..) | Station::Unknown => ("hidden", RADIUS),
    };
    let shape = Element::of_class("rect", class)
        .attribute("x", &(CHAIN - half).to_string())
        .attribute("y", &(y - RADIUS).to_string())
        .attribute("width", &(2 * half).to_string())
        .attribute("height", &(2 * RADIUS).to_string())
        .attribute("rx", &corner.to_string());
    let inside = Element::of_class("text", "number")
        .attribute("x", &CHAIN.to_string())
        .attribute("y", &(y + 4).to_string())
        .text(&number);
    let second = second_line(station, report);
    let first_y = if second.is_some() { y - 3 } else { y + 4 };
    Element::new("g")
        .child(shape)
        .child(inside)
        .children(first_line(station, report).map(|name| label("name", LABEL, first_y, &name)))
        .children(second.map(|words| label("note", LABEL, y + 12, &words)))
}

/// An address leaves no room for its network.
fn first_line(station: Station, report: &AddressReport) -> Option<String> {
    match station {
        Station::Known(Point::Hop(_, address)) => Some(address.to_string()),
        _ => station.name(report),
    }
}

/// Whose network it is, who sends messages, and who keeps them from this host.
fn second_line(station: Station, report: &AddressReport) -> Option<String> {
    let name = ptb_name(Family::of(report.address));
    let examined = &report.examined;
    match station {
        Station::Known(Point::Here) if examined.cause == Some(Cause::LocalFirewall) => {
            Some(format!("\"{name}\" is dropped here"))
        }
        Station::Known(Point::Here) => report.here.source.map(|source| source.to_string()),
        Station::Known(Point::Hop(_, address)) => {
            let ptb = examined.ptb.iter().find(|ptb| ptb.from == address);
            match (report.names.of(address).and_then(|known| known.asn), ptb) {
                (None, ptb) => Some(message(name, ptb?)),
                (Some(asn), None) => Some(format!("AS{asn}")),
                (Some(asn), Some(_)) => Some(format!("AS{asn}, \"{name}\"")),
            }
        }
        _ => None,
    }
}

fn message(name: &str, ptb: &PtbReport) -> String {
    if ptb.mtu == 0 { format!("\"{name}\"") } else { format!("\"{name}\": at most {} bytes", ptb.mtu) }
}

fn label(class: &str, x: u32, y: u32, words: &str) -> Element {
    Element::of_class("text", class).attribute("x", &x.to_string()).attribute("y", &y.to_string()).text(words)
}

fn line(class: &str, x: u32, from: u32, to: u32) -> Element {
    Element::of_class("path", class).attribute("d", &format!("M{x} {from}V{to}"))
}

/// The end of an arrow that points down.
fn head(x: u32, tip: u32, is_thick: bool) -> Element {
    let (half, length) = if is_thick { (8, 11) } else { (5, 8) };
    let (left, right, back) = (x - half, x + half, tip - length);
    Element::of_class("path", "head").attribute("d", &format!("M{x} {tip}L{left} {back}H{right}Z"))
}

/// The end of the way back, at this host.
fn head_to_the_right(tip: u32, is_thick: bool) -> Element {
    let (half, length) = if is_thick { (8, 11) } else { (5, 8) };
    let (above, below, back) = (TOP - half, TOP + half, tip - length);
    Element::of_class("path", "head").attribute("d", &format!("M{tip} {TOP}L{back} {above}V{below}Z"))
}

fn hole(x: u32, y: u32, sign: &str) -> Element {
    let disc = Element::of_class("circle", "hole")
        .attribute("cx", &x.to_string())
        .attribute("cy", &y.to_string())
        .attribute("r", "11");
    Element::new("g").child(disc).child(label("sign", x, y + 4, sign))
}

fn mark(x: u32, y: u32, sign: &str) -> Element {
    let disc = Element::of_class("circle", "mark")
        .attribute("cx", &x.to_string())
        .attribute("cy", &y.to_string())
        .attribute("r", "9");
    Element::new("g").child(disc).child(label("sign", x, y + 4, sign))
}

/// Where a line grows thin.
fn neck(x: u32, y: u32) -> Element {
    let (left, right, above, below) = (x - 9, x + 9, y - 5, y + 9);
    let d = format!("M{left} {above}H{right}L{} {below}H{}Z", x + 1, x - 1);
    Element::of_class("path", "neck").attribute("d", &d)
}
