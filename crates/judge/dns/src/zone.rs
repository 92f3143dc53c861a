//! A resolver for tests: a few lines of text.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::resolver::{Answer, Data, Kind, Looking, LookupError, Mx, Negative, Resolver, Trouble};

/// Aliases that are followed.
const ALIASES_MAX: usize = 8;

/// Names and what they have. Clones share the list of questions.
#[derive(Clone, Debug, Default)]
pub struct Zone {
    names: HashMap<Box<str>, Vec<Line>>,
    asked: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone, Debug)]
enum Line {
    Record(Kind, Data),
    Alias(Box<str>),
    Trouble(Trouble),
    /// The name exists, and that is all.
    Empty,
}

impl Zone {
    /// How long its answers hold.
    pub const TTL_SECONDS: u32 = 300;

    /// Reads lines of a name, a type and what it says: `A`, `AAAA`, `MX`, `CNAME`, and for names
    /// that misbehave `SERVFAIL`, `REFUSED`, `TIMEOUT`; `EMPTY` has no records. A name that is on
    /// no line, and above none, does not exist.
    ///
    /// # Panics
    /// On a line that is none of these: it is a mistake in a test.
    pub fn parse(text: &str) -> Self {
        let mut zone = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let address = |text: &str| -> IpAddr {
                text.parse()
                    .unwrap_or_else(|_| panic!("no address in {line:?}"))
            };
            let name = |text: &str| text.trim_end_matches('.').to_ascii_lowercase().into();
            let parsed = match words[1..] {
                ["A", data] => Line::Record(Kind::A, Data::Address(address(data))),
                ["AAAA", data] => Line::Record(Kind::Aaaa, Data::Address(address(data))),
                ["MX", preference, exchange] => {
                    let preference = preference.parse();
                    let preference = preference.unwrap_or_else(|_| panic!("no number in {line:?}"));
                    let exchange = name(exchange);
                    let mx = Mx {
                        preference,
                        exchange,
                    };
                    Line::Record(Kind::Mx, Data::Mx(mx))
                }
                ["CNAME", target] => Line::Alias(name(target)),
                ["SERVFAIL"] => Line::Trouble(Trouble::Failed),
                ["REFUSED"] => Line::Trouble(Trouble::Refused),
                ["TIMEOUT"] => Line::Trouble(Trouble::Unreachable),
                ["EMPTY"] => Line::Empty,
                _ => panic!("{line:?} is no line of a zone"),
            };
            zone.names.entry(name(words[0])).or_default().push(parsed);
        }
        zone
    }

    /// The questions so far: `MX example.org`.
    pub fn asked(&self) -> Vec<String> {
        self.lock().clone()
    }

    fn answer(&self, name: &str, kind: Kind) -> Result<Answer, LookupError> {
        let mut name = name;
        for _ in 0..=ALIASES_MAX {
            let Some(lines) = self.names.get(name) else {
                return Err(self.absent(name));
            };
            let mut records = Vec::new();
            let mut alias = None;
            for line in lines {
                match line {
                    Line::Record(found, data) if *found == kind => records.push(data.clone()),
                    Line::Record(..) | Line::Empty => {}
                    Line::Alias(target) => alias = Some(target),
                    Line::Trouble(trouble) => return Err((*trouble).into()),
                }
            }
            match alias {
                Some(target) => name = target,
                None if records.is_empty() => return Err(negative(Negative::NoData)),
                None => {
                    let ttl = Duration::from_secs(u64::from(Self::TTL_SECONDS));
                    return Ok(Answer { records, ttl });
                }
            }
        }
        Err(Trouble::Nonsense.into())
    }

    /// A name with names below it exists (RFC 8020 §2).
    fn absent(&self, name: &str) -> LookupError {
        let is_above = |known: &str| {
            known
                .strip_suffix(name)
                .is_some_and(|rest| rest.ends_with('.'))
        };
        if self.names.keys().any(|known| is_above(known)) {
            negative(Negative::NoData)
        } else {
            negative(Negative::NoSuchDomain)
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resolver for Zone {
    fn resolve<'a>(&'a self, name: &'a str, kind: Kind) -> Looking<'a> {
        let word = match kind {
            Kind::A => "A",
            Kind::Aaaa => "AAAA",
            Kind::Mx => "MX",
        };
        self.lock().push(format!("{word} {name}"));
        let answer = self.answer(name, kind);
        Box::pin(async move { answer })
    }
}

fn negative(negative: Negative) -> LookupError {
    LookupError::Negative {
        negative,
        ttl: None,
    }
}
