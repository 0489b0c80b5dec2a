//! SIGINT and SIGTERM.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::warn;

use super::exit_code::INTERRUPTED;

/// Until SIGINT or SIGTERM. A second one ends the program at once.
pub(super) async fn interrupted() {
    let (Ok(mut int), Ok(mut term)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        warn!("signals cannot be caught; an interrupt will leave without a report");
        return std::future::pending().await;
    };
    either(&mut int, &mut term).await;
    tokio::spawn(async move {
        either(&mut int, &mut term).await;
        std::process::exit(i32::from(INTERRUPTED));
    });
}

async fn either(int: &mut Signal, term: &mut Signal) {
    tokio::select! {
        _ = int.recv() => {}
        _ = term.recv() => {}
    }
}
