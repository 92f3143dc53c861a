//! What comes back.

mod queue;
mod story;

use postroom_directory::change::ChangeError;
use postroom_store::error::{CommitError, ReadError, Refused};
use serde::{Deserialize, Serialize};

pub use queue::{QueueEntry, QueuePage, QueueSkipped, QueueTended, QueuedMessage};
pub use story::{Step, Story};

/// The answer to one request. Over the socket: one line of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// What was asked for; `null` when there is nothing to tell.
    Done(serde_json::Value),
    /// It was not done.
    Failed(Failure),
}

/// What failed, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{what}")]
pub struct Failure {
    /// One line.
    pub what: String,
    /// One line, where there is something to do.
    pub mend: Option<String>,
}

/// An account, for `account list`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Account {
    /// Its address.
    pub address: String,
    /// Whether it may sign in and receive.
    pub is_enabled: bool,
    /// Messages in all its mailboxes.
    pub messages: u64,
    /// Octets it may hold; `null` for no limit.
    pub quota: Option<u64>,
    /// Octets it holds.
    pub used: u64,
}

/// An alias, for `alias list`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Alias {
    /// Its address.
    pub address: String,
    /// Whom it stands for.
    pub members: Vec<String>,
}

/// A domain, for `domain list`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Domain {
    /// Its name.
    pub name: String,
    /// `local`, `alias` or `relay`.
    pub kind: String,
    /// Who takes what nobody else does.
    pub catch_all: Option<String>,
    /// The domain whose addresses these are.
    pub alias_of: Option<String>,
}

/// A mailbox, for `mailbox list`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Mailbox {
    /// Its name, parts separated by `/`.
    pub name: String,
    /// Messages in it.
    pub messages: u32,
    /// Messages not seen yet.
    pub unseen: u32,
    /// Octets in it.
    pub octets: u64,
    /// Its epoch.
    pub uid_validity: u32,
    /// What it is for, as LIST names it.
    pub special_use: Option<String>,
}

/// A session, for `sessions list`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Session {
    /// Its number, as logs and the journal have it.
    pub id: String,
    /// What it came in for, as `imaps`.
    pub role: String,
    /// Where it comes from, as `privacy.log` lets it be written down; of this machine, its user.
    pub peer: String,
    /// Who is signed in.
    pub account: Option<String>,
    /// When it began, in seconds since 1970.
    pub since: u64,
    /// For how long it has been there.
    pub seconds: u64,
    /// Its last command.
    pub command: String,
    /// Octets from the peer.
    pub octets_in: u64,
    /// Octets to the peer.
    pub octets_out: u64,
    /// The version of TLS, where there is TLS.
    pub tls: Option<String>,
}

/// What came of a reload: everything was taken on, or nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reload {
    /// Whether it was.
    pub is_applied: bool,
    /// The keys whose values changed.
    pub changed: Vec<String>,
    /// Why it was not.
    pub problems: Vec<Problem>,
}

/// What stands in the way of a reload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Problem {
    /// The key; empty where none is concerned.
    pub key: String,
    /// Where it was set; empty where none is concerned.
    pub place: String,
    /// What is wrong, in one line.
    pub what: String,
    /// What to do about it.
    pub mend: String,
}

impl std::fmt::Display for Problem {
    /// `PLACE: KEY: WHAT`; what is empty is left out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for lead in [&self.place, &self.key] {
            if !lead.is_empty() {
                write!(f, "{lead}: ")?;
            }
        }
        f.write_str(&self.what)
    }
}

impl Failure {
    /// A failure with a way to mend it.
    pub fn new(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            mend: Some(mend.into()),
        }
    }
}

impl From<ChangeError> for Failure {
    fn from(error: ChangeError) -> Self {
        let mend = match &error {
            ChangeError::NoDomain(domain) => {
                format!("add the domain first: postroom domain add {domain}")
            }
            ChangeError::NoAccount(_) => "see: postroom account list".to_owned(),
            ChangeError::NoAlias(_) => "see: postroom alias list".to_owned(),
            ChangeError::Cycle(_) => "leave out the member that leads back".to_owned(),
            ChangeError::Members => "give at least one member, or make several aliases".to_owned(),
            ChangeError::Password => "give a longer password, or a shorter one".to_owned(),
            ChangeError::Scheme(_) => {
                "give the hash with its scheme in front, or a password in clear".to_owned()
            }
            ChangeError::Commit(error) => return error.clone().into(),
            ChangeError::Read(_) => {
                return Self {
                    what: chain(&error),
                    mend: None,
                };
            }
        };
        Self::new(error.to_string(), mend)
    }
}

impl From<CommitError> for Failure {
    fn from(error: CommitError) -> Self {
        let mend = match &error {
            CommitError::Refused(refused) => mend_of(refused),
            CommitError::NoRoom => "free some space on the disk of the data directory",
            CommitError::Stopped(_) => {
                "see the server's log, mend the disk, and start the server again"
            }
        };
        let what = match &error {
            CommitError::Refused(refused) => refused.to_string(),
            _ => error.to_string(),
        };
        Self::new(what, mend)
    }
}

fn mend_of(refused: &Refused) -> &'static str {
    match refused {
        Refused::AddressTaken => "see: postroom account list; postroom alias list",
        Refused::DomainInUse => "remove the accounts and aliases of the domain first",
        Refused::MailboxExists => "choose another name",
        Refused::MailboxFixed => "the inbox stays, and a mailbox with others below it",
        Refused::NoSuchName => "see: postroom domain list; postroom alias list",
        _ => "try again",
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self {
            what: chain(&error),
            mend: None,
        }
    }
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
