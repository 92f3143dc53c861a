//! CONDSTORE and QRESYNC (RFC 7162): what a client hears of MODSEQs, and how it catches up.

use postroom_imap::capability::Extension;
use postroom_imap::command::Request;
use postroom_imap::command::resync::{KnownState, Sample};
use postroom_imap::response::Response;
use postroom_imap::response::mailbox::Vanished;
use postroom_mail::identifier::ModSeq;
use postroom_mail::uid_set::UidSet;
use postroom_mailbox::version::Version;

use super::reply::Failure;
use super::selected::Selected;
use super::work::Work;
use super::{ImapHost, reply};
use crate::authenticator::Authenticator;

/// Ranges in one VANISHED response: some 10,000 octets of line at most.
const VANISHED_RANGES_MAX: usize = 512;

/// What a client is told of changes. It never goes back (RFC 7162 §3.1, §3.2.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Awareness {
    /// Flags, and EXPUNGE.
    #[default]
    Plain,
    /// MODSEQ and UID besides, in every FETCH response.
    ModSeqs,
    /// And VANISHED in place of EXPUNGE.
    Vanished,
}

impl Awareness {
    /// Whether MODSEQs are told.
    pub(crate) fn has_mod_seqs(self) -> bool {
        self >= Self::ModSeqs
    }
}

impl<A: Authenticator> ImapHost<A> {
    /// Notes what a command shows of its client. The first that shows a client to be aware of
    /// MODSEQs is answered with the highest (RFC 7162 §3.1); SELECT tells that of the mailbox it
    /// opens.
    pub(super) fn heed(&mut self, request: &Request) -> Option<Response> {
        let wanted = match request {
            Request::Enable(extensions) if extensions.contains(&Extension::QResync) => {
                Awareness::Vanished
            }
            _ if request.wants_mod_seq() => Awareness::ModSeqs,
            _ => Awareness::Plain,
        };
        let before = self.awareness;
        self.awareness = before.max(wanted);
        let is_first = self.awareness.has_mod_seqs() && !before.has_mod_seqs();
        if !is_first || matches!(request, Request::Select(_)) {
            return None;
        }
        let selected = self.selected.as_ref()?;
        Some(reply::highest(selected.told()))
    }

    /// VANISHED is told to those who enabled QRESYNC only (RFC 7162 §3.2.3).
    pub(super) fn knows_vanished(&self) -> Result<(), Failure> {
        match self.awareness {
            Awareness::Vanished => Ok(()),
            Awareness::Plain | Awareness::ModSeqs => Err(reply::ENABLE_FIRST.into()),
        }
    }

    /// What a client that comes back has missed: what went, then flags (RFC 7162 §3.2.5.1).
    /// Nothing in another epoch.
    pub(super) async fn catch_up(
        &self,
        selected: &Selected,
        known: &KnownState,
        work: Work,
    ) -> Result<Work, Failure> {
        let version = &selected.seen;
        if known.uid_validity != version.uid_validity() {
            return Ok(work);
        }
        let ever = UidSet::from_ranges([1..=version.uid_next() - 1]);
        let wanted = known.uids.as_ref().unwrap_or(&ever);
        let mut vanished = self.vanished(selected, known.mod_seq, wanted).await?;
        if let Some(matched) = known.sample.as_ref().and_then(|s| last_match(version, s)) {
            vanished = vanished.difference(&UidSet::from_ranges([1..=matched]));
        }
        let changed = version.changed_since(known.mod_seq).intersection(wanted);
        Ok(work
            .and_rows(vanished_rows(Announced::Earlier, &vanished))
            .with_fetch(selected.flag_rows(&changed)))
    }

    /// UIDs of `wanted` that went after `since`, without those that the client still counts.
    ///
    /// Below what the store remembers: all that are not there (RFC 7162 §3.2.6).
    pub(super) async fn vanished(
        &self,
        selected: &Selected,
        since: ModSeq,
        wanted: &UidSet,
    ) -> Result<UidSet, Failure> {
        if since >= selected.latest().mod_seq() {
            return Ok(UidSet::new());
        }
        let place = selected.place();
        let store = self.mailboxes().store();
        let gone = store.expunged_since(place.account, place.mailbox, since);
        let Some(gone) = gone.await? else {
            return Ok(UidSet::new());
        };
        let asked = if since < gone.floor {
            let ever = UidSet::from_ranges([1..=selected.seen.uid_next() - 1]);
            wanted.intersection(&ever)
        } else {
            wanted.intersection(&gone.uids)
        };
        Ok(selected.seen.absent(&asked))
    }
}

/// The highest UID of a sample that still stands where the client knows it: up to there the
/// client knows all that went (RFC 7162 §3.2.5.2).
fn last_match(version: &Version, sample: &Sample) -> Option<u32> {
    version
        .of_sequences(&sample.sequences)
        .map(|(_, placement)| placement.uid.number())
        .zip(sample.uids.iter())
        .filter(|(there, known)| there == known)
        .last()
        .map(|(_, uid)| uid)
}

/// Whether a client counted the messages that went until it heard of it (RFC 7162 §3.2.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Announced {
    /// It counts them no longer, or never did.
    Earlier,
    /// It counts them, and takes them off now.
    Now,
}

/// VANISHED of a set, in lines of bearable length.
pub(super) fn vanished_rows(announced: Announced, uids: &UidSet) -> Vec<Response> {
    uids.ranges()
        .chunks(VANISHED_RANGES_MAX)
        .map(|ranges| {
            Response::Vanished(Vanished {
                is_earlier: announced == Announced::Earlier,
                uids: UidSet::from_ranges(ranges.iter().cloned()),
            })
        })
        .collect()
}
