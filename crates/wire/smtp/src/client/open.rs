//! A transaction under way: which commands are out, and what is known of each recipient.

use std::fmt::{self, Write as _};

use postroom_mail::address::Address;
use postroom_mail::envelope::{BodyType, Notify, Recipient, Ret};
use postroom_mail::reply::Reply;
use postroom_wire::output::Output;

use super::extension::{Extension, Extensions};
use super::host::Transaction;
use super::outcome::{Fate, Stage, Unsent};
use super::source::Source;
use crate::xtext;

/// Commands are counted from 0: MAIL, then RCPT for each recipient, then DATA or BDAT. In the
/// order of the commands come the replies, and after that to DATA those to the end of the data.
#[derive(Debug)]
pub(super) struct Open {
    wish: Transaction,
    /// Commands written.
    sent: usize,
    /// Replies heard, up to that of DATA or BDAT.
    heard: usize,
    /// One for each recipient, once it is certain.
    fates: Vec<Option<Fate>>,
    is_mail_refused: bool,
    body: Body,
}

/// How far the message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    Unsent,
    /// A dot alone: for nobody.
    Void,
    /// All of it, by BDAT or after DATA.
    Sent,
}

/// The next command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Mail,
    Recipient(usize),
    Data,
}

impl Open {
    pub(super) fn new(wish: Transaction) -> Self {
        Self {
            sent: 0,
            heard: 0,
            fates: wish.envelope.recipients.iter().map(|_| None).collect(),
            is_mail_refused: false,
            body: Body::Unsent,
            wish,
        }
    }

    /// Why this message cannot go to a peer that offers `extensions`.
    pub(super) fn obstacle(&self, extensions: &Extensions) -> Option<Unsent> {
        if self.needs_smtputf8() && !extensions.offers(Extension::SmtpUtf8) {
            return Some(Unsent::SmtpUtf8);
        }
        let is_eight_bit = self.wish.envelope.body == BodyType::EightBitMime;
        if is_eight_bit && !extensions.offers(Extension::EightBitMime) {
            return Some(Unsent::EightBit);
        }
        let octets = self.wish.octets;
        extensions
            .size_octets_max
            .filter(|&octets_max| octets > octets_max)
            .map(|octets_max| Unsent::TooBig { octets, octets_max })
    }

    pub(super) fn octets(&self) -> u64 {
        self.wish.octets
    }

    pub(super) fn is_mail_refused(&self) -> bool {
        self.is_mail_refused
    }

    /// Whether the message is out, so that the peer may have taken it over.
    pub(super) fn is_sent(&self) -> bool {
        self.body == Body::Sent && self.has_recipients()
    }

    pub(super) fn body(&self) -> Body {
        self.body
    }

    pub(super) fn set_body(&mut self, body: Body) {
        self.body = body;
    }

    /// Whether no reply is to come.
    pub(super) fn is_quiet(&self) -> bool {
        self.outstanding() == 0 && self.body == Body::Unsent
    }

    /// Commands without a reply.
    pub(super) fn outstanding(&self) -> usize {
        self.sent.saturating_sub(self.heard)
    }

    /// Whether every RCPT has its reply.
    pub(super) fn is_envelope_heard(&self) -> bool {
        self.heard > self.fates.len()
    }

    /// Whether a recipient may still get the message.
    pub(super) fn has_recipients(&self) -> bool {
        self.fates.iter().any(Option::is_none)
    }

    /// The command that comes next; `None` after the last.
    pub(super) fn next_command(&self) -> Option<Command> {
        match self.sent.checked_sub(1) {
            None => Some(Command::Mail),
            Some(place) if place < self.fates.len() => Some(Command::Recipient(place)),
            Some(place) if place == self.fates.len() => Some(Command::Data),
            Some(_) => None,
        }
    }

    /// The command whose reply comes next; after that to DATA its end is what is replied to.
    pub(super) fn next_heard(&self) -> Option<Command> {
        match self.heard.checked_sub(1) {
            None => Some(Command::Mail),
            Some(place) if place < self.fates.len() => Some(Command::Recipient(place)),
            Some(place) if place == self.fates.len() => Some(Command::Data),
            Some(_) => None,
        }
    }

    pub(super) fn note_sent(&mut self) {
        self.sent = self.sent.saturating_add(1);
    }

    pub(super) fn note_heard(&mut self) {
        self.heard = self.heard.saturating_add(1);
    }

    /// What the next reply is to.
    pub(super) fn stage(&self) -> Stage {
        match self.next_heard() {
            Some(Command::Mail) => Stage::Mail,
            Some(Command::Recipient(_)) => Stage::Recipient,
            Some(Command::Data) if self.body == Body::Unsent => Stage::Data,
            _ => Stage::EndOfData,
        }
    }

