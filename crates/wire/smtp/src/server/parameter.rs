//! Parameters of MAIL and RCPT (RFC 5321 §4.1.1.11).

use postroom_mail::address::{NonAscii, parse_forward_path, parse_reverse_path};
use postroom_mail::envelope::{BodyType, Notify, Ret};
use postroom_mail::reply::{self, Reply};

use super::host::{RecipientWish, SenderWish};
use crate::xtext;

/// Octets ENVID= may have (RFC 3461 §4.4).
const ENVID_OCTETS_MAX: usize = 100;
/// Octets ORCPT= may have (RFC 3461 §4.2).
const ORCPT_OCTETS_MAX: usize = 500;

/// What this peer may ask for beyond what everybody may.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offer {
    /// DSN (RFC 3461).
    pub(super) dsn: bool,
    /// AUTH, and with it AUTH= of MAIL (RFC 4954 §5).
    pub(super) auth: bool,
    /// What SIZE says (RFC 1870 §4).
    pub(super) size_octets_max: u64,
}

/// `FROM:<path> parameters` (RFC 5321 §4.1.1.2).
pub(super) fn sender(arguments: &str, offer: Offer) -> Result<SenderWish, Reply> {
    let text = after_keyword(arguments, "FROM:").ok_or(reply::BAD_ARGUMENTS)?;
    let (reverse_path, rest) =
        parse_reverse_path(text, NonAscii::Allowed).map_err(|_| reply::BAD_SENDER)?;
    let is_ascii = before(text, rest).is_ascii();
    let mut wish = SenderWish {
        reverse_path,
        size_octets: None,
        body: BodyType::SevenBit,
        smtputf8: false,
        ret: None,
        envid: None,
    };
    let mut seen = Seen::default();
    for parameter in parameters(rest, reply::BAD_SENDER)? {
        let (keyword, value) = split(parameter);
        let keyword = keyword.to_ascii_uppercase();
        seen.note(match keyword.as_str() {
            "SIZE" => 0,
            "BODY" => 1,
            "SMTPUTF8" => 2,
            "AUTH" if offer.auth => 3,
            "RET" if offer.dsn => 4,
            "ENVID" if offer.dsn => 5,
            _ => return Err(reply::UNKNOWN_PARAMETER),
        })?;
        sender_parameter(&mut wish, &keyword, value).ok_or(reply::BAD_PARAMETER)?;
    }
    if wish.size_octets > Some(offer.size_octets_max) {
        return Err(reply::MESSAGE_TOO_BIG);
    }
    if !is_ascii && !wish.smtputf8 {
        return Err(reply::SENDER_NEEDS_SMTPUTF8);
    }
    Ok(wish)
}

fn sender_parameter(wish: &mut SenderWish, keyword: &str, value: Option<&str>) -> Option<()> {
    match (keyword, value) {
        ("SIZE", Some(digits)) => wish.size_octets = Some(size(digits)?),
        ("BODY", Some(value)) if value.eq_ignore_ascii_case("7BIT") => {
            wish.body = BodyType::SevenBit;
        }
        ("BODY", Some(value)) if value.eq_ignore_ascii_case("8BITMIME") => {
            wish.body = BodyType::EightBitMime;
        }
        ("SMTPUTF8", None) => wish.smtputf8 = true,
        // Nobody is trusted to name another submitter: read and dropped, as RFC 4954 §5 allows.
        ("AUTH", Some("<>")) => {}
        ("AUTH", Some(mailbox)) => {
            xtext::decode(mailbox)?;
        }
        ("RET", Some(value)) if value.eq_ignore_ascii_case("FULL") => wish.ret = Some(Ret::Full),
        ("RET", Some(value)) if value.eq_ignore_ascii_case("HDRS") => {
            wish.ret = Some(Ret::Headers);
        }
        ("ENVID", Some(value)) if value.len() <= ENVID_OCTETS_MAX => {
            wish.envid = Some(xtext::decode(value)?);
        }
        _ => return None,
    }
    Some(())
}

