//! Applying changes of placements, with the sums that mailboxes and accounts keep of them.

use std::ops::RangeInclusive;

use postroom_mail::flag::{FlagChange, Keyword, KeywordSet, SystemFlags};
use postroom_mail::identifier::{AccountId, EmailId, MailboxId, ModSeq, Uid};
use postroom_mail::uid_set::UidSet;
use rusqlite::{OptionalExtension, params};

use super::apply::{ApplyError, Feed, FeedKind, Scope};
use super::value::{PLACEMENT, int, keywords_at, keywords_text, placement_at, u64_at};
use crate::counters::Ids;
use crate::log::change::{Copied, Delivered, Flagged};
use crate::log::codec::{self, Coded};
use crate::row::Placement;

type Applied = Result<(), ApplyError>;

/// Ranges of expunged UIDs that are remembered of one mailbox.
const EXPUNGED_RANGES_MAX: u32 = 8192;

/// What a set of placements adds to the sums of its mailbox.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    messages: i64,
    unseen: i64,
    deleted: i64,
    octets: i64,
}

impl Sums {
    fn add(&mut self, flags: SystemFlags, octets: u32) {
        self.messages += 1;
        self.unseen += i64::from(!flags.contains(SystemFlags::SEEN));
        self.deleted += i64::from(flags.contains(SystemFlags::DELETED));
        self.octets += i64::from(octets);
    }

    fn less(self) -> Self {
        Self {
            messages: -self.messages,
            unseen: -self.unseen,
            deleted: -self.deleted,
            octets: -self.octets,
        }
    }
}

pub(super) fn deliver(scope: &Scope<'_>, new: &Delivered, ids: &mut Ids) -> Applied {
    let body = scope.body()?;
    scope
        .connection
        .prepare_cached(
            "INSERT INTO message \
             (id, account, placements, orphaned, blob, received, rendering, parsed) \
             VALUES (?, ?, 1, NULL, ?, ?, ?, ?)",
        )?
        .execute(params![
            int(new.email.0),
            int(new.account.0),
            int(body.blob().0),
            int(new.received.0),
            codec::encode(&new.rendering),
            new.parsed,
        ])?;
    ids.email = ids.email.max(new.email.0);
    let placement = Placement {
        uid: new.uid,
        email: new.email,
        mod_seq: new.mod_seq,
        octets: new.octets,
        flags: new.flags,
        keywords: new.keywords,
        received: new.received,
    };
    insert(scope, new.account, new.mailbox, &placement)?;
    let mut sums = Sums::default();
    sums.add(new.flags, new.octets);
    add_keywords(scope, new.mailbox, &new.new_keywords)?;
    let next = new.uid.number().saturating_add(1);
    touch_mailbox(scope, new.mailbox, new.mod_seq, next, sums)?;
    touch_account(scope, new.account, new.mod_seq, sums)?;
    scope.feed(&Feed {
        account: new.account,
        mod_seq: new.mod_seq,
        kind: FeedKind::Delivered,
        mailbox: Some(new.mailbox),
        uids: Some(&codec::encode(&UidSet::from_iter([new.uid.number()]))),
        old: None,
    })
}

