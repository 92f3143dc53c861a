//! SORT: the keys of messages and their order (RFC 5256 §3, RFC 5957).

use std::cmp::Ordering;

use postroom_mail::message::{ListMember, MessageEnvelope, decode_text};
use postroom_store::row::Placement;

use super::collation::Collated;
use super::{base_subject, sent};

/// What messages are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKey {
    /// INTERNALDATE.
    Arrival,
    /// Mailbox of the first Cc address.
    Cc,
    /// When it was sent, in UTC; without that, INTERNALDATE.
    Date,
    /// Name of the first From address, else the address (RFC 5957 §3).
    DisplayFrom,
    /// The same of To.
    DisplayTo,
    /// Mailbox of the first From address.
    From,
    /// Octets.
    Size,
    /// Base subject.
    Subject,
    /// Mailbox of the first To address.
    To,
}

impl SortKey {
    /// Whether the row of the mailbox alone does not tell.
    pub(super) fn needs_envelope(self) -> bool {
        !matches!(self, Self::Arrival | Self::Size)
    }
}

/// One criterion of SORT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Criterion {
    /// By what.
    pub key: SortKey,
    /// Whether the highest comes first.
    pub is_reverse: bool,
}

/// The criteria without those whose key came before: they cannot change the order.
pub(super) fn without_repeats(criteria: &[Criterion]) -> Vec<Criterion> {
    let mut kept: Vec<Criterion> = Vec::new();
    for criterion in criteria {
        if kept.iter().all(|before| before.key != criterion.key) {
            kept.push(*criterion);
        }
    }
    kept
}

/// A message and its values, one for each criterion.
#[derive(Debug)]
pub(super) struct Sorted {
    uid: u32,
    values: Box<[Value]>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Number(u64),
    Text(Collated),
}

impl Sorted {
    /// `envelope` is there if one of the keys needs it.
    pub(super) fn new(
        criteria: &[Criterion],
        placement: &Placement,
        envelope: Option<&MessageEnvelope>,
    ) -> Self {
        let values = criteria.iter().map(|criterion| match envelope {
            _ if criterion.key == SortKey::Arrival => Value::Number(placement.received.0),
            _ if criterion.key == SortKey::Size => Value::Number(placement.octets.into()),
            Some(envelope) => value(criterion.key, placement, envelope),
            None => Value::Text(Collated::default()),
        });
        Self {
            uid: placement.uid.number(),
            values: values.collect(),
        }
    }
}

fn value(key: SortKey, placement: &Placement, envelope: &MessageEnvelope) -> Value {
    let text = match key {
        SortKey::Arrival | SortKey::Size => String::new(),
        SortKey::Date => return Value::Number(sent(placement, envelope)),
        SortKey::Cc => mailbox(&envelope.cc),
        SortKey::From => mailbox(&envelope.from),
        SortKey::To => mailbox(&envelope.to),
        SortKey::DisplayFrom => display(&envelope.from),
        SortKey::DisplayTo => display(&envelope.to),
        SortKey::Subject => base_subject(envelope.subject.as_deref().unwrap_or_default()).text,
    };
    Value::Text(Collated::new(&text))
}

/// `addr-mailbox` of the first address; of a group that is its name (RFC 9051 §7.5.2).
fn mailbox(members: &[ListMember]) -> String {
    match members.first() {
        Some(ListMember::Mailbox(mailbox)) => String::from_utf8_lossy(&mailbox.local).into_owned(),
        Some(ListMember::GroupStart(name)) => decode_text(name),
        Some(ListMember::GroupEnd) | None => String::new(),
    }
}

/// The sort value of RFC 5957 §3.
fn display(members: &[ListMember]) -> String {
    if let Some(ListMember::Mailbox(first)) = members.first() {
        let name = first.display_name();
        if !name.is_empty() {
            return name;
        }
        if !first.domain.is_empty() {
            let domain = String::from_utf8_lossy(&first.domain);
            return format!("{}@{domain}", mailbox(members));
        }
    }
    mailbox(members)
}

