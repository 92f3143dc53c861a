//! CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE.

use postroom_imap::command::{Create, Mailbox as MailboxText, Rename};
use postroom_mail::flag::SpecialUse;
use postroom_mailbox::mailboxes::Place;
use postroom_store::error::{CommitError, Refused};

use super::reply::Failure;
use super::work::Work;
use super::{Handled, ImapHost, reply};
use crate::authenticator::Authenticator;

impl<A: Authenticator> ImapHost<A> {
    /// CREATE (RFC 9051 §6.3.4, RFC 6154 §3).
    pub(super) async fn create(&mut self, create: Create) -> Handled {
        if !create.parameters.is_empty() {
            return Err(reply::NOT_OFFERED.into());
        }
        let special_use = self.use_of(&create).await?;
        let name = self.name(&create.mailbox)?;
        if name.is_inbox() {
            return Err(reply::MAILBOX_EXISTS.into());
        }
        let account = self.account()?;
        self.mailboxes().create(account, name, special_use).await?;
        Ok(Work::ended(reply::DONE))
    }

    /// The use that a new mailbox is to have: one that no other has. `\All` and `\Flagged` would
    /// be views of other mailboxes, which there are none of.
    async fn use_of(&self, create: &Create) -> Result<Option<SpecialUse>, Failure> {
        let wanted = match create.uses.as_slice() {
            [] => return Ok(None),
            [SpecialUse::All | SpecialUse::Flagged] => return Err(reply::BAD_USE.into()),
            [only] => *only,
            _ => return Err(reply::BAD_USE.into()),
        };
        let mailboxes = self.mailboxes().store().mailboxes(self.account()?).await?;
        let is_taken = mailboxes
            .iter()
            .any(|each| each.special_use == Some(wanted));
        if is_taken {
            return Err(reply::BAD_USE.into());
        }
        Ok(Some(wanted))
    }

    /// DELETE (RFC 9051 §6.3.5). The inbox stays; so does what has mailboxes below it.
    pub(super) async fn delete(&mut self, mailbox: &MailboxText) -> Handled {
        let place = self.existing(mailbox).await?;
        if self.name(mailbox)?.is_inbox() {
            return Err(reply::CANNOT.into());
        }
        match self.mailboxes().delete(place).await {
            Ok(()) => {}
            Err(CommitError::Refused(Refused::MailboxFixed)) => {
                return Err(reply::HAS_CHILDREN.into());
            }
            Err(error) => return Err(error.into()),
        }
        self.look_again().await?;
        Ok(Work::ended(reply::DONE))
    }

    /// RENAME (RFC 9051 §6.3.6).
    pub(super) async fn rename(&mut self, rename: Rename) -> Handled {
        if !rename.parameters.is_empty() {
            return Err(reply::NOT_OFFERED.into());
        }
        let place = self.existing(&rename.from).await?;
        let from = self.name(&rename.from)?;
        let to = self.name(&rename.to)?;
        if to.is_inbox() || to == from {
            return Err(reply::MAILBOX_EXISTS.into());
        }
        if to.is_below(&from) && !from.is_inbox() {
            return Err(reply::CANNOT.into());
        }
        self.mailboxes().rename(place, to).await?;
        self.look_again().await?;
        Ok(Work::ended(reply::DONE))
    }

    /// SUBSCRIBE and UNSUBSCRIBE (RFC 9051 §6.3.7, §6.3.8); the mailbox need not exist.
    pub(super) async fn subscribe(
        &mut self,
        mailbox: &MailboxText,
        is_subscribed: bool,
    ) -> Handled {
        let name = self.name(mailbox)?;
        let account = self.account()?;
        self.mailboxes()
            .subscribe(account, name, is_subscribed)
            .await?;
        Ok(Work::ended(reply::DONE))
    }

    /// Where a mailbox that must exist is.
    async fn existing(&self, mailbox: &MailboxText) -> Result<Place, Failure> {
        let found = self.find(mailbox).await?.ok_or(reply::NO_MAILBOX)?;
        Ok(Place {
            account: found.account,
            mailbox: found.id,
        })
    }

    /// Lets the session see at once what it did to the mailbox it has open.
    pub(super) async fn look_again(&self) -> Result<(), Failure> {
        if let Some(selected) = &self.selected {
            selected.refresh().await?;
        }
        Ok(())
    }
}
