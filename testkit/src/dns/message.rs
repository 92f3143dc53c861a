//! Messages of the domain name system (RFC 1035 §4), as far as a test needs them.

use std::fmt;

use super::zone::{Record, TTL_SECONDS};

pub(super) const A: u16 = 1;
pub(super) const CNAME: u16 = 5;
const SOA: u16 = 6;
pub(super) const MX: u16 = 15;
pub(super) const TXT: u16 = 16;
pub(super) const AAAA: u16 = 28;
const INTERNET: u16 = 1;

const HEADER: usize = 12;
const IS_RESPONSE: u8 = 0x80;
const IS_AUTHORITATIVE: u8 = 0x04;
const IS_CUT: u8 = 0x02;
const CAN_RECURSE: u8 = 0x80;

/// The one question of a request.
pub(super) struct Question {
    id: [u8; 2],
    /// Copied into the answer.
    recursion: u8,
    /// In lower case.
    pub(super) name: String,
    pub(super) kind: u16,
    /// As it stood in the request.
    section: Vec<u8>,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            A => write!(f, "A {}", self.name),
            AAAA => write!(f, "AAAA {}", self.name),
            MX => write!(f, "MX {}", self.name),
            TXT => write!(f, "TXT {}", self.name),
            other => write!(f, "{other} {}", self.name),
        }
    }
}

/// Reads a request with one question.
pub(super) fn parse(request: &[u8]) -> Option<Question> {
    let id = request.get(..2)?.try_into().ok()?;
    let flags = *request.get(2)?;
    if flags & IS_RESPONSE != 0 || request.get(4..6)? != [0, 1] {
        return None;
    }
    let mut at = HEADER;
    let mut labels = Vec::new();
    loop {
        let length = usize::from(*request.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        let label = request.get(at..at + length)?;
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
        at += length;
    }
    let kind = u16::from_be_bytes(request.get(at..at + 2)?.try_into().ok()?);
    let section = request.get(HEADER..at + 4)?.to_vec();
    Some(Question {
        id,
        recursion: flags & 1,
        name: labels.join("."),
        kind,
        section,
    })
}

impl Question {
    /// An answer; without its records when it would be longer than `octets_max`.
    pub(super) fn reply(&self, code: u8, records: &[Record], octets_max: usize) -> Vec<u8> {
        let whole = self.assemble(code, records, 0);
        if whole.len() <= octets_max {
            return whole;
        }
        self.assemble(code, &[], IS_CUT)
    }

    fn assemble(&self, code: u8, records: &[Record], cut: u8) -> Vec<u8> {
        let count = u16::try_from(records.len()).expect("so many fit no message");
        // Without records, an SOA tells how long there are none (RFC 2308 §3).
        let authorities = u8::from(records.is_empty() && cut == 0);
        let mut out = self.id.to_vec();
        out.push(IS_RESPONSE | IS_AUTHORITATIVE | cut | self.recursion);
        out.push(CAN_RECURSE | code);
        out.extend_from_slice(&[0, 1]);
        out.extend_from_slice(&count.to_be_bytes());
        out.extend_from_slice(&[0, authorities, 0, 0]);
        out.extend_from_slice(&self.section);
        for record in records {
            // Most records are of the name asked for, which stands right behind the header.
            if record.name == self.name {
                out.extend_from_slice(&[0xC0, 12]);
            } else {
                put_name(&mut out, &record.name);
            }
            put_record(&mut out, record.kind, &record.data);
        }
        if authorities == 1 {
            put_name(&mut out, "");
            let mut soa = Vec::new();
            put_name(&mut soa, "ns.test");
            put_name(&mut soa, "hostmaster.test");
            for number in [1, 3600, 600, 86400, 60_u32] {
                soa.extend_from_slice(&number.to_be_bytes());
            }
            put_record(&mut out, SOA, &soa);
        }
        out
    }
}

fn put_record(out: &mut Vec<u8>, kind: u16, data: &[u8]) {
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&INTERNET.to_be_bytes());
    out.extend_from_slice(&TTL_SECONDS.to_be_bytes());
    let length = u16::try_from(data.len()).expect("data of a record are short");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(data);
}

/// A name as labels, uncompressed.
pub(super) fn put_name(out: &mut Vec<u8>, name: &str) {
    for label in name.split('.').filter(|label| !label.is_empty()) {
        let length = u8::try_from(label.len()).expect("labels are short");
        out.push(length);
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
}
