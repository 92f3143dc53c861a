//! STATUS (RFC 9051 §6.3.11), also as LIST returns it (RFC 5819).

use postroom_imap::command::Status;
use postroom_imap::command::list::StatusItem;
use postroom_imap::response::Response;
use postroom_imap::response::mailbox::MailboxStatus;
use postroom_mail::flag::SystemFlags;
use postroom_mail::identifier::MailboxId;
use postroom_store::row::{Mailbox, MailboxCounts};

use super::quota::STORAGE_UNIT;
use super::reply::Failure;
use super::work::Work;
use super::{Handled, ImapHost, reply};
use crate::authenticator::Authenticator;

impl<A: Authenticator> ImapHost<A> {
    /// STATUS.
    pub(super) async fn status(&mut self, status: Status) -> Handled {
        let mailbox = self.find(&status.mailbox).await?.ok_or(reply::NO_MAILBOX)?;
        let rows = self.status_rows(&[&mailbox], &status.items).await?;
        Ok(Work::ended(reply::DONE).with_rows(rows))
    }

    /// A row for each mailbox. Counts of all are read at once.
    pub(super) async fn status_rows(
        &self,
        mailboxes: &[&Mailbox],
        items: &[StatusItem],
    ) -> Result<Vec<Response>, Failure> {
        let ids: Vec<MailboxId> = mailboxes.iter().map(|mailbox| mailbox.id).collect();
        let store = self.mailboxes().store();
        let counts = store.counts(self.account()?, &ids).await?;
        let mut rows = Vec::with_capacity(mailboxes.len());
        for (mailbox, counts) in mailboxes.iter().zip(counts) {
            let mut values = Vec::with_capacity(items.len());
            for &item in items {
                values.push((item, self.value(mailbox, counts, item).await?));
            }
            rows.push(Response::MailboxStatus(MailboxStatus {
                name: mailbox.name.join(self.imap.separator).into(),
                values,
            }));
        }
        Ok(rows)
    }

    async fn value(
        &self,
        mailbox: &Mailbox,
        counts: MailboxCounts,
        item: StatusItem,
    ) -> Result<u64, Failure> {
        Ok(match item {
            StatusItem::Deleted => counts.deleted.into(),
            StatusItem::DeletedStorage => self.deleted_storage(mailbox, counts).await?,
            StatusItem::HighestModSeq => mailbox.mod_seq.0,
            StatusItem::Messages => counts.messages.into(),
            StatusItem::Recent => self.recent_of(mailbox, counts.messages).await?.into(),
            StatusItem::Size => counts.octets,
            StatusItem::UidNext => mailbox.uid_next.into(),
            StatusItem::UidValidity => mailbox.uid_validity.number().into(),
            StatusItem::Unseen => counts.unseen.into(),
        })
    }

    /// What an EXPUNGE would free, in units of 1024 octets (RFC 9208 §4.1.4).
    async fn deleted_storage(
        &self,
        mailbox: &Mailbox,
        counts: MailboxCounts,
    ) -> Result<u64, Failure> {
        if counts.deleted == 0 {
            return Ok(0);
        }
        let views = self.mailboxes().views();
        let view = views.open(mailbox.account, mailbox.id).await?;
        let octets: u64 = view
            .and_then(|view| view.latest())
            .iter()
            .flat_map(|version| version.iter())
            .filter(|(_, placement)| placement.flags.contains(SystemFlags::DELETED))
            .map(|(_, placement)| u64::from(placement.octets))
            .sum();
        Ok(octets.div_ceil(STORAGE_UNIT))
    }

    /// How many messages no session was told of yet.
    async fn recent_of(&self, mailbox: &Mailbox, messages: u32) -> Result<u32, Failure> {
        let views = self.mailboxes().views();
        let from = views.recent_from(mailbox.id);
        if from <= 1 {
            return Ok(messages);
        }
        if from >= mailbox.uid_next {
            return Ok(0);
        }
        let view = views.open(mailbox.account, mailbox.id).await?;
        let version = view.and_then(|view| view.latest());
        Ok(version.map_or(0, |version| version.count_from(from)))
    }
}
