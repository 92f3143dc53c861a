//! One door for every request.

use postroom_delivery::privacy::Privacy;
use postroom_directory::Directory;
use postroom_mail::address::{Address, NonAscii};
use postroom_runtime::clock::Clock;
use postroom_store::store::Store;
use serde::Serialize;
use serde_json::Value;

use crate::answer::{Answer, Failure};
use crate::domain;
use crate::request::Request;

/// Answers requests. Clones share store and directory.
#[derive(Clone)]
pub struct Admin {
    pub(crate) store: Store,
    pub(crate) directory: Directory,
    pub(crate) clock: Clock,
    pub(crate) privacy: Privacy,
    /// Who asks, for the journal.
    pub(crate) asker: Box<str>,
}

impl Admin {
    /// Answers over an open store.
    pub fn new(store: Store, directory: Directory, clock: Clock, privacy: Privacy) -> Self {
        Self {
            store,
            directory,
            clock,
            privacy,
            asker: "nobody known".into(),
        }
    }

    /// The same for a user of this machine, as the journal names who asked.
    #[must_use]
    pub fn asked_by(&self, uid: u32) -> Self {
        Self {
            asker: format!("uid {uid}").into(),
            ..self.clone()
        }
    }

    /// Does what is asked. What changes is durable when it is answered.
    pub async fn answer(&self, request: Request) -> Answer {
        match self.dispatch(request).await {
            Ok(value) => Answer::Done(value),
            Err(failure) => Answer::Failed(failure),
        }
    }

    async fn dispatch(&self, request: Request) -> Result<Value, Failure> {
        match request {
            Request::AccountAdd { accounts, quota } => self.account_add(accounts, quota).await,
            Request::AccountEnable {
                address,
                is_enabled,
            } => self.account_enable(&address, is_enabled).await,
            Request::AccountList {} => self.account_list().await,
            Request::AccountPassword { account } => self.account_password(account).await,
            Request::AccountQuota { address, quota } => self.account_quota(&address, quota).await,
            Request::AccountRemove { address } => self.account_remove(&address).await,
            Request::AliasAdd {
                address,
                members,
                replace,
            } => self.alias_add(&address, &members, replace).await,
            Request::AliasList {} => self.alias_list().await,
            Request::AliasRemove { address } => self.alias_remove(&address).await,
            Request::DomainAdd {
                domain,
                catch_all,
                alias_of,
                relay,
                replace,
            } => {
                let put = domain::read(&domain, catch_all, alias_of, relay)?;
                self.domain_add(put, replace).await
            }
            Request::DomainList {} => self.domain_list().await,
            Request::DomainRemove { domain } => self.domain_remove(&domain).await,
            Request::MailboxCreate { address, name } => self.mailbox_create(&address, &name).await,
            Request::MailboxList { address } => self.mailbox_list(&address).await,
            Request::MailboxRemove { address, name } => self.mailbox_remove(&address, &name).await,
            Request::MailboxRename { address, name, to } => {
                self.mailbox_rename(&address, &name, &to).await
            }
            Request::QueueList(list) => self.queue_list(&list).await,
            Request::QueueShow { queue_id, headers } => self.queue_show(&queue_id, headers).await,
            Request::QueueTend(wish) => self.queue_tend(&wish).await,
            Request::Trace(wanted) => self.trace(&wanted).await,
        }
    }
}

/// An address as an operator writes it.
pub(crate) fn address(text: &str) -> Result<Address, Failure> {
    Address::parse(text, NonAscii::Allowed).map_err(|error| {
        Failure::new(
            format!("{text:?} is no address: {error}"),
            "write it as name@domain",
        )
    })
}

/// A list or row as JSON.
pub(crate) fn told<T: Serialize>(value: &T) -> Result<Value, Failure> {
    serde_json::to_value(value).map_err(|error| Failure {
        what: error.to_string(),
        mend: None,
    })
}
