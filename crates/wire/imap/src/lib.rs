//! IMAP: parse, print and server machine.
