//! The catalogue of SMTP replies: every reply this server gives has a name here.

use std::borrow::Cow;
use std::fmt;

/// An enhanced status code (RFC 2034, RFC 3463).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EnhancedCode(pub u8, pub u16, pub u16);

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// One reply: code, enhanced code where the protocol has one, text for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Three digits.
    pub code: u16,
    /// `None` where RFC 2034 §4 asks for none: 220, 221 greeting, EHLO, 334 and 354.
    pub enhanced: Option<EnhancedCode>,
    /// One line; never a path, a cause or somebody else's address.
    pub text: Cow<'static, str>,
}

impl Reply {
    /// Whether the code is 2xx or 3xx.
    pub fn is_positive(&self) -> bool {
        self.code < 400
    }

    /// Whether the code is 5xx.
    pub fn is_permanent(&self) -> bool {
        self.code >= 500
    }

    /// The same reply with another text.
    #[must_use]
    pub fn with_text(&self, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code: self.code,
            enhanced: self.enhanced,
            text: text.into(),
        }
    }
}

/// Declares the constants and the list of all of them with their names.
macro_rules! catalogue {
    ($($(#[$doc:meta])* $name:ident = $code:literal $($class:literal $subject:literal $detail:literal)?, $text:literal;)*) => {
        $(
            $(#[$doc])*
            pub const $name: Reply = Reply {
                code: $code,
                enhanced: catalogue!(@enhanced $($class $subject $detail)?),
                text: Cow::Borrowed($text),
            };
        )*

        /// Every reply of the catalogue with the name of its constant.
        pub const ALL: &[(&str, Reply)] = &[$((stringify!($name), $name)),*];
    };
    (@enhanced) => { None };
    (@enhanced $class:literal $subject:literal $detail:literal) => { Some(EnhancedCode($class, $subject, $detail)) };
}

catalogue! {
    /// MAIL was accepted (RFC 5321 §4.1.1.2).
    SENDER_NOTED = 250 2 1 0, "Sender noted";
    /// RCPT was accepted (RFC 5321 §4.1.1.3).
    RECIPIENT_NOTED = 250 2 1 5, "Recipient noted";
    /// A stranger named a recipient elsewhere (RFC 5321 §3.6.2).
    RELAY_DENIED = 550 5 7 1, "Relaying denied; sign in to send mail elsewhere";
    /// No such address here (RFC 5321 §4.1.1.3).
    NO_SUCH_ADDRESS = 550 5 1 1, "No such address here";
    /// Submission to another server's address, which this release cannot send to.
    NO_RELAY_YET = 550 5 3 3, "This server does not send mail to other servers yet";
    /// Disk or database trouble of ours (RFC 5321 §4.2.2).
    TRY_LATER = 451 4 3 0, "Trouble at our end; try again later";
    /// The store is short of space or read-only.
    STORE_FULL = 452 4 3 1, "No room just now; try again later";
    /// The account is over its quota.
    OVER_QUOTA = 452 4 2 2, "The mailbox is full";
}
