use postroom_delivery::expand::ExpandError;
use postroom_mail::reply;

use super::{Case, Judgement, Moment, Stage};

/// Refuses recipients that are not here: strangers may not relay, and for those who are signed in
/// this release has no way out yet.
///
/// Source: RFC 5321 §3.6.2, RFC 3463 §3.4. Runs at RCPT. Directory trouble is told by
/// `recipient-exists`.
pub(crate) const RELAY_DENIED: Stage = Stage {
    name: "relay-denied",
    moment: Moment::Recipient,
    judge: |case, _| Box::pin(async { relay_denied(case) }),
};

fn relay_denied(case: &Case<'_>) -> Judgement {
    match case.recipient.map(|candidate| candidate.expansion) {
        Some(Err(ExpandError::Elsewhere)) if case.login.is_some() => {
            Judgement::reject(reply::NO_RELAY_YET)
        }
        Some(Err(ExpandError::Elsewhere)) => Judgement::reject(reply::RELAY_DENIED),
        _ => Judgement::pass(),
    }
}
