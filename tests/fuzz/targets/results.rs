//! Files of results, as `--resume`, `--known`, `--merge` and `--track` read them, and lists of targets.

use pmtu_probe::app::fuzz;
use pmtu_probe::resolve::Target;

/// What nobody asks for may be text of any kind.
#[derive(serde::Deserialize)]
struct Schema {
    schema: String,
}

/// No file loses a byte that was not ours, and what is printed of one has lines of ours alone.
pub(crate) fn results(bytes: &[u8]) {
    if let Some((whole, half)) = fuzz::resumed(bytes) {
        let whole = usize::try_from(whole).expect("a length");
        assert_eq!(whole + half.len(), bytes.len(), "all of the file is accounted for");
        assert!(bytes.ends_with(&half) && !half.contains(&b'\n'));
        assert!(whole == 0 || bytes[whole - 1] == b'\n', "whole lines end");
        for line in bytes[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let line: Schema = serde_json::from_slice(line).expect("a line of ours is JSON");
            assert_eq!(line.schema, "pmtu-probe/1");
        }
        let opening = br#"{"schema":"pmtu-probe/1","#;
        let length = half.len().min(opening.len());
        assert_eq!(half[..length], opening[..length], "only half a line of ours is cut");
        let again = fuzz::resumed(&bytes[..whole]);
        assert_eq!(again, Some((whole as u64, Vec::new())), "what is left can be gone on with");
    }
    fuzz::is_known(bytes);
    if let Some((text, json)) = fuzz::merged(bytes) {
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
        let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert!(json.is_object());
    }
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let (before, now) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    if let Some(told) = fuzz::tracked(now, now) {
        assert_eq!(told, Vec::<String>::new(), "nothing has changed");
    }
    fuzz::tracked(before, now);
}

/// Lines are numbered as they stand, none is longer than its limit, and a target is printed as it can be typed.
pub(crate) fn target_list(bytes: &[u8]) {
    let lines = fuzz::target_list(bytes);
    assert!(lines.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert!(lines.last().is_none_or(|(number, _)| *number <= 1 + bytes.split(|byte| *byte == b'\n').count() as u64));
    for text in lines.into_iter().filter_map(|(_, text)| text) {
        assert!(!text.is_empty() && text.len() <= 1000 && !text.contains('\n'));
        match text.parse::<Target>() {
            Ok(target) => {
                let printed = target.to_string();
                assert!(!printed.chars().any(char::is_control), "{printed:?}");
                assert_eq!(printed.parse().as_ref(), Ok(&target), "{printed:?} is read as it was written");
            }
            Err(error) => {
                let error = error.to_string();
                assert!(!error.chars().any(char::is_control), "{error:?}");
            }
        }
    }
}
