//! The one thread that commits: takes all plans that wait, assigns them, appends their records to
//! the log with one sync, and makes the database follow.
//!
//! Rows are written inside a transaction while records are encoded, so that each plan sees those
//! before it. The transaction is committed only after the sync of the log has returned, so that
//! the database is never ahead of what is durable; if the log fails it is rolled back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use postroom_runtime::clock::{Clock, Timestamp};
use postroom_runtime::telemetry::Telemetry;
use rusqlite::Connection;
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::assign::{AssignedBody, assign};
use crate::counters::Ids;
use crate::engine::apply::{ApplyError, apply, forget, put_journal};
use crate::engine::connection::{Progress, set_progress};
use crate::engine::load::{is_known, load};
use crate::error::{CommitError, Refused, Stopped};
use crate::lock::Lock;
use crate::log::frame::{BATCH_HEADER, FRAME, Frame, Position, RECORD_META_MAX, body_checksum};
use crate::log::record::{Brought, Record, RecordBody};
use crate::log::segment::Segments;
use crate::log::writer::{BatchPlace, LogWriter};
use crate::notice::Notice;
use crate::outcome::Committed;
use crate::plan::{Body, Plan};
use crate::shared::Shared;

/// Plans that share one sync.
const BATCH_PLANS_MAX: usize = 64;
/// Octets of a body that goes into a record; larger ones are spooled.
const INLINE_OCTETS_MAX: u64 = 64 << 20;
/// Octets of the batch buffer that are kept for the next batch.
const BUFFER_KEPT: usize = 4 << 20;
/// How long arrivals are remembered.
const ARRIVAL_KEPT: Duration = Duration::from_hours(48);
/// How long a figure of free space is believed.
const FREE_KEPT: Duration = Duration::from_secs(1);
/// How often what is old is forgotten.
const FORGET_EVERY: Duration = Duration::from_mins(1);

/// What a committer is asked for.
#[derive(Debug)]
pub(crate) enum Request {
    Commit(Pending),
    /// Time has passed: write what waits, forget what is old, try again what failed.
    Tick,
    Close(oneshot::Sender<()>),
}

/// A plan and whoever waits for it.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) plan: Plan,
    pub(crate) answer: oneshot::Sender<Result<Committed, CommitError>>,
}

/// The committer's own things.
#[derive(Debug)]
pub(crate) struct Committer {
    pub(crate) connection: Connection,
    pub(crate) log: LogWriter,
    pub(crate) segments: Arc<Segments>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) notices: broadcast::Sender<Arc<Notice>>,
    pub(crate) clock: Clock,
    pub(crate) telemetry: Telemetry,
    pub(crate) progress: Progress,
    /// Octets of bodies after which a batch takes no more plans.
    pub(crate) batch_octets_max: u64,
    pub(crate) lock: Arc<Lock>,
    pub(crate) free_checked: Instant,
    pub(crate) forgotten: Instant,
    /// Records encoded for the batch in hand.
    pub(crate) buffer: Vec<u8>,
    /// Durable records that the database did not take yet.
    pub(crate) behind: Option<Behind>,
}

/// Durable records that the database did not take.
#[derive(Debug)]
pub(crate) struct Behind {
    records: Vec<Placed>,
    progress: Progress,
}

#[derive(Debug)]
struct Placed {
    record: Record,
    /// Where the body lies if it follows the record.
    body: Position,
}

/// The batch in hand.
struct Batch {
    place: BatchPlace,
    ids: Ids,
    records: Vec<Placed>,
}

