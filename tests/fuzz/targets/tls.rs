//! TLS records on the way back: those of a server, changed, cut, mixed and interrupted.

use std::net::IpAddr;

use pmtu_probe::tls::Tls;

use super::input::Input;
use super::tls_server::TlsServer;

/// A server hardly says more than this before it is heard.
const MOST_OUTPUT: usize = 64 << 10;
const MOST_STEPS: usize = 200;

pub(crate) fn tls(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let name = (input.byte() & 1 == 0).then_some("mx.example.com");
    let mut client = Tls::connect(name, IpAddr::from([192, 0, 2, 25])).expect("a client");
    let mut server = TlsServer::new();
    let mut written = 0;
    for _ in 0..MOST_STEPS {
        let said = client.take_output();
        written += said.len();
        assert!(written <= MOST_OUTPUT, "{written} bytes said");
        let mut words = server.converse(&said);
        if words.is_empty() && input.is_empty() {
            break;
        }
        match input.byte() {
            128..=159 if !words.is_empty() => {
                let at = usize::from(input.word()) % words.len();
                words[at] ^= input.byte();
            }
            160..=175 => words.truncate(usize::from(input.word())),
            176..=191 => {
                let length = usize::from(input.byte());
                words.extend_from_slice(input.take(length));
            }
            192..=207 => words = [server.say(b"250 ok\r\n"), words].concat(),
            208..=215 => words.extend(server.say(&vec![b'x'; usize::from(input.word())])),
            216..=223 => words.extend(server.close()),
            224..=231 => words = [words.clone(), words].concat(),
            232..=239 => client.say(b"QUIT\r\n"),
            240..=247 => return ends(&client.close()),
            248.. => words = [[21, 3, 3, 0, 2, input.byte(), input.byte()].to_vec(), words].concat(),
            _ => {}
        }
        let pieces = 1 + usize::from(input.byte() % 4);
        for piece in words.chunks((words.len() / pieces).max(1)) {
            client = match client.receive(piece) {
                Ok(client) => client,
                Err(failure) => {
                    assert!(failure.last_words.len() <= MOST_OUTPUT);
                    let why = format!("{:?}", failure.trouble);
                    return assert!(!why.contains("plaintext buffer full"), "much said is no error: {why}");
                }
            };
        }
        assert!(client.take_heard().len() <= MOST_OUTPUT);
    }
    ends(&client.close());
}

/// The last record is an alert.
fn ends(last_words: &[u8]) {
    assert!(last_words.len() >= 7 && last_words.len() <= MOST_OUTPUT, "{} bytes", last_words.len());
}
