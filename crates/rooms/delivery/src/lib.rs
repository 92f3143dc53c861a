//! Expand, plan and commit: the one door for every message.
//!
//! [`plan::plan`] is pure: it decides the whole fate of a message from a [`case::Case`] and
//! [`facts::Facts`], or names the facts it lacks. [`delivery::Delivery`] looks those up together
//! and asks again, then makes the plan durable with one commit. [`worker`] takes what the queue
//! holds for mailboxes here through the same door.

pub mod case;
pub mod conclude;
pub mod delivery;
pub mod expand;
pub mod facts;
mod keep;
pub mod plan;
pub mod privacy;
mod report;
mod trace;
pub mod worker;
