//! Where a session stands.

use postroom_wire::sasl::Exchange;

use super::append::{Append, Swallowing};
use super::idle::Idling;
use super::run::Running;
use crate::command::Tag;
use crate::response::status::Completion;

/// The states of RFC 9051 §3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    NotAuthenticated,
    Authenticated,
    Selected,
}

/// What the session does at the moment. Boxed, so that a session at rest is small.
#[derive(Debug, Default)]
pub(super) enum State {
    /// It has not greeted.
    Fresh {
        /// Why it will not.
        refusal: Option<Completion>,
    },
    /// It reads a command.
    Reading,
    /// AUTHENTICATE waits for a response.
    Responding(Box<Responding>),
    /// The host judges a login.
    LoggingIn(Box<Tag>),
    /// The host executes a command, or its answer is printed.
    Running(Box<Running>),
    /// A message is appended.
    Appending(Box<Append>),
    /// Octets of a refused literal are thrown away.
    Swallowing(Box<Swallowing>),
    /// IDLE.
    Idling(Box<Idling>),
    /// TLS is being set up.
    Handshake,
    /// All is over.
    #[default]
    Ended,
}

/// An AUTHENTICATE under way.
#[derive(Debug)]
pub(super) struct Responding {
    pub(super) tag: Tag,
    pub(super) exchange: Exchange,
}
