//! What the house has promised, and what is found in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::time::Duration;

use postroom_mail::flag::SystemFlags;
use postroom_mail::identifier::{MailboxId, Uid};
use postroom_mail::message::header_length;
use postroom_runtime::clock::Timestamp;
use postroom_store::journal::{JournalLine, Sought};
use postroom_store::operation::NextHop;

use crate::house::{House, PEOPLE, TEAM, here};
use crate::network::{Network, STRANGERS};

/// The field that numbers a letter.
const FIELD: &str = "X-Sim: ";

/// One message, however often it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) number: usize,
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) text: Vec<u8>,
}

/// What may have become of one letter for one person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Promise {
    /// It was acknowledged.
    is_kept: bool,
    /// Times it may have been committed without an acknowledgement.
    doubts: usize,
    /// Copies that were deleted on request.
    deleted: usize,
    /// Deletions of which nobody heard the end.
    deletions_in_doubt: usize,
}

impl Promise {
    fn copies(self) -> RangeInclusive<usize> {
        let least = usize::from(self.is_kept);
        let gone = self.deleted + self.deletions_in_doubt;
        let most = (least + self.doubts).saturating_sub(self.deleted);
        least.saturating_sub(gone)..=most
    }
}

/// A letter to be sent again.
#[derive(Debug)]
struct Again {
    number: usize,
    until: Timestamp,
}

/// How long a repeated message is known as such, less what the run of a letter takes.
const REPEAT_KNOWN: Duration = Duration::from_hours(23);

