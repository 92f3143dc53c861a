//! One connection of this room: the answers to the questions of its machine.

mod envelope;
mod local;
mod login;
mod message;
mod story;

use std::io;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use postroom_delivery::facts::Facts;
use postroom_mail::address::Address;
use postroom_mail::envelope::Recipient;
use postroom_mail::identifier::ArrivalId;
use postroom_mail::reply::{self, Reply};
use postroom_net::{Host, Peer};
use postroom_runtime::clock::Timestamp;
use postroom_runtime::telemetry::TransactionOutcome;
use postroom_smtp::server::{
    Answer, Dialect, HelloVerb, News, Question, SenderWish, Source, Standing,
};
use postroom_wire::machine::{Machine, Tls};

use crate::gather::Gather;
use crate::house::{Inner, Intake};
use crate::repeat::Digest;
use crate::reserve::Reservation;
use story::Refusal;

use crate::stages::{self, Case, Login, Moment, Outcome, Senses};

/// A session of Submission, Transfer or LMTP: the host of one `postroom_smtp::server::Server`.
pub struct Session {
    house: Intake,
    dialect: Dialect,
    peer: Peer,
    /// For log and journal; ascending, as an arrival's.
    id: u64,
    connected: Timestamp,
    /// Whether the journal knows who this is.
    is_told: AtomicBool,
    hello: Option<Hello>,
    login: Option<Login>,
    transaction: Option<Transaction>,
    /// The last message that was accepted, until its reply is known to be heard.
    unsettled: Option<(Digest, ArrivalId)>,
}

/// How the peer introduced itself.
struct Hello {
    verb: HelloVerb,
    name: Box<str>,
    tls: Option<Tls>,
}

/// One MAIL up to the end of its data.
struct Transaction {
    arrival: ArrivalId,
    sender: SenderWish,
    recipients: Vec<Recipient>,
    /// The first RCPT that was refused, for the log.
    refused: Option<RefusedRecipient>,
    /// What RCPT learnt, for the plan.
    facts: Facts,
    /// Room promised in mailboxes with a quota.
    reservations: Vec<Reservation>,
    gather: Option<Gather>,
    started: Instant,
    /// Of its message, once the header was read.
    message_id: Option<Box<str>>,
}

/// A recipient whose RCPT was refused, and the stage or part that did.
struct RefusedRecipient {
    address: Address,
    stage: &'static str,
}

impl Session {
    /// A session of a peer that has just connected.
    pub fn new(house: Intake, dialect: Dialect, peer: Peer) -> Self {
        let connected = house.0.parts.clock.wall();
        Self {
            house,
            dialect,
            id: peer.session,
            peer,
            connected,
            is_told: AtomicBool::new(false),
            hello: None,
            login: None,
            transaction: None,
            unsettled: None,
        }
    }

    fn inner(&self) -> &Inner {
        &self.house.0
    }

    async fn answer(&mut self, question: Question) -> Answer {
        self.peer.note_command(command(&question));
        match question {
            Question::Connect { early_talker } => self.connect(early_talker).await,
            Question::Hello { verb, name, tls } => {
                self.abandon(TransactionOutcome::Abandoned);
                self.hello = Some(Hello { verb, name, tls });
                Answer::Go
            }
            Question::Login(credentials) => self.sign_in(&credentials).await,
            Question::Sender(wish) => Answer::Verdict(self.sender(wish).await),
            Question::Recipients(wishes) => Answer::Verdicts(self.recipients(wishes).await),
            Question::Begin => self.begin(),
            Question::Message { .. } => self.message().await,
            Question::Abandoned => {
                self.abandon(TransactionOutcome::Abandoned);
                Answer::Go
            }
            Question::Settled { heard } => {
                self.settled(heard).await;
                Answer::Go
            }
        }
    }

    async fn connect(&mut self, early_talker: bool) -> Answer {
        if let Some(uid) = self.peer.user {
            return self.welcome_local(uid).await;
        }
        let case = Case {
            early_talker,
            ..self.case()
        };
        if let Some((stage, reply)) = self.judge(Moment::Connect, &case).await.refusal {
            let refusal = Refusal {
                what: "connect",
                stage,
                recipient: None,
                reply: &reply,
            };
            self.tell_refusal(&refusal, None);
            return Answer::Verdict(reply);
        }
        Answer::Welcome(match self.dialect {
            Dialect::Lmtp => Standing::Trusted,
            _ if self.may_relay() => Standing::Trusted,
            _ if self.peer.is_exempt => Standing::Exempt,
            _ => Standing::Stranger,
        })
    }

