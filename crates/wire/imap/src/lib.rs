//! IMAP4rev1 and IMAP4rev2: grammar, printer and the server's machine (RFC 9051, RFC 3501).
//!
//! A command is parsed to a [`command::Command`]; what needs mailboxes is put to the host as a
//! [`question::Question`], which answers with pages of [`response::Response`].
//!
//! ```
//! use postroom_imap::command::{Command, Request};
//! use postroom_imap::limits::Limits;
//! use postroom_imap::parse::{Context, Names, open};
//!
//! let limits = Limits::default();
//! let context = Context { names: Names::ModifiedUtf7, limits: &limits };
//! let opened = open(b"a7 DELETE &ZeVnLIqe-", context)?;
//! assert_eq!(opened.tag.as_str(), "a7");
//! let Command::Request(Request::Delete(mailbox)) = opened.command()? else {
//!     unreachable!("DELETE is for the host");
//! };
//! assert_eq!(mailbox.as_str(), "日本語");
//! # Ok::<(), postroom_imap::parse::ParseError>(())
//! ```
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
