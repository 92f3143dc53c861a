//! One recipient after the other into the plan.

use std::collections::HashMap;

use postroom_mail::envelope::{Notify, Recipient};
use postroom_mail::identifier::{AccountId, MailboxId};
use postroom_mail::reply;
use postroom_queue::schedule::Schedule;
use postroom_store::journal::JournalLine;
use postroom_store::operation::{Delivery, DsnWish, NextHop, Operation};

use super::{Fate, Planned};
use crate::case::{Case, Quota, Reports};
use crate::expand::{ExpandError, Expansion, Limits, Target};
use crate::facts::{Fact, Facts, Missing};
use crate::report::{Action, Report};
use crate::trace;

/// A plan in the making.
pub(super) struct Planner<'p, 'm> {
    pub(super) case: &'p Case<'m>,
    pub(super) facts: &'p Facts,
    pub(super) limits: &'p Limits,
    pub(super) schedule: &'p Schedule,
    /// Distinct accounts that the message is for.
    pub(super) mailboxes: usize,
    /// Mailboxes that this commit may still fill.
    pub(super) room: usize,
    pub(super) missing: Missing,
    pub(super) taken: HashMap<AccountId, Taken>,
    /// Accounts that get reports, once asked for.
    pub(super) report_to: Option<Vec<Target>>,
    pub(super) planned: Planned,
    pub(super) report: Report,
}

/// What this commit does for an account, whichever recipient led to it first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Placed,
    Queued,
    /// Nothing: the mailbox is full, and says so to whoever names it.
    Full,
    /// Nothing: the message alone is above its quota.
    Never,
}

/// How one account's copy went.
enum Part {
    Placed,
    /// For the queue: its mailbox cannot be asked, or is full.
    Later(&'static str),
    Full,
    /// No later try can succeed.
    Never,
}

impl Planner<'_, '_> {
    /// A recipient that stands for at least one account.
    pub(super) fn take(&mut self, recipient: &Recipient, expansion: &Expansion) -> Fate {
        let fresh: Vec<&Target> = expansion
            .targets
            .iter()
            .filter(|target| !self.taken.contains_key(&target.account))
            .collect();
        for lost in &expansion.lost {
            let hop = self.case.privacy.address(lost).into();
            self.line(recipient, "dropped", Some(hop), Some("member-unknown"));
        }
        if fresh.len() > self.room {
            return self.expand_later(recipient, expansion, &fresh);
        }
        for target in fresh {
            match self.place(target) {
                Part::Placed => self.line(recipient, "delivered", Some(self.hop(target)), None),
                Part::Later(status) => self.place_later(recipient, expansion, target, status),
                // A list has no reply of its own for one of its members.
                Part::Full | Part::Never if expansion.is_list => {
                    self.place_later(recipient, expansion, target, "4.2.2 mailbox is full");
                }
                Part::Full => self.place_not(recipient, target, Taken::Full),
                Part::Never => self.place_not(recipient, target, Taken::Never),
            }
        }
        self.settle_members(recipient, expansion)
    }

    /// The fate of a recipient from those of its accounts.
    fn settle_members(&mut self, recipient: &Recipient, expansion: &Expansion) -> Fate {
        let all = expansion
            .targets
            .iter()
            .filter_map(|target| self.taken.get(&target.account));
        let mut taken = all
            .clone()
            .filter(|taken| !matches!(taken, Taken::Full | Taken::Never))
            .peekable();
        if taken.peek().is_none() {
            let may_fit_later = all.clone().any(|taken| *taken == Taken::Full);
            return Fate::Refused(if may_fit_later {
                reply::OVER_QUOTA
            } else {
                reply::ABOVE_QUOTA
            });
        }
        let is_queued = taken.all(|taken| *taken == Taken::Queued);
        if expansion.is_list || !is_queued {
            self.succeed(recipient, expansion.is_list);
        }
        if is_queued {
            Fate::Queued
        } else {
            Fate::Delivered
        }
    }

