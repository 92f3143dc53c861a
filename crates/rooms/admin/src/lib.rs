//! What an operator may ask: typed operations with one handler each.
//!
//! A [`request::Request`] is answered by [`handler::Admin`], reached over the control socket of a
//! running server ([`socket`]) or in-process when the server is down.

pub mod answer;
pub mod handler;
pub mod observe;
pub mod request;
pub mod socket;

mod account;
mod alias;
mod domain;
mod mailbox;
mod queue;
mod session;
mod tend;
mod trace;

pub use queue::PAGE_MAX;
pub use trace::STORIES_MAX;
