//! A message with 8-bit content for a server that takes 7 bits alone (RFC 6152 §3).

mod encode;
#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::message::{Content, Fields, Part, TransferEncoding, parse};

/// Why a message cannot be said in 7 bits without harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SevenBitError {
    /// A header has letters beyond ASCII: that is for SMTPUTF8 (RFC 6532 §3.2).
    #[error("a header is not ASCII")]
    Header,
    /// A signature or encryption covers the octets that would change.
    #[error("a signature covers the octets that would change")]
    Signed,
    /// A part may not be encoded (RFC 2046 §5.2), is encoded in an unknown way, or lies too deep.
    #[error("a part cannot be encoded")]
    Part,
    /// The result would be larger than it may be.
    #[error("the message would be larger than {0} octets")]
    TooBig(usize),
}

/// Fields of signatures over a whole message (RFC 6376, RFC 8617, RFC 4870).
const SIGNATURES: [&str; 4] = [
    "DKIM-Signature",
    "ARC-Message-Signature",
    "ARC-Seal",
    "DomainKey-Signature",
];

/// Says a message in 7 bits: texts become quoted-printable, all else base64, and the fields that
/// say so are mended (RFC 2045 §6). What a reader decodes is the same as before; parts that are
/// ASCII keep their octets. A preamble or epilogue, which nobody reads, loses letters beyond ASCII.
///
/// `octets_max` bounds the result. Cost: the message is parsed once; up to three times its octets.
///
/// ```
/// let message = b"Subject: Tee\r\n\r\num f\xc3\xbcnf\r\n";
/// let sent = postroom_mail::seven_bit::convert(message, 1000)?;
/// assert!(sent.is_ascii() && sent.ends_with(b"\r\n\r\num f=C3=BCnf\r\n"));
/// # Ok::<(), postroom_mail::seven_bit::SevenBitError>(())
/// ```
///
/// # Errors
/// When octets would have to change that must not, or `octets_max` is met.
pub fn convert(message: &[u8], octets_max: usize) -> Result<Vec<u8>, SevenBitError> {
    if message.is_ascii() {
        return within(message.to_vec(), octets_max);
    }
    let is_signature = |name: &[u8]| {
        let mut known = SIGNATURES.iter();
        known.any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
    };
    if Fields::new(message).any(|field| is_signature(field.name)) {
        return Err(SevenBitError::Signed);
    }
    let structure = parse(message).structure;
    let mut conversion = Conversion {
        message,
        out: Vec::with_capacity(message.len() + message.len() / 2),
        octets_max,
    };
    conversion.part(&structure.root, Place::Message)?;
    let end = structure.root.body.end;
    conversion.between(end..message.len());
    within(conversion.out, octets_max)
}

fn within(octets: Vec<u8>, octets_max: usize) -> Result<Vec<u8>, SevenBitError> {
    if octets.len() > octets_max {
        return Err(SevenBitError::TooBig(octets_max));
    }
    Ok(octets)
}

/// What a part is part of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A whole message, which says MIME-Version.
    Message,
    /// A part of a multipart.
    Multipart,
}

struct Conversion<'m> {
    message: &'m [u8],
    out: Vec<u8>,
    octets_max: usize,
}

