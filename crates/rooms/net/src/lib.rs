//! Listen, accept, TLS, budgets, and the driver of machines.
//!
//! The one crate that touches sockets. A room hands a [`Listener`] a factory that makes a machine
//! and its [`Host`] for each accepted [`Peer`], or [`connect`]s with both to a peer of its choice;
//! everything else about the connection is done here.

mod broken;
mod budget;
mod buffers;
pub mod connect;
pub mod descriptors;
mod drive;
mod host;
mod limits;
mod line;
mod listener;
mod own;
mod peer;
mod session;
mod socket;
mod stream;
pub mod tls;

pub use broken::Broken;
pub use budget::Exempt;
pub use host::{Driven, Host};
pub use limits::{Counts, Ground, Limits, ShowPeer};
pub use listener::{BindError, Listener, Refusal, Security, Service};
pub use own::is_own_address;
pub use peer::Peer;
