//! How values stand in columns.

use postroom_mail::flag::{Keyword, KeywordSet, SpecialUse, SystemFlags};
use postroom_mail::identifier::{AccountId, EmailId, MailboxId, ModSeq, Uid, UidValidity};
use postroom_mail::mailbox_name::MailboxName;
use postroom_runtime::clock::Timestamp;
use rusqlite::Row;
use rusqlite::types::Type;

use crate::log::codec::{self, Coded};
use crate::row::{Mailbox, Placement};

/// A number as SQLite keeps it: the same 64 bits.
pub(super) fn int(number: u64) -> i64 {
    number.cast_signed()
}

/// A length as SQLite keeps it.
pub(super) fn size(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

pub(super) fn u64_at(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

pub(super) fn time_at(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    u64_at(row, column).map(Timestamp)
}

/// The value whose record form is the blob in a column.
pub(super) fn coded_at<T: Coded>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let bytes = row.get_ref(column)?.as_blob()?;
    codec::decode(bytes).map_err(|malformed| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, Box::new(malformed))
    })
}

fn strange(column: usize) -> rusqlite::Error {
    rusqlite::Error::IntegralValueOutOfRange(column, 0)
}

pub(super) fn uid_at(row: &Row<'_>, column: usize) -> rusqlite::Result<Uid> {
    Uid::new(row.get(column)?).ok_or_else(|| strange(column))
}

/// A mailbox name in one column: components hold no slash.
pub(super) fn name_text(name: &MailboxName) -> String {
    name.join('/')
}

pub(super) fn name_at(row: &Row<'_>, column: usize) -> rusqlite::Result<MailboxName> {
    let text = row.get_ref(column)?.as_str()?;
    MailboxName::parse(text, '/').map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

pub(super) fn special_use_number(special_use: SpecialUse) -> u8 {
    codec::encode(&special_use).first().copied().unwrap_or(0)
}

fn special_use_at(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<SpecialUse>> {
    let number: Option<u8> = row.get(column)?;
    Ok(number.and_then(|number| codec::decode(&[number]).ok()))
}

pub(super) fn keywords_at(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<Keyword>> {
    let text = row.get_ref(column)?.as_str()?;
    Ok(text
        .split_ascii_whitespace()
        .filter_map(Keyword::new)
        .collect())
}

/// Keywords in one column: they hold no space.
pub(super) fn keywords_text(keywords: &[Keyword]) -> String {
    let words: Vec<_> = keywords.iter().map(Keyword::as_str).collect();
    words.join(" ")
}

/// Columns of [`mailbox_at`].
pub(super) const MAILBOX: &str =
    "id, account, name, uid_validity, uid_next, mod_seq, special_use, keywords";

pub(super) fn mailbox_at(row: &Row<'_>) -> rusqlite::Result<Mailbox> {
    Ok(Mailbox {
        id: MailboxId(u64_at(row, 0)?),
        account: AccountId(u64_at(row, 1)?),
        name: name_at(row, 2)?,
        uid_validity: UidValidity::new(row.get(3)?).ok_or_else(|| strange(3))?,
        uid_next: row.get(4)?,
        mod_seq: ModSeq(u64_at(row, 5)?),
        special_use: special_use_at(row, 6)?,
        keywords: keywords_at(row, 7)?,
    })
}

/// Columns of [`placement_at`].
pub(super) const PLACEMENT: &str = "uid, email, mod_seq, octets, flags, keywords_0, keywords_1, \
                                    keywords_2, keywords_3, received";

pub(super) fn placement_at(row: &Row<'_>) -> rusqlite::Result<Placement> {
    Ok(Placement {
        uid: uid_at(row, 0)?,
        email: EmailId(u64_at(row, 1)?),
        mod_seq: ModSeq(u64_at(row, 2)?),
        octets: row.get(3)?,
        flags: SystemFlags(row.get(4)?),
        keywords: KeywordSet([
            u64_at(row, 5)?,
            u64_at(row, 6)?,
            u64_at(row, 7)?,
            u64_at(row, 8)?,
        ]),
        received: time_at(row, 9)?,
    })
}
