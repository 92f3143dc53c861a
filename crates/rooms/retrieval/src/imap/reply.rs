//! How commands end: every completion of ours, once.

use postroom_imap::response::Response;
use postroom_imap::response::status::{Code, Completion, Status};
use postroom_mail::identifier::ModSeq;
use postroom_store::error::{CommitError, ReadError, Refused};

macro_rules! completions {
    ($($(#[$doc:meta])* $name:ident = $completion:expr;)*) => {
        $($(#[$doc])* pub(crate) const $name: Completion = $completion;)*
    };
}

const fn no(text: &'static str) -> Completion {
    Completion::new(Status::No, None, text)
}

completions! {
    /// A command did what it says.
    DONE = Completion::ok("Done");
    /// SELECT (RFC 9051 §6.3.2).
    SELECTED = Completion::new(Status::Ok, Some(Code::ReadWrite), "Selected");
    /// EXAMINE (RFC 9051 §6.3.3).
    EXAMINED = Completion::new(Status::Ok, Some(Code::ReadOnly), "Opened for reading");
    /// UIDs in a response that stands before the end (RFC 6851 §4.3).
    MOVED = Completion::ok("Moved");
    /// The mailbox that was open is not any more (RFC 7162 §3.2.11).
    CLOSED = Completion::new(Status::Ok, Some(Code::Closed), "Closed the one before");
    /// HIGHESTMODSEQ (RFC 7162 §3.1.2.1).
    HIGHEST = Completion::ok("Changes up to here are told");
    /// A conditional STORE that passed some messages over (RFC 7162 §3.1.3).
    MODIFIED = Completion::ok("Done, but for those that had changed");
    /// Wrong name, wrong password, or an account that is switched off (RFC 5530 §3).
    LOGIN_FAILED = Completion::no(Code::AuthenticationFailed, "Name or password is wrong");
    /// Whoever knows the accounts does not answer.
    LOGIN_LATER = Completion::no(Code::Unavailable, "Logins cannot be checked now");
    /// No mailbox of that name (RFC 5530 §3).
    NO_MAILBOX = Completion::no(Code::NonExistent, "There is no such mailbox");
    /// No mailbox to put messages into (RFC 9051 §6.3.12, §6.4.7).
    TRY_CREATE = Completion::no(Code::TryCreate, "There is no such mailbox; create it first");
    /// The name is taken (RFC 5530 §3).
    MAILBOX_EXISTS = Completion::no(Code::AlreadyExists, "There is a mailbox of that name");
    /// The inbox stays; a mailbox cannot go below itself (RFC 5530 §3).
    CANNOT = Completion::no(Code::Cannot, "That cannot be done with this mailbox");
    /// No mailbox can have that name (RFC 5530 §3).
    BAD_NAME = Completion::no(Code::Cannot, "A mailbox cannot have that name");
    /// Mailboxes below it must go first (RFC 9051 §6.3.5).
    HAS_CHILDREN = Completion::no(Code::HasChildren, "There are mailboxes below it");
    /// Several uses for one mailbox, one that another has, or one of all messages (RFC 6154 §3).
    BAD_USE = Completion::no(Code::UseAttr, "No new mailbox can have that use");
    /// Changes in a mailbox that EXAMINE opened.
    READ_ONLY = Completion::no(Code::ReadOnly, "The mailbox is open for reading only");
    /// A keyword, mailbox or UID too many.
    LIMIT = Completion::no(Code::Limit, "There are as many as there may be");
    /// RFC 9051 §6.3.12.
    OVER_QUOTA = Completion::no(Code::OverQuota, "There is no room in the account for it");
    /// RFC 7889 §4.
    TOO_BIG = Completion::no(Code::TooBig, "The message is larger than is taken");
    /// NUL in a message (RFC 9051 §4.3).
    HAS_NUL = Completion::bad("A message cannot hold NUL");
    /// The disk is full, or the store is busy or takes no changes (RFC 5530 §3).
    UNAVAILABLE = Completion::no(Code::Unavailable, "Not now; try again later");
    /// A body does not have its checksum (RFC 5530 §3).
    CORRUPTION = Completion::no(Code::Corruption, "What is kept of it is damaged");
    /// An answer that cannot be, by our own making (RFC 5530 §3).
    SERVER_BUG = Completion::no(Code::ServerBug, "The server went wrong");
    /// Some of the messages were expunged meanwhile (RFC 5530 §3).
    EXPUNGE_ISSUED = Completion::no(Code::ExpungeIssued, "Some of them are no longer there");
    /// A result of too many pieces (RFC 5182 §2.5).
    NOT_SAVED = Completion::no(Code::NotSaved, "The result has too many ranges to be kept");
    /// A charset that nobody knows (RFC 9051 §6.4.4).
    BAD_CHARSET = Completion::no(Code::BadCharset, "Charset is not supported");
    /// A charset for text that is UTF-8 by UTF8=ACCEPT (RFC 6855 §3).
    CHARSET_SETTLED = Completion::bad("Text is UTF-8 since ENABLE UTF8=ACCEPT");
    /// A transfer encoding that nobody knows, or NUL in an appended message (RFC 3516 §4.3, §4.4).
    UNKNOWN_CTE = Completion::no(Code::UnknownCte, "That encoding is not supported");
    /// No quota root of that name (RFC 9208 §4.1.1).
    NO_QUOTA_ROOT = Completion::no(Code::NonExistent, "There is no such quota root");
    /// A sequence number above EXISTS (RFC 9051 §9, `seq-number`).
    NO_MESSAGE = Completion::bad("There is no message of that number");
    /// A parameter or item of an extension that is not offered.
    NOT_OFFERED = Completion::bad("That is no part of what this server offers");
    /// VANISHED or a parameter QRESYNC before ENABLE QRESYNC (RFC 7162 §3.2.3).
    ENABLE_FIRST = Completion::bad("Enable QRESYNC first");
    /// A command for a mailbox while none is open.
    NOT_SELECTED = Completion::bad("No mailbox is selected");
    /// A command before login.
    NOT_LOGGED_IN = no("Log in first");
}

/// The highest MODSEQ up to which a client knows all (RFC 7162 §3.1.2.1).
pub(crate) fn highest(mod_seq: ModSeq) -> Response {
    Response::Status(HIGHEST.with(Code::HighestModSeq(mod_seq)))
}

/// A command that failed, by how it ends.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) Box<Completion>);

impl From<Completion> for Failure {
    fn from(completion: Completion) -> Self {
        Self(Box::new(completion))
    }
}

impl From<CommitError> for Failure {
    fn from(error: CommitError) -> Self {
        let completion = match &error {
            CommitError::Refused(refused) => refusal(refused),
            CommitError::NoRoom | CommitError::Stopped(_) => UNAVAILABLE,
        };
        if completion == SERVER_BUG {
            tracing::error!(%error, "a change of a mailbox was refused");
        }
        completion.into()
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        let completion = match &error {
            ReadError::Damaged { .. } => CORRUPTION,
            ReadError::Busy | ReadError::Database(_) | ReadError::Disk(_) => UNAVAILABLE,
        };
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "a mailbox was not read"
        );
        completion.into()
    }
}

fn refusal(refused: &Refused) -> Completion {
    match refused {
        Refused::NoMailbox(_) => NO_MAILBOX,
        Refused::MailboxExists => MAILBOX_EXISTS,
        Refused::MailboxFixed => CANNOT,
        Refused::MailboxesMax | Refused::KeywordsMax | Refused::UidsMax => LIMIT,
        Refused::OverQuota { .. } => OVER_QUOTA,
        Refused::TooLarge => TOO_BIG,
        Refused::NoAccount(_) => UNAVAILABLE,
        Refused::AddressTaken
        | Refused::NoSuchName
        | Refused::DomainInUse
        | Refused::Remembered(_)
        | Refused::LeaseLost
        | Refused::Entry { .. } => SERVER_BUG,
    }
}
