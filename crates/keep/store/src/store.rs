//! The handle that rooms hold.

mod body;
mod open;
mod story;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use postroom_mail::identifier::{AccountId, ArrivalId, BlobId, EmailId, MailboxId, ModSeq};
use postroom_mail::mailbox_name::MailboxName;
use postroom_runtime::clock::{Clock, Timestamp};
use postroom_runtime::disk::{Disk, RealDisk};
use postroom_runtime::pool::BlockingPool;
use postroom_runtime::random::Random;
use postroom_runtime::telemetry::Telemetry;
use rusqlite::Connection;
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::chore::Chore;
use crate::committer::{Pending, Request};
use crate::engine::connection::Readers;
use crate::engine::{read, read_message, read_queue};
use crate::error::{CommitError, OpenError, ReadError, Stopped};
use crate::journal::JournalLine;
use crate::lock::Lock;
use crate::log::segment::Segments;
use crate::operation::{Alias, Credential, Domain, EntryId, Rendering};
use crate::outcome::Committed;
use crate::plan::Plan;
use crate::row::{
    Account, Changes, DuePage, DueQuery, Entry, Expunged, Mailbox, MailboxCounts, Message,
    Placement, QueueCounts, Side,
};
use crate::shared::Shared;

pub use crate::lock::FILE_SYSTEMS;
pub use crate::log::replay::{Damage, DamageKind};
pub use crate::notice::Notice;
pub use crate::spool::Spool;
pub use story::STORY_LINES_MAX;

/// Octets that stay free unless told otherwise.
const RESERVE: u64 = 256 << 20;
/// Octets of a log segment unless told otherwise.
const SEGMENT_OCTETS_MAX: u64 = 64 << 20;
/// Octets that share a sync unless told otherwise.
const BATCH_OCTETS_MAX: u64 = 16 << 20;
/// Octets of the journal unless told otherwise.
const JOURNAL_OCTETS_MAX: u64 = 1 << 30;
/// How long a line of the journal is kept unless told otherwise.
const JOURNAL_KEPT: Duration = Duration::from_hours(24 * 30);
/// Threads that answer reads unless told otherwise.
const READERS: usize = 4;

/// Random bits at the end of an arrival; 52 bits of microseconds last until the year 2112.
const ARRIVAL_RANDOM_BITS: u32 = 12;

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// The data directory.
    pub directory: PathBuf,
    /// What files are read and written through; the database and the lock alone go around it.
    pub disk: Arc<dyn Disk>,
    /// Tells the time.
    pub clock: Clock,
    /// Makes identifiers.
    pub random: Random,
    /// Counts what is written.
    pub telemetry: Telemetry,
    /// Threads that answer reads.
    pub readers: usize,
    /// Octets that stay free (`store.reserve`).
    pub reserve: u64,
    /// Octets after which a segment of the log is closed (`store.segment_max`).
    pub segment_octets_max: u64,
    /// Octets of bodies after which a batch takes no more plans (`store.batch_max`).
    pub batch_octets_max: u64,
    /// Octets of the journal, about; the oldest lines go (`journal.max_bytes`).
    pub journal_octets_max: u64,
    /// How long a line of the journal is kept (`journal.keep`).
    pub journal_kept: Duration,
    /// Kinds of file system taken all the same, among [`FILE_SYSTEMS`]
    /// (`store.accept_filesystem`).
    pub accept_filesystem: Vec<Box<str>>,
}

impl Options {
    /// The usual ones, on the machine's disk and clock.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            disk: Arc::new(RealDisk),
            clock: Clock::system(),
            random: Random::system(),
            telemetry: Telemetry::default(),
            readers: READERS,
            reserve: RESERVE,
            segment_octets_max: SEGMENT_OCTETS_MAX,
            batch_octets_max: BATCH_OCTETS_MAX,
            journal_octets_max: JOURNAL_OCTETS_MAX,
            journal_kept: JOURNAL_KEPT,
            accept_filesystem: Vec::new(),
        }
    }
}