    fn begin(&mut self) -> Answer {
        if !self.inner().parts.store.is_accepting() {
            return Answer::Verdict(reply::STORE_FULL);
        }
        let memory_max = self.inner().limits.body_memory_max;
        if let Some(transaction) = &mut self.transaction {
            let promised = transaction.sender.size_octets;
            transaction.gather = Some(Gather::new(promised, memory_max));
        }
        Answer::Go
    }

    /// The open transaction ends without a message.
    fn abandon(&mut self, outcome: TransactionOutcome) {
        if let Some(transaction) = self.transaction.take() {
            self.tell_transaction(&transaction, outcome, None, None);
            self.tell_end(&transaction, outcome, None);
        }
    }

    async fn settled(&mut self, heard: bool) {
        let Some((digest, arrival)) = self.unsettled.take() else {
            return;
        };
        let repeats = &self.inner().repeats;
        if !heard {
            let now = self.inner().parts.clock.wall();
            if let Err(error) = repeats.remember(digest, arrival, now).await {
                tracing::warn!(queue_id = %arrival, %error, "an unheard message is not remembered");
            }
        }
        repeats.settle(&digest);
    }

    /// What is known of the session, for a stage.
    fn case(&self) -> Case<'_> {
        Case {
            dialect: self.dialect,
            peer: &self.peer,
            early_talker: false,
            login: self.login.as_ref(),
            sender: None,
            recipient: None,
            message: None,
        }
    }

    async fn judge(&self, moment: Moment, case: &Case<'_>) -> Outcome {
        let inner = self.inner();
        let senses = Senses {
            directory: &inner.parts.directory,
            limits: &inner.limits,
            detail_separator: inner.parts.delivery.limits().detail_separator,
        };
        let outcome = stages::judge(moment, case, &senses).await;
        self.tell_notes(moment, &outcome.notes);
        outcome
    }

    /// Whether the peer may send anywhere.
    fn may_relay(&self) -> bool {
        self.case().is_submission(&self.inner().limits)
    }

    /// Whether the sender may be told what became of the message (RFC 3461).
    fn is_trusted(&self) -> bool {
        self.may_relay() || self.dialect == Dialect::Lmtp
    }
}

impl<M> Host<M> for Session
where
    M: Machine<Question = Question, Answer = Answer, News = News, Source = Source>,
{
    async fn answer(&mut self, question: Question) -> Answer {
        Self::answer(self, question).await
    }

    async fn body(&mut self, octets: &[u8]) {
        let house = self.house.clone();
        if let Some(gather) = self
            .transaction
            .as_mut()
            .and_then(|transaction| transaction.gather.as_mut())
        {
            gather.push(&house.0.parts.store, octets).await;
        }
    }

    async fn news(&mut self) -> News {
        // Drain is told by the driver; nothing else is.
        std::future::pending().await
    }

    fn drain() -> News {
        News::Drain
    }

    async fn read(&mut self, source: &mut Source, _buffer: &mut Vec<u8>) -> io::Result<bool> {
        match *source {}
    }

    async fn closed(&mut self) {
        self.abandon(TransactionOutcome::Lost);
        // A machine that was cut off could not ask: nobody knows what the peer heard.
        self.settled(false).await;
    }
}

/// What a session does, for whoever lists sessions.
fn command(question: &Question) -> &'static str {
    match question {
        Question::Connect { .. } => "greeting",
        Question::Hello { .. } => "EHLO",
        Question::Login(_) => "AUTH",
        Question::Sender(_) => "MAIL",
        Question::Recipients(_) => "RCPT",
        Question::Begin => "DATA",
        Question::Message { .. } => "end of data",
        Question::Abandoned => "RSET",
        Question::Settled { .. } => "idle",
    }
}

/// The reply that stands for a failure of the store.
fn store_reply(error: &postroom_store::error::CommitError) -> Reply {
    use postroom_store::error::{CommitError, Refused, Stopped};
    match error {
        CommitError::Refused(Refused::OverQuota { .. }) => reply::OVER_QUOTA,
        CommitError::Refused(Refused::TooLarge) => reply::MESSAGE_TOO_BIG,
        CommitError::NoRoom | CommitError::Stopped(Stopped::Database) => reply::STORE_FULL,
        // An account that went away meanwhile: the next try sees it gone.
        CommitError::Refused(_) | CommitError::Stopped(_) => reply::TRY_LATER,
    }
}
