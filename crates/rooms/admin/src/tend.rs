//! Retrying, holding, releasing and deleting what waits.

use postroom_store::error::{CommitError, NotTended, Refused};
use postroom_store::journal::JournalLine;
use postroom_store::operation::{Care, EntryId, Operation};
use postroom_store::plan::Plan;
use postroom_store::row::QueueRow;
use serde_json::Value;

use crate::answer::{Failure, QueueSkipped, QueueTended};
use crate::handler::{Admin, told};
use crate::queue::{ROWS, is_in_hand};
use crate::request::{QueueCare, QueueTend};

/// Entries that one commit changes.
const BATCH: usize = 200;

/// Entries that were left alone and are named.
const NAMED_MAX: usize = 100;

/// Recipients of one message that are tended.
const OF_MESSAGE_MAX: usize = 100_000;

impl Admin {
    /// Does the same to every entry that is meant; what cannot be done is told and stops nothing.
    pub(crate) async fn queue_tend(&self, wish: &QueueTend) -> Result<Value, Failure> {
        let mut tended = QueueTended::default();
        let is_bounded = !wish.ids.is_empty() || wish.all || wish.filter.is_narrow();
        if !is_bounded {
            return Err(Failure::new(
                "nothing says which entries are meant",
                "name queue ids, filter, or say --all",
            ));
        }
        if wish.ids.is_empty() {
            self.tend_all(wish, &mut tended).await?;
        }
        for id in &wish.ids {
            self.tend_message(id, wish, &mut tended).await?;
        }
        told(&tended)
    }

    async fn tend_all(&self, wish: &QueueTend, tended: &mut QueueTended) -> Result<(), Failure> {
        let mut after = None;
        loop {
            let rows = self.store.queue_rows(after, ROWS).await?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = Some(last.id);
            self.tend_rows(rows, wish, tended).await?;
        }
    }

    async fn tend_message(
        &self,
        id: &str,
        wish: &QueueTend,
        tended: &mut QueueTended,
    ) -> Result<(), Failure> {
        let rows = match (id.parse(), number(id)) {
            (Ok(arrival), _) => self.store.queue_rows_of(arrival, OF_MESSAGE_MAX).await?,
            // A damaged entry that does not know its message goes by its number.
            (_, Some(number)) => {
                let after = EntryId(number.saturating_sub(1));
                let mut rows = self.store.queue_rows(Some(after), 1).await?;
                rows.retain(|row| row.id.0 == number);
                rows
            }
            _ => Vec::new(),
        };
        if rows.is_empty() {
            tended.skip(id.to_owned(), None, &"no such message waits");
        }
        self.tend_rows(rows, wish, tended).await
    }

    async fn tend_rows(
        &self,
        mut rows: Vec<QueueRow>,
        wish: &QueueTend,
        tended: &mut QueueTended,
    ) -> Result<(), Failure> {
        let now = self.clock.wall();
        rows.retain(|row| wish.filter.takes(row, now));
        rows.retain(
            |row| match beforehand(wish.care, row, is_in_hand(row, now)) {
                Some(why) => {
                    tended.skip_row(row, why);
                    false
                }
                None => true,
            },
        );
        while !rows.is_empty() {
            let rest = rows.split_off(rows.len().min(BATCH));
            self.tend_batch(rows, wish.care, tended).await?;
            rows = rest;
        }
        Ok(())
    }

    /// One commit; an entry that has changed since it was read is left out of the next try.
    async fn tend_batch(
        &self,
        mut rows: Vec<QueueRow>,
        care: QueueCare,
        tended: &mut QueueTended,
    ) -> Result<(), Failure> {
        while !rows.is_empty() {
            match self.store.commit(self.tending(&rows, care)).await {
                Ok(_) => {
                    tended.changed += rows.len() as u64;
                    for row in &rows {
                        tracing::info!(
                            queue_id = %row.arrival,
                            entry = row.id.0,
                            outcome = care.as_str(),
                            by = &*self.asker,
                            "queue entry tended"
                        );
                    }
                    return Ok(());
                }
                Err(CommitError::Refused(Refused::Entry { entry, why })) => {
                    let place = rows.iter().position(|row| row.id == entry);
                    let Some(place) = place else {
                        return Err(CommitError::Refused(Refused::Entry { entry, why }).into());
                    };
                    tended.skip_row(&rows.swap_remove(place), why);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn tending(&self, rows: &[QueueRow], care: QueueCare) -> Plan {
        let tend = |row: &QueueRow| Operation::Tend {
            entry: row.id,
            care: match care {
                QueueCare::Retry => Care::Retry,
                QueueCare::Hold => Care::Hold {
                    status: format!("held by operator ({})", self.asker).into(),
                },
                QueueCare::Release => Care::Release,
                QueueCare::Delete => Care::Delete,
            },
        };
        Plan {
            arrival: self.store.new_arrival(),
            time: self.clock.wall(),
            operations: rows.iter().map(tend).collect(),
            journal: rows.iter().map(|row| self.tended_line(row, care)).collect(),
            body: None,
        }
    }

    fn tended_line(&self, row: &QueueRow, care: QueueCare) -> JournalLine {
        let (verdict, did) = match care {
            QueueCare::Retry => ("queued", "retried"),
            QueueCare::Hold => ("held", "held"),
            QueueCare::Release => ("queued", "released"),
            QueueCare::Delete => ("dropped", "deleted"),
        };
        let entry = row.entry.as_ref();
        let name = |text: &str| self.journal_name(text);
        JournalLine {
            time: self.clock.wall(),
            session: 0,
            arrival: Some(row.arrival),
            message_id: None,
            room: "admin".into(),
            what: care.as_str().into(),
            sender: entry.map(|entry| match &*entry.reverse_path {
                "" => "".into(),
                sender => name(sender),
            }),
            recipient: entry.map(|entry| name(&entry.recipient)),
            verdict: verdict.into(),
            reply: Some(format!("{did} by operator ({})", self.asker).into()),
            next_hop: None,
            peer: None,
            elapsed_us: 0,
        }
    }
}

/// What is known to be in vain before it is tried.
fn beforehand(care: QueueCare, row: &QueueRow, is_in_hand: bool) -> Option<NotTended> {
    let is_held = row.entry.as_ref().is_some_and(|entry| entry.is_held);
    match care {
        QueueCare::Retry | QueueCare::Hold if is_held => Some(NotTended::Held),
        QueueCare::Retry if is_in_hand => Some(NotTended::InHand),
        QueueCare::Release if !is_held && row.entry.is_some() => Some(NotTended::NotHeld),
        _ => None,
    }
}

/// `#12`: the entry of that number.
fn number(id: &str) -> Option<u64> {
    id.strip_prefix('#')?.parse().ok()
}

impl QueueTended {
    fn skip(&mut self, queue_id: String, recipient: Option<String>, why: &impl ToString) {
        self.skipped_count += 1;
        if self.skipped.len() < NAMED_MAX {
            self.skipped.push(QueueSkipped {
                queue_id,
                recipient,
                why: why.to_string(),
            });
        }
    }

    fn skip_row(&mut self, row: &QueueRow, why: NotTended) {
        let recipient = row.entry.as_ref().map(|entry| entry.recipient.to_string());
        self.skip(row.arrival.to_string(), recipient, &why);
    }
}
