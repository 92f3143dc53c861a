//! COPY and MOVE.

use postroom_imap::command::Transfer;
use postroom_imap::response::Response;
use postroom_imap::response::status::{Code, Completion, CopyUid};
use postroom_mailbox::mailboxes::{Copied, TransferKind};

use super::reply::Failure;
use super::work::Work;
use super::{Handled, ImapHost, reply};
use crate::authenticator::Authenticator;

impl<A: Authenticator> ImapHost<A> {
    /// COPY and UID COPY (RFC 9051 §6.4.7): all messages or none.
    pub(super) async fn copy(&mut self, transfer: Transfer) -> Handled {
        let copied = self.transfer(&transfer, TransferKind::Copy).await?;
        let completion = match copied {
            Some(code) => Completion::ok("Copied").with(code),
            None => reply::DONE,
        };
        Ok(Work::ended(completion).by(transfer.by))
    }

    /// MOVE and UID MOVE (RFC 9051 §6.4.8): the new UIDs are told before the EXPUNGEs
    /// (RFC 6851 §4.3).
    pub(super) async fn move_messages(&mut self, transfer: Transfer) -> Handled {
        self.selected()?.writable()?;
        let moved = self.transfer(&transfer, TransferKind::Move).await?;
        let has_moved = moved.is_some();
        let rows = moved
            .map(|code| Response::Status(reply::MOVED.with(code)))
            .into_iter()
            .collect();
        Ok(Work::ended(reply::DONE)
            .with_rows(rows)
            .by(transfer.by)
            .telling_highest(has_moved))
    }

    /// Copies or moves; `None` where none of the messages is there.
    async fn transfer(
        &self,
        transfer: &Transfer,
        kind: TransferKind,
    ) -> Result<Option<Code>, Failure> {
        let selected = self.selected()?;
        let uids = selected.uids(transfer.by, &transfer.set)?;
        let target = self.find(&transfer.to).await?.ok_or(reply::TRY_CREATE)?;
        if uids.is_empty() {
            return Ok(None);
        }
        let place = selected.place();
        let copied = self.mailboxes().transfer(place, uids, target.id, kind);
        let copied = copied.await?;
        selected.refresh().await?;
        Ok((!copied.from.is_empty()).then(|| code(&copied)))
    }
}

/// COPYUID (RFC 4315 §3). Both lists ascend, so that as sets they keep their order.
fn code(copied: &Copied) -> Code {
    Code::CopyUid(CopyUid {
        validity: copied.uid_validity,
        from: copied.from.iter().map(|uid| uid.number()).collect(),
        to: copied.to.iter().map(|uid| uid.number()).collect(),
    })
}
