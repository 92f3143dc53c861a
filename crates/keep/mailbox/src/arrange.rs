//! Messages in order, and in threads (RFC 5256), from what was parsed of them when they came.

mod collation;
mod forest;
mod order;
mod references;
mod subject;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use postroom_mail::identifier::{AccountId, EmailId};
use postroom_mail::message::{MessageEnvelope, normalized_ids};
use postroom_mail::uid_set::UidSet;
use postroom_store::error::ReadError;
use postroom_store::row::{Message, Placement};
use postroom_store::store::Wanted;

pub use collation::COLLATED_OCTETS_MAX;
pub use forest::Step;
pub use order::{Criterion, SortKey};
pub use subject::{BaseSubject, base_subject};

use crate::mailboxes::Mailboxes;
use crate::parsed;
use crate::search::SearchError;
use crate::version::Version;
use collation::Collated;
use forest::Forest;
use order::Sorted;
use references::{Threaded, by_references};

/// Messages whose wide rows are read at once.
const PAGE_MAX: usize = 512;

/// Octets that are reckoned for what is kept of one message while it gets its place; for all
/// messages together they are drawn from [`crate::mailboxes::INSPECT_OCTETS_MAX`].
const ARRANGED_OCTETS: u64 = 512;

/// How messages become threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// Those of one base subject are a thread: the first, and all others below it.
    OrderedSubject,
    /// By Message-ID, References and In-Reply-To, then by base subject.
    References,
}

impl Mailboxes {
    /// The messages of `found` in order: their UIDs. Those that are gone are left out. Ties are
    /// broken by sequence number.
    ///
    /// Cost: n log n in memory; for keys of the envelope one wide row is read for each message,
    /// never a body. Source: RFC 5256 §3 (SORT), RFC 5957.
    pub async fn sort(
        &self,
        account: AccountId,
        version: &Arc<Version>,
        found: &UidSet,
        criteria: &[Criterion],
    ) -> Result<Vec<u32>, SearchError> {
        let placements = placements(version, found);
        let permit = self.inspect(reckoned(&placements)).await;
        let criteria: Arc<[Criterion]> = order::without_repeats(criteria).into();
        let rows = if criteria.iter().any(|each| each.key.needs_envelope()) {
            let keys = Arc::clone(&criteria);
            self.each_message(account, placements, move |placement, parts| {
                Sorted::new(&keys, placement, Some(&parts.envelope))
            })
            .await?
        } else {
            placements
                .iter()
                .map(|placement| Sorted::new(&criteria, placement, None))
                .collect()
        };
        let sorted = self.heavy().run(move || order::sort(rows, &criteria));
        let sorted = sorted.await?;
        drop(permit);
        Ok(sorted)
    }

    /// The messages of `found` in threads: a way through them, with UIDs in it. Those that are
    /// gone are left out.
    ///
    /// Cost: n log n in memory, and one wide row read for each message; of messages that came
    /// before references were kept, the header too. Source: RFC 5256 §3 (THREAD).
    pub async fn thread(
        &self,
        account: AccountId,
        version: &Arc<Version>,
        found: &UidSet,
        algorithm: Algorithm,
    ) -> Result<Vec<Step>, SearchError> {
        let placements = placements(version, found);
        let permit = self.inspect(reckoned(&placements)).await;
        // Keyed, so that nobody can choose identifiers that fall together.
        let hasher = RandomState::new();
        let rows = self
            .each_message(account, placements, move |placement, parts| {
                (
                    placement.uid.number(),
                    threaded(placement, &parts, algorithm, &hasher),
                )
            })
            .await?;
        let work = self.heavy().run(move || {
            let (uids, messages): (Vec<u32>, Vec<Threaded>) = rows.into_iter().unzip();
            let forest = match algorithm {
                Algorithm::OrderedSubject => by_subject(&messages),
                Algorithm::References => by_references(&messages),
            };
            let named = |step| match step {
                Step::Message(place) => {
                    Step::Message(uids.get(place as usize).copied().unwrap_or_default())
                }
                other => other,
            };
            forest.steps().into_iter().map(named).collect()
        });
        let steps = work.await?;
        drop(permit);
        Ok(steps)
    }

    /// What `make` makes of each message that is still there, in order.
    async fn each_message<T, F>(
        &self,
        account: AccountId,
        placements: Vec<Placement>,
        make: F,
    ) -> Result<Vec<T>, SearchError>
    where
        T: Send + 'static,
        F: Fn(&Placement, Parts) -> T + Send + Sync + 'static,
    {
        let make = Arc::new(make);
        let mut made = Vec::with_capacity(placements.len());
        for page in placements.chunks(PAGE_MAX) {
            let emails: Vec<EmailId> = page.iter().map(|placement| placement.email).collect();
            let messages = self.store().messages(account, &emails).await?;
            let mut headers = self.old_headers(&messages).await?.into_iter();
            let page = page.to_vec();
            let make = Arc::clone(&make);
            let work = self.heavy().run(move || -> Vec<T> {
                page.iter()
                    .zip(messages)
                    .filter_map(|(placement, message)| {
                        let parts = Parts::of(&message?, &mut headers);
                        Some(make(placement, parts))
                    })
                    .collect()
            });
            made.extend(work.await?);
        }
        Ok(made)
    }

