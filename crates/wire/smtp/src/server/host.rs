//! What the machine asks its host, and what it may be told.
//!
//! The machine owns sequence and the order of replies; the host decides and keeps the envelope and
//! the body. One question is out at a time.

use postroom_mail::address::{ForwardPath, ReversePath};
use postroom_mail::envelope::{BodyType, Notify, Ret};
use postroom_mail::reply::{self, Reply};
use postroom_wire::machine::Tls;
use postroom_wire::sasl::Credentials;

/// Put to the host with [`postroom_wire::machine::Next::Ask`].
///
/// Each names the [`Answer`]s it expects; [`Answer::Verdict`] with a 4xx or 5xx refuses any but
/// the last two, and one with code 421 also ends the session.
#[derive(Debug)]
pub enum Question {
    /// A peer is here, nothing has been said. [`Answer::Welcome`].
    Connect {
        /// The peer spoke before the greeting (RFC 5321 §3.1). On Transfer the machine refuses
        /// it unless the answer says [`Standing::Exempt`] or [`Standing::Trusted`].
        early_talker: bool,
    },
    /// EHLO, HELO or LHLO (RFC 5321 §4.1.1.1). [`Answer::Go`].
    ///
    /// An open transaction is over. After a handshake, what an earlier hello said is forgotten
    /// (RFC 3207 §4.2).
    Hello {
        /// Which of them.
        verb: HelloVerb,
        /// As the peer wrote it: printable ASCII, 1 to 255 octets, proves nothing.
        name: Box<str>,
        /// The encryption of this session.
        tls: Option<Tls>,
    },
    /// AUTH is complete (RFC 4954 §4). [`Answer::LoggedIn`]; a refusal should be
    /// `reply::LOGIN_FAILED` whatever the cause.
    Login(Credentials),
    /// MAIL, which opens a transaction (RFC 5321 §4.1.1.2). [`Answer::Verdict`].
    Sender(SenderWish),
    /// One RCPT, or several that came together (RFC 5321 §4.1.1.3). [`Answer::Verdicts`], one
    /// each in this order. The host keeps those that it gave a 2xx.
    Recipients(Vec<RecipientWish>),
    /// DATA or the first BDAT: may a body come now? [`Answer::Go`]; short of space,
    /// `reply::STORE_FULL`.
    Begin,
    /// The body is whole; the host has it from [`postroom_wire::machine::Next::Body`].
    /// [`Answer::Verdict`]; in LMTP [`Answer::Verdicts`], one for each recipient that the host
    /// accepted, in the order of RCPT (RFC 2033 §4.2). The transaction is over with the answer.
    ///
    /// A peer that goes away meanwhile is reported to the machine with `Event::Closed`; the
    /// driver tells the host by a means of its own, which looks there last before it commits,
    /// and delivers the answer nevertheless.
    Message {
        /// Octets of the body, transparency removed.
        octets: u64,
    },
    /// The open transaction is dropped: RSET, or the machine refused the body. What of it was
    /// gathered goes away. [`Answer::Go`].
    Abandoned,
    /// Asked once after each message that was accepted, before anything else: did the reply reach
    /// the peer (RFC 1047)? [`Answer::Go`].
    Settled {
        /// The peer went on with the session. When false, the connection ended before a next
        /// command: the peer may send the same message again. So it may when the connection
        /// broke and this was never asked.
        heard: bool,
    },
}

/// The host's answer to the one question that is out.
#[derive(Debug)]
pub enum Answer {
    /// Yes; the machine knows what to say.
    Go,
    /// The password is right.
    LoggedIn,
    /// One reply. To [`Question::Recipients`], and in LMTP to [`Question::Message`], it stands for
    /// each of them.
    Verdict(Reply),
    /// One reply each.
    Verdicts(Vec<Reply>),
    /// The peer may speak.
    Welcome(Standing),
}

/// How far a peer is trusted by its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not judged by behaviour before the greeting (`limits.exempt`).
    Exempt,
    /// Anybody.
    Stranger,
    /// One of ours: exempt, and may use DSN (RFC 3461). LMTP peers always are.
    Trusted,
}

/// What the machine may be told unasked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// The server goes down: finish the command in hand, then 421 (RFC 5321 §3.8).
    Drain,
}

/// The machine streams nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {}

/// How the peer introduced itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HelloVerb {
    /// EHLO: `with ESMTP` in Received (RFC 3848).
    Ehlo,
    /// HELO: `with SMTP`.
    Helo,
    /// LHLO: `with LMTP`.
    Lhlo,
}

/// What MAIL said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderWish {
    /// Where reports of failure go.
    pub reverse_path: ReversePath,
    /// SIZE=, at most `size_octets_max` (RFC 1870 §6).
    pub size_octets: Option<u64>,
    /// BODY= (RFC 6152 §2).
    pub body: BodyType,
    /// SMTPUTF8 (RFC 6531 §3.4).
    pub smtputf8: bool,
    /// RET= (RFC 3461 §4.3).
    pub ret: Option<Ret>,
    /// ENVID=, decoded from xtext (RFC 3461 §4.4).
    pub envid: Option<Box<str>>,
}

/// What RCPT said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientWish {
    /// To whom.
    pub forward_path: ForwardPath,
    /// NOTIFY= (RFC 3461 §4.1).
    pub notify: Option<Notify>,
    /// ORCPT=, `type;text`, the text decoded from xtext (RFC 3461 §4.2).
    pub orcpt: Option<Box<str>>,
}

impl Answer {
    /// The one reply this answer means, where `yes` is what is said to [`Answer::Go`].
    pub(super) fn into_reply(self, yes: &Reply) -> Reply {
        match self {
            Self::Go => yes.clone(),
            Self::Verdict(reply) => reply,
            Self::Verdicts(replies) => replies.into_iter().next().unwrap_or(reply::TRY_LATER),
            // An answer to another question is our own mistake, and no reason to accept.
            Self::LoggedIn | Self::Welcome(_) => reply::TRY_LATER,
        }
    }

    /// As [`Answer::into_reply`], but never a yes: `no` in its place.
    pub(super) fn into_refusal(self, no: &Reply) -> Reply {
        let reply = self.into_reply(no);
        if reply.is_positive() {
            no.clone()
        } else {
            reply
        }
    }

    /// One reply each for as many as there are; a single one is repeated without end.
    pub(super) fn into_replies(self, yes: &Reply) -> Box<dyn Iterator<Item = Reply>> {
        match self {
            Self::Verdicts(replies) => Box::new(replies.into_iter()),
            answer => Box::new(std::iter::repeat(answer.into_reply(yes))),
        }
    }
}
