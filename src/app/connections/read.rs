//! The connections that stand still, found by two looks before anything else is opened.

use std::thread;
use std::time::Duration;

use crate::app::plan::ConnectionOptions;
use crate::intake::connections::judge;
use crate::model::{Connections, Family, StalledConnection, TcpSocket, TcpState};
use crate::net::NetError;
use crate::net::interface::Interface;
use crate::net::privilege::{self, Reading};
use crate::net::sockets::{SocketTables, holders};

/// Between the looks: more than the round trip of any path, so that a connection that goes on shows it.
const PAUSE: Duration = Duration::from_millis(500);
/// Where a connection has just begun to send again, the timer that tells runs out within this time.
const ONCE_MORE: Duration = Duration::from_millis(500);

/// Looks, and tells who holds what was found. The tables stay open, for a last look. `family`: the only one that is wanted.
pub(super) fn read(
    options: &ConnectionOptions,
    family: Option<Family>,
) -> Result<(Connections, SocketTables), NetError> {
    let mut tables = SocketTables::open()?;
    let mut look = || -> Result<Vec<TcpSocket>, NetError> {
        let mut sockets = tables.tcp()?;
        sockets.retain(|socket| {
            socket.state == TcpState::Listening || family.is_none_or(|family| socket.family() == family)
        });
        Ok(sockets)
    };
    let first = look()?;
    thread::sleep(PAUSE);
    let mut found = judge(&first, &look()?, &options.ports);
    if found.list.is_empty() && found.survey.young > 0 {
        thread::sleep(ONCE_MORE);
        found = judge(&first, &look()?, &options.ports);
    }
    if !found.list.is_empty() {
        privilege::only_reading(Reading::Processes, || name_holders(&mut found.list))?;
    }
    Ok((found, tables))
}

fn name_holders(list: &mut [StalledConnection]) {
    let inodes: Vec<u32> = list.iter().map(|connection| connection.inode).collect();
    let holders = holders(&inodes);
    for connection in list {
        if let Some(holder) = holders.get(&connection.inode) {
            connection.holder = holder.clone();
        }
        connection.zone = zone(connection);
    }
}

/// The interface of a link-local peer, by its name.
pub(in crate::app) fn zone(connection: &StalledConnection) -> Option<String> {
    let std::net::SocketAddr::V6(peer) = connection.peer else { return None };
    let index = Some(peer.scope_id()).filter(|index| *index != 0)?;
    Some(Interface::by_index(index).map_or_else(|_| index.to_string(), |interface| interface.name))
}
