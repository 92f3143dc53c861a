//! The end of a plan: who fails, who is told, and what becomes of the queue entry at hand.

use postroom_mail::envelope::{Notify, Recipient};
use postroom_mail::reply;
use postroom_store::operation::{EntryOutcome, Operation};

use super::planner::Planner;
use super::{Fate, Planned};
use crate::case::{Quota, Reports};
use crate::expand::{self, Target};
use crate::facts::{Fact, Missing};
use crate::report::Action;

impl Planner<'_, '_> {
    pub(super) fn finish(mut self) -> Result<Planned, Missing> {
        self.give_up_by_age();
        if self.case.entry.is_none() && self.planned.refusal().is_some() {
            self.planned.operations.clear();
        } else {
            if self.case.quota == Quota::OneReply {
                self.fail_the_refused();
            }
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
        let is_over = self.is_entry_at_hand()
            && self
                .case
                .entry
                .is_some_and(|attempt| self.schedule.next(attempt.entry, self.case.time).is_none());
        if let [fate @ Fate::Queued] = self.planned.fates.as_mut_slice()
            && is_over
        {
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
                self.report
                    .add(recipient, Action::Failed, Some(reply.clone()));
                Fate::Reported(reply)
            };
            if let Some(slot) = self.planned.fates.get_mut(index) {
                *slot = fate;
            }
        }
    }

    /// The rule by which a failure is not reported, if there is one.
    fn silence(&mut self, recipient: &Recipient) -> Option<&'static str> {
        let asked = recipient.notify.unwrap_or(Notify::FAILURE);
        if self.case.reports == Reports::Never {
            Some("sender-unproven")
        } else if self.case.envelope.reverse_path.address().is_none() {
            Some("null-sender")
        } else if !asked.contains(Notify::FAILURE) {
            Some("notify-never")
        } else if self.report_to().is_empty() {
            Some("sender-elsewhere")
        } else {
            None
        }
    }

    /// The accounts behind the reverse-path; empty when it is not here.
    fn report_to(&mut self) -> Vec<Target> {
        if let Some(known) = &self.report_to {
            return known.clone();
        }
        let found = self.case.reports_to().and_then(|sender| {
            expand::expand(sender, self.facts, self.limits, &mut self.missing).ok()
        });
        let mut targets = found.map(|found| found.targets).unwrap_or_default();
        targets.truncate(self.limits.inline_recipients_max);
        self.report_to = Some(targets.clone());
        targets
    }

    /// Puts the report into the sender's mailbox with the same commit.
    fn send_report(&mut self) {
        if self.report.is_empty() {
            return;
        }
        for target in self.report_to() {
            let inbox = self.facts.inbox(target.account, &mut self.missing);
            if let Some(Fact::Known(inbox)) = inbox {
                let delivery = self.report.delivery(self.case, &target, *inbox);
                self.planned.operations.push(Operation::Deliver(delivery));
            }
        }
    }

    /// The outcome of the queue entry at hand belongs to the same commit.
    fn settle_entry(&mut self) {
        let Some(attempt) = self.case.entry else {
            return;
        };
        let now = self.case.time;
        let outcome = match (attempt.progress, self.planned.fates.as_slice()) {
            (Some(done), _) => EntryOutcome::Progress { done },
            (None, [Fate::Queued]) if self.is_entry_at_hand() => EntryOutcome::Deferred {
                due: self.schedule.next(attempt.entry, now).unwrap_or(now),
                status: "4.3.0 the mailbox cannot take it now".into(),
            },
            (None, [Fate::Reported(reply) | Fate::Unreported(reply, _)])
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
