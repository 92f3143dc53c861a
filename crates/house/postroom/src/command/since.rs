//! Moments and spans as an operator writes them.

use std::str::FromStr;
use std::time::Duration;

use postroom_config::value::parse_duration;
use postroom_mail::date::Date;
use postroom_runtime::clock::{Clock, Timestamp};

/// A moment in the past: a day, or how long ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Since(Timestamp);

/// How long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

/// A text is neither a day nor a span.
#[derive(Debug, thiserror::Error)]
#[error("write a date as 2026-11-22, or how long ago as 30m, 2h or 7d")]
pub(crate) struct SinceError;

/// A text is no span.
#[derive(Debug, thiserror::Error)]
#[error("write it as 30m, 2h or 7d")]
pub(crate) struct SpanError;

impl Since {
    /// Seconds since 1970.
    pub(crate) fn unix_seconds(self) -> u64 {
        self.0.unix_seconds()
    }
}

impl FromStr for Since {
    type Err = SinceError;

    fn from_str(text: &str) -> Result<Self, SinceError> {
        if let Some(span) = parse_duration(text) {
            let now = Clock::system().wall().unix_seconds();
            let then = now.saturating_sub(span.as_secs());
            return Ok(Self(Timestamp::from_unix_seconds(then)));
        }
        let mut parts = text.splitn(3, '-');
        let mut part = || parts.next()?.parse::<u16>().ok();
        let day = (part(), part(), part());
        let (Some(year), Some(month), Some(day)) = day else {
            return Err(SinceError);
        };
        let small = |number: u16| u8::try_from(number).ok();
        let date = small(month).zip(small(day));
        let date = date.and_then(|(month, day)| Date::new(year.into(), month, day));
        Ok(Self(date.ok_or(SinceError)?.timestamp()))
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        parse_duration(text).map(Self).ok_or(SpanError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_days_or_spans() {
        let day: Since = "2026-11-22".parse().unwrap();
        assert_eq!(day.unix_seconds(), 1_795_305_600);
        let now = Clock::system().wall().unix_seconds();
        let ago: Since = "1h30m".parse().unwrap();
        assert!(now - ago.unix_seconds() - 5_400 < 60);
        for bad in ["", "yesterday", "2026-13-01", "2026-11", "7", "-1h"] {
            assert!(bad.parse::<Since>().is_err(), "{bad}");
        }
    }
}
