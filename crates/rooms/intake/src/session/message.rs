//! The end of the data: judge, plan, commit, and only then 250.

use std::sync::OnceLock;

use postroom_delivery::case::{Case as DeliveryCase, Quota, Relaying, Reports};
use postroom_delivery::plan::{Fate, Planned};
use postroom_mail::envelope::Envelope;
use postroom_mail::header::{Received, received};
use postroom_mail::reply::{self, Reply};
use postroom_mailbox::parsed::Parsing;
use postroom_runtime::clock::Timestamp;
use postroom_runtime::telemetry::{self, TransactionOutcome};
use postroom_smtp::server::{Answer, Dialect};
use postroom_store::operation::Piece;
use postroom_store::plan::Plan;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time;

use super::story::{accepted, outcome};
use super::{Session, Transaction, store_reply};
use crate::gather::Gathered;
use crate::header::Header;
use crate::protocol;
use crate::repeat::{self, Digest};
use crate::stages::{Arrived, Case, Edit, Moment};

/// Bodies above this many octets are parsed on the pool for heavy work.
const PARSE_HERE_MAX: usize = 256 * 1024;

/// A message that was judged, for its plan.
struct Judged {
    header: Header,
    /// The fields that stand above it.
    trace: Vec<u8>,
    time: Timestamp,
    body: Gathered,
    digest: Digest,
}

/// A message that was judged and planned, ready for its commit.
struct Ready {
    plan: Plan,
    fates: Vec<Fate>,
    body: Gathered,
    digest: Digest,
}

/// Why there is nothing to commit.
enum Stop {
    /// With this reply, by this stage or part.
    Refused(&'static str, Reply),
    /// In LMTP each recipient refuses for itself.
    RefusedEach(Vec<Fate>),
    /// The same transaction was accepted before, unheard.
    Repeat(postroom_mail::identifier::ArrivalId),
}

impl Session {
    pub(super) async fn message(&mut self) -> Answer {
        let Some(mut transaction) = self.transaction.take() else {
            return Answer::Verdict(reply::MAIL_FIRST);
        };
        let started = self.inner().parts.clock.now();
        let answer = self.decide(&mut transaction).await;
        let elapsed = self.inner().parts.clock.now().duration_since(started);
        let metrics = &self.inner().parts.telemetry.intake;
        metrics.end_of_data.observe_time(elapsed);
        answer
    }

    async fn decide(&mut self, transaction: &mut Transaction) -> Answer {
        let budget = self.inner().limits.verdict;
        let ready = match time::timeout(budget, self.prepare(transaction)).await {
            Ok(ready) => ready,
            Err(_) => Err(Stop::Refused("verdict-time", reply::TRY_LATER)),
        };
        match ready {
            Ok(ready) => self.commit(transaction, ready).await,
            Err(stop) => {
                // Told under the queue id that the peer is given.
                if let Stop::Repeat(first) = stop {
                    transaction.arrival = first;
                }
                self.stop(transaction, stop)
            }
        }
    }

    /// Everything before the commit; nothing durable happens here.
    async fn prepare(&self, transaction: &mut Transaction) -> Result<Ready, Stop> {
        let inner = self.inner();
        let gather = transaction
            .gather
            .take()
            .ok_or(Stop::Refused("body", reply::TRY_LATER))?;
        let share = if gather.is_spooled() {
            Some(self.inspect(gather.octets()).await?)
        } else {
            None
        };
        let mut body = gather.finish().await.map_err(|error| {
            tracing::warn!(queue_id = %transaction.arrival, %error, "a body is not to be had");
            Stop::Refused("body", reply::STORE_FULL)
        })?;
        body.share = share;
        let time = inner.parts.clock.wall();
        let digest = self.digest(transaction, &body);
        if let Some(arrival) = inner.repeats.find(&digest, time).await {
            return Err(Stop::Repeat(arrival));
        }
        let mut header = Header::read(&body.octets, inner.limits.hostname.as_str());
        transaction.message_id = header.message_id.as_deref().map(Into::into);
        let fields = self.judge_message(transaction, &header, time).await?;
        if header.message_id.is_none() {
            // Whoever gave it none was given one by a stage.
            let own = inner.limits.hostname.as_str();
            header.message_id = Header::read(fields.as_bytes(), own).message_id;
            transaction.message_id = header.message_id.as_deref().map(Into::into);
        }
        let trace = self.trace(transaction, &header, &fields, time);
        let judged = Judged {
            header,
            trace,
            time,
            body,
            digest,
        };
        self.plan(transaction, judged).await
    }

    /// A share of the memory for looking at bodies that are on disk; waits for it.
    async fn inspect(&self, octets: u64) -> Result<OwnedSemaphorePermit, Stop> {
        let inner = self.inner();
        let all = inner.limits.inspect_octets_max / 1024;
        let share = usize::try_from(octets / 1024)
            .unwrap_or(all)
            .clamp(1, all.max(1));
        let share = u32::try_from(share).unwrap_or(u32::MAX);
        let wait = inner.inspection.clone().acquire_many_owned(share);
        match time::timeout(inner.limits.verdict / 2, wait).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(Stop::Refused("inspection", reply::STORE_FULL)),
        }
    }

