//! Content transfer encodings (RFC 2045 §6).

use super::token::{Cursor, is_token};

/// Content-Transfer-Encoding of a part (RFC 2045 §6.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TransferEncoding {
    /// `7bit`, also when the field is absent.
    #[default]
    SevenBit,
    /// `8bit`.
    EightBit,
    /// `binary`.
    Binary,
    /// `quoted-printable`.
    QuotedPrintable,
    /// `base64`.
    Base64,
    /// Another token, as it was spelled; its octets can only be taken as they are.
    Other(Box<str>),
}

/// Octets of an unknown encoding's name that are kept.
const NAME_OCTETS_MAX: usize = 64;

impl TransferEncoding {
    /// Reads the value of the field.
    pub fn parse(value: &[u8]) -> Self {
        let mut cursor = Cursor::new(value);
        cursor.skip_cfws();
        let token = cursor.take_while(is_token);
        let known = [
            Self::SevenBit,
            Self::EightBit,
            Self::Binary,
            Self::QuotedPrintable,
            Self::Base64,
        ];
        if token.is_empty() {
            return Self::SevenBit;
        }
        known
            .into_iter()
            .find(|encoding| encoding.as_str().as_bytes().eq_ignore_ascii_case(token))
            .unwrap_or_else(|| {
                let token = token.get(..NAME_OCTETS_MAX).unwrap_or(token);
                Self::Other(String::from_utf8_lossy(token).into())
            })
    }

    /// The name, as BODYSTRUCTURE has it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::SevenBit => "7bit",
            Self::EightBit => "8bit",
            Self::Binary => "binary",
            Self::QuotedPrintable => "quoted-printable",
            Self::Base64 => "base64",
            Self::Other(name) => name,
        }
    }

    /// Whether the octets in the message are the octets meant.
    pub fn is_identity(&self) -> bool {
        !matches!(self, Self::QuotedPrintable | Self::Base64)
    }

    /// The octets that `encoded` means.
    pub fn decode(&self, encoded: &[u8]) -> Vec<u8> {
        let mut decoder = TransferDecoder::new(self);
        let mut out = Vec::with_capacity(encoded.len());
        decoder.feed(encoded, &mut out);
        decoder.finish(&mut out);
        out
    }
}

/// Decodes a body piece by piece; the output does not depend on where it was cut.
///
/// Lenient as RFC 2045 §6.7 and §6.8 advise: foreign octets in base64 are passed over, a `=` in
/// quoted-printable that encodes nothing is left as it is.
#[derive(Clone, Debug)]
pub struct TransferDecoder(State);

#[derive(Clone, Debug)]
enum State {
    Identity,
    Base64 { bits: u32, count: u8, ended: bool },
    QuotedPrintable { held: Vec<u8> },
}

/// White space at the end of a line that is held back until its fate is known.
const HELD_OCTETS_MAX: usize = 1024;

impl TransferDecoder {
    /// A decoder for one body.
    pub fn new(encoding: &TransferEncoding) -> Self {
        Self(match encoding {
            TransferEncoding::Base64 => State::Base64 {
                bits: 0,
                count: 0,
                ended: false,
            },
            TransferEncoding::QuotedPrintable => State::QuotedPrintable { held: Vec::new() },
            _ => State::Identity,
        })
    }

    /// Decodes the next piece onto `out`.
    pub fn feed(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        match &mut self.0 {
            State::Identity => out.extend_from_slice(piece),
            State::Base64 { bits, count, ended } => {
                for &byte in piece {
                    match base64_value(byte) {
                        Some(value) => {
                            // After padding, concatenated base64 begins anew.
                            if *ended {
                                (*bits, *count, *ended) = (0, 0, false);
                            }
                            *bits = *bits << 6 | u32::from(value);
                            *count += 6;
                            if *count >= 8 {
                                *count -= 8;
                                out.push((*bits >> *count & 0xff) as u8);
                            }
                        }
                        None => *ended |= byte == b'=',
                    }
                }
            }
            State::QuotedPrintable { held } => {
                for &byte in piece {
                    quoted_printable(held, byte, out);
                }
            }
        }
    }

    /// Ends the body: what was held back goes to `out`.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if let State::QuotedPrintable { held } = &mut self.0 {
            match held.first() {
                // A soft break before the end of the body.
                Some(b'=') if held[1..].iter().all(u8::is_ascii_whitespace) => {}
                Some(b'=') => out.extend_from_slice(held),
                _ => out.extend(held.iter().filter(|byte| matches!(byte, b'\r' | b'\n'))),
            }
            held.clear();
        }
    }
}

