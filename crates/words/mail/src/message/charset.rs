//! Octets of any charset as UTF-8.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// `bytes` of charset `label` as UTF-8; what cannot be decoded becomes U+FFFD.
///
/// Without a label, with one nobody knows, and for US-ASCII that is none, the octets are taken as
/// UTF-8 if they are that, else as windows-1252, of which every octet is some letter.
pub fn to_utf8<'a>(label: &[u8], bytes: &'a [u8]) -> Cow<'a, str> {
    match Encoding::for_label_no_replacement(label) {
        Some(encoding) if encoding != WINDOWS_1252 || !is_ascii_label(label) => {
            encoding.decode(bytes).0
        }
        _ => guess_utf8(bytes),
    }
}

/// A charset that is known here: any of the WHATWG encoding standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charset(&'static Encoding);

impl Charset {
    /// UTF-8, of which US-ASCII is a part.
    pub const UTF_8: Self = Self(UTF_8);

    /// The charset of this name; `None` where nobody knows it.
    pub fn for_label(label: &[u8]) -> Option<Self> {
        if is_ascii_label(label) {
            return Some(Self::UTF_8);
        }
        Encoding::for_label_no_replacement(label).map(Self)
    }

    /// `bytes` as text; `None` where they are not of this charset.
    pub fn decode(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        self.0
            .decode_without_bom_handling_and_without_replacement(bytes)
    }
}

/// Octets that name no charset.
pub(super) fn guess_utf8(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0,
    }
}

/// The labels of ASCII, which the WHATWG table calls windows-1252.
fn is_ascii_label(label: &[u8]) -> bool {
    let label = label.trim_ascii();
    label.eq_ignore_ascii_case(b"us-ascii") || label.eq_ignore_ascii_case(b"ascii")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charsets() {
        assert_eq!(to_utf8(b"ISO-8859-15", b"10 \xa4"), "10 €");
        assert_eq!(to_utf8(b"koi8-r", b"\xf0\xd2"), "Пр");
        assert_eq!(to_utf8(b"us-ascii", "ü".as_bytes()), "ü");
        assert_eq!(to_utf8(b"us-ascii", b"\xfc"), "ü");
        assert_eq!(to_utf8(b"", b"\xfc"), "ü");
        assert_eq!(to_utf8(b"x-unheard-of", b"abc"), "abc");
        assert_eq!(to_utf8(b"utf-8", b"a\xff"), "a\u{fffd}");
        assert_eq!(Charset::for_label(b"US-ASCII"), Some(Charset::UTF_8));
        assert_eq!(Charset::for_label(b"x-unheard-of"), None);
        let latin = Charset::for_label(b"iso-8859-1").unwrap();
        assert_eq!(latin.decode(b"\xfc").as_deref(), Some("ü"));
        assert_eq!(Charset::UTF_8.decode(b"\xfc"), None);
        assert_eq!(to_utf8(b"iso-2022-jp", b"\x1b$B$\"\x1b(B"), "あ");
    }
}
