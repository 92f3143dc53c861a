//! The base subject: what a subject says without the marks of replies and forwards
//! (RFC 5256 §2.1).

use postroom_mail::message::decode_text;

/// What is left of a subject, and what was taken off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseSubject {
    /// The base subject.
    pub text: String,
    /// Whether `Re:`, `Fwd:`, `(fwd)` or `[Fwd: …]` was taken off: then the message is a reply or
    /// a forward (RFC 5256 §3, REFERENCES).
    pub is_reply: bool,
}

/// The base subject of the value of a Subject field. Linear in its length.
///
/// ```
/// use postroom_mailbox::arrange::base_subject;
///
/// assert_eq!(base_subject(b"Re: [list] Fwd: Tea  at five (fwd)").text, "Tea at five");
/// ```
pub fn base_subject(subject: &[u8]) -> BaseSubject {
    let text = one_line(&decode_text(subject));
    let mut rest = text.as_str();
    let mut is_reply = false;
    loop {
        rest = without_trailers(rest, &mut is_reply);
        rest = without_leaders(rest, &mut is_reply);
        // Step 6: subj-fwd.
        match strip_prefix(rest, "[fwd:").and_then(|inner| inner.strip_suffix(']')) {
            Some(inner) => {
                is_reply = true;
                rest = inner;
            }
            None => break,
        }
    }
    BaseSubject {
        text: rest.to_owned(),
        is_reply,
    }
}

/// Step 1: runs of white space as one space.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        let c = if matches!(c, '\t' | '\r' | '\n') {
            ' '
        } else {
            c
        };
        if c != ' ' || !line.ends_with(' ') {
            line.push(c);
        }
    }
    line
}

/// Step 2: `subj-trailer`, as often as there is one.
fn without_trailers<'t>(mut text: &'t str, is_reply: &mut bool) -> &'t str {
    loop {
        text = text.trim_end_matches(' ');
        match strip_suffix(text, "(fwd)") {
            Some(before) => {
                *is_reply = true;
                text = before;
            }
            None => return text,
        }
    }
}

/// Steps 3 to 5: `subj-leader`, and blobs before something else.
fn without_leaders<'t>(mut text: &'t str, is_reply: &mut bool) -> &'t str {
    loop {
        text = text.trim_start_matches(' ');
        let (after, last_blob) = skip_blobs(text);
        if let Some(rest) = strip_refwd(after) {
            *is_reply = true;
            text = rest;
            continue;
        }
        // No mark of a reply comes after the blobs, so none comes after some of them: they all go,
        // but for one that would leave nothing.
        return if after.is_empty() { last_blob } else { after };
    }
}

/// `*subj-blob`: what follows, and the same with the last blob.
fn skip_blobs(text: &str) -> (&str, &str) {
    let (mut rest, mut last) = (text, text);
    while let Some(after) = strip_blob(rest) {
        last = rest;
        rest = after;
    }
    (rest, last)
}

/// `subj-blob = "[" *BLOBCHAR "]" *WSP`.
fn strip_blob(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let end = inner.find(['[', ']'])?;
    let after = inner.get(end..)?.strip_prefix(']')?;
    Some(after.trim_start_matches(' '))
}

/// `subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"`.
fn strip_refwd(text: &str) -> Option<&str> {
    let after = ["re", "fwd", "fw"]
        .iter()
        .find_map(|word| strip_prefix(text, word))?;
    let after = after.trim_start_matches(' ');
    strip_blob(after).unwrap_or(after).strip_prefix(':')
}

fn strip_prefix<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (head, tail) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(tail)
}

