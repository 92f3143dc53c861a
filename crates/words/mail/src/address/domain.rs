//! The part right of the `@`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use icu_normalizer::ComposingNormalizerBorrowed;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use super::AddressError;

/// Octets a domain may have (RFC 5321 §4.5.3.1.2).
pub const DOMAIN_OCTETS_MAX: usize = 255;

/// Octets one label may have (RFC 1035 §2.3.4).
const LABEL_OCTETS_MAX: usize = 63;

/// A domain in its one comparable form: lower case, A-labels; or an address literal in the usual
/// spelling of its address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(Box<str>);

impl Domain {
    /// Parses a host name of letters, digits and hyphens, U-labels included, or an address
    /// literal (RFC 5321 §4.1.2, §4.1.3; RFC 6531 §3.3).
    ///
    /// U-labels and their A-labels give the same domain. A text that IDNA would first map to
    /// other letters (full-width forms, ideographic stops) is refused: a name has one spelling
    /// apart from case. So is a name that ends in an all-digit label, which is an address without
    /// its brackets (RFC 1123 §2.1).
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or(AddressError::Domain)?;
            return parse_literal(inner)
                .map(Self::literal)
                .ok_or(AddressError::Domain);
        }
        let name = if needs_idna(text) {
            to_a_labels(text)?
        } else {
            text.to_ascii_lowercase()
        };
        check_labels(&name)?;
        Ok(Self(name.into()))
    }

    /// The address literal of `address` (RFC 5321 §4.1.3).
    pub fn literal(address: IpAddr) -> Self {
        Self(match address {
            IpAddr::V4(v4) => format!("[{v4}]").into(),
            IpAddr::V6(v6) => format!("[IPv6:{v6}]").into(),
        })
    }

    /// The canonical text: what is compared, stored and put on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is an address literal, `[...]`.
    pub fn is_literal(&self) -> bool {
        self.0.starts_with('[')
    }

    /// The address of a literal; `None` for a name.
    pub fn literal_address(&self) -> Option<IpAddr> {
        parse_literal(self.0.strip_prefix('[')?.strip_suffix(']')?)
    }

    /// The text for people: U-labels instead of A-labels.
    pub fn to_unicode(&self) -> String {
        if self.is_literal() || !needs_idna(&self.0) {
            return self.0.to_string();
        }
        unicode_of(&self.0)
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The address inside the brackets; only the two kinds that have a meaning (RFC 5321 §4.1.3).
fn parse_literal(inner: &str) -> Option<IpAddr> {
    const TAG: &str = "IPv6:";
    match inner.split_at_checked(TAG.len()) {
        Some((tag, v6)) if tag.eq_ignore_ascii_case(TAG) => {
            v6.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
        }
        _ => inner.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

fn needs_idna(text: &str) -> bool {
    let is_a_label = |label: &str| {
        label
            .get(..4)
            .is_some_and(|head| head.eq_ignore_ascii_case("xn--"))
    };
    !text.is_ascii() || text.split('.').any(is_a_label)
}

fn to_a_labels(text: &str) -> Result<String, AddressError> {
    if text.len() > 4 * DOMAIN_OCTETS_MAX {
        return Err(AddressError::TooLong);
    }
    let ascii = Uts46::new()
        .to_ascii(
            text.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::CheckFirstLast,
            DnsLength::Verify,
        )
        .map_err(|_| AddressError::Domain)?
        .into_owned();
    // Labels may be of either form; each must come back as it was given, apart from case.
    let given = lower_nfc(text);
    let faithful = given.split('.').count() == ascii.split('.').count()
        && given
            .split('.')
            .zip(ascii.split('.'))
            .all(|(label, a_label)| label == a_label || label == lower_nfc(&unicode_of(a_label)));
    if faithful && ascii.split('.').all(stands_for_u_label) {
        Ok(ascii)
    } else {
        Err(AddressError::Domain)
    }
}

/// Whether an A-label stands for a U-label: one with hyphens in its third and fourth place would be
/// read as an A-label itself (RFC 5891 §4.2.3.1). True of every other label.
fn stands_for_u_label(label: &str) -> bool {
    !label.starts_with("xn--") || unicode_of(label).chars().skip(2).take(2).ne(['-', '-'])
}

/// Both sides of a comparison go through this: case folding makes Cherokee upper case.
fn lower_nfc(text: &str) -> String {
    let nfc = ComposingNormalizerBorrowed::new_nfc();
    nfc.normalize(&text.to_lowercase()).into_owned()
}

fn unicode_of(ascii: &str) -> String {
    let (unicode, _) = Uts46::new().to_unicode(
        ascii.as_bytes(),
        AsciiDenyList::STD3,
        Hyphens::CheckFirstLast,
    );
    unicode.into_owned()
}

fn check_labels(name: &str) -> Result<(), AddressError> {
    if name.len() > DOMAIN_OCTETS_MAX {
        return Err(AddressError::TooLong);
    }
    let label_fits = |label: &str| {
        (1..=LABEL_OCTETS_MAX).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let all_digits = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    let last_is_number = name.rsplit('.').next().is_some_and(all_digits);
    if last_is_number || !name.split('.').all(label_fits) {
        return Err(AddressError::Domain);
    }
    Ok(())
}
