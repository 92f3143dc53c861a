//! Retrieval: mail user agents read their mailboxes.
//!
//! [`imap::ImapHost`] answers what the machine of `postroom_imap` asks, one host for each
//! session; [`authenticator::Authenticator`] is where it asks who someone is.

pub mod authenticator;
pub mod imap;
