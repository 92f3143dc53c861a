//! Responses that are many numbers, printed with a halt wherever output is full.

use std::vec;

use postroom_mail::identifier::ModSeq;
use postroom_mail::uid_set::UidSet;
use postroom_wire::output::Output;

use super::text::put_number;
use crate::response::arranged::{Sorted, ThreadStep};
use crate::response::mailbox::Searched;

/// The numbers of a set, one by one or as ranges.
#[derive(Debug)]
pub(super) struct Numbers {
    set: UidSet,
    form: Form,
    /// Which range is next, or under way.
    range: usize,
    /// Numbers of that range that are printed.
    printed: u32,
    mod_seq: Option<ModSeq>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `1 2 3 5`.
    Single,
    /// `1:3,5`.
    Ranges,
}

impl Numbers {
    /// What follows `SEARCH`.
    pub(super) fn single(searched: Searched) -> Self {
        Self {
            mod_seq: shown(searched.mod_seq, searched.numbers.is_empty()),
            set: searched.numbers,
            form: Form::Single,
            range: 0,
            printed: 0,
        }
    }

    /// What follows `ESEARCH … ALL`.
    pub(super) fn ranges(set: UidSet) -> Self {
        Self {
            set,
            form: Form::Ranges,
            range: 0,
            printed: 0,
            mod_seq: None,
        }
    }

    /// Prints numbers until output is full; returns whether that was all.
    pub(super) fn print(&mut self, out: &mut Output) -> bool {
        while let Some(range) = self.set.ranges().get(self.range) {
            let (start, end) = (*range.start(), *range.end());
            if out.is_full() {
                return false;
            }
            match self.form {
                Form::Ranges => {
                    out.put(if self.range == 0 { b" " } else { b"," });
                    put_number(out, start.into());
                    if start != end {
                        out.put(b":");
                        put_number(out, end.into());
                    }
                }
                Form::Single => {
                    for number in start.saturating_add(self.printed)..=end {
                        if out.is_full() {
                            self.printed = number.saturating_sub(start);
                            return false;
                        }
                        put_spaced(out, number);
                    }
                }
            }
            self.range = self.range.saturating_add(1);
            self.printed = 0;
        }
        end(out, self.mod_seq);
        true
    }
}

/// The numbers of SORT.
#[derive(Debug)]
pub(super) struct Order {
    numbers: vec::IntoIter<u32>,
    mod_seq: Option<ModSeq>,
}

impl Order {
    /// What follows `SORT`.
    pub(super) fn new(sorted: Sorted) -> Self {
        Self {
            mod_seq: shown(sorted.mod_seq, sorted.numbers.is_empty()),
            numbers: sorted.numbers.into_iter(),
        }
    }

    /// As [`Numbers::print`].
    pub(super) fn print(&mut self, out: &mut Output) -> bool {
        while !out.is_full() {
            let Some(number) = self.numbers.next() else {
                end(out, self.mod_seq);
                return true;
            };
            put_spaced(out, number);
        }
        false
    }
}

/// The threads of THREAD.
#[derive(Debug)]
pub(super) struct Threads {
    steps: vec::IntoIter<ThreadStep>,
    /// Whether a space stands before what is next: after the word, and between two messages or
    /// a message and its branches.
    is_spaced: bool,
}

impl Threads {
    /// What follows `THREAD`.
    pub(super) fn new(steps: Vec<ThreadStep>) -> Self {
        Self {
            steps: steps.into_iter(),
            is_spaced: true,
        }
    }

    /// As [`Numbers::print`].
    pub(super) fn print(&mut self, out: &mut Output) -> bool {
        while !out.is_full() {
            let Some(step) = self.steps.next() else {
                out.put(b"\r\n");
                return true;
            };
            if self.is_spaced && step != ThreadStep::Close {
                out.put(b" ");
            }
            match step {
                ThreadStep::Open => out.put(b"("),
                ThreadStep::Message(number) => put_number(out, number.into()),
                ThreadStep::Close => out.put(b")"),
            }
            self.is_spaced = matches!(step, ThreadStep::Message(_));
        }
        false
    }
}

fn put_spaced(out: &mut Output, number: u32) {
    out.put(b" ");
    put_number(out, number.into());
}

/// A MODSEQ is told of messages that were found.
fn shown(mod_seq: Option<ModSeq>, is_empty: bool) -> Option<ModSeq> {
    mod_seq.filter(|_| !is_empty)
}

fn end(out: &mut Output, mod_seq: Option<ModSeq>) {
    if let Some(mod_seq) = mod_seq {
        out.put(b" (MODSEQ ");
        put_number(out, mod_seq.0);
        out.put(b")");
    }
    out.put(b"\r\n");
}
