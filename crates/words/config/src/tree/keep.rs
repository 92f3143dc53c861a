//! What is kept: mail, the journal, and how much of a person is in it.

use std::time::Duration;

use crate::branch::branch;
use crate::value::{ByteCount, FileSystem, LogPrivacy};

branch! {
    /// The store.
    pub struct Store {
        /// File systems to use though they are known to lose data or not to lock; on others of
        /// these names the server does not start.
        restart since "0.1" accept_filesystem: Vec<FileSystem> = Vec::new();
        /// Free space below which new mail is refused for now (452 4.3.1, NO [UNAVAILABLE]), while
        /// reading and deleting go on. Never less than twice `segment_max`.
        restart since "0.1" reserve: ByteCount = ByteCount::mib(256),
            in ByteCount(0)..=ByteCount::gib(1024);
        /// Size at which a segment of the log is closed and the next one begun.
        restart since "0.1" segment_max: ByteCount = ByteCount::mib(64),
            in ByteCount::mib(1)..=ByteCount::gib(2);
        /// Octets of messages after which no more join the sync that is next; they wait for the
        /// one after it.
        restart since "0.1" batch_max: ByteCount = ByteCount::mib(16),
            in ByteCount::mib(1)..=ByteCount::mib(256);
        /// Threads that read the database.
        restart since "0.1" readers_max: u32 = 4, in 1..=64;
        /// Memory for mailboxes that are open; above it the least recently used are dropped and
        /// read again when needed.
        restart since "0.1" views_max: ByteCount = ByteCount::mib(256),
            in ByteCount::mib(1)..=ByteCount::gib(64);
    }
}

branch! {
    /// The journal: what happened to each message. At a bound, the oldest lines go.
    pub struct Journal {
        /// How much of it is kept, about: its size is estimated from a sample of its lines.
        restart since "0.1" max_bytes: ByteCount = ByteCount::gib(1),
            in ByteCount::mib(1)..=ByteCount::gib(1024);
        /// How long a line is kept.
        restart since "0.1" keep: Duration = Duration::from_hours(24 * 30),
            in Duration::from_hours(1)..=Duration::from_hours(24 * 3650);
    }
}

branch! {
    /// How much of a person is written down.
    pub struct Privacy {
        /// In the log and in the journal.
        reload since "0.1" log: LogPrivacy = LogPrivacy::Full;
    }
}
