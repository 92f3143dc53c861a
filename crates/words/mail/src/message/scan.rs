//! One pass over a message: finds its parts.

use memchr::{memchr_iter, memmem};

use super::envelope::MessageEnvelope;
use super::field::{Fields, empty_line, line_length};
use super::media::{ContentFields, MediaType};
use super::structure::{Content, DEPTH_MAX, PARTS_MAX, Part};
use super::token::is_space;

/// Octets of a boundary that is still searched for; RFC 2046 §5.1.1 allows 70.
pub const BOUNDARY_OCTETS_MAX: usize = 200;

/// Octets of a line that may be a delimiter (RFC 5322 §2.1.1, with its line end).
const LINE_OCTETS_MAX: usize = 1000;

/// The envelope of `message` and its tree of parts.
pub(super) fn scan(message: &[u8]) -> (MessageEnvelope, Part) {
    let mut scanner = Scanner {
        message,
        delimiters: memmem::Finder::new(b"\n--"),
        open: Vec::new(),
        parts: 0,
        lines: Lines {
            message,
            counted_to: 0,
            count: 0,
        },
    };
    scanner.run()
}

struct Scanner<'a> {
    message: &'a [u8],
    delimiters: memmem::Finder<'static>,
    /// The parts whose end is not yet found, outermost first; never empty while scanning.
    open: Vec<OpenPart>,
    parts: usize,
    lines: Lines<'a>,
}

struct OpenPart {
    /// Its content and the end of its body are filled in when it closes.
    part: Part,
    kind: Kind,
    /// For the outermost part of a message.
    envelope: Option<MessageEnvelope>,
    lines_before: usize,
}

enum Kind {
    Leaf,
    /// Holds one message: its envelope and root, once that is closed.
    Message(Option<(Box<MessageEnvelope>, Box<Part>)>),
    Multipart {
        /// `None` once the closing delimiter was seen.
        boundary: Option<Box<[u8]>>,
        parts: Vec<Part>,
    },
}

/// A line that is the delimiter of an open multipart.
struct Delimiter {
    start: usize,
    /// Where the next line begins.
    end: usize,
    /// Whose: the place in `Scanner::open`.
    owner: usize,
    is_closing: bool,
}

/// What a header is the header of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum HeaderOf {
    Message,
    Part,
    /// A part of multipart/digest (RFC 2046 §5.1.5).
    DigestPart,
}

