//! What `net` promises, on a real kernel, in network namespaces made for each test.
//!
//! These need root or user namespaces, and fail without.

#[path = "net_kernel/blockers.rs"]
mod blockers;
#[path = "net_kernel/lab.rs"]
mod lab;
#[path = "net_kernel/packets.rs"]
mod packets;

#[path = "net_kernel/given_up.rs"]
mod given_up;
#[path = "net_kernel/on_wire.rs"]
mod on_wire;
#[path = "net_kernel/receiving.rs"]
mod receiving;
#[path = "net_kernel/routing.rs"]
mod routing;
#[path = "net_kernel/sending.rs"]
mod sending;
