//! One connection to a next hop, from the side of the house: which message comes next, and what
//! came of the one before.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use postroom_delivery::conclude::Remote;
use postroom_mail::address::{Address, NonAscii, ReversePath};
use postroom_mail::envelope::{BodyType, Envelope, Notify, Recipient};
use postroom_mail::reply::EnhancedCode;
use postroom_net::connect::ConnectError;
use postroom_net::{Broken, Host};
use postroom_queue::queue::ATTEMPT_MAX;
use postroom_runtime::group::Token;
use postroom_smtp::client::{
    Answer, Cause, Client, Ending, Fate, Greeted, Moment, News, Outcome, Question, Source,
    SourceError, Stage, Transaction, Unsent,
};
use postroom_store::error::ReadError;
use postroom_store::row::Entry;

use crate::job::Job;
use crate::message::{Message, Unfit};
use crate::outcome::Verdict;
use crate::setback::Setback;
use crate::worker::Inner;

/// The host of one client machine.
#[derive(Debug)]
pub struct Session {
    inner: Arc<Inner>,
    destination: Arc<str>,
    remote: Remote,
    /// Asks the session to take no more work.
    drain: Token,
    greeted: Option<Greeted>,
    /// Whether the other end turned out to be this server.
    is_us: bool,
    flight: Option<Flight>,
    /// Transactions so far.
    served: u32,
    began: Began,
}

/// When the transaction in hand began; shared with whoever watches over it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Began(Arc<Mutex<Option<Instant>>>);

/// A job that the machine has.
#[derive(Debug)]
struct Flight {
    job: Job,
    message: Message,
    began: Instant,
}

impl Began {
    /// When it began, if there is one.
    pub(crate) fn at(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, at: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }
}

impl Host<Client> for Session {
    async fn answer(&mut self, question: Question) -> Answer {
        match question {
            Question::Ready(greeted) => {
                let own = &self.inner.parts.own;
                self.is_us =
                    own.has_name(&greeted.greeting_name) || own.has_name(&greeted.hello_name);
                if self.is_us {
                    return Answer::Quit;
                }
                self.greeted = Some(greeted);
                self.inner.pool.ready(&self.destination);
                self.next().await
            }
            Question::Ended(outcome) => {
                let is_last = outcome.is_last;
                self.ended(outcome).await;
                if is_last {
                    Answer::Quit
                } else {
                    self.next().await
                }
            }
        }
    }

    async fn body(&mut self, _octets: &[u8]) {}

    async fn news(&mut self) -> News {
        std::future::pending().await
    }

    fn drain() -> News {
        News::Drain
    }

    async fn read(&mut self, source: &mut Source, buffer: &mut Vec<u8>) -> io::Result<bool> {
        let Some(flight) = &mut self.flight else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let Some(entry) = flight.job.entries.first() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let store = self.inner.parts.delivery.store();
        flight.message.pass(store, entry, source, buffer).await
    }
}

impl Session {
    pub(crate) fn new(
        inner: Arc<Inner>,
        destination: Arc<str>,
        remote: Remote,
        drain: Token,
    ) -> Self {
        Self {
            inner,
            destination,
            remote,
            drain,
            greeted: None,
            is_us: false,
            flight: None,
            served: 0,
            began: Began::default(),
        }
    }

    /// For whoever watches over it.
    pub(crate) fn began(&self) -> Began {
        self.began.clone()
    }

    /// Whether the peer was ready for mail.
    pub(crate) fn was_ready(&self) -> bool {
        self.greeted.is_some()
    }

    /// Whether the peer said that it is this server.
    pub(crate) fn is_us(&self) -> bool {
        self.is_us
    }

    /// The next message that this peer can be given.
    async fn next(&mut self) -> Answer {
        while self.served < self.inner.settings.bounds.messages_per_session_max {
            let next = self.inner.pool.next(&self.destination);
            let Some(Some(job)) = self.drain.run_until_cancelled(next).await else {
                break;
            };
            if let Some(transaction) = self.prepare(job).await {
                self.served += 1;
                return Answer::Send(transaction);
            }
        }
        Answer::Quit
    }

