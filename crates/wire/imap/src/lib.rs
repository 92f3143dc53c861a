//! IMAP4rev1 and IMAP4rev2: grammar, printer and the server's machine (RFC 9051, RFC 3501).
//!
//! A command is parsed to a [`command::Command`]; what needs mailboxes is put to the host as a
//! [`question::Question`], which answers with pages of [`response::Response`].
#![deny(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

pub mod capability;
pub mod command;
pub mod limits;
pub mod parse;
mod print;
pub mod question;
pub mod reply;
pub mod response;
pub mod sequence;
pub mod server;
