//! The list of policy stages, in the order in which they judge.
//!
//! A stage looks at a [`Case`] and says what it thinks; the first that does not pass decides. What
//! is refused for the sake of a recipient is refused at RCPT, so that the journal knows who was
//! affected.

mod early_talker;
mod from_is_own;
mod header_size;
mod hops;
mod lmtp_peer;
mod recipient_exists;
mod relay_denied;
mod sender_is_own;
mod submitted_fields;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use postroom_config::value::Senders;
use postroom_delivery::expand::{ExpandError, Expansion};
use postroom_directory::Directory;
use postroom_mail::address::Address;
use postroom_mail::identifier::{AccountId, ArrivalId};
use postroom_mail::reply::Reply;
use postroom_net::Peer;
use postroom_runtime::clock::Timestamp;
use postroom_smtp::server::{Dialect, SenderWish};

use crate::header::Header;
use crate::house::Limits;

/// All stages. Within a moment the order is the order here.
pub const STAGES: &[Stage] = &[
    lmtp_peer::LMTP_PEER,
    early_talker::EARLY_TALKER,
    sender_is_own::SENDER_IS_OWN,
    relay_denied::RELAY_DENIED,
    recipient_exists::RECIPIENT_EXISTS,
    header_size::HEADER_SIZE,
    hops::HOPS,
    from_is_own::FROM_IS_OWN,
    submitted_fields::SUBMITTED_FIELDS,
];

/// One named check.
pub struct Stage {
    /// As logs, journal and `postroom policy explain` name it.
    pub name: &'static str,
    /// When it judges.
    pub moment: Moment,
    pub(crate) judge: Judge,
}

pub(crate) type Judge = for<'a> fn(
    &'a Case<'a>,
    &'a Senses<'a>,
) -> Pin<Box<dyn Future<Output = Judgement> + Send + 'a>>;

/// When a stage judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before the greeting.
    Connect,
    /// At MAIL.
    Sender,
    /// At each RCPT.
    Recipient,
    /// At the end of the data.
    Message,
}

impl Moment {
    /// As the journal spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Sender => "sender",
            Self::Recipient => "recipient",
            Self::Message => "message",
        }
    }
}

/// What is known when a stage judges; later moments know more.
pub(crate) struct Case<'c> {
    pub(crate) dialect: Dialect,
    pub(crate) peer: &'c Peer,
    pub(crate) early_talker: bool,
    pub(crate) login: Option<&'c Login>,
    pub(crate) sender: Option<&'c SenderWish>,
    pub(crate) recipient: Option<Candidate<'c>>,
    pub(crate) message: Option<Arrived<'c>>,
}

impl Case<'_> {
    /// Whether the peer sends on its own behalf and may send anywhere.
    pub(crate) fn is_submission(&self, limits: &Limits) -> bool {
        let address = self.peer.address.ip().to_canonical();
        let is_allowed = || limits.relay_allow.contains(address);
        self.login.is_some() || (self.dialect == Dialect::Transfer && is_allowed())
    }
}

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    pub(crate) who: Who,
    /// Its own address, for the log.
    pub(crate) name: Box<str>,
}

/// Who is signed in.
#[derive(Debug, Clone)]
pub(crate) enum Who {
    Account(AccountId),
    Local(LocalUser),
}

/// A user of this machine.
#[derive(Debug, Clone)]
pub(crate) struct LocalUser {
    pub(crate) uid: u32,
    /// The user's name at this server's.
    pub(crate) address: Address,
    /// root, or whom the server runs as.
    pub(crate) is_trusted: bool,
}

impl Login {
    /// Whose addresses may be used.
    pub(crate) fn senders(&self, limits: &Limits) -> Senders {
        match &self.who {
            Who::Account(_) => limits.senders,
            Who::Local(user) if user.is_trusted => Senders::Any,
            Who::Local(_) => limits.local_senders,
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => account.fmt(f),
            Self::Local(user) => write!(f, "uid {}", user.uid),
        }
    }
}

/// A recipient that was named.
#[derive(Clone, Copy)]
pub(crate) struct Candidate<'c> {
    pub(crate) expansion: &'c Result<Expansion, ExpandError>,
}

/// A message that is whole.
#[derive(Clone, Copy)]
pub(crate) struct Arrived<'c> {
    pub(crate) arrival: ArrivalId,
    pub(crate) time: Timestamp,
    pub(crate) header: &'c Header,
}

/// What stages may ask.
pub(crate) struct Senses<'s> {
    pub(crate) directory: &'s Directory,
    pub(crate) limits: &'s Limits,
    /// Between user and detail of a sub-address.
    pub(crate) detail_separator: Option<char>,
}

/// What a stage says.
#[derive(Debug, Default)]
pub(crate) struct Judgement {
    pub(crate) verdict: Verdict,
    pub(crate) edits: Vec<Edit>,
    pub(crate) notes: Vec<Note>,
}

/// What a stage decides.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Go on.
    #[default]
    Pass,
    /// The peer may try again: a 4xx.
    Defer(Reply),
    /// The peer may not: a 5xx.
    Reject(Reply),
}

/// What a stage changes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    /// Puts a whole field, with its line end, above the message.
    AddField(String),
}

/// Something worth keeping in the journal that decided nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Note(pub(crate) &'static str);

impl Judgement {
    pub(crate) fn pass() -> Self {
        Self::default()
    }

    pub(crate) fn defer(reply: Reply) -> Self {
        Self {
            verdict: Verdict::Defer(reply),
            ..Self::default()
        }
    }

    pub(crate) fn reject(reply: Reply) -> Self {
        Self {
            verdict: Verdict::Reject(reply),
            ..Self::default()
        }
    }

    pub(crate) fn note(name: &'static str) -> Self {
        Self {
            notes: vec![Note(name)],
            ..Self::default()
        }
    }
}

/// What all stages of a moment said together.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The stage that decided against, with its reply.
    pub(crate) refusal: Option<(&'static str, Reply)>,
    pub(crate) edits: Vec<Edit>,
    pub(crate) notes: Vec<Note>,
}

/// Runs the stages of a moment, up to the first that does not pass.
pub(crate) async fn judge(moment: Moment, case: &Case<'_>, senses: &Senses<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    for stage in STAGES.iter().filter(|stage| stage.moment == moment) {
        let judgement = (stage.judge)(case, senses).await;
        outcome.edits.extend(judgement.edits);
        outcome.notes.extend(judgement.notes);
        match judgement.verdict {
            Verdict::Pass => {}
            Verdict::Defer(reply) | Verdict::Reject(reply) => {
                outcome.refusal = Some((stage.name, reply));
                break;
            }
        }
    }
    outcome
}

/// Whether an account may send as this address: its own ones, with any detail.
///
/// `None` when the directory cannot tell.
async fn may_send_as(login: &Login, address: &Address, senses: &Senses<'_>) -> Option<bool> {
    let account = match &login.who {
        Who::Account(account) => *account,
        Who::Local(user) => return Some(user.address.lookup_key() == address.lookup_key()),
    };
    let owns =
        |address: Address| async move { senses.directory.owns(account, &address).await.ok() };
    if owns(address.clone()).await? {
        return Some(true);
    }
    match senses.detail_separator {
        Some(separator) if address.plus_detail(separator).is_some() => {
            owns(address.without_detail(separator)).await
        }
        _ => Some(false),
    }
}
