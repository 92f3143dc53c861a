//! What is wrong with a configuration: where, what, and how to mend it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::value::Misfit;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Nobody set it.
    Default,
    /// The configuration file; line and column count from 1.
    File {
        /// As it was named.
        path: Arc<Path>,
        /// The line, or 0 for the file as a whole.
        line: usize,
        /// In characters.
        column: usize,
    },
    /// The environment variable of this name.
    Environment(Box<str>),
    /// `--set` of the command line.
    CommandLine,
}

/// One thing that is wrong, or, as a warning, less safe than it could be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The whole key; empty where no key is concerned.
    pub key: String,
    /// Where it was set.
    pub place: Place,
    /// What is wrong.
    pub trouble: Trouble,
}

/// What can be wrong. The variants from [`Trouble::AnyoneDelivers`] on are warnings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Two listeners would take one socket.
    #[error("{socket} is also the socket of {other}")]
    SocketTwice {
        /// The socket.
        socket: std::net::SocketAddr,
        /// The key of the first listener that has it.
        other: String,
    },
    /// Two source addresses of one kind.
    #[error("has more than one {0} address")]
    SourceTwice(&'static str),
    /// A key that says nothing without another.
    #[error("is set without {other}")]
    Without {
        /// The key that is missing.
        other: &'static str,
    },
    /// `relay.smarthost_user` with a password that could be read on the way.
    #[error("the password would be sent to whoever answers, perhaps in clear text")]
    PasswordUnprotected,
    /// A bound that another one makes useless.
    #[error("is above {other}")]
    Above {
        /// The key that must not be below.
        other: &'static str,
    },
    /// Over [`crate::FILE_SIZE_MAX`].
    #[error("the file is larger than {0} octets")]
    FileTooLarge(u64),
    /// The value is not of the key's type.
    #[error("{0}")]
    Misfit(#[from] Misfit),
    /// `--set` without `=`.
    #[error("`{0}` has no `=`")]
    NoEqualsSign(String),
    /// A value where a section is.
    #[error("is a section and takes no value")]
    Section,
    /// Not TOML.
    #[error("not TOML: {0}")]
    Syntax(Box<str>),
    /// `listen.relay_allow` holds more than machines of one's own can be.
    #[error("{0} is so wide that strangers could send mail through this server")]
    OpenRelay(String),
    /// Outside the key's bounds.
    #[error("{value} is out of bounds")]
    OutOfBounds {
        /// What was given.
        value: String,
        /// What is allowed.
        bounds: String,
    },
    /// No such key.
    #[error("unknown key")]
    UnknownKey {
        /// The key that was most likely meant.
        nearest: Option<String>,
    },
    /// A reload met a change of a key that takes effect with the next start alone.
    #[error("a running server cannot change it")]
    Restart,
    /// The file cannot be read.
    #[error("cannot read {}: {}", path.display(), reason(*kind))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        kind: io::ErrorKind,
    },

    /// `listen.lmtp_allow` holds everyone.
    #[error("every address may deliver by LMTP without a password")]
    AnyoneDelivers,
    /// `auth.cleartext` other than `never`.
    #[error("passwords are taken without TLS {0}")]
    ClearTextPasswords(ClearTextFrom),
    /// `limits.exempt` beyond loopback.
    #[error(
        "peers outside this machine are exempt from budgets, bounds of failed logins and judgement: {0}"
    )]
    ExemptWide(String),
    /// `hostname` unset or not a full name.
    #[error("`{0}` is no name on the internet; other servers may refuse mail that bears it")]
    HostnameLocal(String),
    /// `listen.smtp_starttls = "off"`.
    #[error("mail from other servers always arrives in clear text")]
    NoStartTls,
    /// `delivery.postmaster` unset (RFC 5321 §4.5.1).
    #[error("mail for the postmaster is refused at domains without such an account or alias")]
    PostmasterUnset,
    /// `listen.relay_allow` holds somebody.
    #[error("mail to anywhere is taken without a password from {0}")]
    RelayWithoutPassword(String),
    /// Started as root, the server would stay root.
    #[error("a server that is started as root keeps all of root's rights")]
    RunsAsRoot,
    /// `listen.smtp_submission = true`.
    #[error("passwords can be tried on the port that the whole internet reaches")]
    SubmissionOnSmtp,
    /// `listen.submission_starttls = "offer"`.
    #[error("a program that skips STARTTLS submits its mail in clear text")]
    SubmissionWithoutTls,
}

/// Who may send a password in clear text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClearTextFrom {
    /// Programs on this machine.
    Loopback,
    /// Everyone.
    Anywhere,
}