impl Conversion<'_> {
    fn octets(&self, range: Range<usize>) -> &[u8] {
        self.message.get(range).unwrap_or_default()
    }

    fn part(&mut self, part: &Part, place: Place) -> Result<(), SevenBitError> {
        if self.out.len() > self.octets_max {
            return Err(SevenBitError::TooBig(self.octets_max));
        }
        let all = part.header.start..part.body.end;
        let is_ascii = self.octets(all.clone()).is_ascii();
        if is_sealed(part) {
            if !is_ascii {
                return Err(SevenBitError::Signed);
            }
            self.copy(all);
            return Ok(());
        }
        if !self.octets(part.header.clone()).is_ascii() {
            return Err(SevenBitError::Header);
        }
        match &part.content {
            Content::Multipart(parts) => self.multipart(part, parts, place),
            Content::Message { .. } if is_global(part) && !is_ascii => {
                self.leaf(part, place, &TransferEncoding::Base64)
            }
            Content::Message { root, .. } => {
                self.relabelled_header(part, place);
                self.part(root, Place::Message)?;
                self.copy(root.body.end..part.body.end);
                Ok(())
            }
            Content::Basic | Content::Text { .. } if is_ascii => {
                self.relabelled_header(part, place);
                self.copy(part.body.clone());
                Ok(())
            }
            Content::Text { .. } => self.leaf(part, place, &TransferEncoding::QuotedPrintable),
            Content::Basic => self.leaf(part, place, &TransferEncoding::Base64),
        }
    }

    fn multipart(
        &mut self,
        part: &Part,
        parts: &[Part],
        place: Place,
    ) -> Result<(), SevenBitError> {
        self.relabelled_header(part, place);
        let mut at = part.body.start;
        for inner in parts {
            self.between(at..inner.header.start);
            self.part(inner, Place::Multipart)?;
            at = inner.body.end;
        }
        self.between(at..part.body.end);
        Ok(())
    }

    /// A part that is encoded anew.
    fn leaf(
        &mut self,
        part: &Part,
        place: Place,
        encoding: &TransferEncoding,
    ) -> Result<(), SevenBitError> {
        let is_composite = matches!(&*part.media_type.kind, "message" | "multipart");
        let is_unknown = matches!(part.encoding, TransferEncoding::Other(_));
        if (is_composite && !is_global(part)) || is_unknown {
            return Err(SevenBitError::Part);
        }
        let content = part.decode_body(self.message);
        self.header(part, place, Some(encoding));
        match encoding {
            TransferEncoding::Base64 => encode::base64(&content, &mut self.out),
            _ => encode::quoted_printable(&content, &mut self.out),
        }
        Ok(())
    }

    /// The header of a part whose octets are ASCII from now on: it must not say `8bit` any more.
    fn relabelled_header(&mut self, part: &Part, place: Place) {
        match part.encoding {
            TransferEncoding::EightBit => {
                self.header(part, place, Some(&TransferEncoding::SevenBit));
            }
            // A composite part is never encoded itself (RFC 2045 §6.4).
            TransferEncoding::Binary
                if !matches!(part.content, Content::Basic | Content::Text { .. }) =>
            {
                self.header(part, place, Some(&TransferEncoding::SevenBit));
            }
            _ => self.header(part, place, None),
        }
    }

    /// The header of a part, with another encoding if one is given.
    fn header(&mut self, part: &Part, place: Place, encoding: Option<&TransferEncoding>) {
        let range = part.header.clone();
        let Some(encoding) = encoding else {
            self.copy(range);
            return;
        };
        let header = self.message.get(range).unwrap_or_default();
        let (mut has_version, mut has_type, mut end) = (false, false, 0);
        for field in Fields::new(header) {
            end = field.range().end;
            has_version |= field.is("MIME-Version");
            has_type |= field.is("Content-Type");
            if !field.is("Content-Transfer-Encoding") {
                self.out.extend_from_slice(field.raw);
            }
        }
        if place == Place::Message && !has_version {
            self.out.extend_from_slice(b"MIME-Version: 1.0\r\n");
        }
        if !has_type && matches!(part.content, Content::Text { .. }) {
            // RFC 1428 §3.
            self.out
                .extend_from_slice(b"Content-Type: text/plain; charset=unknown-8bit\r\n");
        }
        let line = format!("Content-Transfer-Encoding: {}\r\n", encoding.as_str());
        self.out.extend_from_slice(line.as_bytes());
        self.out
            .extend_from_slice(header.get(end..).unwrap_or_default());
    }

    /// Delimiters, and what no reader shows.
    fn between(&mut self, range: Range<usize>) {
        let octets = self.message.get(range).unwrap_or_default();
        let ascii = |octet: &u8| if octet.is_ascii() { *octet } else { b'?' };
        self.out.extend(octets.iter().map(ascii));
    }

    fn copy(&mut self, range: Range<usize>) {
        let octets = self.message.get(range).unwrap_or_default();
        self.out.extend_from_slice(octets);
    }
}

/// Whether a part is one of those `message` types that may be encoded: `message/global` and its like
/// (RFC 6532 §3.7, RFC 6533 §6).
fn is_global(part: &Part) -> bool {
    let media_type = &part.media_type;
    &*media_type.kind == "message" && media_type.subtype.starts_with("global")
}

/// Whether the octets of a part are covered by a signature or encryption of the part itself
/// (RFC 1847, RFC 3156, RFC 8551).
fn is_sealed(part: &Part) -> bool {
    let media_type = &part.media_type;
    media_type.is("multipart", "signed")
        || media_type.is("multipart", "encrypted")
        || media_type.is("application", "pkcs7-mime")
        || media_type.is("application", "x-pkcs7-mime")
}
