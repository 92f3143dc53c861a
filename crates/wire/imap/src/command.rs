//! What a client asks for, as types.
//!
//! [`Command`] is all that the grammar knows. What the machine does not answer itself is a
//! [`Request`], which goes to the host as it is.

pub mod fetch;
pub mod list;
pub mod resync;
pub mod search;
pub mod sort;

use std::fmt;

use postroom_mail::flag::{FlagChange, Flags, SpecialUse};
use postroom_mail::identifier::ModSeq;
use postroom_mail::mailbox_name::{MailboxName, MailboxNameError};
use postroom_runtime::clock::Timestamp;
use postroom_runtime::secret::Secret;

use crate::capability::Extension;
use crate::sequence::SequenceSet;
use fetch::{Fetch, FetchAttribute};
use list::{List, Lsub, StatusItem};
use resync::KnownState;
use search::Search;
use sort::{Sort, Thread};

/// The tag that a client put before a command (RFC 9051 §2.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag(pub(crate) Box<str>);

impl Tag {
    /// As the client wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One command (RFC 9051 §6, RFC 3501 §6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// APPEND up to and with the head of its first literal.
    Append(Append),
    /// AUTHENTICATE.
    Authenticate(Authenticate),
    /// CAPABILITY.
    Capability,
    /// ENABLE: the capabilities named (RFC 9051 §6.3.1).
    Enable(Vec<Box<str>>),
    /// ID: what the client says of itself (RFC 2971 §3.1); never acted on.
    Id(Vec<IdField>),
    /// IDLE.
    Idle,
    /// LOGIN.
    Login(Login),
    /// LOGOUT.
    Logout,
    /// Everything that needs mailboxes.
    Request(Request),
    /// STARTTLS.
    StartTls,
}

/// A command for the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// CHECK (RFC 3501 §6.4.1).
    Check,
    /// CLOSE: expunge without a word and deselect.
    Close,
    /// COPY and UID COPY.
    Copy(Transfer),
    /// CREATE.
    Create(Create),
    /// DELETE.
    Delete(Mailbox),
    /// ENABLE: the extensions that are switched on; never empty. The machine has told them.
    Enable(Vec<Extension>),
    /// EXPUNGE, or UID EXPUNGE with its set (RFC 4315 §2.1).
    Expunge(Option<SequenceSet>),
    /// FETCH and UID FETCH.
    Fetch(Fetch),
    /// GETQUOTA: the name of a quota root (RFC 9208 §4.1.1).
    GetQuota(Box<str>),
    /// GETQUOTAROOT (RFC 9208 §4.1.2).
    GetQuotaRoot(Mailbox),
    /// LIST.
    List(List),
    /// LSUB (RFC 3501 §6.3.9).
    Lsub(Lsub),
    /// MOVE and UID MOVE (RFC 6851).
    Move(Transfer),
    /// NAMESPACE.
    Namespace,
    /// NOOP: a chance to tell what changed.
    Noop,
    /// RENAME.
    Rename(Rename),
    /// SEARCH and UID SEARCH.
    Search(Search),
    /// SELECT and EXAMINE.
    Select(Select),
    /// SORT and UID SORT (RFC 5256 §3).
    Sort(Sort),
    /// STATUS.
    Status(Status),
    /// STORE and UID STORE.
    Store(Store),
    /// SUBSCRIBE.
    Subscribe(Mailbox),
    /// THREAD and UID THREAD (RFC 5256 §3).
    Thread(Thread),
    /// UNSELECT (RFC 3691).
    Unselect,
    /// UNSUBSCRIBE.
    Unsubscribe(Mailbox),
}

/// Whether EXPUNGE responses may stand before the end of a command (RFC 9051 §7.5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expunges {
    /// Any change may be told.
    Allowed,
    /// The client counts on its sequence numbers: tell no EXPUNGE.
    Withheld,
}

impl Request {
    /// Whether EXPUNGE may be told while this is answered.
    ///
    /// Never to FETCH, STORE, SEARCH, SORT or THREAD by sequence number, nor to a UID SEARCH whose keys name
    /// sequence numbers (RFC 7162 §3.2.10.2); always to other UID forms.
    pub fn expunges(&self) -> Expunges {
        let counts_on_numbers = match self {
            Self::Fetch(Fetch { by, .. }) | Self::Store(Store { by, .. }) => {
                *by == Numbering::Sequence
            }
            Self::Search(search)
            | Self::Sort(Sort { search, .. })
            | Self::Thread(Thread { search, .. }) => {
                search.by == Numbering::Sequence || search.key.has_sequence()
            }
            _ => false,
        };
        if counts_on_numbers {
            Expunges::Withheld
        } else {
            Expunges::Allowed
        }
    }

    /// Whether this shows a client that wants MODSEQ in every FETCH response from now on: a
    /// "CONDSTORE enabling command" (RFC 7162 §3.1).
    pub fn wants_mod_seq(&self) -> bool {
        match self {
            Self::Enable(extensions) => extensions
                .iter()
                .any(|each| matches!(each, Extension::CondStore | Extension::QResync)),
            Self::Fetch(fetch) => {
                fetch.changed_since.is_some() || fetch.attributes.contains(&FetchAttribute::ModSeq)
            }
            Self::Search(search)
            | Self::Sort(Sort { search, .. })
            | Self::Thread(Thread { search, .. }) => search.key.has_mod_seq(),
            Self::Select(select) => select.is_condstore || select.known.is_some(),
            Self::Status(status) => status.items.contains(&StatusItem::HighestModSeq),
            Self::Store(store) => store.unchanged_since.is_some(),
            _ => false,
        }
    }
}

