//! A real Postfix as the mail server. Its log must show nothing worse than a connect and an orderly disconnect.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::lab::{Lab, with_labs};
use super::scenario::{self, Family, Node};
use super::verify::{self, Faults};

const POSTFIX: &str = "/usr/sbin/postfix";

/// smtpd alone, with all its state below one folder and its log in a file.
const MAIN_CF: &str = "compatibility_level = 3.6
queue_directory = FOLDER/spool
data_directory = FOLDER/data
maillog_file = FOLDER/maillog
maillog_file_prefixes = FOLDER
myhostname = mx.example.com
inet_interfaces = all
inet_protocols = all
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
smtpd_relay_restrictions = reject
alias_maps =
local_recipient_maps =
";
const MASTER_CF: &str = "smtp inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
anvil unix - - n - 1 anvil
rewrite unix - - n - - trivial-rewrite
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
";

#[test]
fn a_real_postfix_sees_an_orderly_visitor() {
    with_labs("postfix::a_real_postfix_sees_an_orderly_visitor", || {
        let in_private_world = fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| map.trim_end().ends_with(" 1"));
        assert!(Path::new(POSTFIX).exists() && !in_private_world, "needs root and Debian's package postfix");
        for (name, family) in [
            ("clear", Family::V4),
            ("silent_router", Family::V4),
            ("silent_router", Family::V6),
            ("ptb_1400", Family::V6),
        ] {
            postfix_case(name, family);
        }
    });
}

fn postfix_case(name: &str, family: Family) {
    let lab = Lab::up(name, family, &["--mx", "none"]).unwrap_or_else(|error| panic!("{error}"));
    let postfix = Postfix::start(&lab);
    let scenario = scenario::load(name).unwrap_or_else(|error| panic!("{error}"));
    let ran = lab.probe(&["--json", &Node::S.near_address(family).to_string()]);
    assert_eq!(
        verify::outcome(&ran, &scenario.expect.outcome(family), family),
        Faults::new(),
        "{name} {family}: {}",
        postfix.log()
    );
    let log = postfix.log_after_disconnect();
    let unkind: Vec<&str> = log.lines().filter(|line| line.contains("smtpd[") && !is_orderly(line)).collect();
    assert!(unkind.is_empty(), "{name} {family}: {}", unkind.join("\n"));
    assert!(
        log.contains("disconnect from") && log.contains("quit=1"),
        "{name} {family}: no orderly disconnect in\n{log}"
    );
    postfix.stop();
    lab.down().unwrap();
}

/// `connect from` and `disconnect from … quit=1`, in which no command was refused: Postfix writes `noop=1/2` then.
fn is_orderly(line: &str) -> bool {
    let Some((_, text)) = line.split_once("]: ") else { return false };
    let counted =
        |text: &str| text.split_whitespace().filter(|word| word.contains('=')).all(|word| !word.contains('/'));
    text.starts_with("connect from") || text.starts_with("disconnect from") && text.contains("quit=1") && counted(text)
}

struct Postfix<'a> {
    lab: &'a Lab,
    folder: String,
}

impl<'a> Postfix<'a> {
    fn start(lab: &'a Lab) -> Self {
        let folder = lab.folder().join("postfix").display().to_string();
        for part in ["", "/config", "/spool", "/data"] {
            fs::create_dir_all(format!("{folder}{part}")).unwrap();
        }
        fs::write(format!("{folder}/config/main.cf"), MAIN_CF.replace("FOLDER", &folder)).unwrap();
        fs::write(format!("{folder}/config/master.cf"), MASTER_CF).unwrap();
        lab.shell("s", &format!("chown postfix {folder}/data && {POSTFIX} -c {folder}/config start"));
        let postfix = Self { lab, folder };
        postfix.wait("smtpd to listen", || lab.shell("s", "ss -Hltn 'sport = :25'").contains(":25"));
        postfix
    }

    fn log(&self) -> String {
        fs::read_to_string(format!("{}/maillog", self.folder)).unwrap_or_default()
    }

    fn log_after_disconnect(&self) -> String {
        let count = |log: &str, word: &str| log.lines().filter(|line| line.contains(word)).count();
        self.wait("Postfix to log the disconnect", || {
            let log = self.log();
            let connects = count(&log, "]: connect from");
            connects > 0 && connects == count(&log, "]: disconnect from")
        });
        self.log()
    }

    fn wait(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !is_so() {
            assert!(Instant::now() < deadline, "waited too long for {what}; its log:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn stop(self) {
        self.lab.shell("s", &format!("{POSTFIX} -c {}/config abort || true", self.folder));
    }
}

#[test]
fn an_orderly_log_is_told_from_others() {
    let orderly =
        "Nov 24 06:00:00 mx postfix/smtpd[12]: disconnect from unknown[10.0.1.1] ehlo=1 noop=4 quit=1 commands=6";
    assert!(is_orderly(orderly));
    assert!(!is_orderly(&orderly.replace("noop=4", "noop=3/4")));
    assert!(!is_orderly(&orderly.replace("quit=1 ", "")));
    assert!(!is_orderly("Nov 24 06:00:00 mx postfix/smtpd[12]: lost connection after EHLO from unknown[10.0.1.1]"));
    assert!(is_orderly("Nov 24 06:00:00 mx postfix/smtpd[12]: connect from unknown[10.0.1.1]"));
}
