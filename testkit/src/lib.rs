//! For tests alone, never shipped: data directories that go away, a disk that loses power, a name
//! server, a remote MTA, corpora.

pub mod corpus;
pub mod directory;
pub mod disk;
pub mod dns;
pub mod remote;
