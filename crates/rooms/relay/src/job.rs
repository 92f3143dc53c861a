//! Recipients of one message that go to one place in one transaction.

use std::collections::HashMap;

use postroom_queue::queue::Lease;
use postroom_runtime::clock::Timestamp;
use postroom_store::operation::{LeaseToken, NextHop};
use postroom_store::row::Entry;

/// The destination of all mail with a smarthost. No domain is spelled so.
pub(crate) const SMARTHOST: &str = "*";

/// One transaction to be made. Has at least one entry.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) token: LeaseToken,
    /// When the lease ends.
    pub(crate) until: Timestamp,
    /// Recipients of one message with equal wishes, at most `recipients_max`.
    pub(crate) entries: Vec<Entry>,
    /// Whether a connection that was gone already has lost it: that happens once.
    pub(crate) is_retried: bool,
}

/// Sorts a lease into jobs, each with its destination: a domain, or the smarthost.
pub(crate) fn jobs(
    lease: Lease,
    has_smarthost: bool,
    recipients_max: usize,
) -> Vec<(Box<str>, Job)> {
    let mut jobs: Vec<(Box<str>, Job)> = Vec::new();
    // Of each message and destination, the job that may take more.
    let mut open: HashMap<(u64, Box<str>), usize> = HashMap::new();
    let (token, until) = (lease.token, lease.until);
    for entry in lease.entries {
        let NextHop::Remote(domain) = &entry.next_hop else {
            continue;
        };
        let destination: Box<str> = if has_smarthost {
            SMARTHOST.into()
        } else {
            domain.clone()
        };
        let key = (entry.arrival.0, destination.clone());
        let known = open.get(&key).and_then(|place| jobs.get_mut(*place));
        if let Some((_, job)) = known
            && job.entries.len() < recipients_max
            && job.takes(&entry)
        {
            job.entries.push(entry);
            continue;
        }
        open.insert(key, jobs.len());
        let job = Job {
            token,
            until,
            entries: vec![entry],
            is_retried: false,
        };
        jobs.push((destination, job));
    }
    jobs
}

impl Job {
    /// Whether a recipient may share the transaction: all that MAIL says, and the message, must be
    /// the same.
    fn takes(&self, entry: &Entry) -> bool {
        self.entries.first().is_none_or(|first| {
            first.reverse_path == entry.reverse_path
                && first.dsn.ret == entry.dsn.ret
                && first.dsn.envid == entry.dsn.envid
                && first.blob == entry.blob
                && first.rendering == entry.rendering
        })
    }

    /// Cuts off what is above `recipients_max`, for a transaction of its own.
    pub(crate) fn split(&mut self, recipients_max: usize) -> Option<Self> {
        let rest = self
            .entries
            .split_off(recipients_max.clamp(1, self.entries.len()));
        if rest.is_empty() {
            return None;
        }
        Some(Self {
            token: self.token,
            until: self.until,
            entries: rest,
            is_retried: self.is_retried,
        })
    }
}
