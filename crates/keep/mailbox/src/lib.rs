//! Append, flags, expunge, search and views of mailboxes.