/// `TO:<path> parameters` (RFC 5321 §4.1.1.3).
pub(super) fn recipient(
    arguments: &str,
    non_ascii: NonAscii,
    offer: Offer,
) -> Result<RecipientWish, Reply> {
    let text = after_keyword(arguments, "TO:").ok_or(reply::BAD_ARGUMENTS)?;
    let (forward_path, rest) =
        parse_forward_path(text, NonAscii::Allowed).map_err(|_| reply::BAD_RECIPIENT)?;
    if non_ascii == NonAscii::Refused && !before(text, rest).is_ascii() {
        return Err(reply::RECIPIENT_NEEDS_SMTPUTF8);
    }
    let mut wish = RecipientWish {
        forward_path,
        notify: None,
        orcpt: None,
    };
    let mut seen = Seen::default();
    for parameter in parameters(rest, reply::BAD_RECIPIENT)? {
        let (keyword, value) = split(parameter);
        let keyword = keyword.to_ascii_uppercase();
        seen.note(match keyword.as_str() {
            "NOTIFY" if offer.dsn => 0,
            "ORCPT" if offer.dsn => 1,
            _ => return Err(reply::UNKNOWN_PARAMETER),
        })?;
        let value = value.ok_or(reply::BAD_PARAMETER)?;
        if keyword == "NOTIFY" {
            wish.notify = Some(notify(value).ok_or(reply::BAD_PARAMETER)?);
        } else {
            wish.orcpt = Some(original_recipient(value).ok_or(reply::BAD_PARAMETER)?);
        }
    }
    Ok(wish)
}

/// What follows `FROM:` or `TO:`; spaces after the colon are let pass, as many clients send them.
fn after_keyword<'i>(arguments: &'i str, keyword: &str) -> Option<&'i str> {
    let (head, rest) = arguments.split_at_checked(keyword.len())?;
    head.eq_ignore_ascii_case(keyword)
        .then(|| rest.trim_start_matches(' '))
}

/// The part of `text` that is not `rest`, its end.
fn before<'i>(text: &'i str, rest: &str) -> &'i str {
    text.get(..text.len().saturating_sub(rest.len()))
        .unwrap_or_default()
}

/// Splits parameters at spaces; the path before them must be followed by one.
fn parameters(rest: &str, not_separate: Reply) -> Result<impl Iterator<Item = &str>, Reply> {
    if !rest.is_empty() && !rest.starts_with(' ') {
        return Err(not_separate);
    }
    Ok(rest.split(' ').filter(|parameter| !parameter.is_empty()))
}

fn split(parameter: &str) -> (&str, Option<&str>) {
    match parameter.split_once('=') {
        Some((keyword, value)) => (keyword, Some(value)),
        None => (parameter, None),
    }
}

/// Parameters seen in one command: none may come twice.
#[derive(Default)]
struct Seen(u8);

impl Seen {
    fn note(&mut self, place: u32) -> Result<(), Reply> {
        let bit = 1_u8.checked_shl(place).unwrap_or_default();
        if self.0 & bit != 0 {
            return Err(reply::BAD_PARAMETER);
        }
        self.0 |= bit;
        Ok(())
    }
}

/// Up to 20 digits (RFC 1870 §3); what no number of ours holds is above every limit.
fn size(digits: &str) -> Option<u64> {
    let fits = (1..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// `NEVER`, or a list of SUCCESS, FAILURE and DELAY (RFC 3461 §4.1).
fn notify(value: &str) -> Option<Notify> {
    if value.eq_ignore_ascii_case("NEVER") {
        return Some(Notify::NEVER);
    }
    value.split(',').try_fold(Notify::NEVER, |sum, word| {
        let wish = [
            ("SUCCESS", Notify::SUCCESS),
            ("FAILURE", Notify::FAILURE),
            ("DELAY", Notify::DELAY),
        ]
        .into_iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(word))?
        .1;
        Some(Notify(sum.0 | wish.0))
    })
}

/// `type;xtext` (RFC 3461 §4.2).
fn original_recipient(value: &str) -> Option<Box<str>> {
    let (kind, address) = value.split_once(';')?;
    let atom = !kind.is_empty()
        && kind
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte));
    if !atom || value.len() > ORCPT_OCTETS_MAX {
        return None;
    }
    let address = xtext::decode(address)?;
    Some(format!("{kind};{address}").into())
}

#[cfg(test)]
mod tests;