    /// NOTIFY=SUCCESS: a list is reported as expanded, and its members are not reported when they
    /// are delivered (RFC 3461 §5.2.7.3 c).
    fn succeed(&mut self, recipient: &Recipient, is_list: bool) {
        let is_wanted = recipient
            .notify
            .is_some_and(|notify| notify.contains(Notify::SUCCESS));
        if is_wanted {
            let action = if is_list {
                Action::Expanded
            } else {
                Action::Delivered
            };
            self.report.add(recipient, action, None);
        }
    }

    /// Puts the copy of one account into the plan.
    fn place(&mut self, target: &Target) -> Part {
        let case = self.case;
        let inbox = match self.facts.inbox(target.account, &mut self.missing) {
            Some(Fact::Known(inbox)) => *inbox,
            // Answered with `missing`; what is planned until then is thrown away.
            None => return self.took(target, Taken::Placed),
            Some(Fact::Gone | Fact::Unavailable) => return Part::Later("4.3.0 mailbox not found"),
        };
        let is_answered = case.quota == Quota::ReplyEach || self.is_alone();
        if is_answered && target.quota.is_some_and(|quota| case.size() > quota) {
            return Part::Never;
        }
        if let Some(quota) = target.quota
            && (self.mailboxes > 1 || case.entry.is_some() || self.limits.quota.is_some())
            && let Some(Fact::Known(used)) = self.facts.usage(target.account, &mut self.missing)
        {
            let need = used.saturating_add(case.size());
            match case.quota {
                Quota::ReplyEach if need > quota => return Part::Full,
                Quota::OneReply if self.is_alone() && need > quota => return Part::Full,
                Quota::OneReply if need > with_grace(quota) => {
                    return Part::Later("4.2.2 mailbox is full");
                }
                Quota::OneReply | Quota::ReplyEach => {}
            }
        }
        let delivery = self.delivery(target, inbox);
        self.planned.operations.push(Operation::Deliver(delivery));
        self.room = self.room.saturating_sub(1);
        self.took(target, Taken::Placed)
    }

    fn took(&mut self, target: &Target, taken: Taken) -> Part {
        self.taken.insert(target.account, taken);
        Part::Placed
    }

    fn delivery(&self, target: &Target, mailbox: MailboxId) -> Delivery {
        let case = self.case;
        let head = trace::account_head(case, &target.address);
        Delivery {
            account: target.account,
            mailbox,
            flags: postroom_mail::flag::Flags::default(),
            received: case.time,
            parsed: case.parsing().below(head.len() - case.trace.len()),
            rendering: trace::rendering(head, case.pieces),
            quota: case.quota_rule(self.mailboxes),
        }
    }

    /// One account gets no copy; no other recipient brings it one.
    fn place_not(&mut self, recipient: &Recipient, target: &Target, taken: Taken) {
        self.took(target, taken);
        self.line(recipient, "refused", Some(self.hop(target)), Some("quota"));
    }

    /// One account's copy waits; the entry at hand goes on waiting by itself.
    fn place_later(
        &mut self,
        recipient: &Recipient,
        expansion: &Expansion,
        target: &Target,
        status: &'static str,
    ) {
        if !self.is_entry_at_hand() {
            let wish = self.wish(recipient, expansion.is_list);
            self.enqueue(target.address.to_string(), NextHop::Local, wish);
        }
        self.took(target, Taken::Queued);
        self.line(recipient, "queued", Some(self.hop(target)), Some(status));
    }