/// Why one plan did not join the batch.
enum Unstaged {
    Plan(CommitError),
    /// Nothing of the batch can be committed.
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for Unstaged {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Refused> for Unstaged {
    fn from(refused: Refused) -> Self {
        Self::Plan(refused.into())
    }
}

impl Committer {
    /// Works until the store is closed or its last handle is dropped.
    ///
    /// A panic here stops the process: what it left half done is repaired by opening again.
    pub(crate) fn run(self, requests: mpsc::Receiver<Request>) {
        if catch_unwind(AssertUnwindSafe(|| self.work(requests))).is_err() {
            tracing::error!("the committer panicked");
            std::process::abort();
        }
    }

    fn work(mut self, mut requests: mpsc::Receiver<Request>) {
        while let Some(first) = requests.blocking_recv() {
            let mut plans = Vec::new();
            let mut octets = 0;
            let mut closing = None;
            let mut has_ticked = false;
            let mut next = Some(first);
            while let Some(request) = next.take() {
                match request {
                    Request::Commit(pending) => {
                        octets += pending.plan.body.as_ref().map_or(0, inline_octets);
                        plans.push(pending);
                    }
                    Request::Tick => has_ticked = true,
                    Request::Close(answer) => {
                        closing = Some(answer);
                        break;
                    }
                }
                if plans.len() >= BATCH_PLANS_MAX || octets >= self.batch_octets_max {
                    break;
                }
                next = requests.try_recv().ok();
            }
            self.commit(plans);
            if has_ticked {
                self.tick();
            }
            if let Some(answer) = closing {
                requests.close();
                self.finish();
                let _ = answer.send(());
                return;
            }
        }
        self.finish();
    }

    fn finish(mut self) {
        if self.shared.stopped() != Some(Stopped::Log) {
            if let Err(error) = self.write_lines(true) {
                tracing::warn!(%error, "journal lines were lost");
            }
            if let Err(error) = self.log.seal() {
                tracing::warn!(%error, "the log was not sealed");
            }
        }
        self.shared.stop(Stopped::Closing);
        drop(self.connection);
        drop(self.lock);
    }

    /// Commits the plans as one batch and answers each.
    fn commit(&mut self, plans: Vec<Pending>) {
        if plans.is_empty() {
            return;
        }
        if let Err(stopped) = self.ready() {
            return refuse(plans, &CommitError::Stopped(stopped));
        }
        self.look_at_room();
        let place = match self.log.prepare() {
            Ok(place) => place,
            Err(error) => {
                self.log_failed(&error);
                return refuse(plans, &CommitError::Stopped(Stopped::Log));
            }
        };
        let mut batch = Batch {
            place,
            ids: self.progress.ids,
            records: Vec::with_capacity(plans.len()),
        };
        let (waiting, failure) = self.stage_all(&mut batch, plans);
        if let Some(error) = failure {
            self.roll_back();
            tracing::error!(%error, "the database fails");
            return answer_all(waiting, Err(Stopped::Database));
        }
        if batch.records.is_empty() {
            self.roll_back();
            return answer_all(waiting, Ok(()));
        }
        let written = self.write(&mut batch);
        if self.buffer.capacity() > BUFFER_KEPT {
            self.buffer = Vec::new();
        }
        if written.is_ok() {
            self.tell(&batch);
        }
        answer_all(waiting, written);
    }

    /// Begins the transaction and applies the plans that fit; answers those that do not.
    fn stage_all(
        &mut self,
        batch: &mut Batch,
        plans: Vec<Pending>,
    ) -> (Vec<Waiting>, Option<rusqlite::Error>) {
        self.buffer.clear();
        self.buffer.resize(BATCH_HEADER, 0);
        let mut failure = self.connection.execute_batch("BEGIN IMMEDIATE").err();
        let mut waiting = Vec::with_capacity(plans.len());
        for Pending { mut plan, answer } in plans {
            if failure.is_some() {
                let _ = answer.send(Err(CommitError::Stopped(Stopped::Database)));
                continue;
            }
            match self.stage(batch, &mut plan) {
                Ok(committed) => waiting.push(Waiting {
                    committed,
                    body: plan.body,
                    answer,
                }),
                Err(Unstaged::Plan(error)) => {
                    let _ = answer.send(Err(error));
                }
                Err(Unstaged::Database(error)) => {
                    failure = Some(error);
                    let _ = answer.send(Err(CommitError::Stopped(Stopped::Database)));
                }
            }
        }
        (waiting, failure)
    }

    /// Assigns, encodes and applies one plan.
    fn stage(&mut self, batch: &mut Batch, plan: &mut Plan) -> Result<Committed, Unstaged> {
        if is_known(&self.connection, plan.arrival.0)? {
            return Ok(Committed {
                arrival: plan.arrival,
                is_repeat: true,
                results: Vec::new(),
            });
        }
        let brings_body = !matches!(plan.body, None | Some(Body::OfEntry(_)));
        if brings_body && !self.shared.has_room() {
            return Err(Unstaged::Plan(CommitError::NoRoom));
        }
        if plan.body.as_ref().map_or(0, inline_octets) > INLINE_OCTETS_MAX {
            return Err(Refused::TooLarge.into());
        }
        let mut counters = load(&self.connection, plan, batch.ids)?;
        let assigned = assign(plan, &mut counters)?;
        let record = Record {
            arrival: plan.arrival,
            time: plan.time,
            changes: assigned.changes,
            journal: std::mem::take(&mut plan.journal),
            body: plan
                .body
                .as_ref()
                .zip(assigned.body)
                .and_then(|(body, named)| record_body(body, named)),
        };
        let body = self.encode(batch, &record, plan.body.as_ref())?;
        match apply(&self.connection, &record, body, &mut counters.ids) {
            Ok(()) => {}
            Err(ApplyError::Database(error)) => return Err(error.into()),
            Err(ApplyError::Misfit) => return Err(rusqlite::Error::QueryReturnedNoRows.into()),
        }
        batch.ids = counters.ids;
        batch.records.push(Placed { record, body });
        Ok(Committed {
            arrival: plan.arrival,
            is_repeat: false,
            results: assigned.results,
        })
    }

    /// Adds a record to the buffer; returns where its body will lie.
    fn encode(
        &mut self,
        batch: &Batch,
        record: &Record,
        body: Option<&Body>,
    ) -> Result<Position, Refused> {
        let start = Frame::open(&mut self.buffer);
        record.put(&mut self.buffer);
        if self.buffer.len() - start - FRAME > RECORD_META_MAX {
            self.buffer.truncate(start);
            return Err(Refused::TooLarge);
        }
        let inline = match body {
            Some(Body::Inline(bytes)) => bytes.as_slice(),
            _ => &[],
        };
        let BatchPlace {
            start: at,
            seed,
            sequence,
        } = batch.place;
        Frame::close(&mut self.buffer, start, seed, sequence, inline.len() as u64);
        let place = Position {
            segment: at.segment,
            offset: at.offset + self.buffer.len() as u64,
        };
        self.buffer.extend_from_slice(inline);
        Ok(place)
    }

    /// Makes the batch durable in the log, then commits the transaction.
    fn write(&mut self, batch: &mut Batch) -> Result<(), Stopped> {
        let lines = self.shared.take_lines(self.clock.wall(), false);
        let progress = Progress {
            position: Position {
                segment: batch.place.start.segment,
                offset: batch.place.start.offset + self.buffer.len() as u64,
            },
            sequence: batch.place.sequence,
            ids: batch.ids,
        };
        let noted = put_journal(&self.connection, &lines)
            .and_then(|()| set_progress(&self.connection, progress));
        if let Err(error) = noted {
            tracing::error!(%error, "the database fails");
            self.roll_back();
            return Err(Stopped::Database);
        }
        let count = u32::try_from(batch.records.len()).unwrap_or(u32::MAX);
        let started = self.clock.now();
        if let Err(error) = self.log.append(&mut self.buffer, count) {
            self.roll_back();
            self.log_failed(&error);
            return Err(Stopped::Log);
        }
        let metrics = &self.telemetry.store;
        let elapsed = self.clock.now().saturating_duration_since(started);
        metrics.sync.observe_time(elapsed);
        metrics.batch.observe(u64::from(count));
        metrics.plans.add(u64::from(count));
        metrics.log_octets.add(self.buffer.len() as u64);
        // From here on the batch is durable, whatever the database says.
        self.progress = progress;
        if let Err(error) = self.connection.execute_batch("COMMIT") {
            tracing::error!(%error, "the database did not take a durable batch; no changes until it does");
            self.roll_back();
            self.shared.stop(Stopped::Database);
            self.behind = Some(Behind {
                records: std::mem::take(&mut batch.records),
                progress,
            });
        }
        self.shared.is_dirty.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn tell(&self, batch: &Batch) {
        if self.notices.receiver_count() == 0 {
            return;
        }
        // A batch that the database has yet to take is told when it has.
        let mut notice = Notice::default();
        for placed in &batch.records {
            for change in &placed.record.changes {
                notice.add(change);
            }
        }
        if !notice.is_empty() {
            let _ = self.notices.send(Arc::new(notice));
        }
    }

    /// Whether a batch may be tried; catches the database up first.
    fn ready(&mut self) -> Result<(), Stopped> {
        if let Some(behind) = self.behind.take() {
            if let Err(error) = self.catch_up(&behind) {
                tracing::error!(%error, "the database still fails");
                self.roll_back();
                self.behind = Some(behind);
                return Err(Stopped::Database);
            }
            self.shared.resume();
            self.tell(&Batch {
                place: BatchPlace {
                    start: behind.progress.position,
                    seed: 0,
                    sequence: behind.progress.sequence,
                },
                ids: behind.progress.ids,
                records: behind.records,
            });
        }
        self.shared.stopped().map_or(Ok(()), Err)
    }

    fn catch_up(&self, behind: &Behind) -> rusqlite::Result<()> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let mut ids = behind.progress.ids;
        for placed in &behind.records {
            match apply(&self.connection, &placed.record, placed.body, &mut ids) {
                Ok(()) => {}
                Err(ApplyError::Database(error)) => return Err(error),
                Err(ApplyError::Misfit) => return Err(rusqlite::Error::QueryReturnedNoRows),
            }
        }
        set_progress(&self.connection, behind.progress)?;
        self.connection.execute_batch("COMMIT")
    }

    fn tick(&mut self) {
        if self.ready().is_err() {
            return;
        }
        if let Err(error) = self.write_lines(false) {
            tracing::warn!(%error, "journal lines were lost");
            self.roll_back();
        }
        if self.clock.now().saturating_duration_since(self.forgotten) >= FORGET_EVERY {
            self.forgotten = self.clock.now();
            if let Err(error) = self.forget() {
                tracing::warn!(%error, "old arrivals were not forgotten");
                self.roll_back();
            }
        }
    }

    fn write_lines(&self, last: bool) -> rusqlite::Result<()> {
        let lines = self.shared.take_lines(self.clock.wall(), last);
        if lines.is_empty() {
            return Ok(());
        }
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        put_journal(&self.connection, &lines)?;
        self.connection.execute_batch("COMMIT")
    }

    fn forget(&self) -> rusqlite::Result<()> {
        let now = self.clock.wall();
        let kept = u64::try_from(ARRIVAL_KEPT.as_micros()).unwrap_or(u64::MAX);
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        forget(&self.connection, Timestamp(now.0.saturating_sub(kept)), now)?;
        self.connection.execute_batch("COMMIT")
    }

    fn look_at_room(&mut self) {
        let now = self.clock.now();
        if now.saturating_duration_since(self.free_checked) >= FREE_KEPT {
            self.free_checked = now;
            if let Ok(free) = self.segments.free() {
                self.shared.set_free(free);
            }
        }
    }

    fn log_failed(&mut self, error: &std::io::Error) {
        tracing::error!(%error, "writing the log failed; no changes until the server is started again");
        self.shared.stop(Stopped::Log);
        if let Err(error) = self.log.abort() {
            tracing::error!(%error, "the failed batch could not be marked as void");
        }
    }

    fn roll_back(&self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
    }
}

/// A plan in the batch.
struct Waiting {
    committed: Committed,
    body: Option<Body>,
    answer: oneshot::Sender<Result<Committed, CommitError>>,
}

fn answer_all(waiting: Vec<Waiting>, written: Result<(), Stopped>) {
    for Waiting {
        committed,
        body,
        answer,
    } in waiting
    {
        // Where the log failed the record may be durable all the same: its body must stay.
        let may_be_named = !committed.is_repeat && written != Err(Stopped::Database);
        if let Some(Body::Spooled(spooled)) = body
            && may_be_named
        {
            spooled.guard.keep();
        }
        let _ = answer.send(match written {
            Ok(()) => Ok(committed),
            Err(stopped) => Err(CommitError::Stopped(stopped)),
        });
    }
}

fn refuse(plans: Vec<Pending>, error: &CommitError) {
    for Pending { answer, .. } in plans {
        let _ = answer.send(Err(error.clone()));
    }
}

fn inline_octets(body: &Body) -> u64 {
    match body {
        Body::Inline(bytes) => bytes.len() as u64,
        Body::Spooled(_) | Body::OfEntry(_) => 0,
    }
}

/// A plan's body as its record has it.
fn record_body(body: &Body, named: AssignedBody) -> Option<RecordBody> {
    let blob = match named {
        AssignedBody::New(blob) => blob,
        AssignedBody::Kept(kept) => return Some(RecordBody::Kept(kept)),
    };
    Some(RecordBody::Brought(match body {
        Body::Inline(bytes) => Brought {
            blob,
            octets: bytes.len() as u64,
            checksum: body_checksum(bytes),
            segment: None,
        },
        Body::Spooled(spooled) => Brought {
            blob,
            octets: spooled.octets,
            checksum: spooled.checksum,
            segment: Some(spooled.guard.segment()),
        },
        Body::OfEntry(_) => return None,
    }))
}
