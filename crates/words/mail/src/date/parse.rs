//! Reading dates.

use super::{Date, DateTime, MONTHS};

/// Octets of a Date field that are looked at.
const HEADER_DATE_MAX: usize = 512;

/// Words of a date that are looked at: day name, day, month, year, time in three, zone.
const WORDS_MAX: usize = 12;

/// Reads the value of a Date field, obsolete forms included (RFC 5322 §3.3, §4.3).
///
/// Lenient: a wrong day name is passed over, a zone of unknown letters or none means UTC, a lone
/// day-month-year is midnight. `None` when no day of the calendar can be made out.
pub fn parse_header_date(value: &[u8]) -> Option<DateTime> {
    let value = value.get(..HEADER_DATE_MAX).unwrap_or(value);
    let mut words = Words { rest: value };
    let mut day = words.next()?;
    if !day.first()?.is_ascii_digit() {
        day = words.next()?;
    }
    let day = digits(day, 2)?;
    let month = month(words.next()?)?;
    let year_word = words.next()?;
    let year = full_year(digits(year_word, 4)?, year_word.len());
    let date = Date::new(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?)?;

    let rest: Vec<&[u8]> = words.take(WORDS_MAX).collect();
    let times = rest
        .iter()
        .take(3)
        .take_while(|word| word.first().is_some_and(u8::is_ascii_digit))
        .count();
    let (clock, zone) = rest.split_at(times);
    let part = |index: usize, limit: u32| match clock.get(index) {
        Some(word) => digits(word, 2).filter(|&number| number < limit),
        None => Some(0),
    };
    let (hour, minute, second) = (part(0, 24)?, part(1, 60)?, part(2, 61)?);
    Some(DateTime {
        date,
        second_of_day: hour * 3600 + minute * 60 + second.min(59),
        offset_minutes: zone.first().map_or(0, |zone| offset(zone)),
    })
}

/// Reads the `date-time` of APPEND, without its quotes: `17-Jul-1996 02:44:25 -0700`
/// (RFC 9051 §9). Strict.
pub fn parse_internal_date(text: &str) -> Option<DateTime> {
    let text = text.as_bytes();
    if text.len() != 26 {
        return None;
    }
    let (date, rest) = text.split_at(11);
    let date = day_month_year(date.strip_prefix(b" ").unwrap_or(date))?;
    let [
        b' ',
        h1,
        h2,
        b':',
        m1,
        m2,
        b':',
        s1,
        s2,
        b' ',
        sign,
        z1,
        z2,
        z3,
        z4,
    ] = rest
    else {
        return None;
    };
    let two = |a: &u8, b: &u8, limit: u32| digits(&[*a, *b], 2).filter(|&n| n < limit);
    let second = two(s1, s2, 61)?.min(59);
    let second_of_day = two(h1, h2, 24)? * 3600 + two(m1, m2, 60)? * 60 + second;
    let minutes = i16::try_from(two(z1, z2, 24)? * 60 + two(z3, z4, 60)?).ok()?;
    let offset_minutes = match sign {
        b'+' => minutes,
        b'-' => -minutes,
        _ => return None,
    };
    Some(DateTime {
        date,
        second_of_day,
        offset_minutes,
    })
}

/// Reads the `date` of SEARCH, without its quotes: `1-Feb-1994` (RFC 9051 §9). Strict.
pub fn parse_search_date(text: &str) -> Option<Date> {
    day_month_year(text.as_bytes())
}

fn day_month_year(text: &[u8]) -> Option<Date> {
    let mut parts = text.split(|&byte| byte == b'-');
    let (day, name, year) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || name.len() != 3 || year.len() != 4 {
        return None;
    }
    Date::new(
        i32::try_from(digits(year, 4)?).ok()?,
        month(name)?,
        u8::try_from(digits(day, 2)?).ok()?,
    )
}

/// Words between white space, comments, commas and colons; a sign begins one.
struct Words<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let mut depth = 0_u32;
        let begin = self.rest.iter().position(|&byte| match byte {
            b'(' => {
                depth += 1;
                false
            }
            b')' => {
                depth = depth.saturating_sub(1);
                false
            }
            _ => depth == 0 && is_word(byte),
        })?;
        let tail = self.rest.get(begin..)?;
        let end = tail
            .iter()
            .skip(1)
            .position(|&byte| !byte.is_ascii_alphanumeric())
            .map_or(tail.len(), |at| at + 1);
        let (word, rest) = tail.split_at(end);
        self.rest = rest;
        Some(word)
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'-'
}

/// One to `most` digits and nothing else.
fn digits(word: &[u8], most: usize) -> Option<u32> {
    if word.is_empty() || word.len() > most || !word.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(word).ok()?.parse().ok()
}

fn month(word: &[u8]) -> Option<u8> {
    let head = word.get(..3)?;
    let index = MONTHS
        .iter()
        .position(|name| name.as_bytes().eq_ignore_ascii_case(head))?;
    u8::try_from(index + 1).ok()
}

