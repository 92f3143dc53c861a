//! Reading the queue, and what is remembered.

use postroom_mail::identifier::{ArrivalId, BlobId};
use postroom_runtime::clock::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use super::value::{coded_at, int, size, time_at, u64_at};
use crate::log::codec;
use crate::operation::{EntryId, LeaseToken, NextHop};
use crate::row::{DuePage, DuePlace, DueQuery, Entry, QueueCounts, QueueRow, Side};

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

/// The entries of a side, as the indices of the schema spell them.
fn side(side: Side) -> &'static str {
    match side {
        Side::Here => "is_held = 0 AND substr(next_hop, 1, 1) <> x'02'",
        Side::Elsewhere => "is_held = 0 AND substr(next_hop, 1, 1) = x'02'",
    }
}

/// Entries for `domain`, as their column has them.
fn towards(domain: &str) -> Vec<u8> {
    codec::encode(&NextHop::Remote(domain.into()))
}

pub(crate) fn due(connection: &Connection, query: &DueQuery) -> Read<DuePage> {
    let kinds = side(query.side);
    let except = vec!["?"; query.except.len()].join(", ");
    let except = if except.is_empty() {
        String::new()
    } else {
        format!("AND next_hop NOT IN ({except})")
    };
    let text = format!(
        "{ENTRY} WHERE {kinds} AND due <= ? AND (due, next_hop, id) > (?, ?, ?) {except} \
         ORDER BY due, next_hop, id LIMIT ?"
    );
    let (due, hop, id) = match &query.after {
        Some(after) => (int(after.due.0), after.next_hop.clone(), int(after.entry.0)),
        None => (-1, Vec::new(), 0),
    };
    let mut values: Vec<Value> = vec![int(query.now.0).into(), due.into(), hop.into(), id.into()];
    values.extend(query.except.iter().map(|domain| towards(domain).into()));
    values.push(size(query.limit).into());
    let mut select = connection.prepare_cached(&text)?;
    let mut rows = select.query(params_from_iter(values))?;
    let mut page = DuePage::default();
    while let Some(row) = rows.next()? {
        // The columns of the index alone: what is damaged must not stop what is behind it.
        page.last = Some(DuePlace {
            due: time_at(row, 8)?,
            next_hop: row.get(6)?,
            entry: EntryId(u64_at(row, 0)?),
        });
        match entry_at(row) {
            Ok(entry) => page.entries.push(entry),
            Err(_) => page.damaged.push(EntryId(u64_at(row, 0)?)),
        }
    }
    Ok(page)
}

pub(crate) fn next_due(
    connection: &Connection,
    kind: Side,
    after: Timestamp,
) -> Read<Option<Timestamp>> {
    let kinds = side(kind);
    connection
        .prepare_cached(&format!(
            "SELECT due FROM queue_entry WHERE {kinds} AND due > ? ORDER BY due LIMIT 1"
        ))?
        .query_row([int(after.0)], |row| time_at(row, 0))
        .optional()
}

/// Ends every lease, for a store that nobody else can have open: who held one is gone.
pub(crate) fn end_leases(connection: &Connection, now: Timestamp) -> Read<usize> {
    connection.execute(
        "UPDATE queue_entry SET lease = 0, due = min(due, ?) WHERE lease <> 0",
        [int(now.0)],
    )
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::connection::{INDICES, SCHEMA};

    /// How SQLite goes about a statement.
    fn plan(text: &str) -> String {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA).unwrap();
        connection.execute_batch(INDICES).unwrap();
        let mut explain = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {text}"))
            .unwrap();
        let steps = explain.query_map([], |row| row.get::<_, String>(3));
        let steps: Vec<String> = steps.unwrap().map(Result::unwrap).collect();
        steps.join("; ")
    }

    /// With a hundred thousand entries waiting, nothing may walk or sort them all.
    #[test]
    fn what_is_due_is_found_by_its_index() {
        let due = "SELECT * FROM queue_entry WHERE {} AND due <= 1 AND (due, next_hop, id) > (0, x'', 0) \
                   AND next_hop NOT IN (x'0201') ORDER BY due, next_hop, id LIMIT 9";
        let elsewhere = plan(&due.replace("{}", side(Side::Elsewhere)));
        assert!(
            elsewhere.contains("queue_entry_elsewhere ((due,next_hop)>"),
            "{elsewhere}"
        );
        assert!(!elsewhere.contains("TEMP B-TREE"), "{elsewhere}");
        let here = plan(&due.replace("{}", side(Side::Here)));
        assert!(here.contains("queue_entry_here (due>"), "{here}");
    }
}
