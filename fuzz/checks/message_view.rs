//! The message view: any octets give a tree that lies within them and can be kept.

use std::ops::Range;

use postroom_mail::date::{parse_header_date, parse_internal_date, parse_search_date};
use postroom_mail::message::{
    ADDRESSES_MAX, Content, Fields, MediaType, MessageEnvelope, PARTS_MAX, Parsed, Part,
    SectionText, Structure, TransferDecoder, TransferEncoding, decode_text, header_length,
    message_ids, parse, parse_address_list,
};

/// Panics where a promise is broken.
pub(crate) fn check(bytes: &[u8]) {
    let Parsed {
        envelope,
        structure,
    } = parse(bytes);
    assert_eq!(structure.root.header, 0..header_length(bytes));
    assert_eq!(structure.root.body.end, bytes.len());
    assert!(structure.parts().count() <= PARTS_MAX);
    check_part(&structure.root, &(0..bytes.len()));
    check_numbers(bytes, &structure, &mut Vec::new());
    assert_eq!(
        Structure::decode(&structure.encode()).as_ref(),
        Ok(&structure)
    );
    assert_eq!(
        MessageEnvelope::decode(&envelope.encode()).as_ref(),
        Ok(&envelope)
    );
    for part in structure.parts() {
        part.file_name();
        part.decode_text(bytes);
    }
    check_fields(bytes);
    check_transfer(bytes);
    check_kept(bytes);
}

fn check_part(part: &Part, within: &Range<usize>) {
    assert!(within.start <= part.header.start && part.header.end == part.body.start);
    assert!(part.body.start <= part.body.end && part.body.end <= within.end);
    match &part.content {
        Content::Multipart(parts) => {
            assert!(!parts.is_empty());
            let mut from = part.body.start;
            for inner in parts {
                check_part(inner, &(from..part.body.end));
                from = inner.body.end;
            }
        }
        Content::Message { root, .. } => {
            assert_eq!(root.header.start, part.body.start);
            assert_eq!(root.body.end, part.body.end);
            check_part(root, &part.body);
        }
        Content::Text { .. } | Content::Basic => {}
    }
}

/// Every number that leads to a part leads to octets of the message.
fn check_numbers(bytes: &[u8], structure: &Structure, path: &mut Vec<u32>) {
    for text in [
        SectionText::Content,
        SectionText::Header,
        SectionText::Mime,
        SectionText::Text,
    ] {
        if let Some(range) = structure.section(path, text) {
            assert!(bytes.get(range).is_some());
        }
    }
    for number in 1.. {
        path.push(number);
        let found = structure.find(path).is_some();
        if found {
            check_numbers(bytes, structure, path);
        }
        path.pop();
        if !found {
            break;
        }
    }
}

/// The fields lie one behind the other, and each value can be read as any kind.
fn check_fields(bytes: &[u8]) {
    let mut at = 0;
    for field in Fields::new(bytes) {
        assert_eq!(field.offset, at);
        assert_eq!(bytes.get(field.range()), Some(field.raw));
        at = field.range().end;
        assert!(parse_address_list(field.value).len() <= ADDRESSES_MAX + 1);
        decode_text(field.value);
        MediaType::parse(field.value);
        message_ids(field.value).count();
        if let Some(date) = parse_header_date(field.value) {
            let printed = date.header().to_string();
            assert_eq!(parse_header_date(printed.as_bytes()), Some(date));
            assert_eq!(
                parse_internal_date(&date.internal().to_string()),
                Some(date)
            );
        }
        if let Ok(text) = std::str::from_utf8(field.value) {
            parse_internal_date(text);
            parse_search_date(text);
        }
    }
    assert!(at <= header_length(bytes));
}

/// Where a body is cut makes no difference.
fn check_transfer(bytes: &[u8]) {
    for encoding in [TransferEncoding::Base64, TransferEncoding::QuotedPrintable] {
        let whole = encoding.decode(bytes);
        let mut decoder = TransferDecoder::new(&encoding);
        let mut pieces = Vec::new();
        for piece in bytes.chunks(3) {
            decoder.feed(piece, &mut pieces);
        }
        decoder.finish(&mut pieces);
        assert_eq!(whole, pieces);
    }
}

/// The bytes themselves as a kept form: refused or read, never a panic.
fn check_kept(bytes: &[u8]) {
    if let Ok(structure) = Structure::decode(bytes) {
        structure.parts().count();
    }
    let _ = MessageEnvelope::decode(bytes);
}
