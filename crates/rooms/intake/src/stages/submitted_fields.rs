use postroom_mail::header::{date, message_id, new_message_id};

use super::{Case, Edit, Judgement, Moment, Senses, Stage};

/// Gives a submitted message the Date and Message-ID that it lacks; peers in `listen.relay_allow`
/// submit too.
///
/// Source: RFC 6409 §8.2, §8.3. Runs at the end of the data. Asks nobody.
pub(crate) const SUBMITTED_FIELDS: Stage = Stage {
    name: "submitted-fields",
    moment: Moment::Message,
    judge: |case, senses| Box::pin(async { submitted_fields(case, senses) }),
};

fn submitted_fields(case: &Case<'_>, senses: &Senses<'_>) -> Judgement {
    let mut judgement = Judgement::pass();
    let Some(message) = case.message.filter(|_| case.is_submission(senses.limits)) else {
        return judgement;
    };
    if !message.header.has_date {
        judgement.edits.push(Edit::AddField(date(message.time)));
    }
    if message.header.message_id.is_none() {
        let host = &senses.limits.hostname;
        let id = new_message_id(message.arrival, message.time, host);
        judgement.edits.push(Edit::AddField(message_id(&id)));
    }
    judgement
}
