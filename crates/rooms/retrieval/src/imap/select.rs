//! SELECT, EXAMINE, CLOSE, UNSELECT, NOOP, EXPUNGE.

use postroom_imap::command::{Access, Numbering, Select};
use postroom_imap::response::Response;
use postroom_imap::response::status::{Code, Completion};
use postroom_imap::sequence::SequenceSet;
use postroom_mail::flag::SystemFlags;
use postroom_mail::identifier::Uid;
use postroom_mail::uid_set::UidSet;
use postroom_mailbox::mailboxes::ExpungeRule;

use super::selected::Selected;
use super::work::Work;
use super::{Handled, ImapHost, reply};
use crate::authenticator::Authenticator;

impl<A: Authenticator> ImapHost<A> {
    /// SELECT and EXAMINE (RFC 9051 §6.3.2, §6.3.3, RFC 3501 §6.3.1, RFC 7162 §3.2.5).
    /// The mailbox that was open is closed, also where this one cannot be opened.
    pub(super) async fn select(&mut self, select: Select) -> Handled {
        if select.known.is_some() {
            self.knows_vanished()?;
        }
        let closed = self.selected.take();
        let opened = self.open(&select).await;
        let work = opened.unwrap_or_else(|failure| Work::ended(*failure.0));
        Ok(work.after(closed.map(|_| Response::Status(reply::CLOSED))))
    }

    async fn open(&mut self, select: &Select) -> Handled {
        let account = self.account()?;
        let Some(mailbox) = self.find(&select.mailbox).await? else {
            return Err(reply::NO_MAILBOX.into());
        };
        let view = self.mailboxes().views().open(account, mailbox.id).await?;
        let Some(selected) =
            view.and_then(|view| Selected::open(view, select.access, self.dialect))
        else {
            return Err(reply::NO_MAILBOX.into());
        };
        let mut rows = opening(&selected);
        if self.dialect.is_rev2 {
            rows.push(self.selected_name(&mailbox, &select.mailbox).await?);
        }
        if self.awareness.has_mod_seqs() {
            rows.push(reply::highest(selected.told()));
        }
        let completion = match select.access {
            Access::ReadOnly => reply::EXAMINED,
            Access::ReadWrite => reply::SELECTED,
        };
        let mut work = Work::ended(completion).with_rows(rows);
        if let Some(known) = &select.known {
            work = self.catch_up(&selected, known, work).await?;
        }
        self.selected = Some(selected);
        Ok(work)
    }

    /// CLOSE (RFC 9051 §6.4.1): messages marked `\Deleted` go without a word.
    pub(super) async fn close(&mut self) -> Handled {
        if self.selected()?.access == Access::ReadWrite {
            self.expunge_deleted(None).await?;
        }
        self.selected = None;
        Ok(Work::ended(reply::DONE))
    }

    /// UNSELECT (RFC 9051 §6.4.2).
    pub(super) fn unselect(&mut self) -> Work {
        self.selected = None;
        Work::ended(reply::DONE)
    }

    /// NOOP and CHECK: a chance to tell what changed (RFC 9051 §6.1.2).
    pub(super) async fn noop(&mut self) -> Handled {
        if let Some(selected) = &self.selected {
            selected.refresh().await?;
        }
        Ok(Work::ended(reply::DONE))
    }

    /// What changed, for a client that idles.
    pub(super) async fn poll(&mut self) -> Work {
        if let Some(selected) = &self.selected
            && selected.latest().mod_seq() == selected.seen.mod_seq()
        {
            // The view tells by itself of what it knows; this is the first question of an IDLE.
            let refreshed = selected.refresh().await;
            if let Err(error) = refreshed {
                tracing::warn!(%error, "a mailbox was not read again");
            }
        }
        Work::poll()
    }

    /// EXPUNGE and UID EXPUNGE (RFC 9051 §6.4.3, §6.4.9).
    pub(super) async fn expunge(&mut self, set: Option<SequenceSet>) -> Handled {
        let selected = self.selected()?;
        selected.writable()?;
        let by = match set {
            None => Numbering::Sequence,
            Some(_) => Numbering::Uid,
        };
        let uids = match &set {
            None => None,
            Some(set) => Some(selected.uids(Numbering::Uid, set)?),
        };
        let has_gone = self.expunge_deleted(uids).await?;
        Ok(Work::ended(reply::DONE).by(by).telling_highest(has_gone))
    }

    /// Removes messages marked `\Deleted`: those of `uids`, or all. Without any nothing is
    /// written. Returns whether any went.
    async fn expunge_deleted(&self, uids: Option<UidSet>) -> Result<bool, reply::Failure> {
        let selected = self.selected()?;
        let latest = selected.refresh().await?;
        let marked: UidSet = latest
            .iter()
            .filter(|(_, placement)| placement.flags.contains(SystemFlags::DELETED))
            .map(|(_, placement)| placement.uid.number())
            .filter(|&uid| uids.as_ref().is_none_or(|uids| uids.contains(uid)))
            .collect();
        if marked.is_empty() {
            return Ok(false);
        }
        let expunged = self
            .mailboxes()
            .expunge(selected.place(), marked, ExpungeRule::OnlyDeleted)
            .await?;
        selected.refresh().await?;
        Ok(!expunged.is_empty())
    }
}

/// What SELECT tells of a mailbox, in the order of RFC 3501 §6.3.1.
fn opening(selected: &Selected) -> Vec<Response> {
    let version = &selected.seen;
    let mut rows = vec![selected.flag_list(), Response::Exists(version.count())];
    rows.extend(selected.recent_row());
    // IMAP4rev2 has no UNSEEN (RFC 9051 Appendix E).
    let first_unseen = (!selected.dialect.is_rev2).then(|| version.first_unseen());
    if let Some(sequence) = first_unseen.flatten() {
        let unseen = Completion::ok("First unseen").with(Code::Unseen(sequence));
        rows.push(Response::Status(unseen));
    }
    rows.push(selected.permanent_flags());
    let validity = Code::UidValidity(version.uid_validity());
    rows.push(Response::Status(
        Completion::ok("UIDs are valid").with(validity),
    ));
    if let Some(next) = Uid::new(version.uid_next()) {
        let next = Completion::ok("Predicted next UID").with(Code::UidNext(next));
        rows.push(Response::Status(next));
    }
    rows
}
