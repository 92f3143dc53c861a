//! What the server says that it can do (RFC 9051 §7.2.2).

use postroom_wire::output::Output;
use postroom_wire::sasl::Mechanism;

use crate::print::text::put_number;

/// When a capability is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    /// Always.
    Always,
    /// Before login.
    Early,
    /// Before login, where a password may be sent.
    Private,
    /// Before login, where a password must not be sent.
    Exposed,
    /// Before login, while TLS can still be begun.
    Startable,
    /// After login.
    Late,
    /// After login, with the largest message (RFC 7889).
    AppendLimit,
}

/// A capability and when it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capability {
    /// As on the wire.
    pub name: &'static str,
    /// When.
    pub offered: Offered,
}

const fn capability(name: &'static str, offered: Offered) -> Capability {
    Capability { name, offered }
}

/// Every capability, in the order it is printed.
pub const CAPABILITIES: &[Capability] = &[
    capability("IMAP4rev1", Offered::Always),
    capability("IMAP4rev2", Offered::Always),
    capability("SASL-IR", Offered::Early),
    capability("STARTTLS", Offered::Startable),
    capability("LOGINDISABLED", Offered::Exposed),
    capability("AUTH=PLAIN", Offered::Private),
    capability("ID", Offered::Always),
    capability("ENABLE", Offered::Always),
    capability("IDLE", Offered::Always),
    capability("LITERAL-", Offered::Early),
    capability("LITERAL+", Offered::Late),
    capability("NAMESPACE", Offered::Late),
    capability("UIDPLUS", Offered::Late),
    capability("UNSELECT", Offered::Late),
    capability("CHILDREN", Offered::Late),
    capability("MOVE", Offered::Late),
    capability("CONDSTORE", Offered::Late),
    capability("QRESYNC", Offered::Late),
    capability("SPECIAL-USE", Offered::Late),
    capability("CREATE-SPECIAL-USE", Offered::Late),
    capability("LIST-EXTENDED", Offered::Late),
    capability("LIST-STATUS", Offered::Late),
    capability("STATUS=SIZE", Offered::Late),
    capability("ESEARCH", Offered::Late),
    capability("SEARCHRES", Offered::Late),
    capability("WITHIN", Offered::Late),
    capability("SORT", Offered::Late),
    capability("SORT=DISPLAY", Offered::Late),
    capability("THREAD=ORDEREDSUBJECT", Offered::Late),
    capability("THREAD=REFERENCES", Offered::Late),
    capability("I18NLEVEL=1", Offered::Late),
    capability("BINARY", Offered::Late),
    capability("UTF8=ACCEPT", Offered::Late),
    capability("QUOTA", Offered::Late),
    capability("QUOTA=RES-STORAGE", Offered::Late),
    capability("APPENDLIMIT", Offered::AppendLimit),
];

/// Mechanisms of AUTHENTICATE.
pub const MECHANISMS: &[Mechanism] = &[Mechanism::Plain];

/// An extension that ENABLE can switch on (RFC 5161 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    /// `CONDSTORE` (RFC 7162 §3.1).
    CondStore,
    /// `IMAP4rev2` (RFC 9051 §6.3.1).
    Imap4Rev2,
    /// `QRESYNC`, with CONDSTORE (RFC 7162 §3.2.3).
    QResync,
    /// `UTF8=ACCEPT` (RFC 6855 §3).
    Utf8Accept,
}

impl Extension {
    /// As on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::CondStore => "CONDSTORE",
            Self::Imap4Rev2 => "IMAP4rev2",
            Self::QResync => "QRESYNC",
            Self::Utf8Accept => "UTF8=ACCEPT",
        }
    }
}

/// Extensions that ENABLE switches on, in the order ENABLED names them; all others are passed
/// over (RFC 9051 §6.3.1).
pub const ENABLEABLE: &[Extension] = &[
    Extension::CondStore,
    Extension::Imap4Rev2,
    Extension::QResync,
    Extension::Utf8Accept,
];

/// Parameters of extensions that are known; all others are answered BAD.
pub const PARAMETERS: &[&str] = &[];

/// What a session is told at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer {
    pub(crate) is_logged_in: bool,
    /// Whether a password may be sent.
    pub(crate) is_private: bool,
    /// Whether STARTTLS would be taken.
    pub(crate) is_startable: bool,
    pub(crate) append_octets_max: u64,
}

impl Offer {
    fn has(self, offered: Offered) -> bool {
        match offered {
            Offered::Always => true,
            Offered::Early => !self.is_logged_in,
            Offered::Private => !self.is_logged_in && self.is_private,
            Offered::Exposed => !self.is_logged_in && !self.is_private,
            Offered::Startable => !self.is_logged_in && self.is_startable,
            Offered::Late | Offered::AppendLimit => self.is_logged_in,
        }
    }

    /// `CAPABILITY` and what is offered now.
    pub(crate) fn print(self, out: &mut Output) {
        out.put(b"CAPABILITY");
        for capability in CAPABILITIES {
            if !self.has(capability.offered) {
                continue;
            }
            out.put(b" ");
            out.put(capability.name.as_bytes());
            if capability.offered == Offered::AppendLimit {
                out.put(b"=");
                put_number(out, self.append_octets_max);
            }
        }
    }
}
