//! What of a session is told: one event for each transaction and login, and journal lines.

use std::time::Instant;

use postroom_mail::address::Address;
use postroom_mail::identifier::ArrivalId;
use postroom_mail::reply::Reply;
use postroom_runtime::telemetry::{LoginOutcome, Stage, TransactionOutcome};
use postroom_store::journal::JournalLine;

use super::{Session, Transaction};
use crate::stages::{Moment, Note};

/// A refusal, for the journal.
pub(super) struct Refusal<'r> {
    /// `connect`, `sender`, `recipient` or `message`.
    pub(super) what: &'static str,
    /// Which stage or part decided.
    pub(super) stage: &'static str,
    pub(super) recipient: Option<&'r Address>,
    pub(super) reply: &'r Reply,
}

/// An attempt to sign in.
pub(super) struct Attempt<'a> {
    pub(super) name: &'a str,
    pub(super) mechanism: &'static str,
    pub(super) started: Instant,
}

impl Session {
    /// The one event that ends a transaction; `stage` is what refused it.
    pub(super) fn tell_transaction(
        &self,
        transaction: &Transaction,
        outcome: TransactionOutcome,
        stage: Option<&str>,
        reply: Option<&Reply>,
    ) {
        let transactions = &self.inner().parts.telemetry.intake.transactions;
        transactions.at(self.peer.role).at(outcome).increment();
        let privacy = &self.inner().parts.privacy;
        let recipients = &transaction.recipients;
        // Where nobody was accepted, the first who was refused is what somebody will ask about.
        let refused = transaction
            .refused
            .as_ref()
            .filter(|_| recipients.is_empty());
        let first = recipients.first().map(|recipient| &recipient.address);
        let first = first.or(refused.map(|refused| &refused.address));
        tracing::info!(
            queue_id = %transaction.arrival,
            session = %format_args!("{:016x}", self.id),
            peer = %self.shown_peer(),
            account = self.login.as_ref().map(|login| &*login.name),
            sender = %privacy.reverse_path(&transaction.sender.reverse_path),
            recipient = first.map(|address| tracing::field::display(privacy.address(address))),
            recipients = recipients.len(),
            outcome = outcome.as_str(),
            stage = stage.or(refused.map(|refused| refused.stage)),
            reply = reply.map(|reply| reply.code),
            elapsed_ms = self.elapsed(transaction.started).0,
            "transaction"
        );
    }

    /// The one event that ends an attempt to sign in.
    pub(super) fn tell_login(
        &self,
        attempt: &Attempt<'_>,
        outcome: LoginOutcome,
        reply: Option<&Reply>,
    ) {
        let attempts = &self.inner().parts.telemetry.login.attempts;
        attempts.at(self.peer.role).at(outcome).increment();
        tracing::info!(
            session = %format_args!("{:016x}", self.id),
            peer = %self.shown_peer(),
            account = %self.inner().parts.privacy.name(attempt.name),
            mechanism = attempt.mechanism,
            outcome = outcome.as_str(),
            reply = reply.map(|reply| reply.code),
            elapsed_ms = self.elapsed(attempt.started).0,
            "login"
        );
    }

    /// Something was refused before there was a message: a line for the journal, without waiting.
    pub(super) fn tell_refusal(&self, refusal: &Refusal<'_>, transaction: Option<&Transaction>) {
        let Refusal {
            what,
            stage,
            recipient,
            reply,
        } = refusal;
        let refusals = &self.inner().parts.telemetry.intake.refusals;
        refusals.at(Stage::named(stage)).increment();
        tracing::debug!(
            session = %format_args!("{:016x}", self.id),
            stage,
            what,
            reply = reply.code,
            "refused"
        );
        let privacy = &self.inner().parts.privacy;
        let mut line = self.line(what, "refused", transaction);
        line.recipient = recipient.map(|address| privacy.address(address));
        line.reply = Some(format!("{} {stage}", reply.code).into());
        self.inner().parts.store.journal_later(vec![line]);
    }

    /// What stages found worth keeping, though it decided nothing.
    pub(super) fn tell_notes(&self, moment: Moment, notes: &[Note]) {
        let lines: Vec<_> = notes
            .iter()
            .map(|note| {
                let mut line = self.line(moment.as_str(), "noted", self.transaction.as_ref());
                line.reply = Some(note.0.into());
                line
            })
            .collect();
        if !lines.is_empty() {
            self.inner().parts.store.journal_later(lines);
        }
    }

    /// A journal line of this room with what is known of the session.
    pub(super) fn line(
        &self,
        what: &str,
        verdict: &str,
        transaction: Option<&Transaction>,
    ) -> JournalLine {
        let privacy = &self.inner().parts.privacy;
        JournalLine {
            time: self.inner().parts.clock.wall(),
            session: self.id,
            arrival: transaction.map(|open| open.arrival),
            message_id: None,
            room: "intake".into(),
            what: what.into(),
            sender: transaction.map(|open| privacy.reverse_path(&open.sender.reverse_path)),
            recipient: None,
            verdict: verdict.into(),
            reply: None,
            next_hop: None,
            peer: Some(self.shown_peer()),
            elapsed_us: transaction.map_or(0, |open| self.elapsed(open.started).1),
        }
    }

    pub(super) fn shown_peer(&self) -> Box<str> {
        let address = self.peer.address.ip().to_canonical();
        self.inner().parts.privacy.peer(address)
    }

    /// Milliseconds and microseconds since a moment.
    fn elapsed(&self, since: Instant) -> (u64, u64) {
        let elapsed = self.inner().parts.clock.now().duration_since(since);
        let whole = |number: u128| u64::try_from(number).unwrap_or(u64::MAX);
        (whole(elapsed.as_millis()), whole(elapsed.as_micros()))
    }
}

/// The text of the reply to an accepted message.
pub(super) fn accepted(arrival: ArrivalId) -> Reply {
    let reply = postroom_mail::reply::MESSAGE_ACCEPTED;
    let text = format!("{} as {arrival}", reply.text);
    reply.with_text(text)
}
