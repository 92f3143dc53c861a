//! Names of machines, users and other things.

use std::fmt;
use std::path::Path;

use super::{Misfit, Raw, Setting};

/// The name of a machine, in lower case, without a final dot (RFC 1123 §2.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hostname(Box<str>);

/// What stands between an address and its detail: `anna+shop@example.org` (RFC 5233 §1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Separator(pub Option<char>);

/// A user of the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum User {
    /// By the name in /etc/passwd.
    Name(Box<str>),
    /// By number, with the group if it is given.
    Number {
        /// The user.
        uid: u32,
        /// Its group.
        gid: Option<u32>,
    },
}

/// useradd(8) takes no longer ones.
const USER_LENGTH_MAX: usize = 32;

/// RFC 1035 §2.3.4.
const HOSTNAME_LENGTH_MAX: usize = 253;
const LABEL_LENGTH_MAX: usize = 63;

impl Hostname {
    /// This machine, by no one else's name for it.
    pub fn localhost() -> Self {
        Self("localhost".into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it has at least two labels and could be looked up by others.
    pub fn is_qualified(&self) -> bool {
        self.0.contains('.') && !self.0.ends_with(".localdomain") && !self.0.ends_with(".local")
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let is_label = |label: &str| {
            (1..=LABEL_LENGTH_MAX).contains(&label.len())
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        // Four numbers are an address, which is no name (RFC 1123 §2.1).
        let is_numeric = name.rsplit('.').next()?.bytes().all(|b| b.is_ascii_digit());
        let is_name =
            name.len() <= HOSTNAME_LENGTH_MAX && !is_numeric && name.split('.').all(is_label);
        is_name.then(|| Self(name.into()))
    }
}

impl User {
    fn parse(text: &str) -> Option<Self> {
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            let (uid, gid) = match text.split_once(':') {
                Some((uid, gid)) => (uid, Some(gid.parse().ok()?)),
                None => (text, None),
            };
            let uid = uid.parse().ok()?;
            return Some(Self::Number { uid, gid });
        }
        let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let is_name = (1..=USER_LENGTH_MAX).contains(&text.len())
            && !text.starts_with('-')
            && text.chars().all(is_letter);
        is_name.then(|| Self::Name(text.into()))
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Number { uid, gid: None } => write!(f, "{uid}"),
            Self::Number {
                uid,
                gid: Some(gid),
            } => write!(f, "{uid}:{gid}"),
        }
    }
}

impl Setting for User {
    fn kind() -> String {
        "a user".to_owned()
    }

    fn read(raw: &Raw, _: &Path) -> Result<Self, Misfit> {
        let text = match raw {
            Raw::Integer(uid) => uid.to_string(),
            raw => raw.text::<Self>()?.to_owned(),
        };
        Self::parse(&text).ok_or(Misfit::Shape {
            expected: "a user",
            found: text,
            example: "\"postroom\" or \"990:990\"",
        })
    }

    fn write(&self) -> Option<Raw> {
        Some(Raw::Text(self.to_string()))
    }
}

impl fmt::Display for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Setting for Hostname {
    fn kind() -> String {
        "a host name".to_owned()
    }

    fn read(raw: &Raw, _: &Path) -> Result<Self, Misfit> {
        let text = raw.text::<Self>()?;
        Self::parse(text).ok_or_else(|| Misfit::Shape {
            expected: "a host name",
            found: text.to_owned(),
            example: "\"mail.example.org\" (an international name in its xn-- form)",
        })
    }

    fn write(&self) -> Option<Raw> {
        Some(Raw::Text(self.0.to_string()))
    }
}

impl Setting for Separator {
    fn kind() -> String {
        "one character, or \"\" for none".to_owned()
    }

    fn read(raw: &Raw, _: &Path) -> Result<Self, Misfit> {
        let text = raw.text::<Self>()?;
        let mut characters = text.chars();
        match (characters.next(), characters.next()) {
            (None, _) => Ok(Self(None)),
            (Some(c @ ('+' | '-' | '_' | '=' | '#' | '~')), None) => Ok(Self(Some(c))),
            _ => Err(Misfit::Shape {
                expected: "a separator: one of + - _ = # ~",
                found: text.to_owned(),
                example: "\"+\"",
            }),
        }
    }

    fn write(&self) -> Option<Raw> {
        Some(Raw::Text(self.0.map(String::from).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Hostname, User};

    #[test]
    fn users_are_names_or_numbers() {
        for right in ["postroom", "_mail", "www-data", "990", "990:8", "0"] {
            assert_eq!(User::parse(right).unwrap().to_string(), right);
        }
        for wrong in [
            "",
            "-u",
            "a b",
            "a:b",
            "990:",
            ":8",
            "990:mail",
            "1e3",
            "4294967296",
        ] {
            assert_eq!(User::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn host_names_are_letters_digits_and_hyphens() {
        let read = |text| Hostname::parse(text).map(|name| name.as_str().to_owned());
        assert_eq!(
            read("Mail.Example.Org."),
            Some("mail.example.org".to_owned())
        );
        assert_eq!(read("localhost"), Some("localhost".to_owned()));
        assert_eq!(read("3com.example"), Some("3com.example".to_owned()));
        for wrong in [
            "",
            ".",
            "a..b",
            "-a.b",
            "a-.b",
            "a_b.c",
            "192.0.2.1",
            "bücher.example",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(read(&format!("{}.org", "a".repeat(64))), None);
    }
}
