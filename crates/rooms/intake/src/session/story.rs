//! What of a session is told: one event for each transaction and login, and journal lines.

use std::sync::atomic::Ordering;
use std::time::Instant;

use postroom_delivery::plan::Fate;
use postroom_delivery::privacy::printable;
use postroom_mail::address::Address;
use postroom_mail::envelope::Recipient;
use postroom_mail::identifier::ArrivalId;
use postroom_mail::reply::{self, Reply};
use postroom_runtime::telemetry::{LoginOutcome, Stage, TransactionOutcome};
use postroom_smtp::server::HelloVerb;
use postroom_store::journal::JournalLine;

use super::{Session, Transaction};
use crate::stages::{Moment, Note};

/// Recipients of one transaction without a message that the journal names.
const TOUCHED_MAX: usize = 100;

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
        if let Some(stage) = stage {
            self.count_refusal(stage);
        }
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
        let mechanism = attempt.mechanism;
        let mut line = self.line("login", outcome.as_str(), None);
        line.sender = Some(self.inner().parts.privacy.name(attempt.name));
        line.elapsed_us = self.elapsed(attempt.started).1;
        line.reply = Some(match reply {
            Some(reply) => spoken(reply, Some(mechanism)),
            None => mechanism.into(),
        });
        self.journal(vec![line]);
    }

    /// Something was refused before there was a message: a line for the journal, without waiting.
    pub(super) fn tell_refusal(&self, refusal: &Refusal<'_>, transaction: Option<&Transaction>) {
        let Refusal {
            what,
            stage,
            recipient,
            reply,
        } = refusal;
        self.count_refusal(stage);
        tracing::debug!(
            session = %format_args!("{:016x}", self.id),
            stage,
            what,
            reply = reply.code,
            "refused"
        );
        let privacy = &self.inner().parts.privacy;
        let mut line = self.line(what, verdict(reply), transaction);
        line.recipient = recipient.map(|address| privacy.address(address));
        line.reply = Some(spoken(reply, Some(stage)));
        // Who was refused at once has no story before that.
        if *what == "connect" {
            self.is_told.store(true, Ordering::Relaxed);
        }
        self.journal(vec![line]);
    }

    fn count_refusal(&self, stage: &str) {
        let refusals = &self.inner().parts.telemetry.intake.refusals;
        refusals.at(Stage::named(stage)).increment();
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
            self.journal(lines);
        }
    }

    /// What the journal is told with the commit of a message.
    pub(super) fn tell_accepted(
        &self,
        transaction: &Transaction,
        fates: &[Fate],
    ) -> Vec<JournalLine> {
        let mut lines: Vec<_> = self.opening().into_iter().collect();
        let mut line = self.line("message", "accepted", Some(transaction));
        line.reply = Some(spoken(&accepted(transaction.arrival), None));
        lines.push(line);
        lines.extend(self.refused_of(transaction, fates));
        lines
    }

    /// A transaction ended without a message: whom that touched, and why.
    pub(super) fn tell_end(
        &self,
        transaction: &Transaction,
        outcome: TransactionOutcome,
        refusal: Option<(&str, &Reply)>,
    ) {
        if transaction.recipients.is_empty() {
            return;
        }
        let privacy = &self.inner().parts.privacy;
        let recipient = |recipient: &Recipient| JournalLine {
            recipient: Some(privacy.address(&recipient.address)),
            reply: Some(spoken(&reply::RECIPIENT_NOTED, None)),
            ..self.line("recipient", "accepted", Some(transaction))
        };
        let touched = transaction.recipients.iter().take(TOUCHED_MAX);
        let mut lines: Vec<_> = touched.map(recipient).collect();
        let mut line = self.line("message", outcome.as_str(), Some(transaction));
        line.reply = refusal.map(|(stage, reply)| spoken(reply, Some(stage)));
        lines.push(line);
        self.journal(lines);
    }

    /// In LMTP every recipient refused for itself.
    pub(super) fn tell_each(&self, transaction: &Transaction, fates: &[Fate]) {
        let lines: Vec<_> = self.refused_of(transaction, fates).collect();
        self.journal(lines);
    }

    /// A transaction that was accepted before, unheard, came again.
    pub(super) fn tell_repeat(&self, transaction: &Transaction, reply: &Reply) {
        let mut line = self.line("message", "repeated", Some(transaction));
        line.reply = Some(spoken(reply, None));
        self.journal(vec![line]);
    }

    /// The journal did not get what it was told of this session.
    pub(super) fn tell_again(&self) {
        self.is_told.store(false, Ordering::Relaxed);
    }

    /// Lines of recipients that refuse once the body is whole.
    fn refused_of(
        &self,
        transaction: &Transaction,
        fates: &[Fate],
    ) -> impl Iterator<Item = JournalLine> {
        let pairs = transaction.recipients.iter().zip(fates).take(TOUCHED_MAX);
        pairs.filter_map(|(recipient, fate)| match fate {
            Fate::Refused(reply) => {
                let address = &recipient.address;
                Some(JournalLine {
                    recipient: Some(self.inner().parts.privacy.address(address)),
                    reply: Some(spoken(reply, None)),
                    ..self.line("message", verdict(reply), Some(transaction))
                })
            }
            _ => None,
        })
    }

    /// The line that opens the story of a session: with the first thing that is told of it.
    fn opening(&self) -> Option<JournalLine> {
        if self.is_told.swap(true, Ordering::Relaxed) {
            return None;
        }
        let mut line = self.line("connect", "accepted", None);
        line.time = self.connected;
        line.reply = self.hello.as_ref().map(|hello| {
            let name = self.inner().parts.privacy.host(&hello.name);
            let verb = match hello.verb {
                HelloVerb::Ehlo => "EHLO",
                HelloVerb::Helo => "HELO",
                HelloVerb::Lhlo => "LHLO",
            };
            match &hello.tls {
                Some(tls) => format!("{verb} {name}, {} {}", tls.version, tls.cipher).into(),
                None => format!("{verb} {name}, no TLS").into(),
            }
        });
        Some(line)
    }

    /// Lines for the journal, without waiting.
    fn journal(&self, lines: Vec<JournalLine>) {
        let all = self.opening().into_iter().chain(lines).collect();
        self.inner().parts.store.journal_later(all);
    }

    /// A journal line of this room with what is known of the session.
    fn line(&self, what: &str, verdict: &str, transaction: Option<&Transaction>) -> JournalLine {
        let privacy = &self.inner().parts.privacy;
        JournalLine {
            time: self.inner().parts.clock.wall(),
            session: self.id,
            arrival: transaction.map(|open| open.arrival),
            message_id: transaction.and_then(|open| open.message_id.clone()),
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

/// What a reply that is no 2xx means.
pub(super) fn outcome(reply: &Reply) -> TransactionOutcome {
    if reply.is_permanent() {
        TransactionOutcome::Refused
    } else {
        TransactionOutcome::Deferred
    }
}

/// The same as the journal spells it.
fn verdict(reply: &Reply) -> &'static str {
    outcome(reply).as_str()
}

/// A reply in one line, and the stage or part that decided it.
fn spoken(reply: &Reply, stage: Option<&str>) -> Box<str> {
    let Reply {
        code,
        enhanced,
        text,
    } = reply;
    let enhanced = enhanced.map_or_else(String::new, |enhanced| format!("{enhanced} "));
    let stage = stage.map_or_else(String::new, |stage| format!(" [{stage}]"));
    printable(&format!("{code} {enhanced}{text}{stage}")).into()
}
