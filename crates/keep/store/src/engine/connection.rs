//! Connections to the database file.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};

use crate::counters::Ids;
use crate::log::frame::{FORMAT, Position};

/// Prepared statements a connection keeps.
const STATEMENTS_MAX: usize = 160;
/// KiB of pages that the writer and each reader may cache.
const WRITER_CACHE_KIB: u32 = 32 << 10;
const READER_CACHE_KIB: u32 = 4 << 10;
/// Octets to which the write-ahead file is cut back.
const WAL_OCTETS: u32 = 64 << 20;
/// Milliseconds to wait for a lock; only checkpoints and recovery take one.
const BUSY_MS: u32 = 10_000;

/// The name of the database in the data directory.
pub(crate) const DATABASE: &str = "index.sqlite";

pub(crate) const SCHEMA: &str = include_str!("schema.sql");

/// Indices that earlier releases did not make; they change nothing of the format. The queue has one
/// for each side of the house, so that neither is searched for the other, and what is passed over
/// is known by its next hop without a look at the row. The first octet of a coded next hop is its
/// kind.
pub(crate) const INDICES: &str = "
    CREATE INDEX IF NOT EXISTS journal_session ON journal (session) WHERE arrival IS NULL;
    CREATE INDEX IF NOT EXISTS queue_entry_arrival ON queue_entry (arrival);
    DROP INDEX IF EXISTS queue_entry_due;
    CREATE INDEX IF NOT EXISTS queue_entry_here ON queue_entry (due)
        WHERE is_held = 0 AND substr(next_hop, 1, 1) <> x'02';
    CREATE INDEX IF NOT EXISTS queue_entry_elsewhere ON queue_entry (due, next_hop)
        WHERE is_held = 0 AND substr(next_hop, 1, 1) = x'02';";

/// The database cannot be opened.
#[derive(Debug)]
pub(crate) enum DatabaseError {
    Failed(rusqlite::Error),
    Newer(u32),
}

impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(error)
    }
}

/// How far the database has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) position: Position,
    pub(crate) sequence: u64,
    pub(crate) ids: Ids,
}

/// The writer's connection; makes the schema when it is not there.
pub(crate) fn open_writer(directory: &Path) -> Result<Connection, DatabaseError> {
    make_private(directory);
    let connection = open(directory, WRITER_CACHE_KIB)?;
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = NORMAL;
         PRAGMA wal_autocheckpoint = 0;
         PRAGMA journal_size_limit = {WAL_OCTETS};
         PRAGMA secure_delete = ON;"
    ))?;
    let found: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > FORMAT {
        return Err(DatabaseError::Newer(found));
    }
    if found == 0 {
        connection.execute_batch(&format!(
            "BEGIN IMMEDIATE;
             {SCHEMA}
             INSERT INTO meta VALUES (1, {FORMAT}, 0, 0, 0, 0, 0, 0, 0, 0, 0);
             PRAGMA user_version = {FORMAT};
             COMMIT;"
        ))?;
    }
    connection.execute_batch(INDICES)?;
    Ok(connection)
}

/// Makes the file with mode 600; SQLite gives its companions the same. Whatever is wrong with the
/// file shows when it is opened.
fn make_private(directory: &Path) {
    use std::os::unix::fs::OpenOptionsExt;
    let _ = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(directory.join(DATABASE));
}

/// A connection that only reads.
fn open_reader(directory: &Path) -> rusqlite::Result<Connection> {
    let connection = open(directory, READER_CACHE_KIB)?;
    connection.execute_batch("PRAGMA query_only = ON;")?;
    Ok(connection)
}

/// The connection that moves pages from the write-ahead file into the database.
pub(crate) fn open_checkpointer(directory: &Path) -> rusqlite::Result<Connection> {
    let connection = open(directory, READER_CACHE_KIB)?;
    connection.execute_batch("PRAGMA synchronous = NORMAL;")?;
    Ok(connection)
}

fn open(directory: &Path, cache_kib: u32) -> rusqlite::Result<Connection> {
    // One thread at a time uses a connection, so SQLite need not lock it.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(directory.join(DATABASE), flags)?;
    connection.execute_batch(&format!(
        "PRAGMA busy_timeout = {BUSY_MS};
         PRAGMA cache_size = -{cache_kib};
         PRAGMA temp_store = MEMORY;"
    ))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(connection)
}

/// Moves what can be moved into the database file without waiting; beyond `WAL_OCTETS` waits for
/// readers, so that the write-ahead file begins anew.
pub(crate) fn checkpoint(connection: &Connection, wal_octets: u64) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
    if wal_octets > u64::from(WAL_OCTETS) {
        // The writer waits for this one, but most is done already.
        connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()))?;
    }
    Ok(())
}

/// The path of the write-ahead file.
pub(crate) fn wal(directory: &Path) -> PathBuf {
    directory.join(format!("{DATABASE}-wal"))
}

/// How far the database has come.
pub(crate) fn progress(connection: &Connection) -> rusqlite::Result<Progress> {
    use super::value::u64_at;
    let mut select = connection.prepare_cached(
        "SELECT segment, offset, sequence, account, mailbox, email, blob, entry, lease FROM meta",
    )?;
    select.query_row([], |row| {
        Ok(Progress {
            position: Position {
                segment: u64_at(row, 0)?,
                offset: u64_at(row, 1)?,
            },
            sequence: u64_at(row, 2)?,
            ids: Ids {
                account: u64_at(row, 3)?,
                mailbox: u64_at(row, 4)?,
                email: u64_at(row, 5)?,
                blob: u64_at(row, 6)?,
                entry: u64_at(row, 7)?,
                lease: u64_at(row, 8)?,
            },
        })
    })
}

/// Writes how far the database has come, in the transaction of what it has applied.
pub(crate) fn set_progress(connection: &Connection, progress: Progress) -> rusqlite::Result<()> {
    use super::value::int;
    let ids = progress.ids;
    connection
        .prepare_cached(
            "UPDATE meta SET segment = ?, offset = ?, sequence = ?, account = ?, mailbox = ?, \
             email = ?, blob = ?, entry = ?, lease = ?",
        )?
        .execute([
            int(progress.position.segment),
            int(progress.position.offset),
            int(progress.sequence),
            int(ids.account),
            int(ids.mailbox),
            int(ids.email),
            int(ids.blob),
            int(ids.entry),
            int(ids.lease),
        ])?;
    Ok(())
}

/// Connections of readers: made when needed, kept when given back.
#[derive(Debug)]
pub(crate) struct Readers {
    directory: PathBuf,
    idle: Mutex<Option<Vec<Connection>>>,
}

impl Readers {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            idle: Mutex::new(Some(Vec::new())),
        }
    }

    /// Reads with a connection of one's own; `None` when the store has been closed.
    pub(crate) fn with<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Option<rusqlite::Result<T>> {
        let idle = {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.as_mut()?.pop()
        };
        let connection = match idle.map_or_else(|| open_reader(&self.directory), Ok) {
            Ok(connection) => connection,
            Err(error) => return Some(Err(error)),
        };
        let result = read(&connection);
        if let Some(idle) = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_mut()
        {
            idle.push(connection);
        }
        Some(result)
    }

    /// Lets go of the connections; later reads are not answered.
    pub(crate) fn close(&self) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }
}
