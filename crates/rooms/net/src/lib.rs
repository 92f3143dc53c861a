//! Listen, accept, TLS, budgets, and the driver of machines.
//!
//! The one crate that touches sockets. A room hands a [`Listener`] a factory that makes a machine
//! and its [`Host`] for each accepted [`Peer`], or [`connect`]s with both to a peer of its choice;
//! everything else about the connection is done here.

mod broken;
mod budget;
mod buffers;
pub mod connect;
mod connection;
pub mod descriptors;
mod drive;
mod host;
pub mod http;
mod limits;
mod line;
mod listener;
mod own;
mod peer;
mod session;
mod sessions;
mod socket;
mod stream;
pub mod tls;

pub use broken::Broken;
pub use budget::Exempt;
pub use host::{Driven, Host};
pub use limits::{Ground, Limits, ShowPeer};
pub use listener::{BindError, Closer, Listener, Refusal, Security, Service, bind};
pub use own::is_own_address;
pub use peer::Peer;
pub use sessions::OpenSession;
