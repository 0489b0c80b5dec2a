//! Files of results, plain or gzip, line by line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use crate::app::output::format::OpenError;
use crate::app::result_lines::{LONGEST_LINE, Piece, ResultLines, is_beginning};
use crate::app::set_user_id;
use crate::net::NetError;
use crate::report::merge::{Collection, FileRead, Summary};
use crate::report::text::printable;

const BUFFER: usize = 128 << 10;

/// Results cannot be summed up.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// The file of `--json` cannot be written.
    #[error(transparent)]
    Output(#[from] OpenError),
    /// A file cannot be opened or read.
    #[error("cannot read {name}: {reason}")]
    Read {
        /// The file.
        name: String,
        /// Why.
        reason: io::Error,
    },
    /// Something else than results.
    #[error("line {line} of {name} is no result of this program; --merge takes what --jsonl writes")]
    Foreign {
        /// The file.
        name: String,
        /// From 1 on.
        line: u64,
    },
    /// No result is that long.
    #[error("line {line} of {name} is longer than {LONGEST_LINE} bytes, so it is no result of this program")]
    TooLong {
        /// The file.
        name: String,
        /// From 1 on.
        line: u64,
    },
    /// What was compressed is damaged.
    #[error("{name} is damaged behind line {line}: it cannot be decompressed")]
    Damaged {
        /// The file.
        name: String,
        /// Whole lines before.
        line: u64,
    },
    /// A file without the program that unpacks it.
    #[error("{name} is compressed by {program}; unpack it: {program} -dc {name} | pmtu-probe --merge -")]
    Compressed {
        /// The file.
        name: String,
        /// What it is compressed by.
        program: &'static str,
    },
    /// A set-user-ID program would read what its user may not.
    #[error("--merge FILE is refused where the program is set-user-ID: use \"--merge - <FILE\"")]
    SetUserId,
    /// The thread cannot give its privileges up.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The summary cannot be written.
    #[error("cannot write the summary: {0}")]
    Write(io::Error),
}

/// Reads all files. Returns the summary, and remarks about files of which a part is missing.
pub(super) fn read(files: &[PathBuf]) -> Result<(Summary, Vec<String>), MergeError> {
    if set_user_id::is_in_force() && files.iter().any(|file| !is_stdin(file)) {
        return Err(MergeError::SetUserId);
    }
    let (mut collection, mut read, mut remarks) = (Collection::default(), Vec::new(), Vec::new());
    for file in files {
        let name = if is_stdin(file) { "stdin".to_owned() } else { printable(&file.display().to_string()) };
        let mut reading = Reading { name: &name, lines: 0, longest: 0 };
        let end = reading.all(open(file, &name)?, &mut collection)?;
        remarks.extend(end.remark(&name, reading.lines));
        let is_cut_short = end != End::Whole;
        read.push(FileRead { name: name.clone(), lines: reading.lines, longest_line: reading.longest, is_cut_short });
    }
    Ok((collection.summary(read), remarks))
}

/// One file that is in memory.
pub(super) fn of_bytes(bytes: &[u8]) -> Result<Summary, MergeError> {
    let (name, mut collection) = ("file", Collection::default());
    let mut reading = Reading { name, lines: 0, longest: 0 };
    let end = reading.all(unpacked(bytes, name)?, &mut collection)?;
    let (lines, longest_line, is_cut_short) = (reading.lines, reading.longest, end != End::Whole);
    Ok(collection.summary(vec![FileRead { name: name.to_owned(), lines, longest_line, is_cut_short }]))
}

fn open(file: &Path, name: &str) -> Result<Box<dyn BufRead>, MergeError> {
    let failed = |reason| MergeError::Read { name: name.to_owned(), reason };
    let from: Box<dyn Read> =
        if is_stdin(file) { Box::new(io::stdin().lock()) } else { Box::new(File::open(file).map_err(failed)?) };
    unpacked(from, name)
}

