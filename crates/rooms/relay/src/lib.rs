//! Mail on its way to other servers.
//!
//! The [`Relay`] takes due entries of the queue in bulk and gathers them by destination in a
//! bounded [pool]. For each destination that has work it opens sessions: the [route] says which
//! hosts, best first; the SMTP client machine speaks; and each transaction's [outcome] is
//! committed before the session's next message. What is wrong for now is told from what is wrong
//! for good in one place, [`setback`].

pub mod dial;
mod job;
mod message;
mod outcome;
mod own;
mod pool;
mod route;
mod session;
mod setback;
mod settings;
mod visit;
mod worker;

pub use own::Own;
pub use session::Session;
pub use settings::{Bounds, Settings, Smarthost};
pub use worker::{Parts, Relay};
