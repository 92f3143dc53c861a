//! What a remote remembers.

/// One session with a remote.
#[derive(Clone, Debug, Default)]
pub struct SessionRecord {
    /// Every octet that came, TLS removed.
    pub octets: Vec<u8>,
    /// Every octet that came after a handshake, TLS removed.
    pub secured: Vec<u8>,
    /// The command lines without their ends, AUTH responses among them.
    pub commands: Vec<String>,
    /// Whether a handshake was made.
    pub is_tls: bool,
    /// Whether a handshake was tried and failed.
    pub is_handshake_broken: bool,
}

/// One message whose end was reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The number of its session, from 0.
    pub session: usize,
    /// The reverse path without brackets; empty for the null path.
    pub sender: String,
    /// What followed the reverse path.
    pub sender_parameters: String,
    /// The accepted recipients without brackets.
    pub recipients: Vec<String>,
    /// What followed each of their paths.
    pub recipient_parameters: Vec<String>,
    /// The message, transparency removed.
    pub octets: Vec<u8>,
    /// Whether it came by BDAT.
    pub is_chunked: bool,
    /// Whether it came under TLS.
    pub is_tls: bool,
    /// The codes said to it: one, in LMTP one for each recipient; none when the remote left.
    pub codes: Vec<u16>,
}

impl Message {
    /// Whether the remote took the message over for somebody, so far as it knows.
    pub fn is_accepted(&self) -> bool {
        self.codes.iter().any(|code| (200..300).contains(code))
    }
}

impl SessionRecord {
    /// What stands around the first octet that is no part of a clean line.
    pub(super) fn stray(&self) -> Option<String> {
        let octets = &self.octets;
        let is_stray = |place: &usize| match octets[*place] {
            b'\r' => octets.get(place + 1).is_some_and(|&next| next != b'\n'),
            b'\n' => *place == 0 || octets[place - 1] != b'\r',
            octet => octet == 0,
        };
        let place = (0..octets.len()).find(is_stray)?;
        let around = &octets[place.saturating_sub(20)..octets.len().min(place + 20)];
        Some(around.escape_ascii().to_string())
    }
}
