//! LIST, LSUB, NAMESPACE, STATUS.

use std::collections::{BTreeMap, BTreeSet};

use postroom_imap::command::Status;
use postroom_imap::command::list::{List, ListReturn, ListSelection, Lsub, Pattern, StatusItem};
use postroom_imap::response::Response;
use postroom_imap::response::mailbox::{Attribute, Listed, MailboxStatus, Namespace, Namespaces};
use postroom_mail::mailbox_name::{MailboxName, NAME_OCTETS_MAX};
use postroom_store::row::Mailbox;

use super::reply::Failure;
use super::work::Work;
use super::{Handled, ImapHost, reply};
use crate::authenticator::Authenticator;

impl<A: Authenticator> ImapHost<A> {
    /// LIST (RFC 9051 §6.3.9, RFC 3501 §6.3.8, RFC 3348, RFC 6154).
    pub(super) async fn list(&mut self, list: List) -> Handled {
        if list.selection.contains(&ListSelection::RecursiveMatch) {
            return Err(reply::NOT_OFFERED.into());
        }
        let separator = self.imap.separator;
        let mut rows = Vec::new();
        if list
            .patterns
            .iter()
            .any(|pattern| pattern.as_str().is_empty())
        {
            rows.push(Response::List(self.root()));
        }
        let patterns: Vec<_> = list
            .patterns
            .iter()
            .filter(|pattern| !pattern.as_str().is_empty())
            .map(|pattern| pattern.below(list.reference.as_str()))
            .filter(can_match)
            .collect();
        if patterns.is_empty() {
            return Ok(Work::ended(reply::DONE).with_rows(rows));
        }
        let account = self.account()?;
        let mut mailboxes = self.mailboxes().store().mailboxes(account).await?;
        mailboxes.sort_by(|one, other| one.name.cmp(&other.name));
        let only_subscribed = list.selection.contains(&ListSelection::Subscribed);
        let subscribed: BTreeSet<MailboxName> =
            if only_subscribed || list.returns.contains(&ListReturn::Subscribed) {
                let names = self.mailboxes().store().subscriptions(account).await?;
                names.into_iter().collect()
            } else {
                BTreeSet::new()
            };
        for (place, mailbox) in mailboxes.iter().enumerate() {
            // Long patterns over long names take their time; others get theirs.
            tokio::task::consume_budget().await;
            // Names are sorted component by component: children follow their parent.
            let has_children = mailboxes
                .get(place + 1)
                .is_some_and(|next| next.name.is_below(&mailbox.name));
            let is_subscribed = subscribed.contains(&mailbox.name);
            let is_useless = list.selection.contains(&ListSelection::SpecialUse)
                && mailbox.special_use.is_none();
            let name = mailbox.name.join(separator);
            if is_useless
                || only_subscribed && !is_subscribed
                || !patterns
                    .iter()
                    .any(|pattern| pattern.matches(&name, separator))
            {
                continue;
            }
            rows.push(Response::List(Listed {
                attributes: attributes(mailbox, has_children, is_subscribed),
                separator: Some(separator),
                name: name.into(),
                child_info: Vec::new(),
            }));
            for item in &list.returns {
                if let ListReturn::Status(items) = item {
                    rows.push(self.status_of(mailbox, items).await?);
                }
            }
        }
        Ok(Work::ended(reply::DONE).with_rows(rows))
    }

    /// LSUB (RFC 3501 §6.3.9): with `%` at its end, a pattern also names parents of subscribed
    /// mailboxes that it does not reach.
    pub(super) async fn lsub(&mut self, lsub: Lsub) -> Handled {
        if lsub.pattern.as_str().is_empty() {
            return Ok(Work::ended(reply::DONE).with_rows(vec![Response::Lsub(self.root())]));
        }
        let separator = self.imap.separator;
        let pattern = lsub.pattern.below(lsub.reference.as_str());
        let account = self.account()?;
        let subscriptions = self.mailboxes().store().subscriptions(account).await?;
        // Each name with whether it is subscribed itself.
        let mut listed: BTreeMap<MailboxName, bool> = BTreeMap::new();
        let subscriptions = subscriptions.into_iter().filter(|_| can_match(&pattern));
        for name in subscriptions {
            tokio::task::consume_budget().await;
            if pattern.matches(&name.join(separator), separator) {
                listed.insert(name, true);
            } else if lsub.pattern.as_str().ends_with('%') {
                let mut above = name.parent();
                while let Some(parent) = above {
                    if pattern.matches(&parent.join(separator), separator) {
                        listed.entry(parent.clone()).or_insert(false);
                    }
                    above = parent.parent();
                }
            }
        }
        let rows = listed.into_iter().map(|(name, is_subscribed)| {
            let attributes = if is_subscribed {
                Vec::new()
            } else {
                vec![Attribute::NoSelect]
            };
            Response::Lsub(Listed {
                attributes,
                separator: Some(separator),
                name: name.join(separator).into(),
                child_info: Vec::new(),
            })
        });
        Ok(Work::ended(reply::DONE).with_rows(rows.collect()))
    }

