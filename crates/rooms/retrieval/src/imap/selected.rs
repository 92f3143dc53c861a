//! The mailbox that a session has open, and what the session was told of it.

use std::sync::Arc;

use postroom_imap::command::fetch::FetchAttribute;
use postroom_imap::command::{Access, Expunges, Numbering};
use postroom_imap::response::Response;
use postroom_imap::response::fetch::{FetchItem, Fetched, MessageFlags};
use postroom_imap::response::mailbox::FlagList;
use postroom_imap::response::status::{Code, Completion};
use postroom_imap::sequence::SequenceSet;
use postroom_mail::flag::Keyword;
use postroom_mail::identifier::{ModSeq, Uid};
use postroom_mail::uid_set::UidSet;
use postroom_mailbox::delta::{Delta, without_expunges};
use postroom_mailbox::mailboxes::Place;
use postroom_mailbox::version::Version;
use postroom_mailbox::view::{Claim, View, Watch};
use postroom_store::error::ReadError;
use postroom_store::operation::STORABLE;
use postroom_store::row::Placement;

use super::dialect::Dialect;
use super::fetch::Fetching;
use super::reply::{self, Failure};
use super::resync::{Announced, Awareness, vanished_rows};
use super::work::Told;

/// A selected mailbox.
#[derive(Debug)]
pub(crate) struct Selected {
    view: Arc<View>,
    watch: Watch,
    pub(crate) dialect: Dialect,
    /// What the client knows.
    pub(crate) seen: Arc<Version>,
    /// Up to this MODSEQ the client was told of every change.
    told: ModSeq,
    pub(crate) access: Access,
    /// Keywords that the client was told of.
    pub(crate) names: Arc<[Keyword]>,
    /// UIDs that this session was the first to be told of.
    recent: UidSet,
    /// UIDs that the last SEARCH saved; nothing at first (RFC 5182 §2.1).
    pub(crate) saved: UidSet,
}

impl Selected {
    /// Opens a view; `None` when its mailbox is gone.
    pub(crate) fn open(view: Arc<View>, access: Access, dialect: Dialect) -> Option<Self> {
        let watch = view.watch();
        let seen = view.latest()?;
        let names = seen.keywords().into();
        let told = seen.mod_seq();
        let mut selected = Self {
            view,
            watch,
            dialect,
            seen,
            told,
            access,
            names,
            recent: UidSet::new(),
            saved: UidSet::new(),
        };
        selected.claim_recent();
        Some(selected)
    }

    /// Which mailbox it is.
    pub(crate) fn place(&self) -> Place {
        Place {
            account: self.view.account(),
            mailbox: self.view.mailbox(),
        }
    }

    /// Waits for the next version. Cancel safe.
    pub(crate) async fn changed(&mut self) {
        self.watch.changed().await;
    }

    /// The latest version; an empty one when the mailbox is gone, so that the client learns that
    /// all messages went.
    pub(crate) fn latest(&self) -> Arc<Version> {
        self.view.latest().unwrap_or_else(|| self.empty())
    }

    /// The latest version, with all that was committed before the call.
    pub(crate) async fn refresh(&self) -> Result<Arc<Version>, ReadError> {
        Ok(self.view.refresh().await?.unwrap_or_else(|| self.empty()))
    }

    fn empty(&self) -> Arc<Version> {
        if self.seen.count() == 0 {
            return Arc::clone(&self.seen);
        }
        Arc::new(Version::new(self.seen.mailbox().clone(), &[]))
    }

    /// Whether messages may be changed.
    pub(crate) fn writable(&self) -> Result<(), Failure> {
        match self.access {
            Access::ReadWrite => Ok(()),
            Access::ReadOnly => Err(reply::READ_ONLY.into()),
        }
    }

    /// The UIDs that a client means, of messages that it knows.
    ///
    /// A sequence number above EXISTS is an error, a UID that is not there is none
    /// (RFC 9051 §6.4.9). `*` in an empty mailbox stands for nothing.
    pub(crate) fn uids(&self, by: Numbering, set: &SequenceSet) -> Result<UidSet, Failure> {
        if let SequenceSet::Saved = set {
            return Ok(self.saved.clone());
        }
        let none = UidSet::new();
        match by {
            Numbering::Uid => Ok(set.resolve(self.last_uid(), &none)),
            Numbering::Sequence => {
                let count = self.seen.count();
                if set.highest() > Some(count) && !(count == 0 && set.has_last()) {
                    return Err(reply::NO_MESSAGE.into());
                }
                Ok(self.seen.uids_of(&set.resolve(count, &none)))
            }
        }
    }

