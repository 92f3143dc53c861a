//! Sessions of the real machine over a real store and directory: what peers are told, and what is
//! in the mailboxes afterwards.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod attacks;
mod elsewhere;
mod fixture;
mod lmtp;
mod local;
mod queue;
mod repeats;
mod submission;
mod transfer;
