//! APPEND.

use postroom_imap::command::AppendKind;
use postroom_imap::question::{Answer, AppendBegin};
use postroom_imap::response::status::AppendUid;
use postroom_imap::response::status::{Code, Completion};
use postroom_mail::flag::Flags;
use postroom_mail::uid_set::UidSet;
use postroom_mailbox::incoming::Incoming;
use postroom_mailbox::mailboxes::Place;
use postroom_runtime::clock::Timestamp;

use super::reply::Failure;
use super::work::Work;
use super::{Handled, ImapHost, reply};
use crate::authenticator::Authenticator;

/// A message on its way into a mailbox.
#[derive(Debug)]
pub(super) struct Appending {
    place: Place,
    flags: Flags,
    kind: AppendKind,
    received: Timestamp,
    /// What went wrong on the way is told at the end.
    message: Result<Incoming, Failure>,
}

impl<A: Authenticator> ImapHost<A> {
    /// The head of an APPEND (RFC 9051 §6.3.12): refused before its octets come, where it can be.
    pub(super) async fn append_begin(&mut self, head: AppendBegin) -> Answer {
        match self.admit(head).await {
            Ok(appending) => {
                self.appending = Some(appending);
                Answer::Proceed
            }
            Err(failure) => self.page(Work::ended(*failure.0)).await,
        }
    }

    /// Octets above 127 in a header are taken from every client.
    ///
    /// deviates: RFC 6855 §4 because old mail is full of them, and whoever moves here from another
    /// server must not lose it.
    async fn admit(&self, head: AppendBegin) -> Result<Appending, Failure> {
        if !head.parameters.is_empty() {
            return Err(reply::NOT_OFFERED.into());
        }
        if head.octets > self.imap.append_octets_max {
            return Err(reply::TOO_BIG.into());
        }
        let store = self.mailboxes().store();
        let mailbox = self.find(&head.mailbox).await?.ok_or(reply::TRY_CREATE)?;
        if !store.is_accepting() {
            return Err(reply::UNAVAILABLE.into());
        }
        let account = store.account(mailbox.account).await?;
        let is_over = |quota: u64, used: u64| used.saturating_add(head.octets) > quota;
        if account.is_some_and(|row| row.quota.is_some_and(|quota| is_over(quota, row.used))) {
            return Err(reply::OVER_QUOTA.into());
        }
        Ok(Appending {
            place: Place {
                account: mailbox.account,
                mailbox: mailbox.id,
            },
            flags: head.flags,
            kind: head.kind,
            received: head.date.unwrap_or_else(|| self.mailboxes().now()),
            message: Ok(self.mailboxes().incoming()),
        })
    }

    /// Octets of the message.
    pub(super) async fn append_body(&mut self, octets: &[u8]) {
        let Some(appending) = &mut self.appending else {
            return;
        };
        if let Ok(message) = &mut appending.message
            && let Err(error) = message.push(octets).await
        {
            appending.message = Err(error.into());
        }
    }

    /// The message is whole.
    pub(super) async fn append_end(&mut self) -> Answer {
        let ended = match self.appending.take() {
            Some(appending) => self.append(appending).await,
            None => Err(reply::SERVER_BUG.into()),
        };
        let work = ended.unwrap_or_else(|failure| Work::ended(*failure.0));
        self.page(work).await
    }

    async fn append(&self, appending: Appending) -> Handled {
        let message = appending.message?;
        if message.has_nul() {
            // No mailbox holds NUL, whatever its encoding (RFC 3516 §4.4).
            return Err(match appending.kind {
                AppendKind::Text => reply::HAS_NUL.into(),
                AppendKind::Binary | AppendKind::Utf8 => reply::UNKNOWN_CTE.into(),
            });
        }
        let appended = self
            .mailboxes()
            .append(
                appending.place,
                message,
                appending.flags,
                appending.received,
            )
            .await?;
        self.look_again().await?;
        // RFC 4315 §3
        let uid = AppendUid {
            validity: appended.uid_validity,
            uids: UidSet::from_iter([appended.uid.number()]),
        };
        Ok(Work::ended(
            Completion::ok("Appended").with(Code::AppendUid(uid)),
        ))
    }

    /// The command went wrong after the octets came: they are forgotten.
    pub(super) fn append_abandon(&mut self) -> Answer {
        self.appending = None;
        Answer::Done(Vec::new(), reply::DONE)
    }
}
