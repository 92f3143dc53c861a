//! Sessions at work at the same time, each in a thread of its own, with pipelined commands.

#![expect(clippy::unwrap_used, reason = "a test may end so")]

#[path = "support/house.rs"]
mod house;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use house::{House, PLAIN, Session};
use postroom_runtime::random::Random;

/// Sessions of one mailbox.
const SESSIONS: u32 = 4;

/// Messages of each session alone.
const OWN: u32 = 8;

/// Flags of a message, as far as they are there.
type Held = BTreeMap<u32, BTreeSet<&'static str>>;

const FLAGS: [&str; 4] = ["\\Answered", "\\Flagged", "\\Seen", "\\Draft"];

fn below(random: &Random, bound: u32) -> u32 {
    u32::try_from(random.number() % u64::from(bound)).unwrap()
}

fn filled(house: &House, messages: u32) {
    for _ in 0..messages {
        house.deliver("INBOX", PLAIN.as_bytes());
    }
}

/// Says all of `session` at once and gives back what was said to each command.
fn pipeline(session: &mut Session, commands: &[String]) -> Vec<String> {
    let mut octets = String::new();
    for (number, command) in commands.iter().enumerate() {
        let _ = write!(octets, "t{number} {command}\r\n");
    }
    session.0.receive(octets.as_bytes());
    let said = String::from_utf8(session.0.take_written()).unwrap();
    let mut rest = said.as_str();
    let mut answers = Vec::new();
    for number in 0..commands.len() {
        let mark = format!("t{number} OK");
        let end = rest
            .find(&mark)
            .unwrap_or_else(|| panic!("no {mark}: {said}"));
        let (answer, after) = rest.split_at(end);
        answers.push(answer.to_owned());
        rest = after.split_once("\r\n").unwrap().1;
    }
    assert!(rest.is_empty(), "{rest}");
    answers
}

/// Commands on messages that nobody else changes, and what they lead to one after the other.
struct Script {
    random: Random,
    uids: Vec<u32>,
    held: Held,
}

impl Script {
    fn batch(&mut self) -> (Vec<String>, Vec<Option<Held>>) {
        let mut commands = Vec::new();
        let mut expected = Vec::new();
        for _ in 0..=below(&self.random, 12) {
            let uid = self.uids[below(&self.random, OWN) as usize];
            let named: BTreeSet<&'static str> = FLAGS
                .into_iter()
                .filter(|_| below(&self.random, 2) == 0)
                .collect();
            let flags: Vec<&str> = named.iter().copied().collect();
            let flags = flags.join(" ");
            match below(&self.random, 12) {
                0 => {
                    commands.push(format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)"));
                    expected.push(None);
                    commands.push(format!("UID EXPUNGE {uid}"));
                    self.held.remove(&uid);
                }
                1..=7 => {
                    let change = ["", "+", "-"][below(&self.random, 3) as usize];
                    commands.push(format!("UID STORE {uid} {change}FLAGS.SILENT ({flags})"));
                    self.held.entry(uid).and_modify(|held| match change {
                        "+" => held.extend(named),
                        "-" => held.retain(|flag| !named.contains(flag)),
                        _ => *held = named,
                    });
                }
                _ => {
                    let set: Vec<String> = self.uids.iter().map(u32::to_string).collect();
                    commands.push(format!("UID FETCH {} (FLAGS)", set.join(",")));
                    expected.push(Some(self.held.clone()));
                    continue;
                }
            }
            expected.push(None);
        }
        (commands, expected)
    }
}

/// UIDs and flags of FETCH; of two the later counts.
fn fetched(answer: &str, uids: &[u32]) -> Held {
    let mut held = Held::new();
    for line in answer.lines().filter(|line| line.contains(" FETCH (")) {
        let uid: u32 = line
            .split_once("UID ")
            .and_then(|(_, rest)| rest.split([' ', ')']).next()?.parse().ok())
            .unwrap();
        let flags = FLAGS.into_iter().filter(|flag| line.contains(flag));
        if uids.contains(&uid) && line.contains("FLAGS") {
            held.insert(uid, flags.collect());
        }
    }
    held
}

