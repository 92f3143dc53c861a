//! What of a plan goes into the queue.

use postroom_mail::address::Address;
use postroom_mail::envelope::{Notify, Recipient};
use postroom_store::operation::{DsnWish, NextHop};

use super::Fate;
use super::planner::{Fresh, Late, Planner, Taken};
use crate::case::Reports;
use crate::expand::{Expansion, Target};
use crate::trace;

impl Planner<'_, '_> {
    /// One address at another server gets an entry of its own.
    pub(super) fn pass_on(
        &mut self,
        recipient: &Recipient,
        expansion: &Expansion,
        remote: &Address,
    ) {
        let wish = self.wish(recipient, remote, expansion.is_list);
        let domain = remote.domain.as_str();
        self.enqueue(remote.to_string(), NextHop::Remote(domain.into()), wish);
        self.passed_on.insert(remote.lookup_key());
        self.room = self.room.saturating_sub(1);
        let hop = self.case.privacy.address(remote).into();
        self.line(recipient, "queued", Some(hop), None);
    }

    /// One account's copy waits, in an entry of its own unless the one at hand goes on waiting.
    pub(super) fn place_later(
        &mut self,
        recipient: &Recipient,
        expansion: &Expansion,
        target: &Target,
        why: Late,
    ) {
        if self.waits.is_none() {
            let wish = self.wish(recipient, &target.address, expansion.is_list);
            self.enqueue(target.address.to_string(), NextHop::Local, wish);
        }
        self.taken.insert(target.account, Taken::Queued);
        self.line(
            recipient,
            "queued",
            Some(self.hop(target)),
            Some(&why.status()),
        );
    }

    /// More members than one commit takes: the rest of the message's recipients go to the worker,
    /// with the members as they are now.
    pub(super) fn expand_later(
        &mut self,
        recipient: &Recipient,
        expansion: &Expansion,
        fresh: &Fresh<'_>,
    ) -> Fate {
        self.room = 0;
        let here = fresh.targets.iter().map(|target| &target.address);
        let members: Vec<Box<str>> = here
            .chain(fresh.remotes.iter().copied())
            .map(|address| address.to_string().into())
            .collect();
        for target in &fresh.targets {
            self.taken.insert(target.account, Taken::Queued);
        }
        let keys = fresh.remotes.iter().map(|remote| remote.lookup_key());
        self.passed_on.extend(keys);
        let count = members.len();
        let next_hop = if count == 1 {
            NextHop::Local
        } else {
            NextHop::Expand { members, done: 0 }
        };
        let name = match (&next_hop, fresh.targets.as_slice()) {
            (NextHop::Local, [only]) => only.address.to_string(),
            _ => recipient.address.to_string(),
        };
        let wish = self.wish(recipient, &recipient.address, expansion.is_list);
        self.enqueue(name, next_hop, wish);
        let hop = Some(format!("{count} members"));
        self.line(recipient, "queued", hop, None);
        if expansion.is_list {
            self.succeed(recipient, true);
        }
        Fate::Queued
    }

    pub(super) fn enqueue(&mut self, recipient: String, next_hop: NextHop, dsn: DsnWish) {
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

    /// What the sender wished, as it is kept with an entry for `address`.
    pub(super) fn wish(&self, recipient: &Recipient, address: &Address, is_list: bool) -> DsnWish {
        let case = self.case;
        let (notify, orcpt) = match case.reports {
            // Nobody may be told, and no other server is asked to.
            Reports::Never => (None, None),
            Reports::AsAsked => {
                let asked = Notify::or_unsaid(recipient.notify);
                let notify = if is_list {
                    Notify(asked.0 & !Notify::SUCCESS.0)
                } else {
                    asked
                };
                (Some(notify), original(recipient, address))
            }
        };
        DsnWish {
            notify,
            orcpt,
            ret: case.envelope.ret,
            envid: case.envelope.envid.clone(),
        }
    }
}

/// ORCPT as given; where an alias led elsewhere, the address that the sender knows
/// (RFC 3461 §5.2.7.2).
fn original(recipient: &Recipient, address: &Address) -> Option<Box<str>> {
    let named = &recipient.address;
    let is_renamed = named.lookup_key() != address.lookup_key();
    let made = || {
        let kind = if named.is_ascii() { "rfc822" } else { "utf-8" };
        format!("{kind};{named}").into()
    };
    let given = recipient.orcpt.clone();
    given.or_else(|| is_renamed.then(made))
}
