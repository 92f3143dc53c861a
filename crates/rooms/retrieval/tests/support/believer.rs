//! A client that knows of its mailbox only what untagged responses told it, and holds the server
//! to what RFC 9051 §7.4, §7.5 and RFC 7162 promise of them.

use std::collections::BTreeSet;

/// What a session has enabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Enabled {
    Nothing,
    CondStore,
    QResync,
}

/// One message as the client knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) uid: Option<u32>,
    pub(crate) flags: Option<BTreeSet<String>>,
    pub(crate) mod_seq: Option<u64>,
}

/// Whether the server may tell of expunges in answer to a command (RFC 9051 §7.5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expunges {
    May,
    MayNot,
}

/// What one answer told besides what the client believes.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// OK, NO or BAD, with all behind it.
    pub(crate) completion: String,
    /// VANISHED (EARLIER).
    pub(crate) earlier: Vec<u32>,
    /// SEARCH.
    pub(crate) found: Vec<u32>,
    /// UIDs of FETCH, in order.
    pub(crate) fetched: Vec<u32>,
}

/// A client with a mailbox open.
#[derive(Debug)]
pub(crate) struct Believer {
    pub(crate) enabled: Enabled,
    pub(crate) messages: Vec<Known>,
    /// All up to here is known (RFC 7162 §6).
    pub(crate) highest: u64,
    pub(crate) validity: u32,
    /// HIGHESTMODSEQ since the last completion.
    told_highest: Option<u64>,
    /// The highest MODSEQ of a FETCH since the last completion.
    seen_highest: u64,
}

type Broken = String;

impl Believer {
    pub(crate) fn new(enabled: Enabled) -> Self {
        Self {
            enabled,
            messages: Vec::new(),
            highest: 0,
            validity: 0,
            told_highest: None,
            seen_highest: 0,
        }
    }

    /// Takes an answer, or a part of one.
    ///
    /// # Errors
    /// What the server may not say, or not now.
    pub(crate) fn hear(&mut self, said: &str, expunges: Expunges) -> Result<Told, Broken> {
        let mut told = Told::default();
        for response in responses(said) {
            if let Some(completion) = response.strip_prefix("t ") {
                self.hear_code(completion)?;
                self.settle();
                completion.clone_into(&mut told.completion);
            } else if let Some(data) = response.strip_prefix("* ") {
                self.hear_data(data, expunges, &mut told)
                    .map_err(|broken| format!("{broken}: {response}"))?;
            } else if !response.starts_with('+') {
                return Err(format!("no response: {response}"));
            }
        }
        Ok(told)
    }

    /// The rule of RFC 7162 §6 by which a client knows how far it is.
    fn settle(&mut self) {
        self.highest = match self.told_highest.take() {
            Some(told) => told,
            None => self.highest.max(self.seen_highest),
        };
        self.seen_highest = 0;
    }

    fn hear_data(&mut self, data: &str, expunges: Expunges, told: &mut Told) -> Result<(), Broken> {
        let (first, rest) = data.split_once(' ').unwrap_or((data, ""));
        if let Ok(number) = first.parse::<u32>() {
            let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            return match word {
                "EXISTS" => self.hear_exists(number),
                "EXPUNGE" => self.hear_expunge(number, expunges),
                "FETCH" => self.hear_fetch(number, rest, told),
                "RECENT" => Ok(()),
                _ => Err("an unknown word".to_owned()),
            };
        }
        match first {
            "OK" => self.hear_code(data),
            "SEARCH" => {
                let numbers = rest.split(" (").next().unwrap_or_default();
                told.found = numbers.split(' ').filter_map(|n| n.parse().ok()).collect();
                Ok(())
            }
            "VANISHED" => match rest.strip_prefix("(EARLIER) ") {
                Some(uids) => self.hear_earlier(&numbers_of(uids), told),
                None => self.hear_vanished(&numbers_of(rest), expunges),
            },
            _ => Ok(()),
        }
    }

    fn hear_code(&mut self, text: &str) -> Result<(), Broken> {
        if text.contains("[CLOSED]") {
            *self = Self::new(self.enabled);
        }
        if let Some(validity) = after(text, "[UIDVALIDITY ") {
            self.validity = validity.try_into().unwrap_or(0);
        }
        if let Some(highest) = after(text, "[HIGHESTMODSEQ ") {
            if self.enabled == Enabled::Nothing {
                return Err("HIGHESTMODSEQ was not enabled".to_owned());
            }
            self.told_highest = Some(highest);
        }
        Ok(())
    }

    fn hear_exists(&mut self, count: u32) -> Result<(), Broken> {
        let count = count as usize;
        if count < self.messages.len() {
            return Err("fewer messages without EXPUNGE".to_owned());
        }
        self.messages.resize(count, Known::default());
        Ok(())
    }

    fn hear_expunge(&mut self, number: u32, expunges: Expunges) -> Result<(), Broken> {
        if self.enabled == Enabled::QResync {
            return Err("EXPUNGE where VANISHED was enabled".to_owned());
        }
        if expunges == Expunges::MayNot {
            return Err("EXPUNGE in answer to this command".to_owned());
        }
        let place = number as usize - 1;
        if place >= self.messages.len() {
            return Err("EXPUNGE of what is not there".to_owned());
        }
        self.messages.remove(place);
        Ok(())
    }

