//! The real binary among real programs: what the end-to-end tests stand on.
//!
//! Each test starts a server of its own, in a folder and on ports of its own, and drives it from
//! outside. A test whose program is not installed is skipped, loudly: see [`skip`].

pub mod deadline;
pub mod imap;
pub mod ledger;
pub mod lines;
pub mod message;
pub mod process;
pub mod program;
pub mod random;
pub mod scratch;
pub mod server;
pub mod skip;
pub mod smtp;
pub mod syscalls;
