//! What waits in memory, by destination, and the sessions that work on it.

use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use postroom_runtime::clock::Clock;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::job::{Job, SMARTHOST};
use crate::setback::Setback;
use crate::settings::Bounds;

/// Of the sessions, the share that destinations with a session already may use: 3 of 4.
const SHARED_OF_4: usize = 3;

/// Jobs by destination. Entries in it, or taken out of it for an attempt, count until they are
/// [settled](Pool::settled).
#[derive(Debug)]
pub(crate) struct Pool {
    bounds: Bounds,
    clock: Clock,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    destinations: HashMap<Arc<str>, Destination>,
    /// Those that may want another session, longest first.
    wanting: VecDeque<Arc<str>>,
    entries: usize,
    sessions: usize,
    /// There was no room for what is due.
    is_short: bool,
}

#[derive(Debug, Default)]
struct Destination {
    jobs: VecDeque<Job>,
    /// Waiting and in attempts.
    entries: usize,
    sessions: usize,
    /// Sessions that wait for a job.
    idle: usize,
    /// Sessions that are ready for mail; until there is one, one session feels the way.
    ready: usize,
    /// Fewer sessions than usual, as the destination will have no more.
    sessions_max: Option<usize>,
    /// It could not be reached: until when it is left alone, and why.
    shut: Option<(Instant, Setback)>,
    wake: Arc<Notify>,
    is_wanting: bool,
    /// What is due for it is passed over, as it has enough here.
    is_passed_over: bool,
}

