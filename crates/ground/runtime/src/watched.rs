//! Values that are replaced while others use them.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// A value that is only ever replaced whole: who took it keeps what they took, who comes later
/// gets the new one. Clones are one cell.
///
/// Taking it costs an uncontended lock and a count, so it is taken once a session or a message.
pub struct Watched<T>(Arc<RwLock<Arc<T>>>);

impl<T> Watched<T> {
    /// A cell that holds `value`.
    pub fn new(value: T) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(value))))
    }

    /// What it holds now.
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Holds `value` from now on.
    pub fn set(&self, value: T) {
        let value = Arc::new(value);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = value;
    }
}

impl<T> Clone for Watched<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: fmt::Debug> fmt::Debug for Watched<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_took_a_value_keeps_it() {
        let cell = Watched::new(1);
        let (other, old) = (cell.clone(), cell.get());
        cell.set(2);
        assert_eq!((*old, *other.get()), (1, 2));
    }
}
