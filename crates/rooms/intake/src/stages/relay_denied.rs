use postroom_mail::reply;

use super::{Case, Judgement, Moment, Senses, Stage};

/// Refuses to strangers recipients at other servers: this is no open relay.
///
/// Whoever is signed in may send anywhere, and so may peers in `listen.relay_allow` by Transfer.
/// Members of our aliases and domains that we pass mail on for are not foreign. Source: RFC 5321
/// §3.6.2. Runs at RCPT. Directory trouble is told by `recipient-exists`.
pub(crate) const RELAY_DENIED: Stage = Stage {
    name: "relay-denied",
    moment: Moment::Recipient,
    judge: |case, senses| Box::pin(async { relay_denied(case, senses) }),
};

fn relay_denied(case: &Case<'_>, senses: &Senses<'_>) -> Judgement {
    let expansion = case.recipient.map(|candidate| candidate.expansion);
    match expansion {
        Some(Ok(expansion)) if expansion.is_foreign && !case.is_submission(senses.limits) => {
            Judgement::reject(reply::RELAY_DENIED)
        }
        _ => Judgement::pass(),
    }
}
