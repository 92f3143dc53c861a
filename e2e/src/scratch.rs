//! Folders of tests, on the disk that holds the build: tmpfs would prove nothing about syncs.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

/// A folder that goes away with this value, unless the test fails.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes an empty folder below the build's own.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn new() -> Self {
        Self::below(&profile_folder().with_file_name("tmp"))
    }

    /// Makes an empty folder below `parent`.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn below(parent: &Path) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("e2e-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a scratch folder");
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file that only its owner reads, as mail programs demand of their settings.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).expect("a folder in the scratch folder");
        }
        fs::write(&path, content).expect("a scratch file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("mode 600");
        path
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !thread::panicking() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

/// The folder of this build: `target/ci`.
pub(crate) fn profile_folder() -> PathBuf {
    let exe = env::current_exe().expect("the path of the test itself");
    // target/<profile>/deps/<test>
    exe.ancestors()
        .nth(2)
        .expect("a test in target/<profile>/deps")
        .to_path_buf()
}
