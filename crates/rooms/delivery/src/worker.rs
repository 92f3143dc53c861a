//! Works off what waits in the queue for mailboxes here.

use std::sync::OnceLock;
use std::time::Duration;

use postroom_mail::address::{Address, NonAscii, ReversePath};
use postroom_mail::envelope::{BodyType, Envelope, Notify, Recipient};
use postroom_mail::message::header_length;
use postroom_queue::queue::{Lease, Queue, QueueError};
use postroom_runtime::clock::Clock;
use postroom_runtime::group::Token;
use postroom_store::error::{CommitError, ReadError};
use postroom_store::operation::{EntryOutcome, LeaseToken, NextHop};
use postroom_store::plan::Body;
use postroom_store::row::Entry;

use crate::case::{Attempt, Case, Quota, Relaying, Reports};
use crate::conclude::delay_key;
use crate::delivery::{Delivery, SettleError};
use crate::facts::Facts;
use crate::privacy::Privacy;

/// Entries that are held at a time.
const LEASE_MAX: usize = 32;

/// The age at which the sender of an entry hears that it waits.
const DELAY_NOTICE: Duration = Duration::from_hours(4);

/// The one worker for entries whose next hop is `local` or `expand`.
#[derive(Debug)]
pub struct Worker {
    /// The door.
    pub delivery: Delivery,
    /// What waits.
    pub queue: Queue,
    /// Tells the time.
    pub clock: Clock,
    /// This server's name, in reports.
    pub host: Box<str>,
    /// How much of a person the journal may say.
    pub privacy: Privacy,
}

