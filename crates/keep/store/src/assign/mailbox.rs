//! Making, renaming and removing mailboxes; subscriptions.

use postroom_mail::identifier::{AccountId, MailboxId, ModSeq, UidValidity};
use postroom_mail::mailbox_name::MailboxName;
use postroom_mail::uid_set::UidSet;

use super::placement::CopyWish;
use super::{Draft, MAILBOXES_MAX};
use crate::counters::MailboxCounters;
use crate::error::Refused;
use crate::log::change::{Change, MadeMailbox, Renamed};
use crate::operation::NewMailbox;
use crate::outcome::Done;

impl Draft {
    pub(super) fn create_mailbox(
        &mut self,
        account: AccountId,
        new: &NewMailbox,
    ) -> Result<Done, Refused> {
        let mod_seq = self.next_mod_seq(account)?;
        let mailboxes = self.make(account, new, mod_seq)?;
        let done = mailboxes
            .last()
            .map_or(Done::Nothing, |made| Done::Mailbox {
                mailbox: made.mailbox,
                uid_validity: made.uid_validity,
            });
        self.changes.push(Change::MakeMailboxes {
            account,
            mod_seq,
            mailboxes,
        });
        Ok(done)
    }

    /// Makes a mailbox and the parents that are missing; the mailbox itself comes last.
    pub(super) fn make(
        &mut self,
        account: AccountId,
        new: &NewMailbox,
        mod_seq: ModSeq,
    ) -> Result<Vec<MadeMailbox>, Refused> {
        if self.folder(account, &new.name).is_some() {
            return Err(Refused::MailboxExists);
        }
        let mut made = self.make_parents(account, &new.name, mod_seq)?;
        made.push(self.make_one(account, new, mod_seq)?);
        Ok(made)
    }

    fn make_parents(
        &mut self,
        account: AccountId,
        name: &MailboxName,
        mod_seq: ModSeq,
    ) -> Result<Vec<MadeMailbox>, Refused> {
        let mut missing = Vec::new();
        let mut above = name.parent();
        while let Some(parent) = above.filter(|parent| self.folder(account, parent).is_none()) {
            above = parent.parent();
            missing.push(NewMailbox {
                name: parent,
                special_use: None,
                is_subscribed: false,
            });
        }
        let outermost_first = missing.iter().rev();
        outermost_first
            .map(|parent| self.make_one(account, parent, mod_seq))
            .collect()
    }

    fn make_one(
        &mut self,
        account: AccountId,
        new: &NewMailbox,
        mod_seq: ModSeq,
    ) -> Result<MadeMailbox, Refused> {
        let folders = self.counters.folders.entry(account).or_default();
        if folders.len() >= MAILBOXES_MAX {
            return Err(Refused::MailboxesMax);
        }
        self.counters.ids.mailbox += 1;
        let mailbox = MailboxId(self.counters.ids.mailbox);
        folders.insert(new.name.clone(), mailbox);
        let uid_validity = self.next_uid_validity(account)?;
        self.counters.mailboxes.insert(
            mailbox,
            MailboxCounters {
                account,
                name: new.name.clone(),
                uid_validity,
                uid_next: 1,
                mod_seq,
                octets: 0,
                keywords: Vec::new(),
            },
        );
        Ok(MadeMailbox {
            mailbox,
            name: new.name.clone(),
            uid_validity,
            special_use: new.special_use,
            is_subscribed: new.is_subscribed,
        })
    }

    /// Above every one the account has given, and never below the clock, so that an account made
    /// anew under an old address does not repeat an epoch (RFC 9051 §2.3.1.1).
    fn next_uid_validity(&mut self, account: AccountId) -> Result<UidValidity, Refused> {
        let seconds = u32::try_from(self.time.unix_seconds()).unwrap_or(0);
        let found = self.account(account)?;
        let next = found.uid_validity.checked_add(1).ok_or(Refused::UidsMax)?;
        found.uid_validity = next.max(seconds);
        UidValidity::new(found.uid_validity).ok_or(Refused::UidsMax)
    }

