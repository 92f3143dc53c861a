//! What the system tells the server.

use tokio::signal::unix::{Signal, SignalKind, signal};

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
        })
    }

    /// Waits for the next. Cancel safe.
    pub(crate) async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::End,
            _ = self.interrupt.recv() => Told::End,
            _ = self.hang_up.recv() => Told::Reload,
        }
    }

    /// Waits until the server shall end. Cancel safe.
    pub(crate) async fn end(&mut self) {
        while self.next().await != Told::End {}
    }
}
