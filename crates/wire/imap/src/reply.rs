//! Every status that the machine gives by itself.

use crate::response::status::{Code, Completion, Status};

macro_rules! replies {
    ($($(#[$doc:meta])* $name:ident = $status:ident $($code:ident)?, $text:literal;)*) => {
        $($(#[$doc])* pub const $name: Completion =
            Completion::new(Status::$status, code!($($code)?), $text);)*

        /// All of them with their names.
        pub const REPLIES: &[(&str, Completion)] = &[$((stringify!($name), $name)),*];
    };
}

macro_rules! code {
    () => {
        None
    };
    ($code:ident) => {
        Some(Code::$code)
    };
}

replies! {
    /// The greeting (RFC 9051 §7.1.1).
    GREETING = Ok Capability, "postroom ready";
    /// A login succeeded (RFC 9051 §6.2.3).
    LOGGED_IN = Ok Capability, "Logged in";
    /// CAPABILITY (RFC 9051 §6.1.1).
    CAPABILITY_DONE = Ok, "Capability done";
    /// NOOP before login (RFC 9051 §6.1.2).
    NOOP_DONE = Ok, "Nothing done";
    /// LOGOUT (RFC 9051 §6.1.3).
    LOGOUT_DONE = Ok, "Logout done";
    /// ID (RFC 2971 §3.1).
    ID_DONE = Ok, "ID done";
    /// ENABLE (RFC 9051 §6.3.1).
    ENABLE_DONE = Ok, "Enable done";
    /// IDLE ended by DONE (RFC 9051 §6.3.13).
    IDLE_DONE = Ok, "Idle done";
    /// STARTTLS (RFC 9051 §6.2.1).
    TLS_BEGIN = Ok, "Begin TLS now";
    /// A wrong name or password, or none (RFC 9051 §7.1).
    LOGIN_FAILED = No AuthenticationFailed, "Wrong name or password";
    /// The client asked to act for another (RFC 4616 §2).
    LOGIN_FOR_ANOTHER = No AuthorizationFailed, "An account acts for itself only";
    /// No TLS (RFC 9051 §6.2.3).
    LOGIN_EXPOSED = No PrivacyRequired, "Passwords need TLS: STARTTLS first";
    /// No such SASL mechanism (RFC 9051 §6.2.2).
    MECHANISM_UNKNOWN = No Cannot, "No such mechanism";
    /// The client sent `*` (RFC 9051 §6.2.2).
    AUTHENTICATE_CANCELLED = Bad, "Authentication cancelled";
    /// Not base64 (RFC 9051 §6.2.2).
    AUTHENTICATE_ENCODING = Bad, "Response is not base64";
    /// Not what the mechanism wants (RFC 4616 §2).
    AUTHENTICATE_MALFORMED = Bad, "Response does not follow the mechanism";
    /// The command needs a login (RFC 9051 §3).
    LOGIN_FIRST = Bad, "Log in first";
    /// The command needs a mailbox (RFC 9051 §3.3).
    SELECT_FIRST = Bad, "Select a mailbox first";
    /// The command has its time before login (RFC 9051 §3.1).
    LOGGED_IN_ALREADY = Bad, "Logged in already";
    /// TLS is there already, or not offered (RFC 9051 §6.2.1).
    TLS_UNAVAILABLE = Bad, "TLS cannot be started";
    /// IDLE was ended by something else (RFC 9051 §6.3.13).
    DONE_EXPECTED = Bad, "DONE expected";
    /// A second message in one APPEND (RFC 3502 is not offered).
    APPEND_ONE = Bad, "One message in one APPEND";
    /// A message in UTF-8 before the client said that it knows them (RFC 6855 §4).
    APPEND_UTF8 = No Cannot, "ENABLE UTF8=ACCEPT first";
    /// The message is above the limit (RFC 7889 §3).
    APPEND_TOO_BIG = No TooBig, "Message is larger than APPENDLIMIT";
    /// A literal is above the limit (RFC 7888 §4).
    LITERAL_TOO_BIG = Bad TooBig, "Literals are larger than is taken";
    /// The same, where the client would send it all the same (RFC 7888 §4).
    BYE_LITERAL = Bye TooBig, "Literals are larger than is taken";
    /// A line too long, or with a bare CR, a bare LF or NUL in it (RFC 9051 §2.2).
    BYE_LINE = Bye ClientBug, "Line is too long or has bare CR, bare LF or NUL";
    /// Too many commands that are none.
    BYE_BAD_COMMANDS = Bye ClientBug, "Too many bad commands";
    /// Too many failed logins.
    BYE_FAILED_LOGINS = Bye, "Too many failed logins";
    /// The client was idle (RFC 9051 §5.4).
    BYE_IDLE = Bye, "Idle for too long";
    /// No login in time.
    BYE_NO_LOGIN = Bye, "No login in time";
    /// The host did not answer in time (RFC 5530 §3).
    BYE_OVERDUE = Bye Unavailable, "Answer takes too long";
    /// The host gave an answer that was not asked for (RFC 5530 §3).
    BYE_FAULT = Bye ServerBug, "Something is wrong here";
    /// LOGOUT (RFC 9051 §6.1.3).
    BYE_LOGOUT = Bye, "Goodbye";
    /// The server stops.
    BYE_DRAIN = Bye Unavailable, "Server is going down";
    /// There are too many sessions.
    BYE_CROWDED = Bye Limit, "Too many sessions";
}
