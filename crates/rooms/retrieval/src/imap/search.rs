//! SEARCH.

use std::ops::Bound;

use postroom_imap::command::Numbering;
use postroom_imap::command::search::{Search, SearchKey, SearchReturn};
use postroom_imap::response::Response;
use postroom_imap::response::mailbox::{Esearch, Searched};
use postroom_imap::sequence::SequenceSet;
use postroom_mail::date::Date;
use postroom_mail::identifier::ModSeq;
use postroom_mail::uid_set::UidSet;
use postroom_mailbox::search::{DateField, Days, Key, Needle, SearchError};
use postroom_mailbox::version::Version;

use super::reply::Failure;
use super::selected::Selected;
use super::work::Work;
use super::{Handled, ImapHost, reply};
use crate::authenticator::Authenticator;

impl From<SearchError> for Failure {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Read(error) => error.into(),
            SearchError::Pool(error) => {
                tracing::warn!(%error, "a search was not done");
                reply::UNAVAILABLE.into()
            }
        }
    }
}

impl<A: Authenticator> ImapHost<A> {
    /// SEARCH and UID SEARCH (RFC 9051 §6.4.4, RFC 3501 §6.4.4, RFC 4731).
    pub(super) async fn search(&mut self, search: Search) -> Handled {
        let account = self.account()?;
        let selected = self.selected()?;
        let tells_mod_seq = search.key.has_mod_seq();
        let key = translate(selected, search.key);
        let found = self
            .imap
            .mailboxes
            .search(account, &selected.seen, key)
            .await?;
        let numbers = match search.by {
            Numbering::Uid => found.clone(),
            Numbering::Sequence => selected
                .seen
                .of_uids(&found)
                .map(|(sequence, _)| sequence)
                .collect(),
        };
        let version = &selected.seen;
        let row = match &search.returns {
            None => Response::Search(Searched {
                numbers,
                mod_seq: tells_mod_seq.then(|| highest(version, &found)).flatten(),
            }),
            Some(returns) => {
                let mut esearch = extended(search.by, returns, numbers);
                if tells_mod_seq {
                    esearch.modseq = highest(version, &returned(returns, &found));
                }
                Response::Esearch(esearch)
            }
        };
        let wants = |option| search.returns.iter().flatten().any(|each| *each == option);
        let saves = wants(SearchReturn::Save);
        let only_saves = saves && search.returns.as_ref().is_some_and(|all| all.len() == 1);
        if saves {
            self.selected_mut()?.saved = Some(found);
        }
        let rows = if only_saves { Vec::new() } else { vec![row] };
        Ok(Work::ended(reply::DONE).with_rows(rows).by(search.by))
    }
}

/// The highest MODSEQ of some messages (RFC 7162 §3.1.6).
fn highest(version: &Version, uids: &UidSet) -> Option<ModSeq> {
    let messages = version.of_uids(uids);
    messages.map(|(_, placement)| placement.mod_seq).max()
}

/// The messages whose MODSEQ an ESEARCH tells: the first and last found where it tells of no
/// others (RFC 4731 §3.2).
fn returned(returns: &[SearchReturn], found: &UidSet) -> UidSet {
    let wants = |option| returns.contains(&option);
    let has_ends = wants(SearchReturn::Min) || wants(SearchReturn::Max);
    if !has_ends || wants(SearchReturn::All) || wants(SearchReturn::Count) {
        return found.clone();
    }
    let first = found.ranges().first().map(|range| *range.start());
    let last = found.ranges().last().map(|range| *range.end());
    let ends = [
        first.filter(|_| wants(SearchReturn::Min)),
        last.filter(|_| wants(SearchReturn::Max)),
    ];
    ends.into_iter().flatten().collect()
}

/// What RETURN asks for (RFC 4731 §3.1).
fn extended(by: Numbering, returns: &[SearchReturn], numbers: UidSet) -> Esearch {
    let wants = |option| returns.contains(&option);
    let first = numbers.ranges().first().map(|range| *range.start());
    let last = numbers.ranges().last().map(|range| *range.end());
    Esearch {
        by,
        min: first.filter(|_| wants(SearchReturn::Min)),
        max: last.filter(|_| wants(SearchReturn::Max)),
        count: wants(SearchReturn::Count).then(|| numbers.count()),
        all: wants(SearchReturn::All).then_some(numbers),
        modseq: None,
    }
}

/// A key of the wire as a key of mailboxes: what depends on the session is put in.
fn translate(selected: &Selected, key: SearchKey) -> Key {
    let many = |keys: Vec<SearchKey>| {
        keys.into_iter()
            .map(|key| translate(selected, key))
            .collect()
    };
    match key {
        SearchKey::All => Key::All,
        SearchKey::And(keys) => Key::And(many(keys)),
        SearchKey::Before(day) => Key::Date(DateField::Received, before(day)),
        SearchKey::Body(text) => Key::Body(Needle::new(&text)),
        SearchKey::Flag(flags) => Key::Flags(flags),
        SearchKey::Header { name, text } => Key::Header(name, Needle::new(&text)),
        SearchKey::Keyword(keyword) => Key::Keyword(keyword),
        SearchKey::Larger(octets) => Key::Larger(octets),
        SearchKey::ModSeq(since) => Key::ModSeq(since),
        SearchKey::Not(key) => Key::Not(Box::new(translate(selected, *key))),
        SearchKey::On(day) => Key::Date(DateField::Received, on(day)),
        SearchKey::Or(one, other) => Key::Or(
            Box::new(translate(selected, *one)),
            Box::new(translate(selected, *other)),
        ),
        SearchKey::Recent => Key::Uids(selected.recent().clone()),
        SearchKey::SentBefore(day) => Key::Date(DateField::Sent, before(day)),
        SearchKey::SentOn(day) => Key::Date(DateField::Sent, on(day)),
        SearchKey::SentSince(day) => Key::Date(DateField::Sent, since(day)),
        SearchKey::Sequence(set) => Key::Uids(sequences(selected, &set)),
        SearchKey::Since(day) => Key::Date(DateField::Received, since(day)),
        SearchKey::Smaller(octets) => Key::Smaller(octets),
        SearchKey::Text(text) => Key::Text(Needle::new(&text)),
        SearchKey::Uid(set) => Key::Uids(numbers(selected, &set, selected.last_uid())),
    }
}

/// UIDs of sequence numbers; numbers that are not there find nothing.
fn sequences(selected: &Selected, set: &SequenceSet) -> UidSet {
    match set {
        SequenceSet::Saved => numbers(selected, set, 0),
        SequenceSet::Ranges(_) => {
            let count = selected.seen.count();
            selected.seen.uids_of(&numbers(selected, set, count))
        }
    }
}

fn numbers(selected: &Selected, set: &SequenceSet, last: u32) -> UidSet {
    let saved = selected.saved.clone().unwrap_or_default();
    set.resolve(last, &saved)
}

fn before(day: Date) -> Days {
    (Bound::Unbounded, Bound::Excluded(day.days_since_1970()))
}

fn on(day: Date) -> Days {
    (
        Bound::Included(day.days_since_1970()),
        Bound::Included(day.days_since_1970()),
    )
}

fn since(day: Date) -> Days {
    (Bound::Included(day.days_since_1970()), Bound::Unbounded)
}
