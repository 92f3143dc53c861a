//! Which records of the log count: whole ones below a durable end, and the whole ones that open
//! the tail.

use std::collections::HashSet;
use std::fmt;
use std::io;

use crate::log::frame::{BatchKind, HeaderError, Position, SEGMENT_HEADER, SegmentHeader};
use crate::log::scan::{Found, Item, first_batch, scan};
use crate::log::segment::{SegmentKind, SegmentName, Segments};

/// Part of the log that was durable and cannot be read; what it held is set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Which segment.
    pub segment: u64,
    /// Where in it.
    pub offset: u64,
    /// How much of it; zero where nothing is there to be read.
    pub octets: u64,
    /// What is wrong.
    pub kind: DamageKind,
}

/// What is wrong with a part of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DamageKind {
    /// The segment's header is gone: none of it can be read.
    Segment,
    /// These octets are neither a batch nor a record.
    Unreadable,
    /// A record's body is not what was written.
    Body,
    /// Octets that were durable are not there.
    Missing,
    /// The record speaks of what a damaged one made.
    Misfit,
    /// The database has seen more of the log than there is.
    Behind,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            DamageKind::Segment => "the segment's header cannot be read",
            DamageKind::Unreadable => "unreadable",
            DamageKind::Body => "a record's body is damaged",
            DamageKind::Missing => "octets are missing",
            DamageKind::Misfit => "a record does not fit what is left",
            DamageKind::Behind => "the log ends before what the database has seen",
        };
        write!(
            f,
            "segment {:016x}, offset {}, {} octets: {what}",
            self.segment, self.offset, self.octets
        )
    }
}

/// A record to apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) meta: u32,
    /// No later batch vouches for it: perhaps nobody was told that it is durable.
    pub(crate) is_unanswered: bool,
}

/// What one segment holds.
#[derive(Debug, Default)]
pub(crate) struct Content {
    pub(crate) records: Vec<Accepted>,
    pub(crate) damage: Vec<Damage>,
    /// End of what counts.
    pub(crate) end: u64,
}

/// Why the log cannot be read.
#[derive(Debug)]
pub(crate) enum LogError {
    Disk(io::Error),
    Newer(u32),
}

impl From<io::Error> for LogError {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

/// Reads the segments of the log one after another.
pub(crate) struct LogReader<'s> {
    segments: &'s Segments,
    names: Vec<SegmentName>,
    from: Position,
    /// The highest sequence number seen.
    pub(crate) sequence: u64,
}

impl<'s> LogReader<'s> {
    /// Reads what lies behind `from`, the end of the batch of number `sequence`.
    pub(crate) fn new(
        segments: &'s Segments,
        names: &[SegmentName],
        from: Position,
        sequence: u64,
    ) -> Self {
        let names = names
            .iter()
            .copied()
            .filter(|name| name.kind == SegmentKind::Log && name.number >= from.segment)
            .collect();
        Self {
            segments,
            names,
            from,
            sequence,
        }
    }

    /// The segments to read, in order.
    pub(crate) fn names(&self) -> &[SegmentName] {
        &self.names
    }

    /// What counts in the segment at `index` of [`LogReader::names`].
    pub(crate) fn content(&mut self, index: usize) -> Result<Content, LogError> {
        let Some(&name) = self.names.get(index) else {
            return Ok(Content::default());
        };
        let start = if name.number == self.from.segment {
            self.from.offset.max(SEGMENT_HEADER as u64)
        } else {
            SEGMENT_HEADER as u64
        };
        let limit = self.limit(index)?;
        let file = self.segments.handle(name)?;
        let Some(header) = self.header(name)? else {
            return Ok(unreadable_segment(name, limit, file.length()?));
        };
        if matches!(limit, Limit::Tail) {
            // What is replayed from the tail must not be lost by a second power cut.
            file.sync()?;
        }
        let items = scan(file.as_ref(), header, start)?;
        let mut content = judge(name.number, &items, limit, start);
        self.note_sequence(name.number, &items, &mut content);
        if let Limit::Below(end) = limit
            && file.length()? < end
        {
            content.damage.push(Damage {
                segment: name.number,
                offset: file.length()?,
                octets: end - file.length()?,
                kind: DamageKind::Missing,
            });
        }
        if name.number == self.from.segment && file.length()? < self.from.offset {
            content.damage.push(behind(self.from));
        }
        Ok(content)
    }

    /// Damage that shows before the first segment: the database has seen one that is not there.
    pub(crate) fn missing(&self) -> Option<Damage> {
        let is_there = self.from == Position::default()
            || self
                .names
                .iter()
                .any(|name| name.number == self.from.segment);
        (!is_there).then(|| behind(self.from))
    }