fn base64_value(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

/// Takes one octet. `held` is an escape that is not complete, or white space (with a CR perhaps)
/// that counts only if something other than a line end follows (RFC 2045 §6.7 rule 3).
fn quoted_printable(held: &mut Vec<u8>, byte: u8, out: &mut Vec<u8>) {
    match held.as_slice() {
        [] => {}
        [b'='] => {
            if byte.is_ascii_hexdigit() || matches!(byte, b' ' | b'\t' | b'\r') {
                held.push(byte);
                return;
            }
            if byte == b'\n' {
                held.clear();
                return;
            }
            out.append(held);
        }
        [b'=', high, ..] if high.is_ascii_hexdigit() => {
            if let (Some(high), Some(low)) = (hex(*high), hex(byte)) {
                out.push(high << 4 | low);
                held.clear();
                return;
            }
            out.append(held);
        }
        [b'=', ..] => {
            // `=` and white space: a soft line break once the line ends.
            if matches!(byte, b' ' | b'\t' | b'\r') && held.len() < HELD_OCTETS_MAX {
                held.push(byte);
                return;
            }
            if byte == b'\n' {
                held.clear();
                return;
            }
            out.append(held);
        }
        _ => {
            if byte == b'\n' {
                let crlf = held.ends_with(b"\r");
                held.clear();
                out.extend_from_slice(if crlf { b"\r\n" } else { b"\n" });
                return;
            }
            let goes_on = matches!(byte, b' ' | b'\t' | b'\r') && !held.ends_with(b"\r");
            if goes_on && held.len() < HELD_OCTETS_MAX {
                held.push(byte);
                return;
            }
            out.append(held);
        }
    }
    match byte {
        b'=' | b' ' | b'\t' | b'\r' => held.push(byte),
        _ => out.push(byte),
    }
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

/// The octets of the `Q` encoding of RFC 2047 §4.2.
pub(super) fn decode_q(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, tail) {
            (b'_', _) => out.push(b' '),
            (b'=', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    rest = after;
                }
                _ => out.push(byte),
            },
            _ => out.push(byte),
        }
    }
    out
}

/// The octets of `%XX` encoding (RFC 2231 §4).
pub(super) fn decode_percent(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if let (b'%', [high, low, after @ ..]) = (byte, tail)
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            out.push(high << 4 | low);
            rest = after;
        } else {
            out.push(byte);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn base64_is_lenient() {
        for encoded in [
            "aGVsbG8=",
            "aGVs\r\nbG8=\r\n",
            "aGVsbG8",
            "a G!V-sbG8=",
            "aGVs\0bG8=",
        ] {
            let octets = TransferEncoding::Base64.decode(encoded.as_bytes());
            assert_eq!(octets, b"hello", "{encoded}");
        }
        assert_eq!(TransferEncoding::Base64.decode(b"aGk=aGk="), b"hihi");
        assert_eq!(TransferEncoding::Base64.decode(b"===="), b"");
    }

    #[test]
    fn quoted_printable_is_lenient() {
        for (encoded, octets) in [
            ("caf=C3=a9", "café"),
            ("a=\r\nb", "ab"),
            ("a= \t\r\nb=\nc", "abc"),
            ("a \t\r\nb  ", "a\r\nb"),
            ("a  b\r\n", "a  b\r\n"),
            ("a=zz=", "a=zz"),
            ("a=4", "a=4"),
            ("a=4\r\n", "a=4\r\n"),
            ("a==41", "a=A"),
            ("a\rb\n", "a\rb\n"),
        ] {
            let decoded = TransferEncoding::QuotedPrintable.decode(encoded.as_bytes());
            assert_eq!(String::from_utf8_lossy(&decoded), octets, "{encoded:?}");
        }
    }

    #[test]
    fn names() {
        assert_eq!(
            TransferEncoding::parse(b" (x) BASE64 "),
            TransferEncoding::Base64
        );
        assert_eq!(TransferEncoding::parse(b"x-uue").as_str(), "x-uue");
        assert_eq!(TransferEncoding::parse(b""), TransferEncoding::SevenBit);
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(
            bytes in proptest::collection::vec(prop_oneof![
                any::<u8>(), Just(b'='), Just(b' '), Just(b'\r'), Just(b'\n'), Just(b'4'),
            ], 0..80),
            cut in 0_usize..80,
        ) {
            for encoding in [TransferEncoding::Base64, TransferEncoding::QuotedPrintable] {
                let (head, tail) = bytes.split_at(cut.min(bytes.len()));
                let mut decoder = TransferDecoder::new(&encoding);
                let mut out = Vec::new();
                decoder.feed(head, &mut out);
                decoder.feed(tail, &mut out);
                decoder.finish(&mut out);
                prop_assert_eq!(out, encoding.decode(&bytes));
            }
        }

        #[test]
        fn base64_agrees_with_the_crate(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let encoded = STANDARD.encode(&bytes);
            prop_assert_eq!(TransferEncoding::Base64.decode(encoded.as_bytes()), bytes);
        }
    }
}
