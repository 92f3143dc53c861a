//! How much of a person is written into logs and the journal.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use aws_lc_rs::hmac;
use postroom_config::value::LogPrivacy;
use postroom_mail::address::{Address, ReversePath};
use postroom_runtime::random::Random;
use postroom_runtime::watched::Watched;

/// Octets of the key of pseudonyms.
pub const KEY_OCTETS: usize = 32;

/// Characters of a peer's text that are written at most.
const TEXT_MAX: usize = 256;

/// What `privacy.log` allows. Clones follow the same rule and give the same pseudonyms.
#[derive(Debug, Clone)]
pub struct Privacy {
    rule: Watched<LogPrivacy>,
    key: hmac::Key,
}

impl Privacy {
    /// Pseudonyms are those of this start of the server: nobody can work them out later.
    pub fn new(rule: LogPrivacy, random: &Random) -> Self {
        let mut key = [0; KEY_OCTETS];
        random.fill(&mut key);
        Self::with_key(rule, &key)
    }

    /// Pseudonyms of a key that is kept: the same after a restart, so that a person can be asked
    /// for by whoever has the key.
    pub fn with_key(rule: LogPrivacy, key: &[u8; KEY_OCTETS]) -> Self {
        Self {
            rule: Watched::new(rule),
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
        }
    }

    /// The name that a peer gives for its host; an address in it is as good as the peer's own.
    pub fn host(&self, name: &str) -> Box<str> {
        match *self.rule.get() {
            LogPrivacy::Full => printable(name).into(),
            LogPrivacy::TruncatedIp
                if name.parse::<IpAddr>().is_err() && !name.starts_with('[') =>
            {
                printable(name).into()
            }
            LogPrivacy::TruncatedIp => "[address]".into(),
            LogPrivacy::Pseudonym => self.name(name),
        }
    }

    /// Another rule for everything that is written from now on.
    pub fn reload(&self, rule: LogPrivacy) {
        self.rule.set(rule);
    }

    /// A mail address.
    pub fn address(&self, address: &Address) -> Box<str> {
        self.name(&address.to_string())
    }

    /// A reverse-path; empty for the null path.
    pub fn reverse_path(&self, path: &ReversePath) -> Box<str> {
        path.address()
            .map(|address| self.address(address))
            .unwrap_or_default()
    }

    /// Any text that names a person, such as a login that may not be an address.
    pub fn name(&self, text: &str) -> Box<str> {
        if *self.rule.get() != LogPrivacy::Pseudonym {
            return printable(text).into();
        }
        let tag = hmac::sign(&self.key, text.to_lowercase().as_bytes());
        let mut name = String::from("~");
        for byte in tag.as_ref().iter().take(6) {
            let _ = write!(name, "{byte:02x}");
        }
        name.into()
    }

    /// The address a peer connects from.
    pub fn peer(&self, address: IpAddr) -> Box<str> {
        let shown = match (*self.rule.get(), address) {
            (LogPrivacy::Full, _) => address,
            (_, IpAddr::V4(address)) => Ipv4Addr::from_bits(address.to_bits() & !0xFF).into(),
            (_, IpAddr::V6(address)) => {
                Ipv6Addr::from_bits(address.to_bits() & !(u128::MAX >> 48)).into()
            }
        };
        shown.to_string().into()
    }
}

/// A peer's text as one line of a log may hold it: nothing that ends a line, moves the cursor or
/// turns the direction of writing, and not without end.
pub fn printable(text: &str) -> String {
    text.chars()
        .take(TEXT_MAX)
        .map(|c| if is_harmless(c) { c } else { '?' })
        .collect()
}

fn is_harmless(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            '\u{00AD}' | '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}')
}

#[cfg(test)]
mod tests {
    use postroom_mail::address::NonAscii;

    use super::*;

    #[test]
    fn attack_h01_nothing_of_a_peer_ends_a_line_of_the_log() {
        let evil = "a\r\nINFO forged\x1b[2Jb\u{2028}c\u{202e}d\0";
        let line = printable(evil);
        assert_eq!(line, "a??INFO forged?[2Jb?c?d?");
        assert_eq!(printable(&"x".repeat(10_000)).len(), TEXT_MAX);
    }

    #[test]
    fn pseudonyms_hide_the_name_and_stay_the_same() {
        let privacy = Privacy::new(LogPrivacy::Pseudonym, &Random::seeded(1));
        let anna = Address::parse("Anna@example.org", NonAscii::Refused).unwrap();
        let first = privacy.address(&anna);
        assert!(!first.contains("nna"), "{first}");
        assert_eq!(privacy.clone().address(&anna), first);
        assert_eq!(&*privacy.peer("192.0.2.77".parse().unwrap()), "192.0.2.0");
        let six = "2001:db8:1:2::3".parse().unwrap();
        assert_eq!(&*privacy.peer(six), "2001:db8:1::");
    }
}
