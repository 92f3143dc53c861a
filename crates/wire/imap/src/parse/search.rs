//! SEARCH (RFC 9051 §6.4.4, §9 `search`; RFC 3501 §9; RFC 4731 §4; RFC 5032 §3; RFC 7162 §7).

use postroom_mail::date::Date;
use postroom_mail::flag::SystemFlags;
use postroom_mail::identifier::ModSeq;
use postroom_mail::message::Charset;

use super::ParseError;
use super::cursor::Cursor;
use super::text::text_of;
use crate::command::search::{CharsetSpec, Search, SearchKey, SearchReturn};
use crate::command::{Command, Numbering, Request};

/// `"SEARCH" [search-return-opts] SP ["CHARSET" SP charset SP] search-key *(SP search-key)`.
pub(super) fn search(cursor: &mut Cursor<'_>, by: Numbering) -> Result<Command, ParseError> {
    cursor.space()?;
    let mut returns = None;
    if cursor.takes_word("RETURN") {
        cursor.space()?;
        returns = Some(return_options(cursor)?);
        cursor.space()?;
    }
    let mut charset = CharsetSpec::Unsaid;
    if cursor.takes_word("CHARSET") {
        cursor.space()?;
        charset = cursor.charset()?;
        cursor.space()?;
    }
    let search = Search {
        by,
        returns,
        charset,
        key: keys(cursor)?,
    };
    Ok(Command::Request(Request::Search(search)))
}

/// `search-key *(SP search-key)`.
pub(super) fn keys(cursor: &mut Cursor<'_>) -> Result<SearchKey, ParseError> {
    let mut keys = vec![key(cursor)?];
    while cursor.takes(b' ') && cursor.peek().is_some() {
        keys.push(key(cursor)?);
    }
    Ok(all_of(keys))
}

/// `"(" [search-return-opt *(SP search-return-opt)] ")"`; none is ALL (RFC 4731 §3.1).
fn return_options(cursor: &mut Cursor<'_>) -> Result<Vec<SearchReturn>, ParseError> {
    let mut options = Vec::new();
    cursor.list(|cursor| {
        let option = match cursor.word() {
            word if word.eq_ignore_ascii_case("ALL") => SearchReturn::All,
            word if word.eq_ignore_ascii_case("COUNT") => SearchReturn::Count,
            word if word.eq_ignore_ascii_case("MAX") => SearchReturn::Max,
            word if word.eq_ignore_ascii_case("MIN") => SearchReturn::Min,
            word if word.eq_ignore_ascii_case("SAVE") => SearchReturn::Save,
            _ => return Err(ParseError::Option),
        };
        if !options.contains(&option) {
            options.push(option);
        }
        Ok(())
    })?;
    if options.is_empty() {
        options.push(SearchReturn::All);
    }
    Ok(options)
}

impl Cursor<'_> {
    /// The name of a charset, which the texts of keys have from here on.
    pub(super) fn charset(&mut self) -> Result<CharsetSpec, ParseError> {
        let name = self.astring()?;
        self.charset = Charset::for_label(&name);
        Ok(match self.charset {
            Some(_) => CharsetSpec::Known,
            None => CharsetSpec::Unknown,
        })
    }

    /// The text of a key, as UTF-8.
    fn search_text(&mut self) -> Result<Box<str>, ParseError> {
        let octets = self.astring()?;
        let Some(charset) = self.charset else {
            return Ok("".into());
        };
        let text = charset.decode(&octets).ok_or(ParseError::Text)?;
        text_of(text.as_bytes())
    }
}

fn all_of(mut keys: Vec<SearchKey>) -> SearchKey {
    match keys.pop() {
        Some(only) if keys.is_empty() => only,
        Some(last) => {
            keys.push(last);
            SearchKey::And(keys)
        }
        None => SearchKey::All,
    }
}

/// `search-key`.
fn key(cursor: &mut Cursor<'_>) -> Result<SearchKey, ParseError> {
    if cursor.keys >= cursor.context.limits.search_keys_max {
        return Err(ParseError::Keys);
    }
    cursor.keys = cursor.keys.saturating_add(1);
    if cursor.at_sequence() {
        return cursor.sequence().map(SearchKey::Sequence);
    }
    if cursor.peek() == Some(b'(') {
        let mut keys = Vec::new();
        cursor.list(|cursor| {
            keys.push(key(cursor)?);
            Ok(())
        })?;
        if keys.is_empty() {
            return Err(ParseError::Word);
        }
        return Ok(all_of(keys));
    }
    let word = cursor.word().to_ascii_uppercase();
    match flag_key(&word) {
        Some(found) => Ok(found),
        None => with_argument(cursor, &word),
    }
}

