//! Asks this host's own TCP for examinations: an ordinary connection each, beside the loop.

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::debug;

use crate::model::OwnTcp;
use crate::net::own_tcp::{OwnConnection, OwnTcpQuery};

/// What such a connection sends, with QUIT and an ACK for each thing that the server says. The kernel asks no rate limit.
pub(super) const PACKETS_OF_A_VISIT: u32 = 7;

/// An answer, and whose it is.
pub(super) struct OwnTcpAnswer {
    pub(super) slot: usize,
    pub(super) job: usize,
    /// `None`: it could not be asked.
    pub(super) told: Option<OwnTcp>,
}

/// The connections that are open, and the answers that came.
pub(super) struct OwnTcpDesk {
    connections: JoinSet<()>,
    answers: mpsc::UnboundedReceiver<OwnTcpAnswer>,
    answer: mpsc::UnboundedSender<OwnTcpAnswer>,
}

impl OwnTcpDesk {
    pub(super) fn new() -> Self {
        let (answer, answers) = mpsc::unbounded_channel();
        Self { connections: JoinSet::new(), answers, answer }
    }

    /// Opens a connection, answers, and then leaves it in order.
    pub(super) fn ask(&mut self, slot: usize, job: usize, query: Option<OwnTcpQuery>, speaks_smtp: bool) {
        let answer = self.answer.clone();
        // There is a receiver as long as there is a loop.
        let tell = move |told| {
            let _ = answer.send(OwnTcpAnswer { slot, job, told });
        };
        let Some(query) = query else { return tell(None) };
        // A connection that has ended keeps its memory until somebody looks at it.
        while self.connections.try_join_next().is_some() {}
        self.connections.spawn(async move {
            match OwnConnection::open(&query).await {
                Ok(connection) => {
                    let told = connection.tells();
                    debug!(?told, "this host's own TCP to {}", query.destination);
                    tell(told.ok());
                    connection.leave(speaks_smtp).await;
                }
                Err(error) => {
                    debug!(%error, "no connection by this host's own TCP to {}", query.destination);
                    tell(None);
                }
            }
        });
    }

    /// The next answer. There is always one more sender, so it waits for ever if none is due.
    pub(super) async fn next(&mut self) -> Option<OwnTcpAnswer> {
        self.answers.recv().await
    }

    /// Waits until the last connection has ended.
    pub(super) async fn all_left(&mut self) {
        while self.connections.join_next().await.is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::net::TcpSocket;

    use super::*;

    /// A run of days asks for hundreds of thousands of holes.
    #[tokio::test]
    async fn connections_that_have_ended_are_forgotten() {
        // Bound and not listening: it is closed, and nobody else gets it, not even a connection to itself.
        let nobody = TcpSocket::new_v4().expect("a socket");
        nobody.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a port");
        let port = nobody.local_addr().expect("its number").port();
        let mut desk = OwnTcpDesk::new();
        for job in 0..50 {
            let query = OwnTcpQuery {
                source: Ipv4Addr::LOCALHOST.into(),
                destination: Ipv4Addr::LOCALHOST.into(),
                port,
                local_port: 0,
                scope_id: 0,
                interface: None,
            };
            desk.ask(0, job, Some(query), false);
            let answer = desk.next().await.expect("an answer");
            assert_eq!((answer.job, answer.told), (job, None), "the port is closed");
            // The connection ends behind its answer.
            tokio::task::yield_now().await;
            assert!(desk.connections.len() <= 2, "{} of {}", desk.connections.len(), job + 1);
        }
    }
}
