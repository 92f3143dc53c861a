//! The collation `i;unicode-casemap` (RFC 5051): how IMAP compares text that people read.

use std::borrow::Cow;

use icu_normalizer::DecomposingNormalizerBorrowed;

/// `text` with each character in title case, then decomposed for compatibility (RFC 5051 §2).
///
/// Two texts are the same to people if their maps are equal octet by octet, one is part of another
/// if its map is, and the order of maps is the order of texts. Linear.
///
/// ```
/// use postroom_mail::casemap::casemap;
///
/// assert_eq!(casemap("Große Ärzte"), casemap("GROßE A\u{308}RZTE"));
/// assert!(casemap("Weißwürste").contains(&*casemap("würst")));
/// ```
pub fn casemap(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        let is_mapped = !text.bytes().any(|byte| byte.is_ascii_lowercase());
        return if is_mapped {
            Cow::Borrowed(text)
        } else {
            Cow::Owned(text.to_ascii_uppercase())
        };
    }
    let titled: String = text.chars().map(title).collect();
    let normalizer = DecomposingNormalizerBorrowed::new_nfkd();
    Cow::Owned(normalizer.normalize(&titled).into_owned())
}

/// The simple title case of one character (UnicodeData.txt, field 14, and where that is empty
/// field 12).
fn title(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_uppercase();
    }
    match c {
        // Digraphs have a form of their own between upper and lower case.
        '\u{1C4}'..='\u{1C6}' => '\u{1C5}',
        '\u{1C7}'..='\u{1C9}' => '\u{1C8}',
        '\u{1CA}'..='\u{1CC}' => '\u{1CB}',
        '\u{1F1}'..='\u{1F3}' => '\u{1F2}',
        // Georgian titles are not capitals.
        '\u{10D0}'..='\u{10FA}' | '\u{10FD}'..='\u{10FF}' => c,
        // Greek with an iota beneath: the full upper case is two letters, the simple one is one.
        '\u{1F80}'..='\u{1F87}' | '\u{1F90}'..='\u{1F97}' | '\u{1FA0}'..='\u{1FA7}' => {
            char::from_u32(u32::from(c) + 8).unwrap_or(c)
        }
        '\u{1FB3}' => '\u{1FBC}',
        '\u{1FC3}' => '\u{1FCC}',
        '\u{1FF3}' => '\u{1FFC}',
        _ => {
            let mut upper = c.to_uppercase();
            match (upper.next(), upper.next()) {
                (Some(only), None) => only,
                // Such as ß: no single letter stands for it.
                _ => c,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn case_and_form_do_not_matter() {
        for (one, other) in [
            ("abc", "ABC"),
            ("ä", "A\u{308}"),
            ("ǆ", "Ǆ"),
            ("Ⅷ", "ⅷ"),
            ("ᾀ", "ᾈ"),
            ("ａ", "A"),
            ("жук", "ЖУК"),
        ] {
            assert_eq!(casemap(one), casemap(other), "{one} {other}");
        }
        // Their simple upper case is themselves; compatibility makes one of the other.
        assert_ne!(casemap("ß"), casemap("ss"));
        // RFC 5051 compares octets: capitals stand before what has none.
        assert!(casemap("z") < casemap("é") || casemap("e") < casemap("é"));
    }

    proptest! {
        #[test]
        fn a_map_is_its_own_map(text in "\\PC{0,20}") {
            let once = casemap(&text).into_owned();
            // Decomposition may lay bare a letter that has a title case; twice is enough.
            let twice = casemap(&once).into_owned();
            prop_assert_eq!(casemap(&twice).into_owned(), twice.clone());
        }

        #[test]
        fn ascii_is_upper_case(text in "[ -~]{0,20}") {
            prop_assert_eq!(casemap(&text).into_owned(), text.to_ascii_uppercase());
        }
    }
}
