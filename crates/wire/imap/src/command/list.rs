//! LIST, LSUB and the items of STATUS (RFC 9051 §6.3.9, RFC 5258, RFC 3501 §6.3.9).

use super::Mailbox;

/// LIST with its extended forms (RFC 5258, RFC 5819, RFC 6154).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Which names are meant; each once.
    pub selection: Vec<ListSelection>,
    /// The reference name.
    pub reference: Mailbox,
    /// The patterns; never empty. One that is empty text asks for the separator
    /// (RFC 9051 §6.3.9).
    pub patterns: Vec<Pattern>,
    /// What to tell of each name; each once.
    pub returns: Vec<ListReturn>,
    /// Whether any form of RFC 5258 was used, so that extended data may be returned.
    pub is_extended: bool,
}

/// Which names LIST selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListSelection {
    /// `RECURSIVEMATCH`: also parents of what matches.
    RecursiveMatch,
    /// `REMOTE`: also mailboxes elsewhere.
    Remote,
    /// `SPECIAL-USE`: only those with a use.
    SpecialUse,
    /// `SUBSCRIBED`: only subscribed names, also of mailboxes that are gone.
    Subscribed,
}

/// What LIST tells besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListReturn {
    /// `CHILDREN`.
    Children,
    /// `SPECIAL-USE`.
    SpecialUse,
    /// `STATUS (...)` (RFC 5819).
    Status(Vec<StatusItem>),
    /// `SUBSCRIBED`.
    Subscribed,
}

/// LSUB (RFC 3501 §6.3.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lsub {
    /// The reference name.
    pub reference: Mailbox,
    /// The pattern.
    pub pattern: Pattern,
}

/// An item of STATUS (RFC 9051 §6.3.11, RFC 3501 §6.3.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusItem {
    /// How many messages are marked `\Deleted`.
    Deleted,
    /// What they take, in units of 1024 octets (RFC 9208 §4.1.4).
    DeletedStorage,
    /// The highest MODSEQ (RFC 7162 §3.1.7).
    HighestModSeq,
    /// How many messages there are.
    Messages,
    /// How many are `\Recent` (RFC 3501).
    Recent,
    /// Octets of all messages (RFC 8438).
    Size,
    /// The next UID.
    UidNext,
    /// The epoch of UIDs.
    UidValidity,
    /// How many messages lack `\Seen`.
    Unseen,
}

impl StatusItem {
    /// Each with its name.
    pub const ALL: [(Self, &'static str); 9] = [
        (Self::Deleted, "DELETED"),
        (Self::DeletedStorage, "DELETED-STORAGE"),
        (Self::HighestModSeq, "HIGHESTMODSEQ"),
        (Self::Messages, "MESSAGES"),
        (Self::Recent, "RECENT"),
        (Self::Size, "SIZE"),
        (Self::UidNext, "UIDNEXT"),
        (Self::UidValidity, "UIDVALIDITY"),
        (Self::Unseen, "UNSEEN"),
    ];

    /// The item's name on the wire.
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(item, _)| *item == self)
            .map_or("", |(_, name)| name)
    }
}

/// A pattern of LIST: `*` stands for any text, `%` for any text without the separator.
///
/// Runs of wildcards are kept as the one wildcard they amount to, so matching takes time in
/// proportion to name times pattern whatever the pattern (no backtracking).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: Box<str>,
    tokens: Box<[Token]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Any,
    Level,
    Char(char),
}

impl Pattern {
    /// The pattern of this text.
    pub fn new(text: &str) -> Self {
        let mut tokens: Vec<Token> = Vec::new();
        for c in text.chars() {
            match (c, tokens.last_mut()) {
                ('*', Some(last @ (Token::Any | Token::Level))) => *last = Token::Any,
                ('%', Some(Token::Any | Token::Level)) => {}
                ('*', _) => tokens.push(Token::Any),
                ('%', _) => tokens.push(Token::Level),
                (c, _) => tokens.push(Token::Char(c)),
            }
        }
        Self {
            text: text.into(),
            tokens: tokens.into(),
        }
    }

    /// As the client wrote it, decoded.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The pattern that `reference` and this one make together (RFC 9051 §6.3.9): the two
    /// texts, one after the other.
    #[must_use]
    pub fn below(&self, reference: &str) -> Self {
        if reference.is_empty() {
            return self.clone();
        }
        Self::new(&format!("{reference}{}", self.text))
    }

    /// Whether `name` (joined by `separator`) matches; `INBOX` does in any case of letters.
    pub fn matches(&self, name: &str, separator: char) -> bool {
        let is_inbox = name.eq_ignore_ascii_case("INBOX");
        // live[i]: the first i tokens can match the name so far.
        let mut live = vec![false; self.tokens.len().saturating_add(1)];
        if let Some(first) = live.first_mut() {
            *first = true;
        }
        self.skip_wildcards(&mut live);
        for c in name.chars() {
            let mut before = false;
            for (place, reached) in live.iter_mut().enumerate() {
                let here = *reached;
                let enters = before && self.takes(place.checked_sub(1), c, is_inbox);
                // A wildcard that has taken text may take more.
                let stays = here && self.stays(place.checked_sub(1), c, separator);
                *reached = enters || stays;
                before = here;
            }
            self.skip_wildcards(&mut live);
        }
        live.last().copied().unwrap_or(false)
    }

    fn takes(&self, token: Option<usize>, c: char, is_inbox: bool) -> bool {
        match token.and_then(|index| self.tokens.get(index)) {
            Some(Token::Char(wanted)) => {
                *wanted == c || is_inbox && wanted.eq_ignore_ascii_case(&c)
            }
            _ => false,
        }
    }

    fn stays(&self, token: Option<usize>, c: char, separator: char) -> bool {
        match token.and_then(|index| self.tokens.get(index)) {
            Some(Token::Any) => true,
            Some(Token::Level) => c != separator,
            _ => false,
        }
    }

    /// A wildcard may also stand for nothing.
    fn skip_wildcards(&self, live: &mut [bool]) {
        let mut before = false;
        for (place, reached) in live.iter_mut().enumerate() {
            let token = place
                .checked_sub(1)
                .and_then(|index| self.tokens.get(index));
            if before && matches!(token, Some(Token::Any | Token::Level)) {
                *reached = true;
            }
            before = *reached;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_and_levels() {
        let yes = [
            ("*", "a/b/c"),
            ("%", "a"),
            ("a/%", "a/b"),
            ("a/*", "a/b/c"),
            ("%/%", "a/b"),
            ("*c", "a/b/c"),
            ("a%c", "abc"),
            ("a%c", "ac"),
            ("a*%b", "a/x/b"),
            ("inbox", "INBOX"),
            ("I%x", "INBOX"),
            ("", ""),
            ("*", ""),
        ];
        let no = [
            ("%", "a/b"),
            ("a/%", "a/b/c"),
            ("a", "ab"),
            ("a%", "b"),
            ("inbox", "INBOXES"),
            ("Foo", "foo"),
            ("a%c", "a/c"),
            ("", "a"),
        ];
        for (pattern, name) in yes {
            assert!(Pattern::new(pattern).matches(name, '/'), "{pattern} {name}");
        }
        for (pattern, name) in no {
            assert!(
                !Pattern::new(pattern).matches(name, '/'),
                "{pattern} {name}"
            );
        }
    }
}