/// The lines, whether they come as such or as gzip.
fn unpacked<'a>(from: impl Read + 'a, name: &str) -> Result<Box<dyn BufRead + 'a>, MergeError> {
    let failed = |reason| MergeError::Read { name: name.to_owned(), reason };
    let mut from = BufReader::with_capacity(BUFFER, from);
    let compressed = |program| Err(MergeError::Compressed { name: name.to_owned(), program });
    match from.fill_buf().map_err(failed)? {
        [0x1f, 0x8b, ..] => Ok(Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(from)))),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => compressed("xz"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => compressed("zstd"),
        _ => Ok(Box::new(from)),
    }
}

fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

/// How a file ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Whole,
    /// In the middle of a line: the run that wrote it was cut short.
    HalfALine,
    /// In the middle of what was compressed.
    HalfOfGzip,
}

impl End {
    fn remark(self, name: &str, lines: u64) -> Option<String> {
        match self {
            Self::Whole => None,
            Self::HalfALine => Some(format!("{name} ends in the middle of line {}, which is left out", lines + 1)),
            Self::HalfOfGzip => {
                Some(format!("{name} ends in the middle of its compression; what stands before counts, {lines} lines"))
            }
        }
    }
}

/// A file that is read.
struct Reading<'a> {
    name: &'a str,
    /// Whole lines, all of them results.
    lines: u64,
    longest: usize,
}

