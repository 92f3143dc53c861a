//! Reading the queue, what is remembered, and the journal.

use postroom_mail::identifier::{ArrivalId, BlobId};
use postroom_runtime::clock::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::value::{coded_at, int, size, time_at, u64_at};
use crate::journal::JournalLine;
use crate::operation::EntryId;
use crate::row::{Entry, QueueCounts};

type Read<T> = rusqlite::Result<T>;

const ENTRY: &str = "SELECT id, arrival, blob, octets, reverse_path, recipient, next_hop, created, \
                     due, attempts, is_held, status, dsn, rendering FROM queue_entry";

fn entry_at(row: &Row<'_>) -> Read<Entry> {
    Ok(Entry {
        id: EntryId(u64_at(row, 0)?),
        arrival: ArrivalId(u64_at(row, 1)?),
        blob: BlobId(u64_at(row, 2)?),
        octets: u64_at(row, 3)?,
        reverse_path: row.get(4)?,
        recipient: row.get(5)?,
        next_hop: coded_at(row, 6)?,
        created: time_at(row, 7)?,
        due: time_at(row, 8)?,
        attempts: row.get(9)?,
        is_held: row.get(10)?,
        status: row.get(11)?,
        dsn: coded_at(row, 12)?,
        rendering: coded_at(row, 13)?,
    })
}

pub(crate) fn due(connection: &Connection, now: Timestamp, limit: usize) -> Read<Vec<Entry>> {
    connection
        .prepare_cached(&format!(
            "{ENTRY} WHERE is_held = 0 AND due <= ? ORDER BY due, id LIMIT ?"
        ))?
        .query_map([int(now.0), size(limit)], entry_at)?
        .collect()
}

pub(crate) fn next_due(connection: &Connection) -> Read<Option<Timestamp>> {
    connection
        .prepare_cached("SELECT due FROM queue_entry WHERE is_held = 0 ORDER BY due LIMIT 1")?
        .query_row([], |row| time_at(row, 0))
        .optional()
}

pub(crate) fn counts(connection: &Connection, now: Timestamp) -> Read<QueueCounts> {
    connection
        .prepare_cached(
            "SELECT (SELECT count(*) FROM queue_entry WHERE is_held = 0 AND due <= ?1), \
                    (SELECT count(*) FROM queue_entry WHERE is_held = 0 AND due > ?1), \
                    (SELECT count(*) FROM queue_entry WHERE is_held = 1)",
        )?
        .query_row([int(now.0)], |row| {
            Ok(QueueCounts {
                due: u64_at(row, 0)?,
                waiting: u64_at(row, 1)?,
                held: u64_at(row, 2)?,
            })
        })
}

pub(crate) fn entries(
    connection: &Connection,
    after: Option<EntryId>,
    limit: usize,
) -> Read<Vec<Entry>> {
    connection
        .prepare_cached(&format!("{ENTRY} WHERE id > ? ORDER BY id LIMIT ?"))?
        .query_map(
            [int(after.map_or(0, |entry| entry.0)), size(limit)],
            entry_at,
        )?
        .collect()
}

pub(crate) fn remembered(
    connection: &Connection,
    key: &str,
    now: Timestamp,
) -> Read<Option<Box<str>>> {
    connection
        .prepare_cached("SELECT value FROM remembered WHERE key = ? AND until > ?")?
        .query_row(params![key, int(now.0)], |row| row.get(0))
        .optional()
}

pub(crate) fn journal_of(connection: &Connection, arrival: ArrivalId) -> Read<Vec<JournalLine>> {
    connection
        .prepare_cached(
            "SELECT time, session, arrival, message_id, room, what, sender, recipient, verdict, \
             reply, next_hop, peer, elapsed_us FROM journal WHERE arrival = ? ORDER BY id",
        )?
        .query_map([int(arrival.0)], |row| {
            Ok(JournalLine {
                time: time_at(row, 0)?,
                session: u64_at(row, 1)?,
                arrival: Some(ArrivalId(u64_at(row, 2)?)),
                message_id: row.get(3)?,
                room: row.get(4)?,
                what: row.get(5)?,
                sender: row.get(6)?,
                recipient: row.get(7)?,
                verdict: row.get(8)?,
                reply: row.get(9)?,
                next_hop: row.get(10)?,
                peer: row.get(11)?,
                elapsed_us: u64_at(row, 12)?,
            })
        })?
        .collect()
}
