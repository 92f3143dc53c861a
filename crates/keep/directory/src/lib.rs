//! Domains, accounts, aliases and credentials.

mod directory;
pub mod lookup;

pub use directory::{Directory, LoginError, LookupError};
