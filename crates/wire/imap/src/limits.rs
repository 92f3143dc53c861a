//! Bounds of a session. The room fills them from its branch of the configuration.

use std::time::Duration;

/// What a client may cost. *Early* is before login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of a command line before login, literals not counted; above it: BYE.
    pub early_line_octets_max: usize,
    /// Octets of all literals of a command before login; above it: BAD, or BYE where the client
    /// does not wait.
    pub early_literal_octets_max: u64,
    /// Octets of a command line, literals not counted; above it: BYE.
    pub line_octets_max: usize,
    /// Octets of all literals of a command, messages of APPEND not counted; above it: BAD, or
    /// BYE where the client does not wait.
    pub literal_octets_max: u64,
    /// Literals in one command; above it: BAD, or BYE where the client does not wait.
    pub literals_max: usize,
    /// Octets of an appended message; above it: NO \[TOOBIG] (RFC 7889).
    pub append_octets_max: u64,
    /// Octets of a refused literal that are read and thrown away; above it: BYE.
    pub swallow_octets_max: u64,
    /// Parentheses, NOT and OR within each other; above it: BAD.
    pub nesting_max: usize,
    /// Keys of one SEARCH; above it: BAD.
    pub search_keys_max: usize,
    /// Ranges of one sequence set; above it: BAD.
    pub set_ranges_max: usize,
    /// Commands answered BAD in a row, before login in all; then BYE.
    pub bad_commands_max: u32,
    /// Logins refused; then BYE.
    pub failed_logins_max: u32,
    /// From the greeting to a login; then BYE.
    pub login_timeout: Duration,
    /// From one command to the next, and of one IDLE; then BYE. RFC 9051 §5.4 wants 30 minutes
    /// at least.
    pub idle_timeout: Duration,
    /// For the host to answer, and for the client to take what was written or to send what it
    /// promised, with the time that `octets_per_second_min` allows added; then the end.
    pub progress_timeout: Duration,
    /// How slow a client may be with large literals and bodies.
    pub octets_per_second_min: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            early_line_octets_max: 16 * 1024,
            early_literal_octets_max: 4096,
            line_octets_max: 64 * 1024,
            literal_octets_max: 64 * 1024,
            literals_max: 64,
            append_octets_max: 50 * 1024 * 1024,
            swallow_octets_max: 256 * 1024 * 1024,
            nesting_max: 64,
            search_keys_max: 1000,
            set_ranges_max: 16 * 1024,
            bad_commands_max: 20,
            failed_logins_max: 5,
            login_timeout: Duration::from_mins(2),
            idle_timeout: Duration::from_mins(30),
            progress_timeout: Duration::from_mins(5),
            octets_per_second_min: 1024,
        }
    }
}

impl Limits {
    /// Time for `octets` to cross the wire.
    pub(crate) fn time_for(&self, octets: u64) -> Duration {
        let seconds = octets
            .checked_div(self.octets_per_second_min)
            .unwrap_or(octets);
        self.progress_timeout
            .saturating_add(Duration::from_secs(seconds))
    }
}
