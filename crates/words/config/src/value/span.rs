//! Durations.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use super::{Misfit, Raw, Setting};

const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// A duration as settings have it: numbers with units, one after another, as `1h30m`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    parse(text)
}

fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut milliseconds = 0_u64;
    while !rest.is_empty() {
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let number: u64 = rest[..rest.len() - after.len()].parse().ok()?;
        let next = after
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, remaining) = after.split_at(next);
        let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit.trim())?;
        milliseconds = milliseconds.checked_add(number.checked_mul(*scale)?)?;
        rest = remaining;
    }
    Some(Duration::from_millis(milliseconds))
}

fn print(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (name, scale) in UNITS {
        if rest >= scale {
            // Writing to a String cannot fail.
            let _ = write!(text, "{}{name}", rest / scale);
            rest %= scale;
        }
    }
    if text.is_empty() {
        "0s".to_owned()
    } else {
        text
    }
}

/// Milliseconds are the finest unit.
impl Setting for Duration {
    fn kind() -> String {
        "a duration".to_owned()
    }

    fn read(raw: &Raw, _: &Path) -> Result<Self, Misfit> {
        if let Raw::Integer(number) = raw {
            return Err(Misfit::UnitMissing(*number));
        }
        let text = raw.text::<Self>()?;
        if let Ok(number) = text.trim().parse() {
            return Err(Misfit::UnitMissing(number));
        }
        parse(text).ok_or_else(|| Misfit::Shape {
            expected: "a duration",
            found: text.to_owned(),
            example: "\"10s\", \"5m\" or \"1h30m\"",
        })
    }

    fn write(&self) -> Option<Raw> {
        Some(Raw::Text(print(*self)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{parse, print};

    #[test]
    fn durations_read_with_units() {
        assert_eq!(parse("10s"), Some(Duration::from_secs(10)));
        assert_eq!(parse("5m"), Some(Duration::from_mins(5)));
        assert_eq!(parse("1h30m"), Some(Duration::from_mins(90)));
        assert_eq!(parse("1h 30m"), Some(Duration::from_mins(90)));
        assert_eq!(parse("250ms"), Some(Duration::from_millis(250)));
        for wrong in [
            "",
            "s",
            "10",
            "10 sec",
            "1h30",
            "-5s",
            "1.5h",
            "99999999999999999999s",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn durations_print_as_they_are_read() {
        assert_eq!(print(Duration::from_mins(90)), "1h30m");
        assert_eq!(print(Duration::from_hours(720)), "30d");
        assert_eq!(print(Duration::from_millis(61_001)), "1m1s1ms");
        assert_eq!(print(Duration::ZERO), "0s");
    }
}
