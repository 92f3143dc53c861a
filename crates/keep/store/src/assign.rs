//! Assignment: from a plan and the counters to changes with every value in them.
//!
//! One pure function, the same for every engine: UIDs, MODSEQs, UIDVALIDITYs, identifiers, lease
//! tokens, quota use and refusals are decided here and nowhere else.

mod account;
mod mailbox;
mod placement;
mod queue;

use postroom_mail::identifier::{AccountId, BlobId, MailboxId, ModSeq};
use postroom_runtime::clock::Timestamp;

use crate::counters::{AccountCounters, Counters, MailboxCounters};
use crate::error::Refused;
use crate::log::change::Change;
use crate::log::record::Kept;
use crate::operation::Operation;
use crate::outcome::Done;
use crate::plan::{Body, Plan};

/// Mailboxes an account may have; the next is refused.
pub const MAILBOXES_MAX: usize = 10_000;

/// A plan with its values.
#[derive(Debug, Clone, PartialEq)]
pub struct Assigned {
    /// For the record, in order; an operation may need none or several.
    pub changes: Vec<Change>,
    /// For the caller, one for each operation.
    pub results: Vec<Done>,
    /// The plan's body, if it has one.
    pub body: Option<AssignedBody>,
}

/// What a plan's body is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssignedBody {
    /// It is new, and this is its name.
    New(BlobId),
    /// It is kept already.
    Kept(Kept),
}

/// Decides what a plan does. A refused plan leaves the counters as they were.
pub fn assign(plan: &Plan, counters: &mut Counters) -> Result<Assigned, Refused> {
    let mut draft = Draft {
        counters: counters.clone(),
        time: plan.time,
        changes: Vec::with_capacity(plan.operations.len()),
    };
    let body = match plan.body {
        None => None,
        // Whoever took the entry meanwhile has settled it.
        Some(Body::OfEntry(_)) => {
            let kept = draft.counters.kept.ok_or(Refused::LeaseLost)?;
            Some(AssignedBody::Kept(kept))
        }
        Some(Body::Inline(_) | Body::Spooled(_)) => {
            draft.counters.ids.blob += 1;
            Some(AssignedBody::New(BlobId(draft.counters.ids.blob)))
        }
    };
    let results = plan
        .operations
        .iter()
        .map(|operation| draft.operation(operation))
        .collect::<Result<Vec<_>, _>>()?;
    *counters = draft.counters;
    Ok(Assigned {
        changes: draft.changes,
        results,
        body,
    })
}

/// A plan half assigned.
struct Draft {
    counters: Counters,
    time: Timestamp,
    changes: Vec<Change>,
}

impl Draft {
    fn operation(&mut self, operation: &Operation) -> Result<Done, Refused> {
        match operation {
            Operation::PutDomain(domain) => Ok(self.put_domain(domain)),
            Operation::RemoveDomain { name } => self.remove_domain(name),
            Operation::CreateAccount(new) => self.create_account(new),
            Operation::SetAccount {
                account,
                quota,
                is_enabled,
            } => self.set_account(*account, *quota, *is_enabled),
            Operation::RemoveAccount { account } => self.remove_account(*account),
            Operation::PutCredential {
                account,
                credential,
            } => self.put_credential(*account, credential),
            Operation::RemoveCredential { account, name } => self.remove_credential(*account, name),
            Operation::PutAlias(alias) => self.put_alias(alias),
            Operation::RemoveAlias { address } => self.remove_alias(address),
            Operation::CreateMailbox { account, mailbox } => self.create_mailbox(*account, mailbox),
            Operation::RenameMailbox {
                account,
                mailbox,
                name,
            } => self.rename_mailbox(*account, *mailbox, name),
            Operation::DeleteMailbox { account, mailbox } => {
                self.delete_mailbox(*account, *mailbox)
            }
            Operation::Subscribe {
                account,
                name,
                is_subscribed,
            } => self.subscribe(*account, name, *is_subscribed),
            Operation::Deliver(delivery) => self.deliver(delivery),
            Operation::StoreFlags {
                account,
                mailbox,
                uids,
                change,
                flags,
                unchanged_since,
            } => self.store_flags(&placement::FlagWish {
                account: *account,
                mailbox: *mailbox,
                uids,
                change: *change,
                flags,
                unchanged_since: *unchanged_since,
            }),
            Operation::Expunge {
                account,
                mailbox,
                uids,
                only_deleted,
            } => self.expunge(*account, *mailbox, uids, *only_deleted),
            Operation::Copy {
                account,
                from,
                uids,
                to,
                is_move,
            } => self.copy(&placement::CopyWish {
                account: *account,
                from: *from,
                uids,
                to: *to,
                is_move: *is_move,
            }),
            Operation::Enqueue(new) => Ok(self.enqueue(new)),
            Operation::Lease { entries, until } => self.lease(entries, *until),
            Operation::Settle {
                entry,
                token,
                outcome,
            } => self.settle(*entry, *token, outcome),
            Operation::Tend { entry, care } => self.tend(*entry, care),
            Operation::Remember {
                key,
                value,
                until,
                must_be_new,
            } => self.remember(key, value, *until, *must_be_new),
        }
    }

    fn account(&mut self, account: AccountId) -> Result<&mut AccountCounters, Refused> {
        self.counters
            .accounts
            .get_mut(&account)
            .ok_or(Refused::NoAccount(account))
    }

    /// The mailbox, if it is one of the account's.
    fn mailbox(
        &mut self,
        account: AccountId,
        mailbox: MailboxId,
    ) -> Result<&mut MailboxCounters, Refused> {
        self.account(account)?;
        self.counters
            .mailboxes
            .get_mut(&mailbox)
            .filter(|found| found.account == account)
            .ok_or(Refused::NoMailbox(mailbox))
    }

    /// The MODSEQ of one more change of an account.
    fn next_mod_seq(&mut self, account: AccountId) -> Result<ModSeq, Refused> {
        let time = self.time.0;
        let found = self.account(account)?;
        // 63 bits at most (RFC 7162 §3.1).
        let next = (found.mod_seq.0 + 1)
            .max(time)
            .min(i64::MAX.cast_unsigned());
        found.mod_seq = ModSeq(next);
        Ok(found.mod_seq)
    }
}

#[cfg(test)]
mod tests;
