//! STORE.

use std::sync::Arc;

use postroom_imap::command::fetch::FetchAttribute;
use postroom_imap::command::{Numbering, Store};
use postroom_imap::response::status::{Code, Completion};
use postroom_mail::flag::{FlagChange, Flags, Keyword, KeywordSet, SystemFlags};
use postroom_mail::identifier::ModSeq;
use postroom_mail::uid_set::UidSet;
use postroom_mailbox::mailboxes::FlagStore;
use postroom_mailbox::version::Version;
use postroom_store::row::Placement;

use super::fetch::Fetching;
use super::reply::Failure;
use super::selected::Selected;
use super::work::Work;
use super::{Handled, ImapHost, reply};
use crate::authenticator::Authenticator;

/// Times that a conditional STORE is tried again for messages of which other flags changed.
const RETRIES_MAX: usize = 3;

impl<A: Authenticator> ImapHost<A> {
    /// STORE and UID STORE (RFC 9051 §6.4.6, RFC 7162 §3.1.3).
    pub(super) async fn store(&mut self, store: Store) -> Handled {
        let selected = self.selected()?;
        selected.writable()?;
        let uids = selected.uids(store.by, &store.set)?;
        if uids.is_empty() {
            return Ok(Work::ended(reply::DONE).by(store.by));
        }
        let modified = self.change_flags(&store, &uids).await?;
        let awareness = self.awareness;
        let selected = self.selected_mut()?;
        let latest = selected.refresh().await?;
        let expected = as_expected(&selected.seen, &latest, &uids, &store).difference(&modified);
        let work = Work::ended(stored(selected, store.by, modified)).by(store.by);
        if store.is_silent && !awareness.has_mod_seqs() {
            return Ok(work.having_told(expected, latest));
        }
        let rows = selected.learn_keywords(&latest);
        let mut attributes = vec![FetchAttribute::Flags];
        let mut besides = UidSet::new();
        if awareness.has_mod_seqs() {
            attributes = vec![
                FetchAttribute::Uid,
                FetchAttribute::Flags,
                FetchAttribute::ModSeq,
            ];
        }
        if store.is_silent {
            // The client knows the flags, but not the MODSEQ of its change (RFC 7162 §3.1.3).
            attributes.retain(|attribute| *attribute != FetchAttribute::Flags);
            besides = uids.difference(&expected);
        }
        let mut shown = uids.clone();
        if store.is_silent && store.unchanged_since.is_none() {
            shown = shown.intersection(&latest.changed_since(selected.told()));
        }
        let fetching = Fetching::new(selected, Arc::clone(&latest), store.by, &shown)
            .with_attributes(attributes)
            .with_flags_of(besides, awareness);
        Ok(work
            .with_rows(rows)
            .with_fetch(fetching)
            .having_told(uids, latest))
    }

    /// Changes the flags; returns the UIDs that UNCHANGEDSINCE left alone.
    ///
    /// Where flags are added or removed, a message of which only others changed meanwhile is tried
    /// again: its client asked about these alone (RFC 7162 §3.1.12).
    async fn change_flags(&self, store: &Store, uids: &UidSet) -> Result<UidSet, Failure> {
        let place = self.selected()?.place();
        let wish = |uids: &UidSet, unchanged_since| FlagStore {
            uids: uids.clone(),
            change: store.change,
            flags: store.flags.clone(),
            unchanged_since,
        };
        let mailboxes = self.mailboxes();
        let mut modified = mailboxes
            .store_flags(place, wish(uids, store.unchanged_since))
            .await?;
        let Some(since) = store.unchanged_since else {
            return Ok(modified);
        };
        for _ in 0..RETRIES_MAX {
            if modified.is_empty() || store.change == FlagChange::Replace {
                break;
            }
            let selected = self.selected()?;
            let latest = selected.refresh().await?;
            let spurious = untouched(&selected.seen, &latest, &modified, &store.flags, since);
            if spurious.is_empty() {
                break;
            }
            let again = wish(&spurious, Some(latest.mod_seq()));
            let refused = mailboxes.store_flags(place, again).await?;
            modified = modified.difference(&spurious).union(&refused);
        }
        Ok(modified)
    }
}

/// How STORE ends: with the numbers of what it left alone (RFC 7162 §3.1.3).
fn stored(selected: &Selected, by: Numbering, modified: UidSet) -> Completion {
    let numbers = match by {
        Numbering::Uid => modified,
        Numbering::Sequence => {
            let found = selected.seen.of_uids(&modified);
            found.map(|(sequence, _)| sequence).collect()
        }
    };
    if numbers.is_empty() {
        return reply::DONE;
    }
    reply::MODIFIED.with(Code::Modified(numbers))
}

/// Those of `modified` that the client knew as they were at `since`, and of which none of these
/// flags has changed from then to `new`.
fn untouched(
    old: &Version,
    new: &Version,
    modified: &UidSet,
    flags: &Flags,
    since: ModSeq,
) -> UidSet {
    let keywords = numbers_of(new.keywords(), flags);
    let is_same = |before: &Placement, after: &Placement| {
        let differing = SystemFlags(before.flags.0 ^ after.flags.0);
        differing.0 & flags.system.0 == 0
            && keywords
                .indices()
                .all(|number| before.keywords.contains(number) == after.keywords.contains(number))
    };
    old.of_uids(modified)
        .filter(|(_, before)| before.mod_seq <= since)
        .filter(|(_, before)| {
            new.find(before.uid)
                .is_some_and(|(_, after)| is_same(before, after))
        })
        .map(|(_, before)| before.uid.number())
        .collect()
}

/// Messages whose flags are now what a client makes of its own change, so that `.SILENT` holds
/// for them; what another session changed besides is told.
fn as_expected(old: &Version, new: &Arc<Version>, uids: &UidSet, store: &Store) -> UidSet {
    let flags = &store.flags;
    let named = numbers_of(new.keywords(), flags);
    let is_expected = |before: &Placement| {
        let (system, keywords) = match store.change {
            FlagChange::Replace => (flags.system, named),
            FlagChange::Add => (
                before.flags.with(flags.system),
                before.keywords.with(&named),
            ),
            FlagChange::Remove => (
                before.flags.without(flags.system),
                before.keywords.without(&named),
            ),
        };
        new.find(before.uid)
            .is_some_and(|(_, after)| after.flags == system && after.keywords == keywords)
    };
    old.of_uids(uids)
        .filter(|(_, before)| is_expected(before))
        .map(|(_, before)| before.uid.number())
        .collect()
}

/// The numbers of the keywords among some flags, as far as they have one.
fn numbers_of(known: &[Keyword], flags: &Flags) -> KeywordSet {
    let mut numbers = KeywordSet::NONE;
    for keyword in &flags.keywords {
        if let Some(number) = known.iter().position(|each| each == keyword) {
            numbers.insert(number);
        }
    }
    numbers
}
