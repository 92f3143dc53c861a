//! Commands of IMAP: any octets give a command or an error, within the bounds.

use postroom_imap::command::fetch::FetchAttribute;
use postroom_imap::command::search::SearchKey;
use postroom_imap::command::{Command, Request};
use postroom_imap::limits::Limits;
use postroom_imap::parse::{Context, Names, ParseError, VERBS, open};
use postroom_imap::sequence::SequenceSet;
use postroom_mail::uid_set::UidSet;

/// Panics where a promise is broken.
pub(crate) fn check(bytes: &[u8]) {
    let limits = Limits {
        nesting_max: 8,
        search_keys_max: 20,
        set_ranges_max: 10,
        ..Limits::default()
    };
    for names in [Names::ModifiedUtf7, Names::Utf8] {
        let context = Context {
            names,
            limits: &limits,
        };
        check_line(bytes, context);
        for verb in VERBS {
            let line = [b"a ", verb.name.as_bytes(), b" ", bytes].concat();
            check_line(&line, context);
        }
    }
}

fn check_line(line: &[u8], context: Context<'_>) {
    let opened = match open(line, context) {
        Ok(opened) => opened,
        Err(error) => {
            assert_eq!(error, ParseError::Tag);
            return;
        }
    };
    assert!(line.starts_with(opened.tag.as_str().as_bytes()));
    match opened.command() {
        Ok(Command::Request(request)) => check_request(&request, context.limits),
        Ok(Command::Append(append)) => {
            assert!(line.trim_ascii_end().ends_with(b"}"));
            assert!(i64::try_from(append.message.literal.octets).is_ok());
        }
        Ok(_) => {}
        Err(error) => assert!(!error.completion().text.is_empty()),
    }
}

fn check_request(request: &Request, limits: &Limits) {
    match request {
        Request::Search(search) => {
            let mut keys = 0;
            check_key(&search.key, limits.nesting_max * 2 + 4, &mut keys);
            // NEW is two keys, and each UN... one more.
            assert!(keys <= limits.search_keys_max * 4);
        }
        Request::Fetch(fetch) => {
            assert!(!fetch.attributes.is_empty());
            check_set(&fetch.set, limits);
            for attribute in &fetch.attributes {
                if let FetchAttribute::BodySection {
                    section, partial, ..
                } = attribute
                {
                    assert!(section.part.len() <= limits.nesting_max);
                    assert!(section.part.iter().all(|&number| number > 0));
                    assert!(partial.is_none_or(|partial| partial.octets > 0));
                }
            }
        }
        Request::Store(store) => check_set(&store.set, limits),
        Request::Copy(transfer) | Request::Move(transfer) => check_set(&transfer.set, limits),
        Request::List(list) => {
            assert!(!list.patterns.is_empty());
            for pattern in &list.patterns {
                pattern.matches("INBOX/a", '/');
            }
        }
        Request::Select(select) => {
            let _ = select.mailbox.name('/');
        }
        _ => {}
    }
}

fn check_set(set: &SequenceSet, limits: &Limits) {
    let resolved = set.resolve(7, &UidSet::new());
    assert!(resolved.ranges().len() <= limits.set_ranges_max);
    assert!(resolved.ranges().iter().all(|range| *range.start() > 0));
}

fn check_key(key: &SearchKey, depth: usize, keys: &mut usize) {
    assert!(depth > 0, "nested deeper than the bound");
    *keys += 1;
    match key {
        SearchKey::And(inner) => {
            assert!(!inner.is_empty());
            for key in inner {
                check_key(key, depth - 1, keys);
            }
        }
        SearchKey::Not(inner) => check_key(inner, depth - 1, keys),
        SearchKey::Or(one, other) => {
            check_key(one, depth - 1, keys);
            check_key(other, depth - 1, keys);
        }
        _ => {}
    }
}