impl Problem {
    pub(crate) fn new(key: impl Into<String>, place: Place, trouble: impl Into<Trouble>) -> Self {
        Self {
            key: key.into(),
            place,
            trouble: trouble.into(),
        }
    }

    /// Whether the configuration is still usable.
    pub fn is_warning(&self) -> bool {
        matches!(
            self.trouble,
            Trouble::AnyoneDelivers
                | Trouble::ClearTextPasswords(_)
                | Trouble::ExemptWide(_)
                | Trouble::HostnameLocal(_)
                | Trouble::NoStartTls
                | Trouble::PostmasterUnset
                | Trouble::RelayWithoutPassword(_)
                | Trouble::RunsAsRoot
                | Trouble::SubmissionOnSmtp
                | Trouble::SubmissionWithoutTls
        )
    }

    /// What to do about it, in one line.
    pub fn mend(&self) -> String {
        let key = &self.key;
        match &self.trouble {
            Trouble::SocketTwice { .. } => format!("give {key} another port, or [] to close it"),
            Trouble::Above { other } => format!("lower {key} or raise {other}"),
            Trouble::SourceTwice(kind) => format!("keep one {kind} address in {key}"),
            Trouble::Without { other } => format!("set {other} too, or remove {key}"),
            Trouble::PasswordUnprotected => {
                "set relay.tls = \"require\", or \"implicit\" for port 465".to_owned()
            }
            Trouble::Restart => format!("restart the server, or set {key} back"),
            Trouble::FileTooLarge(_) => "name the configuration file with --config".to_owned(),
            Trouble::Misfit(misfit) => misfit.mend(),
            Trouble::NoEqualsSign(_) => "write --set KEY=VALUE".to_owned(),
            Trouble::Section => format!("set a key of it, as {key}.KEY"),
            Trouble::Syntax(_) => "mend the line; texts stand in quotes".to_owned(),
            Trouble::OpenRelay(_) => {
                "name the machines that cannot sign in, one by one or by their small networks"
                    .to_owned()
            }
            Trouble::OutOfBounds { bounds, .. } => format!("choose {bounds}"),
            Trouble::UnknownKey {
                nearest: Some(nearest),
            } => format!("did you mean {nearest}?"),
            Trouble::UnknownKey { nearest: None } => {
                "remove it; `postroom config reference` lists all keys".to_owned()
            }
            Trouble::Unreadable {
                kind: io::ErrorKind::NotFound,
                ..
            } => "name the file with --config, or make a first one with `postroom quickstart`"
                .to_owned(),
            Trouble::Unreadable { .. } => "let the server's user read it".to_owned(),
            Trouble::AnyoneDelivers => {
                "list the addresses of the servers that deliver here".to_owned()
            }
            Trouble::ClearTextPasswords(_) => "set auth.cleartext = \"never\"".to_owned(),
            Trouble::ExemptWide(_) => "keep limits.exempt to 127.0.0.0/8 and ::1".to_owned(),
            Trouble::HostnameLocal(_) => {
                "set hostname to the name that the MX record points to".to_owned()
            }
            Trouble::NoStartTls => "set listen.smtp_starttls = \"offer\"".to_owned(),
            Trouble::PostmasterUnset => {
                "set delivery.postmaster to the address of who looks after this server".to_owned()
            }
            Trouble::RelayWithoutPassword(_) => {
                "make sure that a proxy or NAT does not give strangers one of these addresses"
                    .to_owned()
            }
            Trouble::RunsAsRoot => "set user to a user of its own, as \"postroom\"".to_owned(),
            Trouble::SubmissionOnSmtp => {
                "set listen.smtp_submission = false; programs submit on 465 or 587".to_owned()
            }
            Trouble::SubmissionWithoutTls => {
                "set listen.submission_starttls = \"require\"".to_owned()
            }
        }
    }
}

impl fmt::Display for Problem {
    /// `PLACE: KEY: WHAT`; a place that says nothing and a key that is absent are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place != Place::Default {
            write!(f, "{}: ", self.place)?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}", self.trouble)
    }
}

impl std::error::Error for Problem {}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line: 0, .. } => write!(f, "{}", path.display()),
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Environment(name) => f.write_str(name),
            Self::CommandLine => f.write_str("--set"),
        }
    }
}

impl fmt::Display for ClearTextFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "from programs on this machine",
            Self::Anywhere => "from anywhere",
        })
    }
}

fn reason(kind: io::ErrorKind) -> io::Error {
    kind.into()
}
