//! IMAP sessions over mailboxes.
