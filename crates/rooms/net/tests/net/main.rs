//! The driver and its listeners over real sockets on loopback, with a protocol small enough to
//! see through.

mod child;
mod client;
mod exhaustion;
mod limits;
mod parrot;
mod rig;
mod session;
mod tls;
