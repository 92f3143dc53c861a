use postroom_config::value::Senders;
use postroom_mail::reply;

use super::{Case, Judgement, Moment, Senses, Stage, may_send_as};

/// Takes from somebody who is signed in only messages with exactly one From field, whose addresses
/// are all their own.
///
/// Readers and signature checks disagree on which of two From fields counts, so two are refused
/// whatever they say. Settings: `auth.senders` and `auth.local_senders` relax whose addresses they are, not how many
/// fields. Source: RFC 6409 §6.1 and §8.1, RFC 5322 §3.6.2. Runs at the end of the data. Directory
/// trouble: defers.
pub(crate) const FROM_IS_OWN: Stage = Stage {
    name: "from-is-own",
    moment: Moment::Message,
    judge: |case, senses| Box::pin(from_is_own(case, senses)),
};

async fn from_is_own(case: &Case<'_>, senses: &Senses<'_>) -> Judgement {
    let (Some(login), Some(message)) = (case.login, case.message) else {
        return Judgement::pass();
    };
    let header = message.header;
    // A group without members names nobody (RFC 6854 allows it, nobody submits it honestly).
    if header.from_fields != 1 || header.from.is_empty() {
        return Judgement::reject(reply::FROM_NOT_ONE);
    }
    if login.senders(senses.limits) == Senders::Any {
        return Judgement::pass();
    }
    for address in &header.from {
        let Some(address) = address else {
            return Judgement::reject(reply::FROM_NOT_YOURS);
        };
        match may_send_as(login, address, senses).await {
            Some(true) => {}
            Some(false) => return Judgement::reject(reply::FROM_NOT_YOURS),
            None => return Judgement::defer(reply::TRY_LATER),
        }
    }
    Judgement::pass()
}
