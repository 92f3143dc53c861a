//! A plain IMAP client.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;

use crate::lines::Lines;

/// One response: its text with each literal as `{n}`, and the literals.
#[derive(Clone, Debug)]
pub struct Response {
    /// The text.
    pub text: String,
    /// The literals in it, in order.
    pub literals: Vec<Vec<u8>>,
}

/// What a command came to.
#[derive(Debug)]
pub struct Outcome {
    /// The untagged responses, without `* `.
    pub untagged: Vec<Response>,
    /// The tagged response, without its tag: `OK [APPENDUID 1 2] done`.
    pub status: String,
}

/// One row of FETCH.
#[derive(Clone, Debug)]
pub struct Row {
    /// UID.
    pub uid: u32,
    /// FLAGS, without `\Recent`.
    pub flags: BTreeSet<String>,
    /// The literal, if one was asked for.
    pub body: Vec<u8>,
}

/// What SELECT says of a mailbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selected {
    /// Messages in it.
    pub exists: u32,
    /// UIDVALIDITY.
    pub uid_validity: u32,
    /// UIDNEXT.
    pub uid_next: u32,
}

/// One session.
#[derive(Debug)]
pub struct Imap {
    /// The connection.
    pub lines: Lines,
    /// The first response of the server.
    pub greeting: String,
    commands: u32,
}

impl Imap {
    /// Connects and reads the greeting.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let mut lines = Lines::connect(address)?;
        let greeting = String::from_utf8_lossy(&lines.read_line()?).into_owned();
        Ok(Self {
            lines,
            greeting,
            commands: 0,
        })
    }

    /// Connects and logs in; `Err` also when the server refuses.
    pub fn login(address: SocketAddr, name: &str, password: &str) -> io::Result<Self> {
        let mut session = Self::connect(address)?;
        session.done(&format!("LOGIN {name} {password}"))?;
        Ok(session)
    }

    /// Sends a command and reads until it is completed.
    pub fn command(&mut self, command: &str) -> io::Result<Outcome> {
        let tag = self.begin(command)?;
        self.complete(&tag)
    }

    /// A command that must be answered with OK.
    pub fn done(&mut self, command: &str) -> io::Result<Outcome> {
        let outcome = self.command(command)?;
        if outcome.is_ok() {
            Ok(outcome)
        } else {
            Err(io::Error::other(format!("{command}: {}", outcome.status)))
        }
    }

    /// Sends a command and does not wait; returns its tag.
    pub fn begin(&mut self, command: &str) -> io::Result<String> {
        self.commands += 1;
        let tag = format!("A{}", self.commands);
        self.lines
            .write(format!("{tag} {command}\r\n").as_bytes())?;
        Ok(tag)
    }

    /// Reads until the command with this tag is completed.
    pub fn complete(&mut self, tag: &str) -> io::Result<Outcome> {
        let mut untagged = Vec::new();
        loop {
            let mut response = self.response()?;
            if response.text.starts_with("* ") {
                response.text.drain(..2);
                untagged.push(response);
            } else if let Some(status) = response.text.strip_prefix(tag) {
                return Ok(Outcome {
                    untagged,
                    status: status.trim_start().to_owned(),
                });
            } else {
                return Err(io::Error::other(format!("unexpected: {}", response.text)));
            }
        }
    }

    /// Reads one response, literals and all.
    pub fn response(&mut self) -> io::Result<Response> {
        let mut text = String::new();
        let mut literals = Vec::new();
        loop {
            let line = self.lines.read_line()?;
            text.push_str(&String::from_utf8_lossy(&line));
            let Some(octets) = literal(&text) else {
                return Ok(Response { text, literals });
            };
            literals.push(self.lines.read_exact(octets)?);
        }
    }

    /// SELECT.
    pub fn select(&mut self, mailbox: &str) -> io::Result<Selected> {
        let outcome = self.done(&format!("SELECT {mailbox}"))?;
        let mut selected = Selected::default();
        for response in &outcome.untagged {
            let text = &response.text;
            if let Some(exists) = text.strip_suffix(" EXISTS") {
                selected.exists = exists.parse().unwrap_or(0);
            }
            selected.uid_validity = number(text, "[UIDVALIDITY ").unwrap_or(selected.uid_validity);
            selected.uid_next = number(text, "[UIDNEXT ").unwrap_or(selected.uid_next);
        }
        Ok(selected)
    }

    /// APPEND with a synchronising literal; the UID that APPENDUID names (RFC 4315 §3).
    pub fn append(&mut self, mailbox: &str, flags: &str, message: &[u8]) -> io::Result<u32> {
        let tag = self.begin(&format!("APPEND {mailbox} ({flags}) {{{}}}", message.len()))?;
        let answer = self.response()?.text;
        if !answer.starts_with('+') {
            return Err(io::Error::other(format!("APPEND: {answer}")));
        }
        self.lines.write(message)?;
        self.lines.write(b"\r\n")?;
        let outcome = self.complete(&tag)?;
        let uid = number(&outcome.status, "[APPENDUID ")
            .and_then(|validity| number(&outcome.status, &format!("[APPENDUID {validity} ")));
        uid.filter(|_| outcome.is_ok())
            .ok_or_else(|| io::Error::other(format!("APPEND: {}", outcome.status)))
    }

    /// UID FETCH with UID, FLAGS and `items`, if any.
    pub fn fetch(&mut self, uids: &str, items: &str) -> io::Result<Vec<Row>> {
        let items = if items.is_empty() {
            "UID FLAGS".to_owned()
        } else {
            format!("UID FLAGS {items}")
        };
        let outcome = self.done(&format!("UID FETCH {uids} ({items})"))?;
        Ok(outcome.untagged.into_iter().filter_map(Row::read).collect())
    }

    /// UID SEARCH.
    pub fn search(&mut self, criteria: &str) -> io::Result<Vec<u32>> {
        let outcome = self.done(&format!("UID SEARCH {criteria}"))?;
        let found = outcome.untagged.iter().find_map(|response| {
            let rest = response.text.strip_prefix("SEARCH")?;
            Some(
                rest.split_whitespace()
                    .filter_map(|uid| uid.parse().ok())
                    .collect(),
            )
        });
        Ok(found.unwrap_or_default())
    }
}

