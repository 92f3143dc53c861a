//! SMTP and LMTP machines.
