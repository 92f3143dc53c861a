//! DATA (RFC 5321 §4.1.1.4) and BDAT (RFC 3030).

use std::time::Instant;

use postroom_mail::reply::{self, Reply};
use postroom_wire::machine::Next;
use postroom_wire::output::Output;

use super::Server;
use super::data_reader::{DataReader, DataStep};
use super::host::{Answer, Question};
use super::outcome::Outcome;
use super::session::later;
use super::state::{Chunk, Chunks, Data, Pending, Phase, Purpose, Refusal, State, Transaction};
use crate::command;
use crate::text_check::{TextCheck, TextFault};

/// DATA.
impl Server {
    pub(super) fn data_command(arguments: &str, phase: Phase) -> Outcome {
        match phase {
            _ if !arguments.is_empty() => Outcome::Refuse(reply::BAD_ARGUMENTS, phase),
            Phase::Open(transaction) if transaction.chunks.is_some() => {
                Outcome::Refuse(reply::CHUNKS_BEGUN, Phase::Open(transaction))
            }
            Phase::Open(transaction) if transaction.recipients == 0 => {
                Outcome::Refuse(reply::NO_RECIPIENTS, Phase::Open(transaction))
            }
            Phase::Open(transaction) => {
                Outcome::Ask(Question::Begin, Pending::BeginData(transaction))
            }
            phase => Outcome::Refuse(reply::MAIL_FIRST, phase),
        }
    }

    pub(super) fn data_answered(
        &self,
        transaction: Transaction,
        answer: Answer,
        now: Instant,
    ) -> Outcome {
        let reply = answer.into_reply(&reply::START_INPUT);
        if !reply.is_positive() {
            return Outcome::Reply(reply, Phase::Open(transaction));
        }
        let until = later(now, self.profile.timeouts.body_total);
        let data = Data {
            recipients: transaction.recipients,
            reader: DataReader::new(self.profile.limits.size_octets_max),
            until,
        };
        let deadline = self.block_deadline(now, until);
        Outcome::Enter(Some(reply::START_INPUT), State::Data(data), deadline)
    }

    pub(super) fn data<'i>(
        &mut self,
        mut data: Data,
        now: Instant,
        unread: &'i [u8],
        out: &mut Output,
    ) -> (usize, Next<'i, Self>) {
        let (taken, step) = data.reader.read(unread);
        if taken > 0 {
            self.deadline = self.block_deadline(now, data.until);
        }
        let next = match step {
            DataStep::Octets(octets) => Next::Body(octets),
            DataStep::Dropped => Next::Again,
            DataStep::Partial => Next::Read,
            DataStep::End(Err(fault)) => {
                let outcome = Outcome::Abandon {
                    reply: text_reply(fault),
                    times: self.replies_after_body(data.recipients),
                    phase: Phase::Greeted,
                };
                return (taken, self.apply(outcome, now, out));
            }
            DataStep::End(Ok(octets)) => {
                let outcome = message(octets, data.recipients);
                return (taken, self.apply(outcome, now, out));
            }
        };
        self.state = State::Data(data);
        (taken, next)
    }

    /// When the next octets of a body must be here.
    fn block_deadline(&self, now: Instant, until: Instant) -> Instant {
        later(now, self.profile.timeouts.body_block).min(until)
    }

    /// LMTP answers once for each recipient (RFC 2033 §4.2, §4.3).
    fn replies_after_body(&self, recipients: u32) -> u32 {
        if self.is_lmtp() { recipients } else { 1 }
    }

    pub(super) fn message_answered(&mut self, recipients: u32, answer: Answer) -> Outcome {
        let times = usize::try_from(self.replies_after_body(recipients)).unwrap_or(usize::MAX);
        // Without a clear word from the host nothing was accepted.
        let verdicts = match answer {
            Answer::Go => Answer::Verdict(reply::TRY_LATER).into_replies(&reply::TRY_LATER),
            answer => answer.into_replies(&reply::TRY_LATER),
        };
        let replies: Vec<Reply> = verdicts
            .chain(std::iter::repeat(reply::TRY_LATER))
            .take(times)
            .collect();
        if replies.iter().any(Reply::is_positive) {
            self.session.accept();
        }
        Outcome::Replies(replies, Phase::Greeted)
    }
}

/// BDAT.
impl Server {
    /// Takes a chunk, or takes and drops it: whatever is wrong, its octets are never commands.
    pub(super) fn bdat(&mut self, arguments: &str, phase: Phase, now: Instant) -> Outcome {
        let Some((remaining, last)) = command::chunk_arguments(arguments) else {
            return Outcome::End(reply::BAD_CHUNK_SIZE);
        };
        let until = later(now, self.profile.timeouts.body_total);
        let mut chunk = Chunk {
            remaining,
            last,
            purpose: Purpose::Refuse(Refusal {
                reply: reply::MAIL_FIRST,
                times: 1,
                abandons: false,
                phase: Phase::Connected,
            }),
            until,
        };
        match phase {
            Phase::Open(transaction) => match self.chunk_fault(&transaction, remaining) {
                Some(reply) => {
                    chunk.purpose =
                        Purpose::Refuse(self.spoil(reply, transaction.recipients, last));
                }
                None if transaction.chunks.is_none() => {
                    chunk.purpose = Purpose::Keep(Transaction {
                        chunks: Some(Chunks {
                            octets: 0,
                            text: TextCheck::default(),
                            until,
                        }),
                        ..transaction
                    });
                    return Outcome::Ask(Question::Begin, Pending::BeginChunk(chunk));
                }
                None => {
                    chunk.until = transaction.chunks.as_ref().map_or(until, |kept| kept.until);
                    chunk.purpose = Purpose::Keep(transaction);
                }
            },
            phase => chunk.purpose = Purpose::Refuse(self.stray_chunk(phase, last)),
        }
        self.take_chunk(chunk, now)
    }

