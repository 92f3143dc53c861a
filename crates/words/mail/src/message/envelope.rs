//! The envelope in IMAP's sense: what a list of messages shows (RFC 9051 §7.5.2).

use super::field::Field;
use super::mailbox_list::{ListMember, extend_address_list};
use super::text::unfold;
use crate::date::{DateTime, parse_header_date};

/// Octets kept of Date, Subject, In-Reply-To and Message-ID each.
pub const ENVELOPE_TEXT_OCTETS_MAX: usize = 8192;

/// The ENVELOPE of a message: field values unfolded, otherwise as they came.
///
/// `None` is an absent field, empty one without content. Of fields that occur twice the first
/// counts; To, Cc and Bcc are joined (RFC 5322 §4.5.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageEnvelope {
    /// Date.
    pub date: Option<Box<[u8]>>,
    /// Subject, encoded words not decoded.
    pub subject: Option<Box<[u8]>>,
    /// From.
    pub from: Vec<ListMember>,
    /// Sender as the header has it; [`Self::sender_or_from`] is what IMAP shows.
    pub sender: Vec<ListMember>,
    /// Reply-To as the header has it; [`Self::reply_to_or_from`] is what IMAP shows.
    pub reply_to: Vec<ListMember>,
    /// To.
    pub to: Vec<ListMember>,
    /// Cc.
    pub cc: Vec<ListMember>,
    /// Bcc.
    pub bcc: Vec<ListMember>,
    /// In-Reply-To.
    pub in_reply_to: Option<Box<[u8]>>,
    /// Message-ID, brackets included.
    pub message_id: Option<Box<[u8]>>,
}

impl MessageEnvelope {
    /// Sender, or From where there is none.
    pub fn sender_or_from(&self) -> &[ListMember] {
        or(&self.sender, &self.from)
    }

    /// Reply-To, or From where there is none.
    pub fn reply_to_or_from(&self) -> &[ListMember] {
        or(&self.reply_to, &self.from)
    }

    /// The Date field as a date; `None` without one that can be read.
    pub fn sent(&self) -> Option<DateTime> {
        parse_header_date(self.date.as_deref()?)
    }

    /// Takes note of `field` if the envelope shows it.
    pub(super) fn note(&mut self, field: &Field<'_>) {
        if field.is("Date") {
            self.date.get_or_insert_with(|| text(field));
        } else if field.is("Subject") {
            self.subject.get_or_insert_with(|| text(field));
        } else if field.is("From") {
            first(&mut self.from, field);
        } else if field.is("Sender") {
            first(&mut self.sender, field);
        } else if field.is("Reply-To") {
            first(&mut self.reply_to, field);
        } else if field.is("To") {
            extend_address_list(field.value, &mut self.to);
        } else if field.is("Cc") {
            extend_address_list(field.value, &mut self.cc);
        } else if field.is("Bcc") {
            extend_address_list(field.value, &mut self.bcc);
        } else if field.is("In-Reply-To") {
            self.in_reply_to.get_or_insert_with(|| text(field));
        } else if field.is("Message-ID") {
            self.message_id.get_or_insert_with(|| text(field));
        }
    }
}

fn or<'m>(members: &'m [ListMember], from: &'m [ListMember]) -> &'m [ListMember] {
    if members.is_empty() { from } else { members }
}

fn first(members: &mut Vec<ListMember>, field: &Field<'_>) {
    if members.is_empty() {
        extend_address_list(field.value, members);
    }
}

fn text(field: &Field<'_>) -> Box<[u8]> {
    let value = field.value.trim_ascii();
    unfold(value.get(..ENVELOPE_TEXT_OCTETS_MAX).unwrap_or(value)).into()
}

/// The identifiers in the value of Message-ID, In-Reply-To or References: what stands between
/// `<` and `>` (RFC 5322 §3.6.4).
pub fn message_ids(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|&byte| byte == b'<')
        .skip(1)
        .filter_map(|tail| tail.split(|&byte| byte == b'>').next())
        .filter(|id| !id.is_empty())
}

/// The valid identifiers in such a value, so spelled that the same are equal: without white space,
/// quotes and the backslashes of quoted pairs (RFC 5256 §3, REFERENCES). One without `@`, or
/// with nothing before or behind it, is not valid.
pub fn normalized_ids(value: &[u8]) -> impl Iterator<Item = Box<[u8]>> {
    message_ids(value).filter_map(normalized)
}

fn normalized(id: &[u8]) -> Option<Box<[u8]>> {
    let is_dropped = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\\' | 0);
    let id: Box<[u8]> = id
        .iter()
        .copied()
        .filter(|byte| !is_dropped(byte))
        .collect();
    let at = id.iter().rposition(|&byte| byte == b'@')?;
    (at > 0 && at + 1 < id.len()).then_some(id)
}
