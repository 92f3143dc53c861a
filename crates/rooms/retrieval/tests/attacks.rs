//! What `docs/attacks.md` lists for IMAP, against the real machine, host and store.

#![expect(clippy::unwrap_used, reason = "a test may end so")]

#[path = "support/house.rs"]
mod house;

use std::collections::HashMap;

use house::{House, Session};
use postroom_runtime::random::Random;

#[test]
fn attack_f03_list_patterns_are_matched_in_linear_time() {
    let house = House::new();
    let mut session = house.selected("INBOX");
    for number in 0..50 {
        session.ok(&format!("CREATE {}{number}", "a".repeat(200)));
    }
    let clock = postroom_runtime::clock::Clock::system();
    let begun = clock.now();
    for pattern in ["%*%*", "*a", "%a", "a*%a*"] {
        let pattern = pattern.repeat(10_000 / pattern.len());
        let said = session.say(&format!("LIST \"\" {pattern}b"));
        assert!(said.contains("t OK"), "{said}");
        let said = session.say(&format!("LSUB \"\" {pattern}b"));
        assert!(said.contains("t OK"), "{said}");
    }
    // Backtracking would take longer than the universe has.
    assert!(clock.now() - begun < std::time::Duration::from_secs(20));
}

#[test]
fn attack_f03_nested_searches_sorts_and_threads_end() {
    let house = House::new();
    let message = format!(
        "Subject: {}\r\nReferences: {}\r\n\r\n{}\r\n",
        "[a]".repeat(2000),
        "<a@b>".repeat(5000),
        "x ".repeat(10_000)
    );
    for _ in 0..20 {
        house.deliver("INBOX", message.as_bytes());
    }
    let mut session = house.selected("INBOX");
    let clock = postroom_runtime::clock::Clock::system();
    let begun = clock.now();
    let mut keys = "TEXT absent".to_owned();
    for _ in 0..30 {
        keys = format!("NOT ({keys})");
    }
    session.ok(&format!("SEARCH {keys}"));
    let wide = "OR TEXT absent ".repeat(40) + "TEXT absent";
    session.ok(&format!("SEARCH {wide}"));
    session.ok(&format!("SEARCH {}", "TEXT x ".repeat(900) + "ALL"));
    let deep = format!("SEARCH {}ALL", "NOT ".repeat(5000));
    assert!(session.say(&deep).contains("t BAD [LIMIT]"));
    let many = format!("SEARCH {}ALL", "ALL ".repeat(5000));
    assert!(session.say(&many).contains("t BAD [LIMIT]"));
    session.ok(&format!("SORT ({}DATE) UTF-8 ALL", "SUBJECT ".repeat(30)));
    let odd = format!("SORT ({}DATE) UTF-8 ALL", "SUBJECT ".repeat(1000));
    assert!(session.say(&odd).contains("t BAD"));
    session.ok("THREAD REFERENCES UTF-8 ALL");
    session.ok("THREAD ORDEREDSUBJECT UTF-8 ALL");
    assert!(clock.now() - begun < std::time::Duration::from_secs(30));
}

/// There is no COMPRESS and no MULTISEARCH; what is like them here has bounds.
#[test]
fn attack_f19_many_selects_and_many_folders() {
    let house = House::new();
    let mut session = house.selected("INBOX");
    let clock = postroom_runtime::clock::Clock::system();
    let begun = clock.now();
    for number in 0..300 {
        session.ok(&format!("CREATE folder{}/sub{number}", number % 10));
    }
    for number in 0..1000 {
        session.ok(&format!(
            "SELECT folder{}/sub{}",
            number % 10,
            number % 300 / 10 * 10 + number % 10
        ));
        session.ok("SEARCH RETURN (SAVE) ALL");
    }
    let patterns = "\"*\" \"%\" ".repeat(100) + "\"*\"";
    let said = session.ok(&format!(
        "LIST (SUBSCRIBED RECURSIVEMATCH) \"\" ({patterns}) RETURN (STATUS (MESSAGES SIZE DELETED-STORAGE))"
    ));
    assert_eq!(said.matches("* LIST").count(), 6);
    let said = session.ok("LIST \"\" \"*\" RETURN (STATUS (MESSAGES UNSEEN RECENT))");
    assert_eq!(said.matches("* STATUS").count(), 316);
    assert!(clock.now() - begun < std::time::Duration::from_mins(1));
}

