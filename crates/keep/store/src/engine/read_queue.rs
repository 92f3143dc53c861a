//! Reading the queue, and what is remembered.

use postroom_mail::identifier::{ArrivalId, BlobId};
use postroom_runtime::clock::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::value::{coded_at, int, size, time_at, u64_at};
use crate::operation::{EntryId, LeaseToken};
use crate::row::{Entry, QueueRow};

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

const ROW: &str = "SELECT id, arrival, blob, octets, reverse_path, recipient, next_hop, created, \
                   due, attempts, is_held, status, dsn, rendering, lease FROM queue_entry";

/// A row as it is, whatever of it can be read.
fn row_at(row: &Row<'_>) -> Read<QueueRow> {
    Ok(QueueRow {
        id: EntryId(u64_at(row, 0)?),
        arrival: ArrivalId(u64_at(row, 1).unwrap_or(0)),
        lease: LeaseToken(u64_at(row, 14).unwrap_or(0)),
        entry: entry_at(row).ok(),
    })
}

pub(crate) fn rows(
    connection: &Connection,
    after: Option<EntryId>,
    limit: usize,
) -> Read<Vec<QueueRow>> {
    connection
        .prepare_cached(&format!("{ROW} WHERE id > ? ORDER BY id LIMIT ?"))?
        .query_map([int(after.map_or(0, |entry| entry.0)), size(limit)], row_at)?
        .collect()
}

pub(crate) fn rows_of(
    connection: &Connection,
    arrival: ArrivalId,
    limit: usize,
) -> Read<Vec<QueueRow>> {
    connection
        .prepare_cached(&format!("{ROW} WHERE arrival = ? ORDER BY id LIMIT ?"))?
        .query_map([int(arrival.0), size(limit)], row_at)?
        .collect()
}
