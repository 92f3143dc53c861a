//! What a peer offers in its reply to EHLO (RFC 5321 §4.1.1.1).

use postroom_wire::sasl::Mechanism;

/// An extension that this client knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    /// RFC 4954.
    Auth,
    /// RFC 3030.
    Chunking,
    /// RFC 3461.
    Dsn,
    /// RFC 6152.
    EightBitMime,
    /// RFC 2034.
    EnhancedStatusCodes,
    /// RFC 9422.
    Limits,
    /// RFC 2920.
    Pipelining,
    /// RFC 1870.
    Size,
    /// RFC 6531.
    SmtpUtf8,
    /// RFC 3207.
    StartTls,
}

impl Extension {
    const ALL: [(&'static str, Self); 10] = [
        ("AUTH", Self::Auth),
        ("CHUNKING", Self::Chunking),
        ("DSN", Self::Dsn),
        ("8BITMIME", Self::EightBitMime),
        ("ENHANCEDSTATUSCODES", Self::EnhancedStatusCodes),
        ("LIMITS", Self::Limits),
        ("PIPELINING", Self::Pipelining),
        ("SIZE", Self::Size),
        ("SMTPUTF8", Self::SmtpUtf8),
        ("STARTTLS", Self::StartTls),
    ];

    /// The keywords of those that this client knows.
    pub fn keywords() -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().map(|(keyword, _)| keyword)
    }

    /// Its keyword.
    pub fn keyword(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, extension)| *extension == self)
            .map_or("", |(keyword, _)| keyword)
    }

    fn bit(self) -> u16 {
        1_u16.checked_shl(self as u32).unwrap_or_default()
    }
}

/// What a peer offers. Unknown keywords and bad parameters are passed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    offered: u16,
    /// Octets of a message that the peer takes; `None` when it does not say (RFC 1870 §4).
    pub size_octets_max: Option<u64>,
    /// RCPT commands the peer takes in a transaction (RFC 9422 §4.2).
    pub recipients_max: Option<u32>,
    /// MAIL commands the peer takes in a session (RFC 9422 §4.1).
    pub transactions_max: Option<u32>,
    /// The best mechanism of AUTH that this client speaks.
    pub mechanism: Option<Mechanism>,
}

impl Extensions {
    /// Whether the peer offers `extension`.
    pub fn offers(&self, extension: Extension) -> bool {
        self.offered & extension.bit() != 0
    }

    /// Reads the lines after the first of a reply to EHLO.
    pub(super) fn parse<'i>(lines: impl Iterator<Item = &'i str>) -> Self {
        let mut extensions = Self::default();
        for line in lines {
            extensions.note(line);
        }
        extensions
    }

    fn note(&mut self, line: &str) {
        let mut words = line.split(' ').filter(|word| !word.is_empty());
        let Some(keyword) = words.next() else {
            return;
        };
        // `AUTH=LOGIN` is what servers said before RFC 2554, beside or instead of `AUTH LOGIN`.
        let (keyword, first) = match keyword.split_once('=') {
            Some((keyword, first)) if keyword.eq_ignore_ascii_case("AUTH") => {
                (keyword, Some(first))
            }
            _ => (keyword, None),
        };
        let Some((_, extension)) = Extension::ALL
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(keyword))
        else {
            return;
        };
        self.offered |= extension.bit();
        let mut parameters = first.into_iter().chain(words);
        match extension {
            Extension::Auth => parameters.for_each(|name| self.note_mechanism(name)),
            Extension::Limits => parameters.for_each(|limit| self.note_limit(limit)),
            // Zero is no limit (RFC 1870 §4).
            Extension::Size => {
                self.size_octets_max = parameters
                    .next()
                    .and_then(number::<u64>)
                    .filter(|&octets| octets > 0);
            }
            _ => {}
        }
    }

    fn note_mechanism(&mut self, name: &str) {
        let Some(mechanism) = Mechanism::from_name(name) else {
            return;
        };
        if self.mechanism != Some(Mechanism::Plain) {
            self.mechanism = Some(mechanism);
        }
    }

    fn note_limit(&mut self, limit: &str) {
        let Some((name, value)) = limit.split_once('=') else {
            return;
        };
        let value = number::<u32>(value).filter(|&value| value > 0);
        if name.eq_ignore_ascii_case("RCPTMAX") {
            self.recipients_max = value;
        } else if name.eq_ignore_ascii_case("MAILMAX") {
            self.transactions_max = value;
        }
    }
}

/// Digits alone: `parse` would let a sign pass.
fn number<N: std::str::FromStr>(text: &str) -> Option<N> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_offered_is_read_in_any_case_and_the_rest_passed_over() {
        let lines = "size 1000\npipelining\nAUTH=LOGIN\nAUTH CRAM-MD5 PLAIN LOGIN\nX-ODD a=b\n\
             LIMITS RCPTMAX=20 MAILMAX=0 FUTURE=1 RCPTMAX\n8bitmime";
        let offer = Extensions::parse(lines.lines());
        assert_eq!(offer.size_octets_max, Some(1000));
        assert_eq!(offer.recipients_max, Some(20));
        assert_eq!(offer.transactions_max, None);
        assert_eq!(offer.mechanism, Some(Mechanism::Plain));
        assert!(offer.offers(Extension::Pipelining) && offer.offers(Extension::EightBitMime));
        assert!(!offer.offers(Extension::Chunking) && !offer.offers(Extension::Dsn));
        for (keyword, extension) in Extension::ALL {
            assert_eq!(extension.keyword(), keyword);
            assert!(Extensions::parse([keyword].into_iter()).offers(extension));
        }
    }

    #[test]
    fn a_size_that_is_no_number_or_zero_is_no_limit() {
        for line in [
            "SIZE",
            "SIZE 0",
            "SIZE -1",
            "SIZE +5",
            "SIZE 99999999999999999999999",
        ] {
            let offer = Extensions::parse([line].into_iter());
            assert_eq!(offer.size_octets_max, None, "{line}");
            assert!(offer.offers(Extension::Size));
        }
    }
}
