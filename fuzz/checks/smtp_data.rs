//! The reader of DATA: it ends where a plain reading of RFC 5321 §4.5.2 ends, whatever comes.

use super::smtp_command::{SIZE_OCTETS_MAX, is_clean, run_both_ways};

const BEFORE: &[u8] =
    b"EHLO a\r\nMAIL FROM:<anna@example.org>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\n";

/// Panics where a promise is broken. The first octet chooses how the rest is cut.
pub(crate) fn check(bytes: &[u8]) {
    let [cut, input @ ..] = bytes else {
        return;
    };
    let seen = run_both_ways(0, *cut, &[BEFORE, input].concat());
    let written = String::from_utf8_lossy(&seen.written);
    let (_, after) = written.split_once("354 ").expect("DATA is accepted");
    let reply = after.lines().nth(1).unwrap_or_default();
    match read(input) {
        None => {
            assert!(seen.bodies.is_empty());
            assert!(
                reply.starts_with("421 "),
                "it waits, then gives up: {reply}"
            );
        }
        Some(body) if is_clean(&body) && body.len() as u64 <= SIZE_OCTETS_MAX => {
            assert!(reply.starts_with("250 "), "{reply}");
            assert_eq!(seen.bodies.first(), Some(&body));
        }
        Some(body) => {
            assert!(reply.starts_with('5'), "{reply}");
            assert_ne!(seen.bodies.first(), Some(&body));
        }
    }
}

/// The body, line by line; `None` when it does not end.
fn read(input: &[u8]) -> Option<Vec<u8>> {
    let (mut rest, mut body) = (input, Vec::new());
    loop {
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let line = &rest[..end];
        rest = &rest[end + 2..];
        if line == b"." {
            return Some(body);
        }
        body.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        body.extend_from_slice(b"\r\n");
    }
}
