//! Changes to the directory: domains, accounts, aliases, passwords.

use std::collections::HashSet;

use postroom_mail::address::{Address, Domain};
use postroom_mail::flag::SpecialUse;
use postroom_mail::identifier::AccountId;
use postroom_mail::mailbox_name::MailboxName;
use postroom_runtime::secret::Secret;
use postroom_store::error::{CommitError, ReadError, Refused};
use postroom_store::operation::{Alias, Credential, DomainKind, NewAccount, NewMailbox, Operation};
use postroom_store::outcome::Done;
use postroom_store::plan::Plan;
use postroom_store::{operation, row};

use crate::lookup::parse_key;
use crate::password::SchemeError;
use crate::{Directory, password};

/// The name of an account's own password among its credentials.
pub const PASSWORD: &str = "password";

/// Members an alias may have.
pub const ALIAS_MEMBERS_MAX: usize = 10_000;

/// Fewer characters make no password.
pub const PASSWORD_CHARACTERS_MIN: usize = 6;

/// A change to the directory was not made.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The domain of an address is not one of ours.
    #[error("{0} is not a domain of this server; add it with: postroom domain add {0}")]
    NoDomain(Box<str>),
    /// There is none.
    #[error("there is no account {0}")]
    NoAccount(Box<str>),
    /// There is none.
    #[error("there is no alias {0}")]
    NoAlias(Box<str>),
    /// The alias would lead back to itself.
    #[error("the alias leads back to itself: {0}")]
    Cycle(String),
    /// It has too many members, or none.
    #[error("an alias has 1 to {ALIAS_MEMBERS_MAX} members")]
    Members,
    /// Too short or too long.
    #[error(
        "a password has {PASSWORD_CHARACTERS_MIN} to {} characters",
        password::PASSWORD_OCTETS_MAX
    )]
    Password,
    /// Not a hash that can be verified.
    #[error(transparent)]
    Scheme(#[from] SchemeError),
    /// The store refused or failed.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The store did not answer.
    #[error("the directory cannot be read")]
    Read(#[from] ReadError),
}

/// A password as it is given: in clear, or hashed elsewhere.
#[derive(Debug, Clone)]
pub enum NewPassword {
    /// To be hashed here.
    Clear(Secret),
    /// A hash with its scheme.
    Hashed(Box<str>),
}

/// Mailboxes made with every account beside the inbox (RFC 6154 §2).
pub const DEFAULT_MAILBOXES: [(&str, SpecialUse); 5] = [
    ("Drafts", SpecialUse::Drafts),
    ("Sent", SpecialUse::Sent),
    ("Trash", SpecialUse::Trash),
    ("Junk", SpecialUse::Junk),
    ("Archive", SpecialUse::Archive),
];

impl Directory {
    /// All domains, by name.
    pub async fn domains(&self) -> Result<Vec<operation::Domain>, ReadError> {
        self.store.domains().await
    }

    /// All accounts, by address, with what they use.
    pub async fn accounts(&self) -> Result<Vec<row::Account>, ReadError> {
        self.store.accounts().await
    }

    /// All aliases, by address.
    pub async fn aliases(&self) -> Result<Vec<Alias>, ReadError> {
        self.store.aliases().await
    }

    /// The account of an address, exactly.
    pub async fn account(&self, address: &Address) -> Result<row::Account, ChangeError> {
        let key = address.lookup_key();
        self.store
            .account_of(&key)
            .await?
            .ok_or_else(|| ChangeError::NoAccount(key.into()))
    }

    /// Adds a domain, or changes what it is to us and who takes its unknown addresses.
    pub async fn put_domain(&self, domain: operation::Domain) -> Result<(), ChangeError> {
        self.commit(vec![Operation::PutDomain(domain)])
            .await
            .map(drop)
    }

    /// Removes a domain that no account and no alias uses.
    pub async fn remove_domain(&self, domain: &Domain) -> Result<(), ChangeError> {
        self.commit(vec![Operation::RemoveDomain {
            name: domain.as_str().into(),
        }])
        .await
        .map(drop)
    }

    /// Makes accounts in one commit: all of them or none.
    ///
    /// Cost: one hash for each password in clear, spread over the pool.
    pub async fn add_accounts(
        &self,
        accounts: Vec<(Address, NewPassword)>,
        quota: Option<u64>,
    ) -> Result<Vec<AccountId>, ChangeError> {
        let mut operations = Vec::with_capacity(accounts.len());
        for (address, _) in &accounts {
            self.check_local(&address.domain).await?;
        }
        for (address, password) in accounts {
            let hash = self.hash(password).await?;
            operations.push(Operation::CreateAccount(NewAccount {
                address: address.lookup_key().into(),
                quota,
                credentials: vec![Credential {
                    name: PASSWORD.into(),
                    hash,
                }],
                mailboxes: default_mailboxes(),
            }));
        }
        let results = self.commit(operations).await?;
        let account_of = |done| {
            if let Done::Account(account) = done {
                Some(account)
            } else {
                None
            }
        };
        Ok(results.into_iter().filter_map(account_of).collect())
    }

    /// Replaces an account's own password.
    pub async fn set_password(
        &self,
        address: &Address,
        password: NewPassword,
    ) -> Result<(), ChangeError> {
        let account = self.account(address).await?.id;
        let credential = Credential {
            name: PASSWORD.into(),
            hash: self.hash(password).await?,
        };
        self.commit(vec![Operation::PutCredential {
            account,
            credential,
        }])
        .await
        .map(drop)
    }

    /// Changes the quota of an account, or whether it may sign in and receive.
    pub async fn set_account(
        &self,
        address: &Address,
        quota: Option<u64>,
        is_enabled: bool,
    ) -> Result<(), ChangeError> {
        let account = self.account(address).await?.id;
        self.commit(vec![Operation::SetAccount {
            account,
            quota,
            is_enabled,
        }])
        .await
        .map(drop)
    }

    /// Removes an account with all its mail.
    pub async fn remove_account(&self, address: &Address) -> Result<(), ChangeError> {
        let account = self.account(address).await?.id;
        self.commit(vec![Operation::RemoveAccount { account }])
            .await
            .map(drop)
    }

    /// Adds an alias, or replaces its members. Members may be elsewhere; a cycle is refused.
    pub async fn put_alias(
        &self,
        address: &Address,
        members: &[Address],
    ) -> Result<(), ChangeError> {
        if members.is_empty() || members.len() > ALIAS_MEMBERS_MAX {
            return Err(ChangeError::Members);
        }
        self.check_local(&address.domain).await?;
        self.check_cycle(address, members).await?;
        let mut kept = Vec::with_capacity(members.len());
        for member in members {
            kept.push(self.kept(member).await?);
        }
        let alias = Alias {
            address: address.lookup_key().into(),
            members: kept,
        };
        self.commit(vec![Operation::PutAlias(alias)])
            .await
            .map(drop)
    }

    /// Removes an alias.
    pub async fn remove_alias(&self, address: &Address) -> Result<(), ChangeError> {
        let key: Box<str> = address.lookup_key().into();
        match self
            .commit(vec![Operation::RemoveAlias {
                address: key.clone(),
            }])
            .await
        {
            Err(ChangeError::Commit(CommitError::Refused(Refused::NoSuchName))) => {
                Err(ChangeError::NoAlias(key))
            }
            other => other.map(drop),
        }
    }

    async fn commit(&self, operations: Vec<Operation>) -> Result<Vec<Done>, ChangeError> {
        let plan = Plan {
            arrival: self.store.new_arrival(),
            time: self.clock.wall(),
            operations,
            journal: Vec::new(),
            body: None,
        };
        Ok(self.store.commit(plan).await?.results)
    }

    /// A member as it is kept: at another server, which alone knows whether case matters there,
    /// as it was written (RFC 5321 §2.4).
    async fn kept(&self, member: &Address) -> Result<Box<str>, ChangeError> {
        let domain = self.store.domain(member.domain.as_str()).await?;
        let is_here = domain.is_some_and(|domain| domain.kind != DomainKind::Relay);
        Ok(if is_here {
            member.lookup_key().into()
        } else {
            member.to_string().into()
        })
    }

    async fn check_local(&self, domain: &Domain) -> Result<(), ChangeError> {
        match self.store.domain(domain.as_str()).await? {
            Some(found) if found.kind == DomainKind::Local => Ok(()),
            _ => Err(ChangeError::NoDomain(domain.as_str().into())),
        }
    }

    async fn hash(&self, password: NewPassword) -> Result<Box<str>, ChangeError> {
        let clear = match password {
            NewPassword::Hashed(hash) => {
                password::check(&hash)?;
                return Ok(hash);
            }
            NewPassword::Clear(clear) => clear,
        };
        let characters = clear.expose().chars().count();
        if characters < PASSWORD_CHARACTERS_MIN
            || clear.expose().len() > password::PASSWORD_OCTETS_MAX
        {
            return Err(ChangeError::Password);
        }
        let (cost, random) = (self.limits.get().cost, self.random.clone());
        let workspace = self.workspace.clone();
        let hashed = self
            .pool
            .run(move || password::hash(clear.expose(), cost, &random, &workspace))
            .await;
        hashed.map(Into::into).map_err(|_| ReadError::Busy.into())
    }

    /// Follows what the members lead to, through aliases that exist, looking for `address`.
    async fn check_cycle(&self, address: &Address, members: &[Address]) -> Result<(), ChangeError> {
        let start = address.lookup_key();
        let mut seen = HashSet::new();
        let mut ahead: Vec<(String, String)> = members
            .iter()
            .map(Address::lookup_key)
            .map(|key| (format!("{start} -> {key}"), key))
            .collect();
        while let Some((path, key)) = ahead.pop() {
            if key == start {
                return Err(ChangeError::Cycle(path));
            }
            if !seen.insert(key.clone()) {
                continue;
            }
            let alias = self.store.alias(&key).await?;
            let next = alias.into_iter().flat_map(|alias| alias.members);
            ahead.extend(next.filter_map(|key| parse_key(&key)).map(|next| {
                let key = next.lookup_key();
                (format!("{path} -> {key}"), key)
            }));
        }
        Ok(())
    }
}

/// The mailboxes that every account is made with, all subscribed: the inbox and
/// [`DEFAULT_MAILBOXES`].
pub fn default_mailboxes() -> Vec<NewMailbox> {
    let inbox = NewMailbox {
        name: MailboxName::inbox(),
        special_use: None,
        is_subscribed: true,
    };
    let others = DEFAULT_MAILBOXES
        .into_iter()
        .filter_map(|(name, special_use)| {
            let name = MailboxName::from_components(vec![name.into()]).ok()?;
            Some(NewMailbox {
                name,
                special_use: Some(special_use),
                is_subscribed: true,
            })
        });
    std::iter::once(inbox).chain(others).collect()
}
