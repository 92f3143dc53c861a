//! Messages whose acceptance their sender did not hear of (RFC 1047).
//!
//! If a connection ends between our 250 and the peer's next command, the peer will send the
//! message again. Its digest is remembered for a day: the same transaction then gets the first
//! queue id and adds nothing. Few connections end so; what is remembered is kept in a fixed number
//! of small lists, read once after a start.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use postroom_mail::address::ReversePath;
use postroom_mail::envelope::Recipient;
use postroom_mail::identifier::ArrivalId;
use postroom_runtime::clock::Timestamp;
use postroom_store::error::{CommitError, ReadError};
use postroom_store::operation::Operation;
use postroom_store::plan::Plan;
use postroom_store::store::Store;
use tokio::sync::OnceCell;

/// Lists that the digests are spread over.
const LISTS: u8 = 64;

/// Digests in one list; one more drops the oldest.
const LIST_LENGTH_MAX: usize = 32;

/// How long a digest is remembered.
const KEPT: Duration = Duration::from_hours(24);

/// The first half of a SHA-256 over peer, envelope and body.
pub(crate) type Digest = [u8; 16];

/// The digest of a transaction. `who` is the peer's address, or the account that is signed in.
pub(crate) fn digest(
    who: &str,
    reverse_path: &ReversePath,
    recipients: &[Recipient],
    body: &[u8; 32],
) -> Digest {
    let mut context = Context::new(&SHA256);
    let mut add = |text: &str| {
        context.update(&(text.len() as u64).to_le_bytes());
        context.update(text.as_bytes());
    };
    add(who);
    add(&reverse_path.to_string());
    for recipient in recipients {
        add(&recipient.address.to_string());
    }
    context.update(body);
    let mut half = Digest::default();
    for (to, from) in half.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    half
}

/// What was accepted unheard.
#[derive(Debug)]
pub(crate) struct Repeats {
    store: Store,
    known: Mutex<HashMap<Digest, Unheard>>,
    /// Accepted, and not yet known to be heard or lost: at most one for each session. A peer whose
    /// connection broke may be back before the end of the old one is noticed.
    unsettled: Mutex<HashMap<Digest, ArrivalId>>,
    loaded: OnceCell<()>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Unheard {
    arrival: ArrivalId,
    until: Timestamp,
}

impl Repeats {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            known: Mutex::default(),
            unsettled: Mutex::default(),
            loaded: OnceCell::new(),
        }
    }

    /// The queue id that this transaction got before, if its reply was lost.
    ///
    /// Costs a look into memory, after the first one of all. Store trouble: not known, and read
    /// again next time; a message twice is better than one lost.
    pub(crate) async fn find(&self, digest: &Digest, now: Timestamp) -> Option<ArrivalId> {
        if let Err(error) = self.loaded.get_or_try_init(|| self.load()).await {
            tracing::warn!(%error, "unheard messages cannot be read");
        }
        if let Some(arrival) = self.unsettled().get(digest) {
            return Some(*arrival);
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(digest)
            .filter(|unheard| unheard.until > now)
            .map(|unheard| unheard.arrival)
    }

    /// A transaction was accepted; whether its 250 is heard will be told.
    pub(crate) fn accept(&self, digest: Digest, arrival: ArrivalId) {
        self.unsettled().insert(digest, arrival);
    }

    /// The 250 of a transaction was heard, or it is remembered as one that was not.
    pub(crate) fn settle(&self, digest: &Digest) {
        self.unsettled().remove(digest);
    }

    fn unsettled(&self) -> MutexGuard<'_, HashMap<Digest, ArrivalId>> {
        self.unsettled
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a transaction whose 250 was not heard.
    ///
    /// # Errors
    /// It is remembered until the next start all the same.
    pub(crate) async fn remember(
        &self,
        digest: Digest,
        arrival: ArrivalId,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        // What is on disk must be known before its list is written anew.
        if self.loaded.get_or_try_init(|| self.load()).await.is_err() {
            return Ok(());
        }
        let until = now.plus(KEPT);
        let list = list_of(&digest);
        let value = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.retain(|_, unheard| unheard.until > now);
            known.insert(digest, Unheard { arrival, until });
            write_list(&mut known, list)
        };
        let remember = Operation::Remember {
            key: key(list),
            value,
            until,
            must_be_new: false,
        };
        let plan = Plan {
            arrival: self.store.new_arrival(),
            time: now,
            operations: vec![remember],
            journal: Vec::new(),
            body: None,
        };
        self.store.commit(plan).await.map(drop)
    }

    async fn load(&self) -> Result<(), ReadError> {
        let mut all = HashMap::new();
        for list in 0..LISTS {
            if let Some(value) = self.store.remembered(&key(list)).await? {
                all.extend(read_list(&value));
            }
        }
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = all;
        Ok(())
    }
}

fn list_of(digest: &Digest) -> u8 {
    digest.first().copied().unwrap_or(0) % LISTS
}

fn key(list: u8) -> Box<str> {
    format!("unheard/{list:02}").into()
}

/// The text of one list, oldest first, after dropping what is too many.
fn write_list(known: &mut HashMap<Digest, Unheard>, list: u8) -> Box<str> {
    let mut members: Vec<(Digest, Unheard)> = known
        .iter()
        .filter(|(digest, _)| list_of(digest) == list)
        .map(|(digest, unheard)| (*digest, *unheard))
        .collect();
    members.sort_unstable_by_key(|(_, unheard)| unheard.until);
    let surplus = members.len().saturating_sub(LIST_LENGTH_MAX);
    for (digest, _) in members.drain(..surplus) {
        known.remove(&digest);
    }
    let mut text = String::with_capacity(members.len() * 64);
    for (digest, unheard) in members {
        for byte in digest {
            let _ = write!(text, "{byte:02x}");
        }
        let _ = write!(text, " {} {};", unheard.arrival, unheard.until.0);
    }
    text.into()
}

/// What [`write_list`] wrote; what cannot be read is passed over.
fn read_list(text: &str) -> impl Iterator<Item = (Digest, Unheard)> {
    text.split_terminator(';').filter_map(|member| {
        let mut words = member.split(' ');
        let hex = u128::from_str_radix(words.next()?, 16).ok()?;
        let arrival = words.next()?.parse().ok()?;
        let until = Timestamp(words.next()?.parse().ok()?);
        Some((hex.to_be_bytes(), Unheard { arrival, until }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_written_and_drop_the_oldest() {
        let mut known = HashMap::new();
        for number in 0..40_u8 {
            let mut digest = [7; 16];
            digest[1] = number;
            let unheard = Unheard {
                arrival: ArrivalId(u64::from(number)),
                until: Timestamp(1000 + u64::from(number)),
            };
            known.insert(digest, unheard);
        }
        known.insert(
            [8; 16],
            Unheard {
                arrival: ArrivalId(1),
                until: Timestamp(1),
            },
        );
        let text = write_list(&mut known, 7);
        let back: HashMap<_, _> = read_list(&text).collect();
        assert_eq!(back.len(), LIST_LENGTH_MAX);
        assert!(back.values().all(|unheard| unheard.arrival.0 >= 8));
        known.remove(&[8; 16]);
        assert_eq!(back, known);
        assert_eq!(read_list("zz;;1 2;").count(), 0);
    }
}
