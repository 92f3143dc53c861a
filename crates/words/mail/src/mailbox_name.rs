//! Names of mailboxes, as lists of components.

use std::fmt;

/// Components a name may have.
pub const COMPONENTS_MAX: usize = 32;

/// Octets of UTF-8 that one component may have: clients that keep mail in files make each the name
/// of one, and file systems take no more.
pub const COMPONENT_OCTETS_MAX: usize = 255;

/// Octets of UTF-8 that a whole name may have, separators counted.
pub const NAME_OCTETS_MAX: usize = 1000;

/// The name of a mailbox within an account, from the outermost component inwards.
///
/// Components are NFC-free UTF-8 text as the client gave it, without control characters and
/// without the separator. `INBOX` in any case is the one inbox (RFC 9051 §5.1) and kept in upper
/// case when it is the first component.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailboxName(Vec<Box<str>>);

/// Why a text is no mailbox name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailboxNameError {
    /// Empty, or with an empty component.
    #[error("a mailbox name has no empty part")]
    Empty,
    /// A control character, `*`, `%` or `/` or `.` alone as a component.
    #[error("a mailbox name has no control characters, wildcards or path steps")]
    Forbidden,
    /// Longer or deeper than the bounds.
    #[error(
        "a mailbox name has at most {COMPONENTS_MAX} parts of {COMPONENT_OCTETS_MAX} octets and {NAME_OCTETS_MAX} octets"
    )]
    TooLong,
}

impl MailboxName {
    /// Splits `text` (UTF-8) at `separator`.
    pub fn parse(text: &str, separator: char) -> Result<Self, MailboxNameError> {
        if text.len() > NAME_OCTETS_MAX {
            return Err(MailboxNameError::TooLong);
        }
        Self::from_components(text.split(separator).map(Into::into).collect())
    }

    /// A name of these components.
    pub fn from_components(mut components: Vec<Box<str>>) -> Result<Self, MailboxNameError> {
        let octets: usize = components.iter().map(|part| part.len() + 1).sum();
        let is_part_long = components
            .iter()
            .any(|part| part.len() > COMPONENT_OCTETS_MAX);
        if components.len() > COMPONENTS_MAX || octets > NAME_OCTETS_MAX + 1 || is_part_long {
            return Err(MailboxNameError::TooLong);
        }
        if components.is_empty() || components.iter().any(|part| part.is_empty()) {
            return Err(MailboxNameError::Empty);
        }
        if components.iter().any(|part| forbidden(part)) {
            return Err(MailboxNameError::Forbidden);
        }
        if let Some(first) = components.first_mut()
            && first.eq_ignore_ascii_case("INBOX")
        {
            *first = "INBOX".into();
        }
        Ok(Self(components))
    }

    /// The inbox.
    pub fn inbox() -> Self {
        Self(vec!["INBOX".into()])
    }

    /// Whether this is the inbox itself.
    pub fn is_inbox(&self) -> bool {
        matches!(self.0.as_slice(), [only] if &**only == "INBOX")
    }

    /// The components, outermost first; never empty.
    pub fn components(&self) -> &[Box<str>] {
        &self.0
    }

    /// The name one level up; `None` at the top.
    pub fn parent(&self) -> Option<Self> {
        let (_, outer) = self.0.split_last()?;
        (!outer.is_empty()).then(|| Self(outer.to_vec()))
    }

    /// Whether `self` lies strictly below `other`.
    pub fn is_below(&self, other: &Self) -> bool {
        self.0.len() > other.0.len() && self.0.starts_with(&other.0)
    }

    /// The components joined by `separator`.
    pub fn join(&self, separator: char) -> String {
        self.0.join(separator.encode_utf8(&mut [0; 4]))
    }
}

impl fmt::Display for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.join('/'))
    }
}

fn forbidden(part: &str) -> bool {
    matches!(part, "." | "..")
        || part
            .chars()
            .any(|c| c.is_control() || matches!(c, '*' | '%' | '/' | '\u{2028}' | '\u{2029}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_no_longer_than_the_name_of_a_file() {
        // Octets count, not characters: "ü" has two.
        let longest = "ü".repeat(127) + "x";
        let parse = |text: &str| MailboxName::parse(text, '/');
        assert_eq!(longest.len(), COMPONENT_OCTETS_MAX);
        assert!(parse(&longest).is_ok());
        assert!(parse(&format!("{longest}/{longest}/{longest}")).is_ok());
        assert_eq!(
            parse(&format!("a/{longest}x")),
            Err(MailboxNameError::TooLong)
        );
    }

    #[test]
    fn the_whole_is_bounded_too() {
        let parts = |count: usize| vec!["x"; count].join("/");
        let parse = |text: &str| MailboxName::parse(text, '/');
        assert!(parse(&parts(COMPONENTS_MAX)).is_ok());
        assert_eq!(
            parse(&parts(COMPONENTS_MAX + 1)),
            Err(MailboxNameError::TooLong)
        );
        let part = "x".repeat(249);
        assert!(parse(&[&*part; 4].join("/")).is_ok());
        assert_eq!(
            parse(&[&*part; 4].join("/").replace("x/", "xx/")),
            Err(MailboxNameError::TooLong)
        );
    }
}
