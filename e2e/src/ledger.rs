//! What clients were told, against what a mailbox holds.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;

use crate::imap::Imap;
use crate::message;

/// What the server said of a message or a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was done: it must be there, once.
    Acknowledged,
    /// It was not done: it must not be there.
    Refused,
    /// The connection ended first: it may be there, once.
    Unknown,
}

/// A message that was put into a mailbox, or was to be.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Its name, as [`message::named`] takes it.
    pub name: String,
    /// The size of its body.
    pub octets: usize,
    /// What the server said.
    pub fate: Fate,
    /// The UID that the server named.
    pub uid: Option<u32>,
}

/// Flags that a message was given.
#[derive(Clone, Debug)]
pub struct Marked {
    /// The message.
    pub uid: u32,
    /// All its flags after the change.
    pub flags: BTreeSet<String>,
    /// What the server said.
    pub fate: Fate,
}

/// One mailbox and all that may be in it.
#[derive(Debug, Default)]
pub struct Ledger {
    mailbox: String,
    uid_validity: Option<u32>,
    uid_next: u32,
    /// By UID: name and size of body.
    present: BTreeMap<u32, (String, usize)>,
    names: BTreeSet<String>,
    sent: HashMap<String, Sent>,
    flags: BTreeMap<u32, BTreeSet<String>>,
    pending: BTreeMap<u32, BTreeSet<String>>,
}

impl Ledger {
    /// A mailbox in which nothing is yet, or nothing that a ledger knows.
    pub fn new(mailbox: &str) -> Self {
        Self {
            mailbox: mailbox.to_owned(),
            ..Self::default()
        }
    }

    /// The mailbox.
    pub fn mailbox(&self) -> &str {
        &self.mailbox
    }

    /// UIDs of the messages seen so far.
    pub fn uids(&self) -> Vec<u32> {
        self.present.keys().copied().collect()
    }

    /// The flags a message has as far as was acknowledged.
    pub fn flags(&self, uid: u32) -> BTreeSet<String> {
        self.flags.get(&uid).cloned().unwrap_or_default()
    }

    /// Notes what became of a message.
    pub fn sent(&mut self, sent: Sent) {
        self.sent.insert(sent.name.clone(), sent);
    }

    /// Notes what became of a change of flags; one change of a message may be unknown at a time.
    pub fn marked(&mut self, marked: Marked) {
        match marked.fate {
            Fate::Acknowledged => {
                self.flags.insert(marked.uid, marked.flags);
            }
            Fate::Refused => {}
            Fate::Unknown => {
                self.pending.insert(marked.uid, marked.flags);
            }
        }
    }

    /// Looks at what is new in the mailbox, whole, and at how many messages there are; with
    /// `all_flags`, also at the flags of each.
    ///
    /// # Errors
    /// When the session fails.
    ///
    /// # Panics
    /// When the mailbox does not hold what the ledger says: all of it is named.
    pub fn verify(&mut self, reader: &mut Imap, all_flags: bool) -> io::Result<()> {
        let selected = reader.select(&self.mailbox)?;
        let mut wrong = Vec::new();
        if self
            .uid_validity
            .is_some_and(|known| known != selected.uid_validity)
        {
            wrong.push("UIDVALIDITY changed".to_owned());
        }
        self.uid_validity = Some(selected.uid_validity);
        if selected.uid_next < self.uid_next {
            wrong.push(format!(
                "UIDNEXT fell from {} to {}",
                self.uid_next, selected.uid_next
            ));
        }
        let last = self.present.last_key_value().map_or(0, |(uid, _)| *uid);
        for row in reader.fetch(&format!("{}:*", last + 1), "BODY.PEEK[]")? {
            if row.uid <= last {
                continue; // `n:*` names the last message also when it is below n (RFC 9051 §9).
            }
            if row.uid < self.uid_next {
                wrong.push(format!(
                    "UID {} is new and below UIDNEXT {}",
                    row.uid, self.uid_next
                ));
            }
            if let Err(what) = self.note(row.uid, &row.body) {
                wrong.push(format!("UID {}: {what}", row.uid));
            }
            self.flags.entry(row.uid).or_insert(row.flags);
        }
        self.uid_next = selected.uid_next;
        for sent in self.sent.drain().map(|(_, sent)| sent) {
            if sent.fate == Fate::Acknowledged {
                wrong.push(format!("{} was acknowledged and is lost", sent.name));
            }
        }
        if usize::try_from(selected.exists) != Ok(self.present.len()) {
            wrong.push(format!(
                "{} EXISTS, {} known",
                selected.exists,
                self.present.len()
            ));
        }
        if all_flags {
            self.verify_flags(reader, &mut wrong)?;
        }
        assert!(wrong.is_empty(), "{}:\n{}", self.mailbox, wrong.join("\n"));
        Ok(())
    }

    /// Takes a message that was not there before.
    fn note(&mut self, uid: u32, body: &[u8]) -> Result<(), String> {
        let (name, octets) = message::name(body).ok_or("a message that nobody sent")?;
        if !self.names.insert(name.clone()) {
            return Err(format!("{name} is there twice"));
        }
        self.present.insert(uid, (name.clone(), octets));
        let sent = self
            .sent
            .remove(&name)
            .ok_or_else(|| format!("{name} appeared after it was absent"))?;
        if sent.fate == Fate::Refused {
            return Err(format!("{name} was refused"));
        }
        if sent.uid.is_some_and(|told| told != uid) {
            return Err(format!("{name} was told UID {:?}", sent.uid));
        }
        if !message::is_intact(body, &name, sent.octets) {
            return Err(format!("{name} is not as it was sent"));
        }
        Ok(())
    }

    fn verify_flags(&mut self, reader: &mut Imap, wrong: &mut Vec<String>) -> io::Result<()> {
        let rows = reader.fetch("1:*", "")?;
        let uids: Vec<u32> = rows.iter().map(|row| row.uid).collect();
        if uids != self.uids() {
            wrong.push("the UIDs are not those seen before".to_owned());
        }
        for row in rows {
            let known = self.flags(row.uid);
            let pending = self.pending.remove(&row.uid);
            if row.flags != known && pending.as_ref() != Some(&row.flags) {
                wrong.push(format!(
                    "UID {}: flags {:?}, acknowledged {known:?}, not known {pending:?}",
                    row.uid, row.flags
                ));
            }
            self.flags.insert(row.uid, row.flags);
        }
        self.pending.clear();
        Ok(())
    }

    /// Reads a message seen before again, octet for octet.
    ///
    /// # Errors
    /// When the session fails.
    ///
    /// # Panics
    /// When it is not what it was.
    pub fn verify_again(&self, reader: &mut Imap, uid: u32) -> io::Result<()> {
        let (name, octets) = self.present.get(&uid).expect("a UID of this ledger");
        let rows = reader.fetch(&uid.to_string(), "BODY.PEEK[]")?;
        let body = rows.first().map_or(&[][..], |row| &row.body);
        assert!(
            message::is_intact(body, name, *octets),
            "{name} is no longer as it was sent"
        );
        Ok(())
    }
}