pub(super) fn flag(scope: &Scope<'_>, flagged: &Flagged) -> Applied {
    let sql = match flagged.change {
        FlagChange::Replace => {
            "UPDATE placement SET mod_seq = ?4, flags = ?5, keywords_0 = ?6, keywords_1 = ?7, \
             keywords_2 = ?8, keywords_3 = ?9 WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3"
        }
        FlagChange::Add => {
            "UPDATE placement SET mod_seq = ?4, flags = flags | ?5, \
             keywords_0 = keywords_0 | ?6, keywords_1 = keywords_1 | ?7, \
             keywords_2 = keywords_2 | ?8, keywords_3 = keywords_3 | ?9 \
             WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3"
        }
        FlagChange::Remove => {
            "UPDATE placement SET mod_seq = ?4, flags = flags & ~?5, \
             keywords_0 = keywords_0 & ~?6, keywords_1 = keywords_1 & ~?7, \
             keywords_2 = keywords_2 & ~?8, keywords_3 = keywords_3 & ~?9 \
             WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3"
        }
    };
    let mut update = scope.connection.prepare_cached(sql)?;
    let mut old = Vec::new();
    let mut sums = Sums::default();
    let words = flagged.keywords.0.map(int);
    for range in flagged.uids.ranges() {
        each(scope, flagged.mailbox, range, |placement| {
            let changed = change_flags(placement.flags, flagged.change, flagged.flags);
            sums.unseen += i64::from(!changed.contains(SystemFlags::SEEN))
                - i64::from(!placement.flags.contains(SystemFlags::SEEN));
            sums.deleted += i64::from(changed.contains(SystemFlags::DELETED))
                - i64::from(placement.flags.contains(SystemFlags::DELETED));
            placement.flags.put(&mut old);
            (placement.keywords != KeywordSet::NONE)
                .then_some(placement.keywords)
                .put(&mut old);
            Ok(())
        })?;
        update.execute(params![
            int(flagged.mailbox.0),
            range.start(),
            range.end(),
            int(flagged.mod_seq.0),
            flagged.flags.0,
            words[0],
            words[1],
            words[2],
            words[3],
        ])?;
    }
    add_keywords(scope, flagged.mailbox, &flagged.new_keywords)?;
    touch_mailbox(scope, flagged.mailbox, flagged.mod_seq, 0, sums)?;
    scope.raise(flagged.account, flagged.mod_seq)?;
    scope.feed(&Feed {
        account: flagged.account,
        mod_seq: flagged.mod_seq,
        kind: FeedKind::Flagged,
        mailbox: Some(flagged.mailbox),
        uids: Some(&codec::encode(&flagged.uids)),
        old: Some(&old),
    })
}

/// The flags after a change.
pub(crate) fn change_flags(
    old: SystemFlags,
    change: FlagChange,
    flags: SystemFlags,
) -> SystemFlags {
    match change {
        FlagChange::Replace => flags,
        FlagChange::Add => old.with(flags),
        FlagChange::Remove => old.without(flags),
    }
}

pub(super) fn expunge(
    scope: &Scope<'_>,
    account: AccountId,
    mailbox: MailboxId,
    mod_seq: ModSeq,
    uids: &UidSet,
) -> Applied {
    let gone = remove(scope, account, mailbox, mod_seq, uids)?.less();
    touch_mailbox(scope, mailbox, mod_seq, 0, gone)?;
    touch_account(scope, account, mod_seq, gone)?;
    scope.feed(&Feed {
        account,
        mod_seq,
        kind: FeedKind::Expunged,
        mailbox: Some(mailbox),
        uids: Some(&codec::encode(uids)),
        old: None,
    })
}

pub(super) fn copy(scope: &Scope<'_>, copied: &Copied) -> Applied {
    let mut sums = Sums::default();
    let mut uid = copied.first.number();
    let mut before = copied.uids.iter();
    for range in copied.uids.ranges() {
        each(scope, copied.from, range, |source| {
            // The n-th UID of the set becomes the n-th after `first`, also where a damaged record
            // left a gap in the source.
            for skipped in before.by_ref() {
                if skipped == source.uid.number() {
                    break;
                }
                uid = uid.saturating_add(1);
            }
            let placement = Placement {
                uid: Uid::new(uid).ok_or(ApplyError::Misfit)?,
                mod_seq: copied.mod_seq,
                keywords: translate(copied, source.keywords),
                ..*source
            };
            uid = uid.saturating_add(1);
            sums.add(placement.flags, placement.octets);
            insert(scope, copied.account, copied.to, &placement)?;
            scope
                .connection
                .prepare_cached(
                    "UPDATE message SET placements = placements + 1, orphaned = NULL WHERE id = ?",
                )?
                .execute([int(placement.email.0)])?;
            Ok(())
        })?;
    }
    add_keywords(scope, copied.to, &copied.new_keywords)?;
    touch_mailbox(scope, copied.to, copied.mod_seq, uid, sums)?;
    touch_account(scope, copied.account, copied.mod_seq, sums)?;
    if copied.is_move {
        let gone = remove(
            scope,
            copied.account,
            copied.from,
            copied.mod_seq,
            &copied.uids,
        )?
        .less();
        touch_mailbox(scope, copied.from, copied.mod_seq, 0, gone)?;
        touch_account(scope, copied.account, copied.mod_seq, gone)?;
    }
    scope.feed(&Feed {
        account: copied.account,
        mod_seq: copied.mod_seq,
        kind: FeedKind::Copied,
        mailbox: Some(copied.from),
        uids: Some(&codec::encode(&copied.uids)),
        old: None,
    })
}

