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
    AccountList,
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
    /// Adds an alias, or replaces its members.
    AliasAdd {
        /// Which.
        address: String,
        /// Whom it stands for.
        members: Vec<String>,
    },
    /// All aliases.
    AliasList,
    /// Removes an alias.
    AliasRemove {
        /// Which.
        address: String,
    },
    /// Adds a domain, or changes who takes its unknown addresses.
    DomainAdd {
        /// Which.
        domain: String,
        /// Address that takes what nobody else does.
        catch_all: Option<String>,
        /// The domain whose addresses these are.
        alias_of: Option<String>,
    },
    /// All domains.
    DomainList,
    /// Takes mail for a domain from anyone and passes it on to its servers.
    DomainPassOn {
        /// Which.
        domain: String,
    },
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
