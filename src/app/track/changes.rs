//! What is different between two runs over a target, in lines for people.
//!
//! `changed: mx.example.com 192.0.2.25: clear -> black_hole (1400 bytes)`

use super::standing::{Found, Standing};

/// A line for each address that has changed, is gone, or is new and not fine. Without a former run all are new.
pub(super) fn changes(before: Option<&Standing>, now: &Standing) -> Vec<String> {
    let state_before = |place| before.and_then(|before| before.addresses.get(place));
    let mut lines = Vec::new();
    for (place, state) in &now.addresses {
        match state_before(place) {
            Some(before) => {
                let parts = changed_parts(before, state);
                if !parts.is_empty() {
                    lines.push(format!("changed: {place}: {}", parts.join(", ")));
                }
            }
            None if state.is_fine() => {}
            None => lines.push(format!("new: {place}: {}", whole(state))),
        }
    }
    let gone = before.into_iter().flat_map(|before| &before.addresses);
    for (place, state) in gone.filter(|(place, _)| !now.addresses.contains_key(*place)) {
        lines.push(format!("gone: {place} is no longer examined for {}: it was {}", now.target, whole(state)));
    }
    lines
}

/// A size alone is no change: what a verdict says of mail stays the same.
fn changed_parts(before: &Found, now: &Found) -> Vec<String> {
    let mut parts = Vec::new();
    if before.verdict != now.verdict {
        parts.push(format!("{before} -> {now}"));
    }
    if before.reverse != now.reverse {
        parts.push(format!("way back {} -> {}", before.reverse.verdict, now.reverse.verdict));
    }
    if let (Some(before), Some(now)) = (&before.port_state, &now.port_state)
        && before != now
    {
        parts.push(format!("port {before} -> {now}"));
    }
    parts
}

fn whole(state: &Found) -> String {
    let port = state.port_state.as_ref().filter(|port| *port != "open");
    let port = port.map(|port| format!(", port {port}")).unwrap_or_default();
    format!("{state}, way back {}{port}", state.reverse.verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (host, verdict, path MTU, way back, state of the port)
    type Row<'a> = (&'a str, &'a str, u32, &'a str, &'a str);

    fn standing(rows: &[Row<'_>]) -> Standing {
        let addresses = rows.iter().map(|(host, verdict, mtu, back, port)| {
            format!(
                r#"{{"host":"{host}","address":"192.0.2.25","port":25,"verdict":"{verdict}","path_mtu":{mtu},"port_state":"{port}","reverse":{{"verdict":"{back}","path_mtu":null}}}}"#
            )
        });
        let addresses: Vec<String> = addresses.collect();
        let line = format!(
            r#"{{"schema":"pmtu-probe/1","target":"example.com","exit_code":0,"addresses":[{}]}}"#,
            addresses.join(",")
        );
        Standing::of_line(line.as_bytes()).expect("a line")
    }

    const FINE: Row<'_> = ("mx1", "clear", 1500, "clear", "open");

    #[test]
    fn what_stays_is_not_told() {
        let now = standing(&[FINE]);
        assert!(changes(Some(&now), &now).is_empty());
        assert!(changes(None, &now).is_empty(), "new and fine");
        let smaller = |size| standing(&[("mx1", "black_hole", size, "clear", "open")]);
        assert!(changes(Some(&smaller(1400)), &smaller(1300)).is_empty(), "a size alone");
    }

    #[test]
    fn each_part_that_changed_is_told_with_what_it_was() {
        for (row, told) in [
            (("mx1", "black_hole", 1400, "clear", "open"), "clear -> black_hole (1400 bytes)"),
            (("mx1", "clear", 1500, "black_hole", "open"), "way back clear -> black_hole"),
            (("mx1", "clear", 1500, "untested", "filtered"), "way back clear -> untested, port open -> filtered"),
        ] {
            let (fine, row) = (standing(&[FINE]), standing(&[row]));
            assert_eq!(changes(Some(&fine), &row), [format!("changed: mx1 192.0.2.25: {told}")]);
        }
    }

    #[test]
    fn what_is_repaired_is_told_as_well() {
        let holed = standing(&[("mx1", "black_hole", 1400, "clear", "open")]);
        let told = changes(Some(&holed), &standing(&[FINE]));
        assert_eq!(told, ["changed: mx1 192.0.2.25: black_hole (1400 bytes) -> clear"]);
    }

    #[test]
    fn another_address_is_new_and_the_one_that_it_replaces_is_gone() {
        let holed = standing(&[("mx2", "black_hole", 1400, "untested", "open")]);
        assert_eq!(
            changes(Some(&standing(&[FINE])), &holed),
            [
                "new: mx2 192.0.2.25: black_hole (1400 bytes), way back untested",
                "gone: mx1 192.0.2.25 is no longer examined for example.com: it was clear, way back clear",
            ]
        );
    }

    #[test]
    fn a_line_of_a_version_without_the_state_of_the_port_is_no_change() {
        let old = r#"{"schema":"pmtu-probe/1","target":"example.com","addresses":[{"host":"mx1","address":"192.0.2.25","port":25,"verdict":"clear","path_mtu":1500,"reverse":{"verdict":"clear"}}]}"#;
        let old = Standing::of_line(old.as_bytes()).expect("a line");
        assert!(changes(Some(&old), &standing(&[("mx1", "clear", 1500, "clear", "filtered")])).is_empty());
    }
}
