//! SQLite: the index of the log. SQL stands here and nowhere else.

pub(crate) mod apply;
mod apply_account;
mod apply_mailbox;
mod apply_placement;
mod apply_queue;
pub(crate) mod connection;
pub(crate) mod load;
pub(crate) mod read;
pub(crate) mod read_journal;
pub(crate) mod read_message;
pub(crate) mod read_queue;
pub(crate) mod recover;
pub(crate) mod trim;
mod value;
