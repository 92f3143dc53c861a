//! One commit for all that a transaction with a next hop came to.

use postroom_mail::address::{Address, NonAscii};
use postroom_store::error::{CommitError, Refused};
use postroom_store::journal::JournalLine;
use postroom_store::operation::{EntryOutcome, Operation};
use postroom_store::plan::Plan;

use super::{Attempted, ConcludeError, Concluded, Conclusion, Diagnosis};
use crate::delivery::Delivery;
use crate::privacy::printable;

impl Delivery {
    /// Keeps what a transaction with a next hop came to: settles its entries, writes their
    /// journal lines and sends the reports that follow, with one commit.
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
        let Err(ConcludeError::Commit(CommitError::Refused(Refused::LeaseLost))) = together else {
            return together;
        };
        let mut last = together;
        if concluded.len() > 1 {
            last = Ok(());
            for one in &concluded {
                let alone = self.conclude_together(attempted, std::slice::from_ref(one));
                if let Err(error) = alone.await {
                    last = Err(error);
                }
            }
        }
        last
    }

    async fn conclude_together(
        &self,
        attempted: &Attempted<'_>,
        concluded: &[Concluded],
    ) -> Result<(), ConcludeError> {
        let plan = Plan {
            arrival: self.store().new_arrival(),
            time: attempted.time,
            operations: concluded.iter().map(|one| settle(attempted, one)).collect(),
            journal: concluded.iter().map(|one| line(attempted, one)).collect(),
            body: None,
        };
        self.commit_plan(plan).await?;
        Ok(())
    }
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

fn line(attempted: &Attempted<'_>, one: &Concluded) -> JournalLine {
    let reply = match &one.conclusion {
        Conclusion::Transferred { reply, .. } => super::Spoken(reply).to_string(),
        Conclusion::Deferred { diagnosis, .. }
        | Conclusion::Failed { diagnosis }
        | Conclusion::Held { diagnosis } => diagnosis.to_string(),
    };
    let name = |text: &str| match Address::parse(text, NonAscii::Allowed) {
        Ok(address) => attempted.privacy.address(&address),
        Err(_) => attempted.privacy.name(text),
    };
    JournalLine {
        time: attempted.time,
        session: 0,
        arrival: Some(one.entry.arrival),
        message_id: None,
        room: "relay".into(),
        what: "attempt".into(),
        sender: Some(name(&one.entry.reverse_path)),
        recipient: Some(name(&one.entry.recipient)),
        verdict: one.conclusion.word().into(),
        reply: Some(printable(&reply).into()),
        next_hop: one
            .conclusion
            .remote()
            .map(|remote| printable(&remote.to_string()).into()),
        peer: None,
        elapsed_us: u64::try_from(attempted.elapsed.as_micros()).unwrap_or(u64::MAX),
    }
}
