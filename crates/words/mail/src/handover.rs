//! Messages as programs of this machine hand them over to `sendmail`: lines that end in LF, an
//! envelope in the header, fields that lack.

use crate::address::{Address, AddressError, ForwardPath, NonAscii};
use crate::header::{mailbox, unstructured};
use crate::message::{Field, Fields, ListMember, NamedMailbox, parse_address_list};

#[cfg(test)]
mod tests;

/// What was handed over is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandoverError {
    /// A CR that ends no line: readers disagree on what it is.
    #[error("line {0} has a CR that is not before an LF")]
    BareCr(usize),
    /// A NUL (RFC 5321 §2.3.1 has no place for it).
    #[error("line {0} has a NUL")]
    Nul(usize),
}

/// Whether a line with a single dot ends the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoneDot {
    /// It does, as for people who type.
    Ends,
    /// It is a line like any other (`-i`).
    Stays,
}

/// Gives every line CRLF. A last line without an end gets one; the line `From …` that mailbox
/// files have at the top is dropped.
///
/// # Errors
/// When there is a bare CR or a NUL.
pub fn with_crlf(input: &[u8], lone_dot: LoneDot) -> Result<Vec<u8>, HandoverError> {
    let mut message = Vec::with_capacity(input.len() + input.len() / 32);
    for (index, line) in input.split_inclusive(|octet| *octet == b'\n').enumerate() {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.contains(&b'\r') {
            return Err(HandoverError::BareCr(index + 1));
        }
        if line.contains(&0) {
            return Err(HandoverError::Nul(index + 1));
        }
        if line == b"." && lone_dot == LoneDot::Ends {
            break;
        }
        if index == 0 && line.starts_with(b"From ") {
            continue;
        }
        message.extend_from_slice(line);
        message.extend_from_slice(b"\r\n");
    }
    Ok(message)
}

/// Who stands behind addresses that are written without a domain.
#[derive(Clone, Debug)]
pub struct Origin<'o> {
    /// Whoever hands over.
    pub sender: &'o Address,
    /// The name for people that goes with it; may be empty.
    pub full_name: &'o str,
    /// The domain of recipients that name none.
    pub domain: &'o str,
}

/// A message that is ready to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prepared {
    /// Whom its header names, without repetition.
    pub recipients: Vec<ForwardPath>,
    /// What its header names and no envelope can carry.
    pub unusable: Vec<String>,
    /// The message.
    pub octets: Vec<u8>,
}

/// Reads the recipients of a header and completes it: To, Cc and Bcc, or where there are fields of
/// Resent-To and so on only those (RFC 5322 §3.6.6). Bcc is taken out; From is put in, or given
/// the domain that it lacks, and a To where nobody is named. Date and Message-ID are the matter of
/// whoever takes the message (RFC 6409 §8).
pub fn prepare(message: &[u8], origin: &Origin<'_>) -> Prepared {
    let mut prepared = Prepared::default();
    let fields: Vec<Field<'_>> = Fields::new(message).collect();
    let is_missing = fields.first().is_some_and(|field| {
        field.name.is_empty() || message.first().is_some_and(u8::is_ascii_whitespace)
    }) && !message.starts_with(b"\r\n");
    let fields = if is_missing { Vec::new() } else { fields };
    let is_resent = fields.iter().any(|field| {
        ["Resent-To", "Resent-Cc", "Resent-Bcc"]
            .into_iter()
            .any(|name| field.is(name))
    });
    let named = if is_resent {
        ["Resent-To", "Resent-Cc", "Resent-Bcc"]
    } else {
        ["To", "Cc", "Bcc"]
    };
    let (mut has_from, mut has_recipient) = (false, false);
    let mut written = 0;
    for field in &fields {
        if named.into_iter().any(|name| field.is(name)) {
            prepared.name_all(field.value, origin.domain);
        }
        let is_from = field.is("From");
        has_from |= is_from;
        has_recipient |= field.is("To") || field.is("Cc");
        let replacement = if field.is("Bcc") || field.is("Resent-Bcc") {
            Some(String::new())
        } else if is_from {
            qualified_from(field.value, origin)
        } else {
            None
        };
        if let Some(replacement) = replacement {
            let range = field.range();
            let before = message.get(written..range.start).unwrap_or_default();
            prepared.octets.extend_from_slice(before);
            prepared.octets.extend_from_slice(replacement.as_bytes());
            written = range.end;
        }
    }
    let rest = message.get(written..).unwrap_or_default();
    let mut head = String::new();
    if !has_from {
        head.push_str(&mailbox("From", origin.full_name, origin.sender));
    }
    if !has_recipient {
        head.push_str(&unstructured("To", "undisclosed-recipients:;"));
    }
    if is_missing || fields.is_empty() && !message.starts_with(b"\r\n") {
        // There was no header: what is there is the body.
        head.push_str("\r\n");
    }
    prepared.octets.splice(0..0, head.into_bytes());
    prepared.octets.extend_from_slice(rest);
    prepared
}

/// A recipient as people and programs write it: `anna@example.org`, `Anna <anna@example.org>`, or
/// a name of this machine, which gets the origin's domain. root, the postmaster and the mailer
/// itself are the postmaster of the server (RFC 5321 §4.5.1).
///
/// # Errors
/// When no envelope could carry it.
pub fn recipient(named: &NamedMailbox, domain: &str) -> Result<ForwardPath, AddressError> {
    let local = String::from_utf8_lossy(&named.local);
    let is_postmaster = ["root", "postmaster", "mailer-daemon"]
        .into_iter()
        .any(|name| local.eq_ignore_ascii_case(name));
    if named.domain.is_empty() && is_postmaster {
        return Ok(ForwardPath::Postmaster);
    }
    address(named, domain).map(ForwardPath::Address)
}

/// The address of a mailbox, completed with `domain` where it has none.
///
/// # Errors
/// When no envelope could carry it.
pub fn address(named: &NamedMailbox, domain: &str) -> Result<Address, AddressError> {
    let of_header = String::from_utf8_lossy(&named.domain);
    let domain = if of_header.is_empty() {
        domain
    } else {
        &of_header
    };
    let local = String::from_utf8_lossy(&named.local);
    let quoted = local.replace('\\', "\\\\").replace('"', "\\\"");
    Address::parse(&format!("\"{quoted}\"@{domain}"), NonAscii::Allowed)
}

impl Prepared {
    fn name_all(&mut self, value: &[u8], domain: &str) {
        for member in parse_address_list(value) {
            let ListMember::Mailbox(named) = member else {
                continue;
            };
            match recipient(&named, domain) {
                Ok(path) if self.recipients.contains(&path) => {}
                Ok(path) => self.recipients.push(path),
                Err(_) => self
                    .unusable
                    .push(String::from_utf8_lossy(&named.local).into_owned()),
            }
        }
    }
}

/// A From of one name without a domain, as cron writes it, with the sender's address.
fn qualified_from(value: &[u8], origin: &Origin<'_>) -> Option<String> {
    let members = parse_address_list(value);
    let [ListMember::Mailbox(named)] = members.as_slice() else {
        return None;
    };
    if !named.domain.is_empty() {
        return None;
    }
    let name = named.display_name();
    let name = if name.is_empty() {
        origin.full_name
    } else {
        &name
    };
    Some(mailbox("From", name, origin.sender))
}
