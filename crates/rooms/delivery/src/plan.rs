//! The whole fate of one message, decided before anything is written.

mod ending;
mod planner;
#[cfg(test)]
mod tests;
mod waiting;

pub(crate) use ending::report_envelope;

use std::collections::{HashMap, HashSet};

use postroom_mail::address::Address;
use postroom_mail::reply::Reply;
use postroom_queue::schedule::Schedule;
use postroom_store::journal::JournalLine;
use postroom_store::operation::Operation;

use crate::case::Case;
use crate::expand::{self, ExpandError, Expansion, Limits};
use crate::facts::{Facts, Missing};
use crate::report::Report;
use planner::Planner;

/// What one commit will do, and what it means for each recipient.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// For the store, in order; empty when every recipient refuses.
    pub operations: Vec<Operation>,
    /// Written with them: one line for each recipient and mailbox.
    pub journal: Vec<JournalLine>,
    /// One for each recipient of the envelope, in its order.
    pub fates: Vec<Fate>,
}

/// What becomes of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// In a mailbox with this commit.
    Delivered,
    /// In the queue with this commit.
    Queued,
    /// Not taken; the peer is told and keeps the message.
    Refused(Reply),
    /// Taken with the others, then failed; the sender gets a report with this commit.
    Reported(Reply),
    /// Taken with the others, then failed; no report, by this rule.
    Unreported(Reply, &'static str),
}

impl Fate {
    /// As the journal and `trace` spell it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Queued => "queued",
            Self::Refused(_) => "refused",
            Self::Reported(_) | Self::Unreported(..) => "failed",
        }
    }
}

impl Planned {
    /// Whether an operation speaks of the body.
    pub fn needs_body(&self) -> bool {
        let speaks = |operation: &Operation| {
            matches!(operation, Operation::Deliver(_) | Operation::Enqueue(_))
        };
        self.operations.iter().any(speaks)
    }

    /// The reply when every recipient refuses: then nothing is committed, and a reason that may
    /// pass comes before one that is final.
    pub fn refusal(&self) -> Option<&Reply> {
        let mut refusal: Option<&Reply> = None;
        for fate in &self.fates {
            let Fate::Refused(reply) = fate else {
                return None;
            };
            if refusal.is_none_or(|earlier| earlier.is_permanent() && !reply.is_permanent()) {
                refusal = Some(reply);
            }
        }
        refusal
    }
}

/// Decides the fate of a message. Pure: the same case and facts give the same plan.
///
/// # Errors
/// Names all facts that can be seen to lack; look them up and ask again.
pub fn plan(
    case: &Case<'_>,
    facts: &Facts,
    limits: &Limits,
    schedule: &Schedule,
) -> Result<Planned, Missing> {
    let mut missing = Missing::default();
    let expansions: Vec<_> = case
        .envelope
        .recipients
        .iter()
        .map(|recipient| expand::expand(&recipient.address, facts, limits, &mut missing))
        .collect();
    if !missing.is_empty() {
        return Err(missing);
    }
    let mut planner = Planner {
        case,
        facts,
        limits,
        schedule,
        copies: copies(&expansions),
        room: match case.entry {
            None => limits.inline_recipients_max,
            Some(_) => limits.chunk_members_max,
        },
        missing,
        taken: HashMap::new(),
        passed_on: HashSet::new(),
        waits: None,
        planned: Planned {
            operations: Vec::new(),
            journal: Vec::new(),
            fates: Vec::new(),
        },
        report: Report::default(),
    };
    for (recipient, expansion) in case.envelope.recipients.iter().zip(expansions) {
        let fate = match expansion {
            Ok(expansion) => planner.take(recipient, &expansion),
            Err(error) => planner.cannot(recipient, error),
        };
        planner.planned.fates.push(fate);
    }
    planner.finish()
}

/// Distinct accounts and addresses elsewhere.
fn copies(expansions: &[Result<Expansion, ExpandError>]) -> usize {
    let (mut accounts, mut remotes) = (HashSet::new(), HashSet::new());
    for expansion in expansions.iter().flatten() {
        accounts.extend(expansion.targets.iter().map(|target| target.account));
        remotes.extend(expansion.remotes.iter().map(Address::lookup_key));
    }
    accounts.len() + remotes.len()
}
