//! GETQUOTA and GETQUOTAROOT (RFC 9208): an account is the one quota root of its mailboxes.

use postroom_imap::command::Mailbox as MailboxText;
use postroom_imap::response::Response;
use postroom_imap::response::quota::{Quota, QuotaKind, QuotaResource, QuotaRoots};

use super::reply::Failure;
use super::work::Work;
use super::{Handled, ImapHost, reply};
use crate::authenticator::Authenticator;

/// The name of the quota root, as in the examples of RFC 9208 §4.2.
const ROOT: &str = "";

/// Octets in a unit of STORAGE (RFC 9208 §5.1).
pub(super) const STORAGE_UNIT: u64 = 1024;

impl<A: Authenticator> ImapHost<A> {
    /// GETQUOTA (RFC 9208 §4.1.1).
    pub(super) async fn get_quota(&mut self, root: &str) -> Handled {
        let quota = self.quota().await?.filter(|_| root == ROOT);
        let row = Response::Quota(quota.ok_or(reply::NO_QUOTA_ROOT)?);
        Ok(Work::ended(reply::DONE).with_rows(vec![row]))
    }

    /// GETQUOTAROOT (RFC 9208 §4.1.2). The mailbox need not exist; an account without a quota has
    /// no quota root.
    pub(super) async fn get_quota_root(&mut self, mailbox: &MailboxText) -> Handled {
        let name = self.name(mailbox)?.join(self.imap.separator);
        let quota = self.quota().await?;
        let roots = QuotaRoots {
            mailbox: name.into(),
            roots: quota.iter().map(|quota| quota.root.clone()).collect(),
        };
        let mut rows = vec![Response::QuotaRoots(roots)];
        rows.extend(quota.map(Response::Quota));
        Ok(Work::ended(reply::DONE).with_rows(rows))
    }

    /// What is limited for this account, and how much of it is in use.
    async fn quota(&self) -> Result<Option<Quota>, Failure> {
        let account = self.mailboxes().store().account(self.account()?).await?;
        Ok(account.and_then(|account| {
            let limit = account.quota?;
            let storage = QuotaResource {
                kind: QuotaKind::Storage,
                usage: account.used.div_ceil(STORAGE_UNIT),
                limit: limit / STORAGE_UNIT,
            };
            Some(Quota {
                root: ROOT.into(),
                resources: vec![storage],
            })
        }))
    }
}