impl Pool {
    pub(crate) fn new(bounds: Bounds, clock: Clock) -> Self {
        Self {
            bounds,
            clock,
            state: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Entries that there is room for. Without any, [`Pool::changed`] tells when half is free.
    pub(crate) fn room(&self) -> usize {
        let mut state = self.lock();
        let room = self.bounds.entries_max.saturating_sub(state.entries);
        state.is_short = room == 0;
        room
    }

    /// Domains that have as many entries here as one may; [`Pool::changed`] tells when one has
    /// half of them.
    pub(crate) fn full(&self) -> Vec<Box<str>> {
        let mut full = Vec::new();
        for (name, destination) in &mut self.lock().destinations {
            destination.is_passed_over = name.as_ref() != SMARTHOST
                && destination.entries >= self.bounds.entries_per_destination_max;
            if destination.is_passed_over {
                full.push(name.as_ref().into());
            }
        }
        full.sort();
        full
    }

    /// Takes jobs in; returns those for destinations that are left alone now, with the reason.
    pub(crate) fn add(&self, jobs: Vec<(Box<str>, Job)>) -> Vec<(Arc<str>, Job, Setback)> {
        let now = self.clock.now();
        let mut refused = Vec::new();
        let mut state = self.lock();
        for (name, job) in jobs {
            let name: Arc<str> = name.into();
            state.entries += job.entries.len();
            let destination = state.destinations.entry(Arc::clone(&name)).or_default();
            destination.entries += job.entries.len();
            match &destination.shut {
                Some((until, setback)) if *until > now => {
                    refused.push((name, job, setback.clone()));
                }
                _ => {
                    destination.shut = None;
                    destination.jobs.push_back(job);
                    destination.wake.notify_one();
                    state.want(name);
                }
            }
        }
        refused
    }

    /// Destinations for which a session is to be opened now, one for each; they count already.
    pub(crate) fn open(&self) -> Vec<Arc<str>> {
        let mut state = self.lock();
        let shared_max = (self.bounds.sessions_max * SHARED_OF_4).div_ceil(4);
        let mut opened = Vec::new();
        let mut blocked = VecDeque::new();
        while state.sessions < self.bounds.sessions_max {
            let Some(name) = state.wanting.pop_front() else {
                break;
            };
            let is_crowded = state.sessions >= shared_max;
            let Some(destination) = state.destinations.get_mut(&name) else {
                continue;
            };
            if !destination.wants(&self.bounds) {
                destination.is_wanting = false;
            } else if is_crowded && destination.sessions > 0 {
                blocked.push_back(name);
            } else {
                destination.sessions += 1;
                state.sessions += 1;
                // It stands at the end of the line for its next.
                state.wanting.push_back(Arc::clone(&name));
                opened.push(name);
            }
        }
        blocked.append(&mut state.wanting);
        state.wanting = blocked;
        opened
    }

    /// The next job of a destination for one of its sessions; `None` when none has come for
    /// `idle_max`. Cancel safe.
    pub(crate) async fn next(&self, name: &Arc<str>) -> Option<Job> {
        let waiting = async {
            let wake = Arc::clone(&self.lock().destinations.get(name)?.wake);
            let mut idling = None;
            loop {
                // In line before the look, so that no job comes unheard between the two.
                let mut woken = pin!(wake.notified());
                woken.as_mut().enable();
                if let Some(job) = self.take(name) {
                    return Some(job);
                }
                idling.get_or_insert_with(|| Idling::begin(self, name));
                woken.await;
            }
        };
        timeout(self.bounds.idle_max, waiting).await.ok().flatten()
    }

    fn take(&self, name: &str) -> Option<Job> {
        self.lock().destinations.get_mut(name)?.jobs.pop_front()
    }

    /// Puts a job back that was not tried.
    pub(crate) fn put_back(&self, name: &Arc<str>, job: Job) {
        let mut state = self.lock();
        if let Some(destination) = state.destinations.get_mut(name) {
            destination.jobs.push_front(job);
            destination.wake.notify_one();
        }
        state.want(Arc::clone(name));
        drop(state);
        self.changed.notify_one();
    }

    /// Entries of a destination have got their outcome, or were given up.
    pub(crate) fn settled(&self, name: &str, entries: usize) {
        let mut guard = self.lock();
        let state = &mut *guard;
        state.entries = state.entries.saturating_sub(entries);
        let mut has_room = state.is_short && state.entries <= self.bounds.entries_max / 2;
        if has_room {
            state.is_short = false;
        }
        if let Some(destination) = state.destinations.get_mut(name) {
            destination.entries = destination.entries.saturating_sub(entries);
            let half = self.bounds.entries_per_destination_max / 2;
            if destination.is_passed_over && destination.entries <= half {
                destination.is_passed_over = false;
                has_room = true;
            }
            if destination.is_over() {
                state.destinations.remove(name);
            }
        }
        drop(guard);
        if has_room {
            self.changed.notify_one();
        }
    }

    /// A session is ready for mail: the destination is there, and others may come.
    pub(crate) fn ready(&self, name: &Arc<str>) {
        let mut state = self.lock();
        if let Some(destination) = state.destinations.get_mut(name) {
            destination.ready += 1;
            destination.shut = None;
        }
        state.want(Arc::clone(name));
        drop(state);
        self.changed.notify_one();
    }

    /// A session has ended; `setback` tells why it never was ready. Returns the jobs that have
    /// nobody left to wait for.
    pub(crate) fn closed(
        &self,
        name: &Arc<str>,
        was_ready: bool,
        setback: Option<&Setback>,
    ) -> Vec<Job> {
        let until = self.clock.now() + self.bounds.shut;
        let mut state = self.lock();
        state.sessions = state.sessions.saturating_sub(1);
        let mut given_up = Vec::new();
        if let Some(destination) = state.destinations.get_mut(name) {
            destination.sessions = destination.sessions.saturating_sub(1);
            if was_ready {
                destination.ready = destination.ready.saturating_sub(1);
            }
            match setback {
                // Others are being served: it is we who ask for too much.
                Some(_) if destination.ready > 0 => {
                    destination.sessions_max = Some(destination.sessions.max(1));
                }
                Some(setback) => {
                    given_up.extend(destination.jobs.drain(..));
                    if !setback.is_final {
                        destination.shut = Some((until, setback.clone()));
                    }
                }
                None => {}
            }
            if destination.sessions == 0 {
                destination.sessions_max = None;
            }
            if destination.is_over() {
                state.destinations.remove(name);
            } else {
                state.want(Arc::clone(name));
            }
        }
        drop(state);
        self.changed.notify_one();
        given_up
    }

    /// Forgets destinations whose time of being left alone is over.
    pub(crate) fn sweep(&self) {
        let now = self.clock.now();
        self.lock().destinations.retain(|_, destination| {
            if destination
                .shut
                .as_ref()
                .is_some_and(|(until, _)| *until <= now)
            {
                destination.shut = None;
            }
            !destination.is_over()
        });
    }

    /// The first entry that waits for a destination.
    pub(crate) fn peek<T>(&self, name: &str, look: impl FnOnce(&Job) -> T) -> Option<T> {
        let state = self.lock();
        state.destinations.get(name)?.jobs.front().map(look)
    }

    /// Waits until there may be room for entries, or sessions to open. Cancel safe.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Puts a destination in the line for sessions.
    fn want(&mut self, name: Arc<str>) {
        if let Some(destination) = self.destinations.get_mut(&name)
            && !destination.is_wanting
        {
            destination.is_wanting = true;
            self.wanting.push_back(name);
        }
    }
}

impl Destination {
    /// Whether another session would have work.
    fn wants(&self, bounds: &Bounds) -> bool {
        let usual = bounds.sessions_per_destination_max;
        let sessions_max = match self.sessions_max {
            Some(fewer) => fewer.min(usual),
            None if self.ready == 0 => 1,
            None => usual,
        };
        // Those that are on their way will each take a job.
        let coming = self.sessions - self.ready.min(self.sessions) + self.idle;
        self.jobs.len() > coming && self.sessions < sessions_max
    }

    fn is_over(&self) -> bool {
        self.jobs.is_empty() && self.sessions == 0 && self.entries == 0 && self.shut.is_none()
    }
}

/// Counts a session as idle while it lives.
struct Idling<'p> {
    pool: &'p Pool,
    name: &'p str,
}

impl<'p> Idling<'p> {
    fn begin(pool: &'p Pool, name: &'p str) -> Self {
        if let Some(destination) = pool.lock().destinations.get_mut(name) {
            destination.idle += 1;
        }
        Self { pool, name }
    }
}

impl Drop for Idling<'_> {
    fn drop(&mut self) {
        if let Some(destination) = self.pool.lock().destinations.get_mut(self.name) {
            destination.idle = destination.idle.saturating_sub(1);
        }
    }
}

/// How often the pool is swept.
pub(crate) const SWEEP_EVERY: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
