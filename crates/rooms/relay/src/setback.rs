//! What kept mail from being taken over, and whether it may be taken another time.

use std::borrow::Cow;

use postroom_delivery::conclude::{Diagnosis, Remote};
use postroom_mail::reply::{EnhancedCode, Reply};
use postroom_net::connect::ConnectError;
use postroom_smtp::client::{Cause, Ending, Extension, Stage, Unsent};

/// Why a message was not taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setback {
    pub(crate) diagnosis: Box<Diagnosis>,
    /// Whether there is no use in another try.
    pub(crate) is_final: bool,
}

impl Setback {
    /// In our own words; `status` tells whether it is final.
    pub(crate) fn new(status: EnhancedCode, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            is_final: status.0 == 5,
            diagnosis: Box::new(Diagnosis {
                status,
                text: text.into(),
                remote: None,
                reply: None,
            }),
        }
    }

    /// With the server that was spoken to.
    pub(crate) fn at(mut self, remote: &Remote) -> Self {
        self.diagnosis.remote = Some(remote.clone());
        self
    }

    /// Resting on a reply, whose class decides.
    pub(crate) fn by_reply(stage: Stage, reply: &Reply) -> Self {
        let class = if reply.is_permanent() { 5 } else { 4 };
        // An enhanced code that contradicts its reply says nothing (RFC 2034 §4).
        let status = reply
            .enhanced
            .filter(|enhanced| enhanced.0 == class)
            .unwrap_or(EnhancedCode(class, 0, 0));
        let mut setback = Self::new(status, format!("the server refused {}", stage.name()));
        setback.diagnosis.reply = Some(reply.clone());
        setback
    }

    /// As a setback that another try may get over.
    pub(crate) fn for_now(mut self) -> Self {
        self.is_final = false;
        self.diagnosis.status.0 = 4;
        self
    }

    /// Of a session that ended before it was ready for mail, or in the middle of a transaction;
    /// `None` when we ended it ourselves.
    pub(crate) fn of_session(ending: &Ending, how: &Result<(), ConnectError>) -> Option<Self> {
        match how {
            Err(ConnectError::Unreachable { source, .. }) => {
                let text = format!("the server cannot be reached: {}", source.kind());
                return Some(Self::new(EnhancedCode(4, 4, 1), text));
            }
            Err(ConnectError::Unanswered { .. }) => {
                let text = "the server did not accept the connection in time";
                return Some(Self::new(EnhancedCode(4, 4, 1), text));
            }
            Err(ConnectError::Broken(broken)) if broken.is_handshake() => {
                let text = "the TLS handshake failed";
                return Some(Self::new(EnhancedCode(4, 7, 5), text));
            }
            Err(ConnectError::Broken(_)) | Ok(()) => {}
        }
        by_cause(&ending.cause)
    }
}

fn by_cause(cause: &Cause) -> Option<Setback> {
    let lost = |what: &str, stage: Stage| {
        let text = format!("{what} at {}", stage.name());
        Setback::new(EnhancedCode(4, 4, 2), text)
    };
    Some(match cause {
        Cause::Quit | Cause::Drain => return None,
        // A password that is wrong is for the operator to mend; the senders can do nothing.
        Cause::Refused {
            stage: stage @ Stage::Login,
            reply,
        } => Setback::by_reply(*stage, reply).for_now(),
        Cause::Refused { stage, reply } => Setback::by_reply(*stage, reply),
        Cause::Lacks(Extension::StartTls) => Setback::new(
            EnhancedCode(4, 7, 4),
            "the server does not offer STARTTLS, which is required",
        ),
        Cause::Lacks(extension) => Setback::new(
            EnhancedCode(4, 7, 4),
            format!(
                "the server does not offer {} as we need it",
                extension.keyword()
            ),
        ),
        Cause::LoginInClear => Setback::new(
            EnhancedCode(4, 7, 4),
            "the password is not sent without TLS",
        ),
        Cause::Fault { stage, fault } => Setback::new(
            EnhancedCode(4, 5, 0),
            format!("the server talked nonsense at {}: {fault}", stage.name()),
        ),
        Cause::TimedOut(stage) => lost("the server did not answer in time", *stage),
        Cause::Closed(stage) => lost("the server ended the connection", *stage),
        Cause::Cut(stage) => lost("the connection broke", *stage),
    })
}

/// What the next hop does not offer, for a message that needs it.
pub(crate) fn by_unsent(unsent: Unsent) -> Setback {
    let status = match unsent {
        // RFC 6152 §3.
        Unsent::EightBit => EnhancedCode(5, 6, 3),
        // RFC 6531 §3.5.
        Unsent::SmtpUtf8 => EnhancedCode(5, 6, 7),
        // RFC 1870 §6.1.
        Unsent::TooBig { .. } => EnhancedCode(5, 3, 4),
        Unsent::SessionOver => EnhancedCode(4, 4, 2),
    };
    Setback::new(status, unsent.to_string())
}
