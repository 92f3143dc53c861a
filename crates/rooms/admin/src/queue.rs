//! The queue: what waits, and what an operator does about it.

use std::fmt::Write as _;

use postroom_mail::address::{Address, NonAscii};
use postroom_mail::date;
use postroom_mail::identifier::ArrivalId;
use postroom_mail::message::{Fields, header_length};
use postroom_runtime::clock::Timestamp;
use postroom_store::operation::{EntryId, LeaseToken, NextHop};
use postroom_store::row::{Entry, QueueRow};
use serde_json::Value;

use crate::answer::{Failure, QueueEntry, QueuePage, QueuedMessage};
use crate::handler::{Admin, told};
use crate::request::{QueueFilter, QueueList, QueueStatus};

/// Entries of one page.
pub const PAGE_MAX: usize = 1_000;

/// Rows that are read at a time.
pub(crate) const ROWS: usize = 500;

/// Reads that one page makes; a page of few matches then says where to go on.
const READS_MAX: usize = 10;

/// Recipients of one message that `show` names.
const SHOWN_MAX: usize = 10_000;

/// Octets of a header that `show` prints.
const HEADER_OCTETS_MAX: u64 = 256 * 1024;

impl Admin {
    /// One page of the queue: what matches, by age.
    pub(crate) async fn queue_list(&self, list: &QueueList) -> Result<Value, Failure> {
        let now = self.clock.wall();
        let limit = (list.limit as usize).clamp(1, PAGE_MAX);
        let mut after = list.after;
        let mut entries = Vec::new();
        for _ in 0..READS_MAX {
            let rows = self.store.queue_rows(after.map(EntryId), ROWS).await?;
            let is_last = rows.len() < ROWS;
            for row in &rows {
                after = Some(row.id.0);
                if list.filter.takes(row, now) {
                    entries.push(shown(row, now));
                }
                if entries.len() >= limit {
                    return told(&QueuePage {
                        entries,
                        next: after,
                    });
                }
            }
            if is_last {
                after = None;
                break;
            }
        }
        told(&QueuePage {
            entries,
            next: after,
        })
    }

    /// One message that waits, with all its recipients.
    pub(crate) async fn queue_show(&self, id: &str, headers: bool) -> Result<Value, Failure> {
        let now = self.clock.wall();
        let rows = match id.parse() {
            Ok(arrival) => self.store.queue_rows_of(arrival, SHOWN_MAX).await?,
            Err(_) => Vec::new(),
        };
        if rows.is_empty() {
            return Err(none_of(id));
        }
        let whole = rows.iter().find_map(|row| row.entry.as_ref());
        let header = match whole {
            Some(entry) => self.header(entry).await,
            None => None,
        };
        told(&QueuedMessage {
            queue_id: id.to_owned(),
            message_id: header.as_deref().and_then(message_id),
            octets: whole.map_or(0, |entry| entry.octets),
            envelope_id: whole.and_then(|entry| entry.dsn.envid.as_deref().map(str::to_owned)),
            entries: rows.iter().map(|row| shown(row, now)).collect(),
            headers: header
                .filter(|_| headers)
                .map(|header| String::from_utf8_lossy(&header).into_owned()),
        })
    }

    /// The header as it goes out; `None` when the message cannot be read.
    async fn header(&self, entry: &Entry) -> Option<Vec<u8>> {
        let range = 0..entry.rendering.octets().min(HEADER_OCTETS_MAX);
        let read = self.store.read(entry.blob, &entry.rendering, range).await;
        let mut octets = read.ok()?;
        octets.truncate(header_length(&octets));
        Some(octets)
    }

    /// Whom an entry is for, as the journal may name it.
    pub(crate) fn journal_name(&self, text: &str) -> Box<str> {
        match Address::parse(text, NonAscii::Allowed) {
            Ok(address) => self.privacy.address(&address),
            Err(_) => self.privacy.name(text),
        }
    }
}

/// There is no such message in the queue.
pub(crate) fn none_of(id: &str) -> Failure {
    Failure::new(
        format!("no message {id} waits"),
        format!("see what became of it: postroom trace {id}"),
    )
}

fn message_id(header: &[u8]) -> Option<String> {
    let field = Fields::new(header).find(|field| field.is("Message-ID"))?;
    Some(String::from_utf8_lossy(field.value.trim_ascii()).into_owned())
}

/// Whether an attempt is under way.
pub(crate) fn is_in_hand(row: &QueueRow, now: Timestamp) -> bool {
    let due = row.entry.as_ref().map(|entry| entry.due);
    row.lease != LeaseToken(0) && due.is_some_and(|due| due > now)
}

fn status(row: &QueueRow, now: Timestamp) -> QueueStatus {
    match &row.entry {
        None => QueueStatus::Damaged,
        Some(entry) if entry.is_held => QueueStatus::Held,
        Some(_) if is_in_hand(row, now) => QueueStatus::InHand,
        Some(entry) if entry.due <= now => QueueStatus::Due,
        Some(_) => QueueStatus::Deferred,
    }
}

impl QueueFilter {
    /// Whether a row is meant. A damaged one is, unless something is asked that it cannot say.
    pub(crate) fn takes(&self, row: &QueueRow, now: Timestamp) -> bool {
        if self.status.is_some_and(|wanted| wanted != status(row, now)) {
            return false;
        }
        let Some(entry) = &row.entry else {
            return self.sender.is_none()
                && self.recipient.is_none()
                && self.domain.is_none()
                && self.older_than_seconds.is_none();
        };
        let is = |wanted: &Option<String>, found: &str| {
            wanted
                .as_deref()
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(found))
        };
        let domain = entry
            .recipient
            .rsplit_once('@')
            .map_or("", |(_, domain)| domain);
        let age = age_seconds(entry, now);
        is(&self.sender, &entry.reverse_path)
            && is(&self.recipient, &entry.recipient)
            && is(&self.domain, domain)
            && self.older_than_seconds.is_none_or(|least| age >= least)
    }
}

fn age_seconds(entry: &Entry, now: Timestamp) -> u64 {
    now.0.saturating_sub(entry.created.0) / 1_000_000
}

fn shown(row: &QueueRow, now: Timestamp) -> QueueEntry {
    let queue_id = row.arrival.to_string();
    let status = status(row, now).as_str().to_owned();
    let Some(entry) = &row.entry else {
        return QueueEntry {
            queue_id: if row.arrival == ArrivalId(0) {
                format!("#{}", row.id.0)
            } else {
                queue_id
            },
            status,
            sender: None,
            recipient: None,
            next_hop: None,
            octets: 0,
            created: None,
            age_seconds: 0,
            due: None,
            attempts: 0,
            last_status: None,
        };
    };
    QueueEntry {
        queue_id,
        status,
        sender: Some(entry.reverse_path.to_string()),
        recipient: Some(entry.recipient.to_string()),
        next_hop: Some(hop(&entry.next_hop)),
        octets: entry.rendering.octets(),
        created: Some(date::utc(entry.created).to_string()),
        age_seconds: age_seconds(entry, now),
        due: (!entry.is_held).then(|| date::utc(entry.due).to_string()),
        attempts: entry.attempts,
        last_status: (!entry.status.is_empty()).then(|| entry.status.to_string()),
    }
}

fn hop(next_hop: &NextHop) -> String {
    match next_hop {
        NextHop::Local => "local".to_owned(),
        NextHop::Expand { members, done } => {
            let mut text = format!("list of {}", members.len());
            if *done > 0 {
                // Writing to a String cannot fail.
                let _ = write!(text, ", {done} done");
            }
            text
        }
        NextHop::Remote(host) => host.to_string(),
    }
}
