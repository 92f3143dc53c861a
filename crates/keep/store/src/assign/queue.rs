//! Queue entries, leases, and what is remembered.

use postroom_runtime::clock::Timestamp;

use super::Draft;
use crate::counters::EntryState;
use crate::error::{NotTended, Refused};
use crate::log::change::{Change, Tended};
use crate::operation::{Care, EntryId, EntryOutcome, LeaseToken, NewEntry};
use crate::outcome::Done;

impl Draft {
    pub(super) fn enqueue(&mut self, new: &NewEntry) -> Done {
        self.counters.ids.entry += 1;
        let entry = EntryId(self.counters.ids.entry);
        self.counters.entries.insert(
            entry,
            EntryState {
                lease: LeaseToken(0),
                due: new.due,
                is_held: false,
            },
        );
        self.changes.push(Change::Enqueue {
            entry,
            new: new.clone(),
        });
        Done::Enqueued(entry)
    }

    /// All entries or none: one that is gone, held back or not due is someone else's.
    pub(super) fn lease(&mut self, entries: &[EntryId], until: Timestamp) -> Result<Done, Refused> {
        self.counters.ids.lease += 1;
        let token = LeaseToken(self.counters.ids.lease);
        for entry in entries {
            let state = self
                .counters
                .entries
                .get_mut(entry)
                .filter(|state| !state.is_held && state.due <= self.time)
                .ok_or(Refused::LeaseLost)?;
            state.lease = token;
            state.due = until;
        }
        self.changes.push(Change::Lease {
            entries: entries.to_vec(),
            token,
            until,
        });
        Ok(Done::Leased(token))
    }

    pub(super) fn settle(
        &mut self,
        entry: EntryId,
        token: LeaseToken,
        outcome: &EntryOutcome,
    ) -> Result<Done, Refused> {
        let state = self
            .counters
            .entries
            .get_mut(&entry)
            .filter(|state| state.lease == token && token != LeaseToken(0))
            .ok_or(Refused::LeaseLost)?;
        match outcome {
            EntryOutcome::Done | EntryOutcome::Failed { .. } => {
                self.counters.entries.remove(&entry);
            }
            EntryOutcome::Deferred { due, .. } => {
                state.lease = LeaseToken(0);
                state.due = *due;
            }
            EntryOutcome::Held { .. } => {
                state.lease = LeaseToken(0);
                state.is_held = true;
            }
            EntryOutcome::Progress { .. } => {}
        }
        self.changes.push(Change::Settle {
            entry,
            outcome: outcome.clone(),
        });
        Ok(Done::Nothing)
    }

    /// An attempt that is under way is never made twice: its lease stays, unless the entry goes.
    pub(super) fn tend(&mut self, entry: EntryId, care: &Care) -> Result<Done, Refused> {
        let now = self.time;
        let refused = |why| Refused::Entry { entry, why };
        let state = self.counters.entries.get_mut(&entry);
        let state = state.ok_or(refused(NotTended::Gone))?;
        let is_in_hand = state.lease != LeaseToken(0) && state.due > now;
        let tended = match care {
            Care::Retry | Care::Hold { .. } if state.is_held => {
                return Err(refused(NotTended::Held));
            }
            Care::Retry if is_in_hand => return Err(refused(NotTended::InHand)),
            Care::Retry => {
                state.due = now;
                Tended::Due { due: now }
            }
            Care::Hold { status } => {
                state.is_held = true;
                Tended::Held {
                    status: status.clone(),
                }
            }
            Care::Release if !state.is_held => return Err(refused(NotTended::NotHeld)),
            Care::Release => {
                state.is_held = false;
                if !is_in_hand {
                    state.due = now;
                }
                Tended::Due { due: state.due }
            }
            Care::Delete => {
                self.counters.entries.remove(&entry);
                Tended::Deleted
            }
        };
        self.changes.push(Change::Tend { entry, tended });
        Ok(Done::Nothing)
    }

    pub(super) fn remember(
        &mut self,
        key: &str,
        value: &str,
        until: Timestamp,
        must_be_new: bool,
    ) -> Result<Done, Refused> {
        if must_be_new && let Some(known) = self.counters.remembered.get(key) {
            return Err(Refused::Remembered(known.clone()));
        }
        self.counters.remembered.insert(key.into(), value.into());
        self.changes.push(Change::Remember {
            key: key.into(),
            value: value.into(),
            until,
        });
        Ok(Done::Nothing)
    }
}
