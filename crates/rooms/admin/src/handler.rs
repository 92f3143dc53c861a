//! One door for every request.

use postroom_delivery::privacy::Privacy;
use postroom_directory::Directory;
use postroom_mail::address::{Address, NonAscii};
use postroom_net::Ground;
use postroom_runtime::clock::Clock;
use postroom_runtime::watched::Watched;
use postroom_store::store::Store;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::answer::{self, Answer, Failure};
use crate::domain;
use crate::request::Request;

/// Answers requests. Clones share store and directory.
#[derive(Clone)]
pub struct Admin {
    pub(crate) store: Store,
    pub(crate) directory: Directory,
    pub(crate) clock: Clock,
    /// The connections of the server that runs, where this is one.
    pub(crate) ground: Option<Watched<Ground>>,
    pub(crate) privacy: Privacy,
    /// Who asks, for the journal.
    pub(crate) asker: Box<str>,
    reloads: Option<mpsc::Sender<ReloadAsked>>,
}

/// A reload that was asked for: the server answers when it is over.
pub type ReloadAsked = oneshot::Sender<answer::Reload>;

impl Admin {
    /// Answers over an open store.
    pub fn new(store: Store, directory: Directory, clock: Clock, privacy: Privacy) -> Self {
        Self {
            store,
            directory,
            clock,
            privacy,
            asker: "nobody known".into(),
            ground: None,
            reloads: None,
        }
    }

    /// Answers for a server with its connections.
    #[must_use]
    pub fn with_ground(self, ground: Watched<Ground>) -> Self {
        Self {
            ground: Some(ground),
            ..self
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

    /// The same, in a server that reloads when it is asked to.
    #[must_use]
    pub fn with_reload(mut self, reloads: mpsc::Sender<ReloadAsked>) -> Self {
        self.reloads = Some(reloads);
        self
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
            Request::Reload {} => self.reload().await,
            Request::SessionEnd { id } => self.session_end(&id),
            Request::SessionList {} => self.session_list(),
            Request::Trace(wanted) => self.trace(&wanted).await,
        }
    }
}

impl Admin {
    async fn reload(&self) -> Result<Value, Failure> {
        let no_server = || Failure::new("no server is there to reload", "start it: postroom serve");
        let (answer, outcome) = oneshot::channel();
        let asks = self.reloads.as_ref().ok_or_else(no_server)?;
        asks.send(answer).await.map_err(|_| no_server())?;
        told(&outcome.await.map_err(|_| no_server())?)
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
