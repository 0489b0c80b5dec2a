//! Which processes hold a socket: the links below `/proc/PID/fd`. Those of other users only root may read.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use crate::model::Holder;

/// The holders of these sockets, by their numbers. `Holder::Unreadable`: none was found among what may be read.
pub fn holders(inodes: &[u32]) -> HashMap<u32, Holder> {
    let mut found: HashMap<u32, Holder> =
        inodes.iter().map(|inode| (*inode, if *inode == 0 { Holder::Nobody } else { Holder::Unreadable })).collect();
    if found.values().all(|holder| *holder == Holder::Nobody) {
        return found;
    }
    let mut pids: Vec<u32> = entries(Path::new("/proc")).filter_map(|name| name.parse().ok()).collect();
    pids.sort_unstable();
    for pid in pids {
        note(pid, &mut found);
    }
    found
}

fn note(pid: u32, found: &mut HashMap<u32, Holder>) {
    let folder = format!("/proc/{pid}/fd");
    let sockets =
        entries(Path::new(&folder)).filter_map(|name| inode(&fs::read_link(format!("{folder}/{name}")).ok()?));
    let mut sockets: Vec<u32> = sockets.filter(|inode| found.contains_key(inode)).collect();
    // A process may hold one socket by several descriptors.
    sockets.sort_unstable();
    sockets.dedup();
    for inode in sockets {
        match found.get_mut(&inode) {
            Some(Holder::Process { others, .. }) => *others += 1,
            Some(holder) => *holder = Holder::Process { pid, name: name_of(pid), others: 0 },
            None => {}
        }
    }
}

fn entries(folder: &Path) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok())
}

/// `socket:[12345]`.
fn inode(link: &Path) -> Option<u32> {
    link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

fn name_of(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim_end_matches('\n').to_owned()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn this_process_holds_its_own_sockets() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
        let link = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&listener));
        let inode = fs::metadata(link).expect("it is open").ino() as u32;
        let found = holders(&[inode, 0]);
        assert!(matches!(&found[&inode], Holder::Process { pid, .. } if *pid == std::process::id()), "{found:?}");
        assert_eq!(found[&0], Holder::Nobody);
    }

    #[test]
    fn other_links_are_no_sockets() {
        for link in ["/dev/null", "pipe:[17]", "socket:[]", "socket:[x]", "anon_inode:[eventfd]"] {
            assert_eq!(inode(Path::new(link)), None, "{link}");
        }
        assert_eq!(inode(Path::new("socket:[17]")), Some(17));
    }
}
