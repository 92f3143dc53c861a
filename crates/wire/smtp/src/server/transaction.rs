//! MAIL, RCPT and RSET (RFC 5321 §4.1.1.2, §4.1.1.3, §4.1.1.5).

use postroom_mail::address::NonAscii;
use postroom_mail::reply;
use postroom_wire::lines::Framed;

use super::host::{Answer, Question};
use super::outcome::Outcome;
use super::parameter::{self, Offer};
use super::profile::AuthPolicy;
use super::state::{Batch, Pending, Phase, Transaction};
use super::{Server, command_reply, line_reply};
use crate::command::{self, Command, Verb};

/// RCPT commands judged together at most.
const BATCH_MAX: usize = 64;

impl Server {
    pub(super) fn mail(&mut self, arguments: &str, phase: Phase) -> Outcome {
        if let Some(reply) = self.session.count_transaction(&self.profile.limits) {
            return Outcome::End(reply);
        }
        match phase {
            Phase::Connected => return Outcome::Refuse(reply::HELLO_FIRST, phase),
            Phase::Open(_) => return Outcome::Refuse(reply::NESTED_MAIL, phase),
            Phase::Greeted | Phase::Spoiled { .. } => {}
        }
        if self.profile.login_required && !self.session.logged_in {
            return Outcome::Refuse(reply::LOGIN_FIRST, phase);
        }
        match parameter::sender(arguments, self.offer()) {
            Ok(wish) => {
                let smtputf8 = wish.smtputf8;
                Outcome::Ask(Question::Sender(wish), Pending::Sender { smtputf8 })
            }
            Err(reply) => Outcome::Refuse(reply, phase),
        }
    }

    fn offer(&self) -> Offer {
        Offer {
            dsn: self.session.may_use_dsn(),
            auth: self.profile.auth != AuthPolicy::Off,
            size_octets_max: self.profile.limits.size_octets_max,
        }
    }

    pub(super) fn sender_answered(smtputf8: bool, answer: Answer) -> Outcome {
        let reply = answer.into_reply(&reply::SENDER_NOTED);
        let phase = if reply.is_positive() {
            Phase::Open(Transaction::new(if smtputf8 {
                NonAscii::Allowed
            } else {
                NonAscii::Refused
            }))
        } else {
            Phase::Greeted
        };
        Outcome::Reply(reply, phase)
    }

    /// Takes this RCPT, and those that are here already behind it: they are judged together.
    pub(super) fn rcpt(
        &mut self,
        transaction: Transaction,
        arguments: &str,
        unread: &[u8],
        taken: &mut usize,
    ) -> Outcome {
        let mut batch = Batch {
            transaction,
            replies: Vec::new(),
            wishes: Vec::new(),
        };
        self.add_recipient(&mut batch, arguments);
        while batch.replies.len() < BATCH_MAX && !batch.is_closing() {
            let rest = unread.get(*taken..).unwrap_or_default();
            if !command::begins_with_rcpt(rest) {
                break;
            }
            let (more, framed) = self.lines.take(rest, self.profile.limits.line_octets_max);
            *taken = taken.saturating_add(more);
            if matches!(framed, Framed::Dropped | Framed::Partial) {
                break;
            }
            self.add_line(&mut batch, &framed);
        }
        if batch.wishes.is_empty() {
            let replies = batch.replies.into_iter().flatten().collect();
            return Outcome::Replies(replies, Phase::Open(batch.transaction));
        }
        let wishes = std::mem::take(&mut batch.wishes);
        Outcome::Ask(Question::Recipients(wishes), Pending::Recipients(batch))
    }

    fn add_line(&mut self, batch: &mut Batch, framed: &Framed<'_>) {
        if let Some(reply) = self.session.count_command(&self.profile.limits) {
            batch.replies.push(Some(reply));
            return;
        }
        let refused = match framed {
            Framed::Line(line) => match Command::parse(line) {
                Ok(command) if command.verb == Verb::Rcpt => {
                    return self.add_recipient(batch, command.arguments);
                }
                Ok(_) => reply::UNKNOWN_COMMAND,
                Err(error) => command_reply(error),
            },
            Framed::Fault(fault) => line_reply(*fault),
            Framed::Dropped | Framed::Partial => return,
        };
        let reply = self.session.refuse(refused, &self.profile.limits);
        batch.replies.push(Some(reply));
    }

    fn add_recipient(&mut self, batch: &mut Batch, arguments: &str) {
        let limits = &self.profile.limits;
        let transaction = &mut batch.transaction;
        let judged = if transaction.chunks.is_some() {
            Err(reply::CHUNKS_BEGUN)
        } else if transaction.rcpt_commands >= limits.recipients_max {
            // 452 and not 552: the peer keeps what it has and sends the rest in another
            // transaction (RFC 5321 §4.5.3.1.10).
            Err(reply::TOO_MANY_RECIPIENTS)
        } else {
            transaction.rcpt_commands = transaction.rcpt_commands.saturating_add(1);
            parameter::recipient(arguments, transaction.non_ascii, self.offer())
        };
        match judged {
            Ok(wish) => {
                batch.replies.push(None);
                batch.wishes.push(wish);
            }
            Err(reply) => {
                let reply = self.session.refuse(reply, &self.profile.limits);
                batch.replies.push(Some(reply));
            }
        }
    }

    pub(super) fn recipients_answered(batch: Batch, answer: Answer) -> Outcome {
        let mut transaction = batch.transaction;
        let mut verdicts = answer.into_replies(&reply::RECIPIENT_NOTED);
        let mut replies = Vec::with_capacity(batch.replies.len());
        for known in batch.replies {
            let reply = known.unwrap_or_else(|| {
                let verdict = verdicts.next().unwrap_or(reply::TRY_LATER);
                let accepted = u32::from(verdict.is_positive());
                transaction.recipients = transaction.recipients.saturating_add(accepted);
                verdict
            });
            replies.push(reply);
        }
        Outcome::Replies(replies, Phase::Open(transaction))
    }

    pub(super) fn rset(arguments: &str, phase: Phase) -> Outcome {
        if !arguments.is_empty() {
            return Outcome::Refuse(reply::BAD_ARGUMENTS, phase);
        }
        match phase {
            Phase::Connected => Outcome::Reply(reply::OK, Phase::Connected),
            Phase::Greeted | Phase::Spoiled { .. } => Outcome::Reply(reply::OK, Phase::Greeted),
            Phase::Open(_) => Outcome::Abandon {
                reply: reply::OK,
                times: 1,
                phase: Phase::Greeted,
            },
        }
    }
}

impl Batch {
    /// Whether a reply in it ends the session.
    fn is_closing(&self) -> bool {
        matches!(self.replies.last(), Some(Some(reply)) if reply.is_closing())
    }
}