#[test]
fn attack_f04_mangled_commands_end() {
    let house = House::new();
    let random = Random::seeded(4);
    let commands = [
        "t APPEND INBOX (\\Seen) \"05-Feb-2024 11:22:33 +0100\" {5+}\r\nabcde\r\n",
        "t STATUS INBOX (MESSAGES UIDNEXT)\r\n",
        "t FETCH 1:* (BODY[1.2.HEADER.FIELDS (a b)]<0.5> ENVELOPE)\r\n",
        "t SEARCH OR (1:* NOT UID 3) HEADER x \"y\" CHARSET\r\n",
        "t LIST \"\" (*) RETURN (STATUS (MESSAGES))\r\n",
        "t UID SORT (REVERSE DATE SUBJECT) UTF-8 OR TEXT {1}\r\nx 1:*\r\n",
        "t THREAD REFERENCES UTF-8 (NOT SEEN) OLDER 5\r\n",
        "t APPEND INBOX (\\Draft) UTF8 (~{5+}\r\nabcde)\r\n",
        "t UID FETCH $ (BINARY.PEEK[1.2]<0.5> BINARY.SIZE[1])\r\n",
    ];
    for command in commands.iter().cycle().take(400) {
        let mut session = house.selected("INBOX");
        let mut octets = command.as_bytes().to_vec();
        for _ in 0..=random.number() % 4 {
            let place = usize::try_from(random.number()).unwrap_or(0) % octets.len();
            let letters = b"\0\r\n(){}\"\\*%+,:<>[] 09aZ\xff";
            let letter = letters[usize::try_from(random.number() % 24).unwrap()];
            match random.number() % 3 {
                0 => octets[place] = letter,
                1 => octets.insert(place, letter),
                _ => drop(octets.remove(place)),
            }
        }
        // The driver fails a machine that spins.
        session.0.receive(&octets);
        session.0.receive(b"\r\n)\r\nu NOOP\r\n");
        session.0.advance(std::time::Duration::from_hours(1));
        assert!(
            session.0.is_closed(),
            "{}",
            String::from_utf8_lossy(&octets)
        );
    }
}

/// What was seen of each mailbox name and UIDVALIDITY.
#[derive(Default)]
struct Model {
    /// The message of each UID, by its Message-ID.
    messages: HashMap<(String, u32, u32), String>,
    /// The highest UID that was given.
    highest: HashMap<(String, u32), u32>,
    appended: u32,
}

