//! Mail that hangs at this moment: a real Postfix whose connections are stalled, among 200 that are fine.

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::chain::{Chain, Kind};
use super::evidence::{
    HOLED, LARGE_TO_HOLED, PASSES, RELAYS, dig_a_hole, main_cf, must_contain, submit_all, unwrapped,
};
use super::lab::{Lab, program};
use super::message::Message;
use super::mx::Running;
use super::needs;
use super::postfix::Postfix;
use super::scenario::{Family, Node};
use super::sender::{MASTER_CF, Sender};
use super::state::forget;

/// The connections have to hang for as long as the test looks.
const PATIENCE: Duration = Duration::from_secs(60);
const WHOLE: Duration = Duration::from_secs(3);
/// Two looks, and an examination on a machine that is busy.
const SOON: Duration = Duration::from_secs(8);
const HEALTHY: usize = 200;
const PORT_OF_THE_HEALTHY: u16 = 8730;

#[test]
fn mail_that_hangs_now_is_found_by_its_connections() {
    needs::check_postfix();
    let lab = Lab::up("clear", Family::V4, &["--mx", "none"]).unwrap_or_else(|error| panic!("{error}"));
    stuck_mail(&lab).unwrap_or_else(|error| panic!("{error}"));
    lab.down().unwrap_or_else(|error| panic!("{error}"));
}

fn stuck_mail(lab: &Lab) -> Result<(), String> {
    dig_a_hole(lab)?;
    let domains: Vec<&str> = RELAYS.iter().map(|(domain, _, _)| *domain).collect();
    let _mx = Running::start_for(lab, &domains.join(", "))?;
    let postfix = Postfix::start(lab, "c", &main_cf(PATIENCE), MASTER_CF)?;
    let healthy = healthy(lab);
    submit_all(&postfix)?;
    let stuck = || {
        let sockets = lab.shell("c", &format!("ss -Htino dst {}:25", HOLED.2));
        // Sent three times at least.
        sockets.lines().filter(|line| line.contains("backoff:2")).count() == LARGE_TO_HOLED
    };
    postfix.wait(Duration::from_secs(40), "the mail to hang", || stuck().then_some(()))?;
    let (text, named_after) = named(lab)?;
    let holed = format!("{}:25", HOLED.2);
    let unbroken = unwrapped(&text);
    must_contain(
        &unbroken,
        &[
            &format!("{LARGE_TO_HOLED} of {} connections stand still", HEALTHY + LARGE_TO_HOLED),
            &format!("{holed}: classic: large segments are sent in vain, small ones pass"),
            "process smtp, pid ",
            "segments of up to 1448: packets of up to 1500 bytes",
            &format!("{}: black hole above {PASSES} bytes: large mail will hang", HOLED.2),
            &format!("to {holed}: black hole confirmed: its packets have 1500 bytes, and all above {PASSES} vanish"),
            "it sends the same again until it times out",
        ],
    )?;
    if let Some((_, _, innocent)) = RELAYS[..3].iter().find(|(_, _, address)| unbroken.contains(&format!("{address}:")))
    {
        return Err(format!("{innocent} is named:\n{text}"));
    }
    println!("named after {:.2} s", named_after.as_secs_f64());
    if named_after > WHOLE {
        return Err(format!("named after {named_after:?}"));
    }
    drop(healthy);
    Ok(())
}

/// A watch runs, and mail begins to hang. What frees it is told as well.
#[test]
fn mail_that_begins_to_hang_is_told_while_a_watch_runs() {
    needs::check_postfix();
    let lab = Lab::up("clear", Family::V4, &["--mx", "none"]).unwrap_or_else(|error| panic!("{error}"));
    watched(&lab).unwrap_or_else(|error| panic!("{error}"));
    lab.down().unwrap_or_else(|error| panic!("{error}"));
}

