//! The handle of those who work off entries.

use std::sync::Arc;
use std::time::Duration;

use postroom_runtime::clock::Clock;
use postroom_store::error::{CommitError, ReadError};
use postroom_store::operation::{EntryId, EntryOutcome, LeaseToken, Operation};
use postroom_store::outcome::Done;
use postroom_store::plan::Plan;
use postroom_store::row::Entry;
use postroom_store::store::{Notice, Store};
use tokio::sync::broadcast;
use tokio::time;

use crate::schedule::Schedule;

/// Due entries that one worker holds until they are settled or the lease ends.
#[derive(Debug)]
pub struct Lease {
    /// Fences off whoever held them before.
    pub token: LeaseToken,
    /// As they stood when they were taken.
    pub entries: Vec<Entry>,
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
}

/// The longest that a worker sleeps, whatever the queue says.
const SLEEP_MAX: Duration = Duration::from_mins(5);

impl Queue {
    /// The queue of a store.
    pub fn new(store: Store, clock: Clock, schedule: Schedule) -> Self {
        Self {
            store,
            clock,
            schedule: Arc::new(schedule),
        }
    }

    /// Its times.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Takes at most `limit` entries that are due; `None` when there are none.
    ///
    /// # Errors
    /// Nothing is held then.
    pub async fn take_due(&self, limit: usize) -> Result<Option<Lease>, QueueError> {
        let now = self.clock.wall();
        let entries = self.store.due(now, limit).await?;
        if entries.is_empty() {
            return Ok(None);
        }
        let lease = Operation::Lease {
            entries: entries.iter().map(|entry| entry.id).collect(),
            until: now.plus(self.schedule.lease),
        };
        let committed = self.store.commit(self.change(lease)).await?;
        let token = committed.results.into_iter().find_map(|done| match done {
            Done::Leased(token) => Some(token),
            _ => None,
        });
        Ok(token.map(|token| Lease { token, entries }))
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
        self.store.commit(self.change(settle)).await?;
        Ok(())
    }

    /// Waits until entries may be due: one was added, or the next one's time has come.
    ///
    /// `news` is [`Store::follow`]'s, taken before the queue was last found empty. Cancel safe.
    pub async fn wait(&self, news: &mut broadcast::Receiver<Arc<Notice>>) {
        let due = self.store.next_due().await.ok().flatten();
        let now = self.clock.wall();
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

    fn change(&self, operation: Operation) -> Plan {
        Plan {
            arrival: self.store.new_arrival(),
            time: self.clock.wall(),
            operations: vec![operation],
            journal: Vec::new(),
            body: None,
        }
    }
}
