//! The workaround on our side: its reader would else see mail pass, and take the fault for repaired.

use crate::model::{HoleHere, OwnLimit, RouteMtu, WithoutDf};
use crate::report::language::Language;

/// What it does, and that it is to go; `None`: there is none.
pub(in crate::report::letter) fn workaround(language: Language, here: Option<HoleHere>) -> Option<String> {
    let what = match language {
        Language::English => english(here?),
        Language::German => german(here?),
    };
    Some(match language {
        Language::English => {
            format!(
                "At present {what}. That is a workaround of ours alone, and we will take it back once the path is repaired."
            )
        }
        Language::German => format!(
            "Zurzeit {what}. Das ist ein Notbehelf allein auf unserer Seite, den wir zurücknehmen, sobald der Pfad repariert ist."
        ),
    })
}

fn english(here: HoleHere) -> String {
    match here {
        HoleHere::SendsLess { most, by: OwnLimit::Clamp { mss } } => format!(
            "a rule of our firewall lowers the MSS on such connections to {mss}, which makes packets of {most} bytes at most"
        ),
        HoleHere::SendsLess { by: OwnLimit::Route(RouteMtu { mtu, .. }), .. } => {
            format!("a route of our mail server keeps such packets to {mtu} bytes")
        }
        HoleHere::LetsRoutersCut(WithoutDf::NoPmtuDisc(_)) => {
            "our mail server sends without don't-fragment, so that routers may cut its packets".into()
        }
        HoleHere::LetsRoutersCut(WithoutDf::LockedRoute(mtu)) => format!(
            "a route of our mail server, with an MTU of {mtu}, makes it send without don't-fragment, so that routers may cut its \
             packets"
        ),
        HoleHere::Searches(_) => "our mail server looks for a size that passes by itself (tcp_mtu_probing)".into(),
        HoleHere::Remembers { mtu, .. } => {
            format!("our mail server remembers from earlier that {mtu} bytes pass, for some minutes")
        }
    }
}

fn german(here: HoleHere) -> String {
    match here {
        HoleHere::SendsLess { most, by: OwnLimit::Clamp { mss } } => format!(
            "senkt eine Regel unserer Firewall die MSS solcher Verbindungen auf {mss}, was Pakete von höchstens {most} Byte \
             ergibt"
        ),
        HoleHere::SendsLess { by: OwnLimit::Route(RouteMtu { mtu, .. }), .. } => {
            format!("begrenzt eine Route unseres Mailservers solche Pakete auf {mtu} Byte")
        }
        HoleHere::LetsRoutersCut(WithoutDf::NoPmtuDisc(_)) => {
            "sendet unser Mailserver ohne Don't-Fragment-Bit, sodass Router seine Pakete zerlegen dürfen".into()
        }
        HoleHere::LetsRoutersCut(WithoutDf::LockedRoute(mtu)) => format!(
            "lässt eine Route unseres Mailservers mit einer MTU von {mtu} ihn ohne Don't-Fragment-Bit senden, sodass Router \
             seine Pakete zerlegen dürfen"
        ),
        HoleHere::Searches(_) => "sucht unser Mailserver von sich aus eine Größe, die ankommt (tcp_mtu_probing)".into(),
        HoleHere::Remembers { mtu, .. } => {
            format!("erinnert sich unser Mailserver für einige Minuten, dass {mtu} Byte ankommen")
        }
    }
}
