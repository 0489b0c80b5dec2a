//! The sentences for the verdict on the way back.

use super::busy::HOST_TOO_BUSY;
use crate::model::{AskedBy, ReverseReason, SlowStep, TlsTrouble, Unwillingness};

/// Why the verdict on the way back is no better, or what there is to know about it, in one sentence.
pub fn reverse_reason(reason: &ReverseReason) -> String {
    match reason {
        ReverseReason::OnlyForwardAsked => "only the way to the target was examined".into(),
        ReverseReason::ServiceUnknown => {
            "what is spoken on this port is not known, so nothing large can be asked for".into()
        }
        ReverseReason::NoConnection => "no TCP connection came about".into(),
        ReverseReason::PortClosed => "the port is closed".into(),
        ReverseReason::ConnectionEnded => "the server ended the connection".into(),
        ReverseReason::TcpEndsAtHop { hop } => {
            format!("the connection ends at hop {}, which answers in the server's place", hop.0)
        }
        ReverseReason::RunEndedBefore => "the run ended before".into(),
        ReverseReason::RunEndedEarly => "the run ended before the server had sent much".into(),
        ReverseReason::RunEndedWhileMissing { missing_for } => format!(
            "the server's large packets had not arrived for {:.0} s when the run ended; it may recover, or not",
            missing_for.as_secs_f64()
        ),
        ReverseReason::Slow { step, within } => {
            let what = match step {
                SlowStep::Greeting => "did not greet",
                SlowStep::Reply => "did not finish a reply",
            };
            format!("the server {what} within {} s", within.as_secs())
        }
        ReverseReason::Unwilling(why) => unwillingness(why),
        ReverseReason::RepliesTooShort { longest } => {
            format!("the longest reply that could be drawn, of {longest} bytes, fills no packet of full size")
        }
        ReverseReason::InFragments => {
            "the server's packets arrive in fragments: it lets routers cut them, so no size is lost".into()
        }
        ReverseReason::KeepsBelow { largest } => format!(
            "the server keeps its packets to {} bytes, less than both ends announced: it knows the path, or something \
             lowered the MSS on the way",
            largest.map_or_else(|| "few".into(), |size| size.to_string())
        ),
        ReverseReason::AskedForLess { size, by: AskedBy::Route } => format!(
            "this host asks for packets of {size} bytes at most, by the advmss of its route, so larger ones were not tested"
        ),
        ReverseReason::AskedForLess { size, by: AskedBy::FirstHop } => format!(
            "this host asks for packets of {size} bytes at most, as a rule of its own firewall, or of the machine it runs in, \
             lowers the MSS in its SYN, so larger ones were not tested"
        ),
        ReverseReason::LoweredAfter { after } => format!(
            "the server lowered its packets after {:.1} s, told by a router or by itself: too many packets are lost to say",
            after.as_secs_f64()
        ),
        ReverseReason::Missing { watched, answers } => format!(
            "the server's large packets did not arrive within {:.0} s, though it answered {answers} small ones meanwhile \
             and the same bytes came in small packets on another connection",
            watched.as_secs_f64()
        ),
        ReverseReason::MayBeChance => {
            "the server's large packets stay away, but so many packets of any size are lost that it may be chance"
                .into()
        }
        ReverseReason::MayRecover { watched } => format!(
            "the server's large packets did not arrive within {:.0} s; whether it went over to smaller ones by itself cannot \
             be told, as too many packets of any size are lost",
            watched.as_secs_f64()
        ),
        ReverseReason::NoControl => {
            "the server's large packets stay away, but it took no further connection that would \
                                     show that small ones come"
                .into()
        }
        ReverseReason::FellSilent => {
            "the server's large packets stay away, but soon it answered nothing else either".into()
        }
        ReverseReason::TooLossy => {
            "too many packets of any size are lost to hold the conversation that would draw large ones".into()
        }
        ReverseReason::SmallOnesLost => "the server's packets stay away, small ones as well".into(),
        ReverseReason::HostTooBusy => HOST_TOO_BUSY.into(),
    }
}

fn unwillingness(why: &Unwillingness) -> String {
    match why {
        Unwillingness::ConnectionRefused => "the server refused a further connection".into(),
        Unwillingness::ConnectionReset => "the server reset the connection".into(),
        Unwillingness::FellSilent => "the server answers no more".into(),
        Unwillingness::ConversationEnded => "the server ended the conversation".into(),
        Unwillingness::HandshakeEnded => "the server ended the conversation during the TLS handshake".into(),
        Unwillingness::NoSmtp => "the server does not speak SMTP".into(),
        Unwillingness::TurnedAway { code } => format!("the server turns this host away ({code})"),
        Unwillingness::HungUp => "the server closes the connection without a greeting".into(),
        Unwillingness::NoStartTls => {
            "the server offers no STARTTLS, and nothing else that it says fills a packet".into()
        }
        Unwillingness::StartTlsRefused { code } => {
            let code = code.map_or_else(String::new, |code| format!(" ({code})"));
            format!("the server offers STARTTLS and refuses it{code}")
        }
        Unwillingness::Tls(TlsTrouble::Start(words)) => format!("cannot make a TLS client hello: {words}"),
        Unwillingness::Tls(TlsTrouble::Refused(words)) => format!("the server refuses TLS ({words})"),
        Unwillingness::Tls(TlsTrouble::Broken(words)) => format!("the server's TLS is not understood: {words}"),
    }
}
