//! What is durable: plans, records, the log and the database applied from it.
//!
//! A [`plan::Plan`] is one atomic change. One committer takes all plans that wait, assigns the
//! values that mean something ([`assign`]), appends the records to the log, makes them durable
//! with one sync, applies them to the database and answers. Nobody else writes SQL.

pub mod assign;
mod chore;
mod committer;
pub mod counters;
mod engine;
pub mod error;
mod flood;
pub mod journal;
mod lock;
pub mod log;
mod notice;
pub mod operation;
pub mod outcome;
pub mod plan;
pub mod row;
mod shared;
mod spool;
pub mod store;
