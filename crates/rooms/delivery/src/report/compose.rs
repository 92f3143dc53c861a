//! The octets of a report (RFC 6522, RFC 3464, RFC 6533).

use std::borrow::Cow;
use std::fmt::Write as _;

use postroom_mail::date::DateTime;
use postroom_mail::envelope::Ret;
use postroom_mail::message::{decode_text, first_field};
use postroom_runtime::clock::Timestamp;
use postroom_store::operation::Piece;

use super::{Action, Line, Original, Report, advice};
use crate::privacy::printable;

/// Octets of the message that a report returns at most. A message above it comes back as its header
/// alone, whatever RET says, and a header above it is cut after its last whole line (RFC 6522 §4).
pub(crate) const RETURNED_OCTETS_MAX: usize = 128 * 1024;

/// Characters of a peer's text in one line of a report.
const TEXT_MAX: usize = 200;

/// A report around the beginning of the message that it is about.
#[derive(Debug)]
pub(crate) struct Composed {
    head: String,
    /// Octets of the message between head and foot.
    returned: usize,
    foot: String,
}

impl Composed {
    /// The whole, over the message that it was composed for.
    pub(crate) fn octets(&self, message: &[u8]) -> Vec<u8> {
        let returned = message.get(..self.returned).unwrap_or_default();
        [self.head.as_bytes(), returned, self.foot.as_bytes()].concat()
    }

    /// The same as pieces over the kept message: what is returned of it is not written again.
    pub(crate) fn around(&self, message: &[Piece]) -> Vec<Piece> {
        let mut pieces = vec![Piece::Block(self.head.as_bytes().into())];
        pieces.extend(first_octets(message, self.returned as u64));
        pieces.push(Piece::Block(self.foot.as_bytes().into()));
        pieces
    }
}

/// The media types of the parts, which differ where an address or a header is not ASCII
/// (RFC 6533 §3, §4, §5).
struct Types {
    report: &'static str,
    headers: &'static str,
    message: &'static str,
}

const ASCII: Types = Types {
    report: "delivery-status",
    headers: "text/rfc822-headers",
    message: "message/rfc822",
};

const GLOBAL: Types = Types {
    report: "global-delivery-status",
    headers: "message/global-headers",
    message: "message/global",
};

impl Report {
    /// Writes the report.
    pub(crate) fn compose(&self, original: &Original<'_>) -> Composed {
        let (returned, is_message) = self.returned(original);
        let octets = original.octets.get(..returned).unwrap_or_default();
        let types = self.types(original, octets, is_message);
        let boundary = format!("=_report_{}", original.id);
        let people = self.for_people(original);
        let programs = self.for_programs(original);
        let returned_type = if is_message {
            types.message
        } else {
            types.headers
        };

        let mut head = self.header(original, types.report, &boundary);
        let _ = write!(
            head,
            "--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n{}\r\n{people}\
             \r\n--{boundary}\r\nContent-Type: message/{}\r\n{}\r\n{programs}\
             \r\n--{boundary}\r\nContent-Type: {returned_type}\r\n{}\r\n",
            encoding(people.as_bytes()),
            types.report,
            encoding(programs.as_bytes()),
            encoding(octets),
        );
        Composed {
            head,
            returned,
            foot: format!("\r\n--{boundary}--\r\n"),
        }
    }

    /// How many octets of the message come back, and whether that is all of it. RET speaks of
    /// failures alone; everything else returns the header (RFC 3461 §4.3).
    fn returned(&self, original: &Original<'_>) -> (usize, bool) {
        let octets = original.octets;
        let is_wanted = self.gravest() == Action::Failed && original.ret == Some(Ret::Full);
        let is_all = original.size == octets.len() as u64;
        if is_wanted && is_all && octets.len() <= RETURNED_OCTETS_MAX {
            return (octets.len(), true);
        }
        let header = if octets.starts_with(b"\r\n") {
            0
        } else {
            let end = octets.windows(4).position(|window| window == b"\r\n\r\n");
            end.map_or(octets.len(), |at| at + 2)
        };
        (whole_lines(octets, header.min(RETURNED_OCTETS_MAX)), false)
    }

