//! LIST, LSUB, NAMESPACE.

use std::collections::BTreeMap;

use postroom_imap::command::Mailbox as MailboxText;
use postroom_imap::command::list::{List, ListReturn, Lsub, Pattern};
use postroom_imap::response::Response;
use postroom_imap::response::mailbox::{Attribute, Listed, Namespace, Namespaces};
use postroom_mail::mailbox_name::{MailboxName, NAME_OCTETS_MAX};
use postroom_store::row::Mailbox;

use super::names::{Names, Wish};
use super::reply::Failure;
use super::work::Work;
use super::{Handled, ImapHost, reply};
use crate::authenticator::Authenticator;

impl<A: Authenticator> ImapHost<A> {
    /// LIST (RFC 9051 §6.3.9, RFC 3501 §6.3.8, RFC 5258, RFC 5819, RFC 6154).
    pub(super) async fn list(&mut self, list: List) -> Handled {
        let separator = self.imap.separator;
        let mut rows = Vec::new();
        let is_root = |pattern: &&Pattern| pattern.as_str().is_empty();
        if list.patterns.iter().any(|pattern| is_root(&pattern)) {
            rows.push(Response::List(self.root()));
        }
        let patterns: Vec<_> = list
            .patterns
            .iter()
            .filter(|pattern| !is_root(pattern))
            .map(|pattern| pattern.below(list.reference.as_str()))
            .filter(can_match)
            .collect();
        if patterns.is_empty() {
            return Ok(Work::ended(reply::DONE).with_rows(rows));
        }
        let account = self.account()?;
        let store = self.mailboxes().store();
        let mailboxes = store.mailboxes(account).await?;
        let wish = Wish::of(&list);
        let mut subscribed = Vec::new();
        if wish.asks_subscriptions {
            subscribed = store.subscriptions(account).await?;
        }
        let mut names = Names::new(mailboxes, subscribed, wish);
        for name in names.iter_mut() {
            // Long patterns over long names take their time; others get theirs.
            tokio::task::consume_budget().await;
            let text = name.whole.join(separator);
            name.is_match = patterns.iter().any(|each| each.matches(&text, separator));
        }
        let found = names.listed(separator);
        let asked = list.returns.iter().find_map(|item| match item {
            ListReturn::Status(items) => Some(items),
            _ => None,
        });
        let Some(items) = asked else {
            rows.extend(found.into_iter().map(|(listed, _)| Response::List(listed)));
            return Ok(Work::ended(reply::DONE).with_rows(rows));
        };
        let selectable: Vec<&Mailbox> = found.iter().filter_map(|(_, mailbox)| *mailbox).collect();
        let mut status = self.status_rows(&selectable, items).await?.into_iter();
        for (listed, mailbox) in found {
            rows.push(Response::List(listed));
            if mailbox.is_some() {
                rows.extend(status.next());
            }
        }
        Ok(Work::ended(reply::DONE).with_rows(rows))
    }

    /// LIST of the mailbox that is selected, as IMAP4rev2 wants it (RFC 9051 §6.3.2); with the
    /// name that the client gave, if its own is another (§6.3.9.7).
    pub(super) async fn selected_name(
        &self,
        mailbox: &Mailbox,
        given: &MailboxText,
    ) -> Result<Response, Failure> {
        let separator = self.imap.separator;
        let store = self.mailboxes().store();
        let all = store.mailboxes(mailbox.account).await?;
        let subscribed = store.subscriptions(mailbox.account).await?;
        let mut listed = Names::new(all, subscribed, Wish::default()).one(&mailbox.name, separator);
        if *listed.name != *given.as_str() {
            listed.old_name = Some(given.as_str().into());
        }
        Ok(Response::List(listed))
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
                old_name: None,
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
            old_name: None,
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
}

/// Whether a pattern has no more letters than a name may have.
fn can_match(pattern: &Pattern) -> bool {
    let letters = pattern.as_str().chars().filter(|c| !matches!(c, '*' | '%'));
    letters.count() <= NAME_OCTETS_MAX
}