    pub(super) fn refuse_mail(&mut self, reply: &Reply) {
        self.is_mail_refused = true;
        self.refuse_all(Stage::Mail, reply);
    }

    pub(super) fn refuse_recipient(&mut self, place: usize, reply: Reply) {
        if let Some(fate @ None) = self.fates.get_mut(place) {
            let stage = Stage::Recipient;
            *fate = Some(Fate::Refused { stage, reply });
        }
    }

    /// All whose fate is open share this one.
    pub(super) fn settle_all(&mut self, shared: &Fate) {
        for fate in self.fates.iter_mut().filter(|fate| fate.is_none()) {
            *fate = Some(shared.clone());
        }
    }

    pub(super) fn refuse_all(&mut self, stage: Stage, reply: &Reply) {
        let reply = reply.clone();
        self.settle_all(&Fate::Refused { stage, reply });
    }

    /// The first whose fate is open gets this one (RFC 2033 §4.2).
    pub(super) fn settle_next(&mut self, settled: Fate) {
        if let Some(fate) = self.fates.iter_mut().find(|fate| fate.is_none()) {
            *fate = Some(settled);
        }
    }

    /// What is certain so far.
    pub(super) fn fates(&self) -> Vec<Option<Fate>> {
        self.fates.clone()
    }

    /// All fates, once none is open.
    pub(super) fn into_fates(self) -> Vec<Fate> {
        self.fates.into_iter().flatten().collect()
    }
}

/// What is written.
impl Open {
    /// MAIL with what the peer offers (RFC 5321 §4.1.1.2).
    pub(super) fn write_mail(&self, extensions: &Extensions, out: &mut Output) {
        let envelope = &self.wish.envelope;
        let _ = write!(out, "MAIL FROM:{}", envelope.reverse_path);
        if extensions.offers(Extension::Size) {
            let _ = write!(out, " SIZE={}", self.wish.octets);
        }
        if envelope.body == BodyType::EightBitMime {
            out.put(b" BODY=8BITMIME");
        }
        if self.needs_smtputf8() {
            out.put(b" SMTPUTF8");
        }
        if extensions.offers(Extension::Dsn) {
            match envelope.ret {
                Some(Ret::Full) => out.put(b" RET=FULL"),
                Some(Ret::Headers) => out.put(b" RET=HDRS"),
                None => {}
            }
            if let Some(envid) = &envelope.envid {
                let _ = write!(out, " ENVID={}", xtext::Encoded(envid));
            }
        }
        out.put(b"\r\n");
    }

    /// RCPT with its wishes (RFC 5321 §4.1.1.3, RFC 3461 §4.1, §4.2).
    pub(super) fn write_recipient(&self, place: usize, extensions: &Extensions, out: &mut Output) {
        let Some(to) = self.wish.envelope.recipients.get(place) else {
            return;
        };
        let _ = write!(out, "RCPT TO:<{}>", to.address);
        if extensions.offers(Extension::Dsn) {
            write_wishes(to, out);
        }
        out.put(b"\r\n");
    }

    pub(super) fn write_chunk(&self, out: &mut Output) -> Source {
        let _ = write!(out, "BDAT {} LAST\r\n", self.wish.octets);
        Source::chunk(self.wish.octets)
    }

    pub(super) fn lines(&self) -> Source {
        Source::lines(self.wish.octets)
    }

    /// Whether the envelope cannot be said in ASCII, or the message is not to be (RFC 6531 §3.2).
    fn needs_smtputf8(&self) -> bool {
        let envelope = &self.wish.envelope;
        let sender = envelope.reverse_path.address();
        let recipients = envelope.recipients.iter().map(|to| &to.address);
        envelope.smtputf8 || !sender.into_iter().chain(recipients).all(Address::is_ascii)
    }
}

fn write_wishes(to: &Recipient, out: &mut Output) {
    if let Some(notify) = to.notify {
        let _ = write!(out, " NOTIFY={}", Wishes(notify));
    }
    if let Some((kind, address)) = to.orcpt.as_deref().and_then(|orcpt| orcpt.split_once(';')) {
        let _ = write!(out, " ORCPT={kind};{}", xtext::Encoded(address));
    }
}

/// `NEVER`, or a list (RFC 3461 §4.1).
struct Wishes(Notify);

impl fmt::Display for Wishes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = [
            ("SUCCESS", Notify::SUCCESS),
            ("FAILURE", Notify::FAILURE),
            ("DELAY", Notify::DELAY),
        ];
        let mut words = named.iter().filter(|(_, wish)| self.0.contains(*wish));
        let Some((first, _)) = words.next() else {
            return f.write_str("NEVER");
        };
        f.write_str(first)?;
        words.try_for_each(|(word, _)| write!(f, ",{word}"))
    }
}
