//! Bringing the database up to the end of the log.

use std::collections::HashSet;
use std::io;

use rusqlite::Connection;

use super::apply::{ApplyError, apply, put_journal};
use super::connection::{Progress, progress, set_progress};
use super::value::u64_at;
use crate::journal::JournalLine;
use crate::log::frame::Position;
use crate::log::record::Record;
use crate::log::replay::{Accepted, Content, Damage, DamageKind, LogError, LogReader};
use crate::log::scan::read_record;
use crate::log::segment::{SegmentKind, SegmentName, Segments};

/// Records applied in one transaction.
const BATCH_MAX: usize = 1000;

/// What replaying met.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    pub(crate) progress: Progress,
    /// Everything below is durable.
    pub(crate) durable: Position,
    /// The highest number that a batch has had.
    pub(crate) sequence: u64,
    pub(crate) damage: Vec<Damage>,
}

/// Replaying failed.
#[derive(Debug)]
pub(crate) enum RecoverError {
    Disk(io::Error),
    Newer(u32),
    Database(rusqlite::Error),
}

impl From<LogError> for RecoverError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Disk(error) => Self::Disk(error),
            LogError::Newer(format) => Self::Newer(format),
        }
    }
}

impl From<io::Error> for RecoverError {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl From<rusqlite::Error> for RecoverError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// Applies every record behind the database's position, each once.
pub(crate) fn recover(
    connection: &Connection,
    segments: &Segments,
    names: &[SegmentName],
) -> Result<Recovered, RecoverError> {
    let mut state = progress(connection)?;
    let mut reader = LogReader::new(segments, names, state.position, state.sequence);
    let mut durable = state.position;
    let mut damage: Vec<Damage> = reader.missing().into_iter().collect();
    for index in 0..reader.names().len() {
        let name = reader.names()[index];
        let mut content = reader.content(index)?;
        replay_segment(connection, segments, name, &mut content, &mut state)?;
        if content.end > 0 && !(content.records.is_empty() && content.damage.is_empty()) {
            durable = Position {
                segment: name.number,
                offset: content.end,
            };
        }
        damage.append(&mut content.damage);
    }
    state.position = durable;
    state.sequence = reader.sequence;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    set_progress(connection, state)?;
    connection.execute_batch("COMMIT")?;
    for found in &damage {
        tracing::error!(%found, "part of the log is damaged and was set aside");
    }
    Ok(Recovered {
        progress: state,
        durable,
        sequence: reader.sequence,
        damage,
    })
}

fn replay_segment(
    connection: &Connection,
    segments: &Segments,
    name: SegmentName,
    content: &mut Content,
    state: &mut Progress,
) -> Result<(), RecoverError> {
    let file = segments.handle(name)?;
    for batch in content.records.chunks(BATCH_MAX) {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        for accepted in batch {
            let (record, body) = read_record(file.as_ref(), accepted.start, accepted.meta)?;
            let body = Position {
                segment: name.number,
                offset: body,
            };
            let fits = match record {
                Some(record) => replay_record(connection, &record, body, accepted, state)?,
                None => false,
            };
            if !fits {
                content.damage.push(Damage {
                    segment: name.number,
                    offset: accepted.start,
                    octets: accepted.end - accepted.start,
                    kind: DamageKind::Misfit,
                });
            }
            state.position = Position {
                segment: name.number,
                offset: accepted.end,
            };
        }
        set_progress(connection, *state)?;
        connection.execute_batch("COMMIT")?;
    }
    Ok(())
}

/// Whether the record fitted; one that does not leaves nothing behind.
fn replay_record(
    connection: &Connection,
    record: &Record,
    body: Position,
    accepted: &Accepted,
    state: &mut Progress,
) -> Result<bool, RecoverError> {
    connection.execute_batch("SAVEPOINT record")?;
    let mut ids = state.ids;
    let applied = apply(connection, record, body, &mut ids);
    let fits = match applied {
        Ok(()) => true,
        Err(ApplyError::Misfit) => false,
        Err(ApplyError::Database(error)) if is_constraint(&error) => false,
        Err(ApplyError::Database(error)) => {
            connection.execute_batch("ROLLBACK")?;
            return Err(error.into());
        }
    };
    if fits {
        state.ids = ids;
        if accepted.is_unanswered {
            put_journal(connection, &[unanswered(record)])?;
        }
    } else {
        connection.execute_batch("ROLLBACK TO record")?;
    }
    connection.execute_batch("RELEASE record")?;
    Ok(fits)
}

fn is_constraint(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation)
}

/// Says that nobody may have been told that the record is durable.
fn unanswered(record: &Record) -> JournalLine {
    JournalLine {
        time: record.time,
        session: 0,
        arrival: Some(record.arrival),
        message_id: None,
        room: "store".into(),
        what: "replay".into(),
        sender: None,
        recipient: None,
        verdict: "answer unknown".into(),
        reply: None,
        next_hop: None,
        peer: None,
        elapsed_us: 0,
    }
}

/// Removes bodies in segments of their own that no record names.
pub(crate) fn remove_orphans(
    connection: &Connection,
    segments: &Segments,
    names: &[SegmentName],
) -> Result<(), RecoverError> {
    let bodies: Vec<_> = names
        .iter()
        .filter(|name| name.kind == SegmentKind::Body)
        .collect();
    if bodies.is_empty() {
        return Ok(());
    }
    let named: HashSet<u64> = connection
        .prepare("SELECT segment FROM blob WHERE is_spooled = 1")?
        .query_map([], |row| u64_at(row, 0))?
        .collect::<Result<_, _>>()?;
    for name in bodies {
        if !named.contains(&name.number) {
            segments.remove(*name)?;
        }
    }
    Ok(())
}
