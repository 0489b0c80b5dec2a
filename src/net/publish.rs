//! Files that take the place of others in one step: a [`WholeFile`] is written beside and renamed, an [`Exchange`] gives a file that
//! grew beside the place of the former one.
//!
//! A small child does that, since the rename comes at the end of a run: by then this process has no right left to write into
//! the directory of another user. The child keeps the rights to files alone, knows one directory and its names, and ends when the
//! pipe closes, however this process ends. What arrives only in part is never published.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, fchmod, fsync, openat, renameat, renameat_with, statat, unlinkat,
};
use rustix::io::Errno;

use super::child::{Child, answer};
use super::privilege;

/// A file that appears whole.
#[derive(Debug)]
pub struct WholeFile {
    path: PathBuf,
    child: Child,
}

/// The names of a file, of the one that grows beside it, and of the one that it was before.
#[derive(Debug)]
pub struct Exchange {
    child: Child,
}

/// Why a file cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// Something else has its name: a link, a device, a pipe.
    #[error("it is no ordinary file")]
    NoFile,
    /// Its directory is not there, or may not be written to; or the name is that of a directory.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Who may read the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Whom the umask leaves.
    ByUmask,
    /// Everybody: collectors run as users of their own.
    All,
}

impl WholeFile {
    /// Makes sure that the file can be written, and leaves what is there as it is. To be called before privileges are given up and
    /// before other threads exist.
    ///
    /// # Errors
    /// The directory is not there or not writable, or something else than a file has that name.
    pub fn prepare(path: &Path, readers: Readers) -> Result<Self, PrepareError> {
        let place = Place::of(path, readers)?;
        match start(&place, Place::check, serve_file) {
            Err(error) if error.raw_os_error() == Some(libc::EEXIST) => Err(PrepareError::NoFile),
            Err(error) => Err(error.into()),
            Ok(child) => Ok(Self { path: path.to_owned(), child }),
        }
    }

    /// The path as the user wrote it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces the file by these bytes, in one step.
    ///
    /// # Errors
    /// The disk is full, or the directory has gone. The file is then as it was.
    pub fn publish(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = (bytes.len() as u64).to_le_bytes();
        self.child.order(&[&length, bytes])
    }
}

impl Exchange {
    /// For `path`, the new file `path.new`, which is gone with the value unless it got its place, and `path.previous`. To be called
    /// before privileges are given up and before other threads exist.
    ///
    /// # Errors
    /// The directory is not there, or not writable.
    pub fn prepare(path: &Path) -> io::Result<Self> {
        let place = Place::of(path, Readers::ByUmask)?;
        let child = start(&place, |place| Draft::create(place).map(drop), serve_exchange)?;
        Ok(Self { child })
    }

    /// The new file gets its place, which is never empty meanwhile, and the former one becomes the previous.
    ///
    /// # Errors
    /// The files are as they were.
    pub fn carry_out(&mut self) -> io::Result<()> {
        self.child.order(&[&[1]])
    }
}

/// A child that may write into the directory of a place, once it has found that this suffices.
fn start(
    place: &Place,
    check: impl FnOnce(&Place) -> Result<(), Errno>,
    serve: impl FnOnce(&Place, PipeReader, PipeWriter),
) -> io::Result<Child> {
    let prepare = || {
        let may_write = privilege::only_write_files(place.directory.as_fd()).map_err(|_| Errno::PERM);
        may_write.and_then(|()| check(place))
    };
    Child::start(&[place.directory.as_fd()], prepare, |commands, answers| serve(place, commands, answers))
}

/// One name in one directory, and those that begin with it.
struct Place {
    directory: OwnedFd,
    name: OsString,
    readers: Readers,
}

impl Place {
    fn of(path: &Path, readers: Readers) -> io::Result<Self> {
        let Some(Component::Normal(name)) = path.components().next_back() else {
            return Err(Errno::ISDIR.into());
        };
        let parent = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
        let flags = OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC;
        let directory = openat(CWD, parent, flags, Mode::empty())?;
        Ok(Self { directory, name: name.to_owned(), readers })
    }

