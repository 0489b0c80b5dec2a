//! What the name server knows of `test`, and where it misbehaves.

use std::time::Duration;

use super::message::{Data, Kind, NO_ERROR, NXDOMAIN, Query, REFUSED, Record, SERVFAIL};
use super::server::Reply;

const ZONE: &str = "
plain.test              MX 20 b.plain.test
plain.test              MX 65535 last.plain.test
plain.test              MX 10 mx1.plain.test
plain.test              MX 20 a.plain.test
mx1.plain.test          A 192.0.2.2
mx1.plain.test          A 192.0.2.1
mx1.plain.test          AAAA 2001:db8::1
a.plain.test            A 192.0.2.3
b.plain.test            A 192.0.2.4
last.plain.test         A 192.0.2.5
twice.test              MX 20 MX.twice.test
twice.test              MX 10 mx.twice.test
mx.twice.test           A 192.0.2.1
shared.test             MX 20 two.shared.test
shared.test             MX 10 one.shared.test
one.shared.test         A 192.0.2.1
two.shared.test         A 192.0.2.1
v4.test                 MX 10 mx.v4.test
mx.v4.test              A 192.0.2.1
v6.test                 MX 10 mx.v6.test
mx.v6.test              AAAA 2001:db8::1
implicit.test           A 192.0.2.8
implicit.test           AAAA 2001:db8::8
implicit-alias.test     CNAME implicit.test
alias.test              CNAME plain.test
chain.test              CNAME chain2.test
chain2.test             CNAME chain3.test
chain3.test             CNAME plain.test
step1.lazy.test         CNAME step2.lazy.test
step2.lazy.test         CNAME step3.lazy.test
step3.lazy.test         CNAME plain.test
loop.test               CNAME loop2.test
loop2.test              CNAME loop.test
loop1.lazy.test         CNAME loop2.lazy.test
loop2.lazy.test         CNAME loop1.lazy.test
to-nowhere.test         CNAME nonexistent.test
xn--bcher-kva.test      MX 10 mx.xn--bcher-kva.test
mx.xn--bcher-kva.test   A 192.0.2.1
_under.score.test       MX 10 _mx.score.test
_mx.score.test          A 192.0.2.1
ttl.test                MX 10 mx.ttl.test
mx.ttl.test             A 192.0.2.1
in-hosts.test           MX 10 mx.in-hosts.test
null.test               MX 0 .
null.test               A 192.0.2.9
null-twice.test         MX 0 .
null-twice.test         MX 10 .
null-and-more.test      MX 0 .
null-and-more.test      MX 10 mx.v4.test
empty.test              TXT nothing
partial.test            MX 10 gone.partial.test
partial.test            MX 20 empty.partial.test
partial.test            MX 30 mx.v4.test
empty.partial.test      TXT nothing
all-gone.test           MX 10 gone.partial.test
all-gone.test           MX 20 empty.partial.test
sick.test               MX 10 mx.sick.test
sick.test               MX 20 mx.v4.test
mute.test               MX 10 mx.mute.test
mute.test               MX 20 mx.v4.test
half.test               MX 10 mx.half.test
mx.half.test            A 192.0.2.1
mx-alias.test           MX 10 mail.mx-alias.test
mail.mx-alias.test      CNAME mx.v4.test
literal.test            MX 10 192.0.2.7
impossible.test         MX 10 mx.impossible.test
mx.impossible.test      A 0.0.0.0
mx.impossible.test      A 192.0.2.1
mx.impossible.test      A 224.0.0.1
mx.impossible.test      AAAA fe80::1
leads-back.test         MX 10 mx.leads-back.test
mx.leads-back.test      A 127.0.0.1
mx.leads-back.test      A 192.0.2.1
mx.leads-back.test      AAAA ::1
mx-servfail.test        A 192.0.2.1
wide.test               MX 10 mx.wide.test
slow.test               MX 10 mx.v4.test
race.test               MX 10 mx.v4.test
mixed.test              MX 10 mx.v4.test
1.113.0.203.in-addr.arpa            PTR r1.names.test
r1.names.test                       A 203.0.113.1
1.113.0.203.origin.asn.cymru.com    TXT 64500_|_203.0.113.0/24_|_ZZ_|_test_|_2010-01-01
2.113.0.203.in-addr.arpa            PTR bank.names.test
bank.names.test                     A 192.0.2.99
3.113.0.203.in-addr.arpa            CNAME 3.0-15.113.0.203.in-addr.arpa
3.0-15.113.0.203.in-addr.arpa       PTR r3.names.test
r3.names.test                       A 203.0.113.3
r3.names.test                       A 203.0.113.33
3.113.0.203.origin.asn.cymru.com    TXT 64501_64502_|_203.0.113.0/24_|_ZZ_|_test_|_
4.113.0.203.in-addr.arpa            PTR a.names.test
4.113.0.203.in-addr.arpa            PTR z.names.test
z.names.test                        A 203.0.113.4
5.113.0.203.origin.asn.cymru.com    TXT none_|_203.0.113.0/24
1.2.0.10.in-addr.arpa               PTR inside.names.test
inside.names.test                   A 10.0.2.1
1.2.0.10.origin.asn.cymru.com       TXT 64999_|_10.0.0.0/8
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa            PTR r6.names.test
r6.names.test                       AAAA 2001:db8::1
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.origin6.asn.cymru.com   TXT 64506_|_2001:db8::/32_|_ZZ_|_test_|_
";

