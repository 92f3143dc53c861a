//! Reading domains, accounts, aliases, mailboxes and counts.

use postroom_mail::identifier::{AccountId, MailboxId};
use postroom_mail::mailbox_name::MailboxName;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::value::{MAILBOX, int, mailbox_at, name_at, name_text, u64_at};
use crate::log::codec;
use crate::operation::{Alias, Credential, Domain, DomainKind};
use crate::row::{Account, Mailbox, MailboxCounts};

type Read<T> = rusqlite::Result<T>;

const DOMAIN: &str = "SELECT name, kind, catch_all, target FROM domain";

fn domain_at(row: &Row<'_>) -> Read<Domain> {
    let kind: u8 = row.get(1)?;
    Ok(Domain {
        name: row.get(0)?,
        kind: codec::decode(&[kind]).unwrap_or(DomainKind::Local),
        catch_all: row.get(2)?,
        target: row.get(3)?,
    })
}

pub(crate) fn domains(connection: &Connection) -> Read<Vec<Domain>> {
    connection
        .prepare_cached(&format!("{DOMAIN} ORDER BY name"))?
        .query_map([], domain_at)?
        .collect()
}

pub(crate) fn domain(connection: &Connection, name: &str) -> Read<Option<Domain>> {
    connection
        .prepare_cached(&format!("{DOMAIN} WHERE name = ?"))?
        .query_row([name], domain_at)
        .optional()
}

const ACCOUNT: &str = "SELECT id, address, quota, used, messages, is_enabled FROM account";

fn account_at(row: &Row<'_>) -> Read<Account> {
    Ok(Account {
        id: AccountId(u64_at(row, 0)?),
        address: row.get(1)?,
        quota: row.get::<_, Option<i64>>(2)?.map(i64::cast_unsigned),
        used: u64_at(row, 3)?,
        messages: u64_at(row, 4)?,
        is_enabled: row.get(5)?,
    })
}

pub(crate) fn accounts(connection: &Connection) -> Read<Vec<Account>> {
    connection
        .prepare_cached(&format!("{ACCOUNT} ORDER BY address"))?
        .query_map([], account_at)?
        .collect()
}

pub(crate) fn account(connection: &Connection, account: AccountId) -> Read<Option<Account>> {
    connection
        .prepare_cached(&format!("{ACCOUNT} WHERE id = ?"))?
        .query_row([int(account.0)], account_at)
        .optional()
}

pub(crate) fn account_of(connection: &Connection, address: &str) -> Read<Option<Account>> {
    connection
        .prepare_cached(&format!("{ACCOUNT} WHERE address = ?"))?
        .query_row([address], account_at)
        .optional()
}

pub(crate) fn credentials(connection: &Connection, account: AccountId) -> Read<Vec<Credential>> {
    connection
        .prepare_cached("SELECT name, hash FROM credential WHERE account = ? ORDER BY name")?
        .query_map([int(account.0)], |row| {
            Ok(Credential {
                name: row.get(0)?,
                hash: row.get(1)?,
            })
        })?
        .collect()
}

pub(crate) fn alias(connection: &Connection, address: &str) -> Read<Option<Alias>> {
    let exists = connection
        .prepare_cached("SELECT 1 FROM alias WHERE address = ?")?
        .exists([address])?;
    if !exists {
        return Ok(None);
    }
    let members = connection
        .prepare_cached("SELECT member FROM alias_member WHERE address = ? ORDER BY place")?
        .query_map([address], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(Some(Alias {
        address: address.into(),
        members,
    }))
}

pub(crate) fn aliases(connection: &Connection) -> Read<Vec<Alias>> {
    let mut aliases: Vec<Alias> = Vec::new();
    let mut select = connection.prepare_cached(
        "SELECT alias.address, alias_member.member FROM alias \
         LEFT JOIN alias_member ON alias_member.address = alias.address \
         ORDER BY alias.address, alias_member.place",
    )?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let address: Box<str> = row.get(0)?;
        let member: Option<Box<str>> = row.get(1)?;
        match aliases.last_mut() {
            Some(last) if last.address == address => last.members.extend(member),
            _ => aliases.push(Alias {
                address,
                members: member.into_iter().collect(),
            }),
        }
    }
    Ok(aliases)
}

pub(crate) fn mailboxes(connection: &Connection, account: AccountId) -> Read<Vec<Mailbox>> {
    let mut found: Vec<Mailbox> = connection
        .prepare_cached(&format!("SELECT {MAILBOX} FROM mailbox WHERE account = ?"))?
        .query_map([int(account.0)], mailbox_at)?
        .collect::<Result<_, _>>()?;
    // By components, not by the joined text: `a/b` comes before `a-b`.
    found.sort_unstable_by(|left, right| left.name.cmp(&right.name));
    Ok(found)
}

pub(crate) fn mailbox(
    connection: &Connection,
    account: AccountId,
    name: &MailboxName,
) -> Read<Option<Mailbox>> {
    connection
        .prepare_cached(&format!(
            "SELECT {MAILBOX} FROM mailbox WHERE account = ? AND name = ?"
        ))?
        .query_row(params![int(account.0), name_text(name)], mailbox_at)
        .optional()
}

pub(super) fn mailbox_by_id(
    connection: &Connection,
    account: AccountId,
    mailbox: MailboxId,
) -> Read<Option<Mailbox>> {
    connection
        .prepare_cached(&format!(
            "SELECT {MAILBOX} FROM mailbox WHERE id = ? AND account = ?"
        ))?
        .query_row([int(mailbox.0), int(account.0)], mailbox_at)
        .optional()
}

pub(crate) fn counts(
    connection: &Connection,
    account: AccountId,
    mailboxes: &[MailboxId],
) -> Read<Vec<MailboxCounts>> {
    let mut select = connection.prepare_cached(
        "SELECT messages, unseen, deleted, octets FROM mailbox WHERE id = ? AND account = ?",
    )?;
    mailboxes
        .iter()
        .map(|mailbox| {
            let found = select
                .query_row([int(mailbox.0), int(account.0)], |row| {
                    Ok(MailboxCounts {
                        messages: row.get(0)?,
                        unseen: row.get(1)?,
                        deleted: row.get(2)?,
                        octets: u64_at(row, 3)?,
                    })
                })
                .optional()?;
            Ok(found.unwrap_or_default())
        })
        .collect()
}

pub(crate) fn subscriptions(connection: &Connection, account: AccountId) -> Read<Vec<MailboxName>> {
    let mut names: Vec<MailboxName> = connection
        .prepare_cached("SELECT name FROM subscription WHERE account = ?")?
        .query_map([int(account.0)], |row| name_at(row, 0))?
        .collect::<Result<_, _>>()?;
    names.sort_unstable();
    Ok(names)
}
