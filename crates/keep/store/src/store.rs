//! The handle that rooms hold.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use postroom_mail::identifier::{AccountId, ArrivalId, BlobId, EmailId, MailboxId, ModSeq};
use postroom_mail::mailbox_name::MailboxName;
use postroom_runtime::clock::{Clock, Timestamp};
use postroom_runtime::disk::Disk;
use postroom_runtime::random::Random;
use tokio::sync::broadcast;

use crate::error::{CommitError, OpenError, ReadError};
use crate::journal::JournalLine;
use crate::operation::{Alias, Credential, Domain, EntryId, Rendering};
use crate::outcome::Committed;
use crate::plan::{Plan, Spooled};
use crate::row::{Account, Changes, Entry, Mailbox, MailboxCounts, Message, Placement};

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// The data directory.
    pub directory: PathBuf,
    /// What files are read and written through; the database file alone goes around it.
    pub disk: Arc<dyn Disk>,
    /// Tells the time.
    pub clock: Clock,
    /// Makes identifiers.
    pub random: Random,
    /// Threads that answer reads.
    pub readers: usize,
    /// Octets that stay free (`store.reserve`).
    pub reserve: u64,
}

/// What a batch of commits touched, told to whoever follows. Lost notices show as lag: read again.
#[derive(Debug, Clone, Default)]
pub struct Notice {
    /// Mailboxes with changes, and the MODSEQ they reached.
    pub mailboxes: Vec<(AccountId, MailboxId, ModSeq)>,
    /// Accounts whose list of mailboxes changed.
    pub folders: Vec<AccountId>,
    /// Whether domains, accounts, aliases or credentials changed.
    pub is_directory: bool,
    /// Whether the queue has entries that it had not.
    pub is_queue: bool,
}

/// An open store. Clones share it.
#[derive(Debug, Clone)]
pub struct Store;

/// A body on its way to a segment of its own.
#[derive(Debug)]
pub struct Spool;

#[expect(unused_variables, clippy::unused_async, reason = "seam: bodies follow")]
impl Store {
    /// Opens the store of a data directory, making it when it is not there, and replays the log.
    pub async fn open(options: Options) -> Result<Self, OpenError> {
        unimplemented!()
    }

    /// Makes a plan durable. When this returns `Ok`, a power cut loses nothing of it.
    ///
    /// Dropping the future does not undo a plan that was handed over.
    pub async fn commit(&self, plan: Plan) -> Result<Committed, CommitError> {
        unimplemented!()
    }

    /// Whether a commit would be tried: more than the reserve is free and nothing has failed.
    /// Cheap; for MAIL, DATA and APPEND.
    pub fn is_accepting(&self) -> bool {
        unimplemented!()
    }

    /// A new random arrival.
    pub fn new_arrival(&self) -> ArrivalId {
        unimplemented!()
    }

    /// Begins a body that is too large for memory.
    pub async fn spool(&self) -> Result<Spool, CommitError> {
        unimplemented!()
    }

    /// Follows what commits touch, from now on.
    pub fn follow(&self) -> broadcast::Receiver<Arc<Notice>> {
        unimplemented!()
    }

    /// Writes journal lines without a sync of their own: refusals and failed logins. Never waits;
    /// under flood lines are dropped and counted.
    pub fn journal_later(&self, lines: Vec<JournalLine>) {
        unimplemented!()
    }

    /// Ends the committer after what it has, checkpoints the database and lets go of the files.
    pub async fn close(&self) {
        unimplemented!()
    }

    /// All domains, by name.
    pub async fn domains(&self) -> Result<Vec<Domain>, ReadError> {
        unimplemented!()
    }

    /// The domain of a canonical name.
    pub async fn domain(&self, name: &str) -> Result<Option<Domain>, ReadError> {
        unimplemented!()
    }

    /// All accounts, by address.
    pub async fn accounts(&self) -> Result<Vec<Account>, ReadError> {
        unimplemented!()
    }

    /// One account.
    pub async fn account(&self, account: AccountId) -> Result<Option<Account>, ReadError> {
        unimplemented!()
    }

