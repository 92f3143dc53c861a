//! Certificates: from files, chosen by the name a peer asks for, reloaded when a file changes; and
//! the authority of a quickstart directory, which issues its own.

mod authority;
mod chain;
mod choice;
mod file;
#[cfg(test)]
mod scratch;

pub use authority::{Authority, AuthorityError, Issued};
pub use chain::{ChainError, Open, Source};
pub use choice::{Certificates, Fresh};
