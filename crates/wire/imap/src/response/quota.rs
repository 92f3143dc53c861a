//! Responses about quotas (RFC 9208 §4.2).

/// QUOTA: the use and limits of a quota root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Its name.
    pub root: Box<str>,
    /// What is limited.
    pub resources: Vec<QuotaResource>,
}

/// One resource of a quota root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaResource {
    /// Which.
    pub kind: QuotaKind,
    /// How much is in use.
    pub usage: u64,
    /// How much may be.
    pub limit: u64,
}

/// What a quota counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaKind {
    /// `STORAGE`: units of 1024 octets (RFC 9208 §5.1).
    Storage,
}

impl QuotaKind {
    /// As on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Storage => "STORAGE",
        }
    }
}

/// QUOTAROOT: what a mailbox counts towards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaRoots {
    /// The mailbox as Unicode text.
    pub mailbox: Box<str>,
    /// Names of its quota roots.
    pub roots: Vec<Box<str>>,
}