/// What the invariants speak of.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    letters: Vec<Letter>,
    promises: BTreeMap<(usize, &'static str), Promise>,
    /// Of recipients elsewhere.
    elsewhere: BTreeMap<(usize, &'static str), Promise>,
    /// What each UID has stood for since it was first seen.
    uids: BTreeMap<MailboxId, BTreeMap<Uid, Option<usize>>>,
    flagged: BTreeSet<(MailboxId, Uid)>,
    /// What has happened, for whoever reads of a violation.
    pub(crate) story: Vec<String>,
    /// Letters whose sender did not hear of their acceptance, or met trouble, and tries again.
    again: Vec<Again>,
    /// A power cut is on its way: what is done now may be undone.
    pub(crate) is_cut: bool,
}

/// An invariant that does not hold.
#[derive(Debug)]
pub struct Violation(pub String);

type Held = Result<(), Violation>;

impl Ledger {
    /// A new letter.
    pub(crate) fn write(&mut self, from: String, to: Vec<String>, lines: usize) -> Letter {
        let number = self.letters.len();
        let mut text = format!(
            "{FIELD}{number}\r\nFrom: <{from}>\r\nSubject: letter\r\n\
             Date: Mon, 02 Nov 2026 09:05:00 +0000\r\nMessage-ID: <{number}@sim>\r\n\r\n"
        );
        for line in 0..lines {
            // Some lines begin with a dot.
            let dot = if line % 5 == 0 { "." } else { "" };
            let _ = write!(text, "{dot}line {line} of letter {number}\r\n");
        }
        let letter = Letter {
            number,
            from,
            to,
            text: text.into_bytes(),
        };
        self.letters.push(letter.clone());
        letter
    }

    /// The last letter written.
    pub(crate) fn written(&self) -> usize {
        self.letters.len()
    }

    /// Acknowledged for these recipients.
    pub(crate) fn promised(&mut self, number: usize, to: &[String]) {
        self.story
            .push(format!("letter {number} is taken for {to:?}"));
        self.each(number, to, |promise| promise.is_kept = true);
    }

    /// Nobody knows whether it was taken for these recipients.
    pub(crate) fn doubted(&mut self, number: usize, to: &[String]) {
        self.story
            .push(format!("letter {number} is in doubt for {to:?}"));
        self.each(number, to, |promise| promise.doubts += 1);
    }

    /// The sender will try again: it did not hear that the letter was taken, or met trouble.
    pub(crate) fn send_again(&mut self, letter: &Letter, accepted: &[String], now: Timestamp) {
        let number = letter.number;
        self.story
            .push(format!("letter {number} will be sent again"));
        if self.is_cut {
            // That nobody heard of it may not have become durable.
            self.doubted(number, accepted);
        }
        let until = now.plus(REPEAT_KNOWN);
        self.again.push(Again { number, until });
    }

    /// A letter of this sender's that is to be sent again.
    pub(crate) fn repeated(&mut self, sender: &str, now: Timestamp) -> Option<Letter> {
        self.again.retain(|again| again.until > now);
        let letters = &self.letters;
        let is_own = |again: &Again| letters[again.number].from == sender;
        let place = self.again.iter().position(is_own)?;
        let again = self.again.swap_remove(place);
        Some(self.letters[again.number].clone())
    }

    /// A copy was asked to be deleted; `is_done` when that was acknowledged.
    pub(crate) fn deleted(&mut self, number: usize, person: &'static str, is_done: bool) {
        self.story.push(format!(
            "{person} deletes letter {number}, heard: {is_done}"
        ));
        let promise = self.promises.entry((number, person)).or_default();
        if is_done {
            promise.deleted += 1;
        } else {
            promise.deletions_in_doubt += 1;
        }
    }

    /// A flag was acknowledged.
    pub(crate) fn flagged(&mut self, mailbox: MailboxId, uid: Uid) {
        self.flagged.insert((mailbox, uid));
    }

    fn each(&mut self, number: usize, to: &[String], mut change: impl FnMut(&mut Promise)) {
        let people: BTreeSet<&'static str> = to.iter().flat_map(|to| people(to)).collect();
        for person in people {
            change(self.promises.entry((number, person)).or_default());
        }
        for stranger in STRANGERS
            .into_iter()
            .filter(|name| to.iter().any(|to| to == name))
        {
            change(self.elsewhere.entry((number, stranger)).or_default());
        }
    }

    /// Compares what was promised with what is there.
    pub(crate) async fn check(&mut self, house: &House, network: &Network) -> Held {
        let mut found: BTreeMap<(usize, &'static str), usize> = BTreeMap::new();
        for person in PEOPLE {
            self.read_mailboxes(house, person, &mut found).await?;
        }
        let mut waiting = BTreeMap::new();
        read_queue(house, &mut found, &mut waiting).await?;
        self.check_elsewhere(house, network, &waiting).await?;
        for (&(number, person), promise) in &self.promises {
            let copies = found.remove(&(number, person)).unwrap_or(0);
            let is_held = promise.copies().contains(&copies)
                || (copies == 0 && has_failed(house, number, &here(person)).await);
            if !is_held {
                return Err(Violation(format!(
                    "letter {number} for {person}: {copies} copies, {promise:?}"
                )));
            }
        }
        match found.first_key_value() {
            Some(((number, person), copies)) => Err(Violation(format!(
                "letter {number} for {person}: {copies} copies, never sent there"
            ))),
            None => Ok(()),
        }
    }

    async fn read_mailboxes(
        &mut self,
        house: &House,
        person: &'static str,
        found: &mut BTreeMap<(usize, &'static str), usize>,
    ) -> Held {
        let store = &house.store;
        let account = trouble(store.account_of(&here(person)).await)?
            .ok_or_else(|| Violation(format!("the account of {person} is lost")))?
            .id;
        for mailbox in trouble(store.mailboxes(account).await)? {
            let Some((_, placements)) =
                trouble(store.placements(account, mailbox.id, 0, usize::MAX).await)?
            else {
                continue;
            };
            let emails: Vec<_> = placements.iter().map(|one| one.email).collect();
            let messages = trouble(store.messages(account, &emails).await)?;
            for (placement, message) in placements.iter().zip(messages) {
                let message = message.ok_or_else(|| {
                    Violation(format!("{person}: UID {:?} has no message", placement.uid))
                })?;
                let whole = 0..message.rendering.octets();
                let octets = trouble(store.read(message.blob, &message.rendering, whole).await)?;
                let number = self.recognise(&octets)?;
                self.know_uid(mailbox.id, placement.uid, number)?;
                let is_flagged = placement.flags.contains(SystemFlags::FLAGGED);
                if !is_flagged && self.flagged.contains(&(mailbox.id, placement.uid)) {
                    return Err(Violation(format!(
                        "{person}: the flag of UID {:?} is lost",
                        placement.uid
                    )));
                }
                if let Some(number) = number {
                    *found.entry((number, person)).or_default() += 1;
                }
            }
        }
        Ok(())
    }

    /// Each acknowledged recipient elsewhere waits, was taken, or failed; and is taken twice only
    /// where a reply was lost, or the power went between the reply and the disk.
    async fn check_elsewhere(
        &self,
        house: &House,
        network: &Network,
        waiting: &BTreeMap<(usize, &'static str), usize>,
    ) -> Held {
        for (&(number, stranger), promise) in &self.elsewhere {
            let waits = waiting.get(&(number, stranger)).copied().unwrap_or(0);
            let taken = network.taken(number, stranger);
            let most = usize::from(promise.is_kept) + promise.doubts;
            let has_arrived = taken.heard + taken.forgotten + taken.unheard > 0;
            let is_lost = promise.is_kept
                && waits == 0
                && !has_arrived
                && !has_failed(house, number, stranger).await;
            if is_lost || waits + taken.heard > most {
                return Err(Violation(format!(
                    "letter {number} for {stranger}: {waits} wait, {taken:?}, {promise:?}"
                )));
            }
        }
        Ok(())
    }

    /// The letter that a message is, byte for byte; `None` for what the house wrote itself.
    fn recognise(&self, octets: &[u8]) -> Result<Option<usize>, Violation> {
        let Some(number) = number_of(octets) else {
            return if octets.starts_with(b"Return-Path: <>\r\n") {
                Ok(None)
            } else {
                Err(Violation("a message that nobody sent".to_owned()))
            };
        };
        let letter = &self.letters[number];
        if octets.ends_with(&letter.text) {
            Ok(Some(number))
        } else {
            Err(Violation(format!("letter {number} is not what was sent")))
        }
    }

    /// UIDs only grow, and stand for one message for ever.
    fn know_uid(&mut self, mailbox: MailboxId, uid: Uid, number: Option<usize>) -> Held {
        let known = self.uids.entry(mailbox).or_default();
        let highest = known.last_key_value().map(|(uid, _)| *uid);
        match known.get(&uid) {
            Some(before) if *before == number => Ok(()),
            Some(before) => Err(Violation(format!(
                "UID {uid:?} was letter {before:?} and is {number:?}"
            ))),
            None if highest.is_some_and(|highest| uid < highest) => Err(Violation(format!(
                "UID {uid:?} is new and below {highest:?}"
            ))),
            None => {
                known.insert(uid, number);
                Ok(())
            }
        }
    }
}

/// Counts what waits for people here.
async fn read_queue(
    house: &House,
    found: &mut BTreeMap<(usize, &'static str), usize>,
    waiting: &mut BTreeMap<(usize, &'static str), usize>,
) -> Held {
    for entry in trouble(house.store.entries(None, usize::MAX).await)? {
        let whole = 0..entry.rendering.octets();
        let octets = trouble(house.store.read(entry.blob, &entry.rendering, whole).await)?;
        let Some(number) = number_of(&octets) else {
            if entry.reverse_path.is_empty() {
                continue;
            }
            return Err(Violation("a queue entry that nobody sent".to_owned()));
        };
        let stranger = STRANGERS
            .into_iter()
            .find(|name| **name == *entry.recipient);
        if let (NextHop::Remote(_), Some(stranger)) = (&entry.next_hop, stranger) {
            *waiting.entry((number, stranger)).or_default() += 1;
        }
        if entry.next_hop == NextHop::Local {
            for person in people(&entry.recipient) {
                *found.entry((number, person)).or_default() += 1;
            }
        }
    }
    Ok(())
}

/// Whether the journal says that a letter failed for an address in the end.
async fn has_failed(house: &House, number: usize, address: &str) -> bool {
    let sought = Sought {
        names: vec![format!("<{number}@sim>").into()],
        is_login: false,
        since: Timestamp(0),
        limit: 100,
    };
    let mentions = house.store.find_in_journal(sought).await;
    for arrival in mentions.iter().flatten().filter_map(|one| one.arrival) {
        let lines = house.store.journal_of(arrival).await.unwrap_or_default();
        let is_it = |line: &JournalLine| {
            line.verdict.as_ref() == "failed" && line.recipient.as_deref() == Some(address)
        };
        if lines.iter().any(is_it) {
            return true;
        }
    }
    false
}

/// Who gets what is for an address.
fn people(to: &str) -> Vec<&'static str> {
    if to == here(TEAM) {
        return PEOPLE[..PEOPLE.len() - 1].to_vec();
    }
    PEOPLE.into_iter().filter(|name| to == here(name)).collect()
}

/// The number in the header of a letter.
pub(crate) fn number_of(octets: &[u8]) -> Option<usize> {
    let header = std::str::from_utf8(octets.get(..header_length(octets))?).ok()?;
    let line = header.lines().find_map(|line| line.strip_prefix(FIELD))?;
    line.parse().ok()
}

fn trouble<T, E: std::fmt::Display>(result: Result<T, E>) -> Result<T, Violation> {
    result.map_err(|error| Violation(format!("the store cannot be read: {error}")))
}