    pub(super) fn rename_mailbox(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
        name: &MailboxName,
    ) -> Result<Done, Refused> {
        let old = self.mailbox(account, mailbox)?.name.clone();
        if self.folder(account, name).is_some() {
            return Err(Refused::MailboxExists);
        }
        if old.is_inbox() {
            return self.empty_inbox(account, mailbox, name);
        }
        if name.is_below(&old) {
            return Err(Refused::MailboxFixed);
        }
        let mod_seq = self.next_mod_seq(account)?;
        let parents = self.make_parents(account, name, mod_seq)?;
        let names = self.new_names(account, &old, name)?;
        for renamed in &names {
            self.rename_one(account, renamed);
        }
        let mod_seq = if parents.is_empty() {
            mod_seq
        } else {
            self.changes.push(Change::MakeMailboxes {
                account,
                mod_seq,
                mailboxes: parents,
            });
            self.next_mod_seq(account)?
        };
        self.changes.push(Change::RenameMailboxes {
            account,
            mod_seq,
            names,
        });
        Ok(Done::Nothing)
    }

    /// Renaming the inbox moves its messages to a new mailbox (RFC 9051 §6.3.6).
    fn empty_inbox(
        &mut self,
        account: AccountId,
        inbox: MailboxId,
        name: &MailboxName,
    ) -> Result<Done, Refused> {
        let done = self.create_mailbox(
            account,
            &NewMailbox {
                name: name.clone(),
                special_use: None,
                is_subscribed: false,
            },
        )?;
        if let Done::Mailbox { mailbox, .. } = done {
            self.copy(&CopyWish {
                account,
                from: inbox,
                uids: &UidSet::from_ranges([1..=u32::MAX]),
                to: mailbox,
                is_move: true,
            })?;
        }
        Ok(done)
    }

    /// The names that a mailbox and those below it get when `old` becomes `new`.
    fn new_names(
        &self,
        account: AccountId,
        old: &MailboxName,
        new: &MailboxName,
    ) -> Result<Vec<Renamed>, Refused> {
        let folders = self.counters.folders.get(&account);
        folders
            .into_iter()
            .flatten()
            .filter(|(name, _)| *name == old || name.is_below(old))
            .map(|(name, &mailbox)| {
                let mut components = new.components().to_vec();
                components.extend_from_slice(
                    name.components()
                        .get(old.components().len()..)
                        .unwrap_or_default(),
                );
                MailboxName::from_components(components)
                    .map(|name| Renamed { mailbox, name })
                    .map_err(|_| Refused::MailboxFixed)
            })
            .collect()
    }

    fn rename_one(&mut self, account: AccountId, renamed: &Renamed) {
        let folders = self.counters.folders.entry(account).or_default();
        folders.retain(|_, mailbox| *mailbox != renamed.mailbox);
        folders.insert(renamed.name.clone(), renamed.mailbox);
        if let Some(found) = self.counters.mailboxes.get_mut(&renamed.mailbox) {
            found.name = renamed.name.clone();
        }
    }

    pub(super) fn delete_mailbox(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
    ) -> Result<Done, Refused> {
        let found = self.mailbox(account, mailbox)?;
        let (name, octets) = (found.name.clone(), found.octets);
        let folders = self.counters.folders.entry(account).or_default();
        if name.is_inbox() || folders.keys().any(|other| other.is_below(&name)) {
            return Err(Refused::MailboxFixed);
        }
        folders.remove(&name);
        self.counters.mailboxes.remove(&mailbox);
        self.counters.placements.remove(&mailbox);
        let mod_seq = self.next_mod_seq(account)?;
        let found = self.account(account)?;
        found.used = found.used.saturating_sub(octets);
        self.changes.push(Change::DeleteMailbox {
            account,
            mailbox,
            mod_seq,
        });
        Ok(Done::Nothing)
    }

    pub(super) fn subscribe(
        &mut self,
        account: AccountId,
        name: &MailboxName,
        is_subscribed: bool,
    ) -> Result<Done, Refused> {
        self.account(account)?;
        self.changes.push(Change::Subscribe {
            account,
            name: name.clone(),
            is_subscribed,
        });
        Ok(Done::Nothing)
    }

    fn folder(&self, account: AccountId, name: &MailboxName) -> Option<MailboxId> {
        self.counters.folders.get(&account)?.get(name).copied()
    }
}
