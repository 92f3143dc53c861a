//! Replies of a peer (RFC 5321 §4.2).

use postroom_mail::reply::{EnhancedCode, Reply};
use postroom_wire::lines::{Framed, LineReader};

use super::outcome::Fault;
use super::profile::Limits;

/// Octets of a reply's text that are kept for people: a journal line, a report.
const TEXT_OCTETS_MAX: usize = 1_024;

/// Gathers one reply at a time, whatever its number of lines.
#[derive(Debug, Default)]
pub(super) struct ReplyReader {
    lines: LineReader,
    /// Of the reply under way, once its first line is there.
    code: Option<u16>,
    count: usize,
    text: String,
}

/// What the unread bytes begin with.
#[derive(Debug)]
pub(super) enum Read {
    /// No whole line yet.
    Partial,
    /// One line of a reply that has more.
    More,
    /// A reply is whole.
    Reply(Heard),
    /// No reply.
    Fault(Fault),
}

/// A whole reply.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) code: u16,
    /// The lines' texts without control characters, separated by LF.
    text: String,
}

impl ReplyReader {
    /// Takes what the unread bytes begin with; returns the octets taken.
    pub(super) fn take(&mut self, unread: &[u8], limits: &Limits) -> (usize, Read) {
        let (taken, framed) = self.lines.take(unread, limits.line_octets_max);
        let read = match framed {
            Framed::Partial => Read::Partial,
            Framed::Line(line) => self.line(line, limits).unwrap_or_else(Read::Fault),
            Framed::Fault(fault) => Read::Fault(fault.into()),
            // The rest of a line that ended the session when it was met.
            Framed::Dropped => Read::More,
        };
        (taken, read)
    }

    fn line(&mut self, line: &[u8], limits: &Limits) -> Result<Read, Fault> {
        let (digits, rest) = line.split_at_checked(3).ok_or(Fault::NoCode)?;
        let code = code(digits).ok_or(Fault::NoCode)?;
        let (is_last, text) = match rest {
            [] => (true, rest),
            [b' ', text @ ..] => (true, text),
            [b'-', text @ ..] => (false, text),
            _ => return Err(Fault::NoCode),
        };
        if self.code.replace(code).is_some_and(|first| first != code) {
            return Err(Fault::CodesDiffer);
        }
        self.count = self.count.saturating_add(1);
        if self.count > limits.reply_lines_max {
            return Err(Fault::TooManyLines);
        }
        self.keep(text, limits.reply_octets_max);
        if !is_last {
            return Ok(Read::More);
        }
        let done = std::mem::take(self);
        Ok(Read::Reply(Heard {
            code,
            text: done.text,
        }))
    }

    /// Keeps a line's text, as much as there is room for: UTF-8 (RFC 6531 §3.7.4.1), no controls.
    fn keep(&mut self, text: &[u8], octets_max: usize) {
        if self.count > 1 {
            self.text.push('\n');
        }
        for character in String::from_utf8_lossy(text).chars() {
            let kept = if character.is_control() {
                ' '
            } else {
                character
            };
            let octets = self.text.len().saturating_add(kept.len_utf8());
            if octets > octets_max {
                break;
            }
            self.text.push(kept);
        }
    }
}

/// `2yz` to `5yz`. RFC 5321 §4.2 lets the second digit be 0 to 5; what stands there matters to
/// nobody (RFC 5321 §4.3.2).
fn code(digits: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(digits).ok()?;
    let is_digits = digits.iter().all(u8::is_ascii_digit);
    let code = is_digits.then(|| text.parse().ok())??;
    (200..600).contains(&code).then_some(code)
}

impl Heard {
    /// 2yz.
    pub(super) fn is_completion(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// 3yz: the peer waits for more.
    pub(super) fn is_intermediate(&self) -> bool {
        (300..400).contains(&self.code)
    }

    /// 4yz or 5yz.
    pub(super) fn is_negative(&self) -> bool {
        self.code >= 400
    }

    /// 421: the peer ends the session (RFC 5321 §3.8).
    pub(super) fn is_closing(&self) -> bool {
        self.code == 421
    }

    /// 5yz.
    pub(super) fn is_permanent(&self) -> bool {
        self.code >= 500
    }

    /// The texts of its lines.
    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.split('\n')
    }

    /// The first word of the first line.
    pub(super) fn first_word(&self) -> &str {
        self.text.split([' ', '\n']).next().unwrap_or_default()
    }

    /// As people read it: lines joined, an enhanced code of the same class taken from the front of
    /// each (RFC 2034 §4).
    pub(super) fn into_reply(self) -> Reply {
        let first = self.lines().next().unwrap_or_default();
        let (enhanced, _) = split_enhanced(first, self.code);
        let mut text = String::new();
        for line in self.lines() {
            let (_, words) = split_enhanced(line, self.code);
            if !text.is_empty() && !words.is_empty() {
                text.push(' ');
            }
            text.push_str(words);
        }
        text.truncate(text.floor_char_boundary(TEXT_OCTETS_MAX));
        Reply {
            code: self.code,
            enhanced,
            text: text.into(),
        }
    }
}

/// `5.1.1 text` (RFC 2034 §4, RFC 3463 §2), whose class must be that of the code.
fn split_enhanced(line: &str, code: u16) -> (Option<EnhancedCode>, &str) {
    let line = line.trim();
    let (word, text) = line.split_once(' ').unwrap_or((line, ""));
    let parse = || {
        let mut parts = word.split('.');
        let mut part = |digits_max: usize| {
            let digits = parts.next()?;
            let is_number = (1..=digits_max).contains(&digits.len())
                && digits.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| digits.parse::<u16>().ok())?
        };
        let (class, subject, detail) = (part(1)?, part(3)?, part(3)?);
        if parts.next().is_some() || code.checked_div(100) != Some(class) {
            return None;
        }
        Some(EnhancedCode(u8::try_from(class).ok()?, subject, detail))
    };
    match parse() {
        Some(enhanced) => (Some(enhanced), text.trim_start()),
        None => (None, line),
    }
}

#[cfg(test)]
mod tests;
