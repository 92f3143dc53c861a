//! Read buffers, lent while a session works and given back while it is idle.

use std::sync::{Mutex, PoisonError};

/// Octets of a fresh buffer: one TLS record (RFC 8446 §5.1).
pub(crate) const SIZE: usize = 16 * 1024;
/// Above this capacity a buffer is freed rather than kept.
const CAPACITY_MAX: usize = 128 * 1024;
/// Buffers kept for the next session; more are freed.
const KEPT_MAX: usize = 64;

/// A stock of buffers shared by all sessions.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    kept: Mutex<Vec<Vec<u8>>>,
}

impl Buffers {
    /// An empty buffer of at least `SIZE` octets.
    pub(crate) fn lend(&self) -> Vec<u8> {
        let kept = self
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        kept.unwrap_or_else(|| Vec::with_capacity(SIZE))
    }

    /// Takes a buffer back; its content is forgotten.
    pub(crate) fn take_back(&self, mut buffer: Vec<u8>) {
        if !(SIZE..=CAPACITY_MAX).contains(&buffer.capacity()) {
            return;
        }
        buffer.clear();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT_MAX {
            kept.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_empty_and_the_stock_is_bounded() {
        let buffers = Buffers::default();
        let mut buffer = buffers.lend();
        buffer.extend_from_slice(b"secret");
        buffers.take_back(buffer);
        assert!(buffers.lend().is_empty());
        for _ in 0..2 * KEPT_MAX {
            buffers.take_back(Vec::with_capacity(SIZE));
        }
        buffers.take_back(Vec::with_capacity(2 * CAPACITY_MAX));
        assert_eq!(buffers.kept.lock().unwrap().len(), KEPT_MAX);
    }
}
