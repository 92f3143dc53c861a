//! Text that is ordered as `i;unicode-casemap` orders it.

use std::hash::{DefaultHasher, Hash, Hasher};

use postroom_mail::casemap::casemap;

/// Octets of a text that decide its place. Of longer ones that begin alike the place is the same
/// each time, but no alphabet's; whether they are the same is known all the same.
pub const COLLATED_OCTETS_MAX: usize = 256;

/// The map of a text (RFC 5051).
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Collated(Box<[u8]>);

impl Collated {
    pub(super) fn new(text: &str) -> Self {
        let map = casemap(text);
        let octets = map.as_bytes();
        match octets.split_at_checked(COLLATED_OCTETS_MAX) {
            Some((head, rest)) if !rest.is_empty() => {
                let mut hasher = DefaultHasher::new();
                rest.hash(&mut hasher);
                Self([head, &hasher.finish().to_be_bytes()].concat().into())
            }
            _ => Self(octets.into()),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_told_apart() {
        let long = "x".repeat(COLLATED_OCTETS_MAX);
        let of = |tail: &str| Collated::new(&format!("{long}{tail}"));
        assert_eq!(of("ab"), of("AB"));
        assert_ne!(of("ab"), of("ac"));
        assert_ne!(of("ab"), of(""));
        assert!(of("ab") < Collated::new("y"));
        assert!(of("ab").0.len() <= COLLATED_OCTETS_MAX + 8);
    }
}
