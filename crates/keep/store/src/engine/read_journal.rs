//! Reading the journal.
//!
//! Two indices exist: by message, and by session for lines without a message. Their keys ascend,
//! so that a new line costs no page of its own. Names are found by looking at the lines, newest
//! first: an index of addresses would cost each delivery what a rare question saves.

use std::ops::RangeInclusive;

use postroom_mail::identifier::ArrivalId;
use postroom_runtime::clock::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};

use super::value::{int, size, time_at, u64_at};
use crate::journal::{JournalLine, Mention, Sought};

type Read<T> = rusqlite::Result<T>;

const LINE: &str = "SELECT time, session, arrival, message_id, room, what, sender, recipient, \
                    verdict, reply, next_hop, peer, elapsed_us FROM journal";

fn line_at(row: &Row<'_>) -> Read<JournalLine> {
    Ok(JournalLine {
        time: time_at(row, 0)?,
        session: u64_at(row, 1)?,
        arrival: arrival_at(row, 2)?,
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
}

fn arrival_at(row: &Row<'_>, column: usize) -> Read<Option<ArrivalId>> {
    let number: Option<i64> = row.get(column)?;
    Ok(number.map(|number| ArrivalId(number.cast_unsigned())))
}

pub(crate) fn of_arrival(
    connection: &Connection,
    arrival: ArrivalId,
    limit: usize,
) -> Read<Vec<JournalLine>> {
    connection
        .prepare_cached(&format!("{LINE} WHERE arrival = ? ORDER BY id LIMIT ?"))?
        .query_map([int(arrival.0), size(limit)], line_at)?
        .collect()
}

/// Lines of a session that belong to no message.
pub(crate) fn of_session(
    connection: &Connection,
    session: u64,
    limit: usize,
) -> Read<Vec<JournalLine>> {
    connection
        .prepare_cached(&format!(
            "{LINE} WHERE session = ? AND arrival IS NULL ORDER BY id LIMIT ?"
        ))?
        .query_map([int(session), size(limit)], line_at)?
        .collect()
}

/// The newest line's id; nothing for an empty journal.
pub(crate) fn last(connection: &Connection) -> Read<Option<u64>> {
    connection
        .prepare_cached("SELECT id FROM journal ORDER BY id DESC LIMIT 1")?
        .query_row([], |row| u64_at(row, 0))
        .optional()
}

/// The id below which no line of this moment or later is, about: lines stand in the order in which
/// they were written, seconds after their time at most.
pub(crate) fn first_since(connection: &Connection, since: Timestamp) -> Read<u64> {
    let mut select = connection
        .prepare_cached("SELECT id, time FROM journal WHERE id >= ? ORDER BY id LIMIT 1")?;
    let (mut low, mut high) = (0, last(connection)?.unwrap_or(0));
    while low < high {
        let middle = low + (high - low) / 2;
        let found = select
            .query_row([int(middle)], |row| Ok((u64_at(row, 0)?, time_at(row, 1)?)))
            .optional()?;
        match found {
            Some((_, time)) if time >= since => high = middle,
            Some((id, _)) if id < high => low = id + 1,
            _ => low = high,
        }
    }
    Ok(low)
}

/// Lines within these ids that speak of what is sought, newest first.
pub(crate) fn search(
    connection: &Connection,
    sought: &Sought,
    ids: RangeInclusive<u64>,
) -> Read<Vec<Mention>> {
    let mut select = connection.prepare_cached(
        "SELECT time, session, arrival, what, sender, recipient, message_id, next_hop \
         FROM journal WHERE id BETWEEN ? AND ? ORDER BY id DESC",
    )?;
    let mut rows = select.query([int(*ids.start()), int(*ids.end())])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let is_login = row.get_ref(3)?.as_str()? == "login";
        let mut names = [None; 4];
        for (name, column) in names.iter_mut().zip(4..) {
            *name = row.get_ref(column)?.as_str_or_null()?;
        }
        if is_login == sought.is_login && sought.is_named(names) {
            found.push(Mention {
                time: time_at(row, 0)?,
                session: u64_at(row, 1)?,
                arrival: arrival_at(row, 2)?,
            });
        }
    }
    Ok(found)
}
