//! A message that comes in pieces: in memory while it is small, else in a segment of its own.

use std::sync::Arc;

use postroom_store::error::{CommitError, Stopped};
use postroom_store::plan::Body;
use postroom_store::store::{Spool, Store};

use crate::mailboxes::Mailboxes;
use crate::parsed::parse_for_keeping;

/// Octets of a message that are kept in memory; a larger one goes to a segment of its own.
pub const BODY_MEMORY_MAX: usize = 256 * 1024;

/// A message on its way in.
#[derive(Debug)]
pub struct Incoming {
    store: Store,
    held: Held,
    octets: u64,
    has_nul: bool,
}

#[derive(Debug)]
enum Held {
    Memory(Vec<u8>),
    Spool(Box<Spool>),
}

/// A message that is whole and parsed.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) body: Body,
    pub(crate) parsed: Box<[u8]>,
}

impl Incoming {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            held: Held::Memory(Vec::new()),
            octets: 0,
            has_nul: false,
        }
    }

    /// Adds octets; waits for the disk when there are many.
    pub async fn push(&mut self, octets: &[u8]) -> Result<(), CommitError> {
        self.octets = self.octets.saturating_add(octets.len() as u64);
        self.has_nul |= octets.contains(&0);
        if let Held::Memory(bytes) = &mut self.held {
            if bytes.len() + octets.len() <= BODY_MEMORY_MAX {
                bytes.extend_from_slice(octets);
                return Ok(());
            }
            let mut spool = self.store.spool().await?;
            spool.append(std::mem::take(bytes)).await?;
            self.held = Held::Spool(Box::new(spool));
        }
        match &mut self.held {
            Held::Spool(spool) => spool.append(octets.to_vec()).await,
            Held::Memory(_) => Ok(()),
        }
    }

    /// Octets so far.
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// Whether NUL is among them, which no message may hold (RFC 9051 §4.3).
    pub fn has_nul(&self) -> bool {
        self.has_nul
    }
}

impl Incoming {
    /// Ends the message: parses it and, if it is spooled, makes its bytes durable.
    pub(crate) async fn finish(self, mailboxes: &Mailboxes) -> Result<Received, CommitError> {
        match self.held {
            Held::Memory(bytes) => Ok(Received {
                parsed: parse_for_keeping(&bytes),
                body: Body::Inline(bytes),
            }),
            Held::Spool(spool) => {
                let permit = mailboxes.inspect(self.octets).await;
                let bytes = spool.read(0..self.octets).await;
                // What the disk does not give back now it would not give back later either.
                let bytes = Arc::new(bytes.map_err(|_| CommitError::Stopped(Stopped::Log))?);
                let shared = Arc::clone(&bytes);
                let parsed = mailboxes.heavy().run(move || parse_for_keeping(&shared));
                // Parsing is linear: where no thread is free it is done here.
                let parsed = parsed.await.unwrap_or_else(|_| parse_for_keeping(&bytes));
                drop((bytes, permit));
                let body = Body::Spooled(spool.finish().await?);
                Ok(Received { body, parsed })
            }
        }
    }
}
