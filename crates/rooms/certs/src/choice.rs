//! Which certificate a peer is shown.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use rustls::pki_types::ServerName;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::chain::{self, ChainError, Open, Source};

/// The certificates of the house, in order of preference.
///
/// A peer is shown the first that is for the name it asks for and that it can verify, else the
/// first that it can verify. With an EC and an RSA chain for one name, put the EC chain first: it
/// costs half as much.
pub struct Certificates {
    shown: RwLock<Arc<[Arc<CertifiedKey>]>>,
    /// Locked while files are read: one reading after the other.
    read: Mutex<Read>,
    open: Open,
}

/// Certificates that were read and are not shown yet.
pub struct Fresh {
    shown: Arc<[Arc<CertifiedKey>]>,
    read: Read,
}

/// What `shown` was read from.
#[derive(Debug)]
struct Read {
    sources: Vec<Source>,
    /// How the files looked then.
    looks: Vec<Look>,
}

/// How a file looked: a change of either means that it was written again.
type Look = Option<(SystemTime, u64)>;

impl Certificates {
    /// Reads all `sources`, now and later through `open`. Blocks on the disk.
    ///
    /// # Errors
    /// The first source that cannot be used; `sources` may be empty, then no handshake succeeds.
    pub fn load(sources: Vec<Source>, open: Open) -> Result<Arc<Self>, ChainError> {
        let Fresh { shown, read } = fresh(sources, &open)?;
        Ok(Arc::new(Self {
            shown: RwLock::new(shown),
            read: Mutex::new(read),
            open,
        }))
    }

    /// Reads other sources, for [`Certificates::take`]; shows nothing yet. Blocks on the disk.
    ///
    /// # Errors
    /// The first source that cannot be used.
    pub fn read(&self, sources: Vec<Source>) -> Result<Fresh, ChainError> {
        fresh(sources, &self.open)
    }

    /// Shows other certificates from now on; sessions that are open keep what they were shown.
    pub fn take(&self, fresh: Fresh) {
        let mut last = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        self.show(fresh.shown);
        *last = fresh.read;
    }

    /// Reads all files again if one was written since they were read; whether one was. Blocks on
    /// the disk.
    ///
    /// # Errors
    /// The first source that cannot be used; then all stays as it was, and the same files are not
    /// tried again.
    pub fn reload_if_changed(&self) -> Result<bool, ChainError> {
        let mut last = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let looks = look(&last.sources, &self.open);
        if looks == last.looks {
            return Ok(false);
        }
        last.looks = looks;
        self.show(read(&last.sources, &self.open)?);
        Ok(true)
    }

    fn show(&self, shown: Arc<[Arc<CertifiedKey>]>) {
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = shown;
    }

    fn choose(
        &self,
        name: Option<&str>,
        fits: impl Fn(&CertifiedKey) -> bool,
    ) -> Option<Arc<CertifiedKey>> {
        let shown = Arc::clone(&self.shown.read().unwrap_or_else(PoisonError::into_inner));
        let mut fitting = shown.iter().filter(|certified| fits(certified)).peekable();
        let default = fitting.peek().copied();
        let name = name.and_then(|name| ServerName::try_from(name).ok());
        name.and_then(|name| fitting.find(|certified| chain::is_for(certified, &name)))
            .or(default)
            .cloned()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.server_name(), |certified| {
            let schemes = hello.signature_schemes();
            certified.key.choose_scheme(schemes).is_some()
        })
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates")
            .field("read", &self.read)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Fresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fresh")
            .field("read", &self.read)
            .finish_non_exhaustive()
    }
}

fn fresh(sources: Vec<Source>, open: &Open) -> Result<Fresh, ChainError> {
    // Looked at before they are read: what is written meanwhile is read again.
    let looks = look(&sources, open);
    let shown = read(&sources, open)?;
    let read = Read { sources, looks };
    Ok(Fresh { shown, read })
}

fn read(sources: &[Source], open: &Open) -> Result<Arc<[Arc<CertifiedKey>]>, ChainError> {
    let load = |source| chain::load(source, &**open);
    sources.iter().map(load).collect()
}

fn look(sources: &[Source], open: &Open) -> Vec<Look> {
    let files = sources
        .iter()
        .flat_map(|source| [&source.chain, &source.key]);
    files.map(|file| look_at(file, open)).collect()
}

fn look_at(file: &Path, open: &Open) -> Look {
    let metadata = open(file).and_then(|file| file.metadata()).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

#[cfg(test)]
mod tests;