/// The way of the name, or the zone's answer.
pub(crate) fn answer(query: &Query) -> Reply {
    let forged = || vec![mx(&query.name, 0, "evil.test"), a("evil.test", [203, 0, 113, 66])];
    match (query.name.as_str(), query.kind) {
        ("servfail.test" | "mx.sick.test", _) | ("mx.half.test", Kind::Aaaa) | ("mx-servfail.test", Kind::Mx) => {
            servfail(query)
        }
        ("refused.test", _) => refused(query),
        ("dead.test" | "mx.mute.test" | "69.113.0.203.in-addr.arpa" | "69.113.0.203.origin.asn.cymru.com", _) => {
            Reply::Silence
        }
        ("slow.test", _) => Reply::Late(Duration::from_secs(3), Box::new(truth(query))),
        ("wrong-id.test", _) => Reply::WrongId(forged()),
        ("wrong-question.test", _) => Reply::WrongQuestion("evil.test", forged()),
        ("race.test", _) => Reply::Both(Box::new(Reply::WrongId(forged())), Box::new(truth(query))),
        ("garbage.test" | "68.113.0.203.in-addr.arpa", _) => Reply::Garbage,
        ("other-name.test", _) => {
            Reply::Answer(NO_ERROR, vec![mx("evil.test", 0, "evil.test"), a("evil.test", [203, 0, 113, 66])])
        }
        ("mixed.test", _) => with_others(truth(query)),
        ("ttl.test", _) => with_ttl(truth(query), u32::MAX),
        ("mx.ttl.test", _) => with_ttl(truth(query), 0),
        ("hostile.test", Kind::Mx) => {
            let hosts = ["\u{1b}[2J\n\u{202e} gone.test", "\u{1b}]0;\u{7}.hostile.test"];
            Reply::Answer(NO_ERROR, hosts.iter().map(|host| mx("hostile.test", 10, host)).collect())
        }
        ("\u{1b}]0;\u{7}.hostile.test", Kind::A) => {
            Reply::Answer(NO_ERROR, vec![a("\u{1b}]0;\u{7}.hostile.test", [192, 0, 2, 1])])
        }
        ("66.113.0.203.in-addr.arpa", Kind::Ptr) => ptr(query, "\u{1b}[2J\u{7}\n\u{9b}), AS1 (.names.test"),
        ("67.113.0.203.in-addr.arpa", Kind::Ptr) => ptr(query, &longest_name()),
        ("67.113.0.203.origin.asn.cymru.com", Kind::Txt) => {
            let data = Data::Txt(b"\x1b[2J\xff".repeat(100));
            Reply::Answer(NO_ERROR, vec![Record { owner: query.name.clone(), ttl: 60, data }])
        }
        // Its name comes, and nobody tells whether it leads back.
        ("70.113.0.203.in-addr.arpa", Kind::Ptr) => ptr(query, "dead.test"),
        ("huge.test", Kind::Mx) => {
            let mx = |n: u16| mx("huge.test", n, &format!("mx{n:03}.huge.test"));
            Reply::Answer(NO_ERROR, (0..300).rev().map(mx).collect())
        }
        ("mx.wide.test", Kind::A) => {
            Reply::Answer(NO_ERROR, (1..=100).map(|n| a("mx.wide.test", [192, 0, 2, n])).collect())
        }
        ("mx.wide.test" | "\u{1b}]0;\u{7}.hostile.test", _) => Reply::Answer(NO_ERROR, Vec::new()),
        (name, kind) => match name.strip_prefix("mx").and_then(|rest| rest.strip_suffix(".huge.test")) {
            Some(number) if kind == Kind::A => {
                let last = number.parse::<u16>().map_or(255, |number| (number % 256) as u8);
                Reply::Answer(NO_ERROR, vec![a(name, [192, 0, 2, last])])
            }
            Some(_) => Reply::Answer(NO_ERROR, Vec::new()),
            None => truth(query),
        },
    }
}

