//! What the directory says of one address.

use postroom_mail::address::{Address, Domain};
use postroom_store::row::Account;

/// One step of resolving an address: exact, without sub-address and without following aliases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// An account's own address.
    Account(Account),
    /// An alias, with its members in order.
    Alias(Vec<Address>),
    /// No account and no alias, but the domain has an address that takes the rest.
    CatchAll(Address),
    /// The domain stands for another: the same local part there.
    DomainAlias(Domain),
    /// The domain is ours and has no such address.
    UnknownUser,
    /// The domain is not ours.
    NotLocal,
}
