//! Loading the counters that a plan speaks of.

use std::collections::BTreeMap;

use postroom_mail::flag::{KeywordSet, SystemFlags};
use postroom_mail::identifier::{AccountId, ArrivalId, BlobId, MailboxId, ModSeq, UidValidity};
use postroom_mail::mailbox_name::MailboxName;
use postroom_mail::uid_set::UidSet;
use postroom_runtime::clock::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::value::{int, keywords_at, name_at, time_at, u64_at};
use crate::counters::{
    AccountCounters, AddressUse, Counters, EntryState, Ids, MailboxCounters, PlacementState,
};
use crate::log::record::Kept;
use crate::operation::{EntryId, LeaseToken, Operation};
use crate::plan::{Body, Plan};

type Loaded = rusqlite::Result<()>;

/// Everything that `plan` speaks of, as the connection sees it.
pub(crate) fn load(connection: &Connection, plan: &Plan, ids: Ids) -> rusqlite::Result<Counters> {
    let mut loader = Loader {
        connection,
        time: plan.time,
        counters: Counters {
            ids,
            ..Counters::default()
        },
        wanted: BTreeMap::new(),
    };
    for operation in &plan.operations {
        loader.operation(operation)?;
    }
    if let Some(Body::OfEntry(entry)) = plan.body {
        loader.counters.kept = kept(connection, entry)?;
    }
    loader.placements()?;
    Ok(loader.counters)
}

/// The body of a queue entry.
fn kept(connection: &Connection, entry: EntryId) -> rusqlite::Result<Option<Kept>> {
    connection
        .prepare_cached("SELECT blob, octets, arrival FROM queue_entry WHERE id = ?")?
        .query_row([int(entry.0)], |row| {
            Ok(Kept {
                blob: BlobId(u64_at(row, 0)?),
                octets: u64_at(row, 1)?,
                origin: ArrivalId(u64_at(row, 2)?),
            })
        })
        .optional()
}

/// Whether a plan of this arrival has been committed.
pub(crate) fn is_known(connection: &Connection, arrival: u64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM arrival WHERE id = ?")?
        .exists([int(arrival)])
}

/// The highest arrival that is remembered; 0 for none.
pub(crate) fn last_arrival(connection: &Connection) -> rusqlite::Result<u64> {
    let mut select = connection.prepare("SELECT coalesce(max(id), 0) FROM arrival")?;
    select.query_row([], |row| u64_at(row, 0))
}

struct Loader<'c> {
    connection: &'c Connection,
    time: Timestamp,
    counters: Counters,
    /// UIDs that operations name, by mailbox.
    wanted: BTreeMap<MailboxId, UidSet>,
}

