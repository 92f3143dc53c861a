//! Messages that can be recognised and checked, octet for octet.

use std::fmt::Write;

use crate::random::Random;

/// A message whose every octet its name decides; so that no copy has to be kept of what was sent.
///
/// `octets` is the least size of its body. Some lines begin with a dot.
pub fn named(name: &str, octets: usize) -> Vec<u8> {
    let mut text = String::with_capacity(octets + 512);
    let _ = write!(
        text,
        "From: <load@client.example>\r\nTo: <anybody@example.test>\r\nSubject: {name}\r\n\
         Message-ID: <{name}@ledger.example>\r\nX-Ledger: {name} {octets}\r\n\r\n"
    );
    let seed = name.bytes().fold(octets as u64, |seed, octet| {
        seed.wrapping_mul(0x0100_0000_01b3) ^ u64::from(octet)
    });
    let mut random = Random::seeded(seed);
    let end = text.len() + octets;
    while text.len() < end {
        if random.below(8) == 0 {
            text.push('.');
        }
        for _ in 0..4 {
            let _ = write!(text, "{:016x}", random.number());
        }
        text.push_str("\r\n");
    }
    text.into_bytes()
}

/// The name and size that [`named`] wrote into a message which the server may have put trace fields
/// before; `None` when it is none of ours.
pub fn name(message: &[u8]) -> Option<(String, usize)> {
    const FIELD: &[u8] = b"\r\nX-Ledger: ";
    let start = message
        .windows(FIELD.len())
        .position(|window| window == FIELD)?
        + FIELD.len();
    let rest = message.get(start..)?;
    let end = rest.iter().position(|&octet| octet == b'\r')?;
    let value = std::str::from_utf8(rest.get(..end)?).ok()?;
    let (name, octets) = value.split_once(' ')?;
    Some((name.to_owned(), octets.parse().ok()?))
}

/// Whether a message is the one of that name, with nothing but trace fields in front.
pub fn is_intact(message: &[u8], name: &str, octets: usize) -> bool {
    let sent = named(name, octets);
    let Some(start) = message.len().checked_sub(sent.len()) else {
        return false;
    };
    let (prefix, body) = message.split_at(start);
    // A prefix is whole header fields: it ends a line and holds no empty one.
    body == sent
        && (prefix.is_empty() || prefix.ends_with(b"\r\n"))
        && !prefix.windows(4).any(|window| window == b"\r\n\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_known_by_its_name() {
        let sent = named("r1-c2-3", 5_000);
        assert!(
            sent.windows(3)
                .any(|window| window == b"\n.." || window == b"\r\n.")
        );
        let mut kept = b"Received: from x\r\n\tby y\r\n".to_vec();
        kept.extend_from_slice(&sent);
        assert_eq!(name(&kept), Some(("r1-c2-3".to_owned(), 5_000)));
        assert!(is_intact(&kept, "r1-c2-3", 5_000));
        let last = kept.len() - 10;
        kept[last] ^= 1;
        assert!(!is_intact(&kept, "r1-c2-3", 5_000));
        assert!(!is_intact(&sent[1..], "r1-c2-3", 5_000));
    }
}
