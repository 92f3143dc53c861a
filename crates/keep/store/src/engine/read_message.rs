//! Reading placements, changes, messages and where bodies lie.

use postroom_mail::identifier::{AccountId, BlobId, EmailId, MailboxId, ModSeq, Uid};
use postroom_mail::uid_set::UidSet;
use rusqlite::{Connection, OptionalExtension, params};

use super::read::mailbox_by_id;
use super::value::{PLACEMENT, coded_at, int, placement_at, size, time_at, u64_at};
use crate::row::{Changes, Expunged, Mailbox, Message, Placement};

type Read<T> = rusqlite::Result<T>;

/// Runs `read` on one state of the database.
fn at_once<T>(connection: &Connection, read: impl FnOnce(&Connection) -> Read<T>) -> Read<T> {
    let transaction = connection.unchecked_transaction()?;
    let result = read(&transaction)?;
    transaction.finish()?;
    Ok(result)
}

pub(crate) fn placements(
    connection: &Connection,
    account: AccountId,
    mailbox: MailboxId,
    after: u32,
    limit: usize,
) -> Read<Option<(Mailbox, Vec<Placement>)>> {
    at_once(connection, |connection| {
        let Some(found) = mailbox_by_id(connection, account, mailbox)? else {
            return Ok(None);
        };
        let placements = connection
            .prepare_cached(&format!(
                "SELECT {PLACEMENT} FROM placement WHERE mailbox = ? AND uid > ? \
                 ORDER BY uid LIMIT ?"
            ))?
            .query_map(params![int(mailbox.0), after, size(limit)], placement_at)?
            .collect::<Result<_, _>>()?;
        Ok(Some((found, placements)))
    })
}

pub(crate) fn changes_since(
    connection: &Connection,
    account: AccountId,
    mailbox: MailboxId,
    since: ModSeq,
) -> Read<Option<Changes>> {
    at_once(connection, |connection| {
        let Some(found) = mailbox_by_id(connection, account, mailbox)? else {
            return Ok(None);
        };
        let mut placements: Vec<Placement> = connection
            .prepare_cached(&format!(
                "SELECT {PLACEMENT} FROM placement WHERE mailbox = ? AND mod_seq > ?"
            ))?
            .query_map([int(mailbox.0), int(since.0)], placement_at)?
            .collect::<Result<_, _>>()?;
        placements.sort_unstable_by_key(|placement| placement.uid);
        let mut expunged = Vec::new();
        let mut select = connection
            .prepare_cached("SELECT first, last FROM expunged WHERE mailbox = ? AND mod_seq > ?")?;
        let mut rows = select.query([int(mailbox.0), int(since.0)])?;
        while let Some(row) = rows.next()? {
            let (first, last): (u32, u32) = (row.get(0)?, row.get(1)?);
            expunged.extend((first..=last).filter_map(Uid::new));
        }
        expunged.sort_unstable();
        Ok(Some(Changes {
            placements,
            expunged,
            floor: expunge_floor(connection, mailbox)?.unwrap_or(ModSeq(0)),
            mailbox: Some(found),
        }))
    })
}

pub(crate) fn expunged_since(
    connection: &Connection,
    account: AccountId,
    mailbox: MailboxId,
    since: ModSeq,
) -> Read<Option<Expunged>> {
    at_once(connection, |connection| {
        if mailbox_by_id(connection, account, mailbox)?.is_none() {
            return Ok(None);
        }
        let floor = expunge_floor(connection, mailbox)?;
        let ranges = connection
            .prepare_cached("SELECT first, last FROM expunged WHERE mailbox = ? AND mod_seq > ?")?
            .query_map([int(mailbox.0), int(since.0)], |row| {
                Ok(row.get(0)?..=row.get(1)?)
            })?
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Some(Expunged {
            uids: UidSet::from_ranges(ranges),
            floor: floor.unwrap_or(ModSeq(0)),
        }))
    })
}

fn expunge_floor(connection: &Connection, mailbox: MailboxId) -> Read<Option<ModSeq>> {
    connection
        .prepare_cached("SELECT expunge_floor FROM mailbox WHERE id = ?")?
        .query_row([int(mailbox.0)], |row| u64_at(row, 0).map(ModSeq))
        .optional()
}

pub(crate) fn messages(
    connection: &Connection,
    account: AccountId,
    emails: &[EmailId],
) -> Read<Vec<Option<Message>>> {
    at_once(connection, |connection| {
        let mut select = connection.prepare_cached(
            "SELECT blob, rendering, received, parsed FROM message WHERE id = ? AND account = ?",
        )?;
        emails
            .iter()
            .map(|&email| {
                select
                    .query_row([int(email.0), int(account.0)], |row| {
                        Ok(Message {
                            email,
                            blob: BlobId(u64_at(row, 0)?),
                            rendering: coded_at(row, 1)?,
                            received: time_at(row, 2)?,
                            parsed: row.get_ref(3)?.as_blob()?.into(),
                        })
                    })
                    .optional()
            })
            .collect()
    })
}

/// Where a body lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlobPlace {
    pub(crate) segment: u64,
    pub(crate) offset: u64,
    pub(crate) octets: u64,
    pub(crate) checksum: u64,
    pub(crate) is_spooled: bool,
}

pub(crate) fn blob(connection: &Connection, blob: BlobId) -> Read<Option<BlobPlace>> {
    connection
        .prepare_cached(
            "SELECT segment, offset, octets, checksum, is_spooled FROM blob WHERE id = ?",
        )?
        .query_row([int(blob.0)], |row| {
            Ok(BlobPlace {
                segment: u64_at(row, 0)?,
                offset: u64_at(row, 1)?,
                octets: u64_at(row, 2)?,
                checksum: u64_at(row, 3)?,
                is_spooled: row.get(4)?,
            })
        })
        .optional()
}
