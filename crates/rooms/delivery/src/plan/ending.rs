//! The end of a plan: who fails, who is told, and what becomes of the queue entry at hand.

use std::sync::OnceLock;

use postroom_mail::address::{Address, ReversePath};
use postroom_mail::envelope::{BodyType, Envelope, Notify, Recipient};
use postroom_mail::reply;
use postroom_store::operation::{EntryOutcome, Operation};

use super::planner::Planner;
use super::{Fate, Planned, plan};
use crate::case::{Case, Quota, Relaying, Reports};
use crate::conclude::{Diagnosis, remember_delay};
use crate::expand::{self, ExpandError};
use crate::facts::Missing;
use crate::report::{self, Action, Line, Original};

impl Planner<'_, '_> {
    pub(super) fn finish(mut self) -> Result<Planned, Missing> {
        self.give_up_by_age();
        if self.case.entry.is_none() && self.planned.refusal().is_some() {
            self.planned.operations.clear();
        } else {
            if self.case.quota == Quota::OneReply {
                self.fail_the_refused();
            }
            self.tell_of_delay();
            self.send_report();
            self.settle_entry();
        }
        if self.missing.is_empty() {
            Ok(self.planned)
        } else {
            Err(self.missing)
        }
    }

    /// The entry at hand cannot be delivered and its time is over.
    fn give_up_by_age(&mut self) {
        let is_over = self.waits.is_some()
            && self
                .case
                .entry
                .is_some_and(|attempt| self.schedule.next(attempt.entry, self.case.time).is_none());
        if let [fate @ Fate::Queued] = self.planned.fates.as_mut_slice()
            && is_over
        {
            self.waits = None;
            *fate = Fate::Refused(reply::TRY_LATER.with_text("It was tried for too long"));
        }
    }

    /// The message is taken for others: whoever refuses it fails, and the sender is told unless a
    /// rule forbids it.
    fn fail_the_refused(&mut self) {
        let case = self.case;
        for (index, recipient) in case.envelope.recipients.iter().enumerate() {
            let Some(Fate::Refused(reply)) = self.planned.fates.get(index).cloned() else {
                continue;
            };
            let rule = self.silence(recipient);
            self.line(recipient, "failed", None, rule);
            let fate = if let Some(rule) = rule {
                Fate::Unreported(reply, rule)
            } else {
                self.report.add(Line::here(
                    recipient,
                    Action::Failed,
                    Some(&reply),
                    case.time,
                ));
                Fate::Reported(reply)
            };
            if let Some(slot) = self.planned.fates.get_mut(index) {
                *slot = fate;
            }
        }
    }

    /// The rule by which a failure is not reported, if there is one.
    fn silence(&mut self, recipient: &Recipient) -> Option<&'static str> {
        let case = self.case;
        let notify = match case.reports {
            Reports::AsAsked => Some(Notify::or_unsaid(recipient.notify)),
            Reports::Never => None,
        };
        let sender = case.envelope.reverse_path.address();
        report::silence(Action::Failed, sender, notify).or_else(|| self.sender_trouble(sender?))
    }

    /// A sender of ours that there is not gets no report.
    fn sender_trouble(&mut self, sender: &Address) -> Option<&'static str> {
        match expand::expand(sender, self.facts, self.limits, &mut self.missing) {
            Ok(_) | Err(ExpandError::Unavailable) => None,
            Err(_) => Some("sender-unknown"),
        }
    }

    /// The entry at hand has waited long, and its sender has not heard of that.
    fn tell_of_delay(&mut self) {
        let case = self.case;
        let (Some(why), Some(attempt)) = (self.waits, case.entry) else {
            return;
        };
        let [recipient] = case.envelope.recipients.as_slice() else {
            return;
        };
        let sender = case.reports_to();
        let notify = Some(Notify::or_unsaid(recipient.notify));
        if !attempt.tells_sender || report::silence(Action::Delayed, sender, notify).is_some() {
            return;
        }
        let diagnosis = Diagnosis {
            status: why.code,
            text: why.text.into(),
            remote: None,
            reply: None,
        };
        let ends = attempt.entry.created.plus(self.schedule.age_max);
        let address = recipient.address.to_string();
        let named = (&*address, recipient.orcpt.clone());
        let line = Line::not_reached(named, &diagnosis, case.time, Some(ends));
        self.report.add(line);
        let remembered = remember_delay(attempt.entry, self.schedule);
        self.planned.operations.push(remembered);
    }

    /// The report is one more message through the same door, planned into the same commit.
    fn send_report(&mut self) {
        let Some(sender) = self.case.reports_to().cloned() else {
            return;
        };
        if self.report.is_empty() {
            return;
        }
        let case = self.case;
        let composed = self.report.compose(&Original {
            id: case.arrival,
            queue_id: case
                .entry
                .map_or(case.arrival, |attempt| attempt.entry.arrival),
            arrived: case.arrived(),
            now: case.time,
            host: case.host,
            sender: &sender,
            ret: case.envelope.ret,
            envid: case.envelope.envid.as_deref(),
            octets: case.octets,
            size: case.octets.len() as u64,
        });
        let envelope = report_envelope(sender);
        let pieces = composed.around(case.pieces);
        let octets = composed.octets(case.octets);
        let case = Case {
            arrival: case.arrival,
            session: case.session,
            time: case.time,
            peer: None,
            privacy: case.privacy,
            host: case.host,
            envelope: &envelope,
            message_id: None,
            reports: Reports::Never,
            relaying: Relaying::Allowed,
            quota: Quota::OneReply,
            is_report: true,
            trace: b"",
            pieces: &pieces,
            octets: &octets,
            parsing: OnceLock::new(),
            entry: None,
        };
        match plan(&case, self.facts, self.limits, self.schedule) {
            Ok(report) => {
                self.planned.operations.extend(report.operations);
                self.planned.journal.extend(report.journal);
            }
            Err(missing) => self.missing.add(missing),
        }
    }

    /// The outcome of the queue entry at hand belongs to the same commit.
    fn settle_entry(&mut self) {
        let Some(attempt) = self.case.entry else {
            return;
        };
        let now = self.case.time;
        let fates = self.planned.fates.as_slice();
        let outcome = match (attempt.progress, self.waits, fates) {
            (Some(done), ..) => EntryOutcome::Progress { done },
            (None, Some(why), _) => EntryOutcome::Deferred {
                due: self.schedule.next(attempt.entry, now).unwrap_or(now),
                status: why.status().into(),
            },
            (None, None, [Fate::Reported(reply) | Fate::Unreported(reply, _)])
                if self.is_entry_at_hand() =>
            {
                EntryOutcome::Failed {
                    status: reply.text.as_ref().into(),
                }
            }
            _ => EntryOutcome::Done,
        };
        self.planned.operations.push(Operation::Settle {
            entry: attempt.entry.id,
            token: attempt.token,
            outcome,
        });
    }
}

/// Mail about mail has an empty sender (RFC 5321 §4.5.5).
pub(crate) fn report_envelope(sender: Address) -> Envelope {
    Envelope {
        reverse_path: ReversePath::Null,
        recipients: vec![Recipient {
            address: sender,
            notify: None,
            orcpt: None,
        }],
        body: BodyType::EightBitMime,
        smtputf8: false,
        ret: None,
        envid: None,
    }
}
