//! From lines of the journal to a story.

use std::collections::{BTreeMap, HashMap};

use postroom_mail::date;
use postroom_mail::identifier::ArrivalId;
use postroom_runtime::clock::Timestamp;
use postroom_store::journal::JournalLine;

use crate::answer::{Step, Story};

/// Fates that last only as long as something waits.
const PENDING: [&str; 2] = ["queued", "held"];

/// What a recipient's copies amount to: the first of these that one of them has.
const FATES: [&str; 7] = [
    "queued",
    "held",
    "transferred",
    "delivered",
    "failed",
    "refused",
    "dropped",
];

/// A session that brought no message.
pub(super) fn of_session(lines: &[JournalLine]) -> Story {
    let session = lines.first().map(|line| line.session);
    Story {
        queue_id: None,
        message_id: None,
        session: session.map(shown),
        steps: steps(lines.iter().map(step).collect()),
        fate: BTreeMap::new(),
    }
}

/// A message: `before` are lines of its session that belong to no message, `lines` its own.
pub(super) fn of_message(
    arrival: ArrivalId,
    before: &[JournalLine],
    lines: &[JournalLine],
    is_waiting: bool,
) -> Story {
    let own = lines.iter().filter(|line| line.session != 0);
    let session = own.clone().map(|line| line.session).next();
    let start = own.clone().map(began).min().unwrap_or(Timestamp(0));
    let mut told: Vec<(u8, Step)> = opening(before, start).map(step).collect();
    told.extend(own.clone().find_map(sender));
    told.extend(accepted(own.clone(), start));
    told.extend(lines.iter().map(step));
    Story {
        queue_id: Some(arrival.to_string()),
        message_id: lines
            .iter()
            .find_map(|line| line.message_id.as_deref().map(str::to_owned)),
        session: session.map(shown),
        steps: steps(told),
        fate: fates(lines, is_waiting),
    }
}

fn shown(session: u64) -> String {
    format!("{session:016x}")
}

/// When the transaction of a line of intake began.
fn began(line: &JournalLine) -> Timestamp {
    let is_measured = line.room.as_ref() == "intake";
    let elapsed = if is_measured { line.elapsed_us } else { 0 };
    Timestamp(line.time.0.saturating_sub(elapsed))
}

/// How the session stood when the transaction began: one connect, and the logins.
fn opening(before: &[JournalLine], start: Timestamp) -> impl Iterator<Item = &JournalLine> {
    let connect = before
        .iter()
        .find(|line| &*line.what == "connect" && &*line.verdict == "accepted");
    let logins = before
        .iter()
        .filter(move |line| &*line.what == "login" && line.time <= start);
    connect.into_iter().chain(logins)
}

/// MAIL, which has no line of its own: others say when it was and from whom.
fn sender(line: &JournalLine) -> Option<(u8, Step)> {
    if &*line.room != "intake" || &*line.what == "sender" {
        return None;
    }
    let sender = line.sender.as_deref()?;
    Some((
        rank("sender"),
        Step {
            time: date::utc(began(line)).to_string(),
            room: "intake".to_owned(),
            what: "sender".to_owned(),
            recipient: None,
            verdict: "accepted".to_owned(),
            reply: Some(format!("MAIL FROM:<{sender}>")),
            next_hop: None,
            elapsed_ms: 0,
        },
    ))
}

/// RCPT of those whom the message then was for: they have no line of their own.
fn accepted<'l>(lines: impl Iterator<Item = &'l JournalLine>, start: Timestamp) -> Vec<(u8, Step)> {
    let mut seen: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    for line in lines.filter(|line| &*line.what == "deliver") {
        let Some(recipient) = line.recipient.as_deref().filter(|one| !seen.contains(one)) else {
            continue;
        };
        seen.push(recipient);
        let told = Step {
            time: date::utc(start).to_string(),
            room: "intake".to_owned(),
            what: "recipient".to_owned(),
            recipient: Some(recipient.to_owned()),
            verdict: "accepted".to_owned(),
            reply: None,
            next_hop: None,
            elapsed_ms: 0,
        };
        found.push((rank("recipient"), told));
    }
    found
}

/// The order of SMTP; lines that went to the journal without waiting may stand after the message.
fn rank(what: &str) -> u8 {
    match what {
        "connect" => 0,
        "login" => 1,
        "sender" => 2,
        "recipient" => 3,
        "message" => 4,
        _ => 5,
    }
}

