//! Disks: what the store may do to files, so that a test can stand in for a failing one.

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// A file that grows at its end and is read anywhere.
pub trait DiskFile: Send + Sync + Debug {
    /// Adds `bytes` at the end. After an error the length is unknown until `length` is asked.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;
    /// Makes content and length durable (fdatasync).
    fn sync(&self) -> io::Result<()>;
    /// Reads at `offset` until `buffer` is full or the file ends; returns octets read.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Octets in the file.
    fn length(&self) -> io::Result<u64>;
}

/// A directory of files, as the log needs it.
pub trait Disk: Send + Sync + Debug {
    /// Makes a new file; an error if it exists. Durable only after `sync` and `sync_directory`.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens a file that exists.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Names of the files in a directory, sorted.
    fn list(&self, directory: &Path) -> io::Result<Vec<String>>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes a directory and those above it.
    fn create_directory(&self, path: &Path) -> io::Result<()>;
    /// Makes the entries of a directory durable.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
    /// Octets free for the server on the file system that holds `path`.
    fn free(&self, path: &Path) -> io::Result<u64>;
}
