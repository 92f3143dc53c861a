//! Why a plan was not committed, or a read not answered.

use postroom_mail::identifier::{AccountId, MailboxId};

use crate::operation::EntryId;

/// A plan did not become durable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The plan does not fit what is; nothing was written. Plan again or tell the client.
    #[error("the change does not fit")]
    Refused(#[from] Refused),
    /// Less than the reserve is free; nothing was written.
    #[error("less than the reserve is free on the disk")]
    NoRoom,
    /// The store takes no changes until what failed succeeds or the server is started again. The
    /// plan may have become durable.
    #[error("the store takes no changes: {0}")]
    Stopped(Stopped),
}

/// Why the store takes no changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// Writing or syncing the log failed: only a restart tells what is durable.
    #[error("writing the log failed; start the server again")]
    Log,
    /// The database does not take what the log holds.
    #[error("the database fails; the log is whole")]
    Database,
    /// The store is closing.
    #[error("the store is closing")]
    Closing,
}

/// Why a plan does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Gone, or never there.
    #[error("account {0} does not exist")]
    NoAccount(AccountId),
    /// Gone, or never there.
    #[error("mailbox {0} does not exist")]
    NoMailbox(MailboxId),
    /// The name is taken.
    #[error("a mailbox of that name exists")]
    MailboxExists,
    /// It has children, or is the inbox.
    #[error("that mailbox cannot be removed or renamed so")]
    MailboxFixed,
    /// Too many mailboxes in the account.
    #[error("the account has as many mailboxes as it may")]
    MailboxesMax,
    /// The address is an account or an alias already.
    #[error("that address is taken")]
    AddressTaken,
    /// There is no such domain, alias or credential.
    #[error("there is none of that name")]
    NoSuchName,
    /// Accounts or aliases still use the domain.
    #[error("the domain is in use")]
    DomainInUse,
    /// No room in the account.
    #[error("account is {over} octets over its quota")]
    OverQuota {
        /// By how much.
        over: u64,
    },
    /// One keyword too many for the mailbox.
    #[error("the mailbox has as many keywords as it may")]
    KeywordsMax,
    /// UIDs of the mailbox are used up.
    #[error("the mailbox has no UID left")]
    UidsMax,
    /// The key is remembered; here is what was remembered with it.
    #[error("that has been done before")]
    Remembered(Box<str>),
    /// The entry was taken by someone else, or is gone.
    #[error("the queue entry is not held under that lease")]
    LeaseLost,
    /// An operator asked what cannot be done to that entry.
    #[error("queue entry {}: {why}", entry.0)]
    Entry {
        /// Which.
        entry: EntryId,
        /// Why not.
        why: NotTended,
    },
    /// The record would be larger than a segment takes.
    #[error("the change is too large for one record")]
    TooLarge,
}

/// Why an operator's wish does not fit an entry of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTended {
    /// It has ended meanwhile.
    #[error("it is gone")]
    Gone,
    /// It is kept back already, or must be released first.
    #[error("it is held back")]
    Held,
    /// An attempt is under way.
    #[error("it is being tried right now")]
    InHand,
    /// It is not kept back.
    #[error("it is not held back")]
    NotHeld,
}

/// A read was not answered.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Too many reads wait, or the store is closing.
    #[error("the store is busy")]
    Busy,
    /// The database failed.
    #[error("the database failed")]
    Database(#[source] std::sync::Arc<dyn std::error::Error + Send + Sync>),
    /// A body cannot be read, or its checksum is wrong.
    #[error("the body at segment {segment}, offset {offset} is damaged")]
    Damaged {
        /// Which segment.
        segment: u64,
        /// Where in it.
        offset: u64,
    },
    /// The file system failed.
    #[error("reading a segment failed")]
    Disk(#[from] std::io::Error),
}

/// A store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{path} is in use by {holder}")]
    Locked {
        /// The data directory.
        path: std::path::PathBuf,
        /// Host and pid of who holds the lock.
        holder: String,
    },
    /// Written by a newer release.
    #[error("the data directory has format {found}; this release reads up to {known}")]
    Newer {
        /// Of the directory.
        found: u32,
        /// Of this release.
        known: u32,
    },
    /// It lies where what is written can be lost or shared.
    #[error("{path} is on {name}; name it in `store.accept_filesystem` to use it all the same")]
    FileSystem {
        /// The data directory.
        path: std::path::PathBuf,
        /// The kind of file system.
        name: &'static str,
    },
    /// The system has no thread to give.
    #[error("no thread can be started")]
    Thread(#[source] std::io::Error),
    /// The database failed.
    #[error("the database cannot be opened")]
    Database(#[source] std::sync::Arc<dyn std::error::Error + Send + Sync>),
    /// The file system failed.
    #[error("opening {path} failed")]
    Disk {
        /// Which file.
        path: std::path::PathBuf,
        /// How.
        #[source]
        source: std::io::Error,
    },
}
