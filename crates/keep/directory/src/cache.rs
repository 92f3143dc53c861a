//! Lookups kept in memory until the store says that the directory changed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use postroom_store::store::Notice;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::TryRecvError;

use crate::lookup::Lookup;

/// Answers by lookup key.
pub(crate) struct LookupCache {
    state: Mutex<State>,
    entries_max: usize,
}

struct State {
    notices: broadcast::Receiver<Arc<Notice>>,
    answers: HashMap<Box<str>, Lookup>,
    /// Counts what made the cache forget: an answer read before is not kept after.
    epoch: u64,
}

impl LookupCache {
    pub(crate) fn new(notices: broadcast::Receiver<Arc<Notice>>, entries_max: usize) -> Self {
        Self {
            state: Mutex::new(State {
                notices,
                answers: HashMap::new(),
                epoch: 0,
            }),
            entries_max,
        }
    }

    /// The answer, or the epoch in which to look it up.
    pub(crate) fn get(&self, key: &str) -> Result<Lookup, u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.catch_up();
        state.answers.get(key).cloned().ok_or(state.epoch)
    }

    /// Keeps an answer that was looked up in `epoch`, unless something changed since.
    pub(crate) fn keep(&self, key: &str, answer: &Lookup, epoch: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.catch_up();
        if state.epoch != epoch {
            return;
        }
        if state.answers.len() >= self.entries_max {
            state.answers.clear();
        }
        state.answers.insert(key.into(), answer.clone());
    }
}

impl State {
    fn catch_up(&mut self) {
        loop {
            match self.notices.try_recv() {
                Ok(notice) if !notice.is_directory => {}
                Ok(_) | Err(TryRecvError::Lagged(_)) => {
                    self.answers.clear();
                    self.epoch += 1;
                }
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_lasts_until_the_directory_changes() {
        let (sender, receiver) = broadcast::channel(4);
        let cache = LookupCache::new(receiver, 10);
        let epoch = cache.get("a@b").unwrap_err();
        cache.keep("a@b", &Lookup::UnknownUser, epoch);
        sender.send(Arc::new(Notice::default())).unwrap();
        assert_eq!(cache.get("a@b"), Ok(Lookup::UnknownUser));
        sender
            .send(Arc::new(Notice {
                is_directory: true,
                ..Notice::default()
            }))
            .unwrap();
        assert!(cache.get("a@b").is_err());
    }

    #[test]
    fn an_answer_from_before_a_change_is_not_kept() {
        let (sender, receiver) = broadcast::channel(4);
        let cache = LookupCache::new(receiver, 10);
        let epoch = cache.get("a@b").unwrap_err();
        sender
            .send(Arc::new(Notice {
                is_directory: true,
                ..Notice::default()
            }))
            .unwrap();
        cache.keep("a@b", &Lookup::UnknownUser, epoch);
        assert!(cache.get("a@b").is_err());
    }
}