/// What the numbers of a command are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbering {
    /// Message sequence numbers.
    Sequence,
    /// Unique identifiers; the command had the prefix UID.
    Uid,
}

/// A mailbox name as a client gave it, decoded to Unicode text (RFC 9051 §5.1).
///
/// Not yet split at the separator; CREATE may end in one.
#[derive(Clone, PartialEq, Eq)]
pub struct Mailbox(pub(crate) Box<str>);

impl Mailbox {
    /// The text, not modified UTF-7.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name it stands for; one separator at the end is left out, as CREATE wants it
    /// (RFC 9051 §6.3.4).
    ///
    /// # Errors
    /// The text is no name a mailbox can have.
    pub fn name(&self, separator: char) -> Result<MailboxName, MailboxNameError> {
        let text = self.0.strip_suffix(separator).unwrap_or(&self.0);
        MailboxName::parse(text, separator)
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// APPEND: where to, and the first of its messages (RFC 9051 §6.3.12, RFC 3502 §6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// The mailbox.
    pub mailbox: Mailbox,
    /// What is known of the message before its octets come.
    pub message: AppendMessage,
}

/// A message to append, without its octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendMessage {
    /// Flags it shall have.
    pub flags: Flags,
    /// Its internal date; now, if absent.
    pub date: Option<Timestamp>,
    /// Items of extensions (RFC 4466 §2.5).
    pub parameters: Vec<Parameter>,
    /// What its octets may be.
    pub kind: AppendKind,
    /// The literal that follows.
    pub literal: Literal,
}

/// In which form a message is appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendKind {
    /// A literal, which holds no NUL.
    Text,
    /// `~{...}`, which may hold NUL (RFC 3516 §4.4).
    Binary,
    /// `UTF8 (~{...}`, with a parenthesis behind the octets (RFC 6855 §4).
    Utf8,
}

/// The head of a literal (RFC 9051 §4.3, RFC 7888).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Literal {
    /// How many octets follow.
    pub octets: u64,
    /// Whether the client waits for leave to send them.
    pub sync: Sync,
    /// Whether it may hold NUL (`~{...}`, RFC 3516).
    pub is_binary: bool,
}

/// Who waits at a literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// `{n}`: the client, until it is told to go on.
    Waits,
    /// `{n+}` (or `{n-}` of old drafts): nobody.
    Follows,
}

/// AUTHENTICATE (RFC 9051 §6.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticate {
    /// The mechanism, in upper case.
    pub mechanism: Box<str>,
    /// The initial response, still in base64; `=` is an empty one (RFC 4959 §3).
    pub initial: Option<Secret>,
}

/// LOGIN (RFC 9051 §6.2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Who.
    pub user: Box<str>,
    /// The proof.
    pub password: Secret,
}

/// One field of ID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdField {
    /// Such as `name` or `version`.
    pub name: Box<str>,
    /// `None` is NIL.
    pub value: Option<Box<str>>,
}

/// CREATE (RFC 9051 §6.3.4, RFC 6154 §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Create {
    /// The new mailbox.
    pub mailbox: Mailbox,
    /// What it is for.
    pub uses: Vec<SpecialUse>,
    /// Parameters of extensions.
    pub parameters: Vec<Parameter>,
}

/// RENAME (RFC 9051 §6.3.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rename {
    /// The mailbox as it is.
    pub from: Mailbox,
    /// Its new name.
    pub to: Mailbox,
    /// Parameters of extensions.
    pub parameters: Vec<Parameter>,
}

/// SELECT or EXAMINE (RFC 9051 §6.3.2, §6.3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    /// The mailbox.
    pub mailbox: Mailbox,
    /// SELECT or EXAMINE.
    pub access: Access,
    /// Whether there was the parameter CONDSTORE (RFC 7162 §3.1.8).
    pub is_condstore: bool,
    /// The parameter QRESYNC: what the client knows of the mailbox (RFC 7162 §3.2.5).
    pub known: Option<Box<KnownState>>,
}

/// How a mailbox is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// EXAMINE.
    ReadOnly,
    /// SELECT.
    ReadWrite,
}

/// STATUS (RFC 9051 §6.3.11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The mailbox.
    pub mailbox: Mailbox,
    /// What is asked; never empty.
    pub items: Vec<StatusItem>,
}

/// STORE (RFC 9051 §6.4.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// What the numbers are.
    pub by: Numbering,
    /// Which messages.
    pub set: SequenceSet,
    /// UNCHANGEDSINCE: messages changed after this are left alone (RFC 7162 §3.1.3).
    pub unchanged_since: Option<ModSeq>,
    /// Replace, add or remove.
    pub change: FlagChange,
    /// `.SILENT`: the client wants no FETCH of its own change.
    pub is_silent: bool,
    /// The flags.
    pub flags: Flags,
}

/// COPY or MOVE (RFC 9051 §6.4.7, §6.4.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// What the numbers are.
    pub by: Numbering,
    /// Which messages.
    pub set: SequenceSet,
    /// Where to.
    pub to: Mailbox,
}

/// A parameter of an extension: a label and perhaps a value (RFC 4466 §3, `tagged-ext`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The label, in upper case.
    pub name: Box<str>,
    /// Its value.
    pub value: Option<Value>,
}

/// The value of a [`Parameter`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// An atom, number or sequence set, as written.
    Atom(Box<str>),
    /// A quoted string or literal.
    Text(Box<[u8]>),
    /// Values in parentheses.
    List(Vec<Value>),
}
