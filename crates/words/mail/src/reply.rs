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

    /// Whether the session ends with this reply (RFC 5321 §3.8).
    pub fn is_closing(&self) -> bool {
        self.code == 421
    }

    /// The same reply with something before its text: a name, a number.
    #[must_use]
    pub fn with_lead(&self, lead: impl fmt::Display) -> Self {
        self.with_text(format!("{lead} {}", self.text))
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
    // Session.

    /// The greeting; the hostname stands before the text (RFC 5321 §4.2).
    GREETING = 220, "ESMTP postroom";
    /// The greeting in LMTP; the hostname stands before the text (RFC 2033 §4).
    GREETING_LMTP = 220, "LMTP postroom";
    /// EHLO, HELO or LHLO was accepted; the hostname stands before the text (RFC 5321 §4.1.1.1).
    HELLO = 250, "Hello";
    /// QUIT (RFC 5321 §4.1.1.10).
    BYE = 221 2 0 0, "Goodbye";
    /// NOOP or RSET (RFC 5321 §4.1.1.9, §4.1.1.5).
    OK = 250 2 0 0, "OK";
    /// HELP (RFC 5321 §4.1.1.8).
    HELP = 214 2 0 0, "See RFC 5321; people are reached at postmaster";
    /// VRFY, whatever the name: no answer tells whether it exists (RFC 5321 §3.5.3, §7.3).
    CANNOT_VERIFY = 252 2 5 0, "Cannot verify; send a message and see";
    /// EXPN: lists are not shown (RFC 5321 §7.3).
    NO_EXPN = 502 5 5 1, "EXPN is not offered here";
    /// The peer spoke before the greeting (RFC 5321 §3.1, §4.3.1).
    EARLY_TALKER = 554 5 5 1, "You spoke before the greeting";
    /// An HTTP request on a mail port (RFC 5321 §4.1.1).
    NOT_HTTP = 554 5 5 1, "This is a mail server; it does not speak HTTP";
    /// The server goes down or restarts (RFC 5321 §3.8).
    GOING_DOWN = 421 4 3 2, "Going down for a moment; try again later";
    /// A wait was over (RFC 5321 §4.5.3.2).
    TIMED_OUT = 421 4 4 2, "Waited too long";
    /// Our own part took too long or failed (RFC 5321 §3.8).
    FAULT = 421 4 3 0, "Trouble at our end; try again later";
    /// The session sent more commands than a session may (RFC 5321 §3.8).
    TOO_MANY_COMMANDS = 421 4 7 0, "Too many commands in one session";
    /// The session sent more MAIL commands than LIMITS says (RFC 9422 §4.1).
    TOO_MANY_TRANSACTIONS = 421 4 7 0, "Too many transactions in one session; connect again";
    /// The session made too many mistakes (RFC 5321 §3.8).
    TOO_MANY_ERRORS = 421 4 7 0, "Too many errors";
    /// The session failed to sign in too often (RFC 4954 §9).
    TOO_MANY_LOGINS = 421 4 7 0, "Too many failed attempts to sign in";

    // Syntax and sequence.

    /// A bare CR in a command (RFC 5321 §2.3.8).
    BARE_CR = 500 5 5 2, "Bare CR in a command; lines end with CRLF";
    /// A bare LF in a command (RFC 5321 §2.3.8).
    BARE_LF = 500 5 5 2, "Bare LF in a command; lines end with CRLF";
    /// A NUL in a command (RFC 5321 §4.1.2).
    NUL = 500 5 5 2, "NUL in a command";
    /// A command that is no UTF-8 (RFC 6531 §3.3).
    NOT_UTF8 = 500 5 5 2, "Command is not UTF-8";
    /// A command line above the limit (RFC 5321 §4.5.3.1.4).
    LINE_TOO_LONG = 500 5 5 2, "Line too long";
    /// A response to an AUTH challenge above the limit (RFC 4954 §4).
    AUTH_LINE_TOO_LONG = 500 5 5 6, "Authentication line too long";
    /// No such command here (RFC 5321 §4.2.4).
    UNKNOWN_COMMAND = 500 5 5 1, "Command not recognized";
    /// HELO or EHLO in LMTP, LHLO in SMTP (RFC 2033 §4.1).
    WRONG_HELLO = 500 5 5 1, "Wrong greeting for this protocol";
    /// A command that this port does not offer (RFC 5321 §4.2.4).
    NOT_OFFERED = 502 5 5 1, "Command not offered here";
    /// An argument is missing, malformed or too many (RFC 5321 §4.2.4).
    BAD_ARGUMENTS = 501 5 5 4, "Syntax error in arguments";
    /// A parameter is malformed or given twice (RFC 5321 §4.1.1.11, RFC 3461 §5.1).
    BAD_PARAMETER = 501 5 5 4, "Syntax error in a parameter";
    /// A parameter that is not offered (RFC 5321 §4.1.1.11).
    UNKNOWN_PARAMETER = 555 5 5 4, "Parameter not recognized or not offered";
    /// MAIL without a readable reverse-path (RFC 5321 §4.1.1.2).
    BAD_SENDER = 501 5 1 7, "Bad sender address syntax";
    /// RCPT without a readable forward-path (RFC 5321 §4.1.1.3).
    BAD_RECIPIENT = 501 5 1 3, "Bad recipient address syntax";
    /// A non-ASCII sender without SMTPUTF8 (RFC 6531 §3.5).
    SENDER_NEEDS_SMTPUTF8 = 550 5 6 7, "Non-ASCII sender without SMTPUTF8";
    /// A non-ASCII recipient without SMTPUTF8 (RFC 6531 §3.5).
    RECIPIENT_NEEDS_SMTPUTF8 = 553 5 6 7, "Non-ASCII recipient without SMTPUTF8";
    /// A transaction or AUTH before a hello (RFC 5321 §4.1.4).
    HELLO_FIRST = 503 5 5 1, "Say hello first";
    /// RCPT, DATA or BDAT outside a transaction (RFC 5321 §4.1.4).
    MAIL_FIRST = 503 5 5 1, "MAIL first";
    /// MAIL inside a transaction (RFC 5321 §4.1.4).
    NESTED_MAIL = 503 5 5 1, "A transaction is open already";
    /// DATA or BDAT without an accepted recipient (RFC 5321 §3.3).
    NO_RECIPIENTS = 503 5 5 1, "No valid recipients";
    /// DATA or RCPT after BDAT (RFC 3030 §2).
    CHUNKS_BEGUN = 503 5 5 1, "The message comes in chunks already";
    /// BDAT without a chunk size that can be followed; the session ends, since the octets behind
    /// it cannot be told from commands (RFC 3030 §2).
    BAD_CHUNK_SIZE = 501 5 5 4, "Bad chunk size; closing";
    /// AUTH or STARTTLS inside a transaction (RFC 4954 §4).
    NOT_IN_TRANSACTION = 503 5 5 1, "Not while a transaction is open";

    // TLS and signing in.

    /// STARTTLS was accepted (RFC 3207 §4).
    START_TLS = 220 2 0 0, "Go ahead with TLS";
    /// STARTTLS inside TLS (RFC 3207 §4.2).
    TLS_ALREADY = 503 5 5 1, "TLS is on already";
    /// STARTTLS after AUTH, which would forget the login (RFC 3207 §4.2).
    TLS_AFTER_LOGIN = 503 5 5 1, "STARTTLS comes before AUTH";
    /// A command before STARTTLS where that is required (RFC 3207 §4).
    TLS_FIRST = 530 5 7 0, "Must issue a STARTTLS command first";
    /// An AUTH challenge; it is the text (RFC 4954 §4).
    CHALLENGE = 334, "";
    /// AUTH succeeded (RFC 4954 §6).
    LOGGED_IN = 235 2 7 0, "Signed in";
    /// AUTH failed, whatever the cause (RFC 4954 §6).
    LOGIN_FAILED = 535 5 7 8, "Name or password is wrong";
    /// AUTH could not be decided (RFC 4954 §6).
    LOGIN_TROUBLE = 454 4 7 0, "Cannot check passwords just now; try again later";
    /// AUTH in clear text where that is not allowed (RFC 4954 §6).
    ENCRYPTION_FIRST = 538 5 7 11, "Encryption required before signing in";
    /// AUTH with a mechanism that is not offered (RFC 4954 §4).
    UNKNOWN_MECHANISM = 504 5 5 4, "Mechanism not offered";
    /// AUTH after AUTH (RFC 4954 §4).
    LOGGED_IN_ALREADY = 503 5 5 1, "Signed in already";
    /// The peer cancelled AUTH with `*` (RFC 4954 §4).
    LOGIN_CANCELLED = 501 5 7 0, "Signing in was cancelled";
    /// An AUTH response that is no base64 (RFC 4954 §4).
    BAD_BASE64 = 501 5 5 2, "Response is not base64";
    /// MAIL before AUTH where that is required (RFC 4954 §6, RFC 6409 §4.3).
    LOGIN_FIRST = 530 5 7 0, "Sign in first";

    // Transaction.

    /// MAIL was accepted (RFC 5321 §4.1.1.2).
    SENDER_NOTED = 250 2 1 0, "Sender noted";
    /// RCPT was accepted (RFC 5321 §4.1.1.3).
    RECIPIENT_NOTED = 250 2 1 5, "Recipient noted";
    /// The transaction has as many RCPT commands as it may (RFC 5321 §4.5.3.1.10, RFC 9422 §4.2).
    TOO_MANY_RECIPIENTS = 452 4 5 3, "Too many recipients; send the rest in another transaction";
    /// DATA was accepted (RFC 5321 §4.1.1.4).
    START_INPUT = 354, "End with a line that holds one dot";
    /// A chunk that is not the last was taken; the octets so far stand before the text
    /// (RFC 3030 §2).
    CHUNK_NOTED = 250 2 0 0, "octets noted";
    /// The message is durable; the host adds its queue id (RFC 5321 §4.1.1.4).
    MESSAGE_ACCEPTED = 250 2 0 0, "Message accepted";
    /// SIZE= or the octets received are above the limit (RFC 1870 §6).
    MESSAGE_TOO_BIG = 552 5 3 4, "Message too big";
    /// A bare CR in a message (RFC 5321 §2.3.8).
    BODY_BARE_CR = 550 5 6 0, "Bare CR in the message; lines end with CRLF";
    /// A bare LF in a message (RFC 5321 §2.3.8).
    BODY_BARE_LF = 550 5 6 0, "Bare LF in the message; lines end with CRLF";
    /// A NUL in a message (RFC 5322 §4).
    BODY_NUL = 550 5 6 0, "NUL in the message";

    // Verdicts of the host.

    /// A stranger named a recipient elsewhere (RFC 5321 §3.6.2).
    RELAY_DENIED = 550 5 7 1, "Relaying denied; sign in to send mail elsewhere";
    /// No such address here (RFC 5321 §4.1.1.3).
    NO_SUCH_ADDRESS = 550 5 1 1, "No such address here";
    /// The account takes no mail until the operator says otherwise (RFC 3463 §3.3).
    MAILBOX_DISABLED = 550 5 2 1, "That mailbox takes no mail";
    /// The sender's address belongs to somebody else (RFC 6409 §6.1).
    NOT_YOUR_ADDRESS = 553 5 7 1, "That sender address is not yours";
    /// Disk or database trouble of ours (RFC 5321 §4.2.2).
    TRY_LATER = 451 4 3 0, "Trouble at our end; try again later";
    /// The store is short of space or read-only (RFC 5321 §4.2.2).
    STORE_FULL = 452 4 3 1, "No room just now; try again later";
    /// The account is over its quota (RFC 5321 §4.2.2).
    OVER_QUOTA = 452 4 2 2, "The mailbox is full";
    /// The message alone is larger than the account's quota, so that no later try can succeed
    /// (RFC 5321 §4.2.2).
    ABOVE_QUOTA = 552 5 2 2, "The message is larger than the whole mailbox may be";
    /// Aliases stand for each other in a circle or too long a chain (RFC 3463 §3.5).
    ALIAS_LOOP = 550 5 4 6, "The aliases of that address lead in a circle";
    /// An alias stands for more addresses than may be (RFC 3463 §3.3).
    ALIAS_TOO_WIDE = 550 5 2 4, "That address stands for too many others";
    /// More Received fields than a message that does not loop has (RFC 5321 §6.3).
    TOO_MANY_HOPS = 554 5 4 6, "Too many hops; the message loops";
    /// The header section is above the limit (RFC 3463 §3.4).
    HEADER_TOO_BIG = 552 5 3 4, "Message header too big";
    /// A peer that the port is not open to (RFC 5321 §3.1).
    PORT_NOT_FOR_YOU = 554 5 7 1, "This port is not for you";
    /// A submitted message without exactly one From field (RFC 6409 §8.1, RFC 5322 §3.6).
    FROM_NOT_ONE = 554 5 6 0, "A message has exactly one From field";
    /// A submitted message from somebody else's address (RFC 6409 §6.1).
    FROM_NOT_YOURS = 550 5 7 1, "The From address is not yours";
    /// The peer, or all together, have more connections than they may (RFC 5321 §3.8).
    TOO_MANY_CONNECTIONS = 421 4 7 0, "Too many connections; try again later";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reply_is_consistent_and_fits_a_line() {
        for (name, reply) in ALL {
            assert!((200..=559).contains(&reply.code), "{name}");
            // RFC 2034 §4: the class repeats the first digit; 3xx have no enhanced code.
            match reply.enhanced {
                Some(EnhancedCode(class, _, _)) => {
                    assert_eq!(u16::from(class), reply.code / 100, "{name}");
                }
                None => assert!(matches!(reply.code, 220 | 250 | 334 | 354), "{name}"),
            }
            // RFC 5321 §4.5.3.1.5.
            assert!(reply.text.len() < 200 && reply.text.is_ascii(), "{name}");
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = ALL.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