    /// What is there may be replaced only if it is a file: the name of a device or of a link stands for something else.
    fn check(&self) -> Result<(), Errno> {
        match statat(&self.directory, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) if FileType::from_raw_mode(found.st_mode) == FileType::RegularFile => {}
            Ok(found) if FileType::from_raw_mode(found.st_mode) == FileType::Directory => return Err(Errno::ISDIR),
            Ok(_) => return Err(Errno::EXIST),
            Err(Errno::NOENT) => {}
            Err(error) => return Err(error),
        }
        Draft::create(self).map(drop)
    }

    /// `FILE.new` becomes `FILE`, and what was `FILE` becomes `FILE.previous`.
    fn exchange(&self) -> Result<(), Errno> {
        let (directory, new) = (&self.directory, self.with_ending(".new"));
        match renameat_with(directory, &new, directory, &self.name, RenameFlags::EXCHANGE) {
            Ok(()) => renameat(directory, &new, directory, self.with_ending(".previous"))?,
            // The first run, or a file system that cannot exchange two files: then the former one is given up.
            Err(Errno::NOENT | Errno::INVAL | Errno::NOSYS) => renameat(directory, &new, directory, &self.name)?,
            Err(error) => return Err(error),
        }
        // So that a power cut does not bring the names back. Where the directory cannot be read, the files are whole all the same.
        let _ = openat(directory, ".", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).and_then(fsync);
        Ok(())
    }

    fn with_ending(&self, ending: &str) -> OsString {
        let mut name = self.name.clone();
        name.push(ending);
        name
    }

    /// Takes bytes from the pipe into a file beside, then gives it the name.
    fn publish(&self, contents: &mut impl Read, length: u64) -> io::Result<()> {
        let mut draft = Draft::create(self)?;
        if io::copy(&mut contents.take(length), &mut draft.file)? < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        fsync(&draft.file)?;
        draft.take_name()?;
        Ok(())
    }
}

/// A file beside the one that it is to become. It is gone with the value unless it got the name.
struct Draft<'p> {
    place: &'p Place,
    name: String,
    file: File,
    is_published: bool,
}

impl<'p> Draft<'p> {
    fn create(place: &'p Place) -> Result<Self, Errno> {
        let name = format!(".pmtu-probe.{}.tmp", std::process::id());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&place.directory, &name, flags, Mode::from_raw_mode(0o666))?;
        let draft = Self { place, name, file: file.into(), is_published: false };
        if place.readers == Readers::All {
            fchmod(&draft.file, Mode::from_raw_mode(0o644))?;
        }
        Ok(draft)
    }

    fn take_name(&mut self) -> Result<(), Errno> {
        renameat(&self.place.directory, &self.name, &self.place.directory, &self.place.name)?;
        self.is_published = true;
        Ok(())
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if !self.is_published {
            let _ = unlinkat(&self.place.directory, &self.name, AtFlags::empty());
        }
    }
}

/// Publishes what comes, a length and so many bytes, until the pipe closes.
fn serve_file(place: &Place, mut contents: PipeReader, mut answers: PipeWriter) {
    let mut length = [0; 8];
    while contents.read_exact(&mut length).is_ok() {
        let published = place.publish(&mut contents, u64::from_le_bytes(length));
        // Behind a part that was not read, nothing has a beginning.
        let is_over = published.is_err();
        if answer(&mut answers, published).is_err() || is_over {
            return;
        }
    }
}

