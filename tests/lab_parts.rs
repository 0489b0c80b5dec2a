//! The unit tests of `pmtu-lab`: cargo builds an example as a program or as a test, and the labs need the program.
#![allow(dead_code, reason = "the tests of the parts do not use all of them")]

#[path = "lab/mx/mod.rs"]
mod mx;
#[path = "lab/port.rs"]
mod port;
#[path = "lab/random.rs"]
mod random;
#[path = "lab/scenario.rs"]
mod scenario;
#[path = "lab/wire.rs"]
mod wire;
