//! Writing header fields: folded, ASCII where the standards ask for it, and one field each,
//! whatever the values hold.
//!
//! Every function returns a whole field with its CRLF. Control characters in a value, line ends
//! above all, become `?`: no value can begin a field of its own.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postroom_runtime::clock::Timestamp;

use crate::address::{Address, Domain, ReversePath};
use crate::date::DateTime;
use crate::identifier::ArrivalId;

#[cfg(test)]
mod tests;

/// Octets a line should have at most, its CRLF not counted (RFC 5322 §2.1.1).
const LINE_OCTETS: usize = 78;

/// Octets of one value that a peer chose, as its HELO name.
const PEER_TEXT_OCTETS_MAX: usize = 255;

/// Octets of UTF-8 in one encoded word: with its frame and the name of a field before it, it
/// stays within 75 (RFC 2047 §2).
const ENCODED_WORD_OCTETS: usize = 39;

/// What a Received field tells (RFC 5321 §4.4).
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// The name the peer gave at HELO, EHLO or LHLO.
    pub helo: &'a str,
    /// The verified name of its address.
    pub reverse_name: Option<&'a Domain>,
    /// Its address; `None` over a Unix socket.
    pub peer: Option<IpAddr>,
    /// Our host name.
    pub host: &'a Domain,
    /// `ESMTPS` and so on (RFC 3848).
    pub protocol: &'a str,
    /// TLS version and cipher suite, if there is TLS.
    pub tls: Option<&'a str>,
    /// The queue id.
    pub id: ArrivalId,
    /// The recipient; `None` where the message has several, who must not learn of each other
    /// (RFC 5321 §7.2).
    pub recipient: Option<&'a Address>,
    /// When the message was received.
    pub at: Timestamp,
}

/// `Received:`, the trace of one hop (RFC 5321 §4.4).
pub fn received(hop: &Received<'_>) -> String {
    let mut field = Field::new("Received");
    field.word("from");
    field.word(&peer_name(hop.helo));
    let literal = hop.peer.map(Domain::literal);
    match (hop.reverse_name, literal) {
        (Some(name), Some(literal)) => field.word(&format!("({name} {literal})")),
        (None, Some(literal)) => field.word(&format!("({literal})")),
        (_, None) => {}
    }
    field.fold();
    field.word("by");
    field.word(hop.host.as_str());
    field.word("(postroom)");
    field.word("with");
    field.word(hop.protocol);
    if let Some(tls) = hop.tls {
        field.comment(tls);
    }
    field.word("id");
    field.word(&hop.id.to_string());
    if let Some(recipient) = hop.recipient {
        field.fold();
        field.word("for");
        field.word(&format!("<{recipient}>"));
    }
    field.glue(";");
    field.fold();
    field.word(&DateTime::at(hop.at, 0).header().to_string());
    field.finish()
}

/// `Return-Path:`, added at final delivery (RFC 5321 §4.4).
pub fn return_path(path: &ReversePath) -> String {
    one_word("Return-Path", &path.to_string())
}

/// `Delivered-To:`, by which a message that comes back is known (RFC 9228).
pub fn delivered_to(address: &Address) -> String {
    one_word("Delivered-To", &address.to_string())
}

/// `Date:` in UTC (RFC 5322 §3.6.1).
pub fn date(at: Timestamp) -> String {
    one_word("Date", &DateTime::at(at, 0).header().to_string())
}

/// A new identifier, brackets included (RFC 5322 §3.6.4). Unique as `id` is.
pub fn new_message_id(id: ArrivalId, at: Timestamp, host: &Domain) -> String {
    format!("<{}.{id}@{host}>", at.unix_seconds())
}

/// `Message-ID:` of an identifier with its brackets.
pub fn message_id(identifier: &str) -> String {
    one_word("Message-ID", identifier)
}

/// An address field of one mailbox, with a display name if that is not empty (RFC 5322 §3.4).
pub fn mailbox(field: &'static str, display_name: &str, address: &Address) -> String {
    let mut written = Field::new(field);
    if is_phrase(display_name) {
        written.words(display_name);
    } else {
        written.encoded(display_name);
    }
    if display_name.is_empty() {
        written.word(&address.to_string());
    } else {
        written.word(&format!("<{address}>"));
    }
    written.finish()
}

/// An unstructured field, as Subject: plain if it can be, else in encoded words (RFC 2047).
pub fn unstructured(field: &'static str, text: &str) -> String {
    let mut written = Field::new(field);
    let is_plain = text.chars().all(|c| matches!(c, ' '..='~'))
        && !text.contains("=?")
        && text.split(' ').all(|word| word.len() < LINE_OCTETS - 2)
        && text.trim() == text
        && !text.contains("  ");
    if is_plain {
        written.words(text);
    } else {
        written.encoded(text);
    }
    written.finish()
}

fn one_word(name: &'static str, word: &str) -> String {
    let mut field = Field::new(name);
    field.word(word);
    field.finish()
}

/// A field in the making.
struct Field {
    text: String,
    line_start: usize,
    /// Whether the next word begins a new line.
    folds: bool,
}

impl Field {
    fn new(name: &'static str) -> Self {
        Self {
            text: format!("{name}:"),
            line_start: 0,
            folds: false,
        }
    }

    /// Lets the next word begin a line.
    fn fold(&mut self) {
        self.folds = true;
    }

    /// Appends a word after a space, on a new line if this one is full.
    fn word(&mut self, word: &str) {
        let is_first = self.text.ends_with(':') && self.line_start == 0;
        let is_full = self.text.len() - self.line_start + 1 + word.len() > LINE_OCTETS;
        if (self.folds || is_full) && !is_first {
            self.text.push_str("\r\n");
            self.line_start = self.text.len();
            self.text.push('\t');
        } else {
            self.text.push(' ');
        }
        self.folds = false;
        self.glue(word);
    }

    /// Appends without a space.
    fn glue(&mut self, text: &str) {
        let harmless = |c: char| if c.is_control() { '?' } else { c };
        self.text.extend(text.chars().map(harmless));
    }

    fn comment(&mut self, text: &str) {
        let mut comment = String::from("(");
        for c in text.chars() {
            if matches!(c, '(' | ')' | '\\') {
                comment.push('\\');
            }
            comment.push(c);
        }
        comment.push(')');
        self.word(&comment);
    }

    fn words(&mut self, text: &str) {
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            self.word(word);
        }
    }

    fn encoded(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            let mut end = rest.len().min(ENCODED_WORD_OCTETS);
            while !rest.is_char_boundary(end) {
                end -= 1;
            }
            let (piece, tail) = rest.split_at(end);
            self.word(&format!("=?utf-8?B?{}?=", STANDARD.encode(piece)));
            rest = tail;
        }
    }

    fn finish(mut self) -> String {
        self.text.push_str("\r\n");
        self.text
    }
}

/// Words of letters that need no quotes (RFC 5322 §3.2.5).
fn is_phrase(text: &str) -> bool {
    text.split(' ').all(|word| {
        word.len() < LINE_OCTETS - 2
            && word
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/^_`{|}~".contains(&byte))
    })
}

/// A HELO name as a Received field can carry it: what no name or literal has becomes `?`.
fn peer_name(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    let name: String = name
        .chars()
        .take(PEER_TEXT_OCTETS_MAX)
        .map(|c| if fits(c) { c } else { '?' })
        .collect();
    if name.is_empty() { "?".into() } else { name }
}
