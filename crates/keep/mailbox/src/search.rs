//! Finding messages: first by their rows alone, then by reading what is still open.

mod key;
mod text;

use std::collections::VecDeque;
use std::sync::Arc;

use postroom_mail::identifier::{AccountId, EmailId};
use postroom_mail::message::{Content, Structure};
use postroom_mail::uid_set::UidSet;
use postroom_runtime::pool::PoolError;
use postroom_store::error::ReadError;
use postroom_store::row::{Message, Placement};
use postroom_store::store::Wanted;

pub use key::{DateField, Days, Key, Seconds};
pub use text::Needle;

use crate::mailboxes::Mailboxes;
use crate::parsed;
use crate::version::Version;
use key::Depth;
use text::Opened;

/// Rows above which a search leaves the async thread at once.
const INLINE_ROWS_MAX: u32 = 1000;

/// Messages whose wide rows are read at once.
const PAGE_MAX: usize = 64;

/// Octets of messages that are judged in one piece of work.
const WORK_OCTETS_MAX: u64 = 1024 * 1024;

/// A message up to this size is read whole; of a larger one only what is text.
const WHOLE_OCTETS_MAX: u64 = 256 * 1024;

/// A search was not answered.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// A message could not be read.
    #[error("a message could not be read")]
    Read(#[from] ReadError),
    /// Too many searches and parses wait, or one was cut off.
    #[error("the search could not be done")]
    Pool(#[from] PoolError),
}

impl Mailboxes {
    /// UIDs of the messages of `version` for which `key` is true. Messages that are gone
    /// meanwhile are not found.
    ///
    /// Cost: rows in memory for keys of flags, numbers, dates and sizes; headers are read for
    /// header keys, text parts for BODY and TEXT. Memory: `WORK_OCTETS_MAX`, or one message.
    pub async fn search(
        &self,
        account: AccountId,
        version: &Arc<Version>,
        key: Key,
    ) -> Result<UidSet, SearchError> {
        let key = Arc::new(key.bound(version.keywords()));
        let (mut found, open) = if version.count() <= INLINE_ROWS_MAX {
            sift(version, &key)
        } else {
            let (version, key) = (Arc::clone(version), Arc::clone(&key));
            self.heavy().run(move || sift(&version, &key)).await?
        };
        for page in open.chunks(PAGE_MAX) {
            let emails: Vec<EmailId> = page.iter().map(|placement| placement.email).collect();
            let messages = self.store().messages(account, &emails).await?;
            let mut waiting: VecDeque<_> = page
                .iter()
                .zip(messages)
                .filter_map(|(placement, message)| Some((*placement, message?)))
                .collect();
            while !waiting.is_empty() {
                for uid in self.judge_some(&key, &mut waiting).await? {
                    found.push(uid);
                }
            }
        }
        Ok(found.into_iter().collect())
    }

    /// Reads and judges messages up to [`WORK_OCTETS_MAX`], and one at least.
    async fn judge_some(
        &self,
        key: &Arc<Key>,
        waiting: &mut VecDeque<(Placement, Message)>,
    ) -> Result<Vec<u32>, SearchError> {
        let mut octets = 0;
        let count = waiting
            .iter()
            .take_while(|(placement, _)| {
                let is_room = octets < WORK_OCTETS_MAX;
                octets += u64::from(placement.octets);
                is_room
            })
            .count();
        let permit = self.inspect(octets).await;
        let taken: Vec<_> = waiting.drain(..count).collect();
        let batch = self.open_all(taken, key.depth()).await?;
        let key = Arc::clone(key);
        let found = self.heavy().run(move || {
            batch
                .iter()
                .filter(|(placement, opened)| key.judge(placement, Some(opened)) == Some(true))
                .map(|(placement, _)| placement.uid.number())
                .collect()
        });
        let found = found.await?;
        drop(permit);
        Ok(found)
    }

    /// Reads what of messages a search of this depth looks at.
    async fn open_all(
        &self,
        messages: Vec<(Placement, Message)>,
        depth: Depth,
    ) -> Result<Vec<(Placement, Opened)>, SearchError> {
        let mut opened = Vec::with_capacity(messages.len());
        // Of most messages one piece is read: all of them together.
        let mut asked = Vec::new();
        let mut wanted = Vec::new();
        for (placement, message) in messages {
            let Ok(structure) = parsed::structure(&message.parsed) else {
                tracing::warn!(
                    email = message.email.0,
                    "what was parsed of a message is damaged"
                );
                continue;
            };
            if depth == Depth::Body && message.rendering.octets() > WHOLE_OCTETS_MAX {
                opened.push((placement, self.open_large(&message, &structure).await?));
                continue;
            }
            let end = match depth {
                Depth::Body => message.rendering.octets(),
                Depth::Row | Depth::Header => structure.root.header.end as u64,
            };
            wanted.push(Wanted {
                blob: message.blob,
                rendering: message.rendering,
                range: 0..end,
            });
            asked.push((placement, structure));
        }
        let found = self.store().read_many(wanted).await?;
        for ((placement, structure), octets) in asked.into_iter().zip(found) {
            let octets = match octets {
                Ok(octets) => octets,
                // One damaged message must not hide the others.
                Err(error @ ReadError::Damaged { .. }) => {
                    tracing::error!(uid = placement.uid.number(), %error, "a message is not found");
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let open = match depth {
                Depth::Body => Opened::whole(&octets, &structure),
                Depth::Row | Depth::Header => Opened::header(octets),
            };
            opened.push((placement, open));
        }
        Ok(opened)
    }

    /// Reads of a large message only what is text.
    async fn open_large(
        &self,
        message: &Message,
        structure: &Structure,
    ) -> Result<Opened, ReadError> {
        let header = self.read(message, structure.root.header.clone()).await?;
        let mut opened = Opened::header(header);
        for part in text_parts(structure) {
            let body = self.read(message, part.body.clone()).await?;
            opened.add_part(part, body);
        }
        for inner in inner_headers(structure) {
            opened.add_header(self.read(message, inner).await?);
        }
        Ok(opened)
    }

    async fn read(
        &self,
        message: &Message,
        range: std::ops::Range<usize>,
    ) -> Result<Vec<u8>, ReadError> {
        let range = range.start as u64..range.end as u64;
        self.store()
            .read(message.blob, &message.rendering, range)
            .await
    }
}

/// Judges every row: UIDs that are found, and rows that must be read.
fn sift(version: &Version, key: &Key) -> (Vec<u32>, Vec<Placement>) {
    let mut found = Vec::new();
    let mut open = Vec::new();
    for (_, placement) in version.iter() {
        match key.judge(placement, None) {
            Some(true) => found.push(placement.uid.number()),
            Some(false) => {}
            None => open.push(*placement),
        }
    }
    (found, open)
}

fn text_parts(structure: &Structure) -> impl Iterator<Item = &postroom_mail::message::Part> {
    structure
        .parts()
        .filter(|part| matches!(part.content, Content::Text { .. }))
}

/// Headers of messages within the message.
fn inner_headers(structure: &Structure) -> impl Iterator<Item = std::ops::Range<usize>> {
    structure.parts().filter_map(|part| match &part.content {
        Content::Message { root, .. } => Some(root.header.clone()),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
