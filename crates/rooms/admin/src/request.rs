//! What can be asked.

use serde::{Deserialize, Serialize};

/// One operation with its arguments. Over the socket: one line of JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Adds accounts: all of them or none.
    AccountAdd {
        /// Each with its password.
        accounts: Vec<NewAccount>,
        /// Quota of each in octets; `None` for no limit.
        quota: Option<u64>,
    },
    /// Lets an account sign in and receive, or no longer.
    AccountEnable {
        /// Which.
        address: String,
        /// Whether it may.
        is_enabled: bool,
    },
    /// All accounts.
    AccountList {},
    /// Replaces the password of an account.
    AccountPassword {
        /// Which, with its new password.
        account: NewAccount,
    },
    /// Changes the quota of an account.
    AccountQuota {
        /// Which.
        address: String,
        /// Octets; `None` for no limit.
        quota: Option<u64>,
    },
    /// Removes an account with all its mail.
    AccountRemove {
        /// Which.
        address: String,
    },
    /// Adds an alias.
    AliasAdd {
        /// Which.
        address: String,
        /// Whom it stands for.
        members: Vec<String>,
        /// Whether one that is there is replaced; else it is refused.
        #[serde(default)]
        replace: bool,
    },
    /// All aliases.
    AliasList {},
    /// Removes an alias.
    AliasRemove {
        /// Which.
        address: String,
    },
    /// Adds a domain.
    DomainAdd {
        /// Which.
        domain: String,
        /// Address that takes what nobody else does.
        catch_all: Option<String>,
        /// The domain whose addresses these are.
        alias_of: Option<String>,
        /// Whether its mail is taken from anyone and passed on to its servers.
        #[serde(default)]
        relay: bool,
        /// Whether one that is there is changed; else it is refused.
        #[serde(default)]
        replace: bool,
    },
    /// All domains.
    DomainList {},
    /// Removes a domain that nothing uses.
    DomainRemove {
        /// Which.
        domain: String,
    },
    /// Makes a mailbox.
    MailboxCreate {
        /// Whose.
        address: String,
        /// Its name, parts separated by `/`.
        name: String,
    },
    /// Mailboxes of an account.
    MailboxList {
        /// Whose.
        address: String,
    },
    /// Removes a mailbox with its mail.
    MailboxRemove {
        /// Whose.
        address: String,
        /// Its name.
        name: String,
    },
    /// Renames a mailbox and all below it.
    MailboxRename {
        /// Whose.
        address: String,
        /// Its name.
        name: String,
        /// Its new name.
        to: String,
    },
    /// What waits in the queue: one page.
    QueueList(QueueList),
    /// One message that waits.
    QueueShow {
        /// Its queue id.
        queue_id: String,
        /// Whether its header block is wanted.
        headers: bool,
    },
    /// Does something to entries of the queue.
    QueueTend(QueueTend),
    /// Takes configuration and certificates as they are now.
    Reload {},
    /// Ends a session: 421 or BYE after its command in hand.
    SessionEnd {
        /// Its number, 16 hexadecimal digits.
        id: String,
    },
    /// Who is connected now.
    SessionList {},
    /// What became of messages.
    Trace(Trace),
}

/// A page of the queue.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueList {
    /// Which entries.
    #[serde(default)]
    pub filter: QueueFilter,
    /// Where the page begins: the `next` of the page before.
    pub after: Option<u64>,
    /// Entries at most.
    pub limit: u32,
}

/// Which entries of the queue are meant; all that is given must fit.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QueueFilter {
    /// The reverse-path; empty for the null path.
    pub sender: Option<String>,
    /// Whom it is for.
    pub recipient: Option<String>,
    /// The domain of whom it is for.
    pub domain: Option<String>,
    /// How it stands.
    pub status: Option<QueueStatus>,
    /// In the queue at least that long.
    pub older_than_seconds: Option<u64>,
}

/// How an entry of the queue stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QueueStatus {
    /// It cannot be read.
    Damaged,
    /// Waits for its next try.
    Deferred,
    /// May be tried now.
    Due,
    /// Kept back.
    Held,
    /// Being tried.
    InHand,
}

/// An operator's wish for entries of the queue.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueTend {
    /// What is done.
    pub care: QueueCare,
    /// Queue ids: every recipient of these messages that the filter takes.
    #[serde(default)]
    pub ids: Vec<String>,
    /// Which entries.
    #[serde(default)]
    pub filter: QueueFilter,
    /// Whether the whole queue is meant where neither ids nor filter say otherwise.
    #[serde(default)]
    pub all: bool,
}

/// What can be done to an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QueueCare {
    /// Tried at once.
    Retry,
    /// Kept back.
    Hold,
    /// No longer kept back.
    Release,
    /// Given up without a report.
    Delete,
}

/// What is asked of the journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trace {
    /// A queue id, a Message-ID or an address.
    pub of: String,
    /// Nothing from before this: seconds since 1970.
    pub since: Option<u64>,
    /// Messages at most: the newest.
    pub limit: u32,
    /// Logins rather than mail.
    #[serde(default)]
    pub logins: bool,
}

impl QueueFilter {
    /// Whether it leaves anything out.
    pub fn is_narrow(&self) -> bool {
        self.sender.is_some()
            || self.recipient.is_some()
            || self.domain.is_some()
            || self.status.is_some()
            || self.older_than_seconds.is_some()
    }
}

impl QueueStatus {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::Deferred => "deferred",
            Self::Due => "due",
            Self::Held => "held",
            Self::InHand => "in-hand",
        }
    }
}

impl QueueCare {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Hold => "hold",
            Self::Release => "release",
            Self::Delete => "delete",
        }
    }
}

/// An address with its password, in clear or hashed elsewhere with its scheme in front.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// The address.
    pub address: String,
    /// A password, to be hashed here.
    pub password: Option<String>,
    /// A hash (`{SHA512-CRYPT}$6$…`), kept as it is.
    pub hash: Option<String>,
}

impl std::fmt::Debug for NewAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewAccount")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
