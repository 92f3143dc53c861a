//! IMAP: answers to the questions of the server's machine.

mod append;
mod arrange;
mod binary;
mod dialect;
mod fetch;
mod flag;
mod folder;
mod host;
mod item;
mod list;
mod login;
mod names;
mod quota;
mod reply;
mod resync;
mod search;
mod select;
mod selected;
mod status;
mod transfer;
mod work;

use std::sync::Arc;

use postroom_delivery::privacy::Privacy;
use postroom_imap::command::{Mailbox as MailboxText, Request};
use postroom_imap::question::Answer;
use postroom_mail::identifier::AccountId;
use postroom_mail::mailbox_name::MailboxName;
use postroom_mailbox::mailboxes::Mailboxes;
use postroom_net::Peer;
use postroom_runtime::clock::Clock;
use postroom_runtime::telemetry::{ImapCommand, Telemetry};
use postroom_store::row::Mailbox;

use crate::authenticator::Authenticator;
use append::Appending;
use dialect::Dialect;
use host::Stream;
use reply::Failure;
use resync::Awareness;
use selected::Selected;
use work::Work;

/// What all IMAP sessions share.
#[derive(Debug)]
pub struct Imap<A> {
    /// The mailboxes.
    pub mailboxes: Mailboxes,
    /// Checks logins.
    pub authenticator: A,
    /// How much of a person is written down.
    pub privacy: Privacy,
    /// Between the components of a mailbox name (`imap.separator`).
    pub separator: char,
    /// Octets of an appended message.
    pub append_octets_max: u64,
    /// Measures how long a login took.
    pub clock: Clock,
    /// Counts logins and commands.
    pub telemetry: Telemetry,
}

/// The host of one session's machine: what the session has open and what it is told.
#[derive(Debug)]
pub struct ImapHost<A> {
    imap: Arc<Imap<A>>,
    peer: Peer,
    account: Option<AccountId>,
    selected: Option<Selected>,
    awareness: Awareness,
    dialect: Dialect,
    /// What is left to say of the command in hand.
    work: Option<Work>,
    /// The message that is on its way in.
    appending: Option<Appending>,
    /// Bodies of the page in hand, to be streamed; a ticket is a place here.
    streams: Vec<Stream>,
}

/// How a command's own part went.
type Handled = Result<Work, Failure>;

impl<A: Authenticator> ImapHost<A> {
    /// The host of a new session.
    pub fn new(imap: Arc<Imap<A>>, peer: Peer) -> Self {
        Self {
            imap,
            peer,
            account: None,
            selected: None,
            awareness: Awareness::default(),
            dialect: Dialect::default(),
            work: None,
            appending: None,
            streams: Vec::new(),
        }
    }

    /// Does a command and says the first page of its answer.
    async fn execute(&mut self, request: Request) -> Answer {
        let expunges = request.expunges();
        self.note(command(&request));
        let highest = self.heed(&request);
        let handled = match request {
            Request::Check | Request::Noop => self.noop().await,
            Request::Close => self.close().await,
            Request::Copy(transfer) => self.copy(transfer).await,
            Request::Create(create) => self.create(create).await,
            Request::Delete(mailbox) => self.delete(&mailbox).await,
            Request::Enable(extensions) => Ok(self.enable(&extensions)),
            Request::Expunge(set) => self.expunge(set).await,
            Request::Fetch(fetch) => self.fetch(fetch).await,
            Request::GetQuota(root) => self.get_quota(&root).await,
            Request::GetQuotaRoot(mailbox) => self.get_quota_root(&mailbox).await,
            Request::List(list) => self.list(list).await,
            Request::Lsub(lsub) => self.lsub(lsub).await,
            Request::Move(transfer) => self.move_messages(transfer).await,
            Request::Namespace => Ok(self.namespace()),
            Request::Rename(rename) => self.rename(rename).await,
            Request::Search(search) => self.search(search).await,
            Request::Select(select) => self.select(select).await,
            Request::Sort(sort) => self.sort(sort).await,
            Request::Status(status) => self.status(status).await,
            Request::Store(store) => self.store(store).await,
            Request::Subscribe(mailbox) => self.subscribe(&mailbox, true).await,
            Request::Thread(thread) => self.thread(thread).await,
            Request::Unselect => Ok(self.unselect()),
            Request::Unsubscribe(mailbox) => self.subscribe(&mailbox, false).await,
        };
        let work = handled.unwrap_or_else(|failure| Work::ended(*failure.0));
        self.page(work.after(highest).telling(expunges)).await
    }

    /// Counts a command, and keeps it for whoever lists sessions.
    fn note(&self, command: ImapCommand) {
        self.imap
            .telemetry
            .retrieval
            .commands
            .at(command)
            .increment();
        self.peer.note_command(command.as_str());
    }

    fn mailboxes(&self) -> &Mailboxes {
        &self.imap.mailboxes
    }

    /// Who is logged in. The machine asks nothing else before.
    fn account(&self) -> Result<AccountId, Failure> {
        self.account.ok_or_else(|| reply::NOT_LOGGED_IN.into())
    }

    fn selected(&self) -> Result<&Selected, Failure> {
        self.selected
            .as_ref()
            .ok_or_else(|| reply::NOT_SELECTED.into())
    }

    fn selected_mut(&mut self) -> Result<&mut Selected, Failure> {
        self.selected
            .as_mut()
            .ok_or_else(|| reply::NOT_SELECTED.into())
    }

    /// The name that a client means.
    fn name(&self, text: &MailboxText) -> Result<MailboxName, Failure> {
        text.name(self.imap.separator)
            .map_err(|_| reply::BAD_NAME.into())
    }

    /// The mailbox that a client means; `None` where there is none of that name.
    async fn find(&self, text: &MailboxText) -> Result<Option<Mailbox>, Failure> {
        let account = self.account()?;
        // A text that no mailbox can have as its name is the name of no mailbox.
        let Ok(name) = text.name(self.imap.separator) else {
            return Ok(None);
        };
        Ok(self.mailboxes().store().mailbox(account, &name).await?)
    }
}

/// As what a command is counted; those that are rare count together.
fn command(request: &Request) -> ImapCommand {
    match request {
        Request::Check | Request::Noop => ImapCommand::Noop,
        Request::Close | Request::Unselect => ImapCommand::Close,
        Request::Copy(_) => ImapCommand::Copy,
        Request::Create(_)
        | Request::Delete(_)
        | Request::Rename(_)
        | Request::Subscribe(_)
        | Request::Unsubscribe(_) => ImapCommand::Folder,
        Request::Expunge(_) => ImapCommand::Expunge,
        Request::Fetch(_) => ImapCommand::Fetch,
        Request::List(_) | Request::Lsub(_) => ImapCommand::List,
        Request::Move(_) => ImapCommand::Move,
        Request::Search(_) => ImapCommand::Search,
        Request::Select(_) => ImapCommand::Select,
        Request::Status(_) => ImapCommand::Status,
        Request::Store(_) => ImapCommand::Store,
        // What is rare counts together.
        _ => ImapCommand::Other,
    }
}