/// Removes all placements of a mailbox that is going, and takes them off the account.
pub(super) fn clear(scope: &Scope<'_>, account: AccountId, mailbox: MailboxId) -> Applied {
    let mut gone = Sums::default();
    let all = 1..=u32::MAX;
    each(scope, mailbox, &all, |placement| {
        gone.add(placement.flags, placement.octets);
        leave(scope, placement.email)
    })?;
    delete_range(scope, mailbox, &all)?;
    touch_account(scope, account, ModSeq(0), gone.less())
}

fn translate(copied: &Copied, keywords: KeywordSet) -> KeywordSet {
    let mut set = KeywordSet::NONE;
    for pair in &copied.keywords {
        if keywords.contains(usize::from(pair.from)) {
            set.insert(usize::from(pair.to));
        }
    }
    set
}

/// Removes placements and notes their UIDs as expunged.
fn remove(
    scope: &Scope<'_>,
    account: AccountId,
    mailbox: MailboxId,
    mod_seq: ModSeq,
    uids: &UidSet,
) -> Result<Sums, ApplyError> {
    let mut gone = Sums::default();
    let mut note = scope.connection.prepare_cached(
        "INSERT OR REPLACE INTO expunged (mailbox, mod_seq, first, last, account) \
         VALUES (?, ?, ?, ?, ?)",
    )?;
    for range in uids.ranges() {
        each(scope, mailbox, range, |placement| {
            gone.add(placement.flags, placement.octets);
            leave(scope, placement.email)
        })?;
        delete_range(scope, mailbox, range)?;
        note.execute(params![
            int(mailbox.0),
            int(mod_seq.0),
            range.start(),
            range.end(),
            int(account.0),
        ])?;
    }
    forget_oldest(scope, mailbox)?;
    Ok(gone)
}

/// Forgets what went first, above [`EXPUNGED_RANGES_MAX`]. Whoever comes back from before that is
/// told of all that is not there (RFC 7162 §3.2.6, §5.3).
fn forget_oldest(scope: &Scope<'_>, mailbox: MailboxId) -> Applied {
    let first_too_many: Option<u64> = scope
        .connection
        .prepare_cached(
            "SELECT mod_seq FROM expunged WHERE mailbox = ? ORDER BY mod_seq DESC, first DESC \
             LIMIT 1 OFFSET ?",
        )?
        .query_row([int(mailbox.0), EXPUNGED_RANGES_MAX.into()], |row| {
            u64_at(row, 0)
        })
        .optional()?;
    let Some(floor) = first_too_many else {
        return Ok(());
    };
    for sql in [
        "UPDATE mailbox SET expunge_floor = max(expunge_floor, ?2) WHERE id = ?1",
        "DELETE FROM expunged WHERE mailbox = ?1 AND mod_seq <= ?2",
    ] {
        scope
            .connection
            .prepare_cached(sql)?
            .execute([int(mailbox.0), int(floor)])?;
    }
    Ok(())
}

fn delete_range(scope: &Scope<'_>, mailbox: MailboxId, range: &RangeInclusive<u32>) -> Applied {
    scope
        .connection
        .prepare_cached("DELETE FROM placement WHERE mailbox = ? AND uid BETWEEN ? AND ?")?
        .execute(params![int(mailbox.0), range.start(), range.end()])?;
    Ok(())
}

