//! What the system tells the server.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::report::Failure;

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

    /// Waits for SIGTERM or SIGINT. Cancel safe.
    pub(crate) async fn end(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Waits for SIGHUP. Cancel safe.
    pub(crate) async fn reload(&mut self) {
        self.hang_up.recv().await;
    }
}
