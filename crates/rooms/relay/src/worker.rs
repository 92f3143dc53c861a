//! The room and its one scheduler.

use std::sync::Arc;
use std::time::Duration;

use postroom_delivery::delivery::Delivery;
use postroom_delivery::privacy::Privacy;
use postroom_dns::Dns;
use postroom_net::connect::Leash;
use postroom_queue::queue::{Progress, Queue};
use postroom_runtime::clock::Clock;
use postroom_runtime::group::{TaskGroup, Token};
use postroom_runtime::random::Random;
use postroom_runtime::telemetry::Telemetry;
use tokio::time::{sleep, timeout};

use crate::dial::Dial;
use crate::job::{Job, jobs};
use crate::outcome::Verdict;
use crate::own::Own;
use crate::pool::{Pool, SWEEP_EVERY};
use crate::settings::Settings;
use crate::visit::visit;

/// Entries that are taken with one commit.
const TAKEN_MAX: usize = 500;

/// The wait after the queue could not be read.
const TROUBLE: Duration = Duration::from_secs(5);

/// What relay works with.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The door for outcomes and reports.
    pub delivery: Delivery,
    /// What waits.
    pub queue: Queue,
    /// Names of hosts.
    pub dns: Dns,
    /// Connects to next hops.
    pub dial: Arc<dyn Dial>,
    /// What is never sent to.
    pub own: Own,
    /// Tells the time.
    pub clock: Clock,
    /// Shuffles hosts.
    pub random: Random,
    /// This server's name, in reports.
    pub host: Box<str>,
    /// How much of a person the journal may say.
    pub privacy: Privacy,
    /// Counts attempts and connections.
    pub telemetry: Telemetry,
}

/// The room that sends mail on.
#[derive(Debug)]
pub struct Relay(Arc<Inner>);

/// What the scheduler and its sessions share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) parts: Parts,
    pub(crate) settings: Settings,
    pub(crate) pool: Pool,
    /// Sessions, and outcomes on their way to the disk.
    tasks: TaskGroup,
    this: std::sync::Weak<Inner>,
}

impl Relay {
    /// A room with nothing in hand.
    pub fn new(parts: Parts, settings: Settings) -> Self {
        Self(Arc::new_cyclic(|this| Inner {
            pool: Pool::new(settings.bounds, parts.clock.clone()),
            tasks: TaskGroup::child_of(&Token::new()),
            this: this.clone(),
            parts,
            settings,
        }))
    }

    /// Sends what is due now, and waits until all of it is settled.
    pub async fn round(&self) {
        let leash = Leash::default();
        self.0.fill(&mut Progress::default()).await;
        loop {
            let destinations = self.0.pool.open();
            if destinations.is_empty() {
                break;
            }
            for destination in destinations {
                let session = visit(Arc::clone(&self.0), destination, leash.clone());
                self.0.tasks.spawn(session);
            }
            self.0.tasks.wait().await;
        }
        self.0.pool.sweep();
    }

    /// Sends what is due, until `token` is cancelled; then lets sessions finish what they have in
    /// hand, for at most [`crate::Bounds::grace`]. What is left is due again at the next start.
    pub async fn run(self, token: Token) {
        let leash = Leash::default();
        let mut news = self.0.parts.delivery.store().follow();
        let mut progress = Progress::default();
        while !token.is_cancelled() {
            let is_well = self.0.fill(&mut progress).await;
            for destination in self.0.pool.open() {
                let session = visit(Arc::clone(&self.0), destination, leash.clone());
                self.0.tasks.spawn(session);
            }
            let has_room = self.0.pool.room() > 0;
            tokio::select! {
                () = token.cancelled() => {}
                () = self.0.pool.changed() => {}
                () = self.0.parts.queue.wait_elsewhere(&progress, &mut news),
                    if has_room && is_well => {}
                () = sleep(if is_well { SWEEP_EVERY } else { TROUBLE }) => self.0.pool.sweep(),
            }
        }
        leash.drain.cancel();
        if timeout(self.0.settings.bounds.grace, self.0.tasks.wait())
            .await
            .is_err()
        {
            leash.cut.cancel();
            self.0.tasks.wait().await;
        }
    }
}

impl Inner {
    /// Takes due entries for as long as there are some and there is room. False when the queue
    /// cannot be read now.
    async fn fill(&self, progress: &mut Progress) -> bool {
        progress.begin(self.parts.clock.wall(), self.pool.full());
        loop {
            let room = self.pool.room().min(TAKEN_MAX);
            if room == 0 {
                return true;
            }
            let lease = match self.parts.queue.take_elsewhere(progress, room).await {
                Ok(Some(lease)) => lease,
                Ok(None) => return true,
                Err(error) => {
                    tracing::warn!(%error, "the queue cannot be worked off");
                    return false;
                }
            };
            let has_smarthost = self.settings.smarthost.is_some();
            let recipients_max = self.settings.bounds.recipients_max;
            let refused = self.pool.add(jobs(lease, has_smarthost, recipients_max));
            for (destination, job, setback) in refused {
                self.give_up(vec![(job, Verdict::Not(setback))], &destination);
            }
            progress.pass_over(self.pool.full());
        }
    }

    /// Concludes jobs that are not tried now. The commits share their syncs.
    pub(crate) fn give_up(&self, jobs: Vec<(Job, Verdict)>, destination: &str) {
        let Some(this) = self.this.upgrade() else {
            return;
        };
        for (job, verdict) in jobs {
            let (this, destination) = (Arc::clone(&this), Box::<str>::from(destination));
            self.tasks.spawn(async move {
                this.conclude_all(&destination, job, verdict).await;
            });
        }
    }
}
