//! From an address to the accounts here and the addresses elsewhere that it stands for.
//!
//! Aliases, catch-alls, sub-addresses and domain aliases are followed breadth first, each address
//! once, so that cycles end and a diamond of aliases delivers one copy. Depth and width have
//! bounds; beyond them the address is refused when it is named, never after the message is taken.

use std::collections::{HashSet, VecDeque};

use postroom_directory::lookup::Lookup;
use postroom_mail::address::Address;
use postroom_mail::identifier::AccountId;
use postroom_mail::reply::{self, Reply};
use postroom_store::row::Account;

use crate::facts::{Fact, Facts, Missing};

/// How far expansion goes.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Aliases that may lie between an address and an account; a longer chain is refused.
    pub alias_depth_max: usize,
    /// Addresses that one address may stand for, aliases on the way counted; above it the address
    /// is refused.
    pub expansion_max: usize,
    /// Mailboxes that one commit fills; recipients beyond it wait in the queue for the worker.
    pub inline_recipients_max: usize,
    /// Members of a queued expansion that one commit fills.
    pub chunk_members_max: usize,
    /// Rounds of look-ups for one plan; what is lacking then makes the recipient wait.
    pub plan_rounds_max: usize,
    /// Octets an account may keep that has no quota of its own; `None` for no limit.
    pub quota: Option<u64>,
    /// Between user and detail of a sub-address (RFC 5233 §1); `None` for none.
    pub detail_separator: Option<char>,
    /// Who gets mail for the postmaster of a domain that names none (RFC 5321 §4.5.1).
    pub postmaster: Option<Address>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            alias_depth_max: 10,
            expansion_max: 10_000,
            inline_recipients_max: 200,
            chunk_members_max: 1_000,
            plan_rounds_max: 16,
            quota: None,
            detail_separator: Some('+'),
            postmaster: None,
        }
    }
}

/// One account at the end of an expansion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Which.
    pub account: AccountId,
    /// The address that led to it, with its detail: the Delivered-To of the copy.
    pub address: Address,
    /// Quota in octets; `None` for no limit.
    pub quota: Option<u64>,
}

/// What an address stands for: accounts here, addresses elsewhere, or both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expansion {
    /// Accounts, each once, in the order found.
    pub targets: Vec<Target>,
    /// Addresses at other servers, each once, in the order found.
    pub remotes: Vec<Address>,
    /// Whether the address itself is at another server that we pass no mail on to: only those who
    /// may relay may name it (RFC 5321 §3.6.2).
    pub is_foreign: bool,
    /// Whether an alias on the way has several members (RFC 3461 §5.2.7.3).
    pub is_list: bool,
    /// Members that lead nowhere and are passed over.
    pub lost: Vec<Address>,
}

/// Why an address stands for nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExpandError {
    /// Aliases stand for each other in a circle, or in too long a chain.
    #[error("the aliases of the address form a circle or too long a chain")]
    Loop,
    /// It stands for more addresses than may be.
    #[error("the address stands for too many others")]
    TooWide,
    /// Directory trouble.
    #[error("the directory cannot tell now")]
    Unavailable,
    /// Its account is disabled.
    #[error("the account of the address is disabled")]
    Disabled,
    /// There is no such address.
    #[error("no such address")]
    Unknown,
}

impl ExpandError {
    /// What a stranger gets at RCPT.
    pub fn reply(self) -> Reply {
        match self {
            Self::Loop => reply::ALIAS_LOOP,
            Self::TooWide => reply::ALIAS_TOO_WIDE,
            Self::Unavailable => reply::TRY_LATER,
            Self::Disabled => reply::MAILBOX_DISABLED,
            Self::Unknown => reply::NO_SUCH_ADDRESS,
        }
    }
}

/// Follows an address to all that it stands for.
///
/// What the facts lack is noted in `missing`; the result means something only while that is empty.
///
/// # Errors
/// When nobody would get a copy, or when it cannot be told who should.
pub fn expand(
    address: &Address,
    facts: &Facts,
    limits: &Limits,
    missing: &mut Missing,
) -> Result<Expansion, ExpandError> {
    let mut walk = Walk {
        facts,
        limits,
        seen: HashSet::new(),
        accounts: HashSet::new(),
        waiting: VecDeque::new(),
        found: Expansion::default(),
        met_circle: false,
        met_disabled: false,
    };
    walk.push(address.clone(), 0);
    while let Some((next, depth)) = walk.waiting.pop_front() {
        walk.visit(next, depth, missing)?;
    }
    match walk {
        Walk { found, .. } if !found.targets.is_empty() || !found.remotes.is_empty() => Ok(found),
        Walk {
            met_circle: true,
            found,
            ..
        } if found.lost.is_empty() => Err(ExpandError::Loop),
        Walk {
            met_disabled: true, ..
        } => Err(ExpandError::Disabled),
        _ => Err(ExpandError::Unknown),
    }
}

