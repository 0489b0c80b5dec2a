//! The port and the server's reception: what keeps mail out whatever the path carries.

use crate::model::{Examined, Family, Filter, PortState, Reception, Service};
use crate::report::words::unreachable;

/// That the port takes no connections, and what follows for mail. `None`: it takes them, or it is not known.
pub(super) fn closed(port: u16, examined: &Examined) -> Option<String> {
    let state = examined.port_state.filter(|state| !state.takes_connections())?;
    let unless = match state {
        PortState::ForbiddenHere => " unless its rules except the mailer's user",
        PortState::Open | PortState::Refused | PortState::Filtered(_) => "",
    };
    Some(format!("port {port} takes no connections ({}), so no {} gets through{unless}", why(state), traffic(port)))
}

fn why(state: PortState) -> String {
    match state {
        PortState::Open => "open".into(),
        PortState::Refused => "refused".into(),
        PortState::Filtered(Filter::Silent) => "filtered: it never answers, though ping is answered".into(),
        PortState::Filtered(Filter::Icmp { from, code }) => {
            format!("filtered: {from} answers: {}", unreachable(Family::of(from), code))
        }
        PortState::ForbiddenHere => "this host's own firewall refuses to send them".into(),
    }
}

/// Why no mail gets through although the port takes connections; `None`: nothing like that was seen.
pub(super) fn unwelcome(examined: &Examined) -> Option<String> {
    match examined.reception {
        Reception::NotHeard | Reception::Greeted => None,
        Reception::TurnedAway { code: code @ 400..500 } => {
            Some(format!("the server turns this host away for now ({code}), so no mail gets through at the moment"))
        }
        Reception::TurnedAway { code } => {
            Some(format!("the server turns this host away ({code}), so no mail gets through"))
        }
        Reception::HungUp => {
            Some("the server closes the connection without a greeting, so no mail gets through now".into())
        }
        Reception::Reset => {
            Some("the connection was reset before any greeting, so whether the server takes mail is not known".into())
        }
    }
}

/// What goes to such a port. Web servers and databases take no mail.
pub(super) fn traffic(port: u16) -> &'static str {
    if is_mail(port) { "mail" } else { "traffic" }
}

/// What of it needs packets of full size.
pub(super) fn large_traffic(port: u16) -> &'static str {
    if is_mail(port) { "large mail" } else { "a large transfer" }
}

/// Whether a mail server listens there, as far as a number can tell.
pub(super) fn is_mail(port: u16) -> bool {
    matches!(Service::of_port(port), Service::Smtp | Service::SmtpOverTls)
}
