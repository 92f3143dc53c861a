//! SORT and THREAD (RFC 5256 §3, RFC 5957).

use super::search::Search;

/// SORT or UID SORT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    /// By what; never empty.
    pub criteria: Vec<SortCriterion>,
    /// Which messages. It has a charset and no RETURN.
    pub search: Search,
}

/// One criterion of SORT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortCriterion {
    /// By what.
    pub key: SortKey,
    /// `REVERSE`.
    pub is_reverse: bool,
}

/// A key of SORT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// `ARRIVAL`: internal date.
    Arrival,
    /// `CC`.
    Cc,
    /// `DATE`: when it was sent.
    Date,
    /// `DISPLAYFROM` (RFC 5957 §4).
    DisplayFrom,
    /// `DISPLAYTO` (RFC 5957 §4).
    DisplayTo,
    /// `FROM`.
    From,
    /// `SIZE`.
    Size,
    /// `SUBJECT`: base subject.
    Subject,
    /// `TO`.
    To,
}

impl SortKey {
    /// Each with its name.
    pub const ALL: [(Self, &'static str); 9] = [
        (Self::Arrival, "ARRIVAL"),
        (Self::Cc, "CC"),
        (Self::Date, "DATE"),
        (Self::DisplayFrom, "DISPLAYFROM"),
        (Self::DisplayTo, "DISPLAYTO"),
        (Self::From, "FROM"),
        (Self::Size, "SIZE"),
        (Self::Subject, "SUBJECT"),
        (Self::To, "TO"),
    ];
}

/// THREAD or UID THREAD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// How.
    pub algorithm: ThreadAlgorithm,
    /// Which messages. It has a charset and no RETURN.
    pub search: Search,
}

/// A threading algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadAlgorithm {
    /// `ORDEREDSUBJECT`.
    OrderedSubject,
    /// `REFERENCES`.
    References,
}
