//! A file that is read again and again, although this process may no longer open it.
//!
//! A small child does that: it keeps the right to read files, knows two directories (that of the name and that of the file which the name
//! leads to), and ends when the pipe closes. The name is looked up each time, since editors put a new file in its place.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat};
use rustix::io::Errno;

use super::child::{Child, answer};
use super::privilege;

/// A file by its name.
#[derive(Debug)]
pub struct Rereadable {
    path: PathBuf,
    child: Child,
}

impl Rereadable {
    /// Makes sure that it can be read. To be called before privileges are given up and before other threads exist. More than `most` bytes
    /// are refused each time.
    ///
    /// # Errors
    /// It is not there, may not be read, or is no ordinary file.
    pub fn prepare(path: &Path, most: u64) -> io::Result<Self> {
        let place = Place::of(path)?;
        let directories: Vec<_> = place.directories.iter().map(AsFd::as_fd).collect();
        let prepare = || {
            privilege::only_read_files(&directories).map_err(|_| Errno::PERM)?;
            place.open().map(drop)
        };
        let child = Child::start(&directories, prepare, |orders, answers| serve(&place, most, orders, answers))?;
        Ok(Self { path: path.to_owned(), child })
    }

    /// The path as the user wrote it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is in the file now.
    ///
    /// # Errors
    /// As with `prepare`, or it has grown too long.
    pub fn read(&mut self) -> io::Result<Vec<u8>> {
        self.child.order(&[&[1]])?;
        let mut length = [0; 8];
        self.child.outcomes().read_exact(&mut length)?;
        let mut bytes = vec![0; usize::try_from(u64::from_le_bytes(length)).unwrap_or(0)];
        self.child.outcomes().read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

struct Place {
    /// That of the name, then that of the file.
    directories: Vec<OwnedFd>,
    name: std::ffi::OsString,
}

impl Place {
    fn of(path: &Path) -> io::Result<Self> {
        let leads_to = path.canonicalize()?;
        let name = path.file_name().ok_or(Errno::ISDIR)?.to_owned();
        let flags = OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC;
        let open = |path: &Path| {
            let parent = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
            openat(CWD, parent, flags, Mode::empty())
        };
        Ok(Self { directories: vec![open(path)?, open(&leads_to)?], name })
    }

    fn open(&self) -> Result<OwnedFd, Errno> {
        // A pipe in its place keeps nobody waiting.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = openat(&self.directories[0], &self.name, flags, Mode::empty())?;
        match FileType::from_raw_mode(fstat(&file)?.st_mode) {
            FileType::RegularFile => Ok(file),
            FileType::Directory => Err(Errno::ISDIR),
            _ => Err(Errno::INVAL),
        }
    }

    fn read(&self, most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        std::fs::File::from(self.open()?).take(most + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > most { Err(Errno::FBIG.into()) } else { Ok(bytes) }
    }
}

/// Answers each order with the bytes of the file, their length before them.
fn serve(place: &Place, most: u64, mut orders: PipeReader, mut answers: PipeWriter) {
    while orders.read_exact(&mut [0]).is_ok() {
        let told = match place.read(most) {
            Ok(bytes) => answer(&mut answers, Ok(()))
                .and_then(|()| answers.write_all(&(bytes.len() as u64).to_le_bytes()))
                .and_then(|()| answers.write_all(&bytes)),
            Err(error) => answer(&mut answers, Err(error)),
        };
        if told.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("pmtu-probe-reread-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).expect("a scratch directory");
        path
    }

    #[test]
    fn a_file_is_read_as_it_is_now_whatever_has_taken_its_place() {
        let directory = scratch("now");
        let path = directory.join("list");
        fs::write(&path, "one").expect("a file");
        let mut file = Rereadable::prepare(&path, 1 << 20).expect("a file");
        assert_eq!(file.read().expect("its bytes"), b"one");
        // As editors do.
        fs::write(directory.join("new"), "two".repeat(100_000)).expect("a file");
        fs::rename(directory.join("new"), &path).expect("a name");
        assert_eq!(file.read().expect("its bytes").len(), 300_000);
        fs::remove_file(&path).expect("a file");
        assert_eq!(file.read().map_err(|error| error.kind()), Err(io::ErrorKind::NotFound));
        fs::write(&path, "back").expect("a file");
        assert_eq!(file.read().expect("its bytes"), b"back");
        fs::write(&path, vec![b'x'; (1 << 20) + 1]).expect("a file");
        assert_eq!(file.read().map_err(|error| error.raw_os_error()), Err(Some(libc::EFBIG)));
        drop(file);
        let _ = fs::remove_dir_all(directory);
    }

    /// As Kubernetes has its files: the name leads to a link that is exchanged.
    #[test]
    fn a_name_that_leads_elsewhere_is_followed() {
        let directory = scratch("link");
        for (name, content) in [("1", "one"), ("2", "two")] {
            fs::create_dir(directory.join(name)).expect("a directory");
            fs::write(directory.join(name).join("list"), content).expect("a file");
        }
        let link = |to: &str| {
            let _ = fs::remove_file(directory.join("data"));
            std::os::unix::fs::symlink(to, directory.join("data")).expect("a link");
        };
        link("1");
        std::os::unix::fs::symlink("data/list", directory.join("list")).expect("a link");
        let mut file = Rereadable::prepare(&directory.join("list"), 100).expect("a file");
        assert_eq!(file.read().expect("its bytes"), b"one");
        link("2");
        assert_eq!(file.read().expect("its bytes"), b"two");
        let _ = fs::remove_dir_all(directory);
    }

    #[test]
    fn only_files_are_read() {
        let directory = scratch("kinds");
        let refusal = |path: &Path| Rereadable::prepare(path, 100).err().and_then(|error| error.raw_os_error());
        assert_eq!(refusal(&directory), Some(libc::EISDIR));
        assert_eq!(refusal(Path::new("/dev/null")), Some(libc::EINVAL));
        assert_eq!(refusal(&directory.join("none")), Some(libc::ENOENT));
        let _ = fs::remove_dir_all(directory);
    }
}
