use postroom_mail::reply;

use super::{Case, Judgement, Moment, Senses, Stage};

/// Refuses headers above `limits.message.header_max`: every reader pays for them again.
///
/// Runs at the end of the data. Asks nobody.
pub(crate) const HEADER_SIZE: Stage = Stage {
    name: "header-size",
    moment: Moment::Message,
    judge: |case, senses| Box::pin(async { header_size(case, senses) }),
};

fn header_size(case: &Case<'_>, senses: &Senses<'_>) -> Judgement {
    let octets_max = senses.limits.header_octets_max;
    match case.message {
        Some(message) if message.header.octets > octets_max => {
            Judgement::reject(reply::HEADER_TOO_BIG)
        }
        _ => Judgement::pass(),
    }
}