fn watched(lab: &Lab) -> Result<(), String> {
    dig_a_hole(lab)?;
    lab.shell("c", "sysctl -qw net.ipv4.tcp_mtu_probing=0");
    let domains: Vec<&str> = RELAYS.iter().map(|(domain, _, _)| *domain).collect();
    let _mx = Running::start_for(lab, &domains.join(", "))?;
    let postfix = Postfix::start(lab, "c", &main_cf(PATIENCE), MASTER_CF)?;
    let healthy = healthy(lab);
    let file = lab.folder().join("watch.out");
    let mut command = lab.command("c", program());
    command.args(["--watch", "--from-sockets", "-q"]);
    let out = std::fs::File::create(&file).map_err(|error| error.to_string())?;
    let mut watch = command.stdout(out).spawn().map_err(|error| error.to_string())?;
    let told = || std::fs::read_to_string(&file).unwrap_or_default();
    std::thread::sleep(Duration::from_secs(3));
    submit_all(&postfix)?;
    let hangs = || lab.shell("c", &format!("ss -Htino dst {}:25", HOLED.2)).contains("backoff:3");
    postfix.wait(Duration::from_secs(40), "the mail to hang", || hangs().then_some(()))?;
    let hung = Instant::now();
    postfix.wait(SOON, "the first line", || told().contains(": hangs for ").then_some(()))?;
    println!("told {:.1} s after the third retransmission", hung.elapsed().as_secs_f64());
    postfix.wait(SOON, "all lines", || (told().lines().count() >= LARGE_TO_HOLED).then_some(()))?;
    std::thread::sleep(Duration::from_secs(5));
    let text = told();
    let to_holed = format!(" to {}:25: hangs for ", HOLED.2);
    if text.lines().count() != LARGE_TO_HOLED || text.lines().any(|line| !line.contains(&to_holed)) {
        return Err(format!("not each of {LARGE_TO_HOLED} once:\n{text}"));
    }
    for line in text.lines() {
        let verdict = format!("the path: black hole above {PASSES}, hop ");
        must_contain(line, &[" smtp (pid ", "packets of up to 1500 bytes", &verdict, "until it times out"])?;
    }
    // What each line says of them.
    lab.shell("c", "sysctl -qw net.ipv4.tcp_mtu_probing=1");
    // Mail that moves is sent in less time than lies between two looks.
    let ends = [": moves again, after it hung for ", ": is over, after it hung for "];
    let freed = || ends.iter().map(|end| told().matches(end).count()).sum::<usize>() == LARGE_TO_HOLED;
    postfix
        .wait(Duration::from_secs(40), "the mail to move again", || freed().then_some(()))
        .map_err(|error| format!("{error}\n{}", told()))?;
    let process = rustix::process::Pid::from_child(&watch);
    rustix::process::kill_process(process, rustix::process::Signal::INT).map_err(|error| error.to_string())?;
    let code = watch.wait().map_err(|error| error.to_string())?.code();
    drop(healthy);
    if code == Some(0) {
        Ok(())
    } else {
        Err(format!("nothing hangs any more, and it ends with {code:?}:\n{}", told()))
    }
}

/// The text of a run, and when it named the verdict of the relay.
fn named(lab: &Lab) -> Result<(String, Duration), String> {
    let start = Instant::now();
    let mut command = lab.command("c", program());
    let mut child = command.arg("--from-sockets").stdout(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
    let (mut text, mut after) = (String::new(), None);
    for line in BufReader::new(child.stdout.take().ok_or("no output")?).lines().map_while(Result::ok) {
        if line.contains("large mail will hang") {
            after = after.or(Some(start.elapsed()));
        }
        text.extend([&line, "\n"]);
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    match (after, status.code()) {
        (Some(after), Some(2)) => Ok((text, after)),
        (after, code) => Err(format!("verdict {after:?}, exit code {code:?}:\n{text}")),
    }
}

/// Connections that carried something and are idle now.
fn healthy(lab: &Lab) -> Vec<TcpStream> {
    let listener = lab.inside("s", || TcpListener::bind(("0.0.0.0", PORT_OF_THE_HEALTHY)).expect("a free port"));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || while let Ok(1..) = stream.read(&mut [0; 4096]) {});
        }
    });
    let connect = |_| {
        let mut stream =
            lab.inside("c", || TcpStream::connect(("10.0.4.2", PORT_OF_THE_HEALTHY)).expect("a connection"));
        std::io::Write::write_all(&mut stream, &[b'x'; 10_000]).expect("it takes them");
        stream
    };
    (0..HEALTHY).map(connect).collect()
}

/// The server's side of mail that hangs on its way here: it has asked for the message, and nothing comes.
#[test]
fn incoming_mail_that_hangs_now_is_found_by_its_connection() {
    needs::check_postfix();
    let lab = Lab::up("reverse_hole", Family::V4, &["--mx", "none"]).unwrap_or_else(|error| panic!("{error}"));
    incoming(&lab).unwrap_or_else(|error| panic!("{error}"));
    lab.down().unwrap_or_else(|error| panic!("{error}"));
}

fn incoming(lab: &Lab) -> Result<(), String> {
    forget(lab);
    let _receiver = Running::start_on_c(lab, PATIENCE)?;
    let chain = Chain::make(Kind::Ordinary, lab)?;
    let to = Node::C.far_address(Family::V4);
    let sender = Sender::start_on_s(lab, to, PATIENCE / 2, Some(&chain))?;
    let mail = sender.submit(Message::large())?;
    let text = std::thread::scope(|scope| {
        let attempt = scope.spawn(|| sender.attempt(&mail).map(drop));
        // A client may think for 20 s.
        std::thread::sleep(Duration::from_secs(22));
        let ran = lab.probe(&["--from-sockets=25"]);
        lab.shell("c", "ss -K sport = :25 >/dev/null || true");
        let _ = attempt;
        format!("{}\nexit code {:?}\n{}", ran.stdout, ran.status.code(), ran.stderr)
    });
    let peer = Node::S.near_address(Family::V4);
    must_contain(
        &unwrapped(&text),
        &[
            &format!("{peer}:"),
            "opened by the peer, to 10.0.1.1:25; the way from there is to be examined, at its own port 25",
            "other direction: black hole above 1400 bytes: large mail from there will hang",
            "black hole confirmed: large packets from there do not arrive",
            "exit code Some(2)",
        ],
    )
}
