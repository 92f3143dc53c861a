//! What an operator asks about: lines of the journal, and the queue as it stands.

use std::collections::HashSet;

use postroom_mail::identifier::ArrivalId;

use super::Store;
use crate::engine::{read_journal, read_queue};
use crate::error::ReadError;
use crate::journal::{JournalLine, Mention, Sought};
use crate::operation::EntryId;
use crate::row::QueueRow;

/// Lines that one read looks at: about ten milliseconds, so that others get their turn.
const SLICE_LINES: u64 = 20_000;

/// Lines of one message or session that are read; of a longer story the end is left out.
pub const STORY_LINES_MAX: usize = 10_000;

impl Store {
    /// Journal lines of a message, oldest first, at most [`STORY_LINES_MAX`].
    pub async fn journal_of(&self, arrival: ArrivalId) -> Result<Vec<JournalLine>, ReadError> {
        self.query(move |connection| read_journal::of_arrival(connection, arrival, STORY_LINES_MAX))
            .await
    }

    /// Journal lines of a session that belong to none of its messages, oldest first, at most
    /// [`STORY_LINES_MAX`].
    pub async fn journal_of_session(&self, session: u64) -> Result<Vec<JournalLine>, ReadError> {
        self.query(move |connection| read_journal::of_session(connection, session, STORY_LINES_MAX))
            .await
    }

    /// Messages and sessions that the journal speaks of under a name, newest first, each once.
    ///
    /// Cost: looks at each line since then until enough are found, in slices, a million lines in
    /// about a second.
    pub async fn find_in_journal(&self, sought: Sought) -> Result<Vec<Mention>, ReadError> {
        let since = sought.since;
        let (first, last) = self
            .query(move |connection| {
                Ok((
                    read_journal::first_since(connection, since)?,
                    read_journal::last(connection)?,
                ))
            })
            .await?;
        let mut known = HashSet::new();
        let mut found = Vec::new();
        let mut next = last;
        while let Some(end) = next.filter(|end| *end >= first) {
            let start = end.saturating_sub(SLICE_LINES - 1).max(first);
            let slice = sought.clone();
            let mentions = self
                .query(move |connection| read_journal::search(connection, &slice, start..=end))
                .await?;
            for mention in mentions {
                let key = match mention.arrival {
                    Some(arrival) => (true, arrival.0),
                    None => (false, mention.session),
                };
                if mention.time >= since && known.insert(key) {
                    found.push(mention);
                }
                if found.len() >= sought.limit {
                    return Ok(found);
                }
            }
            next = start.checked_sub(1);
        }
        Ok(found)
    }

    /// The queue as it stands, by id, at most `limit` above `after`. An entry that cannot be read
    /// is there too, without what it says.
    pub async fn queue_rows(
        &self,
        after: Option<EntryId>,
        limit: usize,
    ) -> Result<Vec<QueueRow>, ReadError> {
        self.query(move |connection| read_queue::rows(connection, after, limit))
            .await
    }

    /// Entries of one message, at most `limit`.
    pub async fn queue_rows_of(
        &self,
        arrival: ArrivalId,
        limit: usize,
    ) -> Result<Vec<QueueRow>, ReadError> {
        self.query(move |connection| read_queue::rows_of(connection, arrival, limit))
            .await
    }
}
