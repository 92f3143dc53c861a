//! xtext: printable ASCII with `+XX` for the rest (RFC 3461 §4).

use std::fmt::{self, Write as _};

/// Decodes an xtext whose content must be printable ASCII or space, as ENVID and ORCPT ask
/// (RFC 3461 §4.2, §4.4); `None` if it is no such thing.
pub(crate) fn decode(text: &str) -> Option<Box<str>> {
    let mut decoded = String::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let plain = match byte {
            b'+' => {
                let high = upper_hex(bytes.next()?)?;
                let low = upper_hex(bytes.next()?)?;
                high << 4 | low
            }
            b'=' => return None,
            b'!'..=b'~' => byte,
            _ => return None,
        };
        if !matches!(plain, b' '..=b'~' | b'\t') {
            return None;
        }
        decoded.push(char::from(plain));
    }
    Some(decoded.into())
}

/// Text as xtext (RFC 3461 §4).
pub(crate) struct Encoded<'t>(pub(crate) &'t str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.bytes().try_for_each(|byte| match byte {
            b'+' | b'=' => write!(f, "+{byte:02X}"),
            b'!'..=b'~' => f.write_char(char::from(byte)),
            _ => write!(f, "+{byte:02X}"),
        })
    }
}

fn upper_hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => byte.checked_sub(b'0'),
        b'A'..=b'F' => byte.checked_sub(b'A')?.checked_add(10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Encoded, decode};

    #[test]
    fn decodes_what_the_rfc_allows_and_nothing_else() {
        assert_eq!(
            decode("e+3Dmc2@example.com").as_deref(),
            Some("e=mc2@example.com")
        );
        assert_eq!(decode("a+2Bb+20c").as_deref(), Some("a+b c"));
        for bad in ["a=b", "a+3d", "a+", "a+3", "a b", "+00", "+0D+0A", "\u{e9}"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_encoded_is_decoded_again() {
        for text in ["a+b c=d", "\t~!", "", "plain@example.com"] {
            assert_eq!(decode(&Encoded(text).to_string()).as_deref(), Some(text));
        }
        assert_eq!(Encoded("e=mc2\r\n").to_string(), "e+3Dmc2+0D+0A");
    }
}
