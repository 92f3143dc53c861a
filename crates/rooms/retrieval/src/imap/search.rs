//! SEARCH.

use std::ops::Bound;

use postroom_imap::command::Numbering;
use postroom_imap::command::search::{CharsetSpec, Search, SearchKey, SearchReturn};
use postroom_imap::response::Response;
use postroom_imap::response::mailbox::{Esearch, Searched};
use postroom_imap::sequence::SequenceSet;
use postroom_mail::date::Date;
use postroom_mail::identifier::ModSeq;
use postroom_mail::uid_set::UidSet;
use postroom_mailbox::search::{DateField, Days, Key, Needle, SearchError};
use postroom_mailbox::version::Version;
use postroom_runtime::clock::Timestamp;

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

/// Ranges of UIDs that a session keeps as `$`; a result of more is refused with NOTSAVED
/// (RFC 5182 §2.5).
const SAVED_RANGES_MAX: usize = 64 * 1024;

impl<A: Authenticator> ImapHost<A> {
    /// SEARCH and UID SEARCH (RFC 9051 §6.4.4, RFC 3501 §6.4.4, RFC 4731, RFC 5182).
    pub(super) async fn search(&mut self, mut search: Search) -> Handled {
        if self.dialect.accepts_utf8 && search.charset != CharsetSpec::Unsaid {
            return Err(reply::CHARSET_SETTLED.into());
        }
        if self.dialect.is_rev2 && search.returns.is_none() {
            search.returns = Some(vec![SearchReturn::All]);
        }
        let (by, returns) = (search.by, search.returns.clone());
        let tells_mod_seq = search.key.has_mod_seq();
        let found = self.found(search).await;
        let wants = |option| returns.iter().flatten().any(|each| *each == option);
        if wants(SearchReturn::Save) {
            self.save(returns.as_deref().unwrap_or_default(), &found)?;
        }
        let found = found?;
        let selected = self.selected()?;
        let version = &selected.seen;
        let numbers = match by {
            Numbering::Uid => found.clone(),
            Numbering::Sequence => version.of_uids(&found).map(|(number, _)| number).collect(),
        };
        let row = match &returns {
            None => Response::Search(Searched {
                numbers,
                mod_seq: tells_mod_seq.then(|| highest(version, &found)).flatten(),
            }),
            Some(returns) => {
                let mut esearch = extended(by, returns, numbers);
                if tells_mod_seq {
                    esearch.modseq = highest(version, &returned(returns, &found));
                }
                Response::Esearch(esearch)
            }
        };
        let only_saves = returns.as_deref() == Some(&[SearchReturn::Save]);
        let rows = if only_saves { Vec::new() } else { vec![row] };
        Ok(Work::ended(reply::DONE).with_rows(rows).by(by))
    }

    /// The UIDs of the messages that are searched for, of those that the client knows.
    pub(super) async fn found(&self, search: Search) -> Result<UidSet, Failure> {
        if search.charset == CharsetSpec::Unknown {
            return Err(reply::BAD_CHARSET.into());
        }
        let selected = self.selected()?;
        let key = translate(selected, self.mailboxes().now(), search.key);
        let mailboxes = self.mailboxes();
        let found = mailboxes.search(self.account()?, &selected.seen, key);
        Ok(found.await?)
    }

    /// Keeps a result as `$`: nothing, where the search failed (RFC 5182 §2.1).
    fn save(
        &mut self,
        returns: &[SearchReturn],
        found: &Result<UidSet, Failure>,
    ) -> Result<(), Failure> {
        let kept = match found {
            Ok(found) => returned(returns, found),
            Err(_) => UidSet::new(),
        };
        let is_too_much = kept.ranges().len() > SAVED_RANGES_MAX;
        self.selected_mut()?.saved = if is_too_much { UidSet::new() } else { kept };
        if is_too_much {
            return Err(reply::NOT_SAVED.into());
        }
        Ok(())
    }
}

/// The highest MODSEQ of some messages (RFC 7162 §3.1.6).
pub(super) fn highest(version: &Version, uids: &UidSet) -> Option<ModSeq> {
    let messages = version.of_uids(uids);
    messages.map(|(_, placement)| placement.mod_seq).max()
}

/// The messages whose MODSEQ an ESEARCH tells, and that `$` keeps: the first and last found where
/// it tells of no others (RFC 4731 §3.2, RFC 5182 §2.4).
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
fn translate(selected: &Selected, now: Timestamp, key: SearchKey) -> Key {
    let many = |keys: Vec<SearchKey>| {
        keys.into_iter()
            .map(|key| translate(selected, now, key))
            .collect()
    };
    let ago = |seconds: u32| now.unix_seconds().saturating_sub(seconds.into());
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
        SearchKey::Not(key) => Key::Not(Box::new(translate(selected, now, *key))),
        SearchKey::Older(seconds) => Key::Moment((Bound::Unbounded, Bound::Included(ago(seconds)))),
        SearchKey::On(day) => Key::Date(DateField::Received, on(day)),
        SearchKey::Or(one, other) => Key::Or(
            Box::new(translate(selected, now, *one)),
            Box::new(translate(selected, now, *other)),
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
        SearchKey::Younger(seconds) => {
            Key::Moment((Bound::Included(ago(seconds)), Bound::Unbounded))
        }
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
    set.resolve(last, &selected.saved)
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
