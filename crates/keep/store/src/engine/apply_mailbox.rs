//! Applying changes of mailboxes and subscriptions.

use postroom_mail::identifier::{AccountId, MailboxId, ModSeq};
use postroom_mail::mailbox_name::MailboxName;
use rusqlite::{OptionalExtension, params};

use super::apply::{ApplyError, Feed, FeedKind, Scope};
use super::apply_placement;
use super::value::{int, name_text, special_use_number};
use crate::counters::Ids;
use crate::log::change::{MadeMailbox, Renamed};

type Applied = Result<(), ApplyError>;

pub(super) fn make(
    scope: &Scope<'_>,
    account: AccountId,
    mod_seq: ModSeq,
    mailboxes: &[MadeMailbox],
    ids: &mut Ids,
) -> Applied {
    insert(scope, account, mod_seq, mailboxes, ids)?;
    scope.raise(account, mod_seq)?;
    scope.feed(&Feed {
        account,
        mod_seq,
        kind: FeedKind::Made,
        mailbox: mailboxes.last().map(|made| made.mailbox),
        uids: None,
        old: None,
    })
}

pub(super) fn insert(
    scope: &Scope<'_>,
    account: AccountId,
    mod_seq: ModSeq,
    mailboxes: &[MadeMailbox],
    ids: &mut Ids,
) -> Applied {
    for made in mailboxes {
        scope
            .connection
            .prepare_cached(
                "INSERT INTO mailbox (id, account, name, uid_validity, uid_next, mod_seq, \
                 expunge_floor, special_use, keywords, messages, unseen, deleted, octets) \
                 VALUES (?, ?, ?, ?, 1, ?, 0, ?, '', 0, 0, 0, 0)",
            )?
            .execute(params![
                int(made.mailbox.0),
                int(account.0),
                name_text(&made.name),
                made.uid_validity.number(),
                int(mod_seq.0),
                made.special_use.map(special_use_number),
            ])?;
        ids.mailbox = ids.mailbox.max(made.mailbox.0);
        if made.is_subscribed {
            subscribe(scope, account, &made.name, true)?;
        }
        let touched = scope
            .connection
            .prepare_cached(
                "UPDATE account SET uid_validity = max(uid_validity, ?2) WHERE id = ?1",
            )?
            .execute(params![int(account.0), made.uid_validity.number()])?;
        if touched == 0 {
            return Err(ApplyError::Misfit);
        }
    }
    Ok(())
}

pub(super) fn rename(
    scope: &Scope<'_>,
    account: AccountId,
    mod_seq: ModSeq,
    names: &[Renamed],
) -> Applied {
    let mut old = None;
    for renamed in names {
        let name: Option<String> = scope
            .connection
            .prepare_cached("SELECT name FROM mailbox WHERE id = ?")?
            .query_row([int(renamed.mailbox.0)], |row| row.get(0))
            .optional()?;
        old = old.or(name);
        scope
            .connection
            .prepare_cached("UPDATE mailbox SET name = ? WHERE id = ?")?
            .execute(params![name_text(&renamed.name), int(renamed.mailbox.0)])?;
    }
    scope.raise(account, mod_seq)?;
    scope.feed(&Feed {
        account,
        mod_seq,
        kind: FeedKind::Renamed,
        mailbox: names.first().map(|renamed| renamed.mailbox),
        uids: None,
        old: old.as_deref().map(str::as_bytes),
    })
}

pub(super) fn delete(
    scope: &Scope<'_>,
    account: AccountId,
    mailbox: MailboxId,
    mod_seq: ModSeq,
) -> Applied {
    let name: Option<String> = scope
        .connection
        .prepare_cached("SELECT name FROM mailbox WHERE id = ?")?
        .query_row([int(mailbox.0)], |row| row.get(0))
        .optional()?;
    apply_placement::clear(scope, account, mailbox)?;
    for sql in [
        "DELETE FROM expunged WHERE mailbox = ?",
        "DELETE FROM mailbox WHERE id = ?",
    ] {
        scope
            .connection
            .prepare_cached(sql)?
            .execute([int(mailbox.0)])?;
    }
    scope.raise(account, mod_seq)?;
    scope.feed(&Feed {
        account,
        mod_seq,
        kind: FeedKind::Deleted,
        mailbox: Some(mailbox),
        uids: None,
        old: name.as_deref().map(str::as_bytes),
    })
}

pub(super) fn subscribe(
    scope: &Scope<'_>,
    account: AccountId,
    name: &MailboxName,
    is_subscribed: bool,
) -> Applied {
    let sql = if is_subscribed {
        "INSERT OR IGNORE INTO subscription (account, name) VALUES (?, ?)"
    } else {
        "DELETE FROM subscription WHERE account = ? AND name = ?"
    };
    scope
        .connection
        .prepare_cached(sql)?
        .execute(params![int(account.0), name_text(name)])?;
    Ok(())
}