impl Reading<'_> {
    fn all(&mut self, from: Box<dyn BufRead + '_>, collection: &mut Collection) -> Result<End, MergeError> {
        let mut pieces = ResultLines::new(from);
        loop {
            let line = self.lines + 1;
            let foreign = || MergeError::Foreign { name: self.name.to_owned(), line };
            let bytes = match pieces.next() {
                Ok(Piece::Whole(bytes)) => {
                    collection.add(bytes, self.name).map_err(|_| foreign())?;
                    bytes
                }
                // Only the line feed may be missing.
                Ok(Piece::Rest(bytes)) => match collection.add(bytes, self.name) {
                    Ok(()) => bytes,
                    Err(_) if is_beginning(bytes) => return Ok(End::HalfALine),
                    Err(_) => return Err(foreign()),
                },
                Ok(Piece::TooLong) => return Err(MergeError::TooLong { name: self.name.to_owned(), line }),
                Ok(Piece::End) => return Ok(End::Whole),
                Err(error) => return self.failed(error),
            };
            self.lines += 1;
            self.longest = self.longest.max(bytes.len());
        }
    }

    /// Only the decoder of gzip reports these kinds; reading a file does not.
    fn failed(&self, reason: io::Error) -> Result<End, MergeError> {
        let name = self.name.to_owned();
        match reason.kind() {
            io::ErrorKind::UnexpectedEof => Ok(End::HalfOfGzip),
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                Err(MergeError::Damaged { name, line: self.lines })
            }
            _ => Err(MergeError::Read { name, reason }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::report::merge::render_text;
    use crate::report::text::Detail;

    fn line(target: &str) -> String {
        format!(
            "{{\"schema\":\"pmtu-probe/1\",\"target\":\"{target}\",\"started\":null,\"exit_code\":3,\"addresses\":[],\"errors\":[]}}\n"
        )
    }

    /// A file that is gone when the test is.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str, content: &[u8]) -> Self {
            let path = std::env::temp_dir().join(format!("pmtu-probe-merge-{}-{name}", std::process::id()));
            std::fs::write(&path, content).expect("a scratch file");
            Self(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content).expect("memory takes it");
        encoder.finish().expect("memory takes it")
    }

    /// How many targets, then the remarks, without the folder.
    fn sum_up(files: &[&Scratch]) -> Result<(String, Vec<String>), String> {
        let folder = format!("{}/pmtu-probe-merge-{}-", std::env::temp_dir().display(), std::process::id());
        let paths: Vec<PathBuf> = files.iter().map(|file| file.0.clone()).collect();
        let (summary, remarks) = read(&paths).map_err(|error| error.to_string().replace(&folder, ""))?;
        let head = render_text(&summary, Detail::VerdictOnly).lines().next().unwrap_or_default().to_owned();
        let targets = head.split(", ").next().unwrap_or_default().replace("0 addresses of ", "");
        Ok((targets, remarks.iter().map(|remark| remark.replace(&folder, "")).collect()))
    }

    fn targets(files: &[&Scratch]) -> String {
        let (targets, remarks) = sum_up(files).expect("results");
        assert_eq!(remarks, [""; 0]);
        targets
    }

    #[test]
    fn files_are_read_plain_and_compressed() {
        let plain = Scratch::new("plain", (line("a") + &line("b")).as_bytes());
        let packed = Scratch::new("packed", &gzip((line("b") + &line("c")).as_bytes()));
        // As "cat a.gz b.gz" makes it.
        let members = Scratch::new("members", &[gzip(line("d").as_bytes()), gzip(line("e").as_bytes())].concat());
        let nothing = Scratch::new("nothing", b"");
        let no_feed = Scratch::new("no-feed", line("f").trim_end().as_bytes());
        assert_eq!(targets(&[&plain]), "2 targets");
        assert_eq!(targets(&[&plain, &packed]), "3 targets");
        assert_eq!(targets(&[&plain, &packed, &members, &nothing, &no_feed]), "6 targets");
    }

    #[test]
    fn half_a_last_line_is_told_and_left_out() {
        let last = line("c");
        for cut in 1..last.len() - 1 {
            let file = Scratch::new("half", (line("a") + &line("b") + &last[..cut]).as_bytes());
            let (targets, remarks) = sum_up(&[&file]).expect("two results");
            assert_eq!(targets, "2 targets", "cut at {cut}");
            assert_eq!(remarks, ["half ends in the middle of line 3, which is left out"], "cut at {cut}");
            let alone = Scratch::new("alone", &last.as_bytes()[..cut]);
            assert!(sum_up(&[&alone]).is_ok_and(|(_, remarks)| remarks.len() == 1), "cut at {cut}");
        }
    }

    #[test]
    fn compression_that_is_cut_short_is_told() {
        let many: String = (0..20_000).map(|n| line(&format!("t{n}"))).collect();
        let whole = gzip(many.as_bytes());
        let file = Scratch::new("cut-gzip", &whole[..whole.len() / 2]);
        let (_, remarks) = sum_up(&[&file]).expect("what is there");
        assert!(remarks[0].starts_with("cut-gzip ends in the middle of its compression; what stands before counts, "));
        let mut damaged = whole.clone();
        let middle = whole.len() / 2;
        damaged[middle..middle + 64].fill(0xff);
        let file = Scratch::new("damaged", &damaged);
        let said = sum_up(&[&file]).expect_err("damage");
        assert!(said.starts_with("damaged is damaged behind line ") || said.contains("is no result"), "{said}");
    }

    #[test]
    fn what_is_not_ours_is_refused_by_file_and_line() {
        let good = Scratch::new("good", line("a").as_bytes());
        for (name, content, expected) in [
            ("foreign", line("a") + "127.0.0.1 localhost\n", "line 2 of foreign is no result of this program"),
            ("other", line("a").replace("probe/1", "probe/9"), "line 1 of other is no result of this program"),
            ("blank", line("a") + "\n" + &line("b"), "line 2 of blank is no result of this program"),
            ("tail", "no line of ours".into(), "line 1 of tail is no result of this program"),
            ("xz", "\u{fd}".into(), "line 1 of xz is no result of this program"),
        ] {
            let bad = Scratch::new(name, content.as_bytes());
            let said = sum_up(&[&good, &bad]).expect_err(name);
            assert!(said.starts_with(expected) && said.lines().count() == 1, "{said}");
        }
        let packed = Scratch::new("packed-otherwise", b"\xfd7zXZ\0and so on");
        let said = sum_up(&[&packed]).expect_err("another compression");
        assert!(said.starts_with("packed-otherwise is compressed by xz; unpack it: xz -dc "), "{said}");
        let missing = read(&[PathBuf::from("/nonexistent/results")]).map(drop).map_err(|error| error.to_string());
        assert!(missing.is_err_and(|said| said.starts_with("cannot read /nonexistent/results: ")));
    }

    #[test]
    fn a_line_has_a_longest_length() {
        let file = Scratch::new("long", &[line("a").as_bytes(), &vec![b'['; LONGEST_LINE + 10]].concat());
        let said = sum_up(&[&file]).expect_err("too long");
        assert_eq!(said, "line 2 of long is longer than 8388608 bytes, so it is no result of this program");
    }
}
