//! Writing one record into the tables. Nothing is decided here: the same record gives the same
//! rows, whether it was just assigned or is replayed.

use postroom_mail::identifier::{AccountId, MailboxId, ModSeq};
use postroom_runtime::clock::Timestamp;
use rusqlite::{Connection, params};

use crate::counters::Ids;
use crate::engine::value::int;
use crate::engine::{apply_account, apply_mailbox, apply_placement, apply_queue};
use crate::journal::JournalLine;
use crate::log::change::Change;
use crate::log::frame::Position;
use crate::log::record::{Brought, Record, RecordBody};
use crate::log::segment::BODY_START;

/// A record was not applied.
#[derive(Debug)]
pub(crate) enum ApplyError {
    Database(rusqlite::Error),
    /// It speaks of what is not there: only where an earlier record was damaged.
    Misfit,
}

impl From<rusqlite::Error> for ApplyError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// What the changes of one record share.
pub(super) struct Scope<'a> {
    pub(super) connection: &'a Connection,
    pub(super) record: &'a Record,
}

impl Scope<'_> {
    /// The body that deliveries and queue entries of the record speak of.
    pub(super) fn body(&self) -> Result<&RecordBody, ApplyError> {
        self.record.body.as_ref().ok_or(ApplyError::Misfit)
    }

    /// Adds one row to the feed of an account.
    pub(super) fn feed(&self, row: &Feed<'_>) -> Result<(), ApplyError> {
        self.connection
            .prepare_cached(
                "INSERT OR IGNORE INTO change (account, mod_seq, time, kind, mailbox, uids, old) \
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                int(row.account.0),
                int(row.mod_seq.0),
                int(self.record.time.0),
                row.kind,
                row.mailbox.map(|mailbox| int(mailbox.0)),
                row.uids,
                row.old,
            ])?;
        Ok(())
    }

    /// Raises the MODSEQ of an account.
    pub(super) fn raise(&self, account: AccountId, mod_seq: ModSeq) -> Result<(), ApplyError> {
        let touched = self
            .connection
            .prepare_cached("UPDATE account SET mod_seq = max(mod_seq, ?2) WHERE id = ?1")?
            .execute([int(account.0), int(mod_seq.0)])?;
        if touched == 0 {
            return Err(ApplyError::Misfit);
        }
        Ok(())
    }
}

/// A row of the feed.
pub(super) struct Feed<'a> {
    pub(super) account: AccountId,
    pub(super) mod_seq: ModSeq,
    pub(super) kind: FeedKind,
    pub(super) mailbox: Option<MailboxId>,
    pub(super) uids: Option<&'a [u8]>,
    pub(super) old: Option<&'a [u8]>,
}

/// What a row of the feed tells.
#[derive(Debug, Clone, Copy)]
pub(super) enum FeedKind {
    Made = 10,
    Renamed = 11,
    Deleted = 12,
    Delivered = 14,
    Flagged = 15,
    Expunged = 16,
    Copied = 17,
}

impl rusqlite::ToSql for FeedKind {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok((*self as i64).into())
    }
}

/// Applies a record whose body, if it follows it, is at `body`.
pub(crate) fn apply(
    connection: &Connection,
    record: &Record,
    body: Position,
    ids: &mut Ids,
) -> Result<(), ApplyError> {
    let scope = Scope { connection, record };
    if let Some(RecordBody::Brought(brought)) = &record.body {
        put_blob(connection, brought, body)?;
        ids.blob = ids.blob.max(brought.blob.0);
    }
    for change in &record.changes {
        apply_change(&scope, change, ids)?;
    }
    connection
        .prepare_cached("INSERT OR IGNORE INTO arrival (id, time) VALUES (?, ?)")?
        .execute([int(record.arrival.0), int(record.time.0)])?;
    put_journal(connection, &record.journal)?;
    Ok(())
}

