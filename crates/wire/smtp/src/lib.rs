//! SMTP and LMTP machines.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

pub mod client;
mod command;
pub mod server;
mod text_check;
mod xtext;
