//! Text that may leave this server again: lines end in CRLF, and there is no NUL.

use memchr::memchr3;

/// Why a body is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TextFault {
    /// A CR that no LF follows (RFC 5321 §2.3.8).
    #[error("bare CR")]
    BareCr,
    /// An LF that follows no CR (RFC 5321 §2.3.8).
    #[error("bare LF")]
    BareLf,
    /// A NUL (RFC 5322 §4).
    #[error("NUL")]
    Nul,
    /// More octets than SIZE said (RFC 1870 §6).
    #[error("too big")]
    TooBig,
}

/// Looks at a body that comes in pieces, a CRLF perhaps cut in two.
#[derive(Debug, Default)]
pub(crate) struct TextCheck {
    after_cr: bool,
    fault: Option<TextFault>,
}

impl TextCheck {
    /// Looks at one piece; once a fault was found nothing more is looked at.
    pub(crate) fn check(&mut self, piece: &[u8]) -> Result<(), TextFault> {
        if self.fault.is_none() && !piece.is_empty() {
            self.fault = self.find(piece);
        }
        self.so_far()
    }

    fn find(&mut self, piece: &[u8]) -> Option<TextFault> {
        let mut at = match (self.after_cr, piece.first()) {
            (true, Some(b'\n')) => 1,
            (true, _) => return Some(TextFault::BareCr),
            (false, _) => 0,
        };
        self.after_cr = false;
        while let Some(found) = memchr3(b'\r', b'\n', 0, piece.get(at..)?) {
            let place = at.saturating_add(found);
            let next = place.saturating_add(1);
            match (piece.get(place), piece.get(next)) {
                (Some(b'\r'), Some(b'\n')) => at = next.saturating_add(1),
                (Some(b'\r'), None) => {
                    self.after_cr = true;
                    return None;
                }
                (Some(b'\r'), Some(_)) => return Some(TextFault::BareCr),
                (Some(b'\n'), _) => return Some(TextFault::BareLf),
                _ => return Some(TextFault::Nul),
            }
        }
        None
    }

    /// What was found in the pieces so far.
    pub(crate) fn so_far(&self) -> Result<(), TextFault> {
        self.fault.map_or(Ok(()), Err)
    }

    /// What was found in the whole, which ends here.
    pub(crate) fn end(&self) -> Result<(), TextFault> {
        match self.fault {
            None if self.after_cr => Err(TextFault::BareCr),
            fault => fault.map_or(Ok(()), Err),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(pieces: &[&[u8]]) -> Result<(), TextFault> {
        let mut check = TextCheck::default();
        for piece in pieces {
            let _ = check.check(piece);
        }
        check.end()
    }

    #[test]
    fn attack_a04_strays_are_found_also_where_pieces_meet() {
        assert_eq!(verdict(&[b"a\r\nb"]), Ok(()));
        assert_eq!(verdict(&[b"a\r", b"", b"\nb\r\n"]), Ok(()));
        assert_eq!(verdict(&[b"a\r", b"b\n"]), Err(TextFault::BareCr));
        assert_eq!(verdict(&[b"a\r"]), Err(TextFault::BareCr));
        assert_eq!(verdict(&[b"a\r\r\n"]), Err(TextFault::BareCr));
        assert_eq!(verdict(&[b"a\n"]), Err(TextFault::BareLf));
        assert_eq!(verdict(&[b"a\r\n", b"\n"]), Err(TextFault::BareLf));
        assert_eq!(verdict(&[b"a\0\r"]), Err(TextFault::Nul));
    }
}