#[test]
fn attack_f18_pipelined_changes_take_effect_one_after_the_other() {
    let house = House::new();
    filled(&house, SESSIONS * OWN);
    let work = |number: u32| {
        let mut session = house.selected("INBOX");
        session.ok(if number.is_multiple_of(2) {
            "ENABLE QRESYNC"
        } else {
            "NOOP"
        });
        let uids: Vec<u32> = (0..OWN).map(|n| n * SESSIONS + number + 1).collect();
        let mut script = Script {
            random: Random::seeded(number.into()),
            held: uids.iter().map(|&uid| (uid, BTreeSet::new())).collect(),
            uids,
        };
        for _ in 0..20 {
            let (commands, expected) = script.batch();
            let answers = pipeline(&mut session, &commands);
            for ((command, answer), expected) in commands.iter().zip(answers).zip(expected) {
                let Some(expected) = expected else { continue };
                assert_eq!(
                    fetched(&answer, &script.uids),
                    expected,
                    "{command}\n{answer}"
                );
            }
        }
        script.held
    };
    let mut all = Held::new();
    std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..SESSIONS)
            .map(|n| scope.spawn(move || work(n)))
            .collect();
        for thread in threads {
            all.extend(thread.join().unwrap());
        }
    });
    let said = house.selected("INBOX").ok("UID FETCH 1:* (FLAGS)");
    let uids: Vec<u32> = (1..=SESSIONS * OWN).collect();
    assert_eq!(fetched(&said, &uids), all);
}

/// Four flags as a number.
fn number_of(flags: &BTreeSet<&'static str>) -> u32 {
    FLAGS
        .iter()
        .zip(0_u32..)
        .filter(|(flag, _)| flags.contains(*flag))
        .map(|(_, bit)| 1 << bit)
        .sum()
}

fn flags_of(number: u32) -> String {
    let set = FLAGS
        .iter()
        .zip(0_u32..)
        .filter(|(_, bit)| number >> bit & 1 == 1);
    set.map(|(flag, _)| *flag).collect::<Vec<_>>().join(" ")
}

/// Each message counts, modulo 16: a session that changes what it has not seen would lose a step
/// of another (RFC 7162 §3.1.3).
#[test]
fn attack_f18_conditional_stores_lose_no_change() {
    const MESSAGES: u32 = 3;
    let house = House::new();
    filled(&house, MESSAGES);
    let work = |number: u32| {
        let random = Random::seeded(number.into());
        let mut session = house.selected("INBOX");
        let mut steps = [0_u32; MESSAGES as usize];
        for _ in 0..40 {
            let uid = below(&random, MESSAGES) + 1;
            let said = session.ok(&format!("UID FETCH {uid} (FLAGS MODSEQ)"));
            // What is told last holds.
            let row = said
                .lines()
                .rfind(|line| line.contains(&format!("UID {uid} ")))
                .unwrap();
            let count = number_of(&fetched(row, &[uid])[&uid]);
            let (_, since) = row.split_once("MODSEQ (").unwrap();
            let (since, _) = since.split_once(')').unwrap();
            let next = flags_of((count + 1) % 16);
            let command = format!("UID STORE {uid} (UNCHANGEDSINCE {since}) FLAGS.SILENT ({next})");
            if !session.ok(&command).contains("[MODIFIED ") {
                steps[uid as usize - 1] += 1;
            }
        }
        steps
    };
    let mut steps = [0; MESSAGES as usize];
    std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..SESSIONS)
            .map(|n| scope.spawn(move || work(n)))
            .collect();
        for thread in threads {
            let done = thread.join().unwrap();
            steps
                .iter_mut()
                .zip(done)
                .for_each(|(all, one)| *all += one);
        }
    });
    let said = house.selected("INBOX").ok("UID FETCH 1:* (FLAGS)");
    let held = fetched(&said, &[1, 2, 3]);
    for (uid, steps) in (1..).zip(steps) {
        assert_eq!(number_of(&held[&uid]), steps % 16, "message {uid}");
    }
}

