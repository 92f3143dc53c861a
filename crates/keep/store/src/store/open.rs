//! Opening: lock, format, replay, threads.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::thread;

use postroom_runtime::pool::BlockingPool;
use rusqlite::Connection;
use tokio::sync::{broadcast, mpsc};

use super::{Inner, Options, Store};
use crate::chore::{CHORES_MAX, ChoreWorker};
use crate::committer::Committer;
use crate::engine::connection::{DatabaseError, Readers, open_checkpointer, open_writer};
use crate::engine::load::last_arrival;
use crate::engine::read_queue::end_leases;
use crate::engine::recover::{RecoverError, Recovered, recover, remove_orphans};
use crate::error::OpenError;
use crate::lock::{self, Lock, failed};
use crate::log::frame::FORMAT;
use crate::log::segment::Segments;
use crate::log::writer::LogWriter;
use crate::shared::Shared;

/// Plans that wait for the committer; the next wait at the door.
const REQUESTS_MAX: usize = 256;
/// Reads that wait; the next are refused as busy.
const READS_MAX: usize = 4096;
/// Threads that write bodies.
const SPOOLERS: usize = 2;
/// Pieces of bodies that wait to be written.
const SPOOLS_MAX: usize = 1024;
/// Notices that a follower may lag behind before it must read again.
const NOTICES_MAX: usize = 1024;
/// The directory of segments in the data directory.
const LOG: &str = "log";

pub(super) async fn open(options: Options) -> Result<Store, OpenError> {
    let pool =
        BlockingPool::start("store-read", options.readers, READS_MAX).map_err(OpenError::Thread)?;
    let spoolers =
        BlockingPool::start("store-spool", SPOOLERS, SPOOLS_MAX).map_err(OpenError::Thread)?;
    let opening = options.clone();
    let opened = pool
        .run(move || prepare(&opening))
        .await
        .map_err(|error| OpenError::Thread(std::io::Error::other(error)))??;
    start(&options, opened, pool, spoolers)
}

/// What opening found and made.
struct Opened {
    lock: Arc<Lock>,
    connection: Connection,
    checkpointer: Connection,
    segments: Arc<Segments>,
    recovered: Recovered,
    free: u64,
    /// The highest that is remembered: what is given next is above it.
    arrival: u64,
}

fn prepare(options: &Options) -> Result<Opened, OpenError> {
    let directory = &options.directory;
    lock::prepare(options.disk.as_ref(), directory, &options.accept_filesystem)?;
    let lock = Arc::new(Lock::take(directory)?);
    lock::check_format(directory)?;
    let log = directory.join(LOG);
    let (segments, names) = Segments::open(Arc::clone(&options.disk), log.clone())
        .map_err(|error| failed(&log, error))?;
    let connection = open_writer(directory).map_err(|error| match error {
        DatabaseError::Failed(error) => database(error),
        DatabaseError::Newer(found) => newer(found),
    })?;
    let recovered =
        recover(&connection, &segments, &names).map_err(|error| recovery(&log, error))?;
    segments.raise(recovered.durable.segment);
    // A damaged record may have named a body: then none is taken for an orphan.
    if recovered.damage.is_empty() {
        remove_orphans(&connection, &segments, &names).map_err(|error| recovery(&log, error))?;
    }
    // The lock says that whoever held entries of the queue is gone.
    end_leases(&connection, options.clock.wall()).map_err(database)?;
    let checkpointer = open_checkpointer(directory).map_err(database)?;
    let free = segments.free().map_err(|error| failed(&log, error))?;
    let arrival = last_arrival(&connection).map_err(database)?;
    Ok(Opened {
        arrival,
        lock,
        connection,
        checkpointer,
        segments: Arc::new(segments),
        recovered,
        free,
    })
}

fn start(
    options: &Options,
    opened: Opened,
    pool: BlockingPool,
    spoolers: BlockingPool,
) -> Result<Store, OpenError> {
    let Opened {
        lock,
        connection,
        checkpointer,
        segments,
        recovered,
        free,
        arrival,
    } = opened;
    let shared = Arc::new(Shared::new(options.reserve, free));
    let (requests, incoming) = mpsc::channel(REQUESTS_MAX);
    let (notices, _) = broadcast::channel(NOTICES_MAX);
    let (chores, chore_list) = sync_channel(CHORES_MAX);
    let now = options.clock.now();
    let committer = Committer {
        connection,
        log: LogWriter::new(
            Arc::clone(&segments),
            options.random.clone(),
            recovered.durable,
            recovered.sequence,
            options.segment_octets_max,
        ),
        segments: Arc::clone(&segments),
        shared: Arc::clone(&shared),
        notices: notices.clone(),
        clock: options.clock.clone(),
        telemetry: options.telemetry.clone(),
        progress: recovered.progress,
        batch_octets_max: options.batch_octets_max,
        lock: Arc::clone(&lock),
        free_checked: now,
        forgotten: now,
        buffer: Vec::new(),
        behind: None,
    };
    let worker = ChoreWorker {
        connection: checkpointer,
        directory: options.directory.clone(),
        segments: Arc::clone(&segments),
        shared: Arc::clone(&shared),
        requests: requests.downgrade(),
        clock: options.clock.clone(),
        journal_octets_max: options.journal_octets_max,
        journal_kept: options.journal_kept,
        is_trimming: false,
    };
    spawn("store-commit", move || committer.run(incoming))?;
    spawn("store-chore", move || worker.run(&chore_list))?;
    Ok(Store(Arc::new(Inner {
        requests,
        chores,
        notices,
        shared,
        segments,
        readers: Arc::new(Readers::new(PathBuf::from(&options.directory))),
        pool,
        spoolers,
        clock: options.clock.clone(),
        random: options.random.clone(),
        arrival: AtomicU64::new(arrival),
        damage: recovered.damage,
        lock: Mutex::new(Some(lock)),
    })))
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), OpenError> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map(drop)
        .map_err(OpenError::Thread)
}

fn recovery(log: &Path, error: RecoverError) -> OpenError {
    match error {
        RecoverError::Disk(error) => failed(log, error),
        RecoverError::Newer(found) => newer(found),
        RecoverError::Database(error) => database(error),
    }
}

fn database(error: rusqlite::Error) -> OpenError {
    OpenError::Database(Arc::new(error))
}

fn newer(found: u32) -> OpenError {
    OpenError::Newer {
        found,
        known: FORMAT,
    }
}