    /// UIDs that a client means of messages that are or were there: `*` is the highest given.
    pub(crate) fn uids_ever(&self, set: &SequenceSet) -> UidSet {
        set.resolve(self.seen.uid_next() - 1, &self.saved)
    }

    /// UIDs of messages that the client knows and that changed after a MODSEQ.
    pub(crate) fn changed_since(&self, since: ModSeq) -> UidSet {
        let latest = self.latest();
        // What the client still counts though it went is as the client knows it.
        latest
            .changed_since(since)
            .union(&self.seen.changed_since(since))
    }

    /// The highest UID that the client knows; zero in an empty mailbox.
    pub(crate) fn last_uid(&self) -> u32 {
        self.seen.last_uid().map_or(0, Uid::number)
    }

    /// UIDs of the messages that are `\Recent` here.
    pub(crate) fn recent(&self) -> &UidSet {
        &self.recent
    }

    /// How many of the messages that the client knows are `\Recent`.
    pub(crate) fn recent_count(&self) -> u32 {
        let count = self.seen.of_uids(&self.recent).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Up to which MODSEQ the client was told of every change: HIGHESTMODSEQ for this client. It
    /// stands still while an EXPUNGE is withheld, so that whoever comes back from there hears of
    /// it (RFC 7162 §3.2).
    pub(crate) fn told(&self) -> ModSeq {
        self.told
    }

    /// Whether an EXPUNGE is withheld.
    pub(crate) fn is_behind(&self) -> bool {
        self.told < self.seen.mod_seq()
    }

    /// UID, flags and MODSEQ of messages that the client knows (RFC 7162 §3.2.4).
    pub(crate) fn flag_rows(&self, uids: &UidSet) -> Fetching {
        let attributes = vec![FetchAttribute::Flags, FetchAttribute::ModSeq];
        Fetching::new(self, Arc::clone(&self.seen), Numbering::Uid, uids)
            .with_attributes(attributes)
    }

    /// RECENT, where the session knows of such (RFC 3501 §7.3.2).
    pub(crate) fn recent_row(&self) -> Option<Response> {
        (!self.dialect.is_rev2).then(|| Response::Recent(self.recent_count()))
    }

    /// The flags of a message as FETCH tells them.
    pub(crate) fn flags(&self, placement: &Placement) -> MessageFlags {
        MessageFlags {
            system: placement.flags,
            is_recent: !self.dialect.is_rev2 && self.recent.contains(placement.uid.number()),
            keywords: placement.keywords,
            names: Arc::clone(&self.names),
        }
    }

    /// FLAGS (RFC 9051 §7.3.5).
    pub(crate) fn flag_list(&self) -> Response {
        Response::Flags(FlagList {
            system: STORABLE,
            keywords: Arc::clone(&self.names),
            is_open: false,
        })
    }

    /// PERMANENTFLAGS (RFC 9051 §7.1): all flags last, and new keywords may be made; none may be
    /// changed where the mailbox is open for reading only.
    pub(crate) fn permanent_flags(&self) -> Response {
        let flags = match self.access {
            Access::ReadWrite => FlagList {
                system: STORABLE,
                keywords: Arc::clone(&self.names),
                is_open: true,
            },
            Access::ReadOnly => FlagList {
                system: postroom_mail::flag::SystemFlags::NONE,
                keywords: Arc::default(),
                is_open: false,
            },
        };
        Response::Status(Completion::ok("Flags that last").with(Code::PermanentFlags(flags)))
    }

    /// Learns the keywords of a version; tells them if there are new ones.
    pub(crate) fn learn_keywords(&mut self, version: &Version) -> Vec<Response> {
        if version.keywords().len() <= self.names.len() {
            return Vec::new();
        }
        self.names = version.keywords().into();
        vec![self.flag_list(), self.permanent_flags()]
    }

    /// Moves on to `latest` and returns what the client must hear of it, but for what the command
    /// told already.
    pub(crate) fn advance(
        &mut self,
        latest: &Arc<Version>,
        expunges: Expunges,
        awareness: Awareness,
        told: Option<&Told>,
    ) -> Announcement {
        let next = match expunges {
            Expunges::Allowed => Arc::clone(latest),
            Expunges::Withheld => without_expunges(&self.seen, latest),
        };
        let mut delta = Delta::between(&self.seen, &next);
        delta.changed.retain(|&sequence| {
            next.at(sequence)
                .is_some_and(|now| self.must_hear(now, awareness, told))
        });
        let head = self.learn_keywords(&next);
        if Arc::ptr_eq(&next, latest) {
            self.told = latest.mod_seq();
        }
        self.seen = next;
        if delta.exists.is_some() {
            self.claim_recent();
        }
        let gone: Vec<Response> = match awareness {
            Awareness::Vanished => vanished_rows(Announced::Now, &delta.vanished),
            Awareness::Plain | Awareness::ModSeqs => delta
                .expunged
                .iter()
                .copied()
                .map(Response::Expunge)
                .collect(),
        };
        Announcement {
            head,
            has_gone: !delta.expunged.is_empty(),
            gone: gone.into_iter(),
            exists: delta.exists,
            changed: std::mem::take(&mut delta.changed).into_iter(),
            awareness,
        }
    }

    /// Whether a message is not as the client knows it.
    fn must_hear(&self, now: &Placement, awareness: Awareness, told: Option<&Told>) -> bool {
        let told = told
            .filter(|told| told.uids.contains(now.uid.number()))
            .and_then(|told| told.version.find(now.uid));
        let Some((_, known)) = told.or_else(|| self.seen.find(now.uid)) else {
            return false;
        };
        if awareness.has_mod_seqs() {
            known.mod_seq != now.mod_seq
        } else {
            known.flags != now.flags || known.keywords != now.keywords
        }
    }

    fn claim_recent(&mut self) {
        let claim = match self.access {
            Access::ReadOnly => Claim::Look,
            Access::ReadWrite => Claim::Take,
        };
        // Not UIDNEXT of the version: a message that this session is not told of yet stays
        // recent for whoever is told first.
        let next = self.last_uid().saturating_add(1);
        let from = self.view.recent_from(next, claim);
        if from < next {
            let mut ranges = self.recent.ranges().to_vec();
            ranges.push(from..=next - 1);
            self.recent = UidSet::from_ranges(ranges);
        }
    }
}

/// What a client has yet to hear of its mailbox.
#[derive(Debug)]
pub(crate) struct Announcement {
    head: Vec<Response>,
    has_gone: bool,
    gone: std::vec::IntoIter<Response>,
    exists: Option<u32>,
    changed: std::vec::IntoIter<u32>,
    awareness: Awareness,
}

impl Announcement {
    /// Whether messages went.
    pub(crate) fn has_gone(&self) -> bool {
        self.has_gone
    }

