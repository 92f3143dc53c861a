//! The body as it comes: in memory while it is small, else in a segment of its own.

use aws_lc_rs::digest::{Context, SHA256};
use postroom_store::error::{CommitError, ReadError};
use postroom_store::plan::Body;
use postroom_store::store::{Spool, Store};
use tokio::sync::OwnedSemaphorePermit;

/// What a body without a promised size gets first.
const FIRST_OCTETS: usize = 8 * 1024;

/// Octets of a body on disk that are read at a time.
const PIECE_OCTETS: u64 = 256 * 1024;

/// A body on its way in.
pub(crate) struct Gather {
    held: Held,
    digest: Context,
    octets: u64,
    memory_max: usize,
    failure: Option<CommitError>,
}

#[derive(Debug)]
enum Held {
    Memory(Vec<u8>),
    Spool(Box<Spool>),
}

/// A body that is whole.
#[derive(Debug)]
pub(crate) struct Gathered {
    /// All octets, to be looked at.
    pub(crate) octets: Vec<u8>,
    /// SHA-256 of them.
    pub(crate) digest: [u8; 32],
    /// Where they are kept when that is not memory.
    pub(crate) spool: Option<Box<Spool>>,
    /// The memory that `octets` may take, if that is anew.
    pub(crate) share: Option<OwnedSemaphorePermit>,
}

impl Gather {
    /// A body that may have `promised` octets (SIZE=).
    pub(crate) fn new(promised: Option<u64>, memory_max: usize) -> Self {
        let room = promised
            .and_then(|octets| usize::try_from(octets).ok())
            .map_or(FIRST_OCTETS, |octets| octets.min(memory_max));
        Self {
            held: Held::Memory(Vec::with_capacity(room)),
            digest: Context::new(&SHA256),
            octets: 0,
            memory_max,
            failure: None,
        }
    }

    /// Octets so far.
    pub(crate) fn octets(&self) -> u64 {
        self.octets
    }

    /// Whether the body is on disk, so that looking at it takes memory anew.
    pub(crate) fn is_spooled(&self) -> bool {
        matches!(self.held, Held::Spool(_))
    }

    /// Takes more octets. A failure is kept and told at the end.
    pub(crate) async fn push(&mut self, store: &Store, octets: &[u8]) {
        if self.failure.is_some() {
            return;
        }
        self.octets = self.octets.saturating_add(octets.len() as u64);
        self.digest.update(octets);
        if let Err(error) = self.hold(store, octets).await {
            self.held = Held::Memory(Vec::new());
            self.failure = Some(error);
        }
    }

    async fn hold(&mut self, store: &Store, octets: &[u8]) -> Result<(), CommitError> {
        match &mut self.held {
            Held::Spool(spool) => spool.append(octets.to_vec()).await,
            Held::Memory(bytes) if bytes.len().saturating_add(octets.len()) <= self.memory_max => {
                bytes.extend_from_slice(octets);
                Ok(())
            }
            Held::Memory(bytes) => {
                let first = std::mem::take(bytes);
                let mut spool = Box::new(store.spool().await?);
                spool.append(first).await?;
                spool.append(octets.to_vec()).await?;
                self.held = Held::Spool(spool);
                Ok(())
            }
        }
    }

    /// The body as a whole. Reads back what is on disk: hold a share of the memory for that.
    ///
    /// # Errors
    /// What failed on the way.
    pub(crate) async fn finish(self) -> Result<Gathered, GatherError> {
        if let Some(error) = self.failure {
            return Err(error.into());
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(self.digest.finish().as_ref());
        let (octets, spool) = match self.held {
            Held::Memory(octets) => (octets, None),
            Held::Spool(spool) => (read_back(&spool, self.octets).await?, Some(spool)),
        };
        Ok(Gathered {
            octets,
            digest,
            spool,
            share: None,
        })
    }
}

/// A body is not to be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GatherError {
    #[error("keeping the body failed")]
    Keep(#[from] CommitError),
    #[error("reading the body back failed")]
    Read(#[from] ReadError),
}

impl Gathered {
    /// What the commit keeps.
    pub(crate) async fn into_body(self) -> Result<Body, CommitError> {
        match self.spool {
            None => Ok(Body::Inline(self.octets)),
            Some(spool) => {
                drop((self.octets, self.share));
                Ok(Body::Spooled(spool.finish().await?))
            }
        }
    }
}

async fn read_back(spool: &Spool, octets: u64) -> Result<Vec<u8>, ReadError> {
    let mut all = Vec::with_capacity(usize::try_from(octets).unwrap_or(0));
    let mut at = 0;
    while at < octets {
        let end = octets.min(at.saturating_add(PIECE_OCTETS));
        all.extend_from_slice(&spool.read(at..end).await?);
        at = end;
    }
    Ok(all)
}
