use postroom_mail::reply;

use super::{Case, Judgement, Moment, Senses, Stage};

/// Received fields of our own that a message may have. One that is sent, comes back by a list and is
/// forwarded has three; each round of a circle adds one, and may leave a copy in a mailbox here.
const OWN_HOPS_MAX: usize = 10;

/// Refuses messages that go round in circles: with more Received fields than
/// `limits.message.hops_max`, or more than ten by this server.
///
/// Source: RFC 5321 §6.3. Runs at the end of the data. Asks nobody.
pub(crate) const HOPS: Stage = Stage {
    name: "hops",
    moment: Moment::Message,
    judge: |case, senses| Box::pin(async { hops(case, senses) }),
};

fn hops(case: &Case<'_>, senses: &Senses<'_>) -> Judgement {
    match case.message {
        Some(message)
            if message.header.hops > senses.limits.hops_max
                || message.header.own_hops > OWN_HOPS_MAX =>
        {
            Judgement::reject(reply::TOO_MANY_HOPS)
        }
        _ => Judgement::pass(),
    }
}
