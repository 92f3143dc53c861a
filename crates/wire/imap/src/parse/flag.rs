//! Flags in commands (RFC 9051 §9, `flag`).

use postroom_mail::flag::{Flags, KEYWORDS_MAX, Keyword, SystemFlags};

use super::ParseError;
use super::cursor::Cursor;

impl Cursor<'_> {
    /// `flag-list`.
    pub(super) fn flag_list(&mut self) -> Result<Flags, ParseError> {
        let mut flags = Flags::default();
        self.list(|cursor| cursor.flag(&mut flags))?;
        Ok(flags)
    }

    /// One flag, added to `flags`. `\Recent` is the server's alone (RFC 3501 §2.3.2).
    pub(super) fn flag(&mut self, flags: &mut Flags) -> Result<(), ParseError> {
        if self.takes(b'\\') {
            let atom = self.atom().map_err(|_| ParseError::Flag)?;
            let (flag, _) = SystemFlags::ALL
                .into_iter()
                .find(|(_, name)| name.get(1..).is_some_and(|n| n.eq_ignore_ascii_case(atom)))
                .ok_or(ParseError::Flag)?;
            flags.system = flags.system.with(flag);
            return Ok(());
        }
        let keyword = self.keyword()?;
        if flags.keywords.len() >= KEYWORDS_MAX {
            return Err(ParseError::Flags);
        }
        if !flags.keywords.contains(&keyword) {
            flags.keywords.push(keyword);
        }
        Ok(())
    }

    /// `flag-keyword`.
    pub(super) fn keyword(&mut self) -> Result<Keyword, ParseError> {
        let atom = self.atom().map_err(|_| ParseError::Flag)?;
        Keyword::new(atom).ok_or(ParseError::Flag)
    }
}
