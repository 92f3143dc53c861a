//! The whole house on a clock, a network and a disk that one seed decides.
//!
//! Senders, mail programs, the queue, time and power cuts take turns as the seed says. After each
//! step what was promised is compared with what is there. A seed that fails is printed, and fails
//! again when it is run again.

mod dice;
mod house;
mod ledger;
mod network;
mod reader;
mod sender;
mod wire;
mod world;

pub use ledger::Violation;
pub use world::{Seen, run, run_on};
