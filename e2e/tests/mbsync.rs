//! mbsync keeps a Maildir and the server the same, both ways.

#![expect(
    clippy::unwrap_used,
    reason = "what helps a test may panic as the test may"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use postroom_e2e::imap::Imap;
use postroom_e2e::message;
use postroom_e2e::program::Program;
use postroom_e2e::server::{Role, Server};
use postroom_e2e::skip::need;

/// Messages on each side before the first run.
const EACH: usize = 250;

/// Flags by turns: what Maildir and IMAP call them.
const FLAGS: [(&str, &str); 5] = [
    ("", ""),
    ("S", "\\Seen"),
    ("FS", "\\Flagged \\Seen"),
    ("RS", "\\Answered \\Seen"),
    ("D", "\\Draft"),
];

/// By subject: flags as Maildir writes them.
type Contents = BTreeMap<String, String>;

#[test]
fn two_ways_with_500_messages_and_nothing_left_to_do() {
    if !need(&["mbsync"]) {
        return;
    }
    let server = Server::in_clear();
    let mut session = server.reader(server.bob());
    session.done("CREATE Both").unwrap();
    let folder = server.scratch().path().join("mail");
    let near = folder.join("Both");
    for sub in ["cur", "new", "tmp"] {
        fs::create_dir_all(near.join(sub)).unwrap();
    }
    let mut expected = Contents::new();
    for number in 0..EACH {
        let (letters, flags) = FLAGS[number % FLAGS.len()];
        let (far, local) = (format!("far-{number}"), format!("near-{number}"));
        session
            .append("Both", flags, &message::named(&far, 800))
            .unwrap();
        let text = String::from_utf8(message::named(&local, 800))
            .unwrap()
            .replace("\r\n", "\n");
        fs::write(near.join(format!("cur/{number}.host:2,{letters}")), text).unwrap();
        expected.insert(far, letters.to_owned());
        expected.insert(local, letters.to_owned());
    }
    let settings = settings(&server, &folder);
    mbsync(&settings);
    assert_eq!(far(&mut session), expected);
    assert_eq!(local(&near), expected);
    assert_bodies(&mut session, &near);

    // Nothing to do: no file is touched and the mailbox does not change.
    let before = (session.select("Both").unwrap(), names(&near));
    mbsync(&settings);
    assert_eq!((session.select("Both").unwrap(), names(&near)), before);

    // Changes on both sides meet: flags, a removal on each side, a new message on each side.
    let uids = session.search("SUBJECT far-1").unwrap();
    session
        .done(&format!("UID STORE {} +FLAGS (\\Flagged)", uids[0]))
        .unwrap();
    let gone = session.search("SUBJECT far-7").unwrap()[0];
    session
        .done(&format!("UID STORE {gone} +FLAGS (\\Deleted)"))
        .unwrap();
    session.done("EXPUNGE").unwrap();
    fs::remove_file(file_of(&near, "near-8")).unwrap();
    session
        .append("Both", "\\Seen", &message::named("late", 800))
        .unwrap();
    mbsync(&settings);
    let far = far(&mut session);
    assert_eq!(far, local(&near));
    assert!(far.contains_key("late") && !far.contains_key("near-8"));
    assert_eq!(far.len(), 2 * EACH - 1);
    assert_eq!(far["far-1"], "FS");
}

fn settings(server: &Server, folder: &Path) -> PathBuf {
    let bob = server.bob();
    // `localhost` and not 127.0.0.1: mbsync compares names of certificates, not addresses.
    let text = format!(
        "IMAPAccount a\nHost localhost\nPort {}\nUser {}\nPass {}\nAuthMechs PLAIN\n\
         SSLType IMAPS\nSystemCertificates no\nCertificateFile {}\n\n\
         IMAPStore far\nAccount a\n\n\
         MaildirStore near\nPath {}/\nInbox {}/INBOX\nSubFolders Verbatim\n\n\
         Channel c\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\n\
         SyncState *\n",
        server.port(Role::Imaps),
        bob.address,
        bob.password,
        server.authority().display(),
        folder.display(),
        folder.display(),
    );
    server.scratch().write("mbsyncrc", text)
}

fn mbsync(settings: &Path) {
    Program::new("mbsync")
        .arg("-c")
        .arg(settings)
        .arg("-a")
        .succeed();
}

fn far(session: &mut Imap) -> Contents {
    session.select("Both").unwrap();
    let rows = session
        .fetch("1:*", "BODY.PEEK[HEADER.FIELDS (SUBJECT)]")
        .unwrap();
    let letter = |flag: &String| match flag.as_str() {
        "\\Answered" => "R",
        "\\Draft" => "D",
        "\\Flagged" => "F",
        "\\Seen" => "S",
        _ => "",
    };
    let contents = rows.iter().map(|row| {
        let letters: BTreeSet<&str> = row.flags.iter().map(letter).collect();
        (subject(&row.body), letters.into_iter().collect())
    });
    contents.collect()
}

fn local(near: &Path) -> Contents {
    let contents = names(near).into_iter().map(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        let letters = name.split_once(":2,").map_or("", |(_, letters)| letters);
        (subject(&fs::read(&path).unwrap()), letters.to_owned())
    });
    contents.collect()
}

fn subject(message: &[u8]) -> String {
    let text = String::from_utf8_lossy(message);
    let line = text.lines().find_map(|line| line.strip_prefix("Subject: "));
    line.expect("a subject").trim().to_owned()
}

fn names(near: &Path) -> BTreeSet<PathBuf> {
    let read = |sub: &str| fs::read_dir(near.join(sub)).unwrap();
    let entries = read("cur").chain(read("new"));
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn file_of(near: &Path, wanted: &str) -> PathBuf {
    let found = names(near)
        .into_iter()
        .find(|path| subject(&fs::read(path).unwrap()) == wanted);
    found.expect("a message of that subject")
}

/// What came down is what was there, and what went up is what was here.
fn assert_bodies(session: &mut Imap, near: &Path) {
    for row in session.fetch("1:*", "BODY.PEEK[]").unwrap() {
        let (name, octets) = message::name(&row.body).expect("a message of ours");
        let kept = String::from_utf8(row.body).unwrap();
        let file = fs::read_to_string(file_of(near, &name)).unwrap();
        let without = |text: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| !line.starts_with("X-TUID:"));
            lines.map(|line| line.trim_end().to_owned()).collect()
        };
        let sent = String::from_utf8(message::named(&name, octets)).unwrap();
        assert_eq!(without(&kept), without(&sent), "{name} on the server");
        assert_eq!(without(&file), without(&sent), "{name} in the Maildir");
    }
}
