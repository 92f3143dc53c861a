use postroom_mail::date::DateTime;

use super::{Case, Edit, Judgement, Moment, Senses, Stage};

/// Gives a submitted message the Date and Message-ID that it lacks.
///
/// Source: RFC 6409 §8.2, §8.3. Runs at the end of the data. Asks nobody.
pub(crate) const SUBMITTED_FIELDS: Stage = Stage {
    name: "submitted-fields",
    moment: Moment::Message,
    judge: |case, senses| Box::pin(async { submitted_fields(case, senses) }),
};

fn submitted_fields(case: &Case<'_>, senses: &Senses<'_>) -> Judgement {
    let mut judgement = Judgement::pass();
    let (Some(_), Some(message)) = (case.login, case.message) else {
        return judgement;
    };
    if !message.header.has_date {
        let date = DateTime::at(message.time, 0).header();
        let field = format!("Date: {date}\r\n");
        judgement.edits.push(Edit::AddField(field));
    }
    if message.header.message_id.is_none() {
        let host = &senses.limits.hostname;
        let field = format!("Message-ID: <{}@{host}>\r\n", message.arrival);
        judgement.edits.push(Edit::AddField(field));
    }
    judgement
}