impl Scanner<'_> {
    fn run(&mut self) -> (MessageEnvelope, Part) {
        let mut at = self.open(0, HeaderOf::Message);
        while let Some(delimiter) = self.next_delimiter(at) {
            if self.parts >= PARTS_MAX && !delimiter.is_closing {
                break;
            }
            let end = self.before_line_end(delimiter.start);
            while self.open.len() > delimiter.owner + 1 {
                self.close(end);
            }
            at = delimiter.end;
            let owner = self.open.last_mut().map(|open| &mut open.kind);
            if let Some(Kind::Multipart { boundary, .. }) = owner
                && delimiter.is_closing
            {
                *boundary = None;
            } else {
                let digest = self
                    .open
                    .last()
                    .is_some_and(|open| open.part.media_type.is("multipart", "digest"));
                at = self.open(
                    at,
                    if digest {
                        HeaderOf::DigestPart
                    } else {
                        HeaderOf::Part
                    },
                );
            }
        }
        loop {
            if let Some(whole) = self.close(self.message.len()) {
                return whole;
            }
        }
    }

    /// Opens the part whose header begins at `at`, and the messages that it holds at once.
    /// Returns where to go on: behind the header.
    fn open(&mut self, mut at: usize, mut header_of: HeaderOf) -> usize {
        loop {
            let header_end = self.header_end(at);
            let header = self.message.get(at..header_end).unwrap_or_default();
            let mut content = ContentFields::default();
            let mut envelope = (header_of == HeaderOf::Message).then(MessageEnvelope::default);
            for field in Fields::new(header) {
                content.note(&field);
                if let Some(envelope) = &mut envelope {
                    envelope.note(&field);
                }
            }
            let (part, kind) = self.describe(content, header_of, at, header_end);
            let holds_message = matches!(kind, Kind::Message(_));
            self.parts += 1;
            self.open.push(OpenPart {
                part,
                kind,
                envelope,
                lines_before: self.lines.up_to(header_end),
            });
            at = header_end;
            header_of = HeaderOf::Message;
            if !holds_message {
                return at;
            }
        }
    }

    fn describe(
        &self,
        content: ContentFields,
        header_of: HeaderOf,
        start: usize,
        header_end: usize,
    ) -> (Part, Kind) {
        let mut media_type = match content.media_type {
            Some(stated) => stated,
            None if header_of == HeaderOf::DigestPart => MediaType::bare("message", "rfc822"),
            None => MediaType::plain(),
        };
        let encoding = content.encoding.unwrap_or_default();
        // A message within takes two places: the part and its root.
        let has_room = self.open.len() + 2 <= DEPTH_MAX && self.parts + 2 <= PARTS_MAX;
        let mut kind = Kind::Leaf;
        if &*media_type.kind == "multipart" {
            match boundary(&media_type) {
                Some(boundary) if has_room => {
                    kind = Kind::Multipart {
                        boundary: Some(boundary),
                        parts: Vec::new(),
                    };
                }
                Some(_) => media_type = MediaType::bare("application", "octet-stream"),
                None => media_type = MediaType::plain(),
            }
        } else if holds_message(&media_type) {
            if has_room && encoding.is_identity() {
                kind = Kind::Message(None);
            } else {
                media_type.kind = "application".into();
                media_type.subtype = "octet-stream".into();
            }
        }
        let part = Part {
            header: start..header_end,
            body: header_end..header_end,
            media_type,
            encoding,
            id: content.id,
            description: content.description,
            md5: content.md5,
            location: content.location,
            disposition: content.disposition,
            languages: content.languages,
            content: Content::Basic,
        };
        (part, kind)
    }

    /// Closes the innermost part: its body ends at `end`. Returns the whole once all are closed.
    fn close(&mut self, end: usize) -> Option<(MessageEnvelope, Part)> {
        let OpenPart {
            mut part,
            kind,
            envelope,
            lines_before,
        } = self.open.pop()?;
        part.body.end = end.max(part.body.start);
        let lines = self.lines.up_to(part.body.end) - lines_before;
        part.content = match kind {
            Kind::Message(Some((envelope, root))) => Content::Message {
                lines,
                envelope,
                root,
            },
            Kind::Multipart { parts, .. } if !parts.is_empty() => Content::Multipart(parts),
            // A multipart without parts has no form in BODYSTRUCTURE; as text it can be read.
            Kind::Multipart { .. } => {
                part.media_type = MediaType::plain();
                Content::Text { lines }
            }
            _ if &*part.media_type.kind == "text" => Content::Text { lines },
            _ => Content::Basic,
        };
        match self.open.last_mut().map(|outer| &mut outer.kind) {
            Some(Kind::Multipart { parts, .. }) => parts.push(part),
            Some(Kind::Message(inner)) => {
                *inner = Some((Box::new(envelope.unwrap_or_default()), Box::new(part)));
            }
            Some(Kind::Leaf) | None => return Some((envelope.unwrap_or_default(), part)),
        }
        None
    }

    /// Where the header that begins at `at` ends: behind its empty line, or at a delimiter.
    fn header_end(&self, mut at: usize) -> usize {
        while let Some(rest) = self.message.get(at..).filter(|rest| !rest.is_empty()) {
            if let Some(length) = empty_line(rest) {
                return at + length;
            }
            if rest.starts_with(b"--") && self.delimiter(at).is_some() {
                return at;
            }
            at += line_length(rest);
        }
        at
    }

    /// The first delimiter at or after `at`, which is the beginning of a line.
    fn next_delimiter(&self, at: usize) -> Option<Delimiter> {
        let is_waiting = |open: &OpenPart| {
            matches!(
                open.kind,
                Kind::Multipart {
                    boundary: Some(_),
                    ..
                }
            )
        };
        if !self.open.iter().any(is_waiting) {
            return None;
        }
        let rest = self.message.get(at..)?;
        if rest.starts_with(b"--")
            && let Some(delimiter) = self.delimiter(at)
        {
            return Some(delimiter);
        }
        self.delimiters
            .find_iter(rest)
            .find_map(|found| self.delimiter(at + found + 1))
    }

    /// The delimiter that the line at `start` is, innermost multipart first.
    ///
    /// deviates: RFC 2046 §5.1.1 because a line counts only if nothing but white space follows
    /// the boundary. Taking every line that merely begins with it would let a boundary that is the
    /// beginning of another cut parts that other readers see whole.
    fn delimiter(&self, start: usize) -> Option<Delimiter> {
        let rest = self.message.get(start..)?;
        let length = line_length(rest);
        let line = rest.get(2..length)?;
        if line.len() > LINE_OCTETS_MAX {
            return None;
        }
        let content = trim_spaces_end(line);
        self.open
            .iter()
            .enumerate()
            .rev()
            .find_map(|(owner, open)| {
                let Kind::Multipart {
                    boundary: Some(boundary),
                    ..
                } = &open.kind
                else {
                    return None;
                };
                let is_closing = match content.strip_prefix(&**boundary)? {
                    b"" => false,
                    b"--" => true,
                    _ => return None,
                };
                Some(Delimiter {
                    start,
                    end: start + length,
                    owner,
                    is_closing,
                })
            })
    }

    /// Where the line before the one at `start` ends, its line end not counted, but not before
    /// the body of the innermost part.
    fn before_line_end(&self, start: usize) -> usize {
        let before = self.message.get(..start).unwrap_or_default();
        let before = before.strip_suffix(b"\n").unwrap_or(before);
        let before = before.strip_suffix(b"\r").unwrap_or(before);
        let body_start = self.open.last().map_or(0, |open| open.part.body.start);
        before.len().max(body_start)
    }
}

/// Counts line ends; asked for places that only ascend.
struct Lines<'a> {
    message: &'a [u8],
    counted_to: usize,
    count: usize,
}

impl Lines<'_> {
    fn up_to(&mut self, place: usize) -> usize {
        if let Some(next) = self.message.get(self.counted_to..place) {
            self.count += memchr_iter(b'\n', next).count();
            self.counted_to = place;
        }
        self.count
    }
}

fn boundary(media_type: &MediaType) -> Option<Box<[u8]>> {
    let parameter = media_type
        .parameters
        .iter()
        .find(|parameter| &*parameter.name == "boundary" && !parameter.is_extended)?;
    let boundary = trim_spaces_end(&parameter.value);
    (1..=BOUNDARY_OCTETS_MAX)
        .contains(&boundary.len())
        .then(|| boundary.into())
}

fn holds_message(media_type: &MediaType) -> bool {
    media_type.is("message", "rfc822") || media_type.is("message", "global")
}

fn trim_spaces_end(mut line: &[u8]) -> &[u8] {
    while let Some((&last, head)) = line.split_last()
        && is_space(last)
    {
        line = head;
    }
    line
}
