//! Delivery status notifications (RFC 3464), written when a sender asked, mail failed or waits.

mod advice;
mod compose;
#[cfg(test)]
mod tests;

use postroom_mail::address::Address;
use postroom_mail::envelope::{Notify, Recipient, Ret};
use postroom_mail::identifier::ArrivalId;
use postroom_mail::reply::{EnhancedCode, Reply};
use postroom_runtime::clock::Timestamp;

use crate::conclude::{Diagnosis, Remote, Spoken};

pub(crate) use compose::RETURNED_OCTETS_MAX;

/// What became of a recipient (RFC 3464 §2.3.3), the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Action {
    Failed,
    Delayed,
    Relayed,
    Expanded,
    Delivered,
}

impl Action {
    fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Delayed => "delayed",
            Self::Relayed => "relayed",
            Self::Expanded => "expanded",
            Self::Delivered => "delivered",
        }
    }

    /// The wish of a sender who wants to hear of it.
    fn wish(self) -> Notify {
        match self {
            Self::Failed => Notify::FAILURE,
            Self::Delayed => Notify::DELAY,
            Self::Relayed | Self::Expanded | Self::Delivered => Notify::SUCCESS,
        }
    }
}

/// The rule by which the sender is not told of this, if there is one.
///
/// `notify` is `None` where the reverse-path may be forged: a report to it would go to somebody who
/// never wrote.
pub(crate) fn silence(
    action: Action,
    sender: Option<&Address>,
    notify: Option<Notify>,
) -> Option<&'static str> {
    match (sender, notify) {
        (None, _) => Some("null-sender"),
        (Some(_), None) => Some("sender-unproven"),
        (Some(_), Some(notify)) if !notify.contains(action.wish()) => Some("notify-never"),
        (Some(_), Some(_)) => None,
    }
}

/// One report in the making.
#[derive(Debug, Default)]
pub(crate) struct Report {
    lines: Vec<Line>,
}

/// What a report says of one recipient.
#[derive(Debug)]
pub(crate) struct Line {
    /// As text, for an entry of the queue may hold what is no address any more.
    address: Box<str>,
    orcpt: Option<Box<str>>,
    action: Action,
    status: EnhancedCode,
    /// In our words.
    text: Option<Box<str>>,
    remote: Option<Remote>,
    /// In the words of the server that was spoken to, or ours when it was us.
    diagnostic: Option<String>,
    /// Of the attempt.
    time: Timestamp,
    retried_until: Option<Timestamp>,
}

/// The message that a report is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Original<'m> {
    /// The queue id of the report.
    pub(crate) id: ArrivalId,
    /// The queue id of the message.
    pub(crate) queue_id: ArrivalId,
    pub(crate) arrived: Timestamp,
    pub(crate) now: Timestamp,
    /// This server's name.
    pub(crate) host: &'m str,
    pub(crate) sender: &'m Address,
    pub(crate) ret: Option<Ret>,
    pub(crate) envid: Option<&'m str>,
    /// The message, or as much of its beginning as a report may return.
    pub(crate) octets: &'m [u8],
    /// Octets of the whole message.
    pub(crate) size: u64,
}

impl Report {
    pub(crate) fn add(&mut self, line: Line) {
        self.lines.push(line);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The gravest thing that it tells.
    fn gravest(&self) -> Action {
        let actions = self.lines.iter().map(|line| line.action);
        actions.min().unwrap_or(Action::Delivered)
    }
}

impl Line {
    /// What this server did itself; `reply` is its own word where it failed.
    pub(crate) fn here(
        recipient: &Recipient,
        action: Action,
        reply: Option<&Reply>,
        time: Timestamp,
    ) -> Self {
        let code = reply.and_then(|reply| reply.enhanced);
        Self {
            address: recipient.address.to_string().into(),
            orcpt: recipient.orcpt.clone(),
            action,
            status: code.unwrap_or(match action {
                Action::Failed => EnhancedCode(5, 0, 0),
                _ => EnhancedCode(2, 0, 0),
            }),
            text: reply.map(|reply| reply.text.as_ref().into()),
            remote: None,
            diagnostic: reply.map(|reply| Spoken(reply).to_string()),
            time,
            retried_until: None,
        }
    }

    /// A recipient that was not reached, for now or for good.
    pub(crate) fn not_reached(
        entry: (&str, Option<Box<str>>),
        diagnosis: &Diagnosis,
        time: Timestamp,
        retried_until: Option<Timestamp>,
    ) -> Self {
        let (address, orcpt) = entry;
        Self {
            address: address.into(),
            orcpt,
            action: match retried_until {
                Some(_) => Action::Delayed,
                None => Action::Failed,
            },
            status: diagnosis.status,
            text: Some(diagnosis.text.as_ref().into()),
            remote: diagnosis.remote.clone(),
            diagnostic: diagnosis
                .reply
                .as_ref()
                .map(|reply| Spoken(reply).to_string()),
            time,
            retried_until,
        }
    }

    /// A recipient that was handed to a server which reports nothing (RFC 3461 §6.2.9, RFC 3886
    /// §3.3.4).
    pub(crate) fn relayed(
        entry: (&str, Option<Box<str>>),
        remote: &Remote,
        reply: &Reply,
        time: Timestamp,
    ) -> Self {
        let (address, orcpt) = entry;
        Self {
            address: address.into(),
            orcpt,
            action: Action::Relayed,
            status: EnhancedCode(2, 1, 9),
            text: None,
            remote: Some(remote.clone()),
            diagnostic: Some(Spoken(reply).to_string()),
            time,
            retried_until: None,
        }
    }
}
