//! The tokens of structured fields (RFC 5322 §3.2, obsolete forms of §4.1 included).

/// Reads tokens from the value of a field, folds and all.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(super) fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// Takes the next octet if it is `byte`.
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Takes octets as long as `wanted` holds.
    pub(super) fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest
            .iter()
            .position(|&byte| !wanted(byte))
            .unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// Passes over white space and comments.
    pub(super) fn skip_cfws(&mut self) {
        loop {
            self.take_while(is_space);
            if self.peek() != Some(b'(') {
                break;
            }
            self.comment(&mut Text::new(0));
        }
    }

    /// Takes the comment that begins here, its text going to `text` (RFC 5322 §3.2.2).
    ///
    /// Nests without recursion; one that is never closed ends with the field, and a backslash
    /// at the very end quotes nothing.
    pub(super) fn comment(&mut self, text: &mut Text) {
        let mut depth = 0_usize;
        while let Some(byte) = self.next() {
            match byte {
                b'(' => {
                    if depth > 0 {
                        text.push(byte);
                    }
                    depth += 1;
                }
                b')' => {
                    depth -= 1;
                    if depth == 0 {
                        return;
                    }
                    text.push(byte);
                }
                b'\\' => {
                    if let Some(quoted) = self.next() {
                        text.push(quoted);
                    }
                }
                _ => text.push(byte),
            }
        }
    }

    /// Takes the quoted string that begins here, its text going to `text` (RFC 5322 §3.2.4).
    pub(super) fn quoted_string(&mut self, text: &mut Text) {
        self.eat(b'"');
        while let Some(byte) = self.next() {
            match byte {
                b'"' => return,
                b'\\' => {
                    if let Some(quoted) = self.next() {
                        text.push(quoted);
                    }
                }
                _ => text.push(byte),
            }
        }
    }
}

/// Text gathered up to a bound; NUL, CR and LF never get in.
#[derive(Debug)]
pub(super) struct Text {
    bytes: Vec<u8>,
    octets_max: usize,
}

impl Text {
    pub(super) fn new(octets_max: usize) -> Self {
        Self {
            bytes: Vec::new(),
            octets_max,
        }
    }

    pub(super) fn push(&mut self, byte: u8) {
        if self.bytes.len() < self.octets_max && !matches!(byte, 0 | b'\r' | b'\n') {
            self.bytes.push(byte);
        }
    }

    pub(super) fn extend(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.push(byte);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// The text so far; the gathering starts anew.
    pub(super) fn take(&mut self) -> Box<[u8]> {
        std::mem::take(&mut self.bytes).into()
    }

    /// The text so far, `None` when there is none.
    pub(super) fn take_some(&mut self) -> Option<Box<[u8]>> {
        (!self.is_empty()).then(|| self.take())
    }
}

pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// `token` of RFC 2045 §5.1.
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&byte)
}
