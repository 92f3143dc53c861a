//! The door: facts are looked up, plans made and committed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use postroom_directory::Directory;
use postroom_mail::address::Address;
use postroom_mail::identifier::{AccountId, MailboxId};
use postroom_mail::mailbox_name::MailboxName;
use postroom_queue::schedule::Schedule;
use postroom_runtime::watched::Watched;
use postroom_store::error::CommitError;
use postroom_store::outcome::Committed;
use postroom_store::plan::{Body, Plan};
use postroom_store::store::Store;

use crate::case::Case;
use crate::expand::{self, ExpandError, Expansion, Limits};
use crate::facts::{Fact, Facts, Missing};
use crate::plan::{self, Planned};

/// Inboxes that are remembered; when there are more, all are forgotten and found again.
const INBOXES_MAX: usize = 100_000;

/// The one door for every message. Clones share it.
#[derive(Debug, Clone)]
pub struct Delivery(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    directory: Directory,
    limits: Watched<Limits>,
    schedule: Schedule,
    /// An inbox keeps its id as long as its account lives: it can be neither removed nor renamed.
    inboxes: Mutex<HashMap<AccountId, MailboxId>>,
}

/// A plan could not be made: rounds of look-ups did not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the facts for a plan are not to be had")]
pub struct SettleError;

impl Delivery {
    /// A door to the mailboxes of a store.
    pub fn new(store: Store, directory: Directory, limits: Limits, schedule: Schedule) -> Self {
        Self(Arc::new(Inner {
            store,
            directory,
            limits: Watched::new(limits),
            schedule,
            inboxes: Mutex::default(),
        }))
    }

    /// The store behind the door.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// How far expansion goes.
    pub fn limits(&self) -> Arc<Limits> {
        self.0.limits.get()
    }

    /// Other limits for every plan from now on.
    pub fn reload(&self, limits: Limits) {
        self.0.limits.set(limits);
    }

    /// The times of the queue.
    pub(crate) fn schedule(&self) -> &Schedule {
        &self.0.schedule
    }

    /// Follows an address to all that it stands for, for RCPT. What was learnt stays in `facts`, so that
    /// the plan of the message needs not ask again.
    ///
    /// # Errors
    /// As [`expand::expand`]; [`ExpandError::Loop`] when the rounds of look-ups do not suffice.
    pub async fn expand(
        &self,
        address: &Address,
        facts: &mut Facts,
    ) -> Result<Expansion, ExpandError> {
        let limits = self.limits();
        for _ in 0..limits.plan_rounds_max {
            let mut missing = Missing::default();
            let found = expand::expand(address, facts, &limits, &mut missing);
            // Too wide is so whatever else is lacking.
            match found {
                Err(ExpandError::TooWide) => return Err(ExpandError::TooWide),
                found if missing.is_empty() => return found,
                _ => self.look_up(missing, facts).await,
            }
        }
        Err(ExpandError::Loop)
    }

    /// Decides the fate of a message, looking up what the plan lacks.
    ///
    /// # Errors
    /// When `plan_rounds_max` rounds of look-ups do not suffice.
    pub async fn settle_plan(
        &self,
        case: &Case<'_>,
        facts: &mut Facts,
    ) -> Result<Planned, SettleError> {
        let limits = self.limits();
        for _ in 0..limits.plan_rounds_max {
            match plan::plan(case, facts, &limits, &self.0.schedule) {
                Ok(planned) => return Ok(planned),
                Err(missing) => self.look_up(missing, facts).await,
            }
        }
        Err(SettleError)
    }

    /// Makes a plan durable: the body, its placements, queue entries and journal lines at once.
    ///
    /// # Errors
    /// As the store has them. After a refusal the inboxes that were known are forgotten, since an
    /// account may have gone; the next try looks again.
    pub async fn commit(
        &self,
        case: &Case<'_>,
        planned: Planned,
        body: Option<Body>,
    ) -> Result<Committed, CommitError> {
        let plan = Plan {
            arrival: case.arrival,
            time: case.time,
            operations: planned.operations,
            journal: planned.journal,
            body,
        };
        self.commit_plan(plan).await
    }

    /// As [`Delivery::commit`], for a plan that is put together already.
    pub async fn commit_plan(&self, plan: Plan) -> Result<Committed, CommitError> {
        let committed = self.0.store.commit(plan).await;
        if matches!(committed, Err(CommitError::Refused(_))) {
            self.inboxes().clear();
        }
        committed
    }

    async fn look_up(&self, missing: Missing, facts: &mut Facts) {
        for address in missing.addresses {
            let fact = match self.0.directory.lookup(&address).await {
                Ok(lookup) => Fact::Known(lookup),
                Err(_) => Fact::Unavailable,
            };
            facts.put_lookup(&address, fact);
        }
        for account in missing.inboxes {
            facts.put_inbox(account, self.inbox(account).await);
        }
        for account in missing.usage {
            let fact = match self.0.store.account(account).await {
                Ok(Some(row)) => Fact::Known(row.used),
                Ok(None) => Fact::Gone,
                Err(_) => Fact::Unavailable,
            };
            facts.put_usage(account, fact);
        }
    }

    async fn inbox(&self, account: AccountId) -> Fact<MailboxId> {
        if let Some(known) = self.inboxes().get(&account) {
            return Fact::Known(*known);
        }
        let inbox = MailboxName::inbox();
        match self.0.store.mailbox(account, &inbox).await {
            Err(_) => Fact::Unavailable,
            Ok(None) => Fact::Gone,
            Ok(Some(mailbox)) => {
                let mut inboxes = self.inboxes();
                if inboxes.len() >= INBOXES_MAX {
                    inboxes.clear();
                }
                inboxes.insert(account, mailbox.id);
                Fact::Known(mailbox.id)
            }
        }
    }

    fn inboxes(&self) -> std::sync::MutexGuard<'_, HashMap<AccountId, MailboxId>> {
        self.0
            .inboxes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
