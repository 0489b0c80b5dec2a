//! Replies of SMTP servers.

use pmtu_probe::examine::fuzz;

/// The pieces in which they arrive end at a zero byte. Commands are whole, few, and none comes before a greeting.
pub(crate) fn smtp(bytes: &[u8]) {
    let (said, kept) = fuzz::smtp_replies(bytes.split(|byte| *byte == 0));
    assert!(kept <= 4096, "{kept} bytes of a line are kept");
    let said = String::from_utf8(said).expect("text");
    assert!(said.is_empty() || said.ends_with("\r\n"), "{said:?}");
    let commands: Vec<&str> = said.split_terminator("\r\n").collect();
    assert!(commands.len() <= 6 && commands.iter().all(|command| command.len() <= 510), "{said:?}");
    for (at, command) in commands.iter().enumerate() {
        let is_expected = match at {
            0 => *command == "EHLO [192.0.2.1]",
            _ => command.starts_with("NOOP") || (*command == "QUIT" && at + 1 == commands.len()),
        };
        assert!(is_expected, "{said:?}");
    }
    if !commands.is_empty() {
        let text: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
        let greeting = text.split(|byte| *byte == b'\n').find(|line| line.get(3) != Some(&b'-'));
        assert!(greeting.is_some_and(|line| line.starts_with(b"220")), "something was said before a greeting");
    }
}
