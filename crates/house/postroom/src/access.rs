//! What the server opens: by its own right, or through its keeper.

use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use crate::kept::Kept;

/// The way to files and ports that may be root's alone. Clones go the same way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Access(Option<Arc<Kept>>);

impl Access {
    /// The way of a server whose keeper stayed behind as root.
    pub(crate) fn through(keeper: Kept) -> Self {
        Self(Some(Arc::new(keeper)))
    }

    /// Opens a file or a folder to read. May block.
    pub(crate) fn open(&self, path: &Path) -> io::Result<File> {
        self.or_asked(File::open(path), |keeper| keeper.open(path))
    }

    /// Binds a port and begins to queue connections. May block.
    pub(crate) fn bind(&self, address: SocketAddr) -> io::Result<TcpListener> {
        self.or_asked(postroom_net::bind(address), |keeper| keeper.bind(address))
    }

    /// The keeper is asked only for what this process may not have.
    fn or_asked<T>(
        &self,
        own: io::Result<T>,
        ask: impl FnOnce(&Kept) -> io::Result<T>,
    ) -> io::Result<T> {
        match (own, &self.0) {
            (Err(error), Some(keeper)) if error.kind() == io::ErrorKind::PermissionDenied => {
                ask(keeper)
            }
            (own, _) => own,
        }
    }
}