    /// RFC 1047: who sent what to whom. Somebody signed in is the same from any address.
    fn digest(&self, transaction: &Transaction, body: &Gathered) -> Digest {
        let who = match &self.login {
            Some(login) => login.who.to_string(),
            None => self.peer.address.ip().to_canonical().to_string(),
        };
        let sender = &transaction.sender.reverse_path;
        repeat::digest(&who, sender, &transaction.recipients, &body.digest)
    }

    /// Runs the stages; returns the fields they add.
    async fn judge_message(
        &self,
        transaction: &Transaction,
        header: &Header,
        time: Timestamp,
    ) -> Result<String, Stop> {
        let case = Case {
            sender: Some(&transaction.sender),
            message: Some(Arrived {
                arrival: transaction.arrival,
                time,
                header,
            }),
            ..self.case()
        };
        let outcome = self.judge(Moment::Message, &case).await;
        if let Some((stage, reply)) = outcome.refusal {
            return Err(Stop::Refused(stage, reply));
        }
        let mut fields = String::new();
        for Edit::AddField(field) in outcome.edits {
            fields.push_str(&field);
        }
        Ok(fields)
    }

    /// The fields that stand above the message in every mailbox.
    fn trace(
        &self,
        transaction: &Transaction,
        header: &Header,
        fields: &str,
        time: Timestamp,
    ) -> Vec<u8> {
        let hello = self.hello.as_ref();
        let tls = hello.and_then(|hello| hello.tls.as_ref());
        let cipher = tls.map(|tls| format!("{} {}", tls.version, tls.cipher));
        let recipient = match transaction.recipients.as_slice() {
            [only] => Some(&only.address),
            _ => None,
        };
        let is_remote = self.peer.user.is_none();
        let mut trace = received(&Received {
            helo: hello.map_or("", |hello| &hello.name),
            reverse_name: None,
            peer: is_remote.then(|| self.peer.address.ip().to_canonical()),
            host: &self.inner().limits.hostname,
            protocol: hello.map_or("SMTP", |hello| {
                let smtputf8 = transaction.sender.smtputf8;
                protocol::with(hello.verb, smtputf8, tls.is_some(), self.login.is_some())
            }),
            tls: cipher.as_deref(),
            id: transaction.arrival,
            recipient,
            at: time,
        });
        trace.push_str(fields);
        if header.is_missing {
            // The message has no header: its first line must not become part of ours.
            trace.push_str("\r\n");
        }
        trace.into_bytes()
    }

    async fn plan(&self, transaction: &mut Transaction, mut judged: Judged) -> Result<Ready, Stop> {
        let inner = self.inner();
        let parsing = self.parse_large(&mut judged).await?;
        let envelope = Envelope {
            reverse_path: transaction.sender.reverse_path.clone(),
            recipients: std::mem::take(&mut transaction.recipients),
            body: transaction.sender.body,
            smtputf8: transaction.sender.smtputf8,
            ret: transaction.sender.ret,
            envid: transaction.sender.envid.clone(),
        };
        let pieces = [Piece::Kept(0..judged.body.octets.len() as u64)];
        let case = DeliveryCase {
            arrival: transaction.arrival,
            session: self.id,
            time: judged.time,
            peer: Some(self.peer.address.ip().to_canonical()),
            privacy: &inner.parts.privacy,
            host: inner.limits.hostname.as_str(),
            envelope: &envelope,
            message_id: judged.header.message_id.as_deref(),
            reports: if self.is_trusted() {
                Reports::AsAsked
            } else {
                Reports::Never
            },
            relaying: if self.may_relay() {
                Relaying::Allowed
            } else {
                Relaying::Refused
            },
            is_report: false,
            quota: match self.dialect {
                Dialect::Lmtp => Quota::ReplyEach,
                Dialect::Submission | Dialect::Transfer => Quota::OneReply,
            },
            trace: &judged.trace,
            pieces: &pieces,
            octets: &judged.body.octets,
            parsing,
            entry: None,
        };
        let planned = inner
            .parts
            .delivery
            .settle_plan(&case, &mut transaction.facts);
        let planned = planned.await;
        transaction.recipients = envelope.recipients;
        let planned = planned.map_err(|_| Stop::Refused("plan", reply::TRY_LATER))?;
        self.ready(transaction, planned, judged)
    }

