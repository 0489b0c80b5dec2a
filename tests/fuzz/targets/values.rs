//! Values of the command line, which scripts may take from anywhere.

use pmtu_probe::cli::{Request, parse};
use pmtu_probe::model::PacketSize;

use super::input::Input;

const OPTIONS: [&str; 14] = [
    "--port=",
    "--max-size=",
    "--min-size=",
    "--timeout=",
    "--rate=",
    "--concurrency=",
    "--flows=",
    "--shard=",
    "--interface=",
    "--source=",
    "--expect=",
    "--expect-mtu=",
    "--since=",
    "",
];

pub(crate) fn values(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let option = input.pick(&OPTIONS);
    let value = String::from_utf8_lossy(input.rest()).into_owned();
    let argument = format!("{option}{value}");
    let mut arguments = vec!["pmtu-probe".to_owned(), argument.clone()];
    if !option.is_empty() {
        arguments.push("mx.example.com".to_owned());
    }
    match parse(arguments) {
        Ok(Request::Run(plan)) => {
            let examination = &plan.examination;
            assert_ne!(examination.port, 0);
            let sizes = [examination.max_size, examination.min_size];
            let sound = PacketSize::new(68)..=PacketSize::new(65_535);
            assert!(sizes.into_iter().flatten().all(|size| sound.contains(&size)), "{argument:?}");
            if let Some(text) = argument.strip_prefix("--port=") {
                assert_eq!(text.parse(), Ok(examination.port), "{argument:?}");
            }
        }
        Ok(Request::Show(text)) => assert!(!text.is_empty()),
        Err(error) => assert!(!error.to_string().trim().is_empty()),
    }
}
