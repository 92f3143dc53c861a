//! Listen, accept, TLS, budgets, and the driver of machines.
//!
//! The one crate that touches sockets. A room hands a [`Listener`] a factory that makes a machine
//! and its [`Host`] for each accepted [`Peer`]; everything else about the connection is done here.

mod host;
mod peer;
mod socket;

pub use host::{Driven, Host};
pub use peer::Peer;
