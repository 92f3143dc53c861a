use postroom_mail::reply;

use super::{Case, Judgement, Moment, Senses, Stage};

/// Refuses messages with more Received fields than `limits.message.hops_max`: they go round in
/// circles.
///
/// Source: RFC 5321 §6.3. Runs at the end of the data. Asks nobody.
pub(crate) const HOPS: Stage = Stage {
    name: "hops",
    moment: Moment::Message,
    judge: |case, senses| Box::pin(async { hops(case, senses) }),
};

fn hops(case: &Case<'_>, senses: &Senses<'_>) -> Judgement {
    match case.message {
        Some(message) if message.header.hops > senses.limits.hops_max => {
            Judgement::reject(reply::TOO_MANY_HOPS)
        }
        _ => Judgement::pass(),
    }
}