/// An expansion under way.
struct Walk<'f> {
    facts: &'f Facts,
    limits: &'f Limits,
    seen: HashSet<String>,
    accounts: HashSet<AccountId>,
    waiting: VecDeque<(Address, usize)>,
    found: Expansion,
    met_circle: bool,
    /// Whether an account on the way takes no mail.
    met_disabled: bool,
}

impl<'f> Walk<'f> {
    fn push(&mut self, address: Address, depth: usize) {
        if self.seen.insert(address.lookup_key()) {
            self.waiting.push_back((address, depth));
        } else {
            self.met_circle = true;
        }
    }

    fn visit(
        &mut self,
        address: Address,
        depth: usize,
        missing: &mut Missing,
    ) -> Result<(), ExpandError> {
        if depth > self.limits.alias_depth_max {
            return Err(ExpandError::Loop);
        }
        if self.seen.len() > self.limits.expansion_max {
            return Err(ExpandError::TooWide);
        }
        match self.look(&address, missing) {
            None => {}
            Some(Fact::Unavailable) => return Err(ExpandError::Unavailable),
            Some(Fact::Gone) => self.found.lost.push(address),
            Some(Fact::Known(lookup)) => self.follow(address, lookup, depth)?,
        }
        Ok(())
    }

    fn follow(
        &mut self,
        address: Address,
        lookup: &Lookup,
        depth: usize,
    ) -> Result<(), ExpandError> {
        match lookup {
            Lookup::Account(account) if account.is_enabled => self.reach(account, address),
            Lookup::Alias(members) => {
                self.found.is_list |= members.len() > 1;
                // The bound holds before the members are copied.
                if members.len() > self.limits.expansion_max {
                    return Err(ExpandError::TooWide);
                }
                for member in members {
                    self.push(member.clone(), depth + 1);
                }
            }
            Lookup::CatchAll(target) => self.push(target.clone(), depth + 1),
            Lookup::DomainAlias(domain) => {
                let local = address.local;
                let domain = domain.clone();
                self.push(Address { local, domain }, depth + 1);
            }
            // `push` lets each address through once.
            Lookup::PassedOn => self.found.remotes.push(address),
            Lookup::NotLocal => {
                self.found.is_foreign |= depth == 0;
                self.found.remotes.push(address);
            }
            Lookup::Account(_) | Lookup::UnknownUser => {
                if let Some(postmaster) = self.postmaster(&address, lookup) {
                    self.push(postmaster, depth + 1);
                } else {
                    self.met_disabled |= matches!(lookup, Lookup::Account(_));
                    self.found.lost.push(address);
                }
            }
        }
        Ok(())
    }

    fn reach(&mut self, account: &Account, address: Address) {
        if self.accounts.insert(account.id) {
            self.found.targets.push(Target {
                account: account.id,
                address,
                quota: account.quota.or(self.limits.quota),
            });
        }
    }

    /// The address itself, else the address without its detail: `anna+shop` is Anna's before it is
    /// the catch-all's, but an account or alias of just that name comes first.
    fn look(&self, address: &Address, missing: &mut Missing) -> Option<&'f Fact<Lookup>> {
        let exact = self.facts.lookup(address, missing)?;
        let Some(separator) = self.limits.detail_separator else {
            return Some(exact);
        };
        let is_named = !matches!(
            exact,
            Fact::Known(Lookup::UnknownUser | Lookup::CatchAll(_))
        );
        if is_named || address.plus_detail(separator).is_none() {
            return Some(exact);
        }
        let base = self
            .facts
            .lookup(&address.without_detail(separator), missing)?;
        match base {
            Fact::Known(Lookup::Account(_) | Lookup::Alias(_)) | Fact::Unavailable => Some(base),
            _ => Some(exact),
        }
    }

    /// Every domain of ours, and the host itself, has a postmaster (RFC 5321 §4.5.1).
    fn postmaster(&self, address: &Address, lookup: &Lookup) -> Option<Address> {
        let postmaster = self.limits.postmaster.as_ref()?;
        let is_asked = address.local.as_str().eq_ignore_ascii_case("postmaster");
        let is_ours = *lookup == Lookup::UnknownUser;
        (is_asked && is_ours).then(|| postmaster.clone())
    }
}

#[cfg(test)]
mod tests;
