//! `postroom trace`.

use postroom_admin::answer::{Step, Story};
use postroom_admin::request::{Request, Trace};

use crate::command::since::Since;
use crate::operator::Operator;
use crate::report::{self, Failure};

/// Options of `trace`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A queue id, a Message-ID, or an address: as sender, as recipient, or as whose mailbox it is
    of: String,
    /// Nothing from before this: a date as 2026-11-22, or how long ago as 2h or 7d
    #[arg(long, value_name = "WHEN")]
    since: Option<Since>,
    /// Messages at most, the newest
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Logins of the address rather than its mail
    #[arg(long)]
    logins: bool,
    #[command(flatten)]
    operator: Operator,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let request = Request::Trace(Trace {
            of: self.of,
            since: self.since.map(Since::unix_seconds),
            limit: self.limit,
            logins: self.logins,
        });
        let mut desk = self.operator.open()?;
        let mut stories: Vec<Story> = desk.read(&request)?;
        if desk.wants_json() {
            return print_json(&stories);
        }
        // The newest stands last, where the eye is.
        stories.reverse();
        for (index, story) in stories.iter().enumerate() {
            if index > 0 {
                report::say("")?;
            }
            print(story)?;
        }
        Ok(())
    }
}

/// One match is an object, several are a list, newest first.
fn print_json(stories: &[Story]) -> Result<(), Failure> {
    let text = match stories {
        [only] => serde_json::to_string(only),
        _ => serde_json::to_string(stories),
    };
    report::say(text.map_err(|error| Failure::because("the story as JSON", &error))?)
}

fn print(story: &Story) -> Result<(), Failure> {
    let session = story.session.as_deref().unwrap_or("unknown");
    let session = format!("session {session}");
    let message_id = story.message_id.as_deref().unwrap_or_default();
    match &story.queue_id {
        Some(queue_id) => report::say(format!("{queue_id}  {session}  {message_id}").trim_end())?,
        None => report::say(session)?,
    }
    let mut day = "";
    for step in &story.steps {
        let (date, time) = step.time.split_once('T').unwrap_or(("", &step.time));
        if date != day {
            report::say(format_args!("  {date} UTC"))?;
            day = date;
        }
        report::say(line(step, time).trim_end())?;
    }
    for (recipient, fate) in &story.fate {
        report::say(format_args!("  => {recipient}: {fate}"))?;
    }
    Ok(())
}

fn line(step: &Step, time: &str) -> String {
    // Milliseconds suffice for people.
    let time = time.get(..12).unwrap_or(time);
    let mut parts = vec![step.verdict.clone()];
    if let Some(recipient) = &step.recipient {
        parts.insert(0, recipient.clone());
    }
    if let Some(next_hop) = &step.next_hop {
        parts.push(format!("-> {next_hop}"));
    }
    let mut text = parts.join(" ");
    if let Some(reply) = &step.reply {
        text = format!("{text}: {reply}");
    }
    if step.elapsed_ms > 0 {
        text = format!("{text} ({} ms)", step.elapsed_ms);
    }
    format!("    {time}  {:9}  {:9}  {text}", step.room, step.what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_one_line() {
        let step = Step {
            time: "2026-11-22T18:41:02.123456Z".into(),
            room: "delivery".into(),
            what: "deliver".into(),
            recipient: Some("team@example.org".into()),
            verdict: "delivered".into(),
            reply: None,
            next_hop: Some("anna@example.org/INBOX".into()),
            elapsed_ms: 7,
        };
        assert_eq!(
            line(&step, "18:41:02.123456Z"),
            "    18:41:02.123  delivery   deliver    \
             team@example.org delivered -> anna@example.org/INBOX (7 ms)"
        );
    }
}
