//! What the server counts: every metric declared once, and its rendering for Prometheus.
//!
//! A [`Telemetry`] is given to each room; there is none that is global. Counting is one relaxed
//! atomic addition at a place that the compiler knows: names and labels are looked up only when
//! the page is rendered.

mod catalogue;
mod instrument;
mod label;
mod manual;
mod page;
mod series;

use std::ops::Deref;
use std::sync::Arc;

pub use catalogue::{
    Catalogue, Delivery, Http, Intake, Login, Net, Process, Queue, Relay, Retrieval, Store,
};
pub use instrument::{By, Counter, Gauge, Histogram, Label, Plans, Scale, Seconds};
pub use label::{
    Attempt, Direction, EntryState, Fate, Handshake, HttpPage, HttpStatus, ImapCommand,
    LoginOutcome, RecipientVerdict, Refusal, Role, Stage, TransactionOutcome,
};
pub use page::CONTENT_TYPE;

/// The counts of one house. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Telemetry(Arc<Catalogue>);

impl Telemetry {
    /// All metrics as they stand, in Prometheus text format 0.0.4 ([`CONTENT_TYPE`]).
    pub fn render(&self) -> String {
        page::render(&self.0)
    }

    /// The manual of every metric, as Markdown.
    pub fn manual() -> String {
        manual::manual()
    }
}

impl Deref for Telemetry {
    type Target = Catalogue;

    fn deref(&self) -> &Catalogue {
        &self.0
    }
}

#[cfg(test)]
mod tests;
