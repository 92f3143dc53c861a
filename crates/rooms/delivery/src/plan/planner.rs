//! One recipient after the other into the plan.

use std::collections::{HashMap, HashSet};

use postroom_mail::address::Address;
use postroom_mail::envelope::{Notify, Recipient};
use postroom_mail::identifier::{AccountId, MailboxId};
use postroom_mail::reply::{self, EnhancedCode};
use postroom_queue::schedule::Schedule;
use postroom_store::journal::JournalLine;
use postroom_store::operation::{Delivery, NextHop, Operation, QuotaRule};

use super::{Fate, Planned};
use crate::case::{Case, Quota, Relaying};
use crate::expand::{ExpandError, Expansion, Limits, Target};
use crate::facts::{Fact, Facts, Missing};
use crate::report::{Action, Line, Report};
use crate::trace;

/// A plan in the making.
pub(super) struct Planner<'p, 'm> {
    pub(super) case: &'p Case<'m>,
    pub(super) facts: &'p Facts,
    pub(super) limits: &'p Limits,
    pub(super) schedule: &'p Schedule,
    /// Distinct accounts and addresses elsewhere that the message is for.
    pub(super) copies: usize,
    /// Copies that this commit may still make of what aliases stand for.
    pub(super) room: usize,
    pub(super) missing: Missing,
    pub(super) taken: HashMap<AccountId, Taken>,
    /// Lookup keys of addresses elsewhere that have their queue entry.
    pub(super) passed_on: HashSet<String>,
    /// Why the queue entry at hand goes on waiting by itself, if it does.
    pub(super) waits: Option<Late>,
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
    /// For the queue.
    Later(Late),
    Full,
    /// No later try can succeed.
    Never,
}

/// Why a copy waits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Late {
    pub(super) code: EnhancedCode,
    pub(super) text: &'static str,
}

impl Late {
    const FULL: Self = Self {
        code: EnhancedCode(4, 2, 2),
        text: "mailbox is full",
    };
    const NO_MAILBOX: Self = Self {
        code: EnhancedCode(4, 3, 0),
        text: "mailbox not found",
    };
    const DIRECTORY: Self = Self {
        code: EnhancedCode(4, 3, 0),
        text: "directory trouble",
    };

    /// As the queue and the journal have it.
    pub(super) fn status(self) -> String {
        format!("{} {}", self.code, self.text)
    }
}

/// What of an expansion no earlier recipient has led to.
pub(super) struct Fresh<'e> {
    pub(super) targets: Vec<&'e Target>,
    pub(super) remotes: Vec<&'e Address>,
}

impl Fresh<'_> {
    pub(super) fn len(&self) -> usize {
        self.targets.len() + self.remotes.len()
    }
}

impl Planner<'_, '_> {
    /// A recipient that stands for somebody.
    pub(super) fn take(&mut self, recipient: &Recipient, expansion: &Expansion) -> Fate {
        if expansion.is_foreign && self.case.relaying == Relaying::Refused {
            return Fate::Refused(reply::RELAY_DENIED);
        }
        for lost in &expansion.lost {
            let hop = self.case.privacy.address(lost).into();
            self.line(recipient, "dropped", Some(hop), Some("member-unknown"));
        }
        let fresh = self.fresh(expansion);
        // What goes elsewhere is one entry whether it is for now or for later.
        let is_one_entry = fresh.targets.is_empty() && fresh.remotes.len() <= 1;
        if fresh.len() > self.room && !is_one_entry {
            return self.expand_later(recipient, expansion, &fresh);
        }
        self.take_now(recipient, expansion, fresh);
        self.settle_members(recipient, expansion)
    }

