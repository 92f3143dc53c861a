use super::{Case, Judgement, Moment, Stage};

/// Refuses recipients that nobody here answers to, and aliases that lead in a circle or to too many.
///
/// One reply for every address that does not exist, after one and the same look-up, so that names
/// cannot be told from near misses. Source: RFC 5321 §4.1.1.3. Runs at RCPT. Directory trouble:
/// defers.
pub(crate) const RECIPIENT_EXISTS: Stage = Stage {
    name: "recipient-exists",
    moment: Moment::Recipient,
    judge: |case, _| Box::pin(async { recipient_exists(case) }),
};

fn recipient_exists(case: &Case<'_>) -> Judgement {
    let Some(Err(error)) = case.recipient.map(|candidate| candidate.expansion) else {
        return Judgement::pass();
    };
    let reply = error.reply();
    if reply.is_permanent() {
        Judgement::reject(reply)
    } else {
        Judgement::defer(reply)
    }
}