/// Takes one placement off a message; without any it is orphaned and stays readable until erased.
fn leave(scope: &Scope<'_>, email: EmailId) -> Applied {
    scope
        .connection
        .prepare_cached(
            "UPDATE message SET placements = placements - 1, \
             orphaned = CASE WHEN placements = 1 THEN ?2 END WHERE id = ?1",
        )?
        .execute([int(email.0), int(scope.record.time.0)])?;
    Ok(())
}

fn each(
    scope: &Scope<'_>,
    mailbox: MailboxId,
    range: &RangeInclusive<u32>,
    mut visit: impl FnMut(&Placement) -> Applied,
) -> Applied {
    let mut select = scope.connection.prepare_cached(&format!(
        "SELECT {PLACEMENT} FROM placement WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid"
    ))?;
    // Read whole before anything is written: a copy may go into the mailbox it is read from.
    let found = select
        .query_map(
            params![int(mailbox.0), range.start(), range.end()],
            placement_at,
        )?
        .collect::<Result<Vec<_>, _>>()?;
    found.iter().try_for_each(&mut visit)
}

fn insert(
    scope: &Scope<'_>,
    account: AccountId,
    mailbox: MailboxId,
    placement: &Placement,
) -> Applied {
    let words = placement.keywords.0.map(int);
    scope
        .connection
        .prepare_cached(
            "INSERT INTO placement (mailbox, uid, account, email, mod_seq, octets, flags, \
             keywords_0, keywords_1, keywords_2, keywords_3, received) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            int(mailbox.0),
            placement.uid.number(),
            int(account.0),
            int(placement.email.0),
            int(placement.mod_seq.0),
            placement.octets,
            placement.flags.0,
            words[0],
            words[1],
            words[2],
            words[3],
            int(placement.received.0),
        ])?;
    Ok(())
}

fn touch_mailbox(
    scope: &Scope<'_>,
    mailbox: MailboxId,
    mod_seq: ModSeq,
    uid_next: u32,
    sums: Sums,
) -> Applied {
    let touched = scope
        .connection
        .prepare_cached(
            "UPDATE mailbox SET mod_seq = max(mod_seq, ?2), uid_next = max(uid_next, ?3), \
             messages = messages + ?4, unseen = unseen + ?5, deleted = deleted + ?6, \
             octets = octets + ?7 WHERE id = ?1",
        )?
        .execute(params![
            int(mailbox.0),
            int(mod_seq.0),
            uid_next,
            sums.messages,
            sums.unseen,
            sums.deleted,
            sums.octets,
        ])?;
    if touched == 0 {
        return Err(ApplyError::Misfit);
    }
    Ok(())
}

fn touch_account(scope: &Scope<'_>, account: AccountId, mod_seq: ModSeq, sums: Sums) -> Applied {
    let touched = scope
        .connection
        .prepare_cached(
            "UPDATE account SET mod_seq = max(mod_seq, ?2), used = used + ?3, \
             messages = messages + ?4 WHERE id = ?1",
        )?
        .execute(params![
            int(account.0),
            int(mod_seq.0),
            sums.octets,
            sums.messages,
        ])?;
    if touched == 0 {
        return Err(ApplyError::Misfit);
    }
    Ok(())
}

fn add_keywords(scope: &Scope<'_>, mailbox: MailboxId, new: &[Keyword]) -> Applied {
    if new.is_empty() {
        return Ok(());
    }
    let mut keywords = scope
        .connection
        .prepare_cached("SELECT keywords FROM mailbox WHERE id = ?")?
        .query_row([int(mailbox.0)], |row| keywords_at(row, 0))?;
    keywords.extend_from_slice(new);
    scope
        .connection
        .prepare_cached("UPDATE mailbox SET keywords = ? WHERE id = ?")?
        .execute(params![keywords_text(&keywords), int(mailbox.0)])?;
    Ok(())
}