    fn hear_vanished(&mut self, uids: &[u32], expunges: Expunges) -> Result<(), Broken> {
        if self.enabled != Enabled::QResync {
            return Err("VANISHED was not enabled".to_owned());
        }
        if expunges == Expunges::MayNot {
            return Err("VANISHED in answer to this command".to_owned());
        }
        for &uid in uids {
            let known = self.messages.iter().position(|each| each.uid == Some(uid));
            let place = known.or_else(|| self.place_among_unknown(uid));
            let place = place.ok_or_else(|| format!("{uid} vanished and was never there"))?;
            self.messages.remove(place);
        }
        Ok(())
    }

    /// Where a message is whose UID was never asked for: behind all that are known to be lower.
    /// Those between two that are known are all the same to the client.
    fn place_among_unknown(&self, uid: u32) -> Option<usize> {
        let is_lower = |known: &Known| known.uid.is_some_and(|known| known < uid);
        let start = self
            .messages
            .iter()
            .rposition(is_lower)
            .map_or(0, |place| place + 1);
        let next = self.messages.get(start)?;
        next.uid.is_none().then_some(start)
    }

    fn hear_earlier(&self, uids: &[u32], told: &mut Told) -> Result<(), Broken> {
        if self.enabled != Enabled::QResync {
            return Err("VANISHED was not enabled".to_owned());
        }
        if !told.fetched.is_empty() {
            return Err("VANISHED (EARLIER) after FETCH".to_owned());
        }
        for &uid in uids {
            if self.messages.iter().any(|each| each.uid == Some(uid)) {
                return Err(format!("{uid} vanished earlier and is there"));
            }
        }
        told.earlier.extend(uids);
        Ok(())
    }

    fn hear_fetch(&mut self, number: u32, items: &str, told: &mut Told) -> Result<(), Broken> {
        let place = number as usize - 1;
        let Some(known) = self.messages.get_mut(place) else {
            return Err("FETCH of what is not there".to_owned());
        };
        let uid = after(items, "UID ").map(|uid| u32::try_from(uid).unwrap_or(0));
        if let Some(uid) = uid {
            if known.uid.is_some_and(|before| before != uid) {
                return Err(format!("UID {:?} was expected", known.uid));
            }
            known.uid = Some(uid);
            told.fetched.push(uid);
        }
        if let Some(flags) = flags_of(items) {
            known.flags = Some(flags);
        }
        if let Some(mod_seq) = after(items, "MODSEQ (") {
            if self.enabled == Enabled::Nothing {
                return Err("MODSEQ was not enabled".to_owned());
            }
            if known.mod_seq.is_some_and(|before| before > mod_seq) {
                return Err(format!("MODSEQ {:?} was told before", known.mod_seq));
            }
            known.mod_seq = Some(mod_seq);
            self.seen_highest = self.seen_highest.max(mod_seq);
        }
        let uids: Vec<u32> = self.messages.iter().filter_map(|each| each.uid).collect();
        if !uids.is_sorted_by(|one, next| one < next) {
            return Err(format!("UIDs do not ascend: {uids:?}"));
        }
        Ok(())
    }
}

/// Responses one by one, literals within.
fn responses(said: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = said;
    let mut open = String::new();
    while let Some((line, tail)) = rest.split_once("\r\n") {
        rest = tail;
        open.push_str(line);
        let literal = line
            .strip_suffix('}')
            .and_then(|head| head.rsplit('{').next());
        if let Some(octets) = literal.and_then(|octets| octets.parse::<usize>().ok()) {
            let (inside, tail) = rest.split_at(octets);
            // What a message holds must not be taken for items.
            open.extend(inside.chars().map(|_| '.'));
            rest = tail;
        } else {
            found.push(std::mem::take(&mut open));
        }
    }
    found
}

/// The number behind `mark`, where `mark` begins a word.
fn after(text: &str, mark: &str) -> Option<u64> {
    let start = text
        .match_indices(mark)
        .map(|(place, _)| place)
        .find(|&place| place == 0 || !text[..place].ends_with(char::is_alphanumeric))?;
    let digits = &text[start + mark.len()..];
    let end = digits.find(|c: char| !c.is_ascii_digit());
    digits[..end.unwrap_or(digits.len())].parse().ok()
}

/// FLAGS, without `\Recent`.
fn flags_of(items: &str) -> Option<BTreeSet<String>> {
    let (_, flags) = items.split_once("FLAGS (")?;
    let (flags, _) = flags.split_once(')')?;
    let words = flags.split(' ').filter(|word| !word.is_empty());
    Some(
        words
            .filter(|word| *word != "\\Recent")
            .map(str::to_owned)
            .collect(),
    )
}

/// The numbers of a set.
pub(crate) fn numbers_of(set: &str) -> Vec<u32> {
    set.split(',')
        .filter_map(|range| {
            let (from, to) = range.split_once(':').unwrap_or((range, range));
            Some(from.parse::<u32>().ok()?..=to.parse::<u32>().ok()?)
        })
        .flatten()
        .collect()
}
