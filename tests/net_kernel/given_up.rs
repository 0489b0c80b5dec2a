//! What this process can still do after it gave its privileges up: what a fault in the reading of packets would be worth.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use pmtu_probe::net::privilege;
use rustix::thread::{LinkNameSpaceType, UnshareFlags};
use socket2::{Domain, Protocol, Socket, Type};

use crate::lab::in_namespaces;

/// A directory that everybody may read and write, with a file that everybody may read and write: no permission stands in the way.
fn open_to_all() -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("pmtu-probe-given-up-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a directory");
    fs::write(folder.join("file"), "text").expect("a file");
    for (path, mode) in [(folder.clone(), 0o777), (folder.join("file"), 0o666)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
    }
    folder
}

#[test]
fn files_are_out_of_reach_but_those_of_the_system() {
    in_namespaces("given_up::files_are_out_of_reach_but_those_of_the_system", async |_| {
        let folder = open_to_all();
        let file = folder.join("file");
        let mut before = OpenOptions::new().read(true).write(true).open(&file).expect("may be opened now");
        privilege::give_up().expect("given up");
        assert!(File::open(&file).is_err(), "a file of others is read");
        assert!(File::open("/etc/passwd").is_err(), "what no resolver reads is read");
        assert!(OpenOptions::new().write(true).open(&file).is_err(), "a file is written");
        assert!(File::create(folder.join("new")).is_err(), "a file is made");
        assert!(fs::create_dir(folder.join("new")).is_err(), "a directory is made");
        assert!(fs::remove_file(&file).is_err(), "a file is removed");
        assert!(fs::rename(&file, folder.join("other")).is_err(), "a file is renamed");
        assert!(fs::set_permissions(&file, fs::Permissions::from_mode(0o4755)).is_err(), "permissions are changed");
        assert!(std::os::unix::fs::symlink("/etc/shadow", folder.join("link")).is_err(), "a link is made");
        for read in ["/etc/hosts", "/proc/sys/net/ipv4/tcp_mtu_probing"] {
            fs::read(read).unwrap_or_else(|error| panic!("{read}: {error}"));
        }
        let mut text = String::new();
        before.read_to_string(&mut text).expect("what is open is read on");
        assert_eq!(text, "text");
        before.write_all(b"more").expect("what is open is written on");
    });
    let folder = std::env::temp_dir().join(format!("pmtu-probe-given-up-{}", std::process::id()));
    assert_eq!(fs::read_to_string(folder.join("file")).expect("the file"), "textmore");
    fs::remove_dir_all(folder).expect("removed");
}

#[test]
#[expect(deprecated, reason = "unsafe only with UnshareFlags::FILES")]
fn no_program_no_process_no_new_power() {
    in_namespaces("given_up::no_program_no_process_no_new_power", async |_| {
        let network = File::open("/proc/thread-self/ns/net").expect("a namespace");
        privilege::give_up().expect("given up");
        assert!(Command::new("/bin/true").spawn().is_err(), "a program starts");
        assert!(rustix::thread::unshare(UnshareFlags::NEWUSER).is_err(), "a user namespace");
        let network = std::os::fd::AsFd::as_fd(&network);
        let back = rustix::thread::move_into_link_name_space(network, Some(LinkNameSpaceType::Network));
        assert!(back.is_err(), "another namespace");
        assert!(rustix::mount::mount_change("/", rustix::mount::MountPropagationFlags::PRIVATE).is_err(), "mounts");
        let status = fs::read_to_string("/proc/thread-self/status").expect("readable");
        let value = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
            line.unwrap_or_else(|| panic!("{key} in {status}")).trim().to_owned()
        };
        assert_eq!((value("NoNewPrivs").as_str(), value("Seccomp").as_str()), ("1", "2"));
    });
}

#[test]
fn only_ordinary_sockets_are_opened() {
    in_namespaces("given_up::only_ordinary_sockets_are_opened", async |_| {
        let server = TcpListener::bind("127.0.0.1:0").expect("a port");
        privilege::give_up().expect("given up");
        for (domain, kind, protocol) in [
            (Domain::PACKET, Type::RAW, None),
            (Domain::PACKET, Type::DGRAM, None),
            (Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)),
            (Domain::IPV6, Type::RAW, Some(Protocol::ICMPV6)),
            (Domain::VSOCK, Type::STREAM, None),
        ] {
            assert!(Socket::new(domain, kind, protocol).is_err(), "{domain:?} {kind:?}");
        }
        TcpStream::connect(server.local_addr().expect("its address")).expect("TCP");
        std::net::UdpSocket::bind("127.0.0.1:0").expect("UDP");
        ("localhost", 25).to_socket_addrs().expect("the resolver of the system").next().expect("an address");
        std::thread::spawn(|| ()).join().expect("a thread");
        tokio::spawn(async {}).await.expect("a task");
    });
}
