//! Numbers, strings and names (RFC 9051 §4).

use postroom_mail::modified_utf7;
use postroom_wire::output::Output;

use crate::parse::{Names, is_astring_char};

/// A number in decimal.
pub(crate) fn put_number(out: &mut Output, mut number: u64) {
    let mut digits = [0; 20];
    let mut used = 0_usize;
    for place in digits.iter_mut().rev() {
        let digit = number.rem_euclid(10);
        *place = b'0'.saturating_add(u8::try_from(digit).unwrap_or(0));
        used = used.saturating_add(1);
        number = number.div_euclid(10);
        if number == 0 {
            break;
        }
    }
    let start = digits.len().saturating_sub(used);
    out.put(digits.get(start..).unwrap_or_default());
}

/// Octets above which a string is printed as a literal, whatever it holds.
const QUOTED_OCTETS_MAX: usize = 4096;

/// `string`: quoted where that is allowed, else a literal.
///
/// A literal cannot hold NUL (`CHAR8`); it is printed as 0x80, as no better octet exists.
pub(crate) fn put_string(out: &mut Output, text: &[u8]) {
    let mut has_specials = false;
    let mut is_quotable = text.len() <= QUOTED_OCTETS_MAX;
    for &byte in text {
        has_specials |= matches!(byte, b'"' | b'\\');
        is_quotable &= matches!(byte, b' '..=b'~' | b'\t');
    }
    if !is_quotable {
        put_literal_head(out, text.len() as u64);
        for (place, run) in text.split(|&byte| byte == 0).enumerate() {
            if place > 0 {
                out.put(b"\x80");
            }
            out.put(run);
        }
        return;
    }
    out.put(b"\"");
    if has_specials {
        put_escaped(out, text);
    } else {
        out.put(text);
    }
    out.put(b"\"");
}

fn put_escaped(out: &mut Output, text: &[u8]) {
    for run in text.split_inclusive(|&byte| matches!(byte, b'"' | b'\\')) {
        match run.split_last() {
            Some((special @ (b'"' | b'\\'), before)) => {
                out.put(before);
                out.put(&[b'\\', *special]);
            }
            _ => out.put(run),
        }
    }
}

/// `nstring`.
pub(crate) fn put_nstring(out: &mut Output, text: Option<&[u8]>) {
    match text {
        Some(text) => put_string(out, text),
        None => out.put(b"NIL"),
    }
}

/// `{n}` and CRLF; the octets follow.
pub(crate) fn put_literal_head(out: &mut Output, octets: u64) {
    out.put(b"{");
    put_number(out, octets);
    out.put(b"}\r\n");
}

/// `astring`.
pub(crate) fn put_astring(out: &mut Output, text: &[u8]) {
    let is_atom = !text.is_empty()
        && text.iter().copied().all(is_astring_char)
        && !text.eq_ignore_ascii_case(b"NIL");
    if is_atom {
        out.put(text);
    } else {
        put_string(out, text);
    }
}

/// `mailbox`, spelled as the session does.
pub(crate) fn put_mailbox(out: &mut Output, name: &str, names: Names) {
    let is_plain = name
        .bytes()
        .all(|byte| is_astring_char(byte) && byte != b'&');
    match names {
        _ if is_plain => put_astring(out, name.as_bytes()),
        Names::ModifiedUtf7 => put_astring(out, modified_utf7::encode(name).as_bytes()),
        // UTF-8 has its place in quoted strings (RFC 9051 §9, `QUOTED-CHAR`).
        Names::Utf8 => {
            out.put(b"\"");
            put_escaped(out, name.as_bytes());
            out.put(b"\"");
        }
    }
}
