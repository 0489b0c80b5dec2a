//! The check without this program.

use crate::model::Family;
use crate::report::language::Language;
use crate::report::letter::ping::{From, Outcome, PingCheck, Pinged};

/// Whom to ping, where our own address is not known.
pub(in crate::report::letter) fn our_address(language: Language) -> &'static str {
    match language {
        Language::English => "[our public address]",
        Language::German => "[unsere öffentliche Adresse]",
    }
}

/// Before the commands.
pub(in crate::report::letter) fn before(language: Language, check: &PingCheck) -> String {
    let (headers, [passes, lost]) = (check.headers(), [check.passes, check.lost]);
    let [small, large] = check.data();
    match language {
        Language::English => format!(
            "You can see the fault without our program, by two pings {}. They must not be fragmented; {small} and {large} bytes \
             of data and {headers} of headers make packets of {passes} and {lost}:",
            from_english(check)
        ),
        Language::German => format!(
            "Den Fehler können Sie auch ohne unser Programm sehen, mit zwei Pings {}. Sie dürfen nicht fragmentiert werden; \
             {small} und {large} Byte Daten und {headers} Byte Header ergeben Pakete von {passes} und {lost} Byte:",
            from_german(check)
        ),
    }
}

fn from_english(check: &PingCheck) -> String {
    let from = match check.from {
        From::OurSide => "from a host or router on our side of that place",
        From::Outside => "from a host outside of your network that comes in the same way",
        From::OurNetwork => "from any host of our network",
        From::Server => return "from your server to ours, if our firewall lets pings in".into(),
    };
    let whom = match check.pinged {
        Pinged::Target => "",
        Pinged::RouterForSilentTarget => " to the first router behind it, as the server answers no pings",
        Pinged::RouterForUnknownTarget => {
            " to the first router behind it, as it is not known whether the server answers pings"
        }
    };
    format!("{from}{whom}")
}

fn from_german(check: &PingCheck) -> String {
    let from = match check.from {
        From::OurSide => "von einem Host oder Router auf unserer Seite dieser Stelle",
        From::Outside => "von einem Host außerhalb Ihres Netzes, der auf demselben Weg hereinkommt",
        From::OurNetwork => "von einem beliebigen Host unseres Netzes",
        From::Server => return "von Ihrem Server an unseren, sofern unsere Firewall Pings zulässt".into(),
    };
    let whom = match check.pinged {
        Pinged::Target => "",
        Pinged::RouterForSilentTarget => " an den ersten Router dahinter, da der Server keine Pings beantwortet",
        Pinged::RouterForUnknownTarget => {
            " an den ersten Router dahinter, da nicht bekannt ist, ob der Server Pings beantwortet"
        }
    };
    format!("{from}{whom}")
}

/// After them.
pub(in crate::report::letter) fn after(language: Language, check: &PingCheck) -> String {
    let passes = check.passes;
    let message = match check.family {
        Family::V4 => format!("Frag needed and DF set (mtu = {passes})"),
        Family::V6 => format!("Packet too big: mtu={passes}"),
    };
    match (language, check.outcome) {
        (Language::English, Outcome::Silence) => format!(
            "The first is answered; of the second, nothing comes back. Once the fault is repaired, the second ends with \
             \"{message}\" from a router."
        ),
        (Language::English, Outcome::SilenceForGood) => {
            "The first is answered; of the second, nothing comes back. Once both ends agree, the second is answered as well, or \
             a router says that it is too big."
                .into()
        }
        (Language::English, Outcome::WrongSize(stated)) => format!(
            "The first is answered; the second is reported as too big, with mtu = {stated} in place of {passes}."
        ),
        (Language::German, Outcome::Silence) => format!(
            "Der erste wird beantwortet, auf den zweiten kommt nichts zurück. Ist der Fehler behoben, endet der zweite mit \
             „{message}“ von einem Router."
        ),
        (Language::German, Outcome::SilenceForGood) => {
            "Der erste wird beantwortet, auf den zweiten kommt nichts zurück. Sind sich beide Enden einig, wird auch der \
             zweite beantwortet, oder ein Router meldet, dass er zu groß ist."
                .into()
        }
        (Language::German, Outcome::WrongSize(stated)) => format!(
            "Der erste wird beantwortet; der zweite wird als zu groß gemeldet, mit mtu = {stated} statt {passes}."
        ),
    }
}
