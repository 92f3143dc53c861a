//! Reverse and forward paths, as MAIL and RCPT carry them.

use std::fmt;

use super::{Address, AddressError, Domain, NonAscii};

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

/// Why a text does not begin with a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The first octet is not `<`.
    #[error("a path begins with <")]
    NotOpened,
    /// No `>` outside quotes.
    #[error("a path ends with >")]
    NotClosed,
    /// What stands before the `:` is no list of `@domain`.
    #[error("not a source route")]
    Route,
    /// The address inside.
    #[error("no address in the path")]
    Address(#[from] AddressError),
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

impl fmt::Display for ReversePath {
    /// With its brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("<>"),
            Self::Address(address) => write!(f, "<{address}>"),
        }
    }
}

impl fmt::Display for ForwardPath {
    /// With its brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postmaster => f.write_str("<Postmaster>"),
            Self::Address(address) => write!(f, "<{address}>"),
        }
    }
}

/// Takes the reverse path at the start of `text`; returns it with what follows the `>`.
///
/// A source route is checked and dropped (RFC 5321 §4.1.2, Appendix C).
pub fn parse_reverse_path(
    text: &str,
    non_ascii: NonAscii,
) -> Result<(ReversePath, &str), PathError> {
    let (inner, rest) = split_path(text)?;
    let path = if inner.is_empty() {
        ReversePath::Null
    } else {
        ReversePath::Address(Address::parse(without_route(inner)?, non_ascii)?)
    };
    Ok((path, rest))
}

/// Takes the forward path at the start of `text`; returns it with what follows the `>`.
///
/// A source route is checked and dropped: the mail goes to its last address and nowhere else
/// (RFC 5321 §4.1.1.3, Appendix C).
pub fn parse_forward_path(
    text: &str,
    non_ascii: NonAscii,
) -> Result<(ForwardPath, &str), PathError> {
    let (inner, rest) = split_path(text)?;
    let path = if inner.eq_ignore_ascii_case("postmaster") {
        ForwardPath::Postmaster
    } else {
        ForwardPath::Address(Address::parse(without_route(inner)?, non_ascii)?)
    };
    Ok((path, rest))
}

/// What stands between the brackets, and what after them.
fn split_path(text: &str) -> Result<(&str, &str), PathError> {
    let body = text.strip_prefix('<').ok_or(PathError::NotOpened)?;
    let mut quoted = false;
    let mut escaped = false;
    for (at, byte) in body.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => {
                let (inner, rest) = body.split_at(at);
                return Ok((inner, rest.strip_prefix('>').unwrap_or(rest)));
            }
            _ => {}
        }
    }
    Err(PathError::NotClosed)
}

/// The address after `@a,@b:`.
fn without_route(inner: &str) -> Result<&str, PathError> {
    if !inner.starts_with('@') {
        return Ok(inner);
    }
    let (route, address) = inner.split_once(':').ok_or(PathError::Route)?;
    for hop in route.split(',') {
        let name = hop.strip_prefix('@').ok_or(PathError::Route)?;
        match Domain::parse(name) {
            Ok(domain) if !domain.is_literal() => {}
            _ => return Err(PathError::Route),
        }
    }
    Ok(address)
}
