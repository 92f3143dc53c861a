//! One state of a mailbox: its row and its placements, in chunks that versions share.

use std::ops::RangeInclusive;
use std::sync::Arc;

use postroom_mail::flag::{Keyword, SystemFlags};
use postroom_mail::identifier::{ModSeq, Uid, UidValidity};
use postroom_mail::uid_set::UidSet;
use postroom_store::row::{Changes, Mailbox, Placement};

/// Placements in one chunk at most: what a version copies when one of them changes.
pub const CHUNK_MAX: usize = 512;

/// Neighbouring placements, shared by every version in which they are the same.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// Tells the chunk apart for its whole life: it stays when placements go, and no UID of an
    /// earlier chunk reaches it, not even after this chunk has gone.
    pub(crate) low: u32,
    pub(crate) placements: Box<[Placement]>,
    /// The highest MODSEQ of its placements.
    newest: ModSeq,
}

impl Chunk {
    pub(crate) fn new(low: u32, placements: Box<[Placement]>) -> Self {
        let newest = placements.iter().map(|placement| placement.mod_seq).max();
        Self {
            low,
            placements,
            newest: newest.unwrap_or(ModSeq(0)),
        }
    }
}

/// A mailbox as it stood at one MODSEQ. Never changes; the next state is another version.
///
/// Sequence numbers (from 1) are positions in UID order (RFC 9051 §2.3.1.2).
#[derive(Debug)]
pub struct Version {
    mailbox: Mailbox,
    chunks: Vec<Arc<Chunk>>,
    /// Placements before each chunk.
    before: Vec<u32>,
    count: u32,
    /// The highest `low` of any chunk there ever was.
    last_low: u32,
}

impl Version {
    /// A version of placements in ascending order of UID.
    pub fn new(mailbox: Mailbox, placements: &[Placement]) -> Self {
        let mut chunks = Vec::with_capacity(placements.len().div_ceil(CHUNK_MAX));
        push_chunks(&mut chunks, placements);
        Self::from_chunks(mailbox, chunks, 0)
    }

    pub(crate) fn from_chunks(mailbox: Mailbox, chunks: Vec<Arc<Chunk>>, last_low: u32) -> Self {
        let mut count = 0_u32;
        let before = chunks
            .iter()
            .map(|chunk| {
                let start = count;
                count = count.saturating_add(length(chunk));
                start
            })
            .collect();
        let last_low = chunks.last().map_or(0, |last| last.low).max(last_low);
        Self {
            mailbox,
            chunks,
            before,
            count,
            last_low,
        }
    }

    /// The version after `changes`; chunks that they do not touch are shared.
    #[must_use]
    pub fn after(&self, changes: Changes) -> Self {
        let Changes {
            placements,
            expunged,
            mailbox,
            ..
        } = changes;
        let mut news = placements.as_slice();
        let mut gone = expunged.as_slice();
        let mut chunks = Vec::with_capacity(self.chunks.len() + 1);
        for (place, chunk) in self.chunks.iter().enumerate() {
            // The last chunk takes all that is above it, unless there was a later one.
            let next_low = self.chunks.get(place + 1).map(|next| next.low);
            let end = next_low.or((chunk.low < self.last_low).then_some(self.last_low));
            let inside = |uid: Uid| end.is_none_or(|end| uid.number() < end);
            let (mine, rest) = news.split_at(news.partition_point(|new| inside(new.uid)));
            let (dead, later) = gone.split_at(gone.partition_point(|&uid| inside(uid)));
            (news, gone) = (rest, later);
            if mine.is_empty() && !touches(chunk, dead) {
                chunks.push(Arc::clone(chunk));
            } else {
                let merged = merge(&chunk.placements, mine, dead);
                let (kept, above) = merged.split_at(merged.len().min(CHUNK_MAX));
                if !kept.is_empty() {
                    chunks.push(Arc::new(Chunk::new(chunk.low, kept.into())));
                }
                push_chunks(&mut chunks, above);
            }
        }
        push_chunks(&mut chunks, &merge(&[], news, gone));
        let mailbox = mailbox.unwrap_or_else(|| self.mailbox.clone());
        Self::from_chunks(mailbox, chunks, self.last_low)
    }

    /// The row of the mailbox.
    pub fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    /// Its epoch.
    pub fn uid_validity(&self) -> UidValidity {
        self.mailbox.uid_validity
    }

    /// The next UID to be given.
    pub fn uid_next(&self) -> u32 {
        self.mailbox.uid_next
    }

    /// Of its last change.
    pub fn mod_seq(&self) -> ModSeq {
        self.mailbox.mod_seq
    }

    /// Its keywords by number.
    pub fn keywords(&self) -> &[Keyword] {
        &self.mailbox.keywords
    }

    /// Placements in all (EXISTS).
    pub fn count(&self) -> u32 {
        self.count
    }

    pub(crate) fn chunks(&self) -> &[Arc<Chunk>] {
        &self.chunks
    }

    pub(crate) fn last_low(&self) -> u32 {
        self.last_low
    }

    /// Octets of memory that this version holds, also those it shares.
    pub fn octets(&self) -> usize {
        let entries = self.count as usize * size_of::<Placement>();
        let chunks = self.chunks.len() * (size_of::<Chunk>() + 4 * size_of::<usize>());
        let keywords = self.mailbox.keywords.len() * 64;
        entries + chunks + keywords + size_of::<Self>()
    }

    /// The placement of a sequence number.
    pub fn at(&self, sequence: u32) -> Option<&Placement> {
        self.from(sequence).next().map(|(_, placement)| placement)
    }

