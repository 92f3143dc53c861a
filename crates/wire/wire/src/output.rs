//! What a machine wants written.

/// Bytes for the peer, lent to a machine by its driver and empty while the session is idle.
#[derive(Debug, Default)]
pub struct Output {
    bytes: Vec<u8>,
}

impl Output {
    /// Above this many octets a machine asks for [`crate::machine::Next::Flush`].
    pub const MARK: usize = 64 * 1024;

    /// An empty output; allocates nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes.
    pub fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Whether the mark is reached.
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= Self::MARK
    }

    /// What waits to be written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets what was written; keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }
}

impl std::fmt::Write for Output {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}
