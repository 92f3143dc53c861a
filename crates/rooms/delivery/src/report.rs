//! Delivery status notifications (RFC 3464), written when a sender asked or mail failed.

use std::fmt::Write as _;

use postroom_mail::date::DateTime;
use postroom_mail::envelope::{Recipient, Ret};
use postroom_mail::flag::Flags;
use postroom_mail::identifier::MailboxId;
use postroom_mail::reply::Reply;
use postroom_mailbox::parsed::parse_for_keeping;
use postroom_store::operation::{Delivery, Piece, QuotaRule, Rendering};

use crate::case::Case;
use crate::expand::Target;

/// What became of a recipient (RFC 3464 §2.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Delivered,
    Expanded,
    Failed,
}

/// One report in the making.
#[derive(Debug, Default)]
pub(crate) struct Report {
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    address: String,
    orcpt: Option<Box<str>>,
    action: Action,
    reply: Option<Reply>,
}

impl Report {
    pub(crate) fn add(&mut self, recipient: &Recipient, action: Action, reply: Option<Reply>) {
        self.lines.push(Line {
            address: recipient.address.to_string(),
            orcpt: recipient.orcpt.clone(),
            action,
            reply,
        });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The report as one more message of the plan. It shares the plan's body: what it returns of
    /// the message is not written again.
    pub(crate) fn delivery(
        &self,
        case: &Case<'_>,
        target: &Target,
        mailbox: MailboxId,
    ) -> Delivery {
        let returned = self.returned(case);
        let head = self.text(case, target, returned).into_bytes();
        let foot = format!("\r\n--{}--\r\n", boundary(case)).into_bytes();
        let end = returned.end(case.octets);

        let octets = [&head, case.octets.get(..end).unwrap_or_default(), &foot].concat();
        let mut pieces = vec![Piece::Block(head.into())];
        pieces.extend(first_octets(case.pieces, end as u64));
        pieces.push(Piece::Block(foot.into()));
        Delivery {
            account: target.account,
            mailbox,
            flags: Flags::default(),
            received: case.time,
            rendering: Rendering { pieces },
            // A report that does not fit must not undo the delivery it reports.
            quota: QuotaRule::Reserved,
            parsed: parse_for_keeping(&octets),
        }
    }

    /// RET speaks of failures alone; success returns headers (RFC 3461 §4.3).
    fn returned(&self, case: &Case<'_>) -> Returned {
        let has_failed = self.lines.iter().any(|line| line.action == Action::Failed);
        if has_failed && case.envelope.ret == Some(Ret::Full) {
            Returned::Message
        } else {
            Returned::Header
        }
    }

    /// All up to the returned part.
    fn text(&self, case: &Case<'_>, target: &Target, returned: Returned) -> String {
        let is_global = case.envelope.smtputf8
            || self.lines.iter().any(|line| !line.address.is_ascii())
            || !target.address.is_ascii();
        let (host, boundary) = (case.host, boundary(case));
        let date = DateTime::at(case.time, 0).header();
        let subject = self.subject();
        let (status_type, header_type, message_type) = if is_global {
            // RFC 6533 §4.
            (
                "message/global-delivery-status",
                "message/global-headers",
                "message/global",
            )
        } else {
            (
                "message/delivery-status",
                "text/rfc822-headers",
                "message/rfc822",
            )
        };
        let returned_type = match returned {
            Returned::Header => header_type,
            Returned::Message => message_type,
        };
        let mut text = format!(
            "Return-Path: <>\r\nDelivered-To: {to}\r\n\
             Received: by {host} id {arrival};\r\n\t{date}\r\n\
             Date: {date}\r\n\
             From: Mail delivery <postmaster@{host}>\r\n\
             To: <{to}>\r\n\
             Subject: {subject}\r\n\
             Message-ID: <{arrival}.report@{host}>\r\n\
             Auto-Submitted: auto-replied\r\n\
             MIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type={report_type};\r\n\tboundary=\"{boundary}\"\r\n\
             \r\n--{boundary}\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: 8bit\r\n\r\n",
            to = target.address,
            arrival = case.arrival,
            report_type = status_type.trim_start_matches("message/"),
        );
        self.explain(&mut text);
        let _ = write!(
            text,
            "\r\n--{boundary}\r\nContent-Type: {status_type}\r\n{}\r\n",
            if is_global {
                "Content-Transfer-Encoding: 8bit\r\n"
            } else {
                ""
            },
        );
        self.status(case, &mut text);
        let _ = write!(
            text,
            "\r\n--{boundary}\r\nContent-Type: {returned_type}\r\n\
             Content-Transfer-Encoding: 8bit\r\n\r\n"
        );
        text
    }

    fn subject(&self) -> &'static str {
        let has_failed = self.lines.iter().any(|line| line.action == Action::Failed);
        if has_failed {
            "Your message could not be delivered"
        } else {
            "Your message has been delivered"
        }
    }

    /// The part for people.
    fn explain(&self, text: &mut String) {
        text.push_str("This is the mail server. About the message below:\r\n\r\n");
        for line in &self.lines {
            let what = match line.action {
                Action::Delivered => "has been put into the mailbox",
                Action::Expanded => "has been given to all members",
                Action::Failed => "could not be delivered",
            };
            let _ = write!(text, "  {}: {what}\r\n", line.address);
            if let Some(reply) = &line.reply {
                let _ = write!(text, "      {}\r\n", reply.text);
            }
        }
    }

    /// The part for programs (RFC 3464 §2.2, §2.3).
    fn status(&self, case: &Case<'_>, text: &mut String) {
        if let Some(envid) = &case.envelope.envid {
            let _ = write!(text, "Original-Envelope-Id: {}\r\n", one_line(envid));
        }
        let _ = write!(
            text,
            "Reporting-MTA: dns; {}\r\nArrival-Date: {}\r\n",
            case.host,
            DateTime::at(case.time, 0).header(),
        );
        for line in &self.lines {
            text.push_str("\r\n");
            if let Some(orcpt) = &line.orcpt {
                let _ = write!(text, "Original-Recipient: {}\r\n", one_line(orcpt));
            }
            let kind = if line.address.is_ascii() {
                "rfc822"
            } else {
                "utf-8"
            };
            let (action, status) = match line.action {
                Action::Delivered => ("delivered", "2.0.0".to_owned()),
                Action::Expanded => ("expanded", "2.0.0".to_owned()),
                Action::Failed => ("failed", line.failure_status()),
            };
            let _ = write!(
                text,
                "Final-Recipient: {kind}; {}\r\nAction: {action}\r\nStatus: {status}\r\n",
                line.address
            );
        }
    }
}

impl Line {
    fn failure_status(&self) -> String {
        self.reply
            .as_ref()
            .and_then(|reply| reply.enhanced)
            .map_or_else(|| "5.0.0".to_owned(), |code| code.to_string())
    }
}

/// How much of the message comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Returned {
    Header,
    Message,
}

impl Returned {
    /// Where that ends in the message.
    fn end(self, octets: &[u8]) -> usize {
        match self {
            Self::Message => octets.len(),
            Self::Header if octets.starts_with(b"\r\n") => 0,
            Self::Header => octets
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
                .map_or(octets.len(), |at| at + 2),
        }
    }
}

/// Random like the queue id, which nobody knew while the message was written.
fn boundary(case: &Case<'_>) -> String {
    format!("=_report_{}", case.arrival)
}

/// A peer's text within one field: what would end the line is replaced.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
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
