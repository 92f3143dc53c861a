//! What commits touched, told to whoever follows.

use postroom_mail::identifier::{AccountId, MailboxId, ModSeq};

use crate::log::change::Change;
use crate::operation::EntryOutcome;

/// What a batch of commits touched. Lost notices show as lag: read again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notice {
    /// Mailboxes with changes, and the MODSEQ they reached.
    pub mailboxes: Vec<(AccountId, MailboxId, ModSeq)>,
    /// Accounts whose list of mailboxes changed.
    pub folders: Vec<AccountId>,
    /// Whether domains, accounts, aliases or credentials changed.
    pub is_directory: bool,
    /// Whether entries came into the queue, or became due at another time.
    pub is_queue: bool,
}

impl Notice {
    /// Adds what one change touches.
    pub(crate) fn add(&mut self, change: &Change) {
        match change {
            Change::PutDomain(_)
            | Change::RemoveDomain { .. }
            | Change::CreateAccount(_)
            | Change::SetAccount { .. }
            | Change::PutCredential { .. }
            | Change::RemoveCredential { .. }
            | Change::PutAlias(_)
            | Change::RemoveAlias { .. } => self.is_directory = true,
            Change::RemoveAccount { account } => {
                self.is_directory = true;
                self.folder(*account);
            }
            Change::MakeMailboxes { account, .. }
            | Change::RenameMailboxes { account, .. }
            | Change::Subscribe { account, .. } => self.folder(*account),
            Change::DeleteMailbox {
                account,
                mailbox,
                mod_seq,
            } => {
                self.folder(*account);
                self.mailbox(*account, *mailbox, *mod_seq);
            }
            Change::Deliver(new) => self.mailbox(new.account, new.mailbox, new.mod_seq),
            Change::Flag(flagged) => {
                self.mailbox(flagged.account, flagged.mailbox, flagged.mod_seq);
            }
            Change::Expunge {
                account,
                mailbox,
                mod_seq,
                ..
            } => self.mailbox(*account, *mailbox, *mod_seq),
            Change::Copy(copied) => {
                self.mailbox(copied.account, copied.to, copied.mod_seq);
                if copied.is_move {
                    self.mailbox(copied.account, copied.from, copied.mod_seq);
                }
            }
            Change::Enqueue { .. }
            | Change::Tend { .. }
            | Change::Settle {
                outcome: EntryOutcome::Deferred { .. },
                ..
            } => self.is_queue = true,
            Change::Settle { .. } | Change::Lease { .. } | Change::Remember { .. } => {}
        }
    }

    /// Whether nothing was touched that anyone follows.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn mailbox(&mut self, account: AccountId, mailbox: MailboxId, mod_seq: ModSeq) {
        // A batch touches few mailboxes, and mostly the one touched last.
        let known = self
            .mailboxes
            .iter_mut()
            .rev()
            .find(|(_, known, _)| *known == mailbox);
        match known {
            Some((_, _, reached)) => *reached = (*reached).max(mod_seq),
            None => self.mailboxes.push((account, mailbox, mod_seq)),
        }
    }

    fn folder(&mut self, account: AccountId) {
        if !self.folders.contains(&account) {
            self.folders.push(account);
        }
    }
}
