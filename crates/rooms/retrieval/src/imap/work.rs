//! A command that is being answered, page by page.

use std::sync::Arc;

use postroom_imap::command::{Expunges, Numbering};
use postroom_imap::question::Answer;
use postroom_imap::response::Response;
use postroom_imap::response::status::{Code, Completion, Status};
use postroom_mail::identifier::ModSeq;
use postroom_mail::uid_set::UidSet;
use postroom_mailbox::version::Version;

use super::ImapHost;
use super::fetch::Fetching;
use super::reply;
use super::selected::Announcement;
use crate::authenticator::Authenticator;

/// Responses in one page; a few dozen octets each, except those of FETCH, which count their own.
pub(crate) const ROWS_PAGE_MAX: usize = 256;

/// What is left to say of one command.
#[derive(Debug)]
pub(crate) struct Work {
    rows: std::vec::IntoIter<Response>,
    fetching: Option<Box<Fetching>>,
    /// What changed in the mailbox; found out once the rows are told.
    announcement: Option<Announcement>,
    expunges: Expunges,
    by: Numbering,
    /// Messages that the rows tell of.
    told: Option<Told>,
    /// Whether a client that is aware of MODSEQs must hear the highest.
    tells_highest: bool,
    end: End,
}

/// Messages of which a command told all that a client hears of changes.
#[derive(Debug)]
pub(crate) struct Told {
    /// Which.
    pub(crate) uids: UidSet,
    /// As they stood in this version.
    pub(crate) version: Arc<Version>,
}

/// How the last page is marked.
#[derive(Debug)]
enum End {
    /// By how the command ended.
    Command(Completion),
    /// As all that changed while the client idles.
    Poll,
}

impl End {
    /// With the highest MODSEQ in the tagged OK, or in a row where that has no place for it
    /// (RFC 7162 §3.2.7, §6).
    fn telling(self, mod_seq: ModSeq, rows: &mut Vec<Response>) -> Self {
        match self {
            Self::Command(completion)
                if completion.status == Status::Ok && completion.code.is_none() =>
            {
                Self::Command(completion.with(Code::HighestModSeq(mod_seq)))
            }
            other => {
                rows.push(reply::highest(mod_seq));
                other
            }
        }
    }
}

impl Work {
    /// A command that ends so, without responses of its own.
    pub(crate) fn ended(completion: Completion) -> Self {
        Self {
            rows: Vec::new().into_iter(),
            fetching: None,
            announcement: None,
            expunges: Expunges::Allowed,
            by: Numbering::Sequence,
            told: None,
            tells_highest: false,
            end: End::Command(completion),
        }
    }

    /// What changed, for a client that idles.
    pub(crate) fn poll() -> Self {
        Self {
            end: End::Poll,
            ..Self::ended(reply::DONE)
        }
    }

    /// With these responses first.
    #[must_use]
    pub(crate) fn with_rows(mut self, rows: Vec<Response>) -> Self {
        self.rows = rows.into_iter();
        self
    }

    /// With these responses after the others.
    #[must_use]
    pub(crate) fn and_rows(mut self, rows: Vec<Response>) -> Self {
        self.rows = self.rows.chain(rows).collect::<Vec<_>>().into_iter();
        self
    }

    /// With this response before all others.
    #[must_use]
    pub(crate) fn after(mut self, row: Option<Response>) -> Self {
        self.rows = row
            .into_iter()
            .chain(self.rows)
            .collect::<Vec<_>>()
            .into_iter();
        self
    }

    /// With rows of FETCH after them.
    #[must_use]
    pub(crate) fn with_fetch(mut self, fetching: Fetching) -> Self {
        self.fetching = Some(Box::new(fetching));
        self
    }

    /// Without these messages among what changed, unless they changed once more.
    #[must_use]
    pub(crate) fn having_told(mut self, uids: UidSet, version: Arc<Version>) -> Self {
        self.told = Some(Told { uids, version });
        self
    }

    /// With the highest MODSEQ at its end, where something went by this command (RFC 7162 §3.2.7,
    /// RFC 6851 §4.4).
    #[must_use]
    pub(crate) fn telling_highest(mut self, tells_highest: bool) -> Self {
        self.tells_highest = tells_highest;
        self
    }

    /// Answering a command with such numbers.
    #[must_use]
    pub(crate) fn by(mut self, by: Numbering) -> Self {
        self.by = by;
        self
    }

    /// With or without EXPUNGE responses.
    #[must_use]
    pub(crate) fn telling(mut self, expunges: Expunges) -> Self {
        self.expunges = expunges;
        self
    }
}

impl<A: Authenticator> ImapHost<A> {
    /// Says the next page of `work`, and keeps what is left of it.
    pub(crate) async fn page(&mut self, mut work: Work) -> Answer {
        self.streams.clear();
        let mut rows: Vec<Response> = work.rows.by_ref().take(ROWS_PAGE_MAX).collect();
        if work.rows.len() > 0 {
            return self.paused(work, rows);
        }
        if let Some(fetching) = &mut work.fetching
            && rows.is_empty()
        {
            match self.fetch_page(fetching, &mut rows).await {
                Ok(true) => return self.paused(work, rows),
                Ok(false) => {
                    if let Some(trouble) = fetching.trouble() {
                        work.end = End::Command(trouble);
                        // Not all of them were told.
                        work.told = None;
                    }
                }
                Err(failure) => work.end = End::Command(*failure.0),
            }
            work.fetching = None;
        }
        if work.fetching.is_some() {
            return self.paused(work, rows);
        }
        let awareness = self.awareness;
        if let Some(selected) = &mut self.selected {
            let latest = selected.latest();
            let announcement = work.announcement.get_or_insert_with(|| {
                selected.advance(&latest, work.expunges, awareness, work.told.as_ref())
            });
            if announcement.page(selected, work.by, &mut rows, ROWS_PAGE_MAX) {
                return self.paused(work, rows);
            }
            let must_tell = announcement.has_gone() || selected.is_behind() || work.tells_highest;
            if awareness.has_mod_seqs() && must_tell {
                work.end = work.end.telling(selected.told(), &mut rows);
            }
        }
        match work.end {
            End::Command(completion) => Answer::Done(rows, completion),
            End::Poll => Answer::Changes(rows),
        }
    }

    fn paused(&mut self, work: Work, rows: Vec<Response>) -> Answer {
        self.work = Some(work);
        Answer::Page(rows)
    }
}