impl Outcome {
    /// Whether it was done.
    pub fn is_ok(&self) -> bool {
        self.status.starts_with("OK")
    }

    /// The untagged texts, a line each.
    pub fn text(&self) -> String {
        let texts: Vec<_> = self
            .untagged
            .iter()
            .map(|response| response.text.as_str())
            .collect();
        texts.join("\n")
    }
}

impl Row {
    /// `7 FETCH (UID 9 FLAGS (\Seen) BODY[] {5})`; `None` for anything else.
    fn read(response: Response) -> Option<Self> {
        let (_, items) = response.text.split_once(" FETCH (")?;
        let uid = number(items, "UID ")?;
        let flags = items
            .split_once("FLAGS (")
            .and_then(|(_, rest)| rest.split_once(')'));
        let flags = flags.map_or("", |(flags, _)| flags);
        Some(Self {
            uid,
            flags: flags
                .split_whitespace()
                .filter(|flag| *flag != "\\Recent")
                .map(str::to_owned)
                .collect(),
            body: response.literals.into_iter().next().unwrap_or_default(),
        })
    }
}

/// The number after `label`.
fn number(text: &str, label: &str) -> Option<u32> {
    let rest = text.split_once(label)?.1;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

/// The size of the literal that a line announces at its end.
fn literal(text: &str) -> Option<usize> {
    let (_, size) = text.strip_suffix('}')?.rsplit_once('{')?;
    size.parse().ok()
}