/// The UIDs in order; rows come in the order of their sequence numbers, which breaks ties.
pub(super) fn sort(mut rows: Vec<Sorted>, criteria: &[Criterion]) -> Vec<u32> {
    rows.sort_by(|one, other| compare(one, other, criteria));
    rows.into_iter().map(|row| row.uid).collect()
}

fn compare(one: &Sorted, other: &Sorted, criteria: &[Criterion]) -> Ordering {
    for ((one, other), criterion) in one.values.iter().zip(&other.values).zip(criteria) {
        let order = if criterion.is_reverse {
            other.cmp(one)
        } else {
            one.cmp(other)
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

#[cfg(test)]
mod tests {
    use postroom_mail::flag::SystemFlags;
    use postroom_mail::message;
    use postroom_runtime::clock::Timestamp;

    use super::*;
    use crate::version::tests::placement;

    /// Messages by UID from 1: header and when received.
    fn rows(headers: &[&str], criteria: &[Criterion]) -> Vec<Sorted> {
        (1..)
            .zip(headers)
            .map(|(uid, header)| {
                let envelope = message::parse(format!("{header}\r\n\r\n").as_bytes()).envelope;
                let mut placement = placement(uid, 1, SystemFlags::NONE);
                placement.received = Timestamp::from_unix_seconds(1_000_000 - u64::from(uid));
                Sorted::new(criteria, &placement, Some(&envelope))
            })
            .collect()
    }

    #[track_caller]
    fn check(headers: &[&str], criteria: &[(SortKey, bool)], expected: &[u32]) {
        let criteria: Vec<_> = criteria
            .iter()
            .map(|&(key, is_reverse)| Criterion { key, is_reverse })
            .collect();
        assert_eq!(sort(rows(headers, &criteria), &criteria), expected);
    }

    #[test]
    fn text_is_collated_and_ties_keep_their_order() {
        let subjects = [
            "Subject: beta",
            "Subject: Re: Alpha",
            "Subject: ALPHA",
            "X: none",
            "Subject: =?utf-8?q?=C3=A4lter?=",
        ];
        check(&subjects, &[(SortKey::Subject, false)], &[4, 2, 3, 5, 1]);
        // REVERSE leaves ties as they are (RFC 5256 §3).
        check(&subjects, &[(SortKey::Subject, true)], &[1, 5, 2, 3, 4]);
        check(
            &subjects,
            &[(SortKey::Subject, false), (SortKey::Arrival, false)],
            &[4, 3, 2, 5, 1],
        );
    }

    #[test]
    fn addresses_and_their_names() {
        let from = [
            "From: Zoe <anna@example.org>",
            "From: bert@example.org",
            "From: =?utf-8?q?=C3=84nne?= <carl@example.org>",
            "From: friends: x@example.org;",
            "To: nobody",
        ];
        check(&from, &[(SortKey::From, false)], &[5, 1, 2, 3, 4]);
        check(&from, &[(SortKey::DisplayFrom, false)], &[5, 3, 2, 4, 1]);
        check(&from, &[(SortKey::To, true)], &[5, 1, 2, 3, 4]);
        check(&from, &[(SortKey::Cc, false)], &[1, 2, 3, 4, 5]);
    }

    #[test]
    fn dates_are_moments() {
        let dates = [
            "Date: Mon, 02 Nov 2026 10:00:00 +0000",
            "Date: Mon, 02 Nov 2026 10:30:00 +0200",
            "Date: Sun, 01 Nov 2026 23:00:00 -0900",
            "Date: rubbish",
        ];
        check(&dates, &[(SortKey::Date, false)], &[4, 3, 2, 1]);
        check(&dates, &[(SortKey::Arrival, true)], &[1, 2, 3, 4]);
    }
}
