//! One commit for all that a transaction with a next hop came to.

use std::sync::OnceLock;

use postroom_mail::address::{Address, NonAscii};
use postroom_mail::identifier::ArrivalId;
use postroom_store::error::{CommitError, Refused};
use postroom_store::journal::JournalLine;
use postroom_store::operation::{EntryOutcome, Operation, Piece};
use postroom_store::plan::Plan;
use postroom_store::row::Entry;

use super::{Attempted, ConcludeError, Concluded, Conclusion, Diagnosis, Spoken, remember_delay};
use crate::case::{Case, Quota, Relaying, Reports};
use crate::delivery::{Delivery, SettleError};
use crate::facts::{Fact, Facts};
use crate::plan::{self, Planned};
use crate::privacy::printable;
use crate::report::{Action, Line, Original, RETURNED_OCTETS_MAX, Report, silence};

impl Delivery {
    /// Keeps what a transaction with a next hop came to: settles its entries, writes their
    /// journal lines and sends the one report that follows, with one commit.
    ///
    /// An entry that is no longer held under the lease (an operator removed it meanwhile) does not
    /// keep the others from being settled: then each is settled alone.
    ///
    /// # Errors
    /// When nothing, or with several commits not all, became durable.
    pub async fn conclude(
        &self,
        attempted: &Attempted<'_>,
        concluded: Vec<Concluded>,
    ) -> Result<(), ConcludeError> {
        let together = self.conclude_together(attempted, &concluded).await;
        let is_lost = matches!(
            together,
            Err(ConcludeError::Commit(CommitError::Refused(
                Refused::LeaseLost
            )))
        );
        if !is_lost || concluded.len() < 2 {
            return together;
        }
        let mut result = Ok(());
        for one in &concluded {
            let alone = self.conclude_together(attempted, std::slice::from_ref(one));
            result = alone.await.and(result);
        }
        result
    }

    /// What was transferred must be settled or it is sent again: no trouble with the report keeps
    /// the entries from it.
    async fn conclude_together(
        &self,
        attempted: &Attempted<'_>,
        concluded: &[Concluded],
    ) -> Result<(), ConcludeError> {
        let found = self.conclude_by(attempted, concluded, ReportWay::Found);
        match found.await {
            Err(ConcludeError::Commit(CommitError::Refused(reason)))
                if reason != Refused::LeaseLost =>
            {
                tracing::info!(%reason, "a report waits in the queue");
            }
            Err(ConcludeError::Settle(_)) => {}
            Err(ConcludeError::Commit(CommitError::NoRoom)) => {
                let put_off: Vec<_> = concluded.iter().map(|one| self.put_off(one)).collect();
                let unreported = self.conclude_by(attempted, &put_off, ReportWay::Found);
                return unreported.await;
            }
            other => return other,
        }
        let queued = self.conclude_by(attempted, concluded, ReportWay::Queued);
        queued.await
    }

    /// The same without a report, for which the disk has no room: failures are tried again later,
    /// and fail and are told then.
    fn put_off(&self, one: &Concluded) -> Concluded {
        let mut put_off = one.clone();
        match &mut put_off.conclusion {
            Conclusion::Failed { diagnosis } => {
                put_off.conclusion = Conclusion::Deferred {
                    due: one.entry.due.plus(self.schedule().wait_max),
                    diagnosis: diagnosis.clone(),
                    tells_sender: false,
                };
            }
            Conclusion::Deferred { tells_sender, .. } => *tells_sender = false,
            Conclusion::Transferred { has_dsn, .. } => *has_dsn = true,
            Conclusion::Held { .. } => {}
        }
        put_off
    }

    async fn conclude_by(
        &self,
        attempted: &Attempted<'_>,
        concluded: &[Concluded],
        way: ReportWay,
    ) -> Result<(), ConcludeError> {
        let mut plan = Plan {
            arrival: self.store().new_arrival(),
            time: attempted.time,
            operations: Vec::new(),
            journal: Vec::new(),
            body: None,
        };
        let mut report = Report::default();
        for one in concluded {
            plan.operations.push(settle(attempted, one));
            plan.journal.push(line(attempted, one));
            let told = self.tell(attempted, one, plan.arrival, &mut report);
            if told.is_some() && matches!(one.conclusion, Conclusion::Deferred { .. }) {
                plan.operations
                    .push(remember_delay(&one.entry, self.schedule()));
            }
            plan.journal.extend(told);
        }
        if let [first, ..] = concluded
            && !report.is_empty()
        {
            let report = self.write_report(attempted, &first.entry, &report, plan.arrival);
            let Some((sender, octets)) = report.await else {
                return Err(ConcludeError::Settle(SettleError));
            };
            let planned = self.send(attempted, sender, &octets, plan.arrival, way);
            let planned = planned.await?;
            plan.operations.extend(planned.operations);
            plan.journal.extend(planned.journal);
            plan.body = Some(self.keep(octets).await?);
        }
        self.commit_plan(plan).await?;
        Ok(())
    }

