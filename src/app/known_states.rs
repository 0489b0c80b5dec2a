//! `--known`: what an earlier run found of each address.

use std::cell::Cell;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Deserializer;

use super::set_user_id;
use crate::model::{Cause, KnownState, PacketSize, PortState, PtbFault, ReverseVerdict, Verdict};
use crate::report::json::SCHEMA;
use crate::report::words::{Word, address_with_zone, named};

/// A file of `--known` that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KnownError {
    /// It cannot be opened or read.
    #[error("cannot read the results {}: {source}; name a file of --json or --jsonl for --known", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something else than results.
    #[error("line {line} of {} is no result of this program; name a file of --json or --jsonl for --known", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// From 1 on.
        line: usize,
    },
    /// A set-user-ID program would read what its user may not.
    #[error("--known is refused where the program is set-user-ID: use sudo, or setcap as --help shows")]
    SetUserId,
}

/// What is known of addresses, by address, zone and port.
#[derive(Debug, Default)]
pub(super) struct KnownStates(HashMap<(String, u16), KnownState>);

/// No document about the targets of one command line is longer.
const LONGEST_DOCUMENT: u64 = 64 << 20;

/// As much of a document as matters here.
#[derive(Deserialize)]
struct Document {
    schema: String,
    addresses: Vec<AddressEntry>,
}

#[derive(Deserialize)]
struct AddressEntry {
    address: String,
    port: u16,
    verdict: String,
    cause: Option<String>,
    path_mtu: Option<u32>,
    /// Documents of early versions have none.
    port_state: Option<String>,
    #[serde(default)]
    ptb: Vec<PtbEntry>,
    reverse: ReverseEntry,
}

#[derive(Deserialize)]
struct PtbEntry {
    fault: Option<String>,
}

#[derive(Deserialize)]
struct ReverseEntry {
    verdict: String,
    path_mtu: Option<u32>,
}

impl KnownStates {
    /// Reads one document, or many of them. A last one that was cut short by the end of its run counts for nothing. Of an
    /// address that comes more than once the last counts.
    pub(super) fn read(path: &Path) -> Result<Self, KnownError> {
        if set_user_id::is_in_force() {
            return Err(KnownError::SetUserId);
        }
        let failed = |source| KnownError::Io { path: path.to_owned(), source };
        Self::read_from(File::open(path).map_err(failed)?, path)
    }

    pub(super) fn read_from(source: impl Read, path: &Path) -> Result<Self, KnownError> {
        let foreign = |line| KnownError::Foreign { path: path.to_owned(), line };
        let left = Cell::new(LONGEST_DOCUMENT);
        let mut states = Self::default();
        let documents = Deserializer::from_reader(BufReader::new(Bounded { source, left: &left })).into_iter();
        let mut read = 0_usize;
        for document in documents {
            let document: Document = match document {
                Ok(document) => document,
                Err(error) if error.is_eof() && read > 0 => break,
                Err(error) if error.is_io() && left.get() > 0 => {
                    return Err(KnownError::Io { path: path.to_owned(), source: error.into() });
                }
                Err(error) => return Err(foreign(error.line())),
            };
            read += 1;
            left.set(LONGEST_DOCUMENT);
            let entries = document.addresses.into_iter().map(AddressEntry::state).collect::<Option<Vec<_>>>();
            // A later version may have verdicts that this one does not know; then it is better to say so than to guess.
            let entries = entries.filter(|_| document.schema == SCHEMA).ok_or_else(|| foreign(read))?;
            states.0.extend(entries);
        }
        if read == 0 { Err(foreign(1)) } else { Ok(states) }
    }

    /// What is known of an address.
    pub(super) fn of(&self, address: IpAddr, zone: Option<&str>, port: u16) -> Option<&KnownState> {
        self.0.get(&(address_with_zone(address, zone), port))
    }
}

impl AddressEntry {
    /// Whose state it is, and the state.
    fn state(self) -> Option<((String, u16), KnownState)> {
        let has_router_fault = self
            .ptb
            .iter()
            .filter_map(|ptb| ptb.fault.as_deref())
            .any(|fault| PtbFault::ALL.into_iter().any(|known| known.is_survivable() && known.word() == fault));
        let state = KnownState {
            verdict: named(&Verdict::WORST_FIRST, &self.verdict).ok()?,
            cause: match &self.cause {
                Some(cause) => Some(named(&Cause::ALL, cause).ok()?),
                None => None,
            },
            path_mtu: self.path_mtu.map(PacketSize::new),
            has_router_fault,
            takes_no_connections: self.port_state.is_some_and(|state| state != PortState::Open.word()),
            reverse: named(&ReverseVerdict::WORST_FIRST, &self.reverse.verdict).ok()?,
            reverse_mtu: self.reverse.path_mtu.map(PacketSize::new),
        };
        Some(((self.address, self.port), state))
    }
}

