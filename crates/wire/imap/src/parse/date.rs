//! Dates and times (RFC 9051 §9, `date`, `date-time`).

use postroom_mail::date::{Date, DateTime, parse_internal_date, parse_search_date};
use postroom_runtime::clock::Timestamp;

use super::ParseError;
use super::cursor::Cursor;

impl Cursor<'_> {
    /// `date`, quoted or not.
    pub(super) fn date(&mut self) -> Result<Date, ParseError> {
        let is_quoted = self.takes(b'"');
        let text = self.run(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if is_quoted {
            self.expect(b'"', ParseError::Date)?;
        }
        std::str::from_utf8(text)
            .ok()
            .and_then(parse_search_date)
            .ok_or(ParseError::Date)
    }

    /// `date-time`; moments before 1970 are taken as 1970.
    pub(super) fn date_time(&mut self) -> Result<Timestamp, ParseError> {
        self.expect(b'"', ParseError::Date)?;
        let text = self.run(|byte| byte != b'"' && byte.is_ascii());
        self.expect(b'"', ParseError::Date)?;
        std::str::from_utf8(text)
            .ok()
            .and_then(parse_internal_date)
            .map(DateTime::timestamp)
            .ok_or(ParseError::Date)
    }
}