    /// Adds to the report what the sender wants to hear; returns the line that says whether it is
    /// told, for whatever it might want to hear.
    fn tell(
        &self,
        attempted: &Attempted<'_>,
        one: &Concluded,
        report_id: ArrivalId,
        report: &mut Report,
    ) -> Option<JournalLine> {
        let entry = &one.entry;
        let named = (&*entry.recipient, entry.dsn.orcpt.clone());
        let now = attempted.time;
        let (action, told) = match &one.conclusion {
            Conclusion::Failed { diagnosis } => (
                Action::Failed,
                Line::not_reached(named, diagnosis, now, None),
            ),
            Conclusion::Deferred {
                diagnosis,
                tells_sender: true,
                ..
            } => {
                let until = entry.created.plus(self.schedule().age_max);
                let line = Line::not_reached(named, diagnosis, now, Some(until));
                (Action::Delayed, line)
            }
            Conclusion::Transferred {
                remote,
                reply,
                has_dsn: false,
            } => (Action::Relayed, Line::relayed(named, remote, reply, now)),
            _ => return None,
        };
        let rule = silence(action, sender(entry).as_ref(), entry.dsn.notify);
        let mut line = line(attempted, one);
        line.room = "delivery".into();
        line.what = "report".into();
        line.elapsed_us = 0;
        match rule {
            None => {
                report.add(told);
                line.verdict = "reported".into();
                line.reply = None;
                line.next_hop = Some(report_id.to_string().into());
            }
            // Nobody misses a notice that was not asked for.
            Some(_) if action != Action::Failed => return None,
            Some(rule) => {
                tracing::info!(queue_id = %entry.arrival, rule, "a failure is not reported");
                line.verdict = "unreported".into();
                line.reply = Some(rule.into());
                line.next_hop = None;
            }
        }
        Some(line)
    }

    /// The report and who gets it; `None` for an entry without a sender, which has no lines.
    async fn write_report(
        &self,
        attempted: &Attempted<'_>,
        entry: &Entry,
        report: &Report,
        id: ArrivalId,
    ) -> Option<(Address, Vec<u8>)> {
        let sender = sender(entry)?;
        let original = self.original(entry).await;
        let composed = report.compose(&Original {
            id,
            queue_id: entry.arrival,
            arrived: entry.created,
            now: attempted.time,
            host: attempted.host,
            sender: &sender,
            ret: entry.dsn.ret,
            envid: entry.dsn.envid.as_deref(),
            octets: &original,
            size: entry.rendering.octets(),
        });
        Some((sender, composed.octets(&original)))
    }

    /// The report is one more message through the door, from nobody.
    async fn send(
        &self,
        attempted: &Attempted<'_>,
        sender: Address,
        octets: &[u8],
        id: ArrivalId,
        way: ReportWay,
    ) -> Result<Planned, SettleError> {
        let mut facts = Facts::default();
        if way == ReportWay::Queued {
            facts.put_lookup(&sender, Fact::Unavailable);
        }
        let envelope = plan::report_envelope(sender);
        let pieces = [Piece::Kept(0..octets.len() as u64)];
        let case = Case {
            arrival: id,
            session: 0,
            time: attempted.time,
            peer: None,
            privacy: attempted.privacy,
            host: attempted.host,
            envelope: &envelope,
            message_id: None,
            reports: Reports::Never,
            relaying: Relaying::Allowed,
            quota: Quota::OneReply,
            is_report: true,
            trace: b"",
            pieces: &pieces,
            octets,
            parsing: OnceLock::new(),
            entry: None,
        };
        self.settle_plan(&case, &mut facts).await
    }

    /// As much of the message as a report may return; nothing where it cannot be read, for the
    /// report matters more.
    async fn original(&self, entry: &Entry) -> Vec<u8> {
        let end = entry.rendering.octets().min(RETURNED_OCTETS_MAX as u64);
        let read = self.store().read(entry.blob, &entry.rendering, 0..end);
        read.await.unwrap_or_else(|error| {
            tracing::warn!(queue_id = %entry.arrival, %error, "a report returns nothing");
            Vec::new()
        })
    }
}

/// How a report goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReportWay {
    /// Where the directory says.
    Found,
    /// Into the queue, whose worker asks the directory another time.
    Queued,
}

fn settle(attempted: &Attempted<'_>, one: &Concluded) -> Operation {
    let outcome = match &one.conclusion {
        Conclusion::Transferred { .. } => EntryOutcome::Done,
        Conclusion::Deferred { due, diagnosis, .. } => EntryOutcome::Deferred {
            due: *due,
            status: status(diagnosis),
        },
        Conclusion::Failed { diagnosis } => EntryOutcome::Failed {
            status: status(diagnosis),
        },
        Conclusion::Held { diagnosis } => EntryOutcome::Held {
            status: status(diagnosis),
        },
    };
    Operation::Settle {
        entry: one.entry.id,
        token: attempted.token,
        outcome,
    }
}

fn status(diagnosis: &Diagnosis) -> Box<str> {
    printable(&diagnosis.to_string()).into()
}

/// The line of the attempt.
fn line(attempted: &Attempted<'_>, one: &Concluded) -> JournalLine {
    let reply = match &one.conclusion {
        Conclusion::Transferred { reply, .. } => Spoken(reply).to_string(),
        Conclusion::Deferred { diagnosis, .. }
        | Conclusion::Failed { diagnosis }
        | Conclusion::Held { diagnosis } => diagnosis.to_string(),
    };
    let remote = one.conclusion.remote();
    let sender = sender(&one.entry);
    JournalLine {
        time: attempted.time,
        session: 0,
        arrival: Some(one.entry.arrival),
        message_id: None,
        room: "relay".into(),
        what: "attempt".into(),
        sender: Some(sender.map_or_else(Box::default, |sender| attempted.privacy.address(&sender))),
        recipient: Some(attempted.privacy.name(&one.entry.recipient)),
        verdict: one.conclusion.word().into(),
        reply: Some(printable(&reply).into()),
        next_hop: remote.map(|remote| printable(&remote.to_string()).into()),
        peer: None,
        elapsed_us: u64::try_from(attempted.elapsed.as_micros()).unwrap_or(u64::MAX),
    }
}

/// Who is told; `None` for the null path.
fn sender(entry: &Entry) -> Option<Address> {
    Address::parse(&entry.reverse_path, NonAscii::Allowed).ok()
}
