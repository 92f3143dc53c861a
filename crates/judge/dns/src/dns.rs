//! Typed questions over a resolver, with a cache in front.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use postroom_runtime::clock::Clock;
use tokio::sync::Semaphore;

use crate::cache::Cache;
use crate::resolver::{Answer, Data, Kind, LookupError, Mx, Negative, Resolver};

/// Records of one answer that are looked at; the rest are as if they were not there. Who publishes
/// more wants others to work, not to find.
pub const RECORDS_MAX: usize = 100;

/// The longest that an answer is kept, whatever it says (RFC 8767 §4 has a week, at most).
const KEPT_MAX: Duration = Duration::from_hours(24);
/// The longest that a "no" is kept (RFC 2308 §5 recommends one to three hours at most).
const NEGATIVE_KEPT_MAX: Duration = Duration::from_mins(15);
/// How long a "no" without a time of its own is kept.
const NEGATIVE_KEPT: Duration = Duration::from_mins(1);

/// How much is kept and asked at a time.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Answers in the cache; above, those not used for long go.
    pub cache_entries_max: usize,
    /// Questions that are out at the same time; the next wait.
    pub questions_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cache_entries_max: 10_000,
            questions_max: 256,
        }
    }
}

/// One of the two internets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// The domain name system as rooms see it. Clones share one cache.
#[derive(Clone, Debug)]
pub struct Dns(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    resolver: Arc<dyn Resolver>,
    clock: Clock,
    questions: Semaphore,
    cache: Mutex<Cache<(Kind, Box<str>), Kept>>,
}

/// What the cache holds of an answer.
#[derive(Clone, Debug)]
enum Kept {
    Addresses(Arc<[IpAddr]>),
    Exchangers(Arc<[Mx]>),
    No(Negative),
}

impl Dns {
    /// Questions to `resolver`.
    pub fn new(resolver: Arc<dyn Resolver>, clock: Clock, limits: Limits) -> Self {
        Self(Arc::new(Inner {
            resolver,
            clock,
            questions: Semaphore::new(limits.questions_max.clamp(1, Semaphore::MAX_PERMITS)),
            cache: Mutex::new(Cache::new(limits.cache_entries_max)),
        }))
    }

    /// The mail exchangers of a name in A-labels, at most [`RECORDS_MAX`] of them, in the order
    /// given; never none.
    ///
    /// # Errors
    /// [`LookupError::Negative`] when there are none, [`LookupError::Trouble`] when that is not known.
    pub async fn exchangers(&self, name: &str) -> Result<Arc<[Mx]>, LookupError> {
        match self.ask(name, Kind::Mx).await? {
            Kept::Exchangers(found) => Ok(found),
            _ => Err(none()),
        }
    }

    /// The addresses of a host in A-labels, at most [`RECORDS_MAX`] of them, in the order given;
    /// never none.
    ///
    /// # Errors
    /// As [`Dns::exchangers`].
    pub async fn addresses(
        &self,
        host: &str,
        family: Family,
    ) -> Result<Arc<[IpAddr]>, LookupError> {
        let kind = match family {
            Family::V4 => Kind::A,
            Family::V6 => Kind::Aaaa,
        };
        match self.ask(host, kind).await? {
            Kept::Addresses(found) => Ok(found),
            _ => Err(none()),
        }
    }

    async fn ask(&self, name: &str, kind: Kind) -> Result<Kept, LookupError> {
        let inner = &self.0;
        let key: (Kind, Box<str>) = (kind, canonical(name));
        let known = self.cache().get(&key, inner.clock.now());
        if let Some(known) = known {
            return known.into_result();
        }
        let answered = {
            // Never closed: an error would be as good as a permit.
            let _permit = inner.questions.acquire().await;
            inner.resolver.resolve(&key.1, kind).await
        };
        let (kept, ttl) = match answered {
            Ok(answer) => {
                let ttl = answer.ttl.min(KEPT_MAX);
                (Kept::of(answer, kind), ttl)
            }
            Err(LookupError::Negative { negative, ttl }) => {
                let ttl = ttl.unwrap_or(NEGATIVE_KEPT).min(NEGATIVE_KEPT_MAX);
                (Kept::No(negative), ttl)
            }
            Err(trouble) => return Err(trouble),
        };
        let until = inner.clock.now() + ttl;
        self.cache().put(key, kept.clone(), until);
        kept.into_result()
    }

    fn cache(&self) -> MutexGuard<'_, Cache<(Kind, Box<str>), Kept>> {
        self.0.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// The first [`RECORDS_MAX`] records of the kind.
    fn of(answer: Answer, kind: Kind) -> Self {
        let records = answer.records.into_iter().take(RECORDS_MAX);
        let kept = if kind == Kind::Mx {
            let found = records.filter_map(|data| match data {
                Data::Mx(mx) => Some(mx),
                Data::Address(_) => None,
            });
            Self::Exchangers(found.collect())
        } else {
            let found = records.filter_map(|data| match data {
                Data::Address(address) if address.is_ipv4() == (kind == Kind::A) => Some(address),
                _ => None,
            });
            Self::Addresses(found.collect())
        };
        match &kept {
            Self::Addresses(found) if found.is_empty() => Self::No(Negative::NoData),
            Self::Exchangers(found) if found.is_empty() => Self::No(Negative::NoData),
            _ => kept,
        }
    }

    fn into_result(self) -> Result<Self, LookupError> {
        match self {
            Self::No(negative) => Err(LookupError::Negative {
                negative,
                ttl: None,
            }),
            found => Ok(found),
        }
    }
}

fn none() -> LookupError {
    LookupError::Negative {
        negative: Negative::NoData,
        ttl: None,
    }
}

/// Lower case, without a final dot.
fn canonical(name: &str) -> Box<str> {
    name.strip_suffix('.')
        .unwrap_or(name)
        .to_ascii_lowercase()
        .into()
}

#[cfg(test)]
mod tests;
