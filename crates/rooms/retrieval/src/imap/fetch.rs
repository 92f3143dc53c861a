//! FETCH, page by page.

use std::collections::VecDeque;
use std::sync::Arc;

use postroom_imap::command::fetch::{Fetch, FetchAttribute};
use postroom_imap::command::{Access, Numbering};
use postroom_imap::response::Response;
use postroom_imap::response::fetch::{FetchItem, Fetched};
use postroom_imap::response::status::Completion;
use postroom_mail::flag::{FlagChange, Flags, SystemFlags};
use postroom_mail::identifier::EmailId;
use postroom_mail::uid_set::UidSet;
use postroom_mailbox::mailboxes::FlagStore;
use postroom_mailbox::version::Version;
use postroom_store::row::{Message, Placement};

use super::item::{Opened, Page};
use super::reply::Failure;
use super::resync::{Announced, Awareness, vanished_rows};
use super::selected::Selected;
use super::work::{ROWS_PAGE_MAX, Work};
use super::{Handled, ImapHost, reply};
use crate::authenticator::Authenticator;

/// Messages whose wide rows are read at once.
const BATCH_MAX: usize = 256;

/// Octets of one page, below what the machine's output holds.
const PAGE_OCTETS_MAX: usize = 48 * 1024;

/// Octets of the items of a message that need no wide row.
const NARROW_OCTETS: usize = 128;

/// A FETCH that is being answered.
#[derive(Debug)]
pub(crate) struct Fetching {
    by: Numbering,
    /// What the client knows: gives the numbers.
    numbered: Arc<Version>,
    /// The latest: gives the flags.
    latest: Arc<Version>,
    attributes: Arc<[FetchAttribute]>,
    /// Messages of which FLAGS are told too, and UID and MODSEQ to a client that is aware of them.
    flagged: UidSet,
    awareness: Awareness,
    sequences: std::vec::IntoIter<u32>,
    /// Rows that are read but not told.
    batch: VecDeque<Row>,
    /// Why some messages are not told.
    trouble: Option<Completion>,
}

/// One message to tell of.
#[derive(Debug)]
pub(super) struct Row {
    sequence: u32,
    pub(super) placement: Placement,
    pub(super) message: Option<Message>,
}

impl Fetching {
    /// Tells of these messages; numbers are those that the client knows, flags those of `latest`.
    pub(super) fn new(
        selected: &Selected,
        latest: Arc<Version>,
        by: Numbering,
        uids: &UidSet,
    ) -> Self {
        let sequences: Vec<u32> = selected
            .seen
            .of_uids(uids)
            .map(|(sequence, _)| sequence)
            .collect();
        Self {
            by,
            numbered: Arc::clone(&selected.seen),
            latest,
            attributes: Arc::default(),
            flagged: UidSet::new(),
            awareness: Awareness::Plain,
            sequences: sequences.into_iter(),
            batch: VecDeque::new(),
            trouble: None,
        }
    }

    /// Tells these items, and the UID in answer to a UID command (RFC 9051 §6.4.9).
    #[must_use]
    pub(super) fn with_attributes(mut self, mut attributes: Vec<FetchAttribute>) -> Self {
        if self.by == Numbering::Uid && !attributes.contains(&FetchAttribute::Uid) {
            attributes.insert(0, FetchAttribute::Uid);
        }
        self.attributes = attributes.into();
        self
    }

    /// Tells FLAGS of these messages besides, as an untagged FETCH would (RFC 7162 §3.2.4).
    #[must_use]
    pub(super) fn with_flags_of(mut self, uids: UidSet, awareness: Awareness) -> Self {
        self.flagged = uids;
        self.awareness = awareness;
        self
    }

    /// How the command ends if some messages could not be told of.
    pub(super) fn trouble(&self) -> Option<Completion> {
        self.trouble.clone()
    }

    /// Whether a row lacks what an item is made of.
    fn needs_message(&self) -> bool {
        self.attributes.iter().any(|attribute| {
            !matches!(
                attribute,
                FetchAttribute::Flags
                    | FetchAttribute::InternalDate
                    | FetchAttribute::ModSeq
                    | FetchAttribute::Rfc822Size
                    | FetchAttribute::Uid
            )
        })
    }

