//! Applying changes of the queue and of what is remembered.

use postroom_runtime::clock::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::apply::{ApplyError, Scope};
use super::value::{coded_at, int};
use crate::counters::Ids;
use crate::log::change::Tended;
use crate::log::codec;
use crate::log::record::RecordBody;
use crate::operation::{EntryId, EntryOutcome, LeaseToken, NewEntry, NextHop};

type Applied = Result<(), ApplyError>;

pub(super) fn enqueue(scope: &Scope<'_>, entry: EntryId, new: &NewEntry, ids: &mut Ids) -> Applied {
    let body = scope.body()?;
    let arrival = match body {
        RecordBody::Brought(_) => scope.record.arrival,
        RecordBody::Kept(kept) => kept.origin,
    };
    scope
        .connection
        .prepare_cached(
            "INSERT INTO queue_entry (id, arrival, blob, octets, reverse_path, recipient, \
             next_hop, created, due, attempts, is_held, status, lease, dsn, rendering) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, '', 0, ?, ?)",
        )?
        .execute(params![
            int(entry.0),
            int(arrival.0),
            int(body.blob().0),
            int(body.octets()),
            new.reverse_path,
            new.recipient,
            codec::encode(&new.next_hop),
            int(scope.record.time.0),
            int(new.due.0),
            codec::encode(&new.dsn),
            codec::encode(&new.rendering),
        ])?;
    ids.entry = ids.entry.max(entry.0);
    Ok(())
}

pub(super) fn lease(
    scope: &Scope<'_>,
    entries: &[EntryId],
    token: LeaseToken,
    until: Timestamp,
    ids: &mut Ids,
) -> Applied {
    let mut update = scope
        .connection
        .prepare_cached("UPDATE queue_entry SET lease = ?, due = ? WHERE id = ?")?;
    for entry in entries {
        update.execute([int(token.0), int(until.0), int(entry.0)])?;
    }
    ids.lease = ids.lease.max(token.0);
    Ok(())
}

pub(super) fn settle(scope: &Scope<'_>, entry: EntryId, outcome: &EntryOutcome) -> Applied {
    let id = int(entry.0);
    let connection = scope.connection;
    match outcome {
        EntryOutcome::Done | EntryOutcome::Failed { .. } => connection
            .prepare_cached("DELETE FROM queue_entry WHERE id = ?")?
            .execute([id])?,
        EntryOutcome::Deferred { due, status } => connection
            .prepare_cached(
                "UPDATE queue_entry SET lease = 0, attempts = attempts + 1, due = ?, status = ? \
                 WHERE id = ?",
            )?
            .execute(params![int(due.0), status, id])?,
        EntryOutcome::Held { status } => connection
            .prepare_cached(
                "UPDATE queue_entry SET lease = 0, attempts = attempts + 1, is_held = 1, \
                 status = ? WHERE id = ?",
            )?
            .execute(params![status, id])?,
        EntryOutcome::Progress { done } => return progress(scope, entry, *done),
    };
    Ok(())
}

fn progress(scope: &Scope<'_>, entry: EntryId, planned: u64) -> Applied {
    let next_hop: Option<NextHop> = scope
        .connection
        .prepare_cached("SELECT next_hop FROM queue_entry WHERE id = ?")?
        .query_row([int(entry.0)], |row| coded_at(row, 0))
        .optional()?;
    if let Some(NextHop::Expand { members, .. }) = next_hop {
        let next_hop = NextHop::Expand {
            members,
            done: planned,
        };
        scope
            .connection
            .prepare_cached("UPDATE queue_entry SET next_hop = ? WHERE id = ?")?
            .execute(params![codec::encode(&next_hop), int(entry.0)])?;
    }
    Ok(())
}

/// What an operator asked counts as no attempt.
pub(super) fn tend(scope: &Scope<'_>, entry: EntryId, tended: &Tended) -> Applied {
    let id = int(entry.0);
    let connection = scope.connection;
    match tended {
        Tended::Due { due } => connection
            .prepare_cached("UPDATE queue_entry SET is_held = 0, due = ? WHERE id = ?")?
            .execute([int(due.0), id])?,
        Tended::Held { status } => connection
            .prepare_cached("UPDATE queue_entry SET is_held = 1, status = ? WHERE id = ?")?
            .execute(params![status, id])?,
        Tended::Deleted => connection
            .prepare_cached("DELETE FROM queue_entry WHERE id = ?")?
            .execute([id])?,
    };
    Ok(())
}

pub(super) fn remember(scope: &Scope<'_>, key: &str, value: &str, until: Timestamp) -> Applied {
    scope
        .connection
        .prepare_cached("INSERT OR REPLACE INTO remembered (key, value, until) VALUES (?, ?, ?)")?
        .execute(params![key, value, int(until.0)])?;
    Ok(())
}
