//! What the system tells the server.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::kept;
use crate::report::Failure;

/// What a signal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// SIGTERM or SIGINT: end in order.
    End,
    /// SIGHUP: read files again.
    Reload,
}

/// Signals that are caught from the first moment, so that none ends the server half-way.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    /// The keeper passes on what it was told.
    keeper: Signal,
    /// How often this process was told to end, and how often its keeper was. Who signals all
    /// processes of a service once has not asked twice.
    own_ends: u32,
    keeper_ends: u32,
}

impl Signals {
    /// Begins to catch.
    pub(crate) fn catch() -> Result<Self, Failure> {
        let catch = |kind| {
            signal(kind).map_err(|error| Failure::because("signals cannot be caught", &error))
        };
        Ok(Self {
            terminate: catch(SignalKind::terminate())?,
            interrupt: catch(SignalKind::interrupt())?,
            hang_up: catch(SignalKind::hangup())?,
            keeper: catch(kept::end_signal())?,
            own_ends: 0,
            keeper_ends: 0,
        })
    }

    /// Waits for the next. Cancel safe.
    pub(crate) async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => self.own_ends += 1,
            _ = self.interrupt.recv() => self.own_ends += 1,
            _ = self.keeper.recv() => self.keeper_ends += 1,
            _ = self.hang_up.recv() => return Told::Reload,
        }
        Told::End
    }

    /// Waits until the server shall end. Cancel safe.
    pub(crate) async fn end(&mut self) {
        while self.next().await != Told::End {}
    }

    /// Waits until it was told so twice. Cancel safe.
    pub(crate) async fn insisted(&mut self) {
        while self.own_ends.max(self.keeper_ends) < 2 {
            self.next().await;
        }
    }
}
