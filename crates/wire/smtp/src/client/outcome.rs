//! How transactions and sessions end.

use postroom_mail::reply::Reply;
use postroom_wire::lines::LineFault;

use super::extension::Extension;

/// How a transaction ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// One for each recipient, in the order of the envelope.
    pub fates: Vec<Fate>,
    /// Whether the peer offers DSN and was told the wishes for reports (RFC 3461 §5.2.2).
    pub has_dsn: bool,
    /// The session takes no further transaction.
    pub is_last: bool,
}

/// What became of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The peer took the message over: its 2xx to the end of the data.
    Accepted(Reply),
    /// The peer said 4xx or 5xx. Text of more than one line is joined by spaces, free of control
    /// characters and bounded.
    Refused {
        /// To what.
        stage: Stage,
        /// In its own words.
        reply: Reply,
    },
    /// Nothing was sent, for a reason of ours.
    Unsent(Unsent),
}

/// What a reply is to, or was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The connection itself: the greeting.
    Greeting,
    /// EHLO, HELO or LHLO.
    Hello,
    /// STARTTLS, or the handshake after it.
    StartTls,
    /// AUTH.
    Login,
    /// RSET, before a transaction.
    Reset,
    /// MAIL.
    Mail,
    /// RCPT.
    Recipient,
    /// DATA.
    Data,
    /// The body, before its end.
    Body,
    /// The end of the data, or BDAT.
    EndOfData,
    /// QUIT.
    Quit,
}

impl Stage {
    /// As a person names it: `MAIL FROM`, `end of data`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Greeting => "greeting",
            Self::Hello => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Login => "AUTH",
            Self::Reset => "RSET",
            Self::Mail => "MAIL FROM",
            Self::Recipient => "RCPT TO",
            Self::Data => "DATA",
            Self::Body => "message body",
            Self::EndOfData => "end of data",
            Self::Quit => "QUIT",
        }
    }
}

/// Why nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsent {
    /// The body is 8-bit and the peer does not offer 8BITMIME (RFC 6152 §3).
    #[error("the message is 8-bit, which the next hop does not offer")]
    EightBit,
    /// The envelope or header is UTF-8 and the peer does not offer SMTPUTF8 (RFC 6531 §3.5).
    #[error("the message needs SMTPUTF8, which the next hop does not offer")]
    SmtpUtf8,
    /// The message is larger than the peer says it takes (RFC 1870 §6.1); 5.3.4.
    #[error("the message has {octets} octets, the next hop takes {octets_max}")]
    TooBig {
        /// Of the message.
        octets: u64,
        /// What SIZE says.
        octets_max: u64,
    },
    /// The session takes no further transaction: another is needed.
    #[error("the session takes no further message")]
    SessionOver,
}

/// How a session ended, as far as no [`super::Question::Ended`] told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// What was under way.
    pub moment: Moment,
    /// Why it ended.
    pub cause: Cause,
}

/// What was under way when a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The peer never became ready.
    Unready,
    /// No transaction was open; all that went before was told.
    Idle,
    /// The end of the data was not reached: no recipient got the message. One fate each; `None`
    /// where the peer had not refused.
    Unfinished(Vec<Option<Fate>>),
    /// The end of the data was sent, and no reply came: where there is no fate, the peer may or
    /// may not have taken the message over (RFC 1047).
    Unknown(Vec<Option<Fate>>),
}

/// Why a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// We wanted it so: QUIT.
    Quit,
    /// The house closes.
    Drain,
    /// The peer refused what the session cannot do without.
    Refused {
        /// What.
        stage: Stage,
        /// In its own words.
        reply: Reply,
    },
    /// The peer does not offer what the profile asks for: STARTTLS, or AUTH with a mechanism of
    /// ours.
    Lacks(Extension),
    /// AUTH is asked for, and there is no TLS for the password.
    LoginInClear,
    /// The peer talks nonsense.
    Fault {
        /// Instead of the reply to what.
        stage: Stage,
        /// Which nonsense.
        fault: Fault,
    },
    /// The peer let us wait too long.
    TimedOut(Stage),
    /// The peer ended the connection.
    Closed(Stage),
    /// The machine was not told, or not in words: whoever drove it knows.
    Cut(Stage),
}

/// Nonsense in place of a reply (RFC 5321 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A line that is no line.
    #[error("reply with a {0}")]
    Line(#[from] LineFault),
    /// A line that does not begin with a code from 200 to 599 and a space, hyphen or nothing.
    #[error("reply without a code")]
    NoCode,
    /// A reply whose lines have different codes (RFC 5321 §4.2.1).
    #[error("reply whose lines disagree about its code")]
    CodesDiffer,
    /// More lines than a reply may have.
    #[error("reply with too many lines")]
    TooManyLines,
    /// A code that does not belong here: 354 to MAIL, 250 to DATA.
    #[error("reply {0} is out of place")]
    OutOfPlace(u16),
}