    /// The sequence number of a UID, with its placement. Cost: two binary searches.
    pub fn find(&self, uid: Uid) -> Option<(u32, &Placement)> {
        let sequence = self.first_from(uid.number());
        let placement = self.at(sequence)?;
        (placement.uid == uid).then_some((sequence, placement))
    }

    /// The highest UID there is.
    pub fn last_uid(&self) -> Option<Uid> {
        self.chunks.last()?.placements.last().map(|last| last.uid)
    }

    /// All placements with their sequence numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Placement)> {
        self.from(1)
    }

    /// The placements of a set of sequence numbers; those that are not there are left out.
    pub fn of_sequences<'v>(
        &'v self,
        set: &'v UidSet,
    ) -> impl Iterator<Item = (u32, &'v Placement)> {
        set.ranges().iter().flat_map(|range| self.sequences(range))
    }

    /// The placements of a set of UIDs; those that are not there are left out.
    pub fn of_uids<'v>(&'v self, set: &'v UidSet) -> impl Iterator<Item = (u32, &'v Placement)> {
        set.ranges().iter().flat_map(|range| {
            let last = *range.end();
            self.from(self.first_from(*range.start()))
                .take_while(move |(_, placement)| placement.uid.number() <= last)
        })
    }

    /// The UIDs of a set of sequence numbers.
    pub fn uids_of(&self, sequences: &UidSet) -> UidSet {
        self.of_sequences(sequences)
            .map(|(_, placement)| placement.uid.number())
            .collect()
    }

    /// UIDs of the placements changed after a MODSEQ. Cost: the chunks that hold one; the others
    /// are passed over.
    pub fn changed_since(&self, since: ModSeq) -> UidSet {
        self.chunks
            .iter()
            .filter(|chunk| chunk.newest > since)
            .flat_map(|chunk| chunk.placements.iter())
            .filter(|placement| placement.mod_seq > since)
            .map(|placement| placement.uid.number())
            .collect()
    }

    /// The UIDs of a set of which there is no placement. Cost: the ranges, and the placements
    /// within them.
    pub fn absent(&self, uids: &UidSet) -> UidSet {
        let there = self.of_uids(uids).map(|(_, placement)| placement.uid);
        uids.difference(&there.map(Uid::number).collect())
    }

    /// The first placement without `\Seen` (UNSEEN of RFC 3501 §7.1).
    pub fn first_unseen(&self) -> Option<u32> {
        self.iter()
            .find(|(_, placement)| !placement.flags.contains(SystemFlags::SEEN))
            .map(|(sequence, _)| sequence)
    }

    /// Placements with a UID of `uid` or above.
    pub fn count_from(&self, uid: u32) -> u32 {
        (self.count + 1).saturating_sub(self.first_from(uid))
    }

    fn sequences(&self, range: &RangeInclusive<u32>) -> impl Iterator<Item = (u32, &Placement)> {
        let last = *range.end();
        self.from(*range.start())
            .take_while(move |&(sequence, _)| sequence <= last)
    }

    /// Placements from a sequence number on.
    fn from(&self, sequence: u32) -> impl Iterator<Item = (u32, &Placement)> {
        let sequence = sequence.max(1);
        let chunk = self
            .before
            .partition_point(|&before| before < sequence)
            .saturating_sub(1);
        let skipped = self
            .before
            .get(chunk)
            .map_or(0, |&before| sequence - 1 - before);
        let chunks = self.chunks.get(chunk..).unwrap_or_default();
        chunks
            .iter()
            .flat_map(|chunk| chunk.placements.iter())
            .skip(skipped as usize)
            .zip(sequence..)
            .map(|(placement, sequence)| (sequence, placement))
    }

    /// The sequence number of the first placement whose UID is `uid` or above; one past the last
    /// if there is none.
    fn first_from(&self, uid: u32) -> u32 {
        let chunk = self
            .chunks
            .partition_point(|chunk| last_of(chunk).is_some_and(|last| last < uid));
        let (Some(found), Some(&before)) = (self.chunks.get(chunk), self.before.get(chunk)) else {
            return self.count.saturating_add(1);
        };
        let inside = found
            .placements
            .partition_point(|placement| placement.uid.number() < uid);
        before + 1 + u32::try_from(inside).unwrap_or(u32::MAX)
    }
}

pub(crate) fn length(chunk: &Chunk) -> u32 {
    u32::try_from(chunk.placements.len()).unwrap_or(u32::MAX)
}

fn last_of(chunk: &Chunk) -> Option<u32> {
    chunk.placements.last().map(|last| last.uid.number())
}

fn touches(chunk: &Chunk, gone: &[Uid]) -> bool {
    gone.iter().any(|uid| {
        chunk
            .placements
            .binary_search_by_key(uid, |placement| placement.uid)
            .is_ok()
    })
}

fn push_chunks(chunks: &mut Vec<Arc<Chunk>>, placements: &[Placement]) {
    chunks.extend(placements.chunks(CHUNK_MAX).filter_map(|part| {
        let first = part.first()?;
        Some(Arc::new(Chunk::new(first.uid.number(), part.into())))
    }));
}

/// `old` with `news` in place or added, without `gone`; all ascend.
fn merge(old: &[Placement], news: &[Placement], gone: &[Uid]) -> Vec<Placement> {
    let mut merged = Vec::with_capacity(old.len() + news.len());
    let mut news = news.iter().peekable();
    for placement in old {
        while let Some(new) = news.next_if(|new| new.uid < placement.uid) {
            merged.push(*new);
        }
        merged.push(
            *news
                .next_if(|new| new.uid == placement.uid)
                .unwrap_or(placement),
        );
    }
    merged.extend(news);
    if !gone.is_empty() {
        merged.retain(|placement| gone.binary_search(&placement.uid).is_err());
    }
    merged
}

#[cfg(test)]
pub(crate) mod tests;
