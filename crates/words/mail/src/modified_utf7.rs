//! Modified UTF-7: how IMAP4rev1 spells mailbox names (RFC 3501 §5.1.3).
//!
//! Strict both ways: each text has one spelling, and only that one is read.

/// Why octets are no modified UTF-7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModifiedUtf7Error {
    /// An octet that must be encoded stands bare: a control character or one above 126.
    #[error("octet {0:#04x} must be encoded")]
    Bare(u8),
    /// An octet that is no letter of the alphabet.
    #[error("octet {0:#04x} is not of the base64 alphabet")]
    Alphabet(u8),
    /// No `-` ends the encoded run.
    #[error("no shift back to ASCII")]
    Unterminated,
    /// Bits are left over that are no whole UTF-16 unit, or are not zero.
    #[error("encoded text ends within a character")]
    Incomplete,
    /// Half of a surrogate pair.
    #[error("lone surrogate")]
    Surrogate,
    /// A printable ASCII character is encoded.
    #[error("printable ASCII is encoded")]
    EncodedAscii,
    /// `-&` between two encoded runs.
    #[error("superfluous shift")]
    NullShift,
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/// The modified UTF-7 of `text`.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (direct, tail) = split_where(rest, |c| !is_direct(c));
        encoded.push_str(direct);
        rest = if let Some(after) = tail.strip_prefix('&') {
            encoded.push_str("&-");
            after
        } else {
            let (run, after) = split_where(tail, |c| is_direct(c) || c == '&');
            encode_run(run, &mut encoded);
            after
        };
    }
    encoded
}

/// The text that `encoded` spells.
pub fn decode(encoded: &[u8]) -> Result<String, ModifiedUtf7Error> {
    let mut text = String::with_capacity(encoded.len());
    let mut rest = encoded;
    let mut after_run = false;
    while let Some((&byte, tail)) = rest.split_first() {
        match byte {
            b'&' => {
                let end = memchr::memchr(b'-', tail).unwrap_or(tail.len());
                let (run, closed) = tail.split_at(end);
                match run {
                    _ if closed.is_empty() => return Err(unterminated(run)),
                    [] => text.push('&'),
                    _ if after_run => return Err(ModifiedUtf7Error::NullShift),
                    _ => decode_run(run, &mut text)?,
                }
                after_run = !run.is_empty();
                rest = &closed[1..];
            }
            b' '..=b'~' => {
                text.push(char::from(byte));
                after_run = false;
                rest = tail;
            }
            _ => return Err(ModifiedUtf7Error::Bare(byte)),
        }
    }
    Ok(text)
}

fn split_where(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

fn is_direct(c: char) -> bool {
    matches!(c, ' '..='~') && c != '&'
}

fn encode_run(run: &str, encoded: &mut String) {
    if run.is_empty() {
        return;
    }
    encoded.push('&');
    let mut bits: u32 = 0;
    let mut count = 0;
    for unit in run.encode_utf16() {
        bits = bits << 16 | u32::from(unit);
        count += 16;
        while count >= 6 {
            count -= 6;
            encoded.push(letter(bits >> count));
        }
        bits &= (1 << count) - 1;
    }
    if count > 0 {
        encoded.push(letter(bits << (6 - count)));
    }
    encoded.push('-');
}

fn letter(bits: u32) -> char {
    char::from(ALPHABET[(bits & 63) as usize])
}

fn value(byte: u8) -> Result<u32, ModifiedUtf7Error> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b',' => 63,
        _ => return Err(ModifiedUtf7Error::Alphabet(byte)),
    };
    Ok(u32::from(value))
}

/// The error of a run without its `-`: a foreign octet in it says more than the missing end.
fn unterminated(run: &[u8]) -> ModifiedUtf7Error {
    run.iter()
        .find_map(|&byte| value(byte).err())
        .unwrap_or(ModifiedUtf7Error::Unterminated)
}

fn decode_run(run: &[u8], text: &mut String) -> Result<(), ModifiedUtf7Error> {
    let mut bits: u32 = 0;
    let mut count = 0;
    let mut units = Vec::with_capacity(run.len() * 6 / 16);
    for &byte in run {
        bits = bits << 6 | value(byte)?;
        count += 6;
        if count >= 16 {
            count -= 16;
            units.push((bits >> count & 0xffff) as u16);
            bits &= (1 << count) - 1;
        }
    }
    if count >= 6 || bits != 0 || units.is_empty() {
        return Err(ModifiedUtf7Error::Incomplete);
    }
    for c in char::decode_utf16(units) {
        let c = c.map_err(|_| ModifiedUtf7Error::Surrogate)?;
        if matches!(c, ' '..='~') {
            return Err(ModifiedUtf7Error::EncodedAscii);
        }
        text.push(c);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn examples_of_the_rfc() {
        let text = "~peter/mail/台北/日本語";
        assert_eq!(encode(text), "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
        assert_eq!(decode(b"~peter/mail/&U,BTFw-/&ZeVnLIqe-").unwrap(), text);
        assert_eq!(encode("A&B"), "A&-B");
        assert_eq!(encode("Entwürfe & ☃😀"), "Entw&APw-rfe &- &JgPYPd4A-");
        assert_eq!(decode(b"").unwrap(), "");
    }

    #[test]
    fn each_error_has_its_name() {
        for (encoded, error) in [
            (&b"&Jjo!"[..], ModifiedUtf7Error::Alphabet(b'!')),
            (b"&Jjo", ModifiedUtf7Error::Unterminated),
            (b"&", ModifiedUtf7Error::Unterminated),
            (b"&U,BTFw-&ZeVnLIqe-", ModifiedUtf7Error::NullShift),
            (b"&AGE-", ModifiedUtf7Error::EncodedAscii),
            (b"&ACY-", ModifiedUtf7Error::EncodedAscii),
            (b"&AOQA-", ModifiedUtf7Error::Incomplete),
            (b"&AOR-", ModifiedUtf7Error::Incomplete),
            (b"&A-", ModifiedUtf7Error::Incomplete),
            (b"&2AA-", ModifiedUtf7Error::Surrogate),
            (b"&AO/-", ModifiedUtf7Error::Alphabet(b'/')),
            (b"a\xc3\xa4", ModifiedUtf7Error::Bare(0xc3)),
            (b"a\tb", ModifiedUtf7Error::Bare(b'\t')),
        ] {
            assert_eq!(decode(encoded), Err(error), "{}", encoded.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(text in "(?s)(.|[a-c&\\-]|\u{1f600}){0,40}") {
            prop_assert_eq!(decode(encode(&text).as_bytes()), Ok(text));
        }

        #[test]
        fn what_decodes_is_spelt_the_one_way(bytes in "[&\\-A-Za-c0,+ä]{0,24}") {
            if let Ok(text) = decode(bytes.as_bytes()) {
                prop_assert_eq!(encode(&text), bytes);
            }
        }
    }
}