fn step(line: &JournalLine) -> (u8, Step) {
    let peer = line.peer.as_deref().unwrap_or("somewhere");
    let reply = line.reply.as_deref();
    let reply = match (&*line.what, reply) {
        ("connect", Some(reply)) => Some(format!("from {peer}, {reply}")),
        ("connect", None) => Some(format!("from {peer}")),
        ("login", reply) => {
            let name = line.sender.as_deref().unwrap_or_default();
            Some(format!("{name} from {peer}, {}", reply.unwrap_or_default()))
        }
        (_, reply) => reply.map(str::to_owned),
    };
    let rank = if &*line.room == "intake" || &*line.room == "retrieval" {
        rank(&line.what)
    } else {
        rank("")
    };
    let step = Step {
        time: date::utc(line.time).to_string(),
        room: line.room.to_string(),
        what: line.what.to_string(),
        recipient: line.recipient.as_deref().map(str::to_owned),
        verdict: line.verdict.to_string(),
        reply,
        next_hop: line.next_hop.as_deref().map(str::to_owned),
        elapsed_ms: line.elapsed_us / 1_000,
    };
    (rank, step)
}

/// In order; no step is before the one it follows from.
fn steps(mut told: Vec<(u8, Step)>) -> Vec<Step> {
    told.sort_by_key(|(rank, _)| *rank);
    let mut steps: Vec<Step> = told.into_iter().map(|(_, step)| step).collect();
    for index in 1..steps.len() {
        let (earlier, later) = steps.split_at_mut(index);
        if let (Some(before), Some(step)) = (earlier.last(), later.first_mut())
            && step.time < before.time
        {
            step.time.clone_from(&before.time);
        }
    }
    steps
}

/// Copies of a message for one recipient: by whom each is for, how it stands.
type Copies<'l> = BTreeMap<&'l str, &'l str>;

fn fates(lines: &[JournalLine], is_waiting: bool) -> BTreeMap<String, String> {
    let mut named: BTreeMap<&str, Copies<'_>> = BTreeMap::new();
    // Members of lists and aliases, whose attempts go under their own names.
    let mut owners: HashMap<&str, &str> = HashMap::new();
    let mut members: Copies<'_> = BTreeMap::new();
    // A report is about the message, unless it is the message.
    let is_report = |line: &JournalLine| &*line.what == "report";
    let is_all_report = lines.iter().all(is_report);
    for line in lines {
        // That TLS was given up says nothing of the recipient.
        if is_report(line) != is_all_report || &*line.what == "starttls" {
            continue;
        }
        let Some(recipient) = line.recipient.as_deref() else {
            continue;
        };
        let word = fate(line);
        if line.session != 0 {
            let member = line.next_hop.as_deref().and_then(member_of);
            let member = member.unwrap_or(recipient);
            owners.insert(member, recipient);
            named.entry(recipient).or_default().insert(member, word);
        } else if let Some(owner) = owners.get(recipient) {
            named.entry(owner).or_default().insert(recipient, word);
        } else {
            members.insert(recipient, word);
        }
    }
    if named.is_empty() {
        return members.iter().map(owned).collect();
    }
    let rest = worst(&members, is_waiting).unwrap_or("delivered");
    let all = named.iter().map(|(recipient, copies)| {
        let word = worst(copies, is_waiting).unwrap_or(rest);
        owned((recipient, &word))
    });
    all.collect()
}

/// Whose copy goes to a next hop of the commit that took the message: an account's mailbox, or an
/// address elsewhere; nobody's, where a list waits as a whole.
fn member_of(hop: &str) -> Option<&str> {
    match hop.rsplit_once('/') {
        Some((account, _)) => Some(account),
        None => (!hop.ends_with(" members")).then_some(hop),
    }
}

fn owned((recipient, word): (&&str, &&str)) -> (String, String) {
    ((*recipient).to_owned(), (*word).to_owned())
}

/// The fate that a line speaks of.
fn fate(line: &JournalLine) -> &str {
    let verdict = &*line.verdict;
    // An RCPT that was accepted for a message that never came: the peer still has it.
    FATES
        .into_iter()
        .find(|fate| *fate == verdict)
        .unwrap_or("refused")
}

/// What the copies amount to; `None` when they seem to wait and the queue has nothing.
fn worst<'l>(copies: &Copies<'l>, is_waiting: bool) -> Option<&'l str> {
    let word = FATES
        .into_iter()
        .find(|fate| copies.values().any(|one| one == fate))?;
    (is_waiting || !PENDING.contains(&word)).then_some(word)
}

#[cfg(test)]
mod tests;