    /// Makes a transaction of a job; what cannot be made one is concluded.
    async fn prepare(&mut self, mut job: Job) -> Option<Transaction> {
        let clock = &self.inner.parts.clock;
        if clock.wall().plus(ATTEMPT_MAX) > job.until {
            // It has waited here for too long; it is due again when its lease ends.
            let entries = job.entries.len();
            self.inner.pool.settled(&self.destination, entries);
            return None;
        }
        let began = clock.now();
        let extensions = self.greeted.as_ref()?.extensions;
        let recipients_max = extensions
            .recipients_max
            .and_then(|most| usize::try_from(most).ok());
        if let Some(rest) = recipients_max.and_then(|most| job.split(most)) {
            self.inner.pool.put_back(&self.destination, rest);
        }
        let Some((mut envelope, first)) = envelope(&job) else {
            let verdict = Verdict::Held("the entry has no address that could be sent to");
            self.conclude(job, verdict).await;
            return None;
        };
        let is_utf8 = !envelope_is_ascii(&envelope);
        let store = self.inner.parts.delivery.store();
        let fitted = match Message::read(store, &first).await {
            Ok(mut message) => message
                .fit(&extensions, is_utf8, store, &first)
                .await
                .map(|()| message),
            Err(error) => Err(error.into()),
        };
        let message = match fitted {
            Ok(message) => message,
            Err(unfit) => {
                let verdict = self.unfit(unfit);
                self.conclude(job, verdict).await;
                return None;
            }
        };
        envelope.smtputf8 = is_utf8 || message.is_utf8();
        if message.is_eight_bit() {
            envelope.body = BodyType::EightBitMime;
        }
        let octets = message.length();
        self.began.set(Some(began));
        self.flight = Some(Flight {
            job,
            message,
            began,
        });
        Some(Transaction { envelope, octets })
    }

    fn unfit(&self, unfit: Unfit) -> Verdict {
        match unfit {
            Unfit::Setback(setback) => Verdict::Not(setback.at(&self.remote)),
            Unfit::Read(error) => by_read(&error),
        }
    }

    async fn conclude(&self, job: Job, verdict: Verdict) {
        self.inner
            .conclude_all(&self.destination, job, verdict)
            .await;
    }

    /// A transaction is over.
    async fn ended(&mut self, outcome: Outcome) {
        let Some(flight) = self.flight.take() else {
            return;
        };
        let is_over = |fate: &Fate| matches!(fate, Fate::Unsent(Unsent::SessionOver));
        if !flight.job.is_retried && outcome.fates.iter().all(is_over) {
            return self.retry(flight.job);
        }
        let verdicts = outcome
            .fates
            .into_iter()
            .map(|fate| Verdict::of(fate, &self.remote, outcome.has_dsn))
            .collect();
        self.settle(flight, verdicts).await;
    }

    /// Keeps the outcome of the transaction in hand.
    async fn settle(&mut self, flight: Flight, verdicts: Vec<Verdict>) {
        let elapsed = self
            .inner
            .parts
            .clock
            .now()
            .saturating_duration_since(flight.began);
        self.inner
            .conclude(&self.destination, flight.job, verdicts, elapsed)
            .await;
        self.began.set(None);
    }

    /// The connection had gone before the transaction began: another will do, once.
    fn retry(&mut self, mut job: Job) {
        job.is_retried = true;
        self.began.set(None);
        self.inner.pool.put_back(&self.destination, job);
    }

