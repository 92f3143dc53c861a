//! SMTP and LMTP machines.

pub mod server;
