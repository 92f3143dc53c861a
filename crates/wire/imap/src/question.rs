//! What the machine and its host say to each other.

use postroom_mail::flag::Flags;
use postroom_runtime::clock::Timestamp;
use postroom_wire::sasl::Credentials;

use crate::command::{AppendKind, Expunges, Mailbox, Parameter, Request};
use crate::response::Response;
use crate::response::status::Completion;

/// What the machine asks its host. One is out at a time.
#[derive(Debug)]
pub enum Question {
    /// LOGIN, or an AUTHENTICATE that has all it needs. Answer: [`Answer::Granted`] or
    /// [`Answer::Denied`].
    Authenticate(Credentials),
    /// A command. Answer: [`Answer::Page`] as often as needed, then [`Answer::Done`].
    Execute {
        /// The command.
        request: Box<Request>,
        /// Whether EXPUNGE responses may be among the answers.
        expunges: Expunges,
    },
    /// The next page of what was begun by `Execute` or `Poll`.
    More,
    /// An APPEND whose octets come next. Answer: [`Answer::Proceed`], or [`Answer::Done`] to
    /// refuse. After `Proceed` the octets come as `Next::Body`, then `AppendEnd`; a session that
    /// ends before has appended nothing.
    AppendBegin(Box<AppendBegin>),
    /// All octets of the APPEND are there. Answer: as to `Execute`.
    AppendEnd,
    /// The octets came but the command went wrong after them: forget them. Answer:
    /// [`Answer::Done`], whose completion is not printed.
    AppendAbandon,
    /// The client idles: what has changed? Answer: [`Answer::Page`] while there is more, then
    /// [`Answer::Changes`].
    Poll,
}

/// What the host answers.
#[derive(Debug)]
pub enum Answer {
    /// All that changed, or the last of it: to `Poll`.
    Changes(Vec<Response>),
    /// The last page and how the command ended.
    Done(Vec<Response>, Completion),
    /// One page; the machine prints it and asks for more.
    Page(Vec<Response>),
    /// To `Authenticate`: the session is logged in.
    Granted,
    /// To `Authenticate`: with the NO that the client gets.
    Denied(Completion),
    /// To `AppendBegin`: send the octets.
    Proceed,
    /// The session ends now with this BYE, whatever was asked.
    Bye(Completion),
}

/// What the machine is told unasked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// The house closes: BYE, after the command in hand.
    Drain,
    /// Something changed in the selected mailbox. Heard only in IDLE; before every other
    /// completion the host adds what changed by itself.
    Stir,
}

/// Octets that the driver streams from the host to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// By which the host knows what to send.
    pub ticket: u64,
    /// Exactly so many octets; if the host has fewer, the connection must close.
    pub octets: u64,
}

/// The head of an APPEND.
#[derive(Debug)]
pub struct AppendBegin {
    /// Where to.
    pub mailbox: Mailbox,
    /// Flags the message shall have.
    pub flags: Flags,
    /// Its internal date; now, if absent.
    pub date: Option<Timestamp>,
    /// Items of extensions.
    pub parameters: Vec<Parameter>,
    /// What its octets may be.
    pub kind: AppendKind,
    /// How many octets it has.
    pub octets: u64,
}
