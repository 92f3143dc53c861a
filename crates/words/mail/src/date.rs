//! Dates: of header fields (RFC 5322 §3.3), of IMAP (RFC 9051 §9), and their timestamps.

use std::fmt;

use postroom_runtime::clock::Timestamp;

pub use parse::{parse_header_date, parse_internal_date, parse_search_date};

mod parse;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// From Thursday on, as 1970-01-01 was one.
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

const SECONDS_A_DAY: i64 = 86_400;

/// A day of the Gregorian calendar; earlier days are less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// 1 to 9999.
    year: i32,
    /// 1 to 12.
    month: u8,
    /// 1 to 31.
    day: u8,
}

/// A day, a time of day and the zone in which they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DateTime {
    date: Date,
    /// 0 to 86,399; a leap second counts as the one before it.
    second_of_day: u32,
    /// Minutes east of UTC, within a day either way.
    offset_minutes: i16,
}

impl Date {
    /// The day; `None` unless the calendar has it in the years 1 to 9999.
    pub fn new(year: i32, month: u8, day: u8) -> Option<Self> {
        let fits = (1..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_of_month(year, month)).contains(&day);
        fits.then_some(Self { year, month, day })
    }

    /// The day of `timestamp` in UTC.
    pub fn of(timestamp: Timestamp) -> Self {
        DateTime::at(timestamp, 0).date
    }

    /// Midnight UTC at the beginning of the day; 1970 for the days before it.
    pub fn timestamp(self) -> Timestamp {
        let seconds = self.days_since_1970() * SECONDS_A_DAY;
        Timestamp::from_unix_seconds(u64::try_from(seconds).unwrap_or(0))
    }

    /// Days from 1970-01-01 to this one; negative before it.
    pub fn days_since_1970(self) -> i64 {
        let month = i64::from(self.month);
        let year = i64::from(self.year) - i64::from(month <= 2);
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + i64::from(self.day) - 1;
        365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year
            - 719_468
    }

    fn from_days(days: i64) -> Self {
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * march_month + 2) / 5 + 1;
        let month = (march_month + 2) % 12 + 1;
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        let narrow = |number: i64| u8::try_from(number).unwrap_or(1);
        Self {
            year: i32::try_from(year).unwrap_or(9999).min(9999),
            month: narrow(month),
            day: narrow(day),
        }
    }
}

impl DateTime {
    /// `timestamp` as a clock `offset_minutes` east of UTC shows it.
    pub fn at(timestamp: Timestamp, offset_minutes: i16) -> Self {
        let local = i64::try_from(timestamp.unix_seconds()).unwrap_or(i64::MAX / 2)
            + i64::from(offset_minutes) * 60;
        let second = local.rem_euclid(SECONDS_A_DAY);
        Self {
            date: Date::from_days(local.div_euclid(SECONDS_A_DAY)),
            second_of_day: u32::try_from(second).unwrap_or(0),
            offset_minutes,
        }
    }

    /// The day as written, whatever the zone: what SENTON compares (RFC 9051 §6.4.4).
    pub fn date(self) -> Date {
        self.date
    }

    /// Minutes east of UTC.
    pub fn offset_minutes(self) -> i16 {
        self.offset_minutes
    }

    /// The moment; 1970 for moments before it.
    pub fn timestamp(self) -> Timestamp {
        let seconds = self.date.days_since_1970() * SECONDS_A_DAY + i64::from(self.second_of_day)
            - i64::from(self.offset_minutes) * 60;
        Timestamp::from_unix_seconds(u64::try_from(seconds).unwrap_or(0))
    }

    /// As in header fields: `Mon, 02 Nov 2026 09:05:00 +0100` (RFC 5322 §3.3).
    pub fn header(self) -> HeaderDate {
        HeaderDate(self)
    }

    /// As in INTERNALDATE, without quotes: ` 2-Nov-2026 09:05:00 +0100` (RFC 9051 §9).
    pub fn internal(self) -> InternalDate {
        InternalDate(self)
    }

    fn weekday(self) -> &'static str {
        let index = self.date.days_since_1970().rem_euclid(7);
        pick(&WEEKDAYS, index)
    }

    fn month(self) -> &'static str {
        pick(&MONTHS, i64::from(self.date.month) - 1)
    }
}

/// Prints a [`DateTime`] as header fields have it.
#[derive(Clone, Copy, Debug)]
pub struct HeaderDate(DateTime);

/// Prints a [`DateTime`] as IMAP has it.
#[derive(Clone, Copy, Debug)]
pub struct InternalDate(DateTime);

/// RFC 3339 §5.6 in UTC, with microseconds; see [`utc`].
#[derive(Clone, Copy, Debug)]
pub struct UtcDate(Timestamp);

/// The form for machines that sorts as text: `2026-09-21T14:13:20.000042Z`.
pub fn utc(timestamp: Timestamp) -> UtcDate {
    UtcDate(timestamp)
}

impl fmt::Display for UtcDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DateTime {
            date,
            second_of_day: second,
            ..
        } = DateTime::at(self.0, 0);
        let (year, month, day) = (date.year, date.month, date.day);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let micros = self.0.0 % 1_000_000;
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z"
        )
    }
}

impl fmt::Display for HeaderDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Date { year, day, .. } = self.0.date;
        let (weekday, month) = (self.0.weekday(), self.0.month());
        write!(f, "{weekday}, {day:02} {month} {year:04} ")?;
        write_time(f, self.0)
    }
}

impl fmt::Display for InternalDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Date { year, day, .. } = self.0.date;
        write!(f, "{day:2}-{}-{year:04} ", self.0.month())?;
        write_time(f, self.0)
    }
}

fn write_time(f: &mut fmt::Formatter<'_>, moment: DateTime) -> fmt::Result {
    let seconds = moment.second_of_day;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let sign = if moment.offset_minutes < 0 { '-' } else { '+' };
    let offset = moment.offset_minutes.unsigned_abs();
    write!(
        f,
        "{hour:02}:{minute:02}:{second:02} {sign}{:02}{:02}",
        offset / 60,
        offset % 60
    )
}

fn pick(names: &'static [&'static str], index: i64) -> &'static str {
    usize::try_from(index)
        .ok()
        .and_then(|index| names.get(index))
        .unwrap_or(&names[0])
}

fn days_of_month(year: i32, month: u8) -> u8 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
