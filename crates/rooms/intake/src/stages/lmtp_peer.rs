use postroom_mail::reply;
use postroom_smtp::server::Dialect;

use super::{Case, Judgement, Moment, Senses, Stage};

/// Refuses LMTP from peers that `listen.lmtp_allow` does not name: the port asks no password and
/// trusts what it is told.
///
/// Source: RFC 2033 §5. Runs at connect. Asks nobody.
pub(crate) const LMTP_PEER: Stage = Stage {
    name: "lmtp-peer",
    moment: Moment::Connect,
    judge: |case, senses| Box::pin(async { lmtp_peer(case, senses) }),
};

fn lmtp_peer(case: &Case<'_>, senses: &Senses<'_>) -> Judgement {
    let address = case.peer.address.ip().to_canonical();
    if case.dialect == Dialect::Lmtp && !senses.limits.lmtp_allow.contains(address) {
        Judgement::reject(reply::PORT_NOT_FOR_YOU)
    } else {
        Judgement::pass()
    }
}
