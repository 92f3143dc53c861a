//! Modified UTF-7: one spelling for each text, one text for each spelling.

use postroom_mail::modified_utf7::{decode, encode};

/// Panics where a promise is broken.
pub(crate) fn check(bytes: &[u8]) {
    if let Ok(text) = decode(bytes) {
        assert_eq!(encode(&text).as_bytes(), bytes);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let encoded = encode(text);
        assert!(encoded.bytes().all(|byte| matches!(byte, b' '..=b'~')));
        assert_eq!(decode(encoded.as_bytes()).as_deref(), Ok(text));
    }
}
