//! What a test's name server knows.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::message::{A, AAAA, CNAME, MX, TXT, put_name};

/// How long every answer holds.
pub(super) const TTL_SECONDS: u32 = 300;

const SERVFAIL: u8 = 2;
const NXDOMAIN: u8 = 3;
const REFUSED: u8 = 5;

/// Aliases that are followed.
const ALIASES_MAX: usize = 8;

#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) name: String,
    pub(super) kind: u16,
    pub(super) data: Vec<u8>,
}

/// What is said to a question.
pub(super) enum Said {
    /// The question is lost.
    Nothing,
    /// An error, or an answer without records.
    Code(u8),
    Records(Vec<Record>),
}

#[derive(Debug, Default)]
pub(super) struct Zone(HashMap<String, Vec<Line>>);

#[derive(Debug)]
enum Line {
    Record(Record),
    Alias(String),
    Code(u8),
    Silence,
}

impl Zone {
    pub(super) fn parse(text: &str) -> Self {
        let mut zone = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (name, rest) = line.split_once(' ').expect("a line has a name and a type");
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            let parsed = read(&name, rest.trim()).unwrap_or_else(|| panic!("{line:?} is no line"));
            zone.0.entry(name).or_default().push(parsed);
        }
        zone
    }

    pub(super) fn answer(&self, name: &str, kind: u16) -> Said {
        let mut name = name.to_owned();
        let mut records = Vec::new();
        for _ in 0..ALIASES_MAX {
            let Some(lines) = self.0.get(&name) else {
                return Said::Code(if self.has_below(&name) { 0 } else { NXDOMAIN });
            };
            let mut alias = None;
            for line in lines {
                match line {
                    Line::Record(record) if record.kind == kind => records.push(record.clone()),
                    Line::Record(_) => {}
                    Line::Alias(target) => alias = Some(target.clone()),
                    Line::Code(code) => return Said::Code(*code),
                    Line::Silence => return Said::Nothing,
                }
            }
            let Some(target) = alias else {
                return Said::Records(records);
            };
            let mut data = Vec::new();
            put_name(&mut data, &target);
            records.push(Record {
                name: std::mem::replace(&mut name, target),
                kind: CNAME,
                data,
            });
        }
        Said::Records(records)
    }

    fn has_below(&self, name: &str) -> bool {
        self.0.keys().any(|known| {
            known
                .strip_suffix(name)
                .is_some_and(|rest| rest.ends_with('.'))
        })
    }
}

fn read(name: &str, rest: &str) -> Option<Line> {
    let (word, data) = rest.split_once(' ').unwrap_or((rest, ""));
    let data = data.trim();
    let (kind, data) = match word {
        "A" => (A, data.parse::<Ipv4Addr>().ok()?.octets().to_vec()),
        "AAAA" => (AAAA, data.parse::<Ipv6Addr>().ok()?.octets().to_vec()),
        "MX" => {
            let (preference, exchange) = data.split_once(' ')?;
            let mut data = preference.parse::<u16>().ok()?.to_be_bytes().to_vec();
            put_name(&mut data, exchange.trim());
            (MX, data)
        }
        "TXT" => {
            let length = u8::try_from(data.len()).ok()?;
            (TXT, [&[length], data.as_bytes()].concat())
        }
        "CNAME" => {
            let target = data.trim_end_matches('.').to_ascii_lowercase();
            return Some(Line::Alias(target));
        }
        "EMPTY" => return Some(Line::Code(0)),
        "NXDOMAIN" => return Some(Line::Code(NXDOMAIN)),
        "REFUSED" => return Some(Line::Code(REFUSED)),
        "SERVFAIL" => return Some(Line::Code(SERVFAIL)),
        "TIMEOUT" => return Some(Line::Silence),
        _ => return None,
    };
    Some(Line::Record(Record {
        name: name.to_owned(),
        kind,
        data,
    }))
}
