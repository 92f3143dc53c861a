//! The word that a Received field has for how a message came.

use postroom_smtp::server::HelloVerb;

/// The protocol keyword (RFC 3848, RFC 6531 §4.3).
pub(crate) fn with(
    verb: HelloVerb,
    smtputf8: bool,
    has_tls: bool,
    is_logged_in: bool,
) -> &'static str {
    match (verb, smtputf8, has_tls, is_logged_in) {
        (HelloVerb::Helo, ..) => "SMTP",
        (HelloVerb::Ehlo, false, false, false) => "ESMTP",
        (HelloVerb::Ehlo, false, false, true) => "ESMTPA",
        (HelloVerb::Ehlo, false, true, false) => "ESMTPS",
        (HelloVerb::Ehlo, false, true, true) => "ESMTPSA",
        (HelloVerb::Ehlo, true, false, false) => "UTF8SMTP",
        (HelloVerb::Ehlo, true, false, true) => "UTF8SMTPA",
        (HelloVerb::Ehlo, true, true, false) => "UTF8SMTPS",
        (HelloVerb::Ehlo, true, true, true) => "UTF8SMTPSA",
        (HelloVerb::Lhlo, false, false, false) => "LMTP",
        (HelloVerb::Lhlo, false, false, true) => "LMTPA",
        (HelloVerb::Lhlo, false, true, false) => "LMTPS",
        (HelloVerb::Lhlo, false, true, true) => "LMTPSA",
        (HelloVerb::Lhlo, true, false, false) => "UTF8LMTP",
        (HelloVerb::Lhlo, true, false, true) => "UTF8LMTPA",
        (HelloVerb::Lhlo, true, true, false) => "UTF8LMTPS",
        (HelloVerb::Lhlo, true, true, true) => "UTF8LMTPSA",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_keyword_is_registered() {
        for verb in [HelloVerb::Ehlo, HelloVerb::Lhlo] {
            let mut words: Vec<_> = (0..8_u8)
                .map(|bits| with(verb, bits & 1 > 0, bits & 2 > 0, bits & 4 > 0))
                .collect();
            words.sort_unstable();
            words.dedup();
            assert_eq!(words.len(), 8);
        }
        assert_eq!(with(HelloVerb::Ehlo, false, true, true), "ESMTPSA");
        assert_eq!(with(HelloVerb::Lhlo, true, true, false), "UTF8LMTPS");
        assert_eq!(with(HelloVerb::Helo, false, true, false), "SMTP");
    }
}
