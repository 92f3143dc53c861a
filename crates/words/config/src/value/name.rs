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
    use super::Hostname;

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
