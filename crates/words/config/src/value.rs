//! The types that a setting can have.

mod bytes;
mod choice;
mod endpoint;
mod host;
mod name;
mod network;
mod number;
mod span;

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use postroom_mail::address::{Address, NonAscii};
use serde::Serialize;

pub use bytes::{ByteCount, ByteCountError};
pub use choice::{
    ClearText, FileSystem, ImapSeparator, Internet, LogFormat, LogLevel, LogPrivacy, RelayTls,
    Senders, StartTls, SubmissionStartTls,
};
pub use endpoint::Endpoint;
pub use host::{Host, HostPort, NameServer};
pub use name::{Hostname, Separator, User};
pub use network::{Network, Networks};
pub use span::parse_duration;

/// A value as it was written, before its key gives it a type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Raw {
    /// A truth.
    Boolean(bool),
    /// A number.
    Integer(i64),
    /// A list.
    List(Vec<Raw>),
    /// What no key takes, by its name.
    Other(&'static str),
    /// A text.
    Text(String),
}

/// Why a value is not of its key's type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// Of another type.
    #[error("{found} where {expected} is expected")]
    Kind {
        /// What the key takes.
        expected: String,
        /// What was given.
        found: String,
    },
    /// Not one of the words that the key takes.
    #[error("`{found}` is not one of its values")]
    Choice {
        /// What was given.
        found: String,
        /// What is allowed.
        choices: &'static [&'static str],
    },
    /// A network address with bits to the right of its prefix.
    #[error("`{found}` has bits beyond its prefix")]
    HostBits {
        /// What was given.
        found: String,
        /// The network that it lies in.
        network: String,
    },
    /// The text is not of the form that the key takes.
    #[error("`{found}` is not {expected}")]
    Shape {
        /// What the key takes.
        expected: &'static str,
        /// What was given.
        found: String,
        /// A value that would do.
        example: &'static str,
    },
    /// A duration without a unit.
    #[error("{0} has no unit")]
    UnitMissing(i64),
}

impl Misfit {
    /// What to write instead.
    pub fn mend(&self) -> String {
        match self {
            Self::Kind { expected, .. } => format!("write {expected}"),
            Self::Choice { choices, .. } => format!("choose {}", one_of(choices)),
            Self::HostBits { network, .. } => format!("write \"{network}\""),
            Self::Shape { example, .. } => format!("write for instance {example}"),
            Self::UnitMissing(number) => format!("write \"{number}s\" or \"{number}m\""),
        }
    }

    pub(crate) fn kind(expected: impl Into<String>, raw: &Raw) -> Self {
        Self::Kind {
            expected: expected.into(),
            found: raw.describe(),
        }
    }
}

/// A type that a key can have.
pub trait Setting: Sized {
    /// What a value looks like, for the manual: `a duration`.
    fn kind() -> String;

    /// Takes a value as it was written; relative paths count from `folder`.
    ///
    /// # Errors
    /// [`Misfit`]: it is not of this type.
    fn read(raw: &Raw, folder: &Path) -> Result<Self, Misfit>;

    /// The value in the form that reads back as itself; none where it stands for "unset".
    fn write(&self) -> Option<Raw>;
}

impl Raw {
    fn describe(&self) -> String {
        match self {
            Self::Boolean(truth) => format!("`{truth}`"),
            Self::Integer(number) => format!("the number {number}"),
            Self::List(_) => "a list".to_owned(),
            Self::Other(name) => (*name).to_owned(),
            Self::Text(text) => format!("the text `{text}`"),
        }
    }

    /// The text, if it is one.
    pub(crate) fn text<T: Setting>(&self) -> Result<&str, Misfit> {
        match self {
            Self::Text(text) => Ok(text),
            other => Err(Misfit::kind(T::kind(), other)),
        }
    }
}

impl fmt::Display for Raw {
    /// As TOML.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(truth) => write!(f, "{truth}"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Other(name) => f.write_str(name),
            Self::Text(text) => write!(f, "{}", toml::Value::from(text.as_str())),
            Self::List(values) => {
                f.write_str("[")?;
                for (index, value) in values.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{value}")?;
                }
                f.write_str("]")
            }
        }
    }
}

impl Setting for bool {
    fn kind() -> String {
        "true or false".to_owned()
    }

    fn read(raw: &Raw, _: &Path) -> Result<Self, Misfit> {
        match raw {
            Raw::Boolean(truth) => Ok(*truth),
            other => Err(Misfit::kind(Self::kind(), other)),
        }
    }

    fn write(&self) -> Option<Raw> {
        Some(Raw::Boolean(*self))
    }
}

impl Setting for PathBuf {
    fn kind() -> String {
        "a path".to_owned()
    }

    fn read(raw: &Raw, folder: &Path) -> Result<Self, Misfit> {
        match raw.text::<Self>()? {
            "" => Err(Misfit::Shape {
                expected: "a path",
                found: String::new(),
                example: "\"/var/lib/postroom\"",
            }),
            path => Ok(folder.join(path)),
        }
    }

    fn write(&self) -> Option<Raw> {
        Some(Raw::Text(self.to_string_lossy().into_owned()))
    }
}

impl Setting for IpAddr {
    fn kind() -> String {
        "an address".to_owned()
    }

    fn read(raw: &Raw, _: &Path) -> Result<Self, Misfit> {
        let text = raw.text::<Self>()?;
        text.parse().map_err(|_| Misfit::Shape {
            expected: "an IP address",
            found: text.to_owned(),
            example: "\"192.0.2.1\" or \"::1\"",
        })
    }

    fn write(&self) -> Option<Raw> {
        Some(Raw::Text(self.to_string()))
    }
}

impl Setting for Address {
    fn kind() -> String {
        "a mail address".to_owned()
    }

    fn read(raw: &Raw, _: &Path) -> Result<Self, Misfit> {
        let text = raw.text::<Self>()?;
        Self::parse(text, NonAscii::Allowed).map_err(|_| Misfit::Shape {
            expected: "a mail address",
            found: text.to_owned(),
            example: "\"anna@example.org\"",
        })
    }

    fn write(&self) -> Option<Raw> {
        Some(Raw::Text(self.to_string()))
    }
}

/// Unset, or a value.
impl<T: Setting> Setting for Option<T> {
    fn kind() -> String {
        T::kind()
    }

    fn read(raw: &Raw, folder: &Path) -> Result<Self, Misfit> {
        T::read(raw, folder).map(Some)
    }

    fn write(&self) -> Option<Raw> {
        self.as_ref().and_then(T::write)
    }
}

/// A list; one element may stand for the list of it.
impl<T: Setting> Setting for Vec<T> {
    fn kind() -> String {
        format!("a list, each {}", T::kind())
    }

    fn read(raw: &Raw, folder: &Path) -> Result<Self, Misfit> {
        match raw {
            Raw::List(values) => values.iter().map(|value| T::read(value, folder)).collect(),
            one => Ok(vec![T::read(one, folder)?]),
        }
    }

    fn write(&self) -> Option<Raw> {
        Some(Raw::List(self.iter().filter_map(T::write).collect()))
    }
}

/// `"a", "b" or "c"`.
pub(crate) fn one_of(choices: &[&str]) -> String {
    let quoted: Vec<String> = choices
        .iter()
        .map(|choice| format!("\"{choice}\""))
        .collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}