impl Loader<'_> {
    fn operation(&mut self, operation: &Operation) -> Loaded {
        match operation {
            Operation::PutDomain(domain) => self.domain(&domain.name),
            Operation::RemoveDomain { name } => self.domain(name),
            Operation::CreateAccount(new) => self.address(&new.address),
            Operation::PutAlias(alias) => self.address(&alias.address),
            Operation::RemoveAlias { address } => self.address(address),
            Operation::SetAccount { account, .. }
            | Operation::RemoveAccount { account }
            | Operation::PutCredential { account, .. }
            | Operation::Subscribe { account, .. } => self.account(*account),
            Operation::RemoveCredential { account, name } => {
                self.account(*account)?;
                self.credential(*account, name)
            }
            Operation::CreateMailbox { account, .. } => self.folders(*account),
            Operation::RenameMailbox {
                account, mailbox, ..
            } => {
                self.folders(*account)?;
                self.renamed(*mailbox)
            }
            Operation::DeleteMailbox { account, mailbox } => {
                self.folders(*account)?;
                self.mailbox(*mailbox)
            }
            Operation::Deliver(delivery) => {
                self.account(delivery.account)?;
                self.mailbox(delivery.mailbox)
            }
            Operation::StoreFlags {
                account,
                mailbox,
                uids,
                ..
            }
            | Operation::Expunge {
                account,
                mailbox,
                uids,
                ..
            } => {
                self.account(*account)?;
                self.messages(*mailbox, uids)
            }
            Operation::Copy {
                account,
                from,
                uids,
                to,
                ..
            } => {
                self.account(*account)?;
                self.messages(*from, uids)?;
                self.mailbox(*to)
            }
            Operation::Enqueue(_) => Ok(()),
            Operation::Lease { entries, .. } => {
                entries.iter().try_for_each(|entry| self.entry(*entry))
            }
            Operation::Settle { entry, .. } | Operation::Tend { entry, .. } => self.entry(*entry),
            Operation::Remember { key, .. } => self.remembered(key),
        }
    }

    fn account(&mut self, account: AccountId) -> Loaded {
        if self.counters.accounts.contains_key(&account) {
            return Ok(());
        }
        let found = self
            .connection
            .prepare_cached("SELECT quota, used, mod_seq, uid_validity FROM account WHERE id = ?")?
            .query_row([int(account.0)], |row| {
                Ok(AccountCounters {
                    quota: row.get::<_, Option<i64>>(0)?.map(i64::cast_unsigned),
                    used: u64_at(row, 1)?,
                    mod_seq: ModSeq(u64_at(row, 2)?),
                    uid_validity: row.get(3)?,
                })
            })
            .optional()?;
        if let Some(found) = found {
            self.counters.accounts.insert(account, found);
        }
        Ok(())
    }

    fn mailbox(&mut self, mailbox: MailboxId) -> Loaded {
        if self.counters.mailboxes.contains_key(&mailbox) {
            return Ok(());
        }
        let found = self
            .connection
            .prepare_cached(
                "SELECT account, name, uid_validity, uid_next, mod_seq, octets, keywords \
                 FROM mailbox WHERE id = ?",
            )?
            .query_row([int(mailbox.0)], |row| {
                Ok(MailboxCounters {
                    account: AccountId(u64_at(row, 0)?),
                    name: name_at(row, 1)?,
                    uid_validity: UidValidity::new(row.get(2)?)
                        .ok_or(rusqlite::Error::IntegralValueOutOfRange(2, 0))?,
                    uid_next: row.get(3)?,
                    mod_seq: ModSeq(u64_at(row, 4)?),
                    octets: u64_at(row, 5)?,
                    keywords: keywords_at(row, 6)?,
                })
            })
            .optional()?;
        if let Some(found) = found {
            self.counters.mailboxes.insert(mailbox, found);
        }
        Ok(())
    }

    /// An account and the names of its mailboxes.
    fn folders(&mut self, account: AccountId) -> Loaded {
        self.account(account)?;
        if self.counters.folders.contains_key(&account) {
            return Ok(());
        }
        let folders: BTreeMap<MailboxName, MailboxId> = self
            .connection
            .prepare_cached("SELECT id, name FROM mailbox WHERE account = ?")?
            .query_map([int(account.0)], |row| {
                Ok((name_at(row, 1)?, MailboxId(u64_at(row, 0)?)))
            })?
            .collect::<Result<_, _>>()?;
        self.counters.folders.insert(account, folders);
        Ok(())
    }

    /// A mailbox that gets another name; the inbox leaves its messages behind and goes on.
    fn renamed(&mut self, mailbox: MailboxId) -> Loaded {
        self.mailbox(mailbox)?;
        let found = self.counters.mailboxes.get(&mailbox);
        if found.is_some_and(|found| found.name.is_inbox()) {
            self.want(mailbox, &UidSet::from_ranges([1..=u32::MAX]));
        }
        Ok(())
    }

    /// A mailbox and these messages in it.
    fn messages(&mut self, mailbox: MailboxId, uids: &UidSet) -> Loaded {
        self.mailbox(mailbox)?;
        self.want(mailbox, uids);
        Ok(())
    }

    fn want(&mut self, mailbox: MailboxId, uids: &UidSet) {
        let wanted = self.wanted.entry(mailbox).or_default();
        let both = wanted.ranges().iter().chain(uids.ranges()).cloned();
        *wanted = UidSet::from_ranges(both);
    }

    fn placements(&mut self) -> Loaded {
        for (mailbox, uids) in &self.wanted {
            let mut select = self.connection.prepare_cached(
                "SELECT uid, mod_seq, octets, flags, keywords_0, keywords_1, keywords_2, \
                 keywords_3 FROM placement WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid",
            )?;
            let found = self.counters.placements.entry(*mailbox).or_default();
            for range in uids.ranges() {
                let rows = select.query_map(
                    params![int(mailbox.0), range.start(), range.end()],
                    |row| {
                        Ok(PlacementState {
                            uid: row.get(0)?,
                            mod_seq: ModSeq(u64_at(row, 1)?),
                            octets: row.get(2)?,
                            flags: SystemFlags(row.get(3)?),
                            keywords: KeywordSet([
                                u64_at(row, 4)?,
                                u64_at(row, 5)?,
                                u64_at(row, 6)?,
                                u64_at(row, 7)?,
                            ]),
                        })
                    },
                )?;
                for row in rows {
                    found.push(row?);
                }
            }
        }
        Ok(())
    }

    fn domain(&mut self, name: &str) -> Loaded {
        let exists = self
            .connection
            .prepare_cached("SELECT 1 FROM domain WHERE name = ?")?
            .exists([name])?;
        if exists {
            let is_used = self
                .connection
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM account \
                     WHERE substr(address, -length(?1)) = ?1) \
                     OR EXISTS (SELECT 1 FROM alias WHERE substr(address, -length(?1)) = ?1)",
                )?
                .query_row([format!("@{name}")], |row| row.get(0))?;
            self.counters.domains.insert(name.into(), is_used);
        }
        Ok(())
    }

    fn address(&mut self, address: &str) -> Loaded {
        let is_account = self
            .connection
            .prepare_cached("SELECT 1 FROM account WHERE address = ?")?
            .exists([address])?;
        let is_alias = self
            .connection
            .prepare_cached("SELECT 1 FROM alias WHERE address = ?")?
            .exists([address])?;
        let found = match (is_account, is_alias) {
            (true, _) => AddressUse::Account,
            (false, true) => AddressUse::Alias,
            (false, false) => return Ok(()),
        };
        self.counters.addresses.insert(address.into(), found);
        Ok(())
    }

    fn credential(&mut self, account: AccountId, name: &str) -> Loaded {
        let exists = self
            .connection
            .prepare_cached("SELECT 1 FROM credential WHERE account = ? AND name = ?")?
            .exists(params![int(account.0), name])?;
        if exists {
            self.counters.credentials.insert((account, name.into()));
        }
        Ok(())
    }

    fn entry(&mut self, entry: EntryId) -> Loaded {
        let found = self
            .connection
            .prepare_cached("SELECT lease, due, is_held FROM queue_entry WHERE id = ?")?
            .query_row([int(entry.0)], |row| {
                Ok(EntryState {
                    lease: LeaseToken(u64_at(row, 0)?),
                    due: time_at(row, 1)?,
                    is_held: row.get(2)?,
                })
            })
            .optional()?;
        if let Some(found) = found {
            self.counters.entries.insert(entry, found);
        }
        Ok(())
    }

    fn remembered(&mut self, key: &str) -> Loaded {
        let found: Option<Box<str>> = self
            .connection
            .prepare_cached("SELECT value FROM remembered WHERE key = ? AND until > ?")?
            .query_row(params![key, int(self.time.0)], |row| row.get(0))
            .optional()?;
        if let Some(found) = found {
            self.counters.remembered.insert(key.into(), found);
        }
        Ok(())
    }
}
