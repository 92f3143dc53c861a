//! Queue entries: admit, schedule, lease, settle.
//!
//! One entry is one recipient of a message that is not where it belongs yet. Entries are made by
//! the commit that accepts their message and end with the commit that settles them.

pub mod admit;
pub mod agreement;
pub mod queue;
pub mod schedule;