/// Whatever a client says that it remembers, it is answered.
#[test]
fn attack_f18_what_is_remembered_may_be_nonsense() {
    let house = House::new();
    filled(&house, 6);
    let mut session = house.selected("INBOX");
    session.ok("STORE 2,5 +FLAGS (\\Deleted)");
    session.ok("EXPUNGE");
    session.ok("ENABLE QRESYNC");
    let random = Random::seeded(18);
    let said = session.ok("SELECT INBOX");
    let (_, validity) = said.split_once("UIDVALIDITY ").unwrap();
    let (validity, _) = validity.split_once(']').unwrap();
    let number = || ["1", "2", "4", "7", "4294967295"][below(&random, 5) as usize];
    let set = || match below(&random, 3) {
        0 => number().to_owned(),
        1 => format!("{}:{}", number(), number()),
        _ => format!("{},{}:{}", number(), number(), number()),
    };
    for _ in 0..400 {
        let mod_seq = ["0", "1", "1793610300000004", "9223372036854775807"];
        let mod_seq = mod_seq[below(&random, 4) as usize];
        let mut known = format!("{validity} {mod_seq}");
        if below(&random, 2) == 0 {
            let _ = write!(known, " {}", set());
        }
        if below(&random, 2) == 0 {
            let _ = write!(known, " ({} {})", set(), set());
        }
        let said = session.say(&format!("SELECT INBOX (QRESYNC ({known}))"));
        assert!(
            said.contains("t OK") || said.contains("t BAD"),
            "{known}: {said}"
        );
        let earlier = said
            .lines()
            .find_map(|line| line.strip_prefix("* VANISHED (EARLIER) "));
        let earlier = earlier.unwrap_or_default();
        assert!(["", "2", "5", "2,5"].contains(&earlier), "{known}: {said}");
        let set = set();
        let fetch = format!("UID FETCH {set} (FLAGS) (CHANGEDSINCE {mod_seq} VANISHED)");
        session.ok(&fetch);
    }
}

#[test]
fn attack_f19_a_session_that_selects_for_ever_holds_one_mailbox() {
    let house = House::new();
    let mut session = house.session();
    session.ok("LOGIN anna secret");
    for number in 0..20 {
        session.ok(&format!("CREATE m{number}"));
        house.deliver(&format!("m{number}"), PLAIN.as_bytes());
    }
    let commands: Vec<String> = (0..1000).map(|n| format!("SELECT m{}", n % 20)).collect();
    let answers = pipeline(&mut session, &commands);
    for answer in &answers[1..] {
        assert!(answer.starts_with("* OK [CLOSED]"), "{answer}");
        assert!(answer.contains("* 1 EXISTS"), "{answer}");
    }
    let views = house.imap.mailboxes.views();
    assert!(views.len() <= 20, "{}", views.len());
    assert_eq!(views.held_len(), 1);
    drop(session);
    assert_eq!(views.held_len(), 0);
}

#[test]
fn attack_f19_idle_ends() {
    let house = House::new();
    let mut session = house.selected("INBOX");
    session.say("IDLE");
    // Mail that comes is no sign of life of the client.
    for _ in 0..3 {
        session.0.advance(std::time::Duration::from_mins(9));
        house.deliver("INBOX", PLAIN.as_bytes());
        assert!(session.stir().contains("EXISTS"));
    }
    session.0.advance(std::time::Duration::from_mins(4));
    let said = String::from_utf8(session.0.take_written()).unwrap();
    assert!(said.starts_with("* BYE "), "{said}");
    assert!(session.0.is_closed());
}
