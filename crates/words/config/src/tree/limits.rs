//! Bounds: what happens at each is part of its text.

use std::time::Duration;

use crate::branch::branch;
use crate::value::{ByteCount, Networks};

branch! {
    /// Bounds of memory and work. What is over a bound is refused or waits; nothing else notices.
    pub struct Limits {
        /// Peers that budgets by address, bounds of failed logins and judgement by address do not
        /// touch.
        reload since "0.1" exempt: Networks = Networks::loopback();
        /// Octets of a message in flight that stay in memory; a larger one goes to disk as it comes.
        reload since "0.1" body_memory_max: ByteCount = ByteCount::kib(256),
            in ByteCount::kib(4)..=ByteCount::mib(16);
        /// Memory for looking into messages that arrive by SMTP or LMTP and are on disk, all
        /// sessions together. At the bound they wait for it, then get 452.
        restart since "0.1" inspect_bytes: ByteCount = ByteCount::mib(64),
            in ByteCount::mib(1)..=ByteCount::gib(64);
        /// Recipients after expansion that one acceptance delivers to; above it the rest follows
        /// after the reply.
        reload since "0.1" inline_recipients: u32 = 200, in 1..=10_000;
        /// Aliases on the way from an address to an account; a longer way is refused.
        reload since "0.1" alias_depth_max: u32 = 10, in 1..=100;
        /// Recipients that one address may stand for; above it the address is refused.
        reload since "0.1" expansion_max: u32 = 10_000, in 1..=1_000_000;
        /// Rounds in which a delivery asks for what it must know; above it the message is deferred.
        reload since "0.1" plan_rounds_max: u32 = 16, in 2..=100;
    }
    with {
        session: SessionLimits,
        message: MessageLimits,
        smtp: SmtpLimits,
        imap: ImapLimits,
    }
}

branch! {
    /// Bounds of a connection, whatever it speaks.
    pub struct SessionLimits {
        /// Sessions of all listeners together. Above it a new one gets 421 or BYE at once.
        reload since "0.1" sessions_max: u32 = 20_000, in 1..=1_000_000;
        /// Sessions of one address (IPv6: of one /64). Above it a new one gets 421 or BYE at once.
        reload since "0.1" sessions_per_address_max: u32 = 100, in 1..=1_000_000;
        /// How long a TLS handshake may take; then the connection is closed.
        reload since "0.1" handshake: Duration = Duration::from_secs(30),
            in Duration::from_secs(1)..=Duration::from_mins(10);
        /// How long a peer may refuse to take what is sent; then the connection is closed.
        reload since "0.1" write: Duration = Duration::from_mins(2),
            in Duration::from_secs(1)..=Duration::from_hours(1);
    }
}

branch! {
    /// Bounds of a message, however it comes.
    pub struct MessageLimits {
        /// The whole message (SIZE and APPENDLIMIT say so). A larger one gets 552 or NO [TOOBIG].
        reload since "0.1" size_max: ByteCount = ByteCount::mib(50),
            in ByteCount::kib(64)..=ByteCount::gib(1);
        /// Its header. A larger one is refused.
        reload since "0.1" header_max: ByteCount = ByteCount::kib(256),
            in ByteCount::kib(16)..=ByteCount::mib(4);
        /// Received fields in it; more mean a loop and are refused (RFC 5321 §6.3).
        reload since "0.1" hops_max: u32 = 100, in 30..=1_000;
    }
}

branch! {
    /// Bounds of SMTP, Submission and LMTP.
    pub struct SmtpLimits {
        /// A command line with its line end. A longer one gets 500 5.5.6. Lines of AUTH may have
        /// 12 KiB (RFC 4954 §4).
        reload since "0.1" line_max: ByteCount = ByteCount::kib(2),
            in ByteCount(512)..=ByteCount::kib(64);
        /// Commands between one accepted message and the next; above it the session gets 421.
        reload since "0.1" commands_max: u32 = 5_000, in 100..=1_000_000;
        /// Transactions of one session (EHLO says so, RFC 9422); above it the session gets 421.
        reload since "0.1" transactions_max: u32 = 10_000, in 1..=1_000_000;
        /// Recipients of one transaction; more get 452 4.5.3 and come in another.
        reload since "0.1" recipients_max: u32 = 1_000, in 100..=50_000;
        /// Commands that are unknown, malformed or out of order; above it the session gets 421.
        reload since "0.1" bad_commands_max: u32 = 10, in 1..=1_000;
        /// How long the next command may take (RFC 5321 §4.5.3.2.7).
        reload since "0.1" command: Duration = Duration::from_mins(5),
            in Duration::from_secs(1)..=Duration::from_hours(1);
        /// How long a session may take to log in where it must, counted from its start.
        reload since "0.1" login: Duration = Duration::from_mins(5),
            in Duration::from_secs(1)..=Duration::from_hours(1);
        /// How long the next octets of a message may take (RFC 5321 §4.5.3.2.5).
        reload since "0.1" data_block: Duration = Duration::from_mins(3),
            in Duration::from_secs(1)..=Duration::from_hours(1);
        /// How long a whole message may take to arrive; then the session gets 421.
        reload since "0.1" data: Duration = Duration::from_hours(1),
            in Duration::from_secs(1)..=Duration::from_hours(24);
        /// What judging a message and finding its mailboxes may take after the end of the data;
        /// then 451. The commit comes after it, and is waited for.
        reload since "0.1" verdict: Duration = Duration::from_mins(1),
            in Duration::from_secs(1)..=Duration::from_mins(5);
    }
}

branch! {
    /// Bounds of IMAP.
    pub struct ImapLimits {
        /// The lines of a command after login, without its literals; above it BYE.
        reload since "0.1" line_max: ByteCount = ByteCount::kib(64),
            in ByteCount::kib(8)..=ByteCount::mib(1);
        /// The lines of a command before login, without its literals; above it BYE.
        reload since "0.1" line_before_login_max: ByteCount = ByteCount::kib(16),
            in ByteCount::kib(1)..=ByteCount::mib(1);
        /// All literals of a command before login together; above it BAD, or BYE where the client
        /// does not wait.
        reload since "0.1" literal_before_login_max: ByteCount = ByteCount::kib(4),
            in ByteCount(256)..=ByteCount::mib(1);
        /// All literals of a command after login together, messages of APPEND not counted, which
        /// `message.size_max` bounds; above it as before login.
        reload since "0.1" literal_max: ByteCount = ByteCount::kib(64),
            in ByteCount::kib(4)..=ByteCount::mib(16);
        /// Literals in one command; above it BAD.
        reload since "0.1" literals_max: u32 = 1_000, in 10..=100_000;
        /// Parentheses and NOTs within each other; deeper ones get BAD.
        reload since "0.1" nesting_max: u32 = 50, in 8..=200;
        /// Commands that are unknown, malformed or out of order; above it BYE.
        reload since "0.1" bad_commands_max: u32 = 20, in 1..=1_000;
        /// How long a session may take to log in, counted from its start.
        reload since "0.1" login: Duration = Duration::from_mins(3),
            in Duration::from_secs(1)..=Duration::from_hours(1);
        /// How long a session may be idle, also in IDLE; then BYE (RFC 9051 §5.4: 30 minutes).
        reload since "0.1" idle: Duration = Duration::from_mins(30),
            in Duration::from_mins(1)..=Duration::from_hours(24);
        /// How long the next octets of a begun command may take, and how long the client may take
        /// to read an answer; large literals and bodies get a second more for each KiB.
        reload since "0.1" command: Duration = Duration::from_mins(3),
            in Duration::from_secs(1)..=Duration::from_hours(1);
    }
}
