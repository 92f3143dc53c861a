use std::ops::Bound;

use postroom_mail::date::Date;
use postroom_mail::flag::{Keyword, SystemFlags};
use postroom_mail::identifier::ModSeq;
use postroom_mail::message;
use postroom_mail::uid_set::UidSet;

use super::key::Depth;
use super::text::Opened;
use super::{DateField, Key, Needle};
use crate::version::tests::placement;

const MESSAGE: &[u8] = b"From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>\r\n\
    Date: Mon, 02 Nov 2026 23:30:00 -0500\r\nSubject: Two\r\n words\r\n\
    Content-Type: multipart/mixed; boundary=b\r\n\r\n\
    --b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\
    Content-Transfer-Encoding: quoted-printable\r\n\r\nSch=F6ne Gr=FC=\r\n=DFe\r\n\
    --b\r\nContent-Type: image/png\r\n\r\nhidden\r\n\
    --b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nDEEP\r\n--b--\r\n";

fn opened() -> Opened {
    Opened::whole(MESSAGE, &message::parse(MESSAGE).structure)
}

#[track_caller]
fn check(key: Key, expected: bool) {
    let row = placement(5, 9, SystemFlags::SEEN);
    let opened = opened();
    assert_eq!(key.judge(&row, Some(&opened)), Some(expected), "{key:?}");
    assert_eq!(
        Key::Not(Box::new(key)).judge(&row, Some(&opened)),
        Some(!expected)
    );
}

fn header(name: &str, text: &str) -> Key {
    Key::Header(name.into(), Needle::new(text))
}

#[test]
fn text_is_decoded_and_case_does_not_matter() {
    check(header("from", "JÜRGEN"), true);
    check(header("FROM", "j@Example"), true);
    check(header("subject", "two words"), true);
    check(header("subject", ""), true);
    check(header("cc", ""), false);
    check(Key::Body(Needle::new("SCHÖNE GRÜ")), true);
    check(Key::Body(Needle::new("deep")), true);
    check(Key::Body(Needle::new("subject: INNER")), true);
    check(Key::Body(Needle::new("hidden")), false);
    check(Key::Body(Needle::new("two words")), false);
    check(Key::Text(Needle::new("two words")), true);
    check(Key::Text(Needle::new("deep")), true);
}

#[test]
fn dates_are_days_as_they_were_written() {
    let day = |day| Date::new(2026, 11, day).unwrap().days_since_1970();
    let on = |d| (Bound::Included(day(d)), Bound::Included(day(d)));
    check(Key::Date(DateField::Sent, on(2)), true);
    check(Key::Date(DateField::Sent, on(3)), false);
    let before = (Bound::Unbounded, Bound::Excluded(day(2)));
    check(Key::Date(DateField::Sent, before), false);
    check(Key::Date(DateField::Received, before), true);
}

#[test]
fn rows_decide_what_they_can() {
    check(Key::Flags(SystemFlags::SEEN), true);
    check(Key::Flags(SystemFlags::DRAFT), false);
    check(Key::Larger(100), false);
    check(Key::Larger(99), true);
    check(Key::Smaller(100), false);
    check(Key::Smaller(101), true);
    check(Key::ModSeq(ModSeq(9)), true);
    check(Key::ModSeq(ModSeq(10)), false);
    check(Key::Uids(UidSet::from_ranges([5..=5])), true);
    check(Key::Uids(UidSet::from_ranges([6..=9])), false);

    let mut row = placement(5, 9, SystemFlags::NONE);
    row.keywords.insert(1);
    let names = ["$Junk", "$Work"].map(|name| Keyword::new(name).unwrap());
    let keyword = |name| Key::Keyword(Keyword::new(name).unwrap()).bound(&names);
    assert_eq!(keyword("$work").judge(&row, None), Some(true));
    assert_eq!(keyword("$junk").judge(&row, None), Some(false));
    assert_eq!(keyword("$other").judge(&row, None), Some(false));
}

#[test]
fn a_message_is_read_only_where_it_matters() {
    let row = placement(5, 9, SystemFlags::SEEN);
    let text = || Key::Text(Needle::new("x"));
    let seen = || Key::Flags(SystemFlags::SEEN);
    let draft = || Key::Flags(SystemFlags::DRAFT);
    let or = |one, other| Key::Or(Box::new(one), Box::new(other));
    assert_eq!(
        Key::And(vec![text(), draft()]).judge(&row, None),
        Some(false)
    );
    assert_eq!(Key::And(vec![text(), seen()]).judge(&row, None), None);
    assert_eq!(or(text(), seen()).judge(&row, None), Some(true));
    assert_eq!(or(draft(), text()).judge(&row, None), None);
    assert_eq!(Key::Not(Box::new(text())).judge(&row, None), None);
    assert_eq!(or(draft(), header("a", "b")).depth(), Depth::Header);
    assert_eq!(Key::And(vec![text(), seen()]).depth(), Depth::Body);
    assert_eq!(seen().depth(), Depth::Row);
}
