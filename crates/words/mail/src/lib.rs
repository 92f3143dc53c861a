//! The words of mail: addresses, envelopes, replies, message view, flags and identifiers.