fn strip_suffix<'t>(text: &'t str, suffix: &str) -> Option<&'t str> {
    let place = text.len().checked_sub(suffix.len())?;
    let (head, tail) = text.split_at_checked(place)?;
    tail.eq_ignore_ascii_case(suffix).then_some(head)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn marks_of_replies_and_forwards_go() {
        for (subject, base, is_reply) in [
            ("", "", false),
            ("tea", "tea", false),
            ("Re: tea", "tea", true),
            ("RE : tea", "tea", true),
            ("re[2]: tea", "tea", true),
            ("Re [list] : tea", "tea", true),
            ("Fw: Fwd: re: tea", "tea", true),
            ("fwdd: tea", "fwdd: tea", false),
            ("  tea \t at\r\n five ", "tea at five", false),
            ("tea (fwd) (FWD)", "tea", true),
            ("[list] tea", "tea", false),
            ("[list] [more] Re: [x] tea", "tea", true),
            ("[list]", "[list]", false),
            ("[a][b]  [c]", "[c]", false),
            ("Re: [list]", "[list]", true),
            ("[Fwd: tea]", "tea", true),
            ("[fwd: Re: [fwd: tea (fwd)] ]", "tea", true),
            ("[Fwd: tea] time", "time", false),
            ("[fwd:]", "", true),
            ("[open", "[open", false),
            ("[a[b] tea", "[a[b] tea", false),
            ("Re:", "", true),
            ("Reply: tea", "Reply: tea", false),
            ("=?utf-8?q?Re=3A_Gr=C3=BC=C3=9Fe?=", "Grüße", true),
            ("Aw: tea", "Aw: tea", false),
        ] {
            let found = base_subject(subject.as_bytes());
            let expected = BaseSubject {
                text: base.to_owned(),
                is_reply,
            };
            assert_eq!(found, expected, "{subject:?}");
        }
    }

    /// The letter of RFC 5256 §2.1, one step at a time.
    fn by_the_letter(subject: &str) -> String {
        let mut text = one_line(subject);
        loop {
            loop {
                let before = text.clone();
                for trailer in ["(fwd)", " "] {
                    if let Some(rest) = strip_suffix(&text, trailer) {
                        text = rest.to_owned();
                    }
                }
                if before == text {
                    break;
                }
            }
            loop {
                let before = text.clone();
                let mut ahead = text.as_str();
                loop {
                    if let Some(rest) = strip_refwd(ahead) {
                        text = rest.to_owned();
                        break;
                    }
                    match strip_blob(ahead) {
                        Some(rest) => ahead = rest,
                        None => break,
                    }
                }
                if before == text
                    && let Some(rest) = text.strip_prefix(' ')
                {
                    text = rest.to_owned();
                }
                if before == text
                    && let Some(rest) = strip_blob(&text)
                    && !rest.is_empty()
                {
                    text = rest.to_owned();
                }
                if before == text {
                    break;
                }
            }
            let inner = strip_prefix(&text, "[fwd:").and_then(|inner| inner.strip_suffix(']'));
            match inner {
                Some(inner) => text = inner.to_owned(),
                None => return text,
            }
        }
    }

    proptest! {
        #[test]
        fn the_same_as_by_the_letter(
            pieces in proptest::collection::vec(
                prop_oneof![
                    Just("Re"), Just(":"), Just("fwd:"), Just("[fwd:"), Just("]"), Just("["),
                    Just(" "), Just("(fwd)"), Just("[x]"), Just("tea"), Just("ü"), Just("fw"),
                ],
                0..16,
            )
        ) {
            let subject = pieces.concat();
            let base = base_subject(subject.as_bytes()).text;
            prop_assert_eq!(&base, &by_the_letter(&decode_text(subject.as_bytes())));
            prop_assert_eq!(&base_subject(base.as_bytes()).text, &base);
        }
    }

    #[test]
    fn attack_f03_subjects_of_many_blobs_are_linear() {
        let many = "[a]".repeat(1_000_000);
        assert_eq!(base_subject(many.as_bytes()).text, "[a]");
        let nested = "[fwd:".repeat(500_000) + &"]".repeat(500_000);
        assert_eq!(base_subject(nested.as_bytes()).text, "");
        let replies = "re: [x] ".repeat(500_000);
        assert_eq!(base_subject(replies.as_bytes()).text, "[x]");
    }
}