    /// How much of a segment was durable, as the first batch written after it says.
    fn limit(&self, index: usize) -> Result<Limit, LogError> {
        let number = self.names[index].number;
        for &later in self.names.get(index + 1..).unwrap_or_default() {
            let Some(header) = self.header(later)? else {
                continue;
            };
            let file = self.segments.handle(later)?;
            match first_batch(file.as_ref(), header)?.map(|batch| batch.durable) {
                Some(durable) if durable.segment == number => {
                    return Ok(Limit::Below(durable.offset));
                }
                // Nothing of the segment was durable when a later one was begun.
                Some(durable) if durable.segment < number => return Ok(Limit::Below(0)),
                // The batch that knew the end is damaged: all that can be read counts.
                Some(_) => return Ok(Limit::Below(u64::MAX)),
                None => {}
            }
        }
        Ok(Limit::Tail)
    }

    fn header(&self, name: SegmentName) -> Result<Option<SegmentHeader>, LogError> {
        let mut bytes = [0; SEGMENT_HEADER];
        let read = self.segments.handle(name)?.read_at(&mut bytes, 0)?;
        match SegmentHeader::parse(bytes.get(..read).unwrap_or_default()) {
            Ok(header) => Ok(Some(header)),
            Err(HeaderError::Damaged) => Ok(None),
            Err(HeaderError::Newer(format)) => Err(LogError::Newer(format)),
        }
    }

    /// Follows the numbers of batches, so that one that left no trace is missed.
    fn note_sequence(&mut self, segment: u64, items: &[Item], content: &mut Content) {
        let mut has_noise = false;
        for item in items.iter().take_while(|item| item.start < content.end) {
            let sequence = match item.what {
                Found::Batch(batch) => batch.sequence,
                Found::Record { sequence, .. } | Found::Broken { sequence } => sequence,
                Found::Noise => {
                    has_noise = true;
                    continue;
                }
            };
            if sequence > self.sequence + 1 && !has_noise {
                content.damage.push(Damage {
                    segment,
                    offset: item.start,
                    octets: 0,
                    kind: DamageKind::Missing,
                });
            }
            has_noise = false;
            self.sequence = self.sequence.max(sequence);
        }
        // Numbers of batches that do not count are not given again.
        for item in items {
            if let Found::Batch(batch) = item.what {
                self.sequence = self.sequence.max(batch.sequence);
            }
        }
    }
}

/// How much of a segment counts.
#[derive(Debug, Clone, Copy)]
enum Limit {
    /// All below this offset was durable, nothing above it counts.
    Below(u64),
    /// The last segment: its own batches say how much was durable; whole records above count.
    Tail,
}

fn judge(segment: u64, items: &[Item], limit: Limit, start: u64) -> Content {
    let batches = || {
        items.iter().filter_map(|item| match item.what {
            Found::Batch(batch) => Some(batch),
            _ => None,
        })
    };
    let aborted: HashSet<u64> = batches()
        .filter(|batch| batch.kind == BatchKind::Abort)
        .map(|batch| batch.sequence)
        .collect();
    let own_durable = batches()
        .filter(|batch| batch.durable.segment == segment)
        .map(|batch| batch.durable.offset)
        .max()
        .unwrap_or(0);
    let (durable, is_tail) = match limit {
        Limit::Below(end) => (end, false),
        Limit::Tail => (own_durable, true),
    };
    let mut content = Content {
        end: start,
        ..Content::default()
    };
    for item in items {
        let is_durable = item.start < durable;
        if !is_durable && !is_tail {
            break;
        }
        let kind = match item.what {
            Found::Batch(_) => continue,
            Found::Record { sequence, .. } | Found::Broken { sequence }
                if aborted.contains(&sequence) =>
            {
                continue;
            }
            Found::Record { meta, .. } => {
                content.end = item.end;
                content.records.push(Accepted {
                    start: item.start,
                    end: item.end,
                    meta,
                    is_unanswered: !is_durable,
                });
                continue;
            }
            Found::Broken { .. } => DamageKind::Body,
            Found::Noise => DamageKind::Unreadable,
        };
        if !is_durable {
            tracing::warn!(
                segment,
                offset = item.start,
                "the log ends in bytes that were never acknowledged"
            );
            break;
        }
        content.end = item.end.min(durable);
        content.damage.push(Damage {
            segment,
            offset: item.start,
            octets: item.end - item.start,
            kind,
        });
    }
    content
}

fn unreadable_segment(name: SegmentName, limit: Limit, length: u64) -> Content {
    let end = match limit {
        Limit::Below(end) => end.min(length),
        Limit::Tail => 0,
    };
    let mut content = Content::default();
    if end > SEGMENT_HEADER as u64 {
        content.end = end;
        content.damage.push(Damage {
            segment: name.number,
            offset: 0,
            octets: end,
            kind: DamageKind::Segment,
        });
    }
    content
}

fn behind(from: Position) -> Damage {
    Damage {
        segment: from.segment,
        offset: from.offset,
        octets: 0,
        kind: DamageKind::Behind,
    }
}