    /// Why a chunk of an open transaction is refused.
    fn chunk_fault(&self, transaction: &Transaction, octets: u64) -> Option<Reply> {
        let so_far = transaction.chunks.as_ref().map_or(0, |kept| kept.octets);
        if transaction.recipients == 0 {
            Some(reply::NO_RECIPIENTS)
        } else if so_far.saturating_add(octets) > self.profile.limits.size_octets_max {
            Some(reply::MESSAGE_TOO_BIG)
        } else {
            None
        }
    }

    /// The transaction goes with the chunk that was refused.
    fn spoil(&self, reply: Reply, recipients: u32, last: bool) -> Refusal {
        let replies = self.replies_after_body(recipients);
        Refusal {
            reply,
            times: if last { replies } else { 1 },
            abandons: true,
            phase: if last {
                Phase::Greeted
            } else {
                Phase::Spoiled { replies }
            },
        }
    }

    /// A chunk without a transaction.
    fn stray_chunk(&self, phase: Phase, last: bool) -> Refusal {
        let (reply, times, phase) = match phase {
            phase if self.needs_tls() => (reply::TLS_FIRST, 1, phase),
            Phase::Connected => (reply::HELLO_FIRST, 1, phase),
            Phase::Spoiled { replies } if last => (reply::MAIL_FIRST, replies, Phase::Greeted),
            phase => (reply::MAIL_FIRST, 1, phase),
        };
        Refusal {
            reply,
            times,
            abandons: false,
            phase,
        }
    }

    pub(super) fn chunk_answered(&self, mut chunk: Chunk, answer: Answer, now: Instant) -> Outcome {
        let reply = answer.into_reply(&reply::START_INPUT);
        if let (false, Purpose::Keep(transaction)) = (reply.is_positive(), &chunk.purpose) {
            chunk.purpose = Purpose::Refuse(self.spoil(reply, transaction.recipients, chunk.last));
        }
        self.take_chunk(chunk, now)
    }

    fn take_chunk(&self, chunk: Chunk, now: Instant) -> Outcome {
        if chunk.remaining == 0 {
            return self.chunk_taken(chunk);
        }
        let deadline = self.block_deadline(now, chunk.until);
        Outcome::Enter(None, State::Chunk(chunk), deadline)
    }

    pub(super) fn chunk<'i>(
        &mut self,
        mut chunk: Chunk,
        now: Instant,
        unread: &'i [u8],
        out: &mut Output,
    ) -> (usize, Next<'i, Self>) {
        if chunk.remaining == 0 {
            let outcome = self.chunk_taken(chunk);
            return (0, self.apply(outcome, now, out));
        }
        let wanted = usize::try_from(chunk.remaining).unwrap_or(usize::MAX);
        let octets = unread.get(..wanted).unwrap_or(unread);
        let taken = octets.len();
        let count = u64::try_from(taken).unwrap_or(u64::MAX);
        chunk.remaining = chunk.remaining.saturating_sub(count);
        let next = if taken == 0 {
            Next::Read
        } else {
            self.deadline = self.block_deadline(now, chunk.until);
            match &mut chunk.purpose {
                Purpose::Keep(Transaction {
                    chunks: Some(kept), ..
                }) => {
                    kept.octets = kept.octets.saturating_add(count);
                    match kept.text.check(octets) {
                        Ok(()) => Next::Body(octets),
                        Err(_) => Next::Again,
                    }
                }
                _ => Next::Again,
            }
        };
        self.state = State::Chunk(chunk);
        (taken, next)
    }

    /// All octets of a chunk are here.
    fn chunk_taken(&self, chunk: Chunk) -> Outcome {
        let last = chunk.last;
        match chunk.purpose {
            Purpose::Refuse(refusal) => refusal.into_outcome(),
            Purpose::Keep(transaction) => {
                let (octets, verdict) = match &transaction.chunks {
                    Some(kept) if last => (kept.octets, kept.text.end()),
                    Some(kept) => (kept.octets, kept.text.so_far()),
                    None => (0, Ok(())),
                };
                match verdict {
                    Err(fault) => self
                        .spoil(text_reply(fault), transaction.recipients, last)
                        .into_outcome(),
                    Ok(()) if last => message(octets, transaction.recipients),
                    Ok(()) => {
                        let reply = reply::CHUNK_NOTED.with_lead(octets);
                        Outcome::Reply(reply, Phase::Open(transaction))
                    }
                }
            }
        }
    }
}

impl Refusal {
    fn into_outcome(self) -> Outcome {
        match (self.abandons, self.times) {
            (true, times) => Outcome::Abandon {
                reply: self.reply,
                times,
                phase: self.phase,
            },
            (false, 1) => Outcome::Refuse(self.reply, self.phase),
            (false, times) => {
                let times = usize::try_from(times).unwrap_or_default();
                Outcome::Replies(vec![self.reply; times], self.phase)
            }
        }
    }
}

/// The body is whole.
fn message(octets: u64, recipients: u32) -> Outcome {
    Outcome::Ask(
        Question::Message { octets },
        Pending::Message { recipients },
    )
}

fn text_reply(fault: TextFault) -> Reply {
    match fault {
        TextFault::BareCr => reply::BODY_BARE_CR,
        TextFault::BareLf => reply::BODY_BARE_LF,
        TextFault::Nul => reply::BODY_NUL,
        TextFault::TooBig => reply::MESSAGE_TOO_BIG,
    }
}
