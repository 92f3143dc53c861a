//! Data directories for tests, on the disk that holds the build.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, fs, process};

static MADE: AtomicU64 = AtomicU64::new(0);

/// A directory of its own for one test; removed when dropped.
#[derive(Debug)]
pub struct TestDirectory(PathBuf);

impl TestDirectory {
    /// A new, empty directory beside the test's own program: `/tmp` may be a tmpfs, which a store
    /// refuses.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn new() -> Self {
        let program = env::current_exe().expect("the test knows its program");
        let build = program
            .ancestors()
            .nth(3)
            .expect("the program lies in the build directory");
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = build
            .join("test-data")
            .join(format!("{}-{number}", process::id()));
        fs::create_dir_all(&path).expect("the test can write beside its program");
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Default for TestDirectory {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for TestDirectory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