/// An open store. Clones share it.
///
/// Reads see what was committed before they began. A commit that has returned is seen by every
/// later read, but for the time in which the database fails.
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    requests: mpsc::Sender<Request>,
    chores: SyncSender<Chore>,
    notices: broadcast::Sender<Arc<Notice>>,
    shared: Arc<Shared>,
    segments: Arc<Segments>,
    readers: Arc<Readers>,
    /// Threads that answer reads.
    pool: BlockingPool,
    /// Threads that write bodies: a slow disk must not keep readers waiting.
    spoolers: BlockingPool,
    clock: Clock,
    random: Random,
    /// The last arrival given.
    arrival: AtomicU64,
    damage: Vec<Damage>,
    lock: Mutex<Option<Arc<Lock>>>,
}

/// Octets of a rendering that are wanted, for [`Store::read_many`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Which kept bytes.
    pub blob: BlobId,
    /// What is seen of them.
    pub rendering: Rendering,
    /// Octets of the rendering.
    pub range: Range<u64>,
}

/// How a store stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Why no changes are taken, if none are.
    pub stopped: Option<Stopped>,
    /// Octets free on the disk, as last seen.
    pub free_octets: u64,
    /// Octets that stay free; below them no mail is taken.
    pub reserve_octets: u64,
}

impl Standing {
    /// Whether mail is taken.
    pub fn is_accepting(&self) -> bool {
        self.stopped.is_none() && self.free_octets > self.reserve_octets
    }
}

impl Store {
    /// Opens the store of a data directory, making it when it is not there, and replays the log.
    ///
    /// Parts of the log that were durable and cannot be read do not keep it from opening: see
    /// [`Store::damage`].
    pub async fn open(options: Options) -> Result<Self, OpenError> {
        open::open(options).await
    }

    /// Parts of the log that were found damaged when it was replayed, and were set aside.
    pub fn damage(&self) -> &[Damage] {
        &self.0.damage
    }

    /// Makes a plan durable. When this returns `Ok`, a power cut loses nothing of it.
    ///
    /// Dropping the future does not undo a plan that was handed over.
    ///
    /// # Panics
    /// When an operation speaks of a body and the plan has none.
    pub async fn commit(&self, plan: Plan) -> Result<Committed, CommitError> {
        assert!(
            plan.body.is_some() || !plan.needs_body(),
            "a plan that delivers or enqueues has a body"
        );
        if let Some(stopped) = self.0.shared.stopped() {
            return Err(CommitError::Stopped(stopped));
        }
        let (answer, answered) = oneshot::channel();
        let closing = CommitError::Stopped(Stopped::Closing);
        let request = Request::Commit(Pending { plan, answer });
        if self.0.requests.send(request).await.is_err() {
            return Err(closing);
        }
        answered.await.unwrap_or(Err(closing))
    }

    /// Whether a commit would be tried: more than the reserve is free and nothing has failed.
    /// Cheap; for MAIL, DATA and APPEND.
    pub fn is_accepting(&self) -> bool {
        self.0.shared.stopped().is_none() && self.0.shared.has_room()
    }

    /// How the store stands now. Cheap.
    pub fn standing(&self) -> Standing {
        let shared = &self.0.shared;
        Standing {
            stopped: shared.stopped(),
            free_octets: shared.free(),
            reserve_octets: shared.reserve(),
        }
    }