/// The first number after `mark`.
fn number_after(text: &str, mark: &str) -> Option<u32> {
    let rest = &text[text.find(mark)? + mark.len()..];
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

impl Model {
    fn append(&mut self, session: &mut Session, mailbox: &str) {
        self.appended += 1;
        let id = format!("<{}@model>", self.appended);
        let said = session.append(mailbox, &format!("Message-ID: {id}\r\n\r\n"));
        let validity = number_after(&said, "APPENDUID ").unwrap();
        let uid = number_after(&said, &format!("APPENDUID {validity} ")).unwrap();
        let highest = self
            .highest
            .entry((mailbox.to_owned(), validity))
            .or_default();
        assert!(uid > *highest, "{mailbox}: UID {uid} after {highest}");
        *highest = uid;
        let known = self
            .messages
            .insert((mailbox.to_owned(), validity, uid), id);
        assert_eq!(known, None);
    }

    /// Everything there must be what it was, and UIDNEXT above all there ever was.
    fn check(&mut self, session: &mut Session, mailbox: &str) {
        let opened = session.say(&format!("EXAMINE {mailbox}"));
        if !opened.contains("t OK") {
            return;
        }
        let validity = number_after(&opened, "UIDVALIDITY ").unwrap();
        let next = number_after(&opened, "UIDNEXT ").unwrap();
        let key = (mailbox.to_owned(), validity);
        let highest = self.highest.entry(key).or_default();
        assert!(next > *highest, "{mailbox}: UIDNEXT {next} after {highest}");
        let said = session.ok("UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])");
        for row in said.split("* ").filter(|row| row.contains("UID ")) {
            let uid = number_after(row, "UID ").unwrap();
            let start = row.find('<').unwrap();
            let end = row.find('>').unwrap();
            let id = row[start..=end].to_owned();
            *highest = uid.max(*highest);
            let known = self
                .messages
                .entry((mailbox.to_owned(), validity, uid))
                .or_insert_with(|| id.clone());
            assert_eq!(*known, id, "{mailbox} {validity} {uid}");
        }
    }
}

#[test]
fn attack_f20_no_uid_ever_names_another_message() {
    let mut house = House::new();
    let random = Random::seeded(20);
    let mut model = Model::default();
    let names = ["INBOX", "one", "two", "three"];
    let mut session = house.selected("INBOX");
    for step in 0..400 {
        let pick = |count: usize| usize::try_from(random.number()).unwrap_or(0) % count;
        let (name, other) = (names[pick(4)], names[pick(4)]);
        match pick(9) {
            0..=2 => {
                if session
                    .say(&format!("STATUS {name} (UIDNEXT)"))
                    .contains("t OK")
                {
                    model.append(&mut session, name);
                }
            }
            3 => drop(session.say(&format!("CREATE {name}"))),
            4 => drop(session.say(&format!("DELETE {name}"))),
            5 => drop(session.say(&format!("RENAME {name} {other}"))),
            6 | 7 => {
                if session.say(&format!("SELECT {name}")).contains("t OK") {
                    let kind = ["COPY", "MOVE"][pick(2)];
                    session.say(&format!("UID {kind} 1:* {other}"));
                }
            }
            _ => {
                if session.say(&format!("SELECT {name}")).contains("t OK") {
                    session.say(&format!("UID STORE {}:* +FLAGS (\\Deleted)", pick(20) + 1));
                    session.say("EXPUNGE");
                }
            }
        }
        if step % 80 == 79 {
            drop(session);
            house.reopen();
            session = house.selected("INBOX");
        }
        for name in names {
            model.check(&mut session, name);
        }
    }
    assert!(model.messages.len() > 100, "{}", model.messages.len());
}

#[test]
fn attack_f21_mailbox_names_stay_names() {
    let house = House::new();
    let mut session = house.selected("INBOX");
    let long = "x".repeat(60_000);
    let many = "a/".repeat(5_000);
    let refused = [
        "\"../secret\"",
        "\"a/../b\"",
        "\"./a\"",
        "\"..\"",
        "\"a//b\"",
        "\"/a\"",
        "\"//\"",
        "\"\"",
        "\"&\"",
        "\"&AAA\"",
        "\"&Jjo!\"",
        "\"&AGE-\"",
        "\"&2AA-\"",
        "\"&AAA-\"",
        "\"a&AAoADQ-b\"",
        "inbox",
        "INBOX",
        "\"InBoX\"",
        "\"a%b\"",
        "\"a*b\"",
        long.as_str(),
        many.as_str(),
    ];
    for name in refused {
        let said = session.say(&format!("CREATE {name}"));
        let shown = &name[..name.len().min(40)];
        let is_refused = said.contains("t NO") || said.contains("t BAD");
        assert!(is_refused && !session.0.is_closed(), "{shown}: {said}");
    }
    let said = session.say("CREATE {3+}\r\na\0b");
    assert!(said.contains("t BAD") || said.contains("t NO"), "{said}");
    if session.0.is_closed() {
        session = house.selected("INBOX");
    }
    // Composed and decomposed letters are two names, and each finds its own.
    session.ok("CREATE \"&AOk-\"");
    session.ok("CREATE \"e&AwE-\"");
    session.append("&AOk-", "Subject: composed\r\n\r\n");
    let counts = |session: &mut Session, name: &str| {
        let said = session.ok(&format!("STATUS \"{name}\" (MESSAGES)"));
        number_after(&said, "MESSAGES ").unwrap()
    };
    assert_eq!(counts(&mut session, "&AOk-"), 1);
    assert_eq!(counts(&mut session, "e&AwE-"), 0);
    // The inbox is one, in any case; a child of it is spelled as it was made.
    session.ok("CREATE iNbOx/Child");
    let said = session.ok("LIST \"\" *");
    assert!(said.contains("INBOX/Child"), "{said}");
    assert_eq!(said.matches("* LIST").count(), 6 + 3, "{said}");
    // No name of a mailbox is a name in the file system.
    session.ok("CREATE findme");
    assert!(!has_file(house.directory(), "findme"));
}

fn has_file(directory: &std::path::Path, part: &str) -> bool {
    std::fs::read_dir(directory).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        path.to_string_lossy().contains(part) || path.is_dir() && has_file(&path, part)
    })
}
