//! Content transfer encodings, written (RFC 2045 §6.7, §6.8).

/// Octets of an encoded line, its end left out.
const LINE_OCTETS_MAX: usize = 76;

/// Writes `content` as quoted-printable. CRLF stays a line end; every other octet that is not
/// printable ASCII is written as `=XX`.
///
/// No line begins with `-` or `From `, so that none can be taken for a delimiter or an mbox line.
pub(super) fn quoted_printable(content: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut column = 0;
    let mut rest = content;
    while let Some((&octet, after)) = rest.split_first() {
        if rest.starts_with(b"\r\n") {
            out.extend_from_slice(b"\r\n");
            column = 0;
            rest = rest.get(2..).unwrap_or_default();
            continue;
        }
        let ends_line = after.is_empty() || after.starts_with(b"\r\n");
        // Where a soft break falls before it, an octet begins a line.
        let mut begins_line = column == 0;
        let is_plain = |begins_line: bool| match octet {
            b'=' => false,
            b' ' | b'\t' => !ends_line,
            b'-' => !begins_line,
            b'F' => !(begins_line && rest.starts_with(b"From ")),
            _ => octet.is_ascii_graphic(),
        };
        let length = if is_plain(begins_line) { 1 } else { 3 };
        // One column stays free for the `=` of a soft break.
        let room = LINE_OCTETS_MAX - usize::from(!ends_line);
        if column + length > room {
            out.extend_from_slice(b"=\r\n");
            column = 0;
            begins_line = true;
        }
        if is_plain(begins_line) {
            out.push(octet);
            column += 1;
        } else {
            let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
            out.extend_from_slice(&[b'=', digit(octet >> 4), digit(octet & 15)]);
            column += 3;
        }
        rest = after;
    }
}

/// Writes `content` as base64 in lines, the last one without its end.
pub(super) fn base64(content: &[u8], out: &mut Vec<u8>) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const LINE_CONTENT: usize = LINE_OCTETS_MAX / 4 * 3;
    let mut lines = content.chunks(LINE_CONTENT).peekable();
    while let Some(line) = lines.next() {
        for chunk in line.chunks(3) {
            let mut word = [0; 4];
            for (slot, octet) in word.iter_mut().skip(1).zip(chunk) {
                *slot = *octet;
            }
            let bits = u32::from_be_bytes(word);
            for place in 0..4_usize {
                let index = (bits >> (18 - 6 * place)) & 63;
                let letter = LETTERS.get(index as usize).copied();
                let is_padding = place > chunk.len();
                out.push(letter.filter(|_| !is_padding).unwrap_or(b'='));
            }
        }
        if lines.peek().is_some() {
            out.extend_from_slice(b"\r\n");
        }
    }
}
