//! Dates and times (RFC 9051 §9, `date`, `date-time`).

use postroom_runtime::clock::Timestamp;

use super::ParseError;
use super::cursor::Cursor;
use crate::date::{Date, MONTHS};

impl Cursor<'_> {
    /// `date`, quoted or not.
    pub(super) fn date(&mut self) -> Result<Date, ParseError> {
        let is_quoted = self.takes(b'"');
        let first = self.digit()?;
        let day = match self.peek() {
            Some(b'0'..=b'9') => first.saturating_mul(10).saturating_add(self.digit()?),
            _ => first,
        };
        let date = self.month_and_year(day)?;
        if is_quoted {
            self.expect(b'"', ParseError::Date)?;
        }
        Ok(date)
    }

    /// `date-time`; moments before 1970 are taken as 1970.
    pub(super) fn date_time(&mut self) -> Result<Timestamp, ParseError> {
        self.expect(b'"', ParseError::Date)?;
        let day = if self.takes(b' ') {
            self.digit()?
        } else {
            self.digits(2)?
        };
        let date = self.month_and_year(day)?;
        self.expect(b' ', ParseError::Date)?;
        let hours = self.digits(2)?;
        self.expect(b':', ParseError::Date)?;
        let minutes = self.digits(2)?;
        self.expect(b':', ParseError::Date)?;
        let seconds = self.digits(2)?;
        self.expect(b' ', ParseError::Date)?;
        let zone = self.zone()?;
        self.expect(b'"', ParseError::Date)?;
        // 60 is a leap second.
        if hours > 23 || minutes > 59 || seconds > 60 {
            return Err(ParseError::Date);
        }
        let local = date
            .day_number()
            .saturating_mul(86_400)
            .saturating_add(i64::from(hours).saturating_mul(3600))
            .saturating_add(i64::from(minutes).saturating_mul(60))
            .saturating_add(i64::from(seconds));
        let universal = local.saturating_sub(zone);
        Ok(Timestamp::from_unix_seconds(
            u64::try_from(universal).unwrap_or(0),
        ))
    }

    /// `zone`, in seconds east of Greenwich.
    fn zone(&mut self) -> Result<i64, ParseError> {
        let is_west = self.takes(b'-');
        if !is_west {
            self.expect(b'+', ParseError::Date)?;
        }
        let hours = i64::from(self.digits(2)?);
        let minutes = i64::from(self.digits(2)?);
        if hours > 23 || minutes > 59 {
            return Err(ParseError::Date);
        }
        let seconds = hours
            .saturating_mul(60)
            .saturating_add(minutes)
            .saturating_mul(60);
        Ok(if is_west {
            seconds.saturating_neg()
        } else {
            seconds
        })
    }

    /// `"-" date-month "-" date-year` after the day.
    fn month_and_year(&mut self, day: u16) -> Result<Date, ParseError> {
        self.expect(b'-', ParseError::Date)?;
        let name = self.run(|byte| byte.is_ascii_alphabetic());
        let month = (1..)
            .zip(MONTHS)
            .find(|(_, month)| month.as_bytes().eq_ignore_ascii_case(name))
            .map(|(number, _)| number)
            .ok_or(ParseError::Date)?;
        self.expect(b'-', ParseError::Date)?;
        let year = self.digits(4)?;
        let day = u8::try_from(day).map_err(|_| ParseError::Date)?;
        Date::new(year, month, day).ok_or(ParseError::Date)
    }

    fn digits(&mut self, count: usize) -> Result<u16, ParseError> {
        let mut number: u16 = 0;
        for _ in 0..count {
            number = number.saturating_mul(10).saturating_add(self.digit()?);
        }
        Ok(number)
    }

    fn digit(&mut self) -> Result<u16, ParseError> {
        match self.peek() {
            Some(byte @ b'0'..=b'9') => {
                self.takes(byte);
                Ok(u16::from(byte.saturating_sub(b'0')))
            }
            _ => Err(ParseError::Date),
        }
    }
}
