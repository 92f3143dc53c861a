//! The words of mail: what every room of the house speaks of.
//!
//! Nothing here opens a socket or a file. Identifiers, flags and names are small value types;
//! the message view points into untouched bytes.

pub mod address;
pub mod casemap;
pub mod date;
pub mod envelope;
pub mod flag;
pub mod handover;
pub mod header;
pub mod identifier;
pub mod mailbox_name;
pub mod message;
pub mod modified_utf7;
pub mod reply;
pub mod seven_bit;
pub mod uid_set;
