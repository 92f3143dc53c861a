//! Lines alike that a flood would crowd the journal with: some are kept whole, the rest counted.

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::BuildHasher;
use std::time::Duration;

use postroom_runtime::clock::Timestamp;

use crate::journal::JournalLine;

/// How long lines are counted together.
pub(crate) const WINDOW: Duration = Duration::from_mins(1);
/// Lines alike of one peer that are kept whole within a window; the next become one with a count.
pub(crate) const ALIKE_MAX: u32 = 64;
/// Kinds of lines that are counted within a window; lines of further kinds are kept whole.
const KINDS_MAX: usize = 4096;

/// Counts what one window brought.
#[derive(Debug, Default)]
pub(crate) struct Flood {
    /// When the window began; nothing while none is open.
    began: Option<Timestamp>,
    kinds: HashMap<u64, Kind>,
    /// So that nobody can choose lines whose kinds collide.
    keys: RandomState,
}

#[derive(Debug)]
struct Kind {
    kept: u32,
    merged: u64,
    /// The last of those merged.
    last: Option<JournalLine>,
}

impl Flood {
    /// The line, unless it is merged with others like it.
    pub(crate) fn pass(&mut self, line: JournalLine) -> Option<JournalLine> {
        if !is_of_strangers(&line) {
            return Some(line);
        }
        self.began.get_or_insert(line.time);
        let kind = self.keys.hash_one((
            &line.peer,
            &line.room,
            &line.what,
            &line.verdict,
            &line.reply,
        ));
        let is_full = self.kinds.len() >= KINDS_MAX;
        let kind = match self.kinds.entry(kind) {
            Entry::Vacant(_) if is_full => return Some(line),
            Entry::Vacant(vacant) => vacant.insert(Kind {
                kept: 0,
                merged: 0,
                last: None,
            }),
            Entry::Occupied(known) => known.into_mut(),
        };
        if kind.kept < ALIKE_MAX {
            kind.kept += 1;
            return Some(line);
        }
        kind.merged += 1;
        kind.last = Some(line);
        None
    }

    /// Whether a window is open, so that somebody must end it.
    pub(crate) fn is_counting(&self) -> bool {
        self.began.is_some()
    }

    /// Ends the window when its time has come, or at once: one line with a count for each kind
    /// that was merged.
    pub(crate) fn end(&mut self, now: Timestamp, at_once: bool) -> Vec<JournalLine> {
        let is_over = |began: &mut Timestamp| at_once || began.plus(WINDOW) <= now;
        if self.began.take_if(is_over).is_none() {
            return Vec::new();
        }
        let mut lines: Vec<_> = std::mem::take(&mut self.kinds)
            .into_values()
            .filter_map(Kind::line)
            .collect();
        lines.sort_by_key(|line| line.time);
        lines
    }
}

impl Kind {
    fn line(self) -> Option<JournalLine> {
        let mut line = self.last?;
        let reply = line.reply.as_deref().unwrap_or_default();
        line.reply = Some(format!("{reply} ({} more like it)", self.merged).into());
        Some(line)
    }
}

/// What anybody on the net can cause without end: all but who has signed in.
fn is_of_strangers(line: &JournalLine) -> bool {
    &*line.verdict != "granted"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(time: u64, peer: &str, recipient: u64) -> JournalLine {
        JournalLine {
            time: Timestamp(time),
            session: recipient,
            arrival: None,
            message_id: None,
            room: "intake".into(),
            what: "recipient".into(),
            sender: None,
            recipient: Some(format!("{recipient}@example.org").into()),
            verdict: "refused".into(),
            reply: Some("550 5.1.1 No such address".into()),
            next_hop: None,
            peer: Some(peer.into()),
            elapsed_us: 0,
        }
    }

    #[test]
    fn a_flood_of_refusals_becomes_one_line_with_a_count() {
        let mut flood = Flood::default();
        let kept = (0..1_000).filter_map(|n| flood.pass(refused(n, "192.0.2.1", n)));
        assert_eq!(kept.count(), 64);
        // Another peer is told apart, and so is another verdict.
        assert!(flood.pass(refused(5, "192.0.2.2", 5)).is_some());
        let granted = JournalLine {
            verdict: "granted".into(),
            ..refused(6, "192.0.2.1", 6)
        };
        assert!(flood.pass(granted).is_some());
        assert!(flood.end(Timestamp(59_000_000), false).is_empty());
        let ended = flood.end(Timestamp(60_000_000), false);
        assert_eq!(ended.len(), 1);
        assert_eq!(
            ended[0].reply.as_deref(),
            Some("550 5.1.1 No such address (936 more like it)")
        );
        assert_eq!(ended[0].recipient.as_deref(), Some("999@example.org"));
        assert!(!flood.is_counting());
        assert!(flood.pass(refused(7, "192.0.2.1", 7)).is_some(), "anew");
    }

    #[test]
    fn kinds_are_bounded() {
        let mut flood = Flood::default();
        for n in 0..20_000 {
            flood.pass(refused(1, &format!("peer {n}"), n));
        }
        assert_eq!(flood.kinds.len(), KINDS_MAX);
        assert!(flood.end(Timestamp(2), true).is_empty());
    }
}