fn apply_change(scope: &Scope<'_>, change: &Change, ids: &mut Ids) -> Result<(), ApplyError> {
    match change {
        Change::PutDomain(domain) => apply_account::put_domain(scope, domain),
        Change::RemoveDomain { name } => apply_account::remove_domain(scope, name),
        Change::CreateAccount(made) => apply_account::create_account(scope, made, ids),
        Change::SetAccount {
            account,
            quota,
            is_enabled,
        } => apply_account::set_account(scope, *account, *quota, *is_enabled),
        Change::RemoveAccount { account } => apply_account::remove_account(scope, *account),
        Change::PutCredential {
            account,
            credential,
        } => apply_account::put_credential(scope, *account, credential),
        Change::RemoveCredential { account, name } => {
            apply_account::remove_credential(scope, *account, name)
        }
        Change::PutAlias(alias) => apply_account::put_alias(scope, alias),
        Change::RemoveAlias { address } => apply_account::remove_alias(scope, address),
        Change::MakeMailboxes {
            account,
            mod_seq,
            mailboxes,
        } => apply_mailbox::make(scope, *account, *mod_seq, mailboxes, ids),
        Change::RenameMailboxes {
            account,
            mod_seq,
            names,
        } => apply_mailbox::rename(scope, *account, *mod_seq, names),
        Change::DeleteMailbox {
            account,
            mailbox,
            mod_seq,
        } => apply_mailbox::delete(scope, *account, *mailbox, *mod_seq),
        Change::Subscribe {
            account,
            name,
            is_subscribed,
        } => apply_mailbox::subscribe(scope, *account, name, *is_subscribed),
        Change::Deliver(delivered) => apply_placement::deliver(scope, delivered, ids),
        Change::Flag(flagged) => apply_placement::flag(scope, flagged),
        Change::Expunge {
            account,
            mailbox,
            mod_seq,
            uids,
        } => apply_placement::expunge(scope, *account, *mailbox, *mod_seq, uids),
        Change::Copy(copied) => apply_placement::copy(scope, copied),
        Change::Enqueue { entry, new } => apply_queue::enqueue(scope, *entry, new, ids),
        Change::Lease {
            entries,
            token,
            until,
        } => apply_queue::lease(scope, entries, *token, *until, ids),
        Change::Settle { entry, outcome } => apply_queue::settle(scope, *entry, outcome),
        Change::Tend { entry, tended } => apply_queue::tend(scope, *entry, tended),
        Change::Remember { key, value, until } => apply_queue::remember(scope, key, value, *until),
    }
}

fn put_blob(connection: &Connection, body: &Brought, place: Position) -> Result<(), ApplyError> {
    let (segment, offset) = match body.segment {
        Some(segment) => (segment, BODY_START),
        None => (place.segment, place.offset),
    };
    connection
        .prepare_cached(
            "INSERT INTO blob (id, segment, offset, octets, checksum, is_spooled) \
             VALUES (?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            int(body.blob.0),
            int(segment),
            int(offset),
            int(body.octets),
            int(body.checksum),
            body.segment.is_some(),
        ])?;
    Ok(())
}

/// Adds lines to the journal.
pub(crate) fn put_journal(connection: &Connection, lines: &[JournalLine]) -> rusqlite::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO journal (time, session, arrival, message_id, room, what, sender, recipient, \
         verdict, reply, next_hop, peer, elapsed_us) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    for line in lines {
        insert.execute(params![
            int(line.time.0),
            int(line.session),
            line.arrival.map(|arrival| int(arrival.0)),
            line.message_id,
            line.room,
            line.what,
            line.sender,
            line.recipient,
            line.verdict,
            line.reply,
            line.next_hop,
            line.peer,
            int(line.elapsed_us),
        ])?;
    }
    Ok(())
}

/// Rows that a chore removes at a time, so that commits wait little.
const FORGOTTEN_MAX: u32 = 500;

/// Forgets arrivals from before `arrivals` and keys that may be forgotten at `now`; at most a
/// few. Leaves no record: a replay brings them back, and they are forgotten again.
pub(crate) fn forget(
    connection: &Connection,
    arrivals: Timestamp,
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM arrival WHERE id IN \
             (SELECT id FROM arrival WHERE time < ? ORDER BY time LIMIT ?)",
        )?
        .execute(params![int(arrivals.0), FORGOTTEN_MAX])?;
    connection
        .prepare_cached(
            "DELETE FROM remembered WHERE key IN \
             (SELECT key FROM remembered WHERE until < ? LIMIT ?)",
        )?
        .execute(params![int(now.0), FORGOTTEN_MAX])?;
    Ok(())
}
