//! SORT and THREAD beside Dovecot's, over mailboxes of odd subjects, dates and references.
//! Skipped, with a line that says so, where Dovecot is not installed.

#![expect(clippy::unwrap_used, reason = "a test may end so")]

#[path = "support/house.rs"]
mod house;

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use house::{House, Session};
use postroom_runtime::random::Random;

/// Mailboxes that are compared.
const ROUNDS: u64 = 8;

/// Messages of each.
const MESSAGES: u64 = 40;

/// Who Dovecot runs as where the test is root, which it refuses to serve: nobody, on Debian.
const NOBODY: u32 = 65_534;

/// What is asked of both.
const QUESTIONS: [&str; 14] = [
    "SORT (ARRIVAL) UTF-8 ALL",
    "SORT (CC) UTF-8 ALL",
    "SORT (DATE) UTF-8 ALL",
    "SORT (FROM) UTF-8 ALL",
    "SORT (SIZE) UTF-8 ALL",
    "SORT (SUBJECT) UTF-8 ALL",
    "SORT (TO) UTF-8 ALL",
    "SORT (DISPLAYFROM) UTF-8 ALL",
    "SORT (DISPLAYTO) UTF-8 ALL",
    "SORT (REVERSE SUBJECT DATE) UTF-8 ALL",
    "SORT (SUBJECT REVERSE FROM REVERSE DATE) UTF-8 UNDELETED 3:30",
    "THREAD ORDEREDSUBJECT UTF-8 ALL",
    "THREAD REFERENCES UTF-8 ALL",
    "THREAD REFERENCES UTF-8 5:35",
];

struct Dovecot {
    directory: PathBuf,
    is_root: bool,
}

impl Dovecot {
    /// `None` where there is none.
    fn new(round: u64) -> Option<Self> {
        Command::new("doveadm").arg("help").output().ok()?;
        let name = format!("postroom-dovecot-{}-{round}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(directory.join("mail")).unwrap();
        let is_root = fs::metadata(&directory).unwrap().uid() == 0;
        let place = directory.display();
        let conf = format!(
            "base_dir = {place}/run\nstate_dir = {place}/run\nlog_path = {place}/log\n\
             mail_location = maildir:{place}/mail\nssl = no\nprotocols =\n\
             first_valid_uid = 1\nfirst_valid_gid = 1\n\
             default_login_user = nobody\ndefault_internal_user = nobody\n\
             default_internal_group = nogroup\n"
        );
        fs::write(directory.join("conf"), conf).unwrap();
        if is_root {
            for path in [directory.clone(), directory.join("mail")] {
                chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        Some(Self { directory, is_root })
    }

    /// What is said to these commands.
    fn say(&self, commands: &[u8]) -> String {
        let mut command = if self.is_root {
            let mut command = Command::new("setpriv");
            command
                .args([&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}")])
                .args(["--clear-groups", "doveadm"]);
            command
        } else {
            Command::new("doveadm")
        };
        let mut child = command
            .arg("-c")
            .arg(self.directory.join("conf"))
            .args(["exec", "imap"])
            .env("HOME", &self.directory)
            .env("USER", "nobody")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let commands = commands.to_vec();
        let writer = std::thread::spawn(move || input.write_all(&commands));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn pick<'t>(random: &Random, from: &[&'t str]) -> &'t str {
    let place = random.number() % from.len() as u64;
    from[usize::try_from(place).unwrap()]
}

/// What subjects are made of.
const PIECES: [&str; 11] = [
    "Re: ",
    "fwd: ",
    "[list] ",
    "RE[3]: ",
    "tea",
    " ",
    "Milk",
    "(fwd)",
    "[Fwd: tea]",
    "FW : ",
    "[x]",
];

/// A message of which much is left to chance.
fn message(random: &Random, number: u64) -> String {
    let mut text = String::new();
    let (day, hour) = (random.number() % 28 + 1, random.number() % 24);
    let zone = pick(random, &["+0000", "-0800", "+0530", "GMT", "EST"]);
    if !random.number().is_multiple_of(10) {
        let _ = write!(text, "Date: {day} Nov 2026 {hour:02}:00:00 {zone}\r\n");
    }
    for field in ["From", "To", "Cc"] {
        let address = pick(
            random,
            &[
                "",
                "anna@example.org",
                "Zoe <bert@example.org>",
                "\"Bert B\" <Carl@example.org>, x@example.org",
                "=?utf-8?q?=C3=84nne?= <dora@example.org>",
                "emil@example.net (Emil)",
            ],
        );
        if !address.is_empty() {
            let _ = write!(text, "{field}: {address}\r\n");
        }
    }
    let subject: String = (0..random.number() % 5)
        .map(|_| pick(random, &PIECES))
        .collect();
    let _ = write!(text, "Subject: {subject}\r\n");
    // Some have an identifier that another has too.
    let id = if random.number().is_multiple_of(10) {
        number / 2
    } else {
        number
    };
    let _ = write!(text, "Message-ID: <{id}@x>\r\n");
    // Some of what is referred to is not there, or comes later.
    let references: Vec<String> = (0..random.number() % 4)
        .map(|_| format!("<{}@x>", random.number() % (number + 20)))
        .collect();
    if !references.is_empty() {
        let field = pick(random, &["References", "References", "In-Reply-To"]);
        let _ = write!(text, "{field}: {}\r\n", references.join(" "));
    }
    let _ = write!(
        text,
        "\r\n{}\r\n",
        "x".repeat(usize::try_from(random.number() % 50).unwrap())
    );
    text
}

/// The answers to [`QUESTIONS`], in order.
fn answers(said: &str) -> Vec<&str> {
    said.lines()
        .filter(|line| line.starts_with("* SORT") || line.starts_with("* THREAD"))
        .collect()
}

fn ask(session: &mut Session, question: &str) -> String {
    let said = session.ok(question);
    answers(&said).first().unwrap().to_string()
}

#[test]
fn sort_and_thread_are_those_of_dovecot() {
    for round in 0..ROUNDS {
        let Some(dovecot) = Dovecot::new(round) else {
            let _ = writeln!(io::stderr(), "SKIPPED: there is no doveadm");
            return;
        };
        let random = Random::seeded(round);
        let house = House::new();
        let mut ours = house.selected("INBOX");
        let mut theirs = Vec::new();
        for number in 0..MESSAGES {
            let message = message(&random, number);
            let second = random.number() % 60;
            let head = format!(
                "APPEND INBOX \"03-Nov-2026 10:00:{second:02} +0000\" {{{}+}}\r\n{message}",
                message.len()
            );
            ours.ok(&head);
            let _ = write!(theirs, "t {head}\r\n");
        }
        theirs.extend_from_slice(b"t SELECT INBOX\r\n");
        for question in QUESTIONS {
            let _ = write!(theirs, "t {question}\r\n");
        }
        theirs.extend_from_slice(b"t LOGOUT\r\n");
        let said = dovecot.say(&theirs);
        let expected = answers(&said);
        assert_eq!(expected.len(), QUESTIONS.len(), "{said}");
        for (question, expected) in QUESTIONS.iter().zip(expected) {
            let found = ask(&mut ours, question);
            assert_eq!(
                found.trim_end(),
                expected.trim_end(),
                "round {round}: {question}"
            );
        }
    }
}