/// Ends in an error where one document takes too much.
struct Bounded<'a, R> {
    source: R,
    left: &'a Cell<u64>,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left.get()).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let length = self.source.read(&mut buffer[..most])?;
        self.left.set(self.left.get() - length as u64);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = r#"{"address":"192.0.2.25","port":25,"verdict":"masked","cause":"no_ptb","path_mtu":1400,"port_state":"open",
        "ptb":[{"fault":"too_low"}],"reverse":{"verdict":"black_hole","path_mtu":1300,"x":1}}"#;

    fn document(entry: &str) -> String {
        format!(
            "{{\"schema\":\"pmtu-probe/1\",\"target\":\"a\",\"exit_code\":1,\"addresses\":[{entry}],\"errors\":[]}}"
        )
    }

    fn line(entry: &str) -> String {
        document(entry).replace('\n', " ") + "\n"
    }

    fn read(text: &str) -> Result<KnownStates, String> {
        KnownStates::read_from(text.as_bytes(), Path::new("file")).map_err(|error| error.to_string())
    }

    fn verdict_of(states: &KnownStates, port: u16) -> Option<Verdict> {
        states.of("192.0.2.25".parse().ok()?, None, port).map(|state| state.verdict)
    }

    #[test]
    fn a_document_says_what_was_found() {
        let states = read(&document(ENTRY)).expect("a document");
        let expected = KnownState {
            verdict: Verdict::Masked,
            cause: Some(Cause::NoPtb),
            path_mtu: Some(PacketSize::new(1400)),
            has_router_fault: true,
            takes_no_connections: false,
            reverse: ReverseVerdict::BlackHole,
            reverse_mtu: Some(PacketSize::new(1300)),
        };
        let address = "192.0.2.25".parse().expect("an address");
        assert_eq!(states.of(address, None, 25), Some(&expected));
        assert_eq!(states.of(address, None, 587), None, "another port is another server");
        assert_eq!(states.of(address, Some("eth0"), 25), None);
    }

    #[test]
    fn lines_are_as_good_as_a_document_and_the_last_of_an_address_counts() {
        let clear = ENTRY.replace("masked", "clear").replace("\"no_ptb\"", "null");
        let other = ENTRY.replace("25,\"verdict", "587,\"verdict");
        let states = read(&(line(ENTRY) + &line(&clear) + &line(&other))).expect("lines");
        assert_eq!((verdict_of(&states, 25), verdict_of(&states, 587)), (Some(Verdict::Clear), Some(Verdict::Masked)));
    }

    /// A run that was killed leaves half a line, behind whole ones.
    #[test]
    fn half_a_line_at_the_end_counts_for_nothing() {
        let half = line(ENTRY);
        for cut in 1..half.len() - 1 {
            let states = read(&(line(ENTRY) + half.get(..cut).unwrap_or_default())).expect("a whole line");
            assert_eq!(verdict_of(&states, 25), Some(Verdict::Masked), "cut at {cut}");
        }
    }

    #[test]
    fn what_is_not_ours_is_refused_by_its_line() {
        let rows = [
            (String::new(), 1),
            ("127.0.0.1 localhost\n".into(), 1),
            ("{}\n".into(), 1),
            (line(ENTRY) + "[]\n", 2),
            (line(ENTRY) + &line(ENTRY) + "\u{0}\n", 3),
            (line(ENTRY) + &line(ENTRY).replace("probe/1", "probe/9"), 2),
            (line(&ENTRY.replace("masked", "new_word")), 1),
            (line(&ENTRY.replace("no_ptb", "new_word")), 1),
            ("{\"half\":".into(), 1),
        ];
        for (text, number) in rows {
            let error = read(&text).expect_err(&text);
            assert_eq!(error.lines().count(), 1, "{error}");
            let expected = format!("line {number} of file is no result of this program;");
            assert!(error.starts_with(&expected), "{text:?}: {error}");
        }
    }

    /// No end of a string, of digits or of blanks takes the memory.
    #[test]
    fn what_has_no_end_is_refused() {
        for (begin, endless) in [("{\"schema\":\"", b'x'), ("", b' '), ("[", b'[')] {
            let source = begin.as_bytes().chain(io::repeat(endless));
            assert!(KnownStates::read_from(source, Path::new("file")).is_err(), "{begin:?}");
        }
    }
}
