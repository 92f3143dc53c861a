//! The handle of those who work off entries.

use std::sync::Arc;
use std::time::Duration;

use postroom_runtime::clock::{Clock, Timestamp};
use postroom_store::error::{CommitError, ReadError, Refused};
use postroom_store::operation::{EntryId, EntryOutcome, LeaseToken, Operation};
use postroom_store::outcome::{Committed, Done};
use postroom_store::plan::Plan;
use postroom_store::row::{DuePage, DuePlace, DueQuery, Entry, Side};
use postroom_store::store::{Notice, Store};
use tokio::sync::broadcast;
use tokio::time;

use crate::agreement::Agreement;
use crate::schedule::Schedule;

/// How long a worker for mailboxes here may hold entries. Longer than any attempt takes.
const LEASE_HERE: Duration = Duration::from_mins(10);

/// How long entries for elsewhere are held. Most of it they may wait in memory for their turn; what
/// is left must be enough for an attempt ([`ATTEMPT_MAX`]). A crash does not wait for it: leases of
/// a process that is gone end when the store is opened.
const LEASE_ELSEWHERE: Duration = Duration::from_hours(3);

/// The longest that one transaction with a next hop takes.
pub const ATTEMPT_MAX: Duration = Duration::from_hours(1);

/// Times that a lease is tried again when an operator took an entry away meanwhile.
const LEASES_MAX: u32 = 4;

/// Due entries that one worker holds until they are settled or the lease ends.
#[derive(Debug)]
pub struct Lease {
    /// Fences off whoever held them before.
    pub token: LeaseToken,
    /// When it ends.
    pub until: Timestamp,
    /// As they stood when they were taken.
    pub entries: Vec<Entry>,
}

/// How far a reader of entries for elsewhere has come.
#[derive(Debug)]
pub struct Progress {
    after: Option<DuePlace>,
    /// When the queue was looked at.
    looked: Timestamp,
    /// When it was last begun with the oldest entry.
    rewound: Timestamp,
    /// Domains whose entries are passed over.
    except: Vec<Box<str>>,
}

/// With domains that are passed over, how often the queue is read from its oldest entry all the
/// same.
const REWIND_EVERY: Duration = Duration::from_secs(30);

/// How much is read again otherwise. Commits overtake each other: an entry may come into the queue
/// behind the reader, but not by much.
const OVERLAP: Duration = Duration::from_mins(1);

impl Default for Progress {
    fn default() -> Self {
        Self {
            after: None,
            looked: Timestamp(0),
            rewound: Timestamp(0),
            except: Vec::new(),
        }
    }
}

impl Progress {
    /// Begins a pass that passes over the entries for `except`. With none it begins with the
    /// oldest entry: those that are held are no longer due, and cost nothing.
    pub fn begin(&mut self, now: Timestamp, except: Vec<Box<str>>) {
        let is_freed = self.except.iter().any(|domain| !except.contains(domain));
        let is_due = self.rewound.plus(REWIND_EVERY) <= now || now < self.rewound;
        self.except = except;
        if self.except.is_empty() || is_freed || is_due {
            self.after = None;
            self.rewound = now;
        } else if let Some(after) = &mut self.after {
            *after = after.earlier(OVERLAP);
        }
    }

    /// Passes over the entries for other domains from here on.
    pub fn pass_over(&mut self, except: Vec<Box<str>>) {
        self.except = except;
    }
}

