//! BINARY (RFC 3516, RFC 9051 §6.4.5): parts without their transfer encoding.

use std::io;
use std::ops::Range;

use postroom_imap::command::fetch::Partial;
use postroom_mail::message::{Content, Part, TransferDecoder, TransferEncoding};
use postroom_store::error::ReadError;
use postroom_store::store::{Store, Wanted};

use super::item::{narrow, narrowed};

/// Octets of a body that are read and decoded at once.
const PIECE_OCTETS: u64 = 64 * 1024;

/// The encoding that a part has to be freed of; multiparts and messages have none of their own
/// (RFC 2045 §6.4). `Err`: nobody knows it.
pub(super) fn encoding_of(part: &Part) -> Result<Option<TransferEncoding>, ()> {
    match (&part.content, &part.encoding) {
        (Content::Multipart(_) | Content::Message { .. }, _) => Ok(None),
        (_, TransferEncoding::Other(_)) => Err(()),
        (_, encoding) if encoding.is_identity() => Ok(None),
        (_, encoding) => Ok(Some(encoding.clone())),
    }
}

/// Which of `octets` decoded octets were asked for.
pub(super) fn part_of(octets: u64, partial: Option<Partial>) -> Range<u64> {
    narrowed(0..octets, partial)
}

/// What was asked for of decoded octets.
pub(super) fn decoded(
    encoding: &TransferEncoding,
    octets: &[u8],
    partial: Option<Partial>,
) -> Vec<u8> {
    let decoded = encoding.decode(octets);
    let part = part_of(decoded.len() as u64, partial);
    decoded.get(narrow(part)).unwrap_or_default().to_vec()
}

/// How many octets a large part has without its encoding. Reads and decodes it, piece by piece.
pub(super) async fn measured(
    store: &Store,
    wanted: &Wanted,
    encoding: &TransferEncoding,
) -> Result<u64, ReadError> {
    let mut decoder = TransferDecoder::new(encoding);
    let mut piece = Vec::new();
    let mut octets = 0;
    let mut start = wanted.range.start;
    while start < wanted.range.end {
        let end = wanted.range.end.min(start + PIECE_OCTETS);
        let read = store.read(wanted.blob, &wanted.rendering, start..end);
        decoder.feed(&read.await?, &mut piece);
        octets += piece.len() as u64;
        piece.clear();
        start = end;
    }
    decoder.finish(&mut piece);
    Ok(octets + piece.len() as u64)
}

/// A large part on its way to the client.
#[derive(Debug)]
pub(super) struct Decoding {
    decoder: Option<TransferDecoder>,
    /// Decoded octets before those that are wanted.
    skipped: u64,
    /// Decoded octets still wanted.
    left: u64,
    piece: Vec<u8>,
}

impl Decoding {
    /// Of the decoded octets these are wanted.
    pub(super) fn new(encoding: &TransferEncoding, wanted: Range<u64>) -> Self {
        Self {
            decoder: Some(TransferDecoder::new(encoding)),
            skipped: wanted.start,
            left: wanted.end - wanted.start,
            piece: Vec::new(),
        }
    }

    /// Whether all is sent.
    pub(super) fn is_done(&self) -> bool {
        self.left == 0
    }

    /// Decodes a piece and adds what is wanted of it to `out`; `is_last` ends the part.
    pub(super) fn feed(
        &mut self,
        octets: &[u8],
        is_last: bool,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        let Some(decoder) = &mut self.decoder else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        decoder.feed(octets, &mut self.piece);
        if is_last {
            decoder.finish(&mut self.piece);
            self.decoder = None;
        }
        let skipped = self.skipped.min(self.piece.len() as u64);
        self.skipped -= skipped;
        let wanted = self
            .piece
            .get(narrow(skipped..u64::MAX).start..)
            .unwrap_or_default();
        let taken = self.left.min(wanted.len() as u64);
        self.left -= taken;
        out.extend_from_slice(wanted.get(narrow(0..taken)).unwrap_or_default());
        self.piece.clear();
        if is_last && self.left > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_part_comes_through_in_pieces() {
        let encoded = b"SGVsbG8s\r\nIHdvcmxk\r\nIQ==";
        for (partial, expected) in [
            (None, &b"Hello, world!"[..]),
            (Some((3, 4)), b"lo, "),
            (Some((10, 100)), b"ld!"),
            (Some((50, 5)), b""),
        ] {
            let partial = partial.map(|(offset, octets)| Partial { offset, octets });
            let whole = decoded(&TransferEncoding::Base64, encoded, partial);
            assert_eq!(whole, expected);
            let mut decoding = Decoding::new(&TransferEncoding::Base64, part_of(13, partial));
            let mut out = Vec::new();
            let mut pieces = encoded.chunks(3).peekable();
            while let Some(piece) = pieces.next() {
                if decoding.is_done() {
                    break;
                }
                let is_last = pieces.peek().is_none();
                assert!(decoding.feed(piece, is_last, &mut out).is_ok());
            }
            assert!(decoding.is_done());
            assert_eq!(out, expected);
        }
    }
}