    /// Settles what was in hand when the session ended.
    pub(crate) async fn settle_rest(&mut self, ending: &Ending, how: &Result<(), ConnectError>) {
        let Some(flight) = self.flight.take() else {
            return;
        };
        if let Some(verdict) = by_source(how) {
            let verdicts = vec![verdict; flight.job.entries.len()];
            return self.settle(flight, verdicts).await;
        }
        let setback = Setback::of_session(ending, how)
            .unwrap_or_else(|| Setback::new(EnhancedCode(4, 4, 2), "the session ended"));
        let (fates, setback) = match &ending.moment {
            Moment::Unready | Moment::Idle if !flight.job.is_retried => {
                return self.retry(flight.job);
            }
            Moment::Unready | Moment::Idle => (Vec::new(), setback),
            Moment::Unfinished(fates) => {
                // A connection that waited for work may have been closed meanwhile.
                let was_idle = self.served > 1 && !flight.job.is_retried;
                if was_idle && is_early(&ending.cause) && fates.iter().all(Option::is_none) {
                    return self.retry(flight.job);
                }
                (fates.clone(), setback)
            }
            Moment::Unknown(fates) => {
                let text = "the connection ended before the server answered to the message; \
                            it may have taken it all the same";
                (fates.clone(), Setback::new(EnhancedCode(4, 4, 2), text))
            }
        };
        let setback = setback.at(&self.remote);
        let mut fates = fates.into_iter();
        let verdicts = flight
            .job
            .entries
            .iter()
            .map(|_| match fates.next().flatten() {
                Some(fate) => Verdict::of(fate, &self.remote, false),
                None => Verdict::Not(setback.clone()),
            })
            .collect();
        self.settle(flight, verdicts).await;
    }
}

/// Whether the connection ended before the peer can have noticed the transaction.
fn is_early(cause: &Cause) -> bool {
    let (Cause::Closed(stage) | Cause::Cut(stage)) = cause else {
        return false;
    };
    matches!(stage, Stage::Mail | Stage::Reset)
}

/// A message that could not be read, or may not leave.
fn by_source(how: &Result<(), ConnectError>) -> Option<Verdict> {
    let Err(ConnectError::Broken(Broken::Source(error))) = how else {
        return None;
    };
    let inner = error.get_ref();
    if let Some(fault) = inner.and_then(|inner| inner.downcast_ref::<SourceError>()) {
        let text = format!("the message may not be sent: {fault}");
        return Some(Verdict::Not(Setback::new(EnhancedCode(5, 6, 0), text)));
    }
    let read = inner.and_then(|inner| inner.downcast_ref::<ReadError>());
    Some(read.map_or_else(trouble, by_read))
}

/// A message that is damaged waits for the operator; other trouble passes.
fn by_read(error: &ReadError) -> Verdict {
    tracing::warn!(%error, "a message of the queue cannot be read");
    match error {
        ReadError::Damaged { .. } => Verdict::Held("the message cannot be read"),
        _ => trouble(),
    }
}

fn trouble() -> Verdict {
    let text = "the message cannot be read now";
    Verdict::Not(Setback::new(EnhancedCode(4, 3, 0), text))
}

/// The envelope of a job and its first entry, by which its message is read; nothing when an
/// address in it is none.
fn envelope(job: &Job) -> Option<(Envelope, Entry)> {
    let first = job.entries.first()?;
    let reverse_path = if first.reverse_path.is_empty() {
        ReversePath::Null
    } else {
        let sender = Address::parse(&first.reverse_path, NonAscii::Allowed).ok()?;
        ReversePath::Address(sender)
    };
    let recipient = |entry: &Entry| {
        Some(Recipient {
            address: Address::parse(&entry.recipient, NonAscii::Allowed).ok()?,
            // What the sender did not say is not said for it (RFC 3461 §5.2.1).
            notify: entry.dsn.notify.filter(|notify| *notify != Notify::UNSAID),
            orcpt: entry.dsn.orcpt.clone(),
        })
    };
    let envelope = Envelope {
        reverse_path,
        recipients: job.entries.iter().map(recipient).collect::<Option<_>>()?,
        body: BodyType::SevenBit,
        smtputf8: false,
        ret: first.dsn.ret,
        envid: first.dsn.envid.clone(),
    };
    Some((envelope, first.clone()))
}

/// Whether every address can be said without SMTPUTF8.
fn envelope_is_ascii(envelope: &Envelope) -> bool {
    let sender = envelope.reverse_path.address();
    sender.is_none_or(Address::is_ascii)
        && envelope
            .recipients
            .iter()
            .all(|recipient| recipient.address.is_ascii())
}
