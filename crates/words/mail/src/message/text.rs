//! The text of unstructured fields: unfolding and encoded words.

use std::borrow::Cow;

use memchr::{memchr, memmem};

use super::charset;
use super::token::is_space;
use super::transfer::{TransferEncoding, decode_q};

/// Octets of one piece of an encoded word that is still decoded. RFC 2047 §2 allows 75;
/// some senders put a whole subject into one.
pub const ENCODED_WORD_OCTETS_MAX: usize = 8192;

/// The value of a field on one line: line ends taken out, white space around it removed
/// (RFC 5322 §2.2.3). NUL octets go as well, since IMAP cannot carry them.
pub fn unfold(value: &[u8]) -> Cow<'_, [u8]> {
    let value = value.trim_ascii();
    let is_dropped = |byte: &u8| matches!(byte, 0 | b'\r' | b'\n');
    if value.iter().any(is_dropped) {
        Cow::Owned(
            value
                .iter()
                .copied()
                .filter(|byte| !is_dropped(byte))
                .collect(),
        )
    } else {
        Cow::Borrowed(value)
    }
}

/// The value of a field as people read it: unfolded, encoded words decoded (RFC 2047), 8-bit
/// octets taken as UTF-8 or, failing that, windows-1252.
///
/// Linear in the length; the result is at most a few times as long as the value.
pub fn decode_text(value: &[u8]) -> String {
    let value = unfold(value);
    let mut decoded = Decoded::default();
    let mut rest = &*value;
    let start_mark = memmem::Finder::new(b"=?");
    let mut searched = 0;
    while let Some(found) = start_mark.find(rest.get(searched..).unwrap_or_default()) {
        let (plain, from_word) = rest.split_at(searched + found);
        let Some((word, after)) = encoded_word(from_word) else {
            searched += found + 2;
            continue;
        };
        // White space between two encoded words is no text (RFC 2047 §6.2).
        if !(decoded.after_word && plain.iter().all(|&byte| is_space(byte))) {
            decoded.plain(plain);
        }
        decoded.word(&word);
        rest = after;
        searched = 0;
    }
    decoded.plain(rest);
    decoded.text
}

struct EncodedWord<'a> {
    charset: &'a [u8],
    octets: Vec<u8>,
}

/// Text in the making. Octets of adjacent words of one charset are joined before they are
/// decoded: senders cut characters in two, though RFC 2047 §5 forbids it.
#[derive(Default)]
struct Decoded<'a> {
    text: String,
    charset: &'a [u8],
    pending: Vec<u8>,
    after_word: bool,
}

impl<'a> Decoded<'a> {
    fn plain(&mut self, plain: &[u8]) {
        self.flush();
        self.text.push_str(&charset::guess_utf8(plain));
        self.after_word = false;
    }

    fn word(&mut self, word: &EncodedWord<'a>) {
        if !word.charset.eq_ignore_ascii_case(self.charset) {
            self.flush();
        }
        self.charset = word.charset;
        self.pending.extend_from_slice(&word.octets);
        self.after_word = true;
    }

    fn flush(&mut self) {
        self.text
            .push_str(&charset::to_utf8(self.charset, &self.pending));
        self.pending.clear();
    }
}

/// Reads `=?charset*language?encoding?text?=` (RFC 2047 §2, RFC 2231 §5) and gives what follows.
fn encoded_word(bytes: &[u8]) -> Option<(EncodedWord<'_>, &[u8])> {
    let (label, rest) = split_at_mark(bytes.strip_prefix(b"=?")?)?;
    let (encoding, rest) = split_at_mark(rest)?;
    let (text, rest) = split_at_mark(rest)?;
    let after = rest.strip_prefix(b"=")?;
    let octets = match encoding {
        b"B" | b"b" => TransferEncoding::Base64.decode(text),
        b"Q" | b"q" => decode_q(text),
        _ => return None,
    };
    let charset = label.split(|&byte| byte == b'*').next()?;
    if charset.is_empty() || !charset.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    Some((EncodedWord { charset, octets }, after))
}

fn split_at_mark(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let window = bytes.get(..ENCODED_WORD_OCTETS_MAX).unwrap_or(bytes);
    let (head, tail) = bytes.split_at(memchr(b'?', window)?);
    Some((head, tail.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_of_rfc_2047_section_8() {
        for (value, text) in [
            ("=?ISO-8859-1?Q?a?=", "a"),
            ("=?ISO-8859-1?Q?a?= b", "a b"),
            ("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
            ("=?ISO-8859-1?Q?a?=\r\n     =?ISO-8859-1?Q?b?=", "ab"),
            ("=?ISO-8859-1?Q?a_b?=", "a b"),
            ("=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"),
        ] {
            assert_eq!(decode_text(value.as_bytes()), text, "{value}");
        }
    }

    #[test]
    fn encoded_words_of_the_wild() {
        for (value, text) in [
            ("Re: =?utf-8?B?w6TDtsO8?= x", "Re: äöü x"),
            ("=?utf-8?q?=C3?= =?UTF-8?q?=A4?=", "ä"),
            ("=?utf-8*en?Q?a?=", "a"),
            ("=?utf-8?Q?a b?=", "a b"),
            ("=?utf-8?X?a?=", "=?utf-8?X?a?="),
            ("=?utf-8?Q?a", "=?utf-8?Q?a"),
            ("=?=?utf-8?Q?a?=", "=?a"),
            ("=??Q?a?=", "=??Q?a?="),
            ("caf\u{e9}", "caf\u{e9}"),
            (" folded\r\n text\0 ", "folded text"),
        ] {
            assert_eq!(decode_text(value.as_bytes()), text, "{value}");
        }
        assert_eq!(decode_text(b"caf\xe9"), "café");
    }
}