/// Keys that are a word alone.
fn flag_key(word: &str) -> Option<SearchKey> {
    use SearchKey::{All, And, Flag, Recent};
    let key = match word {
        "ALL" => All,
        "ANSWERED" => Flag(SystemFlags::ANSWERED),
        "DELETED" => Flag(SystemFlags::DELETED),
        "DRAFT" => Flag(SystemFlags::DRAFT),
        "FLAGGED" => Flag(SystemFlags::FLAGGED),
        "NEW" => And(vec![Recent, Flag(SystemFlags::SEEN).negated()]),
        "OLD" => Recent.negated(),
        "RECENT" => Recent,
        "SEEN" => Flag(SystemFlags::SEEN),
        "UNANSWERED" => Flag(SystemFlags::ANSWERED).negated(),
        "UNDELETED" => Flag(SystemFlags::DELETED).negated(),
        "UNDRAFT" => Flag(SystemFlags::DRAFT).negated(),
        "UNFLAGGED" => Flag(SystemFlags::FLAGGED).negated(),
        "UNSEEN" => Flag(SystemFlags::SEEN).negated(),
        _ => return None,
    };
    Some(key)
}

/// Keys with something after the word.
fn with_argument(cursor: &mut Cursor<'_>, word: &str) -> Result<SearchKey, ParseError> {
    if let Some(make) = date_key(word) {
        cursor.space()?;
        return cursor.date().map(make);
    }
    if let Some(name) = header_key(word) {
        cursor.space()?;
        return Ok(SearchKey::Header {
            name: name.into(),
            text: cursor.search_text()?,
        });
    }
    match word {
        "BODY" | "TEXT" | "HEADER" | "KEYWORD" | "UNKEYWORD" | "LARGER" | "SMALLER" | "NOT"
        | "OLDER" | "OR" | "UID" | "MODSEQ" | "YOUNGER" => cursor.space()?,
        _ => return Err(ParseError::Word),
    }
    match word {
        "BODY" => cursor.search_text().map(SearchKey::Body),
        "TEXT" => cursor.search_text().map(SearchKey::Text),
        "HEADER" => {
            let name = cursor.text()?;
            cursor.space()?;
            let text = cursor.search_text()?;
            Ok(SearchKey::Header { name, text })
        }
        "KEYWORD" => cursor.keyword().map(SearchKey::Keyword),
        "UNKEYWORD" => Ok(SearchKey::Keyword(cursor.keyword()?).negated()),
        "LARGER" => cursor.number64().map(SearchKey::Larger),
        "SMALLER" => cursor.number64().map(SearchKey::Smaller),
        "NOT" => cursor.nested(key).map(SearchKey::negated),
        "OLDER" => cursor.nz_number().map(SearchKey::Older),
        "OR" => cursor.nested(|cursor| {
            let one = key(cursor)?;
            cursor.space()?;
            let other = key(cursor)?;
            Ok(SearchKey::Or(Box::new(one), Box::new(other)))
        }),
        "MODSEQ" => modseq(cursor),
        "YOUNGER" => cursor.nz_number().map(SearchKey::Younger),
        _ => cursor.sequence().map(SearchKey::Uid),
    }
}

fn date_key(word: &str) -> Option<fn(Date) -> SearchKey> {
    Some(match word {
        "BEFORE" => SearchKey::Before,
        "ON" => SearchKey::On,
        "SENTBEFORE" => SearchKey::SentBefore,
        "SENTON" => SearchKey::SentOn,
        "SENTSINCE" => SearchKey::SentSince,
        "SINCE" => SearchKey::Since,
        _ => return None,
    })
}

fn header_key(word: &str) -> Option<&'static str> {
    Some(match word {
        "BCC" => "Bcc",
        "CC" => "Cc",
        "FROM" => "From",
        "SUBJECT" => "Subject",
        "TO" => "To",
        _ => return None,
    })
}

/// `"MODSEQ" [SP entry-name SP entry-type-req] SP mod-sequence-valzer`.
fn modseq(cursor: &mut Cursor<'_>) -> Result<SearchKey, ParseError> {
    if cursor.peek() == Some(b'"') {
        cursor.string()?;
        cursor.space()?;
        if !["priv", "shared", "all"]
            .iter()
            .any(|kind| cursor.takes_word(kind))
        {
            return Err(ParseError::Word);
        }
        cursor.space()?;
    }
    cursor.number64().map(ModSeq).map(SearchKey::ModSeq)
}