    /// A new arrival, above every one given before, also before the store was opened.
    ///
    /// Microseconds of civil time, then a few random bits: ascending keys cost the database a page
    /// where random ones would cost a page each.
    pub fn new_arrival(&self) -> ArrivalId {
        let random = self.0.random.number() & ((1 << ARRIVAL_RANDOM_BITS) - 1);
        let wanted = self.0.clock.wall().0 << ARRIVAL_RANDOM_BITS | random;
        let last = self.0.arrival.fetch_max(wanted, Ordering::Relaxed);
        if last < wanted {
            return ArrivalId(wanted);
        }
        // Two within a microsecond, or the clock stands or was set back.
        ArrivalId(self.0.arrival.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Begins a body that is too large for memory.
    pub async fn spool(&self) -> Result<Spool, CommitError> {
        if let Some(stopped) = self.0.shared.stopped() {
            return Err(CommitError::Stopped(stopped));
        }
        if !self.0.shared.has_room() {
            return Err(CommitError::NoRoom);
        }
        Spool::begin(
            self.0.spoolers.clone(),
            Arc::clone(&self.0.segments),
            self.0.chores.clone(),
            self.0.random.number(),
        )
        .await
    }

    /// Follows what commits touch, from now on. A commit is told before it is answered.
    pub fn follow(&self) -> broadcast::Receiver<Arc<Notice>> {
        self.0.notices.subscribe()
    }

    /// Writes journal lines without a sync of their own: refusals and logins. Never waits; of
    /// refusals alike some are kept, the rest become one line with a count, and beyond what fits
    /// in memory lines are dropped and counted. They are readable within about a second.
    pub fn journal_later(&self, lines: Vec<JournalLine>) {
        self.0.shared.wait(lines);
    }

    /// Ends the committer after what it has, checkpoints the database and lets go of the files.
    pub async fn close(&self) {
        let (answer, answered) = oneshot::channel();
        if self.0.requests.send(Request::Close(answer)).await.is_ok() {
            let _ = answered.await;
        }
        self.0.readers.close();
        let (answer, answered) = oneshot::channel();
        let chores = self.0.chores.clone();
        let asked = self
            .0
            .spoolers
            .run(move || chores.send(Chore::Close(answer)))
            .await;
        if matches!(asked, Ok(Ok(()))) {
            let _ = answered.await;
        }
        self.0
            .lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }

    async fn query<T, F>(&self, read: F) -> Result<T, ReadError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let readers = Arc::clone(&self.0.readers);
        self.0
            .pool
            .run(move || readers.with(read))
            .await
            .ok()
            .flatten()
            .ok_or(ReadError::Busy)?
            .map_err(|error| ReadError::Database(Arc::new(error)))
    }

    /// All domains, by name.
    pub async fn domains(&self) -> Result<Vec<Domain>, ReadError> {
        self.query(read::domains).await
    }

    /// The domain of a canonical name.
    pub async fn domain(&self, name: &str) -> Result<Option<Domain>, ReadError> {
        let name: Box<str> = name.into();
        self.query(move |connection| read::domain(connection, &name))
            .await
    }

    /// All accounts, by address.
    pub async fn accounts(&self) -> Result<Vec<Account>, ReadError> {
        self.query(read::accounts).await
    }

    /// One account.
    pub async fn account(&self, account: AccountId) -> Result<Option<Account>, ReadError> {
        self.query(move |connection| read::account(connection, account))
            .await
    }

    /// The account whose own address has this lookup key.
    pub async fn account_of(&self, address: &str) -> Result<Option<Account>, ReadError> {
        let address: Box<str> = address.into();
        self.query(move |connection| read::account_of(connection, &address))
            .await
    }

    /// Ways to sign in to an account.
    pub async fn credentials(&self, account: AccountId) -> Result<Vec<Credential>, ReadError> {
        self.query(move |connection| read::credentials(connection, account))
            .await
    }

    /// The alias of a lookup key.
    pub async fn alias(&self, address: &str) -> Result<Option<Alias>, ReadError> {
        let address: Box<str> = address.into();
        self.query(move |connection| read::alias(connection, &address))
            .await
    }

    /// All aliases, by address.
    pub async fn aliases(&self) -> Result<Vec<Alias>, ReadError> {
        self.query(read::aliases).await
    }

    /// Mailboxes of an account, by name.
    pub async fn mailboxes(&self, account: AccountId) -> Result<Vec<Mailbox>, ReadError> {
        self.query(move |connection| read::mailboxes(connection, account))
            .await
    }

    /// One mailbox by name.
    pub async fn mailbox(
        &self,
        account: AccountId,
        name: &MailboxName,
    ) -> Result<Option<Mailbox>, ReadError> {
        let name = name.clone();
        self.query(move |connection| read::mailbox(connection, account, &name))
            .await
    }

    /// Counts for STATUS, in the order asked.
    pub async fn counts(
        &self,
        account: AccountId,
        mailboxes: &[MailboxId],
    ) -> Result<Vec<MailboxCounts>, ReadError> {
        let mailboxes = mailboxes.to_vec();
        self.query(move |connection| read::counts(connection, account, &mailboxes))
            .await
    }

    /// Names an account is subscribed to, in order.
    pub async fn subscriptions(&self, account: AccountId) -> Result<Vec<MailboxName>, ReadError> {
        self.query(move |connection| read::subscriptions(connection, account))
            .await
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
        self.query(move |connection| {
            read_message::placements(connection, account, mailbox, after, limit)
        })
        .await
    }

    /// What changed in a mailbox above a MODSEQ; `None` when the mailbox is gone.
    pub async fn changes_since(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        since: ModSeq,
    ) -> Result<Option<Changes>, ReadError> {
        self.query(move |connection| {
            read_message::changes_since(connection, account, mailbox, since)
        })
        .await
    }

    /// What went from a mailbox above a MODSEQ; `None` when the mailbox is gone. Cost: the ranges
    /// that went.
    pub async fn expunged_since(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        since: ModSeq,
    ) -> Result<Option<Expunged>, ReadError> {
        self.query(move |connection| {
            read_message::expunged_since(connection, account, mailbox, since)
        })
        .await
    }

    /// Messages in the order asked; `None` for those that are gone. Expunged ones stay readable
    /// until they are erased.
    pub async fn messages(
        &self,
        account: AccountId,
        emails: &[EmailId],
    ) -> Result<Vec<Option<Message>>, ReadError> {
        let emails = emails.to_vec();
        self.query(move |connection| read_message::messages(connection, account, &emails))
            .await
    }

    /// Octets `range` of a rendering over a blob; shorter when the rendering ends before. Nothing
    /// for a blob that is gone.
    ///
    /// Small bodies are read whole and checked against their checksum; of large ones only reads
    /// of the whole.
    pub async fn read(
        &self,
        blob: BlobId,
        rendering: &Rendering,
        range: Range<u64>,
    ) -> Result<Vec<u8>, ReadError> {
        let wanted = Wanted {
            blob,
            rendering: rendering.clone(),
            range,
        };
        let mut found = self.read_many(vec![wanted]).await?;
        found.pop().unwrap_or(Ok(Vec::new()))
    }

    /// Several reads at the price of one; each succeeds or fails for itself.
    pub async fn read_many(
        &self,
        wanted: Vec<Wanted>,
    ) -> Result<Vec<Result<Vec<u8>, ReadError>>, ReadError> {
        let segments = Arc::clone(&self.0.segments);
        self.query(move |connection| {
            wanted
                .iter()
                .map(|wanted| body::read(connection, &segments, wanted))
                .collect()
        })
        .await
    }

    /// Queue entries that are due and that nobody holds.
    pub async fn due(&self, query: DueQuery) -> Result<DuePage, ReadError> {
        self.query(move |connection| read_queue::due(connection, &query))
            .await
    }

    /// When the next queue entry of a side is due that is not due at `after`.
    pub async fn next_due(
        &self,
        side: Side,
        after: Timestamp,
    ) -> Result<Option<Timestamp>, ReadError> {
        self.query(move |connection| read_queue::next_due(connection, side, after))
            .await
    }

    /// How many entries the queue has. Costs a walk through an index of the queue.
    pub async fn queue_counts(&self, now: Timestamp) -> Result<QueueCounts, ReadError> {
        self.query(move |connection| read_queue::counts(connection, now))
            .await
    }

    /// Entries of the queue, by id, at most `limit` above `after`.
    pub async fn entries(
        &self,
        after: Option<EntryId>,
        limit: usize,
    ) -> Result<Vec<Entry>, ReadError> {
        self.query(move |connection| read_queue::entries(connection, after, limit))
            .await
    }

    /// What was remembered with a key, unless it may be forgotten by now.
    pub async fn remembered(&self, key: &str) -> Result<Option<Box<str>>, ReadError> {
        let key: Box<str> = key.into();
        let now = self.0.clock.wall();
        self.query(move |connection| read_queue::remembered(connection, &key, now))
            .await
    }
}