    /// Adds at most `rows_max` responses; false when there are none left.
    ///
    /// The order keeps numbers right: first what went, then how many there are, then flags by the
    /// new numbers (RFC 9051 §7.4.1, §7.5.1).
    pub(crate) fn page(
        &mut self,
        selected: &Selected,
        by: Numbering,
        rows: &mut Vec<Response>,
        rows_max: usize,
    ) -> bool {
        rows.append(&mut self.head);
        while rows.len() < rows_max {
            if let Some(gone) = self.gone.next() {
                rows.push(gone);
            } else if let Some(exists) = self.exists.take() {
                rows.push(Response::Exists(exists));
                rows.extend(selected.recent_row());
            } else if let Some(sequence) = self.changed.next() {
                rows.extend(flag_row(selected, by, self.awareness, sequence));
            } else {
                return false;
            }
        }
        true
    }
}

/// The flags of one message, with its UID where the command spoke of UIDs (RFC 9051 §6.4.9), and
/// with both UID and MODSEQ for a client that is aware of them (RFC 7162 §3.2.4). IMAP4rev2 has the
/// UID always (RFC 9051 §7.5.2).
fn flag_row(
    selected: &Selected,
    by: Numbering,
    awareness: Awareness,
    sequence: u32,
) -> Option<Response> {
    let placement = selected.seen.at(sequence)?;
    let mut items = Vec::with_capacity(3);
    if by == Numbering::Uid || awareness.has_mod_seqs() || selected.dialect.is_rev2 {
        items.push(FetchItem::Uid(placement.uid));
    }
    items.push(FetchItem::Flags(selected.flags(placement)));
    if awareness.has_mod_seqs() {
        items.push(FetchItem::ModSeq(placement.mod_seq));
    }
    Some(Response::Fetch(Fetched { sequence, items }))
}
