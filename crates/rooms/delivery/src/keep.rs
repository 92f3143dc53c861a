//! Octets on their way into the store.

use postroom_store::error::CommitError;
use postroom_store::plan::Body;

use crate::delivery::Delivery;

/// Bodies above this many octets go into a segment of their own.
const BODY_MEMORY_MAX: usize = 256 * 1024;

/// Octets of a body that are handed on at a time.
const PIECE_OCTETS: usize = 64 * 1024;

impl Delivery {
    /// A body for a plan.
    pub(crate) async fn keep(&self, octets: Vec<u8>) -> Result<Body, CommitError> {
        if octets.len() <= BODY_MEMORY_MAX {
            return Ok(Body::Inline(octets));
        }
        let mut spool = self.store().spool().await?;
        for piece in octets.chunks(PIECE_OCTETS) {
            spool.append(piece.to_vec()).await?;
        }
        Ok(Body::Spooled(spool.finish().await?))
    }
}