    fn types(&self, original: &Original<'_>, returned: &[u8], is_message: bool) -> Types {
        let header = if is_message {
            let end = returned.windows(4).position(|window| window == b"\r\n\r\n");
            returned.get(..end.unwrap_or(returned.len()))
        } else {
            Some(returned)
        };
        let is_ascii = header.is_some_and(<[u8]>::is_ascii)
            && original.sender.is_ascii()
            && self.lines.iter().all(Line::is_ascii);
        if is_ascii { ASCII } else { GLOBAL }
    }

    fn header(&self, original: &Original<'_>, report_type: &str, boundary: &str) -> String {
        let Original {
            id, host, sender, ..
        } = original;
        let date = date(original.now);
        let subject = match self.gravest() {
            Action::Failed => "Your message could not be delivered",
            Action::Delayed => "Your message is delayed",
            Action::Relayed => "Your message has been passed on",
            Action::Expanded | Action::Delivered => "Your message has been delivered",
        };
        format!(
            "Received: by {host} (postroom) id {id};\r\n\t{date}\r\n\
             Date: {date}\r\n\
             From: Mail delivery <postmaster@{host}>\r\n\
             To: <{sender}>\r\n\
             Subject: {subject}\r\n\
             Message-ID: <{id}.report@{host}>\r\n\
             Auto-Submitted: auto-replied\r\n\
             MIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type={report_type};\r\n\
             \tboundary=\"{boundary}\"\r\n\r\n"
        )
    }

    /// The part for people.
    fn for_people(&self, original: &Original<'_>) -> String {
        let mut text = format!("This is the mail server {}.\r\n\r\n", original.host);
        let _ = write!(text, "It is about {}.\r\n", describe(original));
        for action in [
            Action::Failed,
            Action::Delayed,
            Action::Relayed,
            Action::Expanded,
            Action::Delivered,
        ] {
            let mut lines = self.lines.iter().filter(|line| line.action == action);
            let Some(first) = lines.next() else {
                continue;
            };
            let _ = write!(text, "\r\n{}\r\n", announce(action));
            for line in std::iter::once(first).chain(lines) {
                line.for_people(&mut text);
            }
            let _ = write!(text, "\r\n{}\r\n", promise(first));
        }
        let _ = write!(
            text,
            "\r\nWhoever helps you with this may want to know its number: {}.\r\n",
            original.queue_id
        );
        text
    }

    /// The part for programs (RFC 3464 §2.2, §2.3).
    fn for_programs(&self, original: &Original<'_>) -> String {
        let mut text = String::new();
        if let Some(envid) = original.envid {
            let _ = write!(text, "Original-Envelope-Id: {}\r\n", one_line(envid));
        }
        let _ = write!(
            text,
            "Reporting-MTA: dns; {}\r\nArrival-Date: {}\r\n",
            original.host,
            date(original.arrived),
        );
        for line in &self.lines {
            text.push_str("\r\n");
            line.for_programs(&mut text);
        }
        text
    }
}

impl Line {
    fn is_ascii(&self) -> bool {
        self.address.is_ascii() && self.orcpt.as_deref().is_none_or(str::is_ascii)
    }

    fn for_people(&self, text: &mut String) {
        let _ = write!(text, "\r\n    {}\r\n", one_line(&self.address));
        if matches!(self.action, Action::Failed | Action::Delayed) {
            if let Some(sentence) = advice::of(self.status) {
                let _ = write!(text, "        {sentence}\r\n");
            }
            if let Some(own) = &self.text {
                let _ = write!(text, "        {}\r\n", sentence(&one_line(own)));
            }
        }
        if let (Some(remote), Some(said)) = (&self.remote, &self.diagnostic) {
            let (name, said) = (one_line(&remote.name), one_line(said));
            let _ = write!(text, "        {name} said:\r\n        {said}\r\n");
        }
    }

