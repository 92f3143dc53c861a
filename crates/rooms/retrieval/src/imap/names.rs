//! Which names LIST tells, and what of them (RFC 5258 §3).

use std::collections::{BTreeMap, BTreeSet};

use postroom_imap::command::list::{List, ListReturn, ListSelection};
use postroom_imap::response::mailbox::{Attribute, ChildInfo, Listed};
use postroom_mail::mailbox_name::MailboxName;
use postroom_store::row::Mailbox;

/// What a LIST asks for, patterns and STATUS apart.
#[derive(Debug, Clone, Copy, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the command"
)]
pub(super) struct Wish {
    /// `RECURSIVEMATCH`.
    is_recursive: bool,
    /// `(SPECIAL-USE)`.
    only_special: bool,
    /// `(SUBSCRIBED)`. There are no remote mailboxes, so that REMOTE adds none.
    only_subscribed: bool,
    /// Whether `\Subscribed` must be right.
    pub(super) asks_subscriptions: bool,
}

impl Wish {
    pub(super) fn of(list: &List) -> Self {
        let selects = |option| list.selection.contains(&option);
        let only_subscribed = selects(ListSelection::Subscribed);
        Self {
            is_recursive: selects(ListSelection::RecursiveMatch),
            only_special: selects(ListSelection::SpecialUse),
            only_subscribed,
            asks_subscriptions: only_subscribed || list.returns.contains(&ListReturn::Subscribed),
        }
    }

    /// What CHILDINFO tells: the options by which something below was selected (RFC 5258 §3.5).
    fn child_info(self) -> Vec<ChildInfo> {
        let options = [
            (self.only_subscribed, ChildInfo::Subscribed),
            (self.only_special, ChildInfo::SpecialUse),
        ];
        let chosen = options.into_iter().filter(|(is_there, _)| *is_there);
        chosen.map(|(_, info)| info).collect()
    }
}

/// A name that LIST may tell.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) whole: MailboxName,
    /// The mailbox of that name, if there is one.
    mailbox: Option<Mailbox>,
    is_subscribed: bool,
    /// Whether a pattern matches.
    pub(super) is_match: bool,
}

/// All names that one LIST may tell, in the order of their components, so that all below a name
/// follow it at once.
#[derive(Debug)]
pub(super) struct Names {
    names: Vec<Name>,
    wish: Wish,
}

impl Names {
    /// Names of mailboxes, and of subscriptions where these are asked for.
    pub(super) fn new(mailboxes: Vec<Mailbox>, subscribed: Vec<MailboxName>, wish: Wish) -> Self {
        let subscribed: BTreeSet<MailboxName> = subscribed.into_iter().collect();
        let mut names: BTreeMap<MailboxName, Option<Mailbox>> = mailboxes
            .into_iter()
            .map(|mailbox| (mailbox.name.clone(), Some(mailbox)))
            .collect();
        if wish.only_subscribed {
            for name in &subscribed {
                let mut above = name.parent().filter(|_| wish.is_recursive);
                while let Some(parent) = above {
                    above = parent.parent();
                    names.entry(parent).or_default();
                }
                names.entry(name.clone()).or_default();
            }
        }
        let names = names
            .into_iter()
            .map(|(name, mailbox)| Name {
                is_subscribed: subscribed.contains(&name),
                whole: name,
                mailbox,
                is_match: false,
            })
            .collect();
        Self { names, wish }
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Name> {
        self.names.iter_mut()
    }

    /// Whether the selection options hold for a name.
    fn is_selected(&self, name: &Name) -> bool {
        if self.wish.only_subscribed && !name.is_subscribed {
            return false;
        }
        match &name.mailbox {
            None => self.wish.only_subscribed && !self.wish.only_special,
            Some(mailbox) => !self.wish.only_special || mailbox.special_use.is_some(),
        }
    }

    /// What is told, with the mailbox where STATUS follows: one that exists and was selected
    /// itself (RFC 5819 §2).
    pub(super) fn listed(&self, separator: char) -> Vec<(Listed, Option<&Mailbox>)> {
        let mut listed = Vec::new();
        for (place, name) in self.names.iter().enumerate() {
            if !name.is_match {
                continue;
            }
            let is_selected = self.is_selected(name);
            let has_below = self.wish.is_recursive
                && self.below(place).iter().any(|child| {
                    // A name that was not selected is told only for children that are not
                    // (RFC 5258 §3.5).
                    self.is_selected(child) && (is_selected || !child.is_match)
                });
            if !is_selected && !has_below {
                continue;
            }
            let mut row = self.row(place, name, separator);
            if has_below {
                row.child_info = self.wish.child_info();
            }
            listed.push((row, name.mailbox.as_ref().filter(|_| is_selected)));
        }
        listed
    }

    /// One name of a mailbox that exists.
    pub(super) fn one(&self, wanted: &MailboxName, separator: char) -> Listed {
        let found = self.names.iter().position(|name| name.whole == *wanted);
        match found.and_then(|place| Some((place, self.names.get(place)?))) {
            Some((place, name)) => self.row(place, name, separator),
            None => Listed {
                attributes: vec![Attribute::NonExistent],
                separator: Some(separator),
                name: wanted.join(separator).into(),
                child_info: Vec::new(),
                old_name: None,
            },
        }
    }

    fn row(&self, place: usize, name: &Name, separator: char) -> Listed {
        let mut attributes = Vec::new();
        if name.mailbox.is_none() {
            attributes.push(Attribute::NonExistent);
        }
        let has_children = self
            .below(place)
            .iter()
            .any(|below| below.mailbox.is_some());
        attributes.push(if has_children {
            Attribute::HasChildren
        } else {
            Attribute::HasNoChildren
        });
        if name.is_subscribed {
            attributes.push(Attribute::Subscribed);
        }
        let special_use = name
            .mailbox
            .as_ref()
            .and_then(|mailbox| mailbox.special_use);
        attributes.extend(special_use.map(Attribute::Use));
        Listed {
            attributes,
            separator: Some(separator),
            name: name.whole.join(separator).into(),
            child_info: Vec::new(),
            old_name: None,
        }
    }

    /// All below the name at a place.
    fn below(&self, place: usize) -> &[Name] {
        let (Some(name), Some(rest)) = (self.names.get(place), self.names.get(place + 1..)) else {
            return &[];
        };
        let end = rest.partition_point(|other| other.whole.is_below(&name.whole));
        rest.get(..end).unwrap_or_default()
    }
}
