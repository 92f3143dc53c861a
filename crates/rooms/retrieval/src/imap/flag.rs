//! STORE.

use std::sync::Arc;

use postroom_imap::command::Store;
use postroom_imap::command::fetch::FetchAttribute;
use postroom_mail::flag::{FlagChange, Flags, Keyword, KeywordSet};
use postroom_mail::uid_set::UidSet;
use postroom_mailbox::version::Version;
use postroom_store::row::Placement;

use super::fetch::Fetching;
use super::work::Work;
use super::{Handled, ImapHost, reply};
use crate::authenticator::Authenticator;

impl<A: Authenticator> ImapHost<A> {
    /// STORE and UID STORE (RFC 9051 §6.4.6).
    pub(super) async fn store(&mut self, store: Store) -> Handled {
        let selected = self.selected()?;
        selected.writable()?;
        if store.unchanged_since.is_some() {
            return Err(reply::NOT_OFFERED.into());
        }
        let uids = selected.uids(store.by, &store.set)?;
        if uids.is_empty() {
            return Ok(Work::ended(reply::DONE).by(store.by));
        }
        let place = selected.place();
        self.mailboxes()
            .store_flags(place, uids.clone(), store.change, store.flags.clone())
            .await?;
        let selected = self.selected_mut()?;
        let latest = selected.refresh().await?;
        if store.is_silent {
            let known = as_expected(&selected.seen, &latest, &uids, store.change, &store.flags);
            return Ok(Work::ended(reply::DONE).knowing(known).by(store.by));
        }
        let rows = selected.learn_keywords(&latest);
        let fetching = Fetching::new(selected, latest, store.by, &uids)
            .with_attributes(vec![FetchAttribute::Flags]);
        Ok(Work::ended(reply::DONE)
            .with_rows(rows)
            .with_fetch(fetching)
            .knowing(uids)
            .by(store.by))
    }
}

/// Messages whose flags are now what a client makes of its own change, so that `.SILENT` holds
/// for them; what another session changed besides is told.
fn as_expected(
    old: &Version,
    new: &Arc<Version>,
    uids: &UidSet,
    change: FlagChange,
    flags: &Flags,
) -> UidSet {
    let mut named = KeywordSet::NONE;
    for keyword in &flags.keywords {
        if let Some(number) = number_of(new.keywords(), keyword) {
            named.insert(number);
        }
    }
    let is_expected = |before: &Placement| {
        let (system, keywords) = match change {
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

fn number_of(keywords: &[Keyword], wanted: &Keyword) -> Option<usize> {
    keywords.iter().position(|keyword| keyword == wanted)
}