    /// Parses a large message without holding up other sessions; a small one is parsed when
    /// somebody asks.
    async fn parse_large(&self, judged: &mut Judged) -> Result<OnceLock<Parsing>, Stop> {
        if judged.body.octets.len() <= PARSE_HERE_MAX {
            return Ok(OnceLock::new());
        }
        let mut whole = judged.trace.clone();
        let octets = std::mem::take(&mut judged.body.octets);
        let work = move || {
            whole.extend_from_slice(&octets);
            (Parsing::new(&whole), octets)
        };
        let parsed = self.inner().parts.heavy.run(work).await;
        let (parsed, octets) = parsed.map_err(|_| Stop::Refused("parse", reply::STORE_FULL))?;
        judged.body.octets = octets;
        Ok(OnceLock::from(parsed))
    }

    fn ready(
        &self,
        transaction: &Transaction,
        planned: Planned,
        judged: Judged,
    ) -> Result<Ready, Stop> {
        if let Some(reply) = planned.refusal() {
            return Err(match self.dialect {
                Dialect::Lmtp => Stop::RefusedEach(planned.fates),
                _ => Stop::Refused("recipients", reply.clone()),
            });
        }
        let mut journal = self.tell_accepted(transaction, &planned.fates);
        journal.extend(planned.journal);
        Ok(Ready {
            plan: Plan {
                arrival: transaction.arrival,
                time: judged.time,
                operations: planned.operations,
                journal,
                body: None,
            },
            fates: planned.fates,
            body: judged.body,
            digest: judged.digest,
        })
    }

    async fn commit(&mut self, transaction: &Transaction, ready: Ready) -> Answer {
        // Whoever has gone does not learn of a 250 and sends the message again: leave it to that.
        if self.peer.has_closed() {
            let outcome = TransactionOutcome::Lost;
            self.tell_transaction(transaction, outcome, None, None);
            self.tell_end(transaction, outcome, None);
            return Answer::Verdict(reply::TRY_LATER);
        }
        let Ready {
            mut plan,
            fates,
            body,
            digest,
        } = ready;
        let committed = match body.into_body().await {
            Ok(body) => {
                plan.body = Some(body);
                self.inner().parts.delivery.commit_plan(plan).await
            }
            Err(error) => Err(error),
        };
        match committed {
            Ok(committed) => {
                // In LMTP some may have been refused; a repeat must hear that again.
                let is_whole = !fates.iter().any(|fate| matches!(fate, Fate::Refused(_)));
                self.unsettled = is_whole.then_some((digest, committed.arrival));
                if is_whole {
                    self.inner().repeats.accept(digest, committed.arrival);
                }
                self.count_fates(&fates);
                let reply = accepted(committed.arrival);
                self.tell_transaction(
                    transaction,
                    TransactionOutcome::Accepted,
                    None,
                    Some(&reply),
                );
                self.verdicts(fates, reply)
            }
            Err(error) => {
                let reply = store_reply(&error);
                tracing::warn!(queue_id = %transaction.arrival, %error, "a message is not kept");
                let outcome = TransactionOutcome::Deferred;
                self.tell_transaction(transaction, outcome, Some("commit"), Some(&reply));
                self.tell_again();
                self.tell_end(transaction, outcome, Some(("commit", &reply)));
                Answer::Verdict(reply)
            }
        }
    }

    fn count_fates(&self, fates: &[Fate]) {
        let recipients = &self.inner().parts.telemetry.delivery.recipients;
        for fate in fates {
            let counted = match fate {
                Fate::Delivered => telemetry::Fate::Delivered,
                Fate::Queued => telemetry::Fate::Queued,
                Fate::Reported(_) | Fate::Unreported(..) => telemetry::Fate::Failed,
                // The peer keeps the message.
                Fate::Refused(_) => continue,
            };
            recipients.at(counted).increment();
        }
    }

    fn stop(&self, transaction: &Transaction, stop: Stop) -> Answer {
        match stop {
            Stop::Refused(stage, reply) => {
                let outcome = outcome(&reply);
                self.tell_transaction(transaction, outcome, Some(stage), Some(&reply));
                self.tell_end(transaction, outcome, Some((stage, &reply)));
                Answer::Verdict(reply)
            }
            Stop::RefusedEach(fates) => {
                let outcome = TransactionOutcome::Refused;
                self.tell_transaction(transaction, outcome, Some("recipients"), None);
                self.tell_each(transaction, &fates);
                self.verdicts(fates, reply::TRY_LATER)
            }
            Stop::Repeat(arrival) => {
                let reply = accepted(arrival);
                let outcome = TransactionOutcome::Repeated;
                self.tell_transaction(transaction, outcome, None, Some(&reply));
                self.tell_repeat(transaction, &reply);
                Answer::Verdict(reply)
            }
        }
    }

    /// One reply, or in LMTP one for each recipient.
    fn verdicts(&self, fates: Vec<Fate>, accepted: Reply) -> Answer {
        if self.dialect != Dialect::Lmtp {
            return Answer::Verdict(accepted);
        }
        let reply = |fate| match fate {
            Fate::Refused(reply) => reply,
            _ => accepted.clone(),
        };
        Answer::Verdicts(fates.into_iter().map(reply).collect())
    }
}