    /// More members than one commit fills: the rest of the message's recipients go to the worker,
    /// with the members as they are now.
    fn expand_later(
        &mut self,
        recipient: &Recipient,
        expansion: &Expansion,
        fresh: &[&Target],
    ) -> Fate {
        self.room = 0;
        let members: Vec<Box<str>> = fresh
            .iter()
            .map(|target| target.address.to_string().into())
            .collect();
        for target in fresh {
            self.took(target, Taken::Queued);
        }
        let count = members.len();
        let next_hop = if count == 1 {
            NextHop::Local
        } else {
            NextHop::Expand { members, done: 0 }
        };
        let name = match (&next_hop, fresh) {
            (NextHop::Local, [only]) => only.address.to_string(),
            _ => recipient.address.to_string(),
        };
        let wish = self.wish(recipient, expansion.is_list);
        self.enqueue(name, next_hop, wish);
        let hop = Some(format!("{count} members"));
        self.line(recipient, "queued", hop, None);
        if expansion.is_list {
            self.succeed(recipient, true);
        }
        Fate::Queued
    }

    fn enqueue(&mut self, recipient: String, next_hop: NextHop, dsn: DsnWish) {
        let case = self.case;
        let entry = postroom_queue::admit::Admission {
            reverse_path: &case.envelope.reverse_path,
            recipient: recipient.into(),
            next_hop,
            due: case.time,
            dsn,
            rendering: trace::rendering(case.trace.to_vec(), case.pieces),
        };
        self.planned.operations.push(entry.operation());
    }

    /// A recipient that stands for no account now.
    pub(super) fn cannot(&mut self, recipient: &Recipient, error: ExpandError) -> Fate {
        if error == ExpandError::Unavailable && !self.is_alone() {
            if !self.is_entry_at_hand() {
                let wish = self.wish(recipient, false);
                self.enqueue(recipient.address.to_string(), NextHop::Local, wish);
            }
            self.line(recipient, "queued", None, Some("4.3.0 directory trouble"));
            return Fate::Queued;
        }
        Fate::Refused(error.reply())
    }

    /// What the sender wished, as it is kept with an entry.
    fn wish(&self, recipient: &Recipient, is_list: bool) -> DsnWish {
        let asked = match self.case.reports {
            Reports::AsAsked => recipient.notify.unwrap_or(Notify::FAILURE),
            Reports::Never => Notify::NEVER,
        };
        let notify = if is_list {
            Notify(asked.0 & !Notify::SUCCESS.0)
        } else {
            asked
        };
        DsnWish {
            notify: Some(notify),
            orcpt: recipient.orcpt.clone(),
            ret: self.case.envelope.ret,
            envid: self.case.envelope.envid.clone(),
        }
    }

    /// Where a copy goes, for the journal.
    fn hop(&self, target: &Target) -> String {
        format!("{}/INBOX", self.case.privacy.address(&target.address))
    }

    /// One line of the journal about a recipient.
    pub(super) fn line(
        &mut self,
        recipient: &Recipient,
        verdict: &'static str,
        next_hop: Option<String>,
        reply: Option<&str>,
    ) {
        let case = self.case;
        self.planned.journal.push(JournalLine {
            time: case.time,
            session: case.session,
            arrival: Some(case.arrival),
            message_id: case.message_id.map(Into::into),
            room: "delivery".into(),
            what: "deliver".into(),
            sender: Some(case.privacy.reverse_path(&case.envelope.reverse_path)),
            recipient: Some(case.privacy.address(&recipient.address)),
            verdict: verdict.into(),
            reply: reply.map(Into::into),
            next_hop: next_hop.map(Into::into),
            peer: case.peer.map(|peer| case.privacy.peer(peer)),
            elapsed_us: 0,
        });
    }

    /// Whether the one reply speaks of one mailbox alone.
    fn is_alone(&self) -> bool {
        self.mailboxes <= 1 && self.case.envelope.recipients.len() == 1 && self.case.entry.is_none()
    }

    pub(super) fn is_entry_at_hand(&self) -> bool {
        self.case
            .entry
            .is_some_and(|attempt| attempt.entry.next_hop == NextHop::Local)
    }
}

/// Ten in a hundred above the quota, for mail to several mailboxes.
fn with_grace(quota: u64) -> u64 {
    quota.saturating_add(quota / 10)
}