/// An attempt ended without an outcome; the entry is due again when its lease ends.
#[derive(Debug, thiserror::Error)]
enum AttemptError {
    #[error("the entry is damaged")]
    Entry,
    #[error("reading the message failed")]
    Read(#[from] ReadError),
    #[error("keeping the outcome failed")]
    Commit(#[from] CommitError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Settle(#[from] SettleError),
}

impl Worker {
    /// Works until `token` is cancelled; the entry in hand is finished first.
    pub async fn run(self, token: Token) {
        let mut news = self.delivery.store().follow();
        while !token.is_cancelled() {
            let is_idle = self.round(&token).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "the queue cannot be worked off");
                true
            });
            if is_idle {
                let wait = self.queue.wait(&mut news);
                let _ = token.run_until_cancelled(wait).await;
            }
        }
    }

    /// Works off what is due, some entries at most; whether nothing was.
    ///
    /// # Errors
    /// The queue could not be read or written; nothing is held.
    pub async fn round(&self, token: &Token) -> Result<bool, QueueError> {
        let lease = self.queue.take_due(LEASE_MAX).await?;
        let is_idle = lease.is_none();
        if let Some(lease) = lease {
            self.work_off(lease, token).await;
        }
        Ok(is_idle)
    }

    async fn work_off(&self, lease: Lease, token: &Token) {
        for entry in &lease.entries {
            if token.is_cancelled() {
                // The rest is due again when the lease ends.
                return;
            }
            let started = self.clock.now();
            let outcome = self.attempt(entry, lease.token).await;
            let elapsed_ms = self.clock.now().duration_since(started).as_millis();
            let queue_id = entry.arrival;
            match outcome {
                Ok(outcome) => {
                    tracing::info!(%queue_id, outcome, elapsed_ms, "queue attempt");
                }
                Err(error) => {
                    tracing::warn!(%queue_id, %error, elapsed_ms, "queue attempt");
                    let outcome = self.after_trouble(entry, &error);
                    self.settle(entry, lease.token, outcome).await;
                }
            }
        }
    }

    /// An entry whose attempt met trouble of ours is tried again later, or it alone would be tried
    /// over and over; one that cannot be read is held for the operator.
    fn after_trouble(&self, entry: &Entry, error: &AttemptError) -> EntryOutcome {
        let schedule = self.queue.schedule();
        let now = self.clock.wall();
        match error {
            AttemptError::Entry => EntryOutcome::Held {
                status: "5.3.0 the entry is damaged".into(),
            },
            _ => EntryOutcome::Deferred {
                due: schedule
                    .next(entry, now)
                    .unwrap_or_else(|| now.plus(schedule.wait_max)),
                status: "4.3.0 trouble at our end".into(),
            },
        }
    }

    async fn settle(&self, entry: &Entry, token: LeaseToken, outcome: EntryOutcome) {
        if let Err(error) = self.queue.settle(entry.id, token, outcome).await {
            tracing::warn!(queue_id = %entry.arrival, %error, "queue outcome not kept");
        }
    }

    /// One entry, or one chunk of an expansion; returns the word for the log.
    async fn attempt(
        &self,
        entry: &Entry,
        token: LeaseToken,
    ) -> Result<&'static str, AttemptError> {
        let mut done = match &entry.next_hop {
            NextHop::Local => None,
            NextHop::Expand { done, .. } => Some(*done),
            // The queue gives this worker what is for here.
            NextHop::Remote(_) => return Err(AttemptError::Entry),
        };
        let tells_sender = done.is_none() && self.is_news(entry).await;
        let octets = self
            .delivery
            .store()
            .read(entry.blob, &entry.rendering, 0..entry.rendering.octets())
            .await?;
        loop {
            let (recipients, progress) = self.chunk(entry, done)?;
            let attempt = Attempt {
                entry,
                token,
                progress,
                tells_sender,
            };
            let word = self.deliver(&octets, recipients, attempt).await?;
            match progress {
                None => return Ok(word),
                Some(_) => done = progress,
            }
        }
    }

    /// Whether it is time to tell the sender that the entry waits, and that was not told before.
    async fn is_news(&self, entry: &Entry) -> bool {
        let is_late = entry.created.plus(DELAY_NOTICE) <= self.clock.wall();
        let wants = |notify: Notify| notify.contains(Notify::DELAY);
        if !is_late || entry.reverse_path.is_empty() || !entry.dsn.notify.is_some_and(wants) {
            return false;
        }
        let key = delay_key(entry.id);
        matches!(self.delivery.store().remembered(&key).await, Ok(None))
    }

    /// The recipients of the next commit, and how far it gets.
    fn chunk(
        &self,
        entry: &Entry,
        done: Option<u64>,
    ) -> Result<(Vec<Recipient>, Option<u64>), AttemptError> {
        let (NextHop::Expand { members, .. }, Some(done)) = (&entry.next_hop, done) else {
            return Ok((vec![recipient(&entry.recipient, entry)?], None));
        };
        let start = usize::try_from(done)
            .unwrap_or(usize::MAX)
            .min(members.len());
        let end = start
            .saturating_add(self.delivery.limits().chunk_members_max)
            .min(members.len());
        let recipients = members
            .get(start..end)
            .unwrap_or_default()
            .iter()
            .map(|member| recipient(member, entry))
            .collect::<Result<_, _>>()?;
        Ok((recipients, (end < members.len()).then_some(end as u64)))
    }

    async fn deliver(
        &self,
        octets: &[u8],
        recipients: Vec<Recipient>,
        attempt: Attempt<'_>,
    ) -> Result<&'static str, AttemptError> {
        let entry = attempt.entry;
        let envelope = Envelope {
            reverse_path: reverse_path(entry)?,
            recipients,
            body: BodyType::EightBitMime,
            smtputf8: !octets
                .get(..header_length(octets))
                .is_some_and(<[u8]>::is_ascii),
            ret: entry.dsn.ret,
            envid: entry.dsn.envid.clone(),
        };
        let case = Case {
            arrival: self.delivery.store().new_arrival(),
            session: 0,
            time: self.clock.wall(),
            peer: None,
            privacy: &self.privacy,
            host: &self.host,
            envelope: &envelope,
            message_id: None,
            reports: if entry.dsn.notify.is_none() {
                Reports::Never
            } else {
                Reports::AsAsked
            },
            relaying: Relaying::Allowed,
            quota: Quota::OneReply,
            is_report: false,
            trace: b"",
            pieces: &entry.rendering.pieces,
            octets,
            parsing: OnceLock::new(),
            entry: Some(attempt),
        };
        let mut facts = Facts::default();
        let mut planned = self.delivery.settle_plan(&case, &mut facts).await?;
        // The story of the message goes on under its own queue id.
        for line in &mut planned.journal {
            line.arrival = Some(entry.arrival);
        }
        let word = match planned.fates.as_slice() {
            [fate] => fate.word(),
            _ => "expanded",
        };
        let body = planned.needs_body().then_some(Body::OfEntry(entry.id));
        self.delivery.commit(&case, planned, body).await?;
        Ok(word)
    }
}

fn recipient(text: &str, entry: &Entry) -> Result<Recipient, AttemptError> {
    Ok(Recipient {
        address: Address::parse(text, NonAscii::Allowed).map_err(|_| AttemptError::Entry)?,
        notify: entry.dsn.notify,
        orcpt: entry.dsn.orcpt.clone(),
    })
}

fn reverse_path(entry: &Entry) -> Result<ReversePath, AttemptError> {
    if entry.reverse_path.is_empty() {
        return Ok(ReversePath::Null);
    }
    Address::parse(&entry.reverse_path, NonAscii::Allowed)
        .map(ReversePath::Address)
        .map_err(|_| AttemptError::Entry)
}
