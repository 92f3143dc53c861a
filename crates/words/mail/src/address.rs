//! Addresses: `local@domain`, and the paths of an envelope.
//!
//! This is the only parser of envelope addresses in the house. It splits an address once, at the
//! last `@` outside quotes, and never looks into a local part again: `u%d@us`, `d!u@us` and
//! `"u@d"@us` are odd names at `us`, and nothing else.

use std::fmt;

pub use domain::{DOMAIN_OCTETS_MAX, Domain};
pub use local_part::{LOCAL_PART_OCTETS_MAX, LocalPart};
pub use path::{ForwardPath, PathError, ReversePath, parse_forward_path, parse_reverse_path};

mod domain;
mod local_part;
mod path;
#[cfg(test)]
mod tests;

/// Whether text may go beyond ASCII, as it may once MAIL said SMTPUTF8 (RFC 6531 §3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NonAscii {
    /// ASCII only.
    Refused,
    /// UTF-8 in local parts, U-labels in domains.
    Allowed,
}

/// `local@domain`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// Left of the last `@`.
    pub local: LocalPart,
    /// Right of it.
    pub domain: Domain,
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

impl Address {
    /// Parses the `Mailbox` of RFC 5321 §4.1.2 (RFC 6531 §3.3 with `non_ascii` allowed).
    ///
    /// No route, no angle brackets, no comments, no white space around the `@`.
    ///
    /// ```
    /// use postroom_mail::address::{Address, NonAscii};
    ///
    /// let odd = Address::parse("\"u@d\"@us.example", NonAscii::Refused)?;
    /// assert_eq!(odd.domain.as_str(), "us.example");
    /// assert_eq!(odd.to_string(), "\"u@d\"@us.example");
    /// # Ok::<(), postroom_mail::address::AddressError>(())
    /// ```
    pub fn parse(text: &str, non_ascii: NonAscii) -> Result<Self, AddressError> {
        if non_ascii == NonAscii::Refused && !text.is_ascii() {
            return Err(AddressError::LocalPart);
        }
        let (local, domain) = if text.starts_with('"') {
            let end = local_part::quoted_end(text).ok_or(AddressError::LocalPart)?;
            let (local, rest) = text.split_at(end);
            (local, rest.strip_prefix('@').ok_or(AddressError::NoAt)?)
        } else {
            text.rsplit_once('@').ok_or(AddressError::NoAt)?
        };
        Ok(Self {
            local: LocalPart::parse(local, non_ascii)?,
            domain: Domain::parse(domain)?,
        })
    }

    /// What the directory compares: the local part in lower case and NFC, `@`, the domain.
    ///
    /// Two addresses reach the same account exactly when their keys are equal. Look-alikes of
    /// other scripts keep different keys. The domain is what follows the last `@`.
    pub fn lookup_key(&self) -> String {
        let mut key = self.local.folded();
        key.push('@');
        key.push_str(self.domain.as_str());
        key
    }

    /// Whether the address can be said without SMTPUTF8 (RFC 6531 §3.2).
    ///
    /// The domain always can: it is kept in A-labels.
    pub fn is_ascii(&self) -> bool {
        self.local.as_str().is_ascii()
    }

    /// The detail of a sub-address, as `shop` in `anna+shop@…` (RFC 5233 §1).
    ///
    /// `None` without a separator, or with nothing before it.
    pub fn plus_detail(&self, separator: char) -> Option<&str> {
        self.local.split_detail(separator).map(|(_, detail)| detail)
    }

    /// The address without its detail; the same address when it has none.
    #[must_use]
    pub fn without_detail(&self, separator: char) -> Self {
        match self.local.split_detail(separator) {
            Some((user, _)) => Self {
                local: LocalPart::from_unquoted(user),
                domain: self.domain.clone(),
            },
            None => self.clone(),
        }
    }
}

impl fmt::Display for Address {
    /// The wire form, quoted where it must be.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}
