//! A command that is being answered, page by page.

use postroom_imap::command::{Expunges, Numbering};
use postroom_imap::question::Answer;
use postroom_imap::response::Response;
use postroom_imap::response::status::Completion;
use postroom_mail::uid_set::UidSet;

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
    /// Messages whose flags the client knows.
    known: UidSet,
    end: End,
}

/// How the last page is marked.
#[derive(Debug)]
enum End {
    /// By how the command ended.
    Command(Completion),
    /// As all that changed while the client idles.
    Poll,
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
            known: UidSet::new(),
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

    /// With rows of FETCH after them.
    #[must_use]
    pub(crate) fn with_fetch(mut self, fetching: Fetching) -> Self {
        self.fetching = Some(Box::new(fetching));
        self
    }

    /// Without the flags of these messages among what changed.
    #[must_use]
    pub(crate) fn knowing(mut self, known: UidSet) -> Self {
        self.known = known;
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
                    }
                }
                Err(failure) => work.end = End::Command(*failure.0),
            }
            work.fetching = None;
        }
        if work.fetching.is_some() {
            return self.paused(work, rows);
        }
        if let Some(selected) = &mut self.selected {
            let latest = selected.latest();
            let announcement = work
                .announcement
                .get_or_insert_with(|| selected.advance(&latest, work.expunges, &work.known));
            if announcement.page(selected, work.by, &mut rows, ROWS_PAGE_MAX) {
                return self.paused(work, rows);
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