/// Exchanges at the first order; without one, takes away what was to come.
fn serve_exchange(place: &Place, mut orders: PipeReader, mut answers: PipeWriter) {
    if orders.read_exact(&mut [0]).is_ok() {
        let exchanged = place.exchange();
        let _ = answer(&mut answers, exchanged.map_err(io::Error::from));
        if exchanged.is_ok() {
            return;
        }
    }
    let _ = unlinkat(&place.directory, place.with_ending(".new"), AtFlags::empty());
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// A directory that is gone when the test is.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("pmtu-probe-publish-{}-{name}", std::process::id()));
            let _ = std::fs::remove_dir_all(&path);
            std::fs::create_dir(&path).expect("a scratch directory");
            Self(path)
        }

        fn names(&self) -> Vec<String> {
            let entries = std::fs::read_dir(&self.0).expect("the directory");
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_file_is_replaced_in_one_step_and_as_often_as_wanted() {
        let scratch = Scratch::new("replaced");
        let path = scratch.0.join("out");
        std::fs::write(&path, "old").expect("a file");
        let mut file = WholeFile::prepare(&path, Readers::All).expect("a file");
        assert_eq!(std::fs::read(&path).expect("the old one"), b"old");
        for bytes in [b"one".repeat(100_000), b"two".to_vec()] {
            file.publish(&bytes).expect("room");
            assert_eq!(std::fs::read(&path).expect("the new one"), bytes);
        }
        assert_eq!(path.metadata().expect("the file").permissions().mode() & 0o777, 0o644);
        drop(file);
        assert_eq!(scratch.names(), ["out"]);
    }

    #[test]
    fn what_is_never_published_leaves_nothing() {
        let scratch = Scratch::new("nothing");
        drop(WholeFile::prepare(&scratch.0.join("out"), Readers::ByUmask).expect("a file"));
        assert!(scratch.names().is_empty());
    }

    /// As when this process is killed in the middle of its words.
    #[test]
    fn what_arrives_in_part_is_not_published() {
        let scratch = Scratch::new("part");
        let path = scratch.0.join("out");
        std::fs::write(&path, "old").expect("a file");
        let mut file = WholeFile::prepare(&path, Readers::ByUmask).expect("a file");
        let contents = file.child.orders().expect("open");
        contents.write_all(&100_u64.to_le_bytes()).and_then(|()| contents.write_all(b"only this")).expect("a pipe");
        drop(file);
        assert_eq!(std::fs::read(&path).expect("the old one"), b"old");
        assert_eq!(scratch.names(), ["out"]);
    }

    #[test]
    fn only_files_are_replaced() {
        let scratch = Scratch::new("links");
        let link = scratch.0.join("link");
        symlink(scratch.0.join("elsewhere"), &link).expect("a link");
        for path in [link.as_path(), Path::new("/dev/null"), Path::new("/dev/stdout")] {
            assert!(matches!(WholeFile::prepare(path, Readers::ByUmask), Err(PrepareError::NoFile)), "{path:?}");
        }
        let refusal = |path: &Path| match WholeFile::prepare(path, Readers::ByUmask) {
            Err(PrepareError::Io(error)) => error.raw_os_error(),
            _ => None,
        };
        assert_eq!(refusal(&scratch.0), Some(libc::EISDIR));
        assert_eq!(refusal(Path::new("/")), Some(libc::EISDIR));
        assert_eq!(refusal(Path::new("/nowhere/at/all")), Some(libc::ENOENT));
        assert_eq!(scratch.names(), ["link"]);
    }

    #[test]
    fn a_new_file_gets_its_place_and_without_an_order_it_goes() {
        let scratch = Scratch::new("exchange");
        let path = scratch.0.join("out");
        let content = |name: &str| std::fs::read_to_string(scratch.0.join(name)).unwrap_or_default();
        for (round, wanted) in [("one", ""), ("two", "one")] {
            let mut exchange = Exchange::prepare(&path).expect("a directory");
            std::fs::write(scratch.0.join("out.new"), round).expect("a file");
            exchange.carry_out().expect("an exchange");
            assert_eq!((content("out").as_str(), content("out.previous").as_str()), (round, wanted));
        }
        let exchange = Exchange::prepare(&path).expect("a directory");
        std::fs::write(scratch.0.join("out.new"), "three").expect("a file");
        drop(exchange);
        assert_eq!((content("out").as_str(), content("out.new").as_str()), ("two", ""));
    }
}