    fn fresh<'e>(&self, expansion: &'e Expansion) -> Fresh<'e> {
        let targets = expansion.targets.iter();
        let remotes = expansion.remotes.iter();
        Fresh {
            targets: targets
                .filter(|target| !self.taken.contains_key(&target.account))
                .collect(),
            remotes: remotes
                .filter(|remote| !self.passed_on.contains(&remote.lookup_key()))
                .collect(),
        }
    }

    fn take_now(&mut self, recipient: &Recipient, expansion: &Expansion, fresh: Fresh<'_>) {
        let mut late = Vec::new();
        let mut has_gone = !fresh.remotes.is_empty();
        for target in fresh.targets {
            match self.place(target) {
                Part::Placed => {
                    has_gone = true;
                    self.line(recipient, "delivered", Some(self.hop(target)), None);
                }
                Part::Later(why) => late.push((target, why)),
                // A list has no reply of its own for one of its members.
                Part::Full | Part::Never if expansion.is_list => {
                    late.push((target, Late::FULL));
                }
                Part::Full => self.place_not(recipient, target, Taken::Full),
                Part::Never => self.place_not(recipient, target, Taken::Never),
            }
        }
        for remote in fresh.remotes {
            self.pass_on(recipient, expansion, remote);
        }
        if self.is_entry_at_hand() && !has_gone {
            self.waits = late.first().map(|(_, why)| *why);
        }
        for (target, why) in late {
            self.place_later(recipient, expansion, target, why);
        }
    }

    /// The fate of a recipient from those of its accounts and of its addresses elsewhere.
    fn settle_members(&mut self, recipient: &Recipient, expansion: &Expansion) -> Fate {
        let all = expansion
            .targets
            .iter()
            .filter_map(|target| self.taken.get(&target.account));
        let is_placed = all.clone().any(|taken| *taken == Taken::Placed);
        let is_queued =
            !expansion.remotes.is_empty() || all.clone().any(|taken| *taken == Taken::Queued);
        if !is_placed && !is_queued {
            let may_fit_later = all.clone().any(|taken| *taken == Taken::Full);
            return Fate::Refused(if may_fit_later {
                reply::OVER_QUOTA
            } else {
                reply::ABOVE_QUOTA
            });
        }
        if expansion.is_list || is_placed {
            self.succeed(recipient, expansion.is_list);
        }
        if is_placed {
            Fate::Delivered
        } else {
            Fate::Queued
        }
    }

    /// NOTIFY=SUCCESS: a list is reported as expanded, and its members are not reported when they
    /// are delivered (RFC 3461 §5.2.7.3 c).
    pub(super) fn succeed(&mut self, recipient: &Recipient, is_list: bool) {
        let is_wanted = recipient
            .notify
            .is_some_and(|notify| notify.contains(Notify::SUCCESS));
        if is_wanted {
            let action = if is_list {
                Action::Expanded
            } else {
                Action::Delivered
            };
            self.report
                .add(Line::here(recipient, action, None, self.case.time));
        }
    }

    /// Puts the copy of one account into the plan.
    fn place(&mut self, target: &Target) -> Part {
        let case = self.case;
        let inbox = match self.facts.inbox(target.account, &mut self.missing) {
            Some(Fact::Known(inbox)) => *inbox,
            // Answered with `missing`; what is planned until then is thrown away.
            None => return self.took(target, Taken::Placed),
            Some(Fact::Gone | Fact::Unavailable) => return Part::Later(Late::NO_MAILBOX),
        };
        let is_answered = case.quota == Quota::ReplyEach || self.is_alone();
        if is_answered && target.quota.is_some_and(|quota| case.size() > quota) {
            return Part::Never;
        }
        let is_left_to_store = case.quota_rule(self.copies) == QuotaRule::Enforce;
        if let Some(quota) = target.quota
            && (!is_left_to_store || self.limits.quota.is_some())
            && let Some(Fact::Known(used)) = self.facts.usage(target.account, &mut self.missing)
        {
            let need = used.saturating_add(case.size());
            match case.quota {
                Quota::ReplyEach if need > quota => return Part::Full,
                Quota::OneReply if self.is_alone() && need > quota => return Part::Full,
                Quota::OneReply if need > with_grace(quota) => {
                    return Part::Later(Late::FULL);
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
            quota: case.quota_rule(self.copies),
        }
    }

    /// One account gets no copy; no other recipient brings it one.
    fn place_not(&mut self, recipient: &Recipient, target: &Target, taken: Taken) {
        self.took(target, taken);
        self.line(recipient, "refused", Some(self.hop(target)), Some("quota"));
    }

    /// A recipient that stands for nobody now.
    pub(super) fn cannot(&mut self, recipient: &Recipient, error: ExpandError) -> Fate {
        if error == ExpandError::Unavailable && !self.is_alone() {
            let late = Late::DIRECTORY;
            if self.is_entry_at_hand() {
                self.waits = Some(late);
            } else {
                let wish = self.wish(recipient, &recipient.address, false);
                self.enqueue(recipient.address.to_string(), NextHop::Local, wish);
            }
            self.line(recipient, "queued", None, Some(&late.status()));
            return Fate::Queued;
        }
        Fate::Refused(error.reply())
    }

    /// Where a copy goes, for the journal.
    pub(super) fn hop(&self, target: &Target) -> String {
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
        let what = if case.is_report { "report" } else { "deliver" };
        self.planned.journal.push(JournalLine {
            time: case.time,
            session: case.session,
            arrival: Some(case.arrival),
            message_id: case.message_id.map(Into::into),
            room: "delivery".into(),
            what: what.into(),
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
        let case = self.case;
        self.copies <= 1
            && case.envelope.recipients.len() == 1
            && case.entry.is_none()
            && !case.is_report
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
