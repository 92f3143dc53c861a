//! What a command or an answer comes to, and how replies are written.

use std::fmt::Write as _;
use std::time::Instant;

use postroom_mail::reply::Reply;
use postroom_wire::output::Output;

use super::host::Question;
use super::state::{Pending, Phase, State};

/// Octets of a reply's text at most, so that the line stays below 512 (RFC 5321 §4.5.3.1.5).
const TEXT_OCTETS_MAX: usize = 480;

/// What happens next. Handlers decide it; the server does it.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Nothing is said.
    Stand(Phase),
    /// One reply.
    Reply(Reply, Phase),
    /// One reply; a mistake of syntax or sequence is counted.
    Refuse(Reply, Phase),
    /// Several replies, in order.
    Replies(Vec<Reply>, Phase),
    /// The host decides.
    Ask(Question, Pending),
    /// The open transaction is dropped, with `times` copies of the reply.
    Abandon {
        reply: Reply,
        times: u32,
        phase: Phase,
    },
    /// The session waits for something that is no command.
    Enter(Option<Reply>, State, Instant),
    /// The handshake begins.
    StartTls,
    /// The last reply of the session.
    End(Reply),
}

/// Writes one reply line.
///
/// A text that came from elsewhere cannot break the line: control characters become spaces.
pub(super) fn write(reply: &Reply, out: &mut Output) {
    let result = match reply.enhanced {
        Some(enhanced) => write!(out, "{} {enhanced} ", reply.code),
        None => write!(out, "{} ", reply.code),
    };
    debug_assert!(result.is_ok(), "an Output takes everything");
    let mut end = reply.text.len().min(TEXT_OCTETS_MAX);
    while !reply.text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    let text = reply.text.get(..end).unwrap_or_default();
    if text.contains(char::is_control) {
        let clean: String = text
            .chars()
            .map(|character| {
                if character.is_control() {
                    ' '
                } else {
                    character
                }
            })
            .collect();
        out.put(clean.as_bytes());
    } else {
        out.put(text.as_bytes());
    }
    out.put(b"\r\n");
}

#[cfg(test)]
mod tests {
    use postroom_mail::reply;

    use super::*;

    fn written(reply: &Reply) -> String {
        let mut out = Output::new();
        write(reply, &mut out);
        String::from_utf8(out.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn a_text_from_elsewhere_stays_one_short_line() {
        let evil = reply::OK.with_text("a\r\n250 b\u{85}\0");
        assert_eq!(written(&evil), "250 2.0.0 a  250 b  \r\n");
        let long = reply::OK.with_text("\u{e9}".repeat(1000));
        assert!(written(&long).len() < 512);
        assert_eq!(written(&reply::CHALLENGE), "334 \r\n");
    }
}
