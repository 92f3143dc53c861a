//! What is parsed of a message once, when it comes, and kept beside it.
//!
//! The kept form is the length of the envelope and that of the references (four octets each,
//! little end first), the envelope, the references, and the structure. Envelope and structure are
//! as `postroom_mail` encodes them; references are identifiers with a space between them. Forms
//! from before references were kept have none: the highest bit of the first length tells.

use postroom_mail::message::{self, DecodeError, MessageEnvelope, Structure};

/// Octets of a length in front.
const LENGTH_OCTETS: usize = 4;

/// Set in the first length where references are kept.
const HAS_REFERENCES: u32 = 1 << 31;

/// Identifiers of a References field that are kept: of more, the first and the last, as RFC 5322
/// §3.6.4 would have them cut.
pub const REFERENCES_MAX: usize = 50;

/// Octets of one identifier that is kept; a longer one is left out.
const REFERENCE_OCTETS_MAX: usize = 1000;

/// A message that is parsed once for several accounts, whose renderings differ in the fields above
/// it.
#[derive(Debug, Clone)]
pub struct Parsing {
    envelope: Vec<u8>,
    references: Vec<u8>,
    structure: Structure,
}

impl Parsing {
    /// Parses what the renderings share. Linear; large messages belong on a blocking pool.
    pub fn new(message: &[u8]) -> Self {
        let parsed = message::parse(message);
        Self {
            envelope: parsed.envelope.encode(),
            references: references_of(header(message, &parsed.structure)),
            structure: parsed.structure,
        }
    }

    /// The kept form where `octets` of whole header fields stand above; those fields must be none
    /// that ENVELOPE or BODYSTRUCTURE shows.
    pub fn below(&self, octets: usize) -> Box<[u8]> {
        let structure = self.structure.clone().below(octets);
        keep(&self.envelope, &self.references, &structure)
    }
}

/// Parses a message as its account sees it, for [`postroom_store::operation::Delivery::parsed`].
///
/// Linear in the length of `rendered`, which is the whole rendering: the prefix block and the
/// body. Large messages belong on a blocking pool.
pub fn parse_for_keeping(rendered: &[u8]) -> Box<[u8]> {
    let parsed = message::parse(rendered);
    let references = references_of(header(rendered, &parsed.structure));
    keep(&parsed.envelope.encode(), &references, &parsed.structure)
}

fn header<'m>(message: &'m [u8], structure: &Structure) -> &'m [u8] {
    message
        .get(structure.root.header.clone())
        .unwrap_or_default()
}

/// The identifiers in the References field of a header, as they are kept.
pub(crate) fn references_of(header: &[u8]) -> Vec<u8> {
    let Some(value) = message::first_field(header, "References") else {
        return Vec::new();
    };
    let mut ids: Vec<Box<[u8]>> = message::normalized_ids(value)
        .filter(|id| id.len() <= REFERENCE_OCTETS_MAX)
        .collect();
    if ids.len() > REFERENCES_MAX {
        ids.drain(1..=ids.len() - REFERENCES_MAX);
    }
    ids.join(&b' ')
}

fn keep(envelope: &[u8], references: &[u8], structure: &Structure) -> Box<[u8]> {
    let structure = structure.encode();
    // Bounds of `postroom_mail` keep an envelope far below the bit that is set.
    let lengths = [
        HAS_REFERENCES | u32::try_from(envelope.len()).unwrap_or(u32::MAX),
        u32::try_from(references.len()).unwrap_or(u32::MAX),
    ];
    let octets = 2 * LENGTH_OCTETS + envelope.len() + references.len() + structure.len();
    let mut kept = Vec::with_capacity(octets);
    for length in lengths {
        kept.extend_from_slice(&length.to_le_bytes());
    }
    for part in [envelope, references, &structure] {
        kept.extend_from_slice(part);
    }
    kept.into()
}

/// The envelope of a kept form.
pub fn envelope(kept: &[u8]) -> Result<MessageEnvelope, DecodeError> {
    MessageEnvelope::decode(split(kept)?.envelope)
}

/// The references of a kept form; `None` where it is so old that it has none, and the header must
/// be read.
pub fn references(kept: &[u8]) -> Result<Option<impl Iterator<Item = &[u8]>>, DecodeError> {
    Ok(split(kept)?.references.map(split_ids))
}

/// Identifiers as they are kept.
pub(crate) fn split_ids(references: &[u8]) -> impl Iterator<Item = &[u8]> {
    references
        .split(|&byte| byte == b' ')
        .filter(|id| !id.is_empty())
}

/// The structure of a kept form.
pub fn structure(kept: &[u8]) -> Result<Structure, DecodeError> {
    Structure::decode(split(kept)?.structure)
}

/// The parts of a kept form.
struct Parts<'k> {
    envelope: &'k [u8],
    references: Option<&'k [u8]>,
    structure: &'k [u8],
}

fn split(kept: &[u8]) -> Result<Parts<'_>, DecodeError> {
    let (first, rest) = length(kept)?;
    let (references, rest) = if first & HAS_REFERENCES == 0 {
        (None, rest)
    } else {
        let (second, rest) = length(rest)?;
        (Some(second), rest)
    };
    let (envelope, rest) = take(rest, first & !HAS_REFERENCES)?;
    let (references, structure) = match references {
        None => (None, rest),
        Some(length) => {
            let (references, structure) = take(rest, length)?;
            (Some(references), structure)
        }
    };
    Ok(Parts {
        envelope,
        references,
        structure,
    })
}

fn length(bytes: &[u8]) -> Result<(u32, &[u8]), DecodeError> {
    let (length, rest) = bytes
        .split_first_chunk::<LENGTH_OCTETS>()
        .ok_or(DecodeError::Truncated)?;
    Ok((u32::from_le_bytes(*length), rest))
}

fn take(bytes: &[u8], length: u32) -> Result<(&[u8], &[u8]), DecodeError> {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    bytes.split_at_checked(length).ok_or(DecodeError::Truncated)
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
        let length = u32::try_from(parsed.envelope.encode().len()).unwrap();
        let mut first = length.to_le_bytes().to_vec();
        first.extend_from_slice(&parsed.envelope.encode());
        first.extend_from_slice(&parsed.structure.encode());
        assert_eq!(envelope(&first), envelope(&kept));
        assert_eq!(structure(&first), structure(&kept));
        assert!(references(&first).unwrap().is_none());
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

    #[test]
    fn references_are_kept_in_one_spelling() {
        let ids = |message: &[u8]| -> Vec<String> {
            references(&parse_for_keeping(message))
                .unwrap()
                .unwrap()
                .map(|id| String::from_utf8_lossy(id).into_owned())
                .collect()
        };
        let message =
            b"References: <a@b> noise <\"c d\"@e>\r\n\t<f@g\r\n > <none> <@> <h@i\r\n\r\n";
        assert_eq!(ids(message), ["a@b", "cd@e", "f@g", "h@i"]);
        assert!(ids(b"Subject: x\r\n\r\n").is_empty());
        let many: Vec<String> = (0..200).map(|number| format!("<{number}@x>")).collect();
        let kept = ids(format!("References: {}\r\n\r\n", many.join(" ")).as_bytes());
        assert_eq!(kept.len(), REFERENCES_MAX);
        assert_eq!(
            (&*kept[0], &*kept[1], &*kept[49]),
            ("0@x", "151@x", "199@x")
        );
    }
}