    /// The account whose own address has this lookup key.
    pub async fn account_of(&self, address: &str) -> Result<Option<Account>, ReadError> {
        unimplemented!()
    }

    /// Ways to sign in to an account.
    pub async fn credentials(&self, account: AccountId) -> Result<Vec<Credential>, ReadError> {
        unimplemented!()
    }

    /// The alias of a lookup key.
    pub async fn alias(&self, address: &str) -> Result<Option<Alias>, ReadError> {
        unimplemented!()
    }

    /// All aliases, by address.
    pub async fn aliases(&self) -> Result<Vec<Alias>, ReadError> {
        unimplemented!()
    }

    /// Mailboxes of an account, by name.
    pub async fn mailboxes(&self, account: AccountId) -> Result<Vec<Mailbox>, ReadError> {
        unimplemented!()
    }

    /// One mailbox by name.
    pub async fn mailbox(
        &self,
        account: AccountId,
        name: &MailboxName,
    ) -> Result<Option<Mailbox>, ReadError> {
        unimplemented!()
    }

    /// Counts for STATUS, in the order asked.
    pub async fn counts(
        &self,
        account: AccountId,
        mailboxes: &[MailboxId],
    ) -> Result<Vec<MailboxCounts>, ReadError> {
        unimplemented!()
    }

    /// Names an account is subscribed to, in order.
    pub async fn subscriptions(&self, account: AccountId) -> Result<Vec<MailboxName>, ReadError> {
        unimplemented!()
    }

    /// Placements of a mailbox with a UID above `after`, ascending, at most `limit`, and the
    /// mailbox as it stood in the same moment.
    pub async fn placements(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        after: u32,
        limit: usize,
    ) -> Result<Option<(Mailbox, Vec<Placement>)>, ReadError> {
        unimplemented!()
    }

    /// What changed in a mailbox above a MODSEQ; `None` when the mailbox is gone.
    pub async fn changes_since(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        since: ModSeq,
    ) -> Result<Option<Changes>, ReadError> {
        unimplemented!()
    }

    /// Messages in the order asked; `None` for those that are gone. Expunged ones stay readable
    /// until they are erased.
    pub async fn messages(
        &self,
        account: AccountId,
        emails: &[EmailId],
    ) -> Result<Vec<Option<Message>>, ReadError> {
        unimplemented!()
    }

    /// Octets `range` of a rendering over a blob; shorter when the rendering ends before.
    pub async fn read(
        &self,
        blob: BlobId,
        rendering: &Rendering,
        range: Range<u64>,
    ) -> Result<Vec<u8>, ReadError> {
        unimplemented!()
    }

    /// Queue entries due at `now` that nobody holds, oldest first.
    pub async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Entry>, ReadError> {
        unimplemented!()
    }

    /// When the next queue entry is due.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, ReadError> {
        unimplemented!()
    }

    /// Entries of the queue, by id, at most `limit` above `after`.
    pub async fn entries(
        &self,
        after: Option<EntryId>,
        limit: usize,
    ) -> Result<Vec<Entry>, ReadError> {
        unimplemented!()
    }

    /// What was remembered with a key, unless it may be forgotten by now.
    pub async fn remembered(&self, key: &str) -> Result<Option<Box<str>>, ReadError> {
        unimplemented!()
    }

    /// Journal lines of a message, oldest first.
    pub async fn journal_of(&self, arrival: ArrivalId) -> Result<Vec<JournalLine>, ReadError> {
        unimplemented!()
    }
}

#[expect(unused_variables, clippy::unused_async, reason = "seam: bodies follow")]
impl Spool {
    /// Adds octets.
    pub async fn append(&mut self, octets: Vec<u8>) -> Result<(), CommitError> {
        unimplemented!()
    }

    /// Octets `range` of what was appended so far.
    pub async fn read(&self, range: Range<u64>) -> Result<Vec<u8>, ReadError> {
        unimplemented!()
    }

    /// Syncs the segment: the body can be part of a plan now.
    pub async fn finish(self) -> Result<Spooled, CommitError> {
        unimplemented!()
    }
}
