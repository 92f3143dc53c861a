//! Queue entries: admit, schedule, lease, settle.
