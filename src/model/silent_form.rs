//! What is known and accuses nobody.

/// A list or a log that names neither the peer nor why mail waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SilentForm {
    /// `exim -bp`, exipick, exiqgrep or exiqsumm.
    EximQueue,
    /// `mailq` of Sendmail.
    SendmailQueue,
    /// qmail-qread.
    QmailQueue,
    /// The connections that come in to qmail-smtpd.
    Tcpserver,
    /// What became of each mail in Exchange.
    ExchangeTracking,
}

impl SilentForm {
    /// What it is, and what would tell more.
    pub fn words(self) -> &'static str {
        match self {
            Self::EximQueue => {
                "Exim's list of its queue tells how old and how large mails are and for whom, but neither the relay nor why they wait; the \
                 main log does, and the log of each mail: pmtu-probe --from-log /var/log/exim4/mainlog, or for one of them: exim -Mvl ID | \
                 pmtu-probe --from-log -"
            }
            Self::SendmailQueue => {
                "Sendmail's list of its queue says \"Connection timed out\" of connections that never stood as well, and never at which \
                 stage; its log does: pmtu-probe --from-log /var/log/mail.log, or /var/log/maillog"
            }
            Self::QmailQueue => {
                "qmail's list of its queue does not tell why mail waits; the log of qmail-send does: pmtu-probe --from-log \
                 /var/log/qmail/current, or where multilog keeps it"
            }
            Self::Tcpserver => {
                "tcpserver tells who connected to qmail-smtpd and when, but not at which stage a session stalled, and qmail-smtpd logs \
                 nothing; of mail that goes out, the log of qmail-send tells it: pmtu-probe --from-log /var/log/qmail/current"
            }
            Self::ExchangeTracking => {
                "Exchange's message tracking log tells that mail was deferred, but not at which stage; the protocol logs of the connectors \
                 do, once they are turned on by Set-SendConnector NAME -ProtocolLoggingLevel Verbose (of mail that comes in, by \
                 Set-ReceiveConnector): copy the files in TransportRoles\\Logs\\Hub\\ProtocolLog\\SmtpSend here and name them"
            }
        }
    }
}
