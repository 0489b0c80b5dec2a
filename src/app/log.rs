//! Log lines on stderr, for `-vv` and `-vvv`.

use tracing_subscriber::EnvFilter;

/// Log lines on stderr: warnings, with `-vv` decisions, with `-vvv` every packet. `RUST_LOG` overrules.
pub fn log_to_stderr(verbosity: u8) {
    let level = match verbosity {
        0 | 1 => "pmtu_probe=warn",
        2 => "pmtu_probe=debug",
        _ => "pmtu_probe=trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).init();
}