    fn for_programs(&self, text: &mut String) {
        if let Some(orcpt) = &self.orcpt {
            let _ = write!(text, "Original-Recipient: {}\r\n", one_line(orcpt));
        }
        let kind = if self.address.is_ascii() {
            "rfc822"
        } else {
            "utf-8"
        };
        let _ = write!(
            text,
            "Final-Recipient: {kind}; {}\r\nAction: {}\r\nStatus: {}\r\n",
            one_line(&self.address),
            self.action.as_str(),
            self.status,
        );
        if let Some(remote) = &self.remote {
            let name = ascii(&one_line(&remote.name));
            let _ = write!(text, "Remote-MTA: dns; {name}\r\n");
        }
        if let Some(said) = &self.diagnostic {
            let _ = write!(
                text,
                "Diagnostic-Code: smtp; {}\r\n",
                ascii(&one_line(said))
            );
        }
        let _ = write!(text, "Last-Attempt-Date: {}\r\n", date(self.time));
        if let Some(until) = self.retried_until {
            let _ = write!(text, "Will-Retry-Until: {}\r\n", date(until));
        }
    }
}

/// With a capital letter and a full stop, however it came.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let mut sentence: String = letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    sentence.push_str(letters.as_str());
    if !sentence.ends_with(['.', '?', '!']) {
        sentence.push('.');
    }
    sentence
}

fn announce(action: Action) -> &'static str {
    match action {
        Action::Failed => "It could not be delivered to:",
        Action::Delayed => "It has not been delivered yet to:",
        Action::Relayed => "It was passed on, to a server that does not report further, for:",
        Action::Expanded => "It has been given to all members of:",
        Action::Delivered => "It is in the mailbox of:",
    }
}

/// What happens next.
fn promise(line: &Line) -> Cow<'static, str> {
    match (line.action, line.retried_until) {
        (Action::Failed, _) => "It will not be tried again.".into(),
        (Action::Delayed, Some(until)) => format!(
            "You need not do anything: it will be tried again until\r\n{}, and you will hear if it fails.",
            date(until)
        )
        .into(),
        _ => "You need not do anything.".into(),
    }
}

/// The message in words that its writer knows it by.
fn describe(original: &Original<'_>) -> String {
    let subject = first_field(original.octets, "Subject").map(decode_text);
    let subject = subject.as_deref().map(str::trim).map(one_line);
    let day = date(original.arrived);
    match subject {
        Some(subject) if !subject.is_empty() => {
            format!("your message\r\n\"{subject}\"\r\nof {day}")
        }
        _ => format!("your message without a subject\r\nof {day}"),
    }
}

fn date(at: Timestamp) -> String {
    DateTime::at(at, 0).header().to_string()
}

/// Content-Transfer-Encoding, where it is not the default.
fn encoding(octets: &[u8]) -> &'static str {
    if octets.is_ascii() {
        ""
    } else {
        "Content-Transfer-Encoding: 8bit\r\n"
    }
}

/// A peer's text within one line.
fn one_line(text: &str) -> String {
    printable(text).chars().take(TEXT_MAX).collect()
}

fn ascii(text: &str) -> String {
    let keep = |c: char| if c.is_ascii() { c } else { '?' };
    text.chars().map(keep).collect()
}

/// As much of the first `octets` as ends with a line.
fn whole_lines(message: &[u8], octets: usize) -> usize {
    let first = message.get(..octets).unwrap_or_default();
    let end = first.windows(2).rposition(|window| window == b"\r\n");
    if octets == message.len() && !first.ends_with(b"\r\n") {
        return octets;
    }
    end.map_or(0, |at| at + 2)
}

/// The pieces that make the first `octets`.
fn first_octets(pieces: &[Piece], octets: u64) -> Vec<Piece> {
    let mut left = octets;
    let mut first = Vec::with_capacity(pieces.len());
    for piece in pieces {
        if left == 0 {
            break;
        }
        let take = piece.octets().min(left);
        left -= take;
        first.push(match piece {
            Piece::Kept(range) => Piece::Kept(range.start..range.start.saturating_add(take)),
            Piece::Block(bytes) => {
                let end = usize::try_from(take).unwrap_or(bytes.len());
                Piece::Block(bytes.get(..end).unwrap_or_default().into())
            }
        });
    }
    first
}
