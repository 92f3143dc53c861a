//! The envelope: sender, recipients and delivery wishes (RFC 5321 §2.3.1, RFC 3461).

use crate::address::{Address, ReversePath};

/// Who sent a message and to whom it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Where reports of failure go.
    pub reverse_path: ReversePath,
    /// In the order of RCPT.
    pub recipients: Vec<Recipient>,
    /// BODY= of MAIL (RFC 6152).
    pub body: BodyType,
    /// Whether MAIL had SMTPUTF8 (RFC 6531 §3.4).
    pub smtputf8: bool,
    /// RET= of MAIL (RFC 3461 §4.3).
    pub ret: Option<Ret>,
    /// ENVID= of MAIL, decoded from xtext (RFC 3461 §4.4).
    pub envid: Option<Box<str>>,
}

/// One accepted RCPT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The address, `postmaster` completed with the server's own domain.
    pub address: Address,
    /// NOTIFY= (RFC 3461 §4.1); `None` when absent.
    pub notify: Option<Notify>,
    /// ORCPT=, `type;text` as given, decoded from xtext (RFC 3461 §4.2).
    pub orcpt: Option<Box<str>>,
}

/// When the sender wants a report (RFC 3461 §4.1). All false is NEVER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notify(pub u8);

impl Notify {
    /// NEVER.
    pub const NEVER: Self = Self(0);
    /// SUCCESS.
    pub const SUCCESS: Self = Self(1);
    /// FAILURE.
    pub const FAILURE: Self = Self(2);
    /// DELAY.
    pub const DELAY: Self = Self(4);
    /// What a sender gets who gave no NOTIFY: FAILURE and DELAY.
    pub const UNSAID: Self = Self(6);

    /// What a sender wishes: without NOTIFY, [`Notify::UNSAID`].
    pub fn or_unsaid(asked: Option<Self>) -> Self {
        asked.unwrap_or(Self::UNSAID)
    }

    /// Whether every wish of `other` is among these.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// How much of the message a report returns (RFC 3461 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ret {
    /// FULL.
    Full,
    /// HDRS.
    Headers,
}

/// BODY= of MAIL (RFC 6152 §2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyType {
    /// 7BIT.
    #[default]
    SevenBit,
    /// 8BITMIME.
    EightBitMime,
}
