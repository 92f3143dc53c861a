//! What is parsed of a message once, when it comes, and kept beside it.
//!
//! The kept form is the length of the envelope (four octets, little end first), the envelope and
//! the structure, both as `postroom_mail` encodes them.

use postroom_mail::message::{self, DecodeError, MessageEnvelope, Structure};

/// Octets of the length in front.
const LENGTH_OCTETS: usize = 4;

/// A message that is parsed once for several accounts, whose renderings differ in the fields above
/// it.
#[derive(Debug, Clone)]
pub struct Parsing {
    envelope: Vec<u8>,
    structure: Structure,
}

impl Parsing {
    /// Parses what the renderings share. Linear; large messages belong on a blocking pool.
    pub fn new(message: &[u8]) -> Self {
        let parsed = message::parse(message);
        Self {
            envelope: parsed.envelope.encode(),
            structure: parsed.structure,
        }
    }

    /// The kept form where `octets` of whole header fields stand above; those fields must be none
    /// that ENVELOPE or BODYSTRUCTURE shows.
    pub fn below(&self, octets: usize) -> Box<[u8]> {
        keep(&self.envelope, &self.structure.clone().below(octets))
    }
}

/// Parses a message as its account sees it, for [`postroom_store::operation::Delivery::parsed`].
///
/// Linear in the length of `rendered`, which is the whole rendering: the prefix block and the
/// body. Large messages belong on a blocking pool.
pub fn parse_for_keeping(rendered: &[u8]) -> Box<[u8]> {
    let parsed = message::parse(rendered);
    keep(&parsed.envelope.encode(), &parsed.structure)
}

fn keep(envelope: &[u8], structure: &Structure) -> Box<[u8]> {
    let structure = structure.encode();
    let length = u32::try_from(envelope.len()).unwrap_or(u32::MAX);
    let mut kept = Vec::with_capacity(LENGTH_OCTETS + envelope.len() + structure.len());
    kept.extend_from_slice(&length.to_le_bytes());
    kept.extend_from_slice(envelope);
    kept.extend_from_slice(&structure);
    kept.into()
}

/// The envelope of a kept form.
pub fn envelope(kept: &[u8]) -> Result<MessageEnvelope, DecodeError> {
    MessageEnvelope::decode(split(kept)?.0)
}

/// The structure of a kept form.
pub fn structure(kept: &[u8]) -> Result<Structure, DecodeError> {
    Structure::decode(split(kept)?.1)
}

fn split(kept: &[u8]) -> Result<(&[u8], &[u8]), DecodeError> {
    let (length, rest) = kept
        .split_first_chunk::<LENGTH_OCTETS>()
        .ok_or(DecodeError::Truncated)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    rest.split_at_checked(length).ok_or(DecodeError::Truncated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_what_was_parsed() {
        let message = b"Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
            --b\r\n\r\none\r\n--b\r\nContent-Type: text/html\r\n\r\ntwo\r\n--b--\r\n";
        let kept = parse_for_keeping(message);
        let parsed = message::parse(message);
        assert_eq!(envelope(&kept), Ok(parsed.envelope));
        assert_eq!(structure(&kept), Ok(parsed.structure));
        let head = b"Delivered-To: anna@example.org\r\n";
        assert_eq!(
            Parsing::new(message).below(head.len()),
            parse_for_keeping(&[head, &message[..]].concat())
        );
        for end in 0..kept.len() {
            assert!(structure(&kept[..end]).is_err());
        }
    }
}
