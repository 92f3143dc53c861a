//! Forgetting the oldest lines of the journal.
//!
//! Lines go in slices, each a transaction of its own, so that the committer never waits long for
//! the database.

use postroom_runtime::clock::Timestamp;
use rusqlite::{Connection, params};

use super::value::{int, u64_at};

/// Lines that one transaction removes.
const SLICE_LINES: u64 = 512;
/// Lines that are looked at to estimate the size of all.
const SAMPLE_LINES: u64 = 256;

/// How much of the journal is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JournalBounds {
    /// Octets of all lines, about.
    pub(crate) octets_max: u64,
    /// Lines of before this are not kept.
    pub(crate) since: Timestamp,
}

/// Removes one slice of what is beyond the bounds; whether there may be more.
pub(crate) fn trim_journal(connection: &Connection, bounds: JournalBounds) -> Result<bool, Error> {
    let Some((first, last)) = ends(connection)? else {
        return Ok(false);
    };
    // Ids ascend with next to no gaps: lines are removed from the start only.
    let lines = last - first + 1;
    let lines_max = bounds.octets_max / octets_of_a_line(connection, first, last)?;
    let first_kept = first + lines.saturating_sub(lines_max).min(SLICE_LINES);
    let removed = connection
        .prepare_cached(
            "DELETE FROM journal WHERE id >= ?1 AND id < ?1 + ?2 AND (id < ?3 OR time < ?4)",
        )?
        .execute(params![
            int(first),
            int(SLICE_LINES),
            int(first_kept),
            int(bounds.since.0)
        ])?;
    Ok(removed > 0)
}

type Error = rusqlite::Error;

/// The first id and the last.
fn ends(connection: &Connection) -> Result<Option<(u64, u64)>, Error> {
    let mut select = connection.prepare_cached("SELECT min(id), max(id) FROM journal")?;
    select.query_row([], |row| {
        if row.get::<_, Option<i64>>(0)?.is_none() {
            return Ok(None);
        }
        Ok(Some((u64_at(row, 0)?, u64_at(row, 1)?)))
    })
}

/// What a line takes up with its share of the index, by a sample from all over the journal.
fn octets_of_a_line(connection: &Connection, first: u64, last: u64) -> Result<u64, Error> {
    let mut select = connection.prepare_cached(
        "SELECT 64 + octet_length(room) + octet_length(what) + octet_length(verdict) \
         + coalesce(octet_length(message_id), 0) + coalesce(octet_length(sender), 0) \
         + coalesce(octet_length(recipient), 0) + coalesce(octet_length(reply), 0) \
         + coalesce(octet_length(next_hop), 0) + coalesce(octet_length(peer), 0) \
         FROM journal WHERE id >= ? ORDER BY id LIMIT 1",
    )?;
    let step = usize::try_from(((last - first) / SAMPLE_LINES).max(1)).unwrap_or(usize::MAX);
    let mut octets = 0;
    let mut lines = 0;
    for id in (first..=last).step_by(step) {
        octets += select.query_row([int(id)], |row| u64_at(row, 0))?;
        lines += 1;
    }
    Ok((octets / lines).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::apply::put_journal;
    use crate::engine::connection::SCHEMA;
    use crate::journal::JournalLine;

    fn journal(lines: u64) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA).unwrap();
        let lines: Vec<_> = (0..lines).map(line).collect();
        put_journal(&connection, &lines).unwrap();
        connection
    }

    /// 100 octets as the estimate counts them.
    fn line(time: u64) -> JournalLine {
        JournalLine {
            time: Timestamp(time),
            session: 1,
            arrival: None,
            message_id: None,
            room: "intake".into(),
            what: "recipient".into(),
            sender: None,
            recipient: Some("anna@example.".into()),
            verdict: "accepted".into(),
            reply: None,
            next_hop: None,
            peer: None,
            elapsed_us: 7,
        }
    }

    fn times(connection: &Connection) -> Vec<u64> {
        let mut select = connection
            .prepare("SELECT time FROM journal ORDER BY id")
            .unwrap();
        let times = select.query_map([], |row| u64_at(row, 0)).unwrap();
        times.map(Result::unwrap).collect()
    }

    /// Trims until nothing is left to do; how many slices that took.
    fn trim(connection: &Connection, octets_max: u64, since: u64) -> u64 {
        let bounds = JournalBounds {
            octets_max,
            since: Timestamp(since),
        };
        let mut slices = 1;
        while trim_journal(connection, bounds).unwrap() {
            slices += 1;
        }
        slices
    }

    #[test]
    fn the_oldest_lines_go_at_the_bound_of_octets_in_slices() {
        let connection = journal(3_000);
        assert_eq!(trim(&connection, 100_000, 0), 5);
        assert_eq!(times(&connection), (2_000..3_000).collect::<Vec<_>>());
        assert_eq!(trim(&connection, 100_000, 0), 1, "nothing more goes");
        assert_eq!(times(&connection).len(), 1_000);
    }

    #[test]
    fn lines_go_when_their_time_is_over() {
        let connection = journal(1_500);
        assert_eq!(trim(&connection, u64::MAX, 1_200), 4);
        assert_eq!(times(&connection), (1_200..1_500).collect::<Vec<_>>());
        trim(&connection, u64::MAX, u64::MAX >> 1);
        assert_eq!(times(&connection), []);
        assert_eq!(trim(&connection, 0, 0), 1, "an empty journal is no trouble");
        put_journal(&connection, &[line(5)]).unwrap();
        assert_eq!(times(&connection), [5]);
    }
}
