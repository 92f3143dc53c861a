//! For tests alone, never shipped: data directories that go away, a disk that loses power, corpora,
//! a remote MTA.

pub mod corpus;
pub mod directory;
pub mod disk;
pub mod remote;
