//! What came of an attempt: decided for each recipient, committed, and told in the log.

use std::time::Duration;

use postroom_delivery::conclude::{
    Attempted, ConcludeError, Concluded, Conclusion, Diagnosis, Remote,
};
use postroom_mail::envelope::Notify;
use postroom_mail::reply::{EnhancedCode, Reply};
use postroom_runtime::clock::Timestamp;
use postroom_runtime::telemetry::Attempt;
use postroom_smtp::client::Fate;
use postroom_store::error::CommitError;
use postroom_store::row::Entry;
use tokio::time::sleep;

use crate::job::{Job, SMARTHOST};
use crate::setback::{Setback, by_unsent};
use crate::worker::Inner;

/// Tries to keep an outcome while the store fails. It is worth the wait: what was transferred and
/// is not settled is sent again when the lease ends.
const COMMITS_MAX: u32 = 12;
/// The wait between two of them.
const COMMIT_AGAIN: Duration = Duration::from_secs(5);

/// What came of one recipient.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    /// The next hop has it.
    Taken {
        remote: Remote,
        reply: Reply,
        has_dsn: bool,
    },
    /// It has not.
    Not(Setback),
    /// The entry cannot be sent as it stands in the queue.
    Held(&'static str),
}

impl Verdict {
    /// By the fate that the client machine tells.
    pub(crate) fn of(fate: Fate, remote: &Remote, has_dsn: bool) -> Self {
        match fate {
            Fate::Accepted(reply) => Self::Taken {
                remote: remote.clone(),
                reply,
                has_dsn,
            },
            Fate::Refused { stage, reply } => {
                Self::Not(Setback::by_reply(stage, &reply).at(remote))
            }
            Fate::Unsent(unsent) => Self::Not(by_unsent(unsent).at(remote)),
        }
    }
}

impl Inner {
    /// Keeps what came of a job, one verdict an entry, and lets go of it.
    pub(crate) async fn conclude(
        &self,
        destination: &str,
        job: Job,
        verdicts: Vec<Verdict>,
        elapsed: Duration,
    ) {
        let now = self.parts.clock.wall();
        let entries = job.entries.len();
        let mut concluded = Vec::with_capacity(entries);
        for (entry, verdict) in job.entries.into_iter().zip(verdicts) {
            let conclusion = self.conclusion(&entry, verdict, now).await;
            concluded.push(Concluded { entry, conclusion });
        }
        self.count(&concluded, elapsed);
        tell(&self.shown(destination), &concluded, elapsed);
        let attempted = Attempted {
            token: job.token,
            time: now,
            elapsed,
            host: &self.parts.host,
            privacy: &self.parts.privacy,
        };
        self.keep(&attempted, &concluded).await;
        self.pool.settled(destination, entries);
    }

    /// As [`Inner::conclude`], with the same for all.
    pub(crate) async fn conclude_all(&self, destination: &str, job: Job, verdict: Verdict) {
        let verdicts = vec![verdict; job.entries.len()];
        self.conclude(destination, job, verdicts, Duration::ZERO)
            .await;
    }

    fn count(&self, concluded: &[Concluded], elapsed: Duration) {
        let relay = &self.parts.telemetry.relay;
        relay.attempt_time.observe_time(elapsed);
        for one in concluded {
            let outcome = match &one.conclusion {
                Conclusion::Transferred { .. } => Attempt::Transferred,
                Conclusion::Deferred { .. } => Attempt::Deferred,
                Conclusion::Failed { .. } => Attempt::Failed,
                Conclusion::Held { .. } => Attempt::Held,
            };
            relay.attempts.at(outcome).increment();
        }
    }

    /// A destination as the log has it.
    fn shown(&self, destination: &str) -> String {
        match &self.settings.smarthost {
            Some(smarthost) if destination == SMARTHOST => smarthost.host.to_string(),
            _ => destination.to_owned(),
        }
    }

    async fn keep(&self, attempted: &Attempted<'_>, concluded: &[Concluded]) {
        for tries in 1..=COMMITS_MAX {
            let delivery = &self.parts.delivery;
            let Err(error) = delivery.conclude(attempted, concluded.to_vec()).await else {
                return;
            };
            // The lease is lost to an operator: the entry is what they made of it.
            let is_refused = matches!(
                &error,
                ConcludeError::Commit(CommitError::Refused(_)) | ConcludeError::Settle(_)
            );
            if is_refused || tries == COMMITS_MAX {
                tracing::error!(%error, "the outcome of an attempt was not kept");
                return;
            }
            tracing::warn!(%error, "the outcome of an attempt is not kept yet");
            sleep(COMMIT_AGAIN).await;
        }
    }

    async fn conclusion(&self, entry: &Entry, verdict: Verdict, now: Timestamp) -> Conclusion {
        let setback = match verdict {
            Verdict::Taken {
                remote,
                reply,
                has_dsn,
            } => {
                return Conclusion::Transferred {
                    remote,
                    reply,
                    has_dsn,
                };
            }
            Verdict::Held(text) => {
                let held = Setback::new(EnhancedCode(5, 3, 0), text);
                return Conclusion::Held {
                    diagnosis: *held.diagnosis,
                };
            }
            Verdict::Not(setback) => setback,
        };
        let diagnosis = *setback.diagnosis;
        if setback.is_final {
            return Conclusion::Failed { diagnosis };
        }
        match self.parts.queue.next(entry, now) {
            Some(due) => Conclusion::Deferred {
                due,
                diagnosis,
                tells_sender: self.is_news(entry, now).await,
            },
            None => Conclusion::Failed {
                diagnosis: Diagnosis {
                    // RFC 3463 §3.5: the delivery time has expired.
                    status: EnhancedCode(5, 4, 7),
                    text: format!("it was tried for too long; at last: {}", diagnosis.text).into(),
                    ..diagnosis
                },
            },
        }
    }

    /// Whether it is time to tell the sender that the entry waits, and that was not told before.
    async fn is_news(&self, entry: &Entry, now: Timestamp) -> bool {
        let wants = |notify: Notify| notify.contains(Notify::DELAY);
        let is_late = self.parts.queue.schedule().is_late(entry, now);
        if !is_late || entry.reverse_path.is_empty() || !entry.dsn.notify.is_some_and(wants) {
            return false;
        }
        let key = postroom_delivery::conclude::delay_key(entry.id);
        let told = self.parts.delivery.store().remembered(&key).await;
        matches!(told, Ok(None))
    }
}

/// One line for each way that recipients of the transaction went.
fn tell(destination: &str, concluded: &[Concluded], elapsed: Duration) {
    let mut told: Vec<(&'static str, String)> = Vec::new();
    for one in concluded {
        let outcome = one.conclusion.word();
        let reply = match &one.conclusion {
            Conclusion::Transferred { reply, .. } => format!("{} {}", reply.code, reply.text),
            Conclusion::Deferred { diagnosis, .. }
            | Conclusion::Failed { diagnosis }
            | Conclusion::Held { diagnosis } => diagnosis.to_string(),
        };
        let line = (outcome, reply);
        if told.contains(&line) {
            continue;
        }
        let is_same = |other: &&Concluded| other.conclusion.word() == outcome;
        let recipients = concluded.iter().filter(is_same).count();
        let next_hop = one.conclusion.remote().map(ToString::to_string);
        tracing::info!(
            queue_id = %one.entry.arrival,
            next_hop = next_hop.as_deref().unwrap_or(destination),
            reply = ?line.1,
            outcome,
            recipients,
            elapsed_ms = elapsed.as_millis(),
            "relay attempt"
        );
        told.push(line);
    }
}