    /// A message as it stands now, or as the client knows it if it is gone.
    fn row(&self, sequence: u32) -> Option<Row> {
        let known = self.numbered.at(sequence)?;
        let placement = if Arc::ptr_eq(&self.numbered, &self.latest) {
            known
        } else {
            let now = self.latest.find(known.uid);
            now.map_or(known, |(_, placement)| placement)
        };
        Some(Row {
            sequence,
            placement: *placement,
            message: None,
        })
    }
}

impl<A: Authenticator> ImapHost<A> {
    /// FETCH and UID FETCH (RFC 9051 §6.4.5, RFC 7162 §3.1.4, §3.2.6).
    pub(super) async fn fetch(&mut self, mut fetch: Fetch) -> Handled {
        let selected = self.selected()?;
        let mut uids = selected.uids(fetch.by, &fetch.set)?;
        let mut gone = Vec::new();
        if let Some(since) = fetch.changed_since {
            if since.tells_vanished {
                self.knows_vanished()?;
                let wanted = selected.uids_ever(&fetch.set);
                let vanished = self.vanished(selected, since.mod_seq, &wanted).await?;
                gone = vanished_rows(Announced::Earlier, &vanished);
            }
            uids = selected.changed_since(since.mod_seq).intersection(&uids);
            if !fetch.attributes.contains(&FetchAttribute::ModSeq) {
                fetch.attributes.push(FetchAttribute::ModSeq);
            }
        }
        let newly_seen = if fetch.attributes.iter().any(FetchAttribute::sets_seen) {
            self.see(&uids).await?
        } else {
            UidSet::new()
        };
        let awareness = self.awareness;
        let selected = self.selected_mut()?;
        let latest = selected.latest();
        let rows = selected.learn_keywords(&latest);
        let has = |attribute| fetch.attributes.contains(&attribute);
        let tells_all = has(FetchAttribute::Flags)
            && (has(FetchAttribute::ModSeq) || !awareness.has_mod_seqs());
        let told = if tells_all {
            uids.clone()
        } else {
            newly_seen.clone()
        };
        let fetching = Fetching::new(selected, Arc::clone(&latest), fetch.by, &uids)
            .with_attributes(fetch.attributes)
            .with_flags_of(newly_seen, awareness);
        Ok(Work::ended(reply::DONE)
            .with_rows(gone)
            .and_rows(rows)
            .with_fetch(fetching)
            .having_told(told, latest)
            .by(fetch.by))
    }

    /// Marks messages `\Seen`, as reading their bodies does (RFC 9051 §6.4.5); returns those that
    /// were not.
    async fn see(&self, uids: &UidSet) -> Result<UidSet, Failure> {
        let selected = self.selected()?;
        if selected.access == Access::ReadOnly {
            return Ok(UidSet::new());
        }
        let unseen: UidSet = selected
            .latest()
            .of_uids(uids)
            .filter(|(_, placement)| !placement.flags.contains(SystemFlags::SEEN))
            .map(|(_, placement)| placement.uid.number())
            .collect();
        if !unseen.is_empty() {
            let seen = FlagStore {
                uids: unseen.clone(),
                change: FlagChange::Add,
                flags: Flags {
                    system: SystemFlags::SEEN,
                    keywords: Vec::new(),
                },
                unchanged_since: None,
            };
            self.mailboxes().store_flags(selected.place(), seen).await?;
            selected.refresh().await?;
        }
        Ok(unseen)
    }

