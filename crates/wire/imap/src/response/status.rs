//! Status responses and their codes (RFC 9051 §7.1, RFC 5530).

use postroom_mail::identifier::{ModSeq, Uid, UidValidity};
use postroom_mail::uid_set::UidSet;

use super::mailbox::FlagList;

/// How something ended, or stands (RFC 9051 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// `OK`.
    Ok,
    /// `NO`.
    No,
    /// `BAD`.
    Bad,
    /// `BYE`.
    Bye,
}

impl Status {
    /// The word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::No => "NO",
            Self::Bad => "BAD",
            Self::Bye => "BYE",
        }
    }
}

/// A status with its code and text: the end of a command, or an untagged status response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// OK, NO, BAD or BYE.
    pub status: Status,
    /// For programs.
    pub code: Option<Code>,
    /// For people: ASCII, not empty, without CR and LF.
    pub text: &'static str,
}

impl Completion {
    /// `OK` with this text.
    pub const fn ok(text: &'static str) -> Self {
        Self::new(Status::Ok, None, text)
    }

    /// `NO` with a code and text.
    pub const fn no(code: Code, text: &'static str) -> Self {
        Self::new(Status::No, Some(code), text)
    }

    /// `BAD` with this text.
    pub const fn bad(text: &'static str) -> Self {
        Self::new(Status::Bad, None, text)
    }

    /// All three parts.
    pub const fn new(status: Status, code: Option<Code>, text: &'static str) -> Self {
        Self { status, code, text }
    }

    /// The same with this code.
    #[must_use]
    pub fn with(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $(($data:ty))? = $text:literal,)*) => {
        /// A response code (RFC 9051 §7.1).
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Code {
            $($(#[$doc])* $name $(($data))?,)*
        }

        impl Code {
            /// The atom on the wire.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$name { .. } => $text,)*
                }
            }
        }

        /// Every response code there is, as on the wire.
        pub const CODES: &[&str] = &[$($text),*];
    };
}

codes! {
    /// The text must be shown to a person.
    Alert = "ALERT",
    /// The name is taken.
    AlreadyExists = "ALREADYEXISTS",
    /// The UID that an APPEND was given (RFC 4315 §3).
    AppendUid(AppendUid) = "APPENDUID",
    /// Wrong name or password; which, is not said.
    AuthenticationFailed = "AUTHENTICATIONFAILED",
    /// Known, but may not act as the one asked for.
    AuthorizationFailed = "AUTHORIZATIONFAILED",
    /// No such charset; `US-ASCII` and `UTF-8` are.
    BadCharset = "BADCHARSET",
    /// Cannot be, on this server, for anyone.
    Cannot = "CANNOT",
    /// What the server can do now. The machine fills in the list.
    Capability = "CAPABILITY",
    /// The client is wrong.
    ClientBug = "CLIENTBUG",
    /// The mailbox selected before is closed (RFC 7162 §3.2.11).
    Closed = "CLOSED",
    /// Someone must ask the administrator.
    ContactAdmin = "CONTACTADMIN",
    /// UIDs of copies (RFC 4315 §3).
    CopyUid(CopyUid) = "COPYUID",
    /// The server found damage.
    Corruption = "CORRUPTION",
    /// The password has run out.
    Expired = "EXPIRED",
    /// Another client expunged messages that were asked for.
    ExpungeIssued = "EXPUNGEISSUED",
    /// The mailbox has mailboxes below it.
    HasChildren = "HASCHILDREN",
    /// The highest MODSEQ of the mailbox (RFC 7162 §3.1.2.1).
    HighestModSeq(ModSeq) = "HIGHESTMODSEQ",
    /// Another session has it now.
    InUse = "INUSE",
    /// A bound of the server.
    Limit = "LIMIT",
    /// Messages that were changed meanwhile (RFC 7162 §3.1.3).
    Modified(UidSet) = "MODIFIED",
    /// No such thing.
    NonExistent = "NONEXISTENT",
    /// No MODSEQs in this mailbox (RFC 7162 §3.1.2.2).
    NoModSeq = "NOMODSEQ",
    /// Not allowed.
    NoPerm = "NOPERM",
    /// `$` was not set (RFC 5182 §2.1).
    NotSaved = "NOTSAVED",
    /// Over the quota.
    OverQuota = "OVERQUOTA",
    /// The message could not be parsed.
    Parse = "PARSE",
    /// Flags that a client may change for good.
    PermanentFlags(FlagList) = "PERMANENTFLAGS",
    /// Not without TLS.
    PrivacyRequired = "PRIVACYREQUIRED",
    /// Opened for reading only.
    ReadOnly = "READ-ONLY",
    /// Opened for reading and writing.
    ReadWrite = "READ-WRITE",
    /// The server is wrong.
    ServerBug = "SERVERBUG",
    /// The message is larger than the server takes (RFC 4469 §5).
    TooBig = "TOOBIG",
    /// It would work if the mailbox were created first.
    TryCreate = "TRYCREATE",
    /// The next UID.
    UidNext(Uid) = "UIDNEXT",
    /// This mailbox forgets UIDs.
    UidNotSticky = "UIDNOTSTICKY",
    /// The epoch of UIDs.
    UidValidity(UidValidity) = "UIDVALIDITY",
    /// Not now: something behind the server is out of reach.
    Unavailable = "UNAVAILABLE",
    /// A transfer encoding that cannot be removed (RFC 3516 §4.3).
    UnknownCte = "UNKNOWN-CTE",
    /// The first message without `\Seen` (RFC 3501 §7.1).
    Unseen(u32) = "UNSEEN",
    /// No mailbox can have that use (RFC 6154 §3).
    UseAttr = "USEATTR",
}

/// The data of APPENDUID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendUid {
    /// The mailbox's epoch.
    pub validity: UidValidity,
    /// The UID, or UIDs of a MULTIAPPEND.
    pub uids: UidSet,
}

/// The data of COPYUID: both sets in the same order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyUid {
    /// The epoch of the mailbox copied to.
    pub validity: UidValidity,
    /// UIDs where they were.
    pub from: UidSet,
    /// UIDs of the copies.
    pub to: UidSet,
}
