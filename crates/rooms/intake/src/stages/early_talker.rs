use postroom_mail::reply;
use postroom_smtp::server::Dialect;

use super::{Case, Judgement, Moment, Stage};

/// Refuses a server that speaks before the greeting: worms do, mail servers do not.
///
/// Source: RFC 5321 §3.1, §4.3.1. Runs at connect, on Transfer alone. Peers in `limits.exempt`
/// pass with a note. Asks nobody.
pub(crate) const EARLY_TALKER: Stage = Stage {
    name: "early-talker",
    moment: Moment::Connect,
    judge: |case, _| Box::pin(async { early_talker(case) }),
};

fn early_talker(case: &Case<'_>) -> Judgement {
    match (case.early_talker, case.dialect) {
        (true, Dialect::Transfer) if case.peer.is_exempt => Judgement::note("early-talker-exempt"),
        (true, Dialect::Transfer) => Judgement::reject(reply::EARLY_TALKER),
        _ => Judgement::pass(),
    }
}
