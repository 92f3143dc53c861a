//! Domains, accounts, aliases and credentials.
