//! Which certificate a peer is shown.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use rustls::pki_types::ServerName;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::chain::{self, ChainError, Source};

/// The certificates of the house, in order of preference.
///
/// A peer is shown the first that is for the name it asks for and that it can verify, else the
/// first that it can verify. With an EC and an RSA chain for one name, put the EC chain first: it
/// costs half as much.
pub struct Certificates {
    shown: RwLock<Arc<[Arc<CertifiedKey>]>>,
    /// Locked while files are read: one reading after the other.
    read: Mutex<Read>,
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
    /// Reads all `sources`. Blocks on the disk.
    ///
    /// # Errors
    /// The first source that cannot be used; `sources` may be empty, then no handshake succeeds.
    pub fn load(sources: Vec<Source>) -> Result<Arc<Self>, ChainError> {
        let looks = look(&sources);
        let shown = read(&sources)?;
        Ok(Arc::new(Self {
            shown: RwLock::new(shown),
            read: Mutex::new(Read { sources, looks }),
        }))
    }

    /// Shows the certificates of other sources from now on; sessions that are open keep what they
    /// were shown. Blocks on the disk.
    ///
    /// # Errors
    /// The first source that cannot be used; then all stays as it was.
    pub fn replace(&self, sources: Vec<Source>) -> Result<(), ChainError> {
        let mut last = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let looks = look(&sources);
        self.show(read(&sources)?);
        *last = Read { sources, looks };
        Ok(())
    }

    /// Reads all files again if one was written since they were read; whether one was. Blocks on
    /// the disk.
    ///
    /// # Errors
    /// The first source that cannot be used; then all stays as it was, and the same files are not
    /// tried again.
    pub fn reload_if_changed(&self) -> Result<bool, ChainError> {
        let mut last = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let looks = look(&last.sources);
        if looks == last.looks {
            return Ok(false);
        }
        last.looks = looks;
        self.show(read(&last.sources)?);
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

fn read(sources: &[Source]) -> Result<Arc<[Arc<CertifiedKey>]>, ChainError> {
    sources.iter().map(chain::load).collect()
}

fn look(sources: &[Source]) -> Vec<Look> {
    let files = sources
        .iter()
        .flat_map(|source| [&source.chain, &source.key]);
    files.map(look_at).collect()
}

fn look_at(file: &PathBuf) -> Look {
    let metadata = std::fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

#[cfg(test)]
mod tests;
