//! One message after the other (RFC 5321 §3.3, RFC 2920, RFC 3030).

use std::time::{Duration, Instant};

use postroom_mail::reply::Reply;
use postroom_wire::machine::Next;
use postroom_wire::output::Output;

use super::extension::Extension;
use super::host::{Question, Transaction};
use super::open::{Body, Command, Open};
use super::outcome::{Fate, Fault, Outcome, Stage, Unsent};
use super::profile::Dialect;
use super::reply_reader::Heard;
use super::state::{Going, State};
use super::{Client, later};

/// The way in.
impl Client {
    pub(super) fn begin(
        &mut self,
        transaction: Transaction,
        now: Instant,
        out: &mut Output,
    ) -> Next<'static, Self> {
        let mut open = Box::new(Open::new(transaction));
        let obstacle = if self.session.going == Going::On {
            open.obstacle(&self.session.extensions)
        } else {
            Some(Unsent::SessionOver)
        };
        if let Some(obstacle) = obstacle {
            open.settle_all(&Fate::Unsent(obstacle));
        }
        if !open.has_recipients() {
            return self.conclude(*open, now);
        }
        self.count_transaction();
        if self.session.needs_reset {
            out.put(b"RSET\r\n");
            return self.wait(State::Reset(open), self.profile.timeouts.hello, now);
        }
        self.proceed(open, now, out)
    }

    pub(super) fn reset_heard(
        &mut self,
        open: Box<Open>,
        heard: Heard,
        now: Instant,
        out: &mut Output,
    ) -> Next<'static, Self> {
        if !heard.is_completion() {
            return self.refused(State::Reset(open), heard, now, out);
        }
        self.session.needs_reset = false;
        self.proceed(open, now, out)
    }

    /// The last transaction that the peer's LIMITS allow is the last of the session
    /// (RFC 9422 §4.1).
    fn count_transaction(&mut self) {
        self.session.transactions = self.session.transactions.saturating_add(1);
        let transactions_max = self.session.extensions.transactions_max;
        if transactions_max.is_some_and(|most| self.session.transactions >= most) {
            self.session.take_no_more();
        }
    }

    /// Writes what may be written, then waits, streams or concludes.
    fn proceed(
        &mut self,
        mut open: Box<Open>,
        now: Instant,
        out: &mut Output,
    ) -> Next<'static, Self> {
        let extensions = self.session.extensions;
        while let Some(command) = self.due(&open) {
            open.note_sent();
            match command {
                Command::Mail => open.write_mail(&extensions, out),
                Command::Recipient(place) => open.write_recipient(place, &extensions, out),
                Command::Data if extensions.offers(Extension::Chunking) => {
                    let source = open.write_chunk(out);
                    return self.stream(open, source, now);
                }
                Command::Data => out.put(b"DATA\r\n"),
            }
        }
        if open.is_quiet() {
            return self.conclude(*open, now);
        }
        let at_most = self.patience(open.stage());
        self.wait(State::Open(open), at_most, now)
    }

    /// The command that may be written now. Without PIPELINING each waits for the reply to the one
    /// before; BDAT and LMTP's DATA wait for a recipient as well, save where the message is small
    /// enough to follow its envelope at once.
    fn due(&self, open: &Open) -> Option<Command> {
        let extensions = &self.session.extensions;
        let is_pipelining = extensions.offers(Extension::Pipelining);
        let window = if is_pipelining {
            self.profile.limits.pipelined_max.max(1)
        } else {
            1
        };
        let command = open.next_command()?;
        let is_due = match command {
            Command::Mail => true,
            Command::Recipient(_) => !open.is_mail_refused(),
            Command::Data if !open.has_recipients() => false,
            Command::Data if open.is_envelope_heard() => true,
            Command::Data if self.profile.dialect == Dialect::Lmtp => false,
            Command::Data if extensions.offers(Extension::Chunking) => {
                is_pipelining && open.octets() <= self.profile.limits.eager_octets_max
            }
            Command::Data => is_pipelining,
        };
        (is_due && open.outstanding() < window).then_some(command)
    }

    fn stream(
        &mut self,
        open: Box<Open>,
        source: super::Source,
        now: Instant,
    ) -> Next<'static, Self> {
        self.state = State::Body(open);
        self.deadline = later(now, self.profile.timeouts.body);
        Next::Send(source)
    }

    pub(super) fn body_sent(
        &mut self,
        mut open: Box<Open>,
        now: Instant,
        out: &mut Output,
    ) -> Next<'static, Self> {
        open.set_body(Body::Sent);
        self.proceed(open, now, out)
    }

    fn patience(&self, stage: Stage) -> Duration {
        let timeouts = &self.profile.timeouts;
        match stage {
            Stage::Mail => timeouts.mail,
            Stage::Recipient => timeouts.recipient,
            Stage::Data => timeouts.data,
            _ => timeouts.end_of_data,
        }
    }
}

