//! What a server says, as types.

pub mod arranged;
pub mod fetch;
pub mod mailbox;
pub mod quota;
pub mod status;

use arranged::{Sorted, ThreadStep};
use fetch::Fetched;
use mailbox::{Esearch, FlagList, Listed, MailboxStatus, Namespaces, Searched, Vanished};
use quota::{Quota, QuotaRoots};
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
    /// `QUOTA` (RFC 9208 §4.2.1).
    Quota(Quota),
    /// `QUOTAROOT` (RFC 9208 §4.2.2).
    QuotaRoots(QuotaRoots),
    /// `n RECENT` (RFC 3501 §7.3.2).
    Recent(u32),
    /// `SEARCH`.
    Search(Searched),
    /// `SORT` (RFC 5256 §4).
    Sort(Sorted),
    /// Untagged `OK`, `NO` or `BAD`.
    Status(Completion),
    /// `THREAD` (RFC 5256 §4).
    Thread(Vec<ThreadStep>),
    /// `VANISHED` (RFC 7162 §3.2.10).
    Vanished(Vanished),
}
