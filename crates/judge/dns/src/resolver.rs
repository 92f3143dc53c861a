//! The seam: one question, one answer.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

/// What is asked about a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// IPv4 addresses (RFC 1035 §3.4.1).
    A,
    /// IPv6 addresses (RFC 3596 §2.1).
    Aaaa,
    /// Mail exchangers (RFC 1035 §3.3.9).
    Mx,
}

/// One mail exchanger.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mx {
    /// The lower, the better.
    pub preference: u16,
    /// Its name in lower case without a final dot; empty for the root, which says that there is
    /// no mail here (RFC 7505 §3).
    pub exchange: Box<str>,
}

/// What one record of an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// An address.
    Address(IpAddr),
    /// A mail exchanger.
    Mx(Mx),
}

/// Records of the kind that was asked for; aliases have been followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// In the order given.
    pub records: Vec<Data>,
    /// How long they hold.
    pub ttl: Duration,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// It is known that there is none.
    #[error("{}", negative.as_str())]
    Negative {
        /// Which of the two.
        negative: Negative,
        /// How long that holds, where the answer told (RFC 2308 §5).
        ttl: Option<Duration>,
    },
    /// It is not known: another time there may be one.
    #[error(transparent)]
    Trouble(#[from] Trouble),
}

/// A definite "no".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Negative {
    /// The name exists and has no record of the kind.
    NoData,
    /// The name does not exist.
    NoSuchDomain,
}

/// What kept an answer from coming.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// SERVFAIL and its kin.
    #[error("the name server failed")]
    Failed,
    /// An answer that is no answer: out of shape, or to another question.
    #[error("the name server's answer makes no sense")]
    Nonsense,
    /// REFUSED: the server does not answer us.
    #[error("the name server refused to answer")]
    Refused,
    /// Nothing came in time, or no server could be reached.
    #[error("no name server answered in time")]
    Unreachable,
    /// No name server is configured.
    #[error("no name server is configured")]
    Unset,
}

/// An answer in the making.
pub type Looking<'a> = Pin<Box<dyn Future<Output = Result<Answer, LookupError>> + Send + 'a>>;

/// Who answers questions. Every answer comes, or fails, within a limit of the resolver's own.
pub trait Resolver: fmt::Debug + Send + Sync {
    /// Records of `kind` at `name`, which is in A-labels and lower case without a final dot.
    /// Cancel safe.
    fn resolve<'a>(&'a self, name: &'a str, kind: Kind) -> Looking<'a>;
}

impl Negative {
    /// The words of the error.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoData => "the name has no such record",
            Self::NoSuchDomain => "there is no such name",
        }
    }
}

impl LookupError {
    /// Whether the name is known not to exist.
    pub fn is_no_such_domain(&self) -> bool {
        matches!(
            self,
            Self::Negative {
                negative: Negative::NoSuchDomain,
                ..
            }
        )
    }

    /// Whether it is not known if there is an answer.
    pub fn is_trouble(&self) -> bool {
        matches!(self, Self::Trouble(_))
    }
}