/// Replies.
impl Client {
    pub(super) fn open_heard(
        &mut self,
        mut open: Box<Open>,
        heard: Heard,
        now: Instant,
        out: &mut Output,
    ) -> Next<'static, Self> {
        if heard.is_closing() {
            return self.sent_away(*open, &heard.into_reply(), now);
        }
        match open.next_heard() {
            Some(Command::Data) if open.body() == Body::Unsent => {
                self.data_heard(open, heard, now, out)
            }
            _ if heard.is_intermediate() => {
                let code = heard.code;
                self.state = State::Open(open);
                self.fault(Fault::OutOfPlace(code))
            }
            Some(Command::Mail) => {
                open.note_heard();
                if heard.is_negative() {
                    open.refuse_mail(&heard.into_reply());
                } else {
                    self.session.needs_reset = true;
                }
                self.proceed(open, now, out)
            }
            Some(Command::Recipient(place)) => {
                open.note_heard();
                if heard.is_negative() {
                    open.refuse_recipient(place, heard.into_reply());
                }
                self.proceed(open, now, out)
            }
            _ => self.end_heard(open, heard, now),
        }
    }

    /// The reply to DATA.
    fn data_heard(
        &mut self,
        mut open: Box<Open>,
        heard: Heard,
        now: Instant,
        out: &mut Output,
    ) -> Next<'static, Self> {
        if heard.is_completion() {
            let code = heard.code;
            self.state = State::Open(open);
            return self.fault(Fault::OutOfPlace(code));
        }
        open.note_heard();
        if heard.is_negative() {
            open.refuse_all(Stage::Data, &heard.into_reply());
            return self.conclude(*open, now);
        }
        if open.has_recipients() {
            let source = open.lines();
            return self.stream(open, source, now);
        }
        // DATA was pipelined behind recipients none of whom was accepted (RFC 2920 §3.1).
        out.put(b".\r\n");
        open.set_body(Body::Void);
        let at_most = self.patience(Stage::EndOfData);
        self.wait(State::Open(open), at_most, now)
    }

    /// A reply to the end of the data, or to BDAT.
    fn end_heard(
        &mut self,
        mut open: Box<Open>,
        heard: Heard,
        now: Instant,
    ) -> Next<'static, Self> {
        // After a BDAT that failed nobody knows where the peer stands (RFC 3030 §2).
        let is_chunk = open.next_heard().is_some();
        let is_smtp = self.profile.dialect == Dialect::Smtp;
        self.session.needs_reset = is_chunk && is_smtp && heard.is_negative();
        if is_chunk {
            open.note_heard();
        }
        let is_accepted = heard.is_completion();
        let reply = heard.into_reply();
        let fate = if is_accepted {
            Fate::Accepted(reply)
        } else {
            let stage = Stage::EndOfData;
            Fate::Refused { stage, reply }
        };
        if is_smtp {
            open.settle_all(&fate);
            return self.conclude(*open, now);
        }
        open.settle_next(fate);
        if open.has_recipients() {
            let at_most = self.patience(Stage::EndOfData);
            return self.wait(State::Open(open), at_most, now);
        }
        self.conclude(*open, now)
    }

    /// 421: the peer ends the session, and with it what is open of the transaction
    /// (RFC 5321 §3.8).
    fn sent_away(&mut self, mut open: Open, reply: &Reply, now: Instant) -> Next<'static, Self> {
        open.refuse_all(open.stage(), reply);
        self.session.going = Going::Lost;
        self.conclude(open, now)
    }

    /// A reply in the middle of the body, read after its writing failed: a peer that says why it
    /// does not want the rest.
    pub(super) fn body_interrupted(
        &mut self,
        mut open: Box<Open>,
        heard: Heard,
    ) -> Next<'static, Self> {
        if heard.is_negative() {
            open.refuse_all(Stage::Body, &heard.into_reply());
        }
        self.state = State::Body(open);
        Next::Again
    }

    /// The transaction is over.
    fn conclude(&mut self, open: Open, now: Instant) -> Next<'static, Self> {
        let outcome = Outcome {
            fates: open.into_fates(),
            has_dsn: self.session.extensions.offers(Extension::Dsn),
            is_last: self.session.going != Going::On,
        };
        self.ask(Question::Ended(outcome), now)
    }
}
