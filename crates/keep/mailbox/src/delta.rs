//! What a session has to hear when it moves from one version to another.

use std::cmp::Ordering;
use std::sync::Arc;

use postroom_mail::uid_set::UidSet;
use postroom_store::row::Placement;

use crate::version::{Chunk, Version, length};

/// The difference between two versions of one mailbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delta {
    /// Sequence numbers in the old version of what went, highest first: each is right at the
    /// moment it is announced (RFC 9051 §7.5.1).
    pub expunged: Vec<u32>,
    /// Their UIDs.
    pub vanished: UidSet,
    /// Messages in all, if there are new ones.
    pub exists: Option<u32>,
    /// Sequence numbers in the new version of messages that were there before and have another
    /// MODSEQ now; their flags may be the same again.
    pub changed: Vec<u32>,
    /// Whether the mailbox has keywords it had not.
    pub has_new_keywords: bool,
}

impl Delta {
    /// Compares two versions. Cost: chunks they share are skipped.
    pub fn between(old: &Version, new: &Version) -> Self {
        let mut delta = Self::default();
        if std::ptr::eq(old, new) {
            return delta;
        }
        let mut is_longer = false;
        // Sequence numbers passed so far in the old and in the new version.
        let (mut was, mut is) = (0_u32, 0_u32);
        for pair in pairs(old.chunks(), new.chunks()) {
            match pair {
                Pair::Same(chunk) => {
                    was += length(chunk);
                    is += length(chunk);
                }
                Pair::Differ(before, after) => {
                    for step in steps(before, after) {
                        match step {
                            Step::Gone(placement) => {
                                was += 1;
                                delta.expunged.push(was);
                                delta.vanished.insert(placement.uid.number());
                            }
                            Step::New(_) => {
                                is += 1;
                                is_longer = true;
                            }
                            Step::Both(then, now) => {
                                was += 1;
                                is += 1;
                                if then.mod_seq != now.mod_seq {
                                    delta.changed.push(is);
                                }
                            }
                        }
                    }
                }
            }
        }
        delta.expunged.reverse();
        delta.exists = is_longer.then(|| new.count());
        delta.has_new_keywords = new.keywords().len() > old.keywords().len();
        delta
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// `new` with what went since `old` still in its place: where a session may stand while no
/// EXPUNGE may be sent (RFC 9051 §7.5.1). Chunks of which nothing went are shared with `new`.
#[must_use]
pub fn without_expunges(old: &Arc<Version>, new: &Arc<Version>) -> Arc<Version> {
    let mut is_changed = false;
    let chunks = pairs(old.chunks(), new.chunks())
        .map(|pair| match pair {
            Pair::Same(chunk) => Arc::clone(chunk),
            Pair::Differ(before, after) => {
                let is_shorter = steps(before, after).any(|step| matches!(step, Step::Gone(_)));
                match (after, before) {
                    (Some(after), _) if !is_shorter => Arc::clone(after),
                    (after, before) => {
                        is_changed = true;
                        let either = after.or(before);
                        Arc::new(Chunk::new(
                            either.map_or(1, |chunk| chunk.low),
                            steps(before, after).map(|step| *step.latest()).collect(),
                        ))
                    }
                }
            }
        })
        .collect();
    if is_changed {
        Arc::new(Version::from_chunks(
            new.mailbox().clone(),
            chunks,
            new.last_low(),
        ))
    } else {
        Arc::clone(new)
    }
}

/// A chunk of the one, of the other, or of both versions.
enum Pair<'v> {
    Same(&'v Arc<Chunk>),
    Differ(Option<&'v Arc<Chunk>>, Option<&'v Arc<Chunk>>),
}

/// Joins chunks by their lowest UID, which they keep for life.
fn pairs<'v>(old: &'v [Arc<Chunk>], new: &'v [Arc<Chunk>]) -> impl Iterator<Item = Pair<'v>> {
    let mut old = old.iter().peekable();
    let mut new = new.iter().peekable();
    std::iter::from_fn(move || {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(before), Some(after)) => before.low.cmp(&after.low),
        };
        Some(match order {
            Ordering::Less => Pair::Differ(old.next(), None),
            Ordering::Greater => Pair::Differ(None, new.next()),
            Ordering::Equal => match (old.next(), new.next()) {
                (Some(before), Some(after)) if Arc::ptr_eq(before, after) => Pair::Same(after),
                (before, after) => Pair::Differ(before, after),
            },
        })
    })
}

/// A placement of the one, of the other, or of both chunks.
enum Step<'v> {
    Gone(&'v Placement),
    New(&'v Placement),
    Both(&'v Placement, &'v Placement),
}

impl<'v> Step<'v> {
    fn latest(&self) -> &'v Placement {
        match self {
            Self::Gone(placement) | Self::New(placement) | Self::Both(_, placement) => placement,
        }
    }
}

fn steps<'v>(
    old: Option<&'v Arc<Chunk>>,
    new: Option<&'v Arc<Chunk>>,
) -> impl Iterator<Item = Step<'v>> {
    let entries = |chunk: Option<&'v Arc<Chunk>>| {
        chunk
            .map_or([].as_slice(), |chunk| &chunk.placements)
            .iter()
            .peekable()
    };
    let (mut old, mut new) = (entries(old), entries(new));
    std::iter::from_fn(move || {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(before), Some(after)) => before.uid.cmp(&after.uid),
        };
        match order {
            Ordering::Less => old.next().map(Step::Gone),
            Ordering::Greater => new.next().map(Step::New),
            Ordering::Equal => old.next().zip(new.next()).map(|(b, a)| Step::Both(b, a)),
        }
    })
}

#[cfg(test)]
mod tests;
