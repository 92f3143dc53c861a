//! What lasts as long as the connection: counters, standing, encryption.

use std::time::{Duration, Instant};

use postroom_mail::reply::{self, Reply};
use postroom_wire::machine::Tls;

use super::host::Standing;
use super::profile::{Dialect, Limits};

/// Facts and counts of one connection.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) standing: Standing,
    pub(super) tls: Option<Tls>,
    pub(super) logged_in: bool,
    counts: Counts,
    /// A message was accepted, and the peer has not gone on since.
    unsettled: bool,
    ending: Option<Ending>,
}

#[derive(Debug, Default)]
struct Counts {
    commands: u32,
    transactions: u32,
    bad_commands: u32,
    bad_logins: u32,
}

/// Why a session ends once the command in hand is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The peer has gone.
    Closed,
    /// The server goes down.
    Draining,
}

impl Session {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            standing: if dialect == Dialect::Lmtp {
                Standing::Trusted
            } else {
                Standing::Stranger
            },
            tls: None,
            logged_in: false,
            counts: Counts::default(),
            unsettled: false,
            ending: None,
        }
    }

    /// The handshake is done: what was said in clear text is forgotten (RFC 3207 §4.2).
    pub(super) fn secure(&mut self, tls: Tls) {
        self.tls = Some(tls);
        self.logged_in = false;
    }

    /// Whether DSN may be used (RFC 3461): not by strangers, who could have reports sent to
    /// third parties.
    pub(super) fn may_use_dsn(&self) -> bool {
        self.logged_in || self.standing == Standing::Trusted
    }

    /// Counts a command; the reply that ends the session when it is one too many.
    pub(super) fn count_command(&mut self, limits: &Limits) -> Option<Reply> {
        over(&mut self.counts.commands, limits.commands_max).then_some(reply::TOO_MANY_COMMANDS)
    }

    /// Counts a MAIL command, like [`Session::count_command`].
    pub(super) fn count_transaction(&mut self, limits: &Limits) -> Option<Reply> {
        over(&mut self.counts.transactions, limits.transactions_max)
            .then_some(reply::TOO_MANY_TRANSACTIONS)
    }

    /// Counts a failed login; the reply to it.
    pub(super) fn refuse_login(&mut self, reply: Reply, limits: &Limits) -> Reply {
        if reached(&mut self.counts.bad_logins, limits.bad_logins_max) {
            reply::TOO_MANY_LOGINS
        } else {
            reply
        }
    }

    /// Counts a mistake of syntax or sequence; the reply to it. Other refusals are not counted.
    pub(super) fn refuse(&mut self, reply: Reply, limits: &Limits) -> Reply {
        let mistake = matches!(reply.code, 500..=504 | 530 | 555);
        if mistake && reached(&mut self.counts.bad_commands, limits.bad_commands_max) {
            reply::TOO_MANY_ERRORS
        } else {
            reply
        }
    }

    /// A message was accepted: whether its reply was heard is open (RFC 1047). Commands are
    /// counted anew.
    pub(super) fn accept(&mut self) {
        self.counts.commands = 0;
        self.unsettled = true;
    }

    /// Whether that was open; it no longer is.
    pub(super) fn settle(&mut self) -> bool {
        std::mem::take(&mut self.unsettled)
    }

    /// The session is to end. A peer that has gone needs no farewell.
    pub(super) fn end(&mut self, ending: Ending) {
        if self.ending != Some(Ending::Closed) {
            self.ending = Some(ending);
        }
    }

    pub(super) fn ending(&self) -> Option<Ending> {
        self.ending
    }
}

/// Counts one more; whether that is above the bound.
fn over(count: &mut u32, bound_max: u32) -> bool {
    *count = count.saturating_add(1);
    *count > bound_max
}

/// Counts one more; whether the bound is reached.
fn reached(count: &mut u32, bound_max: u32) -> bool {
    *count = count.saturating_add(1);
    *count >= bound_max
}

/// `now` and `wait` together; without a wait where the clock cannot hold it.
pub(super) fn later(now: Instant, wait: Duration) -> Instant {
    now.checked_add(wait).unwrap_or(now)
}
