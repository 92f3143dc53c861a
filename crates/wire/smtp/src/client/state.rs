//! Where a session stands.

use postroom_wire::machine::Tls;

use super::extension::Extensions;
use super::open::Open;
use super::outcome::{Moment, Stage};

/// What is waited for.
#[derive(Debug)]
pub(super) enum State {
    /// Not begun.
    Fresh,
    Greeting,
    Hello(HelloVerb),
    StartTls,
    /// TLS, after the peer agreed to STARTTLS.
    Handshake,
    /// The peer's word in an AUTH exchange; the responses still to give, the last first.
    Login(Vec<String>),
    /// The host's answer.
    Asking,
    /// The reply to RSET, before a transaction.
    Reset(Box<Open>),
    /// Replies of a transaction.
    Open(Box<Open>),
    /// The driver streams the message.
    Body(Box<Open>),
    Quitting,
    Ended,
}

/// How we introduce ourselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HelloVerb {
    Ehlo,
    Helo,
    Lhlo,
}

/// What a session knows of its peer and of itself.
#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) tls: Option<Tls>,
    pub(super) greeting_name: Box<str>,
    pub(super) hello_name: Box<str>,
    pub(super) extensions: Extensions,
    /// Whether the peer has refused STARTTLS.
    pub(super) has_no_tls: bool,
    /// MAIL commands so far.
    pub(super) transactions: u32,
    /// Whether the peer may hold a transaction that came to no end.
    pub(super) needs_reset: bool,
    pub(super) going: Going,
}

/// Whether a session takes another transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Going {
    #[default]
    On,
    /// It does not.
    Over,
    /// Nor is the peer there to be told goodbye.
    Lost,
}

impl Session {
    /// This transaction is the last, or there was none.
    pub(super) fn take_no_more(&mut self) {
        if self.going == Going::On {
            self.going = Going::Over;
        }
    }
}

impl State {
    /// What the peer is expected to reply to, or is just doing.
    pub(super) fn stage(&self) -> Stage {
        match self {
            Self::Fresh | Self::Greeting => Stage::Greeting,
            Self::Hello(_) => Stage::Hello,
            Self::StartTls | Self::Handshake => Stage::StartTls,
            Self::Login(_) => Stage::Login,
            Self::Reset(_) => Stage::Reset,
            Self::Open(open) => open.stage(),
            Self::Body(_) => Stage::Body,
            Self::Asking | Self::Quitting | Self::Ended => Stage::Quit,
        }
    }

    /// What the end of the session would interrupt.
    pub(super) fn moment(&self) -> Moment {
        match self {
            Self::Fresh
            | Self::Greeting
            | Self::Hello(_)
            | Self::StartTls
            | Self::Handshake
            | Self::Login(_) => Moment::Unready,
            Self::Asking | Self::Quitting | Self::Ended => Moment::Idle,
            Self::Open(open) if open.is_sent() => Moment::Unknown(open.fates()),
            Self::Reset(open) | Self::Open(open) | Self::Body(open) => {
                Moment::Unfinished(open.fates())
            }
        }
    }
}
