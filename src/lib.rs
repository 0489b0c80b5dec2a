//! Proves whether Path MTU Discovery to a mail server is black-holed, and which packet size works.
//!
//! The program is `pmtu-probe`; this library is what it is made of. A module uses only those below it:
//!
//! * [`cli`]: the command line, which becomes a plan of the run;
//! * [`app`]: runs a plan and writes the results;
//! * [`firewall`]: which rule of this host's firewall drops a message;
//! * [`report`]: what was found as text, JSON or letter, and advice;
//! * [`runner`]: many examinations over one set of sockets;
//! * [`resolve`]: names and addresses as users write them;
//! * [`intake`]: mail logs and mail queues, and whom they accuse;
//! * [`watch`]: whom a watch examines when, and what has changed, without I/O and without a clock;
//! * [`net`]: sockets, routes, privileges;
//! * [`wire`]: bytes to packets and back;
//! * [`examine`]: one address's examination, without sockets and without a clock;
//! * [`tls`]: a TLS client without sockets;
//! * [`model`]: the types that all of them share.
//!
//! # Example
//!
//! An examination says what to send and is told what arrives. This network returns every ping at once, so the path is clear:
//!
//! ```
//! use pmtu_probe::examine::Examination;
//! use pmtu_probe::model::{Action, Body, Direction, Event, FirstFlight, FirstHop, FlowChoice, MethodChoice, OwnTcpSetup};
//! use pmtu_probe::model::{PacketSize, Plan, Service, Timestamp, Verdict};
//!
//! let plan = Plan {
//!     source: "192.0.2.1".parse()?,
//!     destination: "192.0.2.25".parse()?,
//!     port: 25,
//!     first_hop: FirstHop::Router,
//!     local_ports: vec![40_000],
//!     flow_ports: Vec::new(),
//!     direction: Direction::Forward,
//!     service: Service::Smtp,
//!     server_name: None,
//!     ptb_test: false,
//!     reverse_ports: Vec::new(),
//!     flows: FlowChoice::default(),
//!     echo_ident: 1,
//!     method: MethodChoice::Icmp,
//!     first_flight: FirstFlight::Ladder,
//!     local_mtu: PacketSize::new(1500),
//!     kernel_path_mtu: None,
//!     kernel_min_pmtu: PacketSize::new(552),
//!     max_size: PacketSize::new(1500),
//!     beyond_route: None,
//!     min_size: PacketSize::new(68),
//!     own_tcp: OwnTcpSetup::default(),
//!     known_end: None,
//!     seed: 1,
//! };
//! let mut now = Timestamp::ZERO;
//! let mut examination = Examination::new(plan, now);
//! loop {
//!     match examination.poll(now) {
//!         Action::Send(outgoing) => {
//!             let mut packet = outgoing.packet;
//!             if let Body::EchoRequest(echo) = packet.body {
//!                 packet.body = Body::EchoReply(echo);
//!                 std::mem::swap(&mut packet.ip.source, &mut packet.ip.destination);
//!                 examination.handle(&Event::Received(packet), now);
//!             }
//!         }
//!         Action::AskOwnTcp => { examination.handle(&Event::OwnTcp(None), now); }
//!         Action::WaitUntil(instant) => now = instant,
//!         Action::Done => break,
//!     }
//! }
//! let examined = examination.examined().ok_or("a verdict stands when all is done")?;
//! assert_eq!(examined.verdict, Verdict::Clear);
//! assert_eq!(examined.path_mtu, Some(PacketSize::new(1500)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod app;
pub mod cli;
pub mod compare;
pub mod examine;
pub mod firewall;
pub mod intake;
pub mod model;
pub mod net;
pub mod report;
pub mod resolve;
pub mod runner;
pub mod tls;
pub mod watch;
pub mod wire;
