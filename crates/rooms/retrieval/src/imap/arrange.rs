//! SORT and THREAD (RFC 5256, RFC 5957).

use postroom_imap::command::Numbering;
use postroom_imap::command::sort::{self, Sort, SortCriterion, Thread, ThreadAlgorithm};
use postroom_imap::response::Response;
use postroom_imap::response::arranged::{Sorted, ThreadStep};
use postroom_mail::identifier::Uid;
use postroom_mailbox::arrange::{Algorithm, Criterion, SortKey, Step};
use postroom_mailbox::version::Version;

use super::search::highest;
use super::work::Work;
use super::{Handled, ImapHost, reply};
use crate::authenticator::Authenticator;

impl<A: Authenticator> ImapHost<A> {
    /// SORT and UID SORT (RFC 5256 §3).
    pub(super) async fn sort(&mut self, sort: Sort) -> Handled {
        let by = sort.search.by;
        let tells_mod_seq = sort.search.key.has_mod_seq();
        let found = self.found(sort.search).await?;
        let criteria: Vec<Criterion> = sort.criteria.into_iter().map(criterion).collect();
        let version = &self.selected()?.seen;
        let sorted = self
            .mailboxes()
            .sort(self.account()?, version, &found, &criteria)
            .await?;
        let numbers = sorted
            .into_iter()
            .filter_map(|uid| number(version, by, uid))
            .collect();
        let mod_seq = tells_mod_seq.then(|| highest(version, &found)).flatten();
        let row = Response::Sort(Sorted { numbers, mod_seq });
        Ok(Work::ended(reply::DONE).with_rows(vec![row]).by(by))
    }

    /// THREAD and UID THREAD (RFC 5256 §3).
    pub(super) async fn thread(&mut self, thread: Thread) -> Handled {
        let by = thread.search.by;
        let algorithm = match thread.algorithm {
            ThreadAlgorithm::OrderedSubject => Algorithm::OrderedSubject,
            ThreadAlgorithm::References => Algorithm::References,
        };
        let found = self.found(thread.search).await?;
        let version = &self.selected()?.seen;
        let steps = self
            .mailboxes()
            .thread(self.account()?, version, &found, algorithm)
            .await?;
        let steps = steps
            .into_iter()
            .filter_map(|step| {
                Some(match step {
                    Step::Open => ThreadStep::Open,
                    Step::Message(uid) => ThreadStep::Message(number(version, by, uid)?),
                    Step::Close => ThreadStep::Close,
                })
            })
            .collect();
        let row = Response::Thread(steps);
        Ok(Work::ended(reply::DONE).with_rows(vec![row]).by(by))
    }
}

/// The number by which the client knows a message.
fn number(version: &Version, by: Numbering, uid: u32) -> Option<u32> {
    match by {
        Numbering::Uid => Some(uid),
        Numbering::Sequence => version.find(Uid::new(uid)?).map(|(sequence, _)| sequence),
    }
}

fn criterion(wanted: SortCriterion) -> Criterion {
    let key = match wanted.key {
        sort::SortKey::Arrival => SortKey::Arrival,
        sort::SortKey::Cc => SortKey::Cc,
        sort::SortKey::Date => SortKey::Date,
        sort::SortKey::DisplayFrom => SortKey::DisplayFrom,
        sort::SortKey::DisplayTo => SortKey::DisplayTo,
        sort::SortKey::From => SortKey::From,
        sort::SortKey::Size => SortKey::Size,
        sort::SortKey::Subject => SortKey::Subject,
        sort::SortKey::To => SortKey::To,
    };
    Criterion {
        key,
        is_reverse: wanted.is_reverse,
    }
}
