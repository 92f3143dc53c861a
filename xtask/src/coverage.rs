//! `cargo xtask coverage`: what the catalogues hold and no transcript shows.

use std::collections::BTreeSet;
use std::fs;

use postroom_imap::capability::CAPABILITIES;
use postroom_imap::parse::{UID_VERBS, VERBS};
use postroom_imap::response::status::CODES;
use postroom_mail::reply::{self, Reply};
use postroom_smtp::client::{self, Extension};
use postroom_smtp::server;

use crate::tree;

/// Lines of the transcripts, by who says them.
#[derive(Default)]
struct Shown {
    smtp_client: Vec<String>,
    smtp_server: Vec<String>,
    /// By our client, and to it.
    outward_client: Vec<String>,
    outward_server: Vec<String>,
    imap_client: Vec<String>,
    imap_server: Vec<String>,
}

/// Fails when a reply, verb, capability or response code appears in no transcript.
pub(crate) fn run() -> Result<(), String> {
    let shown = read();
    let mut unseen = BTreeSet::new();
    smtp_inward(&shown, &mut unseen);
    smtp_outward(&shown, &mut unseen);
    imap(&shown, &mut unseen);
    if unseen.is_empty() {
        tree::say("coverage: every reply, verb, capability and response code is in a transcript");
        return Ok(());
    }
    Err(format!(
        "in no transcript:\n  {}",
        unseen.into_iter().collect::<Vec<_>>().join("\n  ")
    ))
}

fn smtp_inward(shown: &Shown, unseen: &mut BTreeSet<String>) {
    for (name, reply) in reply::ALL {
        if !shown.smtp_server.iter().any(|line| says(line, reply)) {
            unseen.insert(format!("reply {name}"));
        }
    }
    for verb in server::verbs() {
        if !shown
            .smtp_client
            .iter()
            .any(|line| first_word(line) == verb)
        {
            unseen.insert(format!("SMTP verb {verb}"));
        }
    }
    for keyword in server::EXTENSIONS {
        let is_offered = |line: &String| {
            line.strip_prefix("250")
                .is_some_and(|rest| first_word(&rest[1..]) == keyword)
        };
        if !shown.smtp_server.iter().any(is_offered) {
            unseen.insert(format!("SMTP extension {keyword}"));
        }
    }
}

fn smtp_outward(shown: &Shown, unseen: &mut BTreeSet<String>) {
    for verb in client::VERBS {
        let says_verb = |line: &String| first_word(line) == verb;
        if !shown.outward_client.iter().any(says_verb) {
            unseen.insert(format!("SMTP verb {verb} of the client"));
        }
    }
    for keyword in Extension::keywords() {
        let is_offered = |line: &String| {
            line.get(4..)
                .is_some_and(|rest| first_word(rest) == keyword)
        };
        if !shown.outward_server.iter().any(is_offered) {
            unseen.insert(format!("SMTP extension {keyword} to the client"));
        }
    }
}

fn imap(shown: &Shown, unseen: &mut BTreeSet<String>) {
    for verb in VERBS {
        if !shown
            .imap_client
            .iter()
            .any(|line| second_word(line) == verb.name)
        {
            unseen.insert(format!("IMAP command {}", verb.name));
        }
    }
    for verb in UID_VERBS {
        let wanted = format!(" UID {} ", verb.name);
        if !shown
            .imap_client
            .iter()
            .any(|line| line.to_ascii_uppercase().contains(&wanted))
        {
            unseen.insert(format!("IMAP command UID {}", verb.name));
        }
    }
    for capability in CAPABILITIES {
        let is_offered = |line: &String| {
            line.contains("CAPABILITY ")
                && line
                    .split([' ', ']'])
                    .any(|word| word.split('=').next() == capability.name.split('=').next())
        };
        if !shown.imap_server.iter().any(is_offered) {
            unseen.insert(format!("IMAP capability {}", capability.name));
        }
    }
    for code in CODES {
        let is_given = |line: &String| {
            line.contains(&format!("[{code}]")) || line.contains(&format!("[{code} "))
        };
        if !shown.imap_server.iter().any(is_given) {
            unseen.insert(format!("IMAP response code {code}"));
        }
    }
}

/// Whether a line is this reply: its codes and its text. Between the two may stand what differs
/// from one peer to the next.
fn says(line: &str, reply: &Reply) -> bool {
    let enhanced = reply
        .enhanced
        .map(|code| format!("{code} "))
        .unwrap_or_default();
    let has_codes = [' ', '-']
        .iter()
        .any(|mark| line.starts_with(&format!("{}{mark}{enhanced}", reply.code)));
    has_codes && line.contains(&*reply.text)
}

fn first_word(line: &str) -> String {
    line.split([' ', ':'])
        .next()
        .unwrap_or("")
        .to_ascii_uppercase()
}

fn second_word(line: &str) -> String {
    line.split(' ').nth(1).unwrap_or("").to_ascii_uppercase()
}

fn read() -> Shown {
    let mut shown = Shown::default();
    let endings = [".smtp", ".lmtp", ".client", ".imap"];
    for path in tree::files(&tree::root().join("crates"), &endings) {
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        let ending = path.extension().and_then(|ending| ending.to_str());
        let (client, server) = match ending {
            Some("imap") => (&mut shown.imap_client, &mut shown.imap_server),
            Some("client") => (&mut shown.outward_client, &mut shown.outward_server),
            _ => (&mut shown.smtp_client, &mut shown.smtp_server),
        };
        for line in text.lines() {
            if let Some(text) = line.strip_prefix("C: ") {
                client.push(text.to_owned());
            } else if let Some(text) = line.strip_prefix("S: ") {
                server.push(text.to_owned());
            }
        }
    }
    shown
}
