//! What a server says, as types.

pub mod fetch;
pub mod mailbox;
pub mod status;

use fetch::Fetched;
use mailbox::{Esearch, FlagList, Listed, MailboxStatus, Namespaces, Searched, Vanished};
use status::Completion;

/// One untagged response (RFC 9051 §7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// `ESEARCH` with the tag of the command in hand (RFC 9051 §7.3.4).
    Esearch(Esearch),
    /// `n EXISTS`.
    Exists(u32),
    /// `n EXPUNGE`.
    Expunge(u32),
    /// `n FETCH`.
    Fetch(Fetched),
    /// `FLAGS`.
    Flags(FlagList),
    /// `LIST`.
    List(Listed),
    /// `LSUB` (RFC 3501 §7.2.3).
    Lsub(Listed),
    /// `STATUS`.
    MailboxStatus(MailboxStatus),
    /// `NAMESPACE`.
    Namespace(Namespaces),
    /// `n RECENT` (RFC 3501 §7.3.2).
    Recent(u32),
    /// `SEARCH`.
    Search(Searched),
    /// Untagged `OK`, `NO` or `BAD`.
    Status(Completion),
    /// `VANISHED` (RFC 7162 §3.2.10).
    Vanished(Vanished),
}