/// Of a server that never answers.
pub(crate) fn silence(_: &Query) -> Reply {
    Reply::Silence
}

/// Of a server that is broken.
pub(crate) fn servfail(_: &Query) -> Reply {
    Reply::Answer(SERVFAIL, Vec::new())
}

/// Of a server that serves others.
pub(crate) fn refused(_: &Query) -> Reply {
    Reply::Answer(REFUSED, Vec::new())
}

/// What the zone says. Aliases are followed as resolvers do, but below `lazy.test` one step at a time.
fn truth(query: &Query) -> Reply {
    const LONGEST_CHAIN: usize = 6;
    let zone = zone();
    let (mut name, mut found) = (query.name.clone(), Vec::new());
    for _ in 0..LONGEST_CHAIN {
        let here: Vec<&Record> = zone.iter().filter(|record| record.owner.eq_ignore_ascii_case(&name)).collect();
        found.extend(here.iter().filter(|record| record.data.kind() == query.kind).copied().cloned());
        let Some(alias) = here.iter().find(|record| record.data.kind() == Kind::Cname) else { break };
        found.push((*alias).clone());
        let Data::Cname(target) = &alias.data else { break };
        name.clone_from(target);
        if query.name.ends_with(".lazy.test") {
            break;
        }
    }
    // RFC 8020: a name exists if one below it does.
    let exists = zone.iter().any(|record| record.owner == name || record.owner.ends_with(&format!(".{name}")));
    Reply::Answer(if exists { NO_ERROR } else { NXDOMAIN }, found)
}

fn with_others(reply: Reply) -> Reply {
    let Reply::Answer(code, records) = reply else { return reply };
    let others = vec![mx("evil.test", 0, "evil.test"), a("evil.test", [203, 0, 113, 66])];
    Reply::Answer(code, [others.clone(), records, others].concat())
}

fn with_ttl(reply: Reply, ttl: u32) -> Reply {
    let Reply::Answer(code, records) = reply else { return reply };
    Reply::Answer(code, records.into_iter().map(|record| Record { ttl, ..record }).collect())
}

fn zone() -> Vec<Record> {
    ZONE.lines().filter(|line| !line.is_empty()).map(|line| parse(line).unwrap_or_else(|| panic!("{line}"))).collect()
}

fn parse(line: &str) -> Option<Record> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let data = match words[1..] {
        ["A", address] => Data::A(address.parse().ok()?),
        ["AAAA", address] => Data::Aaaa(address.parse().ok()?),
        ["MX", preference, host] => Data::Mx(preference.parse().ok()?, host.into()),
        ["CNAME", target] => Data::Cname(target.into()),
        ["PTR", target] => Data::Ptr(target.into()),
        // Blanks are written as underscores.
        ["TXT", text] => Data::Txt(text.replace('_', " ").into()),
        _ => return None,
    };
    Some(Record { owner: words[0].into(), ttl: 60, data })
}

fn ptr(query: &Query, target: &str) -> Reply {
    Reply::Answer(NO_ERROR, vec![Record { owner: query.name.clone(), ttl: 60, data: Data::Ptr(target.into()) }])
}

/// RFC 1035, section 2.3.4: 255 bytes, of which the lengths of the labels and the root take five.
fn longest_name() -> String {
    [63, 63, 63, 61].map(|length| "x".repeat(length)).join(".")
}

fn mx(owner: &str, preference: u16, host: &str) -> Record {
    Record { owner: owner.into(), ttl: 60, data: Data::Mx(preference, host.into()) }
}

fn a(owner: &str, address: [u8; 4]) -> Record {
    Record { owner: owner.into(), ttl: 60, data: Data::A(address.into()) }
}
