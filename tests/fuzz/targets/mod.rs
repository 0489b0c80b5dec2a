//! Every reader of bytes that strangers write, with what must hold for any bytes. libFuzzer and the tests on a stable compiler run these
//! same functions.

mod dns;
mod examination;
mod firewall;
mod input;
mod logs;
mod netlink;
mod pcapng;
mod reassembly;
mod results;
mod smtp;
mod sockets;
mod tls;
mod tls_server;
mod values;
mod wire;

/// One reader.
pub(crate) struct Target {
    /// Its name, and that of its corpus.
    pub(crate) name: &'static str,
    /// Longer inputs find nothing more.
    pub(crate) longest: usize,
    /// Panics where something does not hold.
    pub(crate) check: fn(&[u8]),
}

const fn target(name: &'static str, longest: usize, check: fn(&[u8])) -> Target {
    Target { name, longest, check }
}

pub(crate) const TARGETS: [Target; 20] = [
    target("examination", 2048, examination::examination),
    target("packet", 2048, wire::packet),
    target("quote", 512, wire::quote),
    target("tcp_options", 64, wire::tcp_options),
    target("reassembly", 1024, reassembly::reassembly),
    target("netlink", 1024, netlink::netlink),
    target("sockets", 2048, sockets::sockets),
    target("nft", 4096, firewall::nft),
    target("iptables", 4096, firewall::iptables),
    target("ruleset", 4096, firewall::ruleset),
    target("logs", 4096, logs::logs),
    target("quoted", 512, logs::quoted),
    target("mail_queue", 2048, logs::mail_queue),
    target("target_list", 1024, results::target_list),
    target("results", 8192, results::results),
    target("dns", 1024, dns::dns),
    target("tls", 1024, tls::tls),
    target("smtp", 1024, smtp::smtp),
    target("values", 128, values::values),
    target("capture", 4096, pcapng::capture),
];