    /// The answer to an empty pattern: the separator and the root (RFC 9051 §6.3.9).
    fn root(&self) -> Listed {
        Listed {
            attributes: vec![Attribute::NoSelect],
            separator: Some(self.imap.separator),
            name: "".into(),
            child_info: Vec::new(),
        }
    }

    /// NAMESPACE (RFC 9051 §6.3.10): one, the user's own.
    pub(super) fn namespace(&self) -> Work {
        let personal = Namespace {
            prefix: "".into(),
            separator: Some(self.imap.separator),
        };
        let namespaces = Namespaces {
            personal: vec![personal],
            ..Namespaces::default()
        };
        Work::ended(reply::DONE).with_rows(vec![Response::Namespace(namespaces)])
    }

    /// STATUS (RFC 9051 §6.3.11).
    pub(super) async fn status(&mut self, status: Status) -> Handled {
        let mailbox = self.find(&status.mailbox).await?.ok_or(reply::NO_MAILBOX)?;
        let row = self.status_of(&mailbox, &status.items).await?;
        Ok(Work::ended(reply::DONE).with_rows(vec![row]))
    }

    async fn status_of(
        &self,
        mailbox: &Mailbox,
        items: &[StatusItem],
    ) -> Result<Response, Failure> {
        let account = self.account()?;
        let store = self.mailboxes().store();
        let counts = store.counts(account, &[mailbox.id]).await?;
        let counts = counts.first().copied().unwrap_or_default();
        let mut values = Vec::with_capacity(items.len());
        for &item in items {
            let value = match item {
                StatusItem::Deleted => counts.deleted.into(),
                StatusItem::HighestModSeq => mailbox.mod_seq.0,
                StatusItem::Messages => counts.messages.into(),
                StatusItem::Recent => self.recent_of(mailbox, counts.messages).await?.into(),
                StatusItem::Size => counts.octets,
                StatusItem::UidNext => mailbox.uid_next.into(),
                StatusItem::UidValidity => mailbox.uid_validity.number().into(),
                StatusItem::Unseen => counts.unseen.into(),
            };
            values.push((item, value));
        }
        Ok(Response::MailboxStatus(MailboxStatus {
            name: mailbox.name.join(self.imap.separator).into(),
            values,
        }))
    }

    /// How many messages no session was told of yet.
    async fn recent_of(&self, mailbox: &Mailbox, messages: u32) -> Result<u32, Failure> {
        let views = self.mailboxes().views();
        let from = views.recent_from(mailbox.id);
        if from <= 1 {
            return Ok(messages);
        }
        if from >= mailbox.uid_next {
            return Ok(0);
        }
        let view = views.open(mailbox.account, mailbox.id).await?;
        let version = view.and_then(|view| view.latest());
        Ok(version.map_or(0, |version| version.count_from(from)))
    }
}

/// Whether a pattern has no more letters than a name may have.
fn can_match(pattern: &Pattern) -> bool {
    let letters = pattern.as_str().chars().filter(|c| !matches!(c, '*' | '%'));
    letters.count() <= NAME_OCTETS_MAX
}

fn attributes(mailbox: &Mailbox, has_children: bool, is_subscribed: bool) -> Vec<Attribute> {
    let mut attributes = vec![if has_children {
        Attribute::HasChildren
    } else {
        Attribute::HasNoChildren
    }];
    if is_subscribed {
        attributes.push(Attribute::Subscribed);
    }
    attributes.extend(mailbox.special_use.map(Attribute::Use));
    attributes
}
