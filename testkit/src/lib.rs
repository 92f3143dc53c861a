//! For tests alone, never shipped: data directories that go away, and a disk that loses power.

pub mod directory;
pub mod disk;
