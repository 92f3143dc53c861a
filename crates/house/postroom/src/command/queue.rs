//! `postroom queue`.

use postroom_admin::PAGE_MAX;
use postroom_admin::answer::{QueueEntry, QueuePage, QueueTended, QueuedMessage};
use postroom_admin::request::{QueueCare, QueueFilter, QueueList, QueueStatus, QueueTend, Request};

use crate::command::since::Span;
use crate::operator::{Desk, Operator};
use crate::report::{self, Columns, Failure};

#[derive(clap::Subcommand)]
pub(crate) enum Action {
    /// What waits: one line for each recipient, oldest first
    List {
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        operator: Operator,
    },
    /// One message that waits, with all its recipients
    Show {
        /// Its queue id
        queue_id: String,
        /// Print its header block too
        #[arg(long)]
        headers: bool,
        #[command(flatten)]
        operator: Operator,
    },
    /// Try at once what waits for its next try
    Retry(Tend),
    /// Keep back, until released or deleted
    Hold(Tend),
    /// No longer keep back, and try at once
    Release(Tend),
    /// Give up without telling the sender
    Delete(Tend),
}

/// Which entries.
#[derive(clap::Args)]
pub(crate) struct Filter {
    /// Only what is from this address; "" for reports
    #[arg(long, value_name = "ADDRESS")]
    sender: Option<String>,
    /// Only what is for this address
    #[arg(long, value_name = "ADDRESS")]
    recipient: Option<String>,
    /// Only what is for addresses of this domain
    #[arg(long)]
    domain: Option<String>,
    /// Only what stands so
    #[arg(long, value_parser = status)]
    status: Option<QueueStatus>,
    /// Only what has been in the queue for at least so long, as 2h or 3d
    #[arg(long, value_name = "SPAN")]
    older_than: Option<Span>,
}

/// What is meant by a change.
#[derive(clap::Args)]
pub(crate) struct Tend {
    /// Queue ids: every recipient of each message, unless a filter says which
    queue_ids: Vec<String>,
    #[command(flatten)]
    filter: Filter,
    /// Everything that waits
    #[arg(long, conflicts_with = "queue_ids")]
    all: bool,
    #[command(flatten)]
    operator: Operator,
}

impl Action {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::List { filter, operator } => list(filter, operator),
            Self::Show {
                queue_id,
                headers,
                operator,
            } => show(queue_id, headers, operator),
            Self::Retry(tend) => tend.run(QueueCare::Retry, "retried"),
            Self::Hold(tend) => tend.run(QueueCare::Hold, "held"),
            Self::Release(tend) => tend.run(QueueCare::Release, "released"),
            Self::Delete(tend) => tend.run(QueueCare::Delete, "deleted"),
        }
    }
}

const HEAD: [&str; 9] = [
    "QUEUE ID",
    "STATUS",
    "AGE",
    "SIZE",
    "TRIES",
    "NEXT TRY",
    "SENDER",
    "RECIPIENT",
    "NEXT HOP",
];

/// Page by page, so that a queue of any length fits.
fn list(filter: Filter, operator: Operator) -> Result<(), Failure> {
    let mut desk = operator.open()?;
    let mut request = QueueList {
        filter: filter.into(),
        after: None,
        limit: u32::try_from(PAGE_MAX).unwrap_or(u32::MAX),
    };
    let mut printer = Printer::new(desk.wants_json());
    loop {
        let page: QueuePage = desk.read(&Request::QueueList(request.clone()))?;
        printer.print(&page.entries)?;
        if page.next.is_none() {
            return printer.end();
        }
        request.after = page.next;
    }
}

/// Prints pages as they come.
enum Printer {
    Json {
        is_begun: bool,
    },
    Text {
        columns: Box<Columns<9>>,
        count: u64,
    },
}

impl Printer {
    fn new(json: bool) -> Self {
        if json {
            Self::Json { is_begun: false }
        } else {
            Self::Text {
                columns: Box::new(Columns::new(HEAD)),
                count: 0,
            }
        }
    }

    fn print(&mut self, entries: &[QueueEntry]) -> Result<(), Failure> {
        match self {
            Self::Json { is_begun } => {
                for entry in entries {
                    let text = serde_json::to_string(entry)
                        .map_err(|error| Failure::because("an entry as JSON", &error))?;
                    let lead = if *is_begun { ',' } else { '[' };
                    *is_begun = true;
                    report::say(format_args!("{lead}{text}"))?;
                }
                Ok(())
            }
            Self::Text { columns, count } => {
                *count += entries.len() as u64;
                let rows: Vec<_> = entries.iter().map(row).collect();
                columns.print(&rows)?;
                for entry in entries {
                    if entry.status == "damaged" {
                        let mend = "delete it, or see: postroom trace";
                        report::warn(format_args!("{} cannot be read; {mend}", entry.queue_id));
                    }
                }
                Ok(())
            }
        }
    }

    fn end(self) -> Result<(), Failure> {
        match self {
            Self::Json { is_begun: false } => report::say("[]"),
            Self::Json { is_begun: true } => report::say("]"),
            Self::Text { count: 0, .. } => report::say("nothing waits"),
            Self::Text { .. } => Ok(()),
        }
    }
}