    /// Adds rows to a page until it is full; false when there are none left.
    pub(super) async fn fetch_page(
        &mut self,
        fetching: &mut Fetching,
        rows: &mut Vec<Response>,
    ) -> Result<bool, Failure> {
        let mut streams = std::mem::take(&mut self.streams);
        let mut page = Page::new(&mut streams);
        let mut is_more = true;
        while page.octets < PAGE_OCTETS_MAX && page.rows.len() < ROWS_PAGE_MAX {
            let Some(row) = fetching.batch.pop_front() else {
                if self.fill(fetching).await? {
                    continue;
                }
                is_more = false;
                break;
            };
            match self.items(fetching, &row, &mut page) {
                Ok(items) => page.rows.push(Fetched {
                    sequence: row.sequence,
                    items,
                }),
                // One message that is damaged or oddly encoded must not hide the others.
                Err(failure) if [reply::CORRUPTION, reply::UNKNOWN_CTE].contains(&failure.0) => {
                    page.drop_row();
                    fetching.trouble = Some(*failure.0);
                }
                Err(failure) => return Err(failure),
            }
        }
        let (fetched, is_damaged) = page.complete(self.mailboxes().store()).await?;
        if is_damaged {
            fetching.trouble = Some(reply::CORRUPTION);
        }
        rows.extend(fetched.into_iter().map(Response::Fetch));
        self.streams = streams;
        Ok(is_more)
    }

    /// Reads the next batch of rows; false when there are none left.
    async fn fill(&self, fetching: &mut Fetching) -> Result<bool, Failure> {
        let numbers: Vec<u32> = fetching.sequences.by_ref().take(BATCH_MAX).collect();
        if numbers.is_empty() {
            return Ok(false);
        }
        let mut rows: Vec<Row> = numbers
            .into_iter()
            .filter_map(|sequence| fetching.row(sequence))
            .collect();
        if fetching.needs_message() {
            let emails: Vec<EmailId> = rows.iter().map(|row| row.placement.email).collect();
            let account = self.account()?;
            let messages = self.mailboxes().store().messages(account, &emails).await?;
            for (row, message) in rows.iter_mut().zip(messages) {
                row.message = message;
            }
            let count = rows.len();
            rows.retain(|row| row.message.is_some());
            if rows.len() < count {
                // Expunged by another session, and erased.
                fetching.trouble.get_or_insert(reply::EXPUNGE_ISSUED);
            }
        }
        fetching.batch.extend(rows);
        Ok(true)
    }

    /// The items of one message.
    fn items(
        &self,
        fetching: &Fetching,
        row: &Row,
        page: &mut Page<'_>,
    ) -> Result<Vec<FetchItem>, Failure> {
        let attributes = &fetching.attributes;
        let mut items = Vec::with_capacity(attributes.len() + 1);
        let mut opened = Opened::default();
        page.octets += NARROW_OCTETS;
        for attribute in attributes.iter() {
            let item = match (attribute, &row.message) {
                (FetchAttribute::Flags, _) => self.flags_of(row)?,
                (FetchAttribute::InternalDate, _) => {
                    FetchItem::InternalDate(row.placement.received)
                }
                (FetchAttribute::Rfc822Size, _) => {
                    FetchItem::Rfc822Size(row.placement.octets.into())
                }
                (FetchAttribute::ModSeq, _) => FetchItem::ModSeq(row.placement.mod_seq),
                (FetchAttribute::Uid, _) => FetchItem::Uid(row.placement.uid),
                (_, Some(message)) => {
                    let item = page.item(attribute, message, &mut opened, items.len())?;
                    let Some(item) = item else { continue };
                    item
                }
                (_, None) => continue,
            };
            items.push(item);
        }
        if fetching.flagged.contains(row.placement.uid.number()) {
            self.add_flags(fetching, row, &mut items)?;
        }
        Ok(items)
    }

    /// What an untagged FETCH would tell of a message, as far as it was not asked for.
    fn add_flags(
        &self,
        fetching: &Fetching,
        row: &Row,
        items: &mut Vec<FetchItem>,
    ) -> Result<(), Failure> {
        let is_missing = |attribute| !fetching.attributes.contains(&attribute);
        let has_mod_seqs = fetching.awareness.has_mod_seqs();
        if has_mod_seqs && is_missing(FetchAttribute::Uid) {
            items.push(FetchItem::Uid(row.placement.uid));
        }
        if is_missing(FetchAttribute::Flags) {
            items.push(self.flags_of(row)?);
        }
        if has_mod_seqs && is_missing(FetchAttribute::ModSeq) {
            items.push(FetchItem::ModSeq(row.placement.mod_seq));
        }
        Ok(())
    }

    fn flags_of(&self, row: &Row) -> Result<FetchItem, Failure> {
        Ok(FetchItem::Flags(self.selected()?.flags(&row.placement)))
    }
}