/// Entries could not be taken or settled.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The queue cannot be read.
    #[error("reading the queue failed")]
    Read(#[from] ReadError),
    /// The change did not become durable.
    #[error("writing the queue failed")]
    Commit(#[from] CommitError),
}

/// The queue. Clones share it.
#[derive(Debug, Clone)]
pub struct Queue {
    store: Store,
    clock: Clock,
    schedule: Arc<Schedule>,
    agreement: Agreement,
}

/// The longest that a worker sleeps, whatever the queue says.
const SLEEP_MAX: Duration = Duration::from_mins(5);

impl Queue {
    /// The queue of a store.
    pub fn new(store: Store, clock: Clock, schedule: Schedule) -> Self {
        Self {
            store,
            agreement: Agreement::new(clock.clone()),
            clock,
            schedule: Arc::new(schedule),
        }
    }

    /// Its times.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// When an entry that was tried at `now` is due again; `None` when its time is over. Age
    /// counts only as long as the clock is [to be believed](Agreement).
    pub fn next(&self, entry: &Entry, now: Timestamp) -> Option<Timestamp> {
        let is_believed = self.agreement.holds();
        match self.schedule.next(entry, now) {
            None if !is_believed => Some(self.schedule.again(entry, now)),
            next => next,
        }
    }

    /// Takes at most `limit` entries for mailboxes here that are due; `None` when there are none.
    ///
    /// # Errors
    /// Nothing is held then.
    pub async fn take_due(&self, limit: usize) -> Result<Option<Lease>, QueueError> {
        let query = DueQuery {
            side: Side::Here,
            now: self.clock.wall(),
            after: None,
            except: Vec::new(),
            limit,
        };
        let page = self.store.due(query.clone()).await?;
        self.lease(query, page, LEASE_HERE).await
    }

    /// Takes at most `limit` entries for elsewhere that are due and not behind `progress`, and
    /// moves it on; `None` when there are none.
    ///
    /// # Errors
    /// Nothing is held then, and `progress` stays.
    pub async fn take_elsewhere(
        &self,
        progress: &mut Progress,
        limit: usize,
    ) -> Result<Option<Lease>, QueueError> {
        let now = self.clock.wall();
        let query = DueQuery {
            side: Side::Elsewhere,
            now,
            after: progress.after.clone(),
            except: progress.except.clone(),
            limit,
        };
        let page = self.store.due(query.clone()).await?;
        let last = page.last.clone();
        let lease = self.lease(query, page, LEASE_ELSEWHERE).await?;
        progress.looked = now;
        if last.is_some() {
            progress.after = last;
        }
        Ok(lease)
    }

    /// Leases a page, and holds back what of it cannot be read.
    async fn lease(
        &self,
        query: DueQuery,
        mut page: DuePage,
        length: Duration,
    ) -> Result<Option<Lease>, QueueError> {
        for _ in 0..LEASES_MAX {
            if page.last.is_none() {
                return Ok(None);
            }
            let until = query.now.plus(length);
            let read = page.entries.iter().map(|entry| entry.id);
            let lease = Operation::Lease {
                entries: read.chain(page.damaged.iter().copied()).collect(),
                until,
            };
            match self.commit(vec![lease], query.now).await {
                Ok(committed) => {
                    let token = committed.results.into_iter().find_map(|done| match done {
                        Done::Leased(token) => Some(token),
                        _ => None,
                    });
                    let Some(token) = token else {
                        return Ok(None);
                    };
                    self.hold(token, &page.damaged).await?;
                    return Ok(Some(Lease {
                        token,
                        until,
                        entries: page.entries,
                    }));
                }
                // An operator was quicker with one of them.
                Err(CommitError::Refused(Refused::LeaseLost)) => {}
                Err(error) => return Err(error.into()),
            }
            page = self.store.due(query.clone()).await?;
        }
        Ok(None)
    }

    /// Entries that cannot be read wait for an operator.
    async fn hold(&self, token: LeaseToken, damaged: &[EntryId]) -> Result<(), QueueError> {
        if damaged.is_empty() {
            return Ok(());
        }
        tracing::error!(entries = ?damaged, "queue entries cannot be read and are held");
        let hold = |entry: &EntryId| Operation::Settle {
            entry: *entry,
            token,
            outcome: EntryOutcome::Held {
                status: "5.3.0 the entry cannot be read".into(),
            },
        };
        let operations = damaged.iter().map(hold).collect();
        self.commit(operations, self.clock.wall()).await?;
        Ok(())
    }

    /// Writes an outcome alone, for an attempt that planned nothing else.
    pub async fn settle(
        &self,
        entry: EntryId,
        token: LeaseToken,
        outcome: EntryOutcome,
    ) -> Result<(), QueueError> {
        let settle = Operation::Settle {
            entry,
            token,
            outcome,
        };
        self.commit(vec![settle], self.clock.wall()).await?;
        Ok(())
    }

    /// Waits until entries for mailboxes here may be due: one was added, or the next one's time
    /// has come.
    ///
    /// `news` is [`Store::follow`]'s, taken before the queue was last found empty. Cancel safe.
    pub async fn wait(&self, news: &mut broadcast::Receiver<Arc<Notice>>) {
        self.wait_for(Side::Here, Timestamp(0), news).await;
    }

    /// As [`Queue::wait`], for entries for elsewhere that were not due when `progress` was made.
    /// Cancel safe.
    pub async fn wait_elsewhere(
        &self,
        progress: &Progress,
        news: &mut broadcast::Receiver<Arc<Notice>>,
    ) {
        self.wait_for(Side::Elsewhere, progress.looked, news).await;
    }

    async fn wait_for(
        &self,
        side: Side,
        since: Timestamp,
        news: &mut broadcast::Receiver<Arc<Notice>>,
    ) {
        // Asked now and then, so that it sees a step of the clock.
        self.agreement.holds();
        let now = self.clock.wall();
        let due = self.store.next_due(side, since).await.ok().flatten();
        let sleep = due.map_or(SLEEP_MAX, |due| {
            Duration::from_micros(due.0.saturating_sub(now.0)).min(SLEEP_MAX)
        });
        let added = async {
            loop {
                match news.recv().await {
                    Ok(notice) if !notice.is_queue => {}
                    Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => break,
                }
            }
        };
        // Which of the two ended the wait does not matter.
        let _ = time::timeout(sleep, added).await;
    }

    async fn commit(
        &self,
        operations: Vec<Operation>,
        time: Timestamp,
    ) -> Result<Committed, CommitError> {
        let plan = Plan {
            arrival: self.store.new_arrival(),
            time,
            operations,
            journal: Vec::new(),
            body: None,
        };
        self.store.commit(plan).await
    }
}
