//! Applying changes of domains, accounts, credentials and aliases.

use postroom_mail::identifier::AccountId;
use rusqlite::params;

use super::apply::{ApplyError, Feed, FeedKind, Scope};
use super::apply_mailbox;
use super::value::{int, size};
use crate::counters::Ids;
use crate::log::change::MadeAccount;
use crate::log::codec;
use crate::operation::{Alias, Credential, Domain};

type Applied = Result<(), ApplyError>;

pub(super) fn put_domain(scope: &Scope<'_>, domain: &Domain) -> Applied {
    let kind = codec::encode(&domain.kind).first().copied();
    scope
        .connection
        .prepare_cached(
            "INSERT OR REPLACE INTO domain (name, kind, catch_all, target) VALUES (?, ?, ?, ?)",
        )?
        .execute(params![domain.name, kind, domain.catch_all, domain.target])?;
    Ok(())
}

pub(super) fn remove_domain(scope: &Scope<'_>, name: &str) -> Applied {
    scope
        .connection
        .prepare_cached("DELETE FROM domain WHERE name = ?")?
        .execute([name])?;
    Ok(())
}

pub(super) fn create_account(scope: &Scope<'_>, made: &MadeAccount, ids: &mut Ids) -> Applied {
    scope
        .connection
        .prepare_cached(
            "INSERT INTO account \
             (id, address, quota, is_enabled, used, messages, mod_seq, uid_validity) \
             VALUES (?, ?, ?, 1, 0, 0, ?, 0)",
        )?
        .execute(params![
            int(made.account.0),
            made.address,
            made.quota.map(int),
            int(made.mod_seq.0),
        ])?;
    ids.account = ids.account.max(made.account.0);
    for credential in &made.credentials {
        put_credential(scope, made.account, credential)?;
    }
    apply_mailbox::insert(scope, made.account, made.mod_seq, &made.mailboxes, ids)?;
    scope.feed(&Feed {
        account: made.account,
        mod_seq: made.mod_seq,
        kind: FeedKind::Made,
        mailbox: None,
        uids: None,
        old: None,
    })
}

pub(super) fn set_account(
    scope: &Scope<'_>,
    account: AccountId,
    quota: Option<u64>,
    is_enabled: bool,
) -> Applied {
    let touched = scope
        .connection
        .prepare_cached("UPDATE account SET quota = ?, is_enabled = ? WHERE id = ?")?
        .execute(params![quota.map(int), is_enabled, int(account.0)])?;
    if touched == 0 {
        return Err(ApplyError::Misfit);
    }
    Ok(())
}

pub(super) fn remove_account(scope: &Scope<'_>, account: AccountId) -> Applied {
    for sql in [
        "DELETE FROM placement WHERE mailbox IN (SELECT id FROM mailbox WHERE account = ?)",
        "DELETE FROM expunged WHERE mailbox IN (SELECT id FROM mailbox WHERE account = ?)",
        "DELETE FROM message WHERE account = ?",
        "DELETE FROM mailbox WHERE account = ?",
        "DELETE FROM subscription WHERE account = ?",
        "DELETE FROM change WHERE account = ?",
        "DELETE FROM credential WHERE account = ?",
        "DELETE FROM account WHERE id = ?",
    ] {
        scope
            .connection
            .prepare_cached(sql)?
            .execute([int(account.0)])?;
    }
    Ok(())
}

pub(super) fn put_credential(
    scope: &Scope<'_>,
    account: AccountId,
    credential: &Credential,
) -> Applied {
    scope
        .connection
        .prepare_cached("INSERT OR REPLACE INTO credential (account, name, hash) VALUES (?, ?, ?)")?
        .execute(params![int(account.0), credential.name, credential.hash])?;
    Ok(())
}

pub(super) fn remove_credential(scope: &Scope<'_>, account: AccountId, name: &str) -> Applied {
    scope
        .connection
        .prepare_cached("DELETE FROM credential WHERE account = ? AND name = ?")?
        .execute(params![int(account.0), name])?;
    Ok(())
}

pub(super) fn put_alias(scope: &Scope<'_>, alias: &Alias) -> Applied {
    remove_alias(scope, &alias.address)?;
    scope
        .connection
        .prepare_cached("INSERT INTO alias (address) VALUES (?)")?
        .execute([&alias.address])?;
    let mut insert = scope
        .connection
        .prepare_cached("INSERT INTO alias_member (address, place, member) VALUES (?, ?, ?)")?;
    for (place, member) in alias.members.iter().enumerate() {
        insert.execute(params![alias.address, size(place), member])?;
    }
    Ok(())
}

pub(super) fn remove_alias(scope: &Scope<'_>, address: &str) -> Applied {
    for sql in [
        "DELETE FROM alias_member WHERE address = ?",
        "DELETE FROM alias WHERE address = ?",
    ] {
        scope.connection.prepare_cached(sql)?.execute([address])?;
    }
    Ok(())
}