/// Years of two and three digits (RFC 5322 §4.3).
fn full_year(year: u32, digits: usize) -> u32 {
    match digits {
        0..=2 if year < 50 => year + 2000,
        0..=3 => year + 1900,
        _ => year,
    }
}

/// Minutes east of UTC; the military letters count as UTC (RFC 5322 §4.3).
fn offset(zone: &[u8]) -> i16 {
    if let Some((sign @ (b'+' | b'-'), number)) = zone.split_first() {
        let number = digits(number, 4)
            .filter(|n| n % 100 < 60 && n / 100 < 24)
            .unwrap_or(0);
        let minutes = i16::try_from(number / 100 * 60 + number % 100).unwrap_or(0);
        return if *sign == b'-' { -minutes } else { minutes };
    }
    let hours = match zone.to_ascii_uppercase().as_slice() {
        b"EDT" => -4,
        b"EST" | b"CDT" => -5,
        b"CST" | b"MDT" => -6,
        b"MST" | b"PDT" => -7,
        b"PST" => -8,
        _ => 0,
    };
    hours * 60
}

#[cfg(test)]
mod tests {
    use postroom_runtime::clock::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn seconds(value: &str) -> Option<u64> {
        parse_header_date(value.as_bytes()).map(|date| date.timestamp().unix_seconds())
    }

    #[test]
    fn header_dates() {
        for (value, expected) in [
            ("Fri, 21 Nov 1997 09:55:06 -0600", Some(880_127_706)),
            (
                " Fri, 21 Nov 1997\r\n 09(comment):   55  :  06 -0600",
                Some(880_127_706),
            ),
            ("21 Nov 97 09:55:06 GMT", Some(880_106_106)),
            ("21 Nov 97 09:55 EST (x)", Some(880_124_100)),
            ("Thu, 13 Feb 1969 23:32 -0330", Some(0)),
            ("1 Jan 2000 00:00:60 +0000", Some(946_684_859)),
            ("Tue, 1 Jan 00 00:00:00 Z", Some(946_684_800)),
            ("Sat, 29 Feb 2020 12:00:00 +0530", Some(1_582_957_800)),
            ("29 Feb 2020 12:00:00 Q", Some(1_582_977_600)),
            ("29-Feb-2020 12:00:00 Q", None),
            ("30 Feb 2020 12:00:00 +0000", None),
            ("32 Jan 2020 12:00:00 +0000", None),
            ("1 Jan 2020 24:00:00 +0000", None),
            ("1 Jan 2020", Some(1_577_836_800)),
            ("Mon", None),
            ("", None),
            ("(((((", None),
            ("1 Jan 20200 00:00:00 +0000", None),
        ] {
            assert_eq!(seconds(value), expected, "{value}");
        }
        let date = parse_header_date(b"Fri, 21 Nov 1997 23:55:06 -0600").unwrap();
        assert_eq!(Some(date.date()), parse_search_date("21-Nov-1997"));
    }

    #[test]
    fn imap_dates() {
        let text = "17-Jul-1996 02:44:25 -0700";
        let date = parse_internal_date(text).unwrap();
        assert_eq!(date.timestamp().unix_seconds(), 837_596_665);
        assert_eq!(date.internal().to_string(), text);
        assert_eq!(date.header().to_string(), "Wed, 17 Jul 1996 02:44:25 -0700");
        let padded = " 2-Nov-2026 09:05:00 +0100";
        assert_eq!(
            parse_internal_date(padded).unwrap().internal().to_string(),
            padded
        );
        for wrong in [
            "17-Jul-1996 02:44:25 0700",
            "17-Jul-1996 02:44:25 -07000",
            "7-Jul-1996 02:44:25 -0700",
            "31-Jun-1996 02:44:25 -0700",
            "17-Jux-1996 02:44:25 -0700",
            "17-Jul-1996 02:60:25 -0700",
            "17-Jul-1996 02:44:25 -9900",
            "é7-Jul-1996 02:44:25 -070",
            "",
        ] {
            assert_eq!(parse_internal_date(wrong), None, "{wrong}");
        }
        assert!(parse_search_date("1-Feb-1994") < parse_search_date("02-feb-1994"));
        assert_eq!(parse_search_date("1-Feb-94"), None);
        assert_eq!(parse_search_date("1-Feb-1994-"), None);
    }

    proptest! {
        #[test]
        fn both_forms_come_back(seconds in 0_u64..253_370_764_800, offset in -1439_i16..1440) {
            let moment = DateTime::at(Timestamp::from_unix_seconds(seconds), offset);
            // A day before 1970 has its date, though no timestamp of its own.
            let internal = moment.internal().to_string();
            prop_assert_eq!(parse_internal_date(&internal), Some(moment));
            let header = moment.header().to_string();
            prop_assert_eq!(parse_header_date(header.as_bytes()), Some(moment));
            prop_assert_eq!(moment.timestamp().unix_seconds(), seconds);
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            parse_header_date(&bytes);
            parse_internal_date(&String::from_utf8_lossy(&bytes));
        }
    }
}