    /// Headers of those messages of which no references were kept, in order.
    async fn old_headers(&self, messages: &[Option<Message>]) -> Result<Vec<Vec<u8>>, ReadError> {
        let wanted: Vec<Wanted> = messages
            .iter()
            .flatten()
            .filter(|message| matches!(parsed::references(&message.parsed), Ok(None)))
            .map(|message| {
                let header = parsed::structure(&message.parsed).map(|all| all.root.header);
                Wanted {
                    blob: message.blob,
                    rendering: message.rendering.clone(),
                    range: 0..header.map_or(0, |header| header.end as u64),
                }
            })
            .collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.store().read_many(wanted).await?;
        // A damaged header has no references.
        Ok(found.into_iter().map(Result::unwrap_or_default).collect())
    }
}

/// What a message's place hangs on.
struct Parts {
    envelope: MessageEnvelope,
    /// Identifiers as they are kept.
    references: Vec<u8>,
}

impl Parts {
    /// Of a damaged row: nothing. The message is found, at the place of one without a header.
    fn of(message: &Message, old_headers: &mut impl Iterator<Item = Vec<u8>>) -> Self {
        let references = match parsed::references(&message.parsed) {
            Ok(Some(ids)) => ids.collect::<Vec<_>>().join(&b' '),
            Ok(None) => parsed::references_of(&old_headers.next().unwrap_or_default()),
            Err(error) => {
                tracing::error!(email = message.email.0, %error, "what was parsed of a message is damaged");
                Vec::new()
            }
        };
        Self {
            envelope: parsed::envelope(&message.parsed).unwrap_or_default(),
            references,
        }
    }
}

fn placements(version: &Version, found: &UidSet) -> Vec<Placement> {
    version
        .of_uids(found)
        .map(|(_, placement)| *placement)
        .collect()
}

fn reckoned(placements: &[Placement]) -> u64 {
    (placements.len() as u64).saturating_mul(ARRANGED_OCTETS)
}

/// When a message was sent, in microseconds since 1970; when it was received, if it does not say
/// (RFC 5256 §2.2).
fn sent(placement: &Placement, envelope: &MessageEnvelope) -> u64 {
    let sent = envelope
        .sent()
        .map(postroom_mail::date::DateTime::timestamp);
    sent.unwrap_or(placement.received).0
}

fn threaded(
    placement: &Placement,
    parts: &Parts,
    algorithm: Algorithm,
    hasher: &RandomState,
) -> Threaded {
    let envelope = &parts.envelope;
    let base = base_subject(envelope.subject.as_deref().unwrap_or_default());
    let hash = |id: &[u8]| hasher.hash_one(id);
    let first_id = |field: &Option<Box<[u8]>>| {
        let value = field.as_deref().unwrap_or_default();
        normalized_ids(value).next().map(|id| hash(&id))
    };
    let (mut id, mut references) = (None, Vec::new());
    if algorithm == Algorithm::References {
        id = first_id(&envelope.message_id);
        references.extend(parsed::split_ids(&parts.references).map(hash));
        if references.is_empty() {
            references.extend(first_id(&envelope.in_reply_to));
        }
    }
    Threaded {
        id,
        references: references.into(),
        subject: Collated::new(&base.text),
        is_reply: base.is_reply,
        sent: sent(placement, envelope),
    }
}

/// THREAD=ORDEREDSUBJECT: by base subject, then by when they were sent; the first of each subject
/// is the parent of the rest (RFC 5256 §3).
fn by_subject(messages: &[Threaded]) -> Forest {
    let place = |message: &Threaded, number: u32| (message.sent, number);
    let mut order: Vec<(u32, &Threaded)> = (0..).zip(messages).collect();
    order.sort_unstable_by(|(one, first), (other, second)| {
        let by_subject = first.subject.cmp(&second.subject);
        by_subject.then_with(|| place(first, *one).cmp(&place(second, *other)))
    });
    let mut forest = Forest {
        messages: u32::try_from(messages.len()).unwrap_or(u32::MAX),
        roots: Vec::new(),
        children: vec![Vec::new(); messages.len()],
    };
    for thread in order.chunk_by(|(_, one), (_, other)| one.subject == other.subject) {
        if let [(root, _), rest @ ..] = thread {
            forest.roots.push(*root);
            forest.children[*root as usize] = rest.iter().map(|(number, _)| *number).collect();
        }
    }
    let sent = |root: u32| {
        messages
            .get(root as usize)
            .map_or(0, |message| message.sent)
    };
    forest
        .roots
        .sort_unstable_by_key(|&root| (sent(root), root));
    forest
}
