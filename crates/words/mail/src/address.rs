//! Addresses: `local@domain`, and the paths of an envelope.

use std::fmt;

/// A domain in its one comparable form: lower case, A-labels; or an address literal as given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(Box<str>);

/// A local part without its quotes.
///
/// Compared as bytes; [`Address::lookup_key`] is what the directory compares.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalPart(Box<str>);

/// `local@domain`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// Left of the last `@`.
    pub local: LocalPart,
    /// Right of it.
    pub domain: Domain,
}

/// The argument of MAIL FROM (RFC 5321 §4.1.1.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReversePath {
    /// `<>`: a report about mail; nobody is told when it fails.
    Null,
    /// An address.
    Address(Address),
}

/// The argument of RCPT TO (RFC 5321 §4.1.1.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ForwardPath {
    /// `<Postmaster>` without a domain (RFC 5321 §4.5.1).
    Postmaster,
    /// An address.
    Address(Address),
}

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The domain part is no domain and no address literal.
    #[error("not a domain")]
    Domain,
    /// The local part is neither a dot-string nor a quoted string.
    #[error("not a local part")]
    LocalPart,
    /// There is no `@`.
    #[error("no @ in the address")]
    NoAt,
    /// Over 64 octets of local part or 255 of domain (RFC 5321 §4.5.3.1).
    #[error("address too long")]
    TooLong,
}

impl Domain {
    /// The canonical text: what is compared, stored and put on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl LocalPart {
    /// Without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ReversePath {
    /// The address, unless this is the null path.
    pub fn address(&self) -> Option<&Address> {
        match self {
            Self::Null => None,
            Self::Address(address) => Some(address),
        }
    }
}
