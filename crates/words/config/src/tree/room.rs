//! What single rooms do.

use std::time::Duration;

use postroom_mail::address::Address;

use crate::branch::branch;
use crate::value::{ByteCount, ImapSeparator, LogFormat, LogLevel, Separator};

branch! {
    /// Accounts and their passwords.
    pub struct Directory {
        /// Memory that one ARGON2ID hash of a new password takes. Known passwords keep their cost.
        reload since "0.1" hash_memory: ByteCount = ByteCount::mib(19),
            in ByteCount::mib(1)..=ByteCount::gib(1);
        /// Passes that one ARGON2ID hash of a new password makes over its memory.
        reload since "0.1" hash_passes: u32 = 2, in 1..=100;
        /// Passwords that are hashed at the same time; together they use this many threads.
        restart since "0.1" hash_threads_max: u32 = 2, in 1..=256;
        /// Logins that wait for a hashing thread; at the bound more get a temporary failure.
        restart since "0.1" hash_waiting_max: u32 = 256, in 1..=100_000;
    }
}

branch! {
    /// Mail on its way into a mailbox.
    pub struct Delivery {
        /// What parts an address from its detail: mail to `anna+shop@example.org` is Anna's.
        reload since "0.1" separator: Separator = Separator(Some('+'));
        /// Who gets mail for `postmaster` at a domain that has no such account or alias, and for
        /// `<postmaster>` without a domain (RFC 5321 §4.5.1). An account or alias here.
        reload since "0.1" postmaster: Option<Address> = None;
        /// How much an account may keep unless it has a quota of its own. Unset: no limit.
        reload since "0.1" quota: Option<ByteCount> = None;
    }
}

branch! {
    /// Reading by IMAP.
    pub struct Imap {
        /// What stands between a folder's name and the name of a folder in it. Folders are kept
        /// without it: a change shows them under other names, and loses nothing.
        reload since "0.1" separator: ImapSeparator = ImapSeparator::Slash;
    }
}

branch! {
    /// The log on standard error.
    pub struct Log {
        /// Its form.
        restart since "0.1" format: LogFormat = LogFormat::Text;
        /// What is logged: this and all that is graver.
        reload since "0.1" level: LogLevel = LogLevel::Info;
    }
}

branch! {
    /// The end of the server.
    pub struct Shutdown {
        /// How long commands in hand may take to finish after SIGTERM.
        reload since "0.1" grace: Duration = Duration::from_secs(10),
            in Duration::ZERO..=Duration::from_hours(1);
    }
}
