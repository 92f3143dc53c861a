//! What a search asks, and what is known without reading the message.

use std::ops::{Bound, RangeBounds};

use postroom_mail::date::{Date, parse_header_date};
use postroom_mail::flag::{Keyword, SystemFlags};
use postroom_mail::identifier::ModSeq;
use postroom_mail::uid_set::UidSet;
use postroom_store::row::Placement;

use super::text::{Needle, Opened};

/// A search key (RFC 9051 §6.4.4).
#[derive(Debug, Clone, PartialEq)]
pub enum Key {
    /// Every message.
    All,
    /// All of these.
    And(Vec<Key>),
    /// Text in the body.
    Body(Needle),
    /// The day of a date, as it was written, is within these days.
    Date(DateField, Days),
    /// All these flags.
    Flags(SystemFlags),
    /// A field of this name holds this text.
    Header(Box<str>, Needle),
    /// This keyword.
    Keyword(Keyword),
    /// This keyword by its number in the mailbox; nothing where the mailbox does not know it.
    KeywordNumber(Option<usize>),
    /// More octets than this.
    Larger(u64),
    /// INTERNALDATE within these moments.
    Moment(Seconds),
    /// Changed at or after this.
    ModSeq(ModSeq),
    /// Where that is not so.
    Not(Box<Key>),
    /// One of the two, or both.
    Or(Box<Key>, Box<Key>),
    /// Fewer octets than this.
    Smaller(u64),
    /// Text in header or body.
    Text(Needle),
    /// One of these UIDs.
    Uids(UidSet),
}

/// Which date of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateField {
    /// INTERNALDATE, in UTC.
    Received,
    /// The Date field, whatever its time zone. Without one that can be read: not found.
    Sent,
}

/// A range of days, counted from 1970-01-01.
pub type Days = (Bound<i64>, Bound<i64>);

/// A range of whole seconds since 1970.
pub type Seconds = (Bound<u64>, Bound<u64>);

/// How much of a message a key looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Depth {
    Row,
    Header,
    Body,
}

impl Key {
    /// The same key for a mailbox with these keywords.
    pub(crate) fn bound(self, keywords: &[Keyword]) -> Self {
        match self {
            Self::Keyword(name) => {
                Self::KeywordNumber(keywords.iter().position(|keyword| *keyword == name))
            }
            Self::And(keys) => Self::And(keys.into_iter().map(|key| key.bound(keywords)).collect()),
            Self::Not(key) => Self::Not(Box::new(key.bound(keywords))),
            Self::Or(one, other) => Self::Or(
                Box::new(one.bound(keywords)),
                Box::new(other.bound(keywords)),
            ),
            other => other,
        }
    }

    /// How much of a message may have to be read.
    pub(crate) fn depth(&self) -> Depth {
        match self {
            Self::Body(_) | Self::Text(_) => Depth::Body,
            Self::Header(..) | Self::Date(DateField::Sent, _) => Depth::Header,
            Self::And(keys) => keys.iter().map(Self::depth).max().unwrap_or(Depth::Row),
            Self::Not(key) => key.depth(),
            Self::Or(one, other) => one.depth().max(other.depth()),
            _ => Depth::Row,
        }
    }

    /// Whether the key is true of a message; `None` where the message must be read to tell.
    pub(crate) fn judge(&self, placement: &Placement, opened: Option<&Opened>) -> Option<bool> {
        Some(match self {
            Self::All => true,
            Self::And(keys) => return all(keys, placement, opened),
            Self::Body(needle) => opened?.has_in_body(needle),
            Self::Date(DateField::Received, days) => {
                days.contains(&Date::of(placement.received).days_since_1970())
            }
            Self::Date(DateField::Sent, days) => opened?
                .first_field("Date")
                .and_then(parse_header_date)
                .is_some_and(|sent| days.contains(&sent.date().days_since_1970())),
            Self::Flags(flags) => placement.flags.contains(*flags),
            Self::Header(name, needle) => opened?.has_in_field(name, needle),
            Self::Keyword(_) => false,
            Self::KeywordNumber(number) => {
                number.is_some_and(|number| placement.keywords.contains(number))
            }
            Self::Larger(octets) => u64::from(placement.octets) > *octets,
            Self::Moment(seconds) => seconds.contains(&placement.received.unix_seconds()),
            Self::ModSeq(since) => placement.mod_seq >= *since,
            Self::Not(key) => !key.judge(placement, opened)?,
            Self::Or(one, other) => return any(one, other, placement, opened),
            Self::Smaller(octets) => u64::from(placement.octets) < *octets,
            Self::Text(needle) => {
                let opened = opened?;
                opened.has_in_header(needle) || opened.has_in_body(needle)
            }
            Self::Uids(uids) => uids.contains(placement.uid.number()),
        })
    }
}

fn all(keys: &[Key], placement: &Placement, opened: Option<&Opened>) -> Option<bool> {
    let mut result = Some(true);
    // Keys that rows decide first: they may spare the reading of text that is there.
    for key in keys {
        match key.judge(placement, opened) {
            Some(false) => return Some(false),
            Some(true) => {}
            None => result = None,
        }
    }
    result
}

fn any(one: &Key, other: &Key, placement: &Placement, opened: Option<&Opened>) -> Option<bool> {
    match one.judge(placement, opened) {
        Some(true) => Some(true),
        Some(false) => other.judge(placement, opened),
        None => match other.judge(placement, opened) {
            Some(true) => Some(true),
            _ => None,
        },
    }
}
