//! What mailboxes mean: views that sessions share, changes, search and sections of messages.
//!
//! The store keeps rows and bytes; here they become the mailboxes that RFC 9051 speaks of.
//! [`mailboxes::Mailboxes`] changes them, [`views::Views`] shows them.

pub mod arrange;
pub mod delta;
pub mod incoming;
pub mod mailboxes;
pub mod parsed;
pub mod search;
pub mod section;
pub mod version;
pub mod view;
pub mod views;
