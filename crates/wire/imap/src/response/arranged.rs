//! SORT and THREAD responses (RFC 5256 §4).

use postroom_mail::identifier::ModSeq;

/// SORT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sorted {
    /// In their order.
    pub numbers: Vec<u32>,
    /// The highest MODSEQ found, if MODSEQ was searched for (RFC 7162 §3.1.6); not printed where
    /// there are no numbers.
    pub mod_seq: Option<ModSeq>,
}

/// One step through threads, which have no bound of depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadStep {
    /// `(`: a thread, or a branch of one.
    Open,
    /// A message: the child of the one before it in the same parentheses.
    Message(u32),
    /// `)`.
    Close,
}