fn row(entry: &QueueEntry) -> [String; 9] {
    let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
    let sender = match entry.sender.as_deref() {
        Some("") => "<>".to_owned(),
        _ => shown(&entry.sender),
    };
    [
        entry.queue_id.clone(),
        entry.status.clone(),
        age(entry.age_seconds),
        size(entry.octets),
        entry.attempts.to_string(),
        entry.due.as_deref().map_or_else(|| "-".to_owned(), minute),
        sender,
        shown(&entry.recipient),
        match &entry.last_status {
            Some(said) => format!("{} ({said})", shown(&entry.next_hop)),
            None => shown(&entry.next_hop),
        },
    ]
}

fn show(queue_id: String, headers: bool, operator: Operator) -> Result<(), Failure> {
    let mut desk = operator.open()?;
    let request = Request::QueueShow { queue_id, headers };
    if desk.wants_json() {
        return report::say(desk.ask(&request)?);
    }
    let message: QueuedMessage = desk.read(&request)?;
    let message_id = message.message_id.as_deref().unwrap_or("no Message-ID");
    report::say(format_args!("{}  {message_id}", message.queue_id))?;
    report::say(format_args!("  {} as it came", size(message.octets)))?;
    if let Some(envelope_id) = &message.envelope_id {
        report::say(format_args!("  ENVID {envelope_id}"))?;
    }
    for entry in &message.entries {
        let [_, status, age, size, tries, next, sender, recipient, hop] = row(entry);
        report::say(format_args!("  {recipient}: {status}, from {sender}"))?;
        report::say(format_args!("    goes to {hop}, {size}"))?;
        report::say(format_args!("    {tries} tries in {age}, next at {next}"))?;
    }
    match message.headers {
        Some(header) => report::say(format_args!("\n{}", printable(&header).trim_end())),
        None => Ok(()),
    }
}

/// A stranger's header on a terminal: line ends and tabs stay, other control characters do not.
fn printable(header: &str) -> String {
    header
        .lines()
        .map(|line| {
            let shown = line.chars().map(|c| match c {
                '\t' => '\t',
                c if c.is_control() => '?',
                c => c,
            });
            shown.chain(['\n']).collect::<String>()
        })
        .collect()
}

impl Tend {
    fn run(self, care: QueueCare, done: &str) -> Result<(), Failure> {
        let mut desk = self.operator.open()?;
        let request = Request::QueueTend(QueueTend {
            care,
            ids: self.queue_ids,
            filter: self.filter.into(),
            all: self.all,
        });
        let tended = tend(&mut desk, &request)?;
        if !desk.wants_json() {
            for skipped in &tended.skipped {
                let lead = match &skipped.recipient {
                    Some(recipient) => format!("{} {recipient}", skipped.queue_id),
                    None => skipped.queue_id.clone(),
                };
                report::warn(format_args!("{lead}: {}", skipped.why));
            }
            report::say(format_args!("{} {done}", tended.changed))?;
        }
        if tended.changed == 0 && tended.skipped_count > 0 {
            let why = tended.skipped.first().map(|first| first.why.clone());
            let what = format!("nothing was {done}: {}", why.unwrap_or_default());
            return Err(Failure::new(what, "see: postroom queue list"));
        }
        Ok(())
    }
}

fn tend(desk: &mut Desk, request: &Request) -> Result<QueueTended, Failure> {
    let value = desk.ask(request)?;
    if desk.wants_json() {
        report::say(&value)?;
    }
    serde_json::from_value(value).map_err(|error| Failure::because("the answer", &error))
}

impl From<Filter> for QueueFilter {
    fn from(filter: Filter) -> Self {
        Self {
            sender: filter.sender,
            recipient: filter.recipient,
            domain: filter.domain,
            status: filter.status,
            older_than_seconds: filter.older_than.map(|span| span.0.as_secs()),
        }
    }
}

fn status(text: &str) -> Result<QueueStatus, String> {
    const ALL: [QueueStatus; 5] = [
        QueueStatus::Damaged,
        QueueStatus::Deferred,
        QueueStatus::Due,
        QueueStatus::Held,
        QueueStatus::InHand,
    ];
    let found = ALL.into_iter().find(|status| status.as_str() == text);
    found.ok_or_else(|| format!("one of {}", ALL.map(QueueStatus::as_str).join(", ")))
}

/// The largest unit, and the next one where it says something.
fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h{:02}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

fn size(octets: u64) -> String {
    match octets {
        0..1_024 => format!("{octets} B"),
        1_024..1_048_576 => format!("{} KiB", octets.div_ceil(1_024)),
        _ => format!("{} MiB", octets.div_ceil(1_048_576)),
    }
}

/// Of RFC 3339, what a person reads.
fn minute(moment: &str) -> String {
    moment
        .get(..16)
        .map_or_else(|| moment.to_owned(), |short| short.replace('T', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_sizes_are_short() {
        assert_eq!([0, 59, 60, 3_599].map(age), ["0s", "59s", "1m", "59m"]);
        assert_eq!([3_660, 90_000].map(age), ["1h01m", "1d01h"]);
        assert_eq!([5, 1_025, 3 << 20].map(size), ["5 B", "2 KiB", "3 MiB"]);
        assert_eq!(minute("2026-11-22T18:41:02.123456Z"), "2026-11-22 18:41");
    }

    #[test]
    fn attack_h01_a_header_cannot_drive_the_terminal() {
        assert_eq!(
            printable("Subject: \u{1b}[2Jx\r\n\ty\r\n"),
            "Subject: ?[2Jx\n\ty\n"
        );
    }
}
