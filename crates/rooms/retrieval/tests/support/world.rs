//! Clients at work in two mailboxes, by a seed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use postroom_mail::flag::SystemFlags;
use postroom_runtime::random::Random;

use crate::believer::{Believer, Enabled, Expunges, Known, Told};
use crate::house::{House, Session};

/// Sessions at work.
const CLIENTS: usize = 3;

/// Moments that are remembered; the oldest goes.
const MEMORIES_MAX: usize = 24;

/// Flags that are set.
const FLAGS: [&str; 5] = ["\\Seen", "\\Flagged", "\\Deleted", "Work", "$Junk"];

/// A moment that some client could come back from.
#[derive(Debug, Clone)]
struct Memory {
    mailbox: usize,
    validity: u32,
    highest: u64,
    messages: Vec<Known>,
}

struct Client {
    session: Session,
    believer: Believer,
    /// Which mailbox is open, and whether for writing.
    open: Option<(usize, bool)>,
}

/// Everything of one seed.
pub(crate) struct World<'h> {
    house: &'h House,
    seed: u64,
    random: Random,
    mailboxes: [String; 2],
    clients: Vec<Client>,
    memories: Vec<Memory>,
    log: Vec<String>,
}

/// Messages that a command names.
struct Chosen {
    is_uid: bool,
    set: String,
    /// Their places among what the client believes.
    places: Vec<usize>,
}

impl<'h> World<'h> {
    pub(crate) fn new(house: &'h House, seed: u64) -> Self {
        let mailboxes = [format!("a{seed}"), format!("b{seed}")];
        let mut maker = house.session();
        maker.ok("LOGIN anna secret");
        for mailbox in &mailboxes {
            maker.ok(&format!("CREATE {mailbox}"));
        }
        let mut world = Self {
            house,
            seed,
            random: Random::seeded(seed),
            mailboxes,
            clients: Vec::new(),
            memories: Vec::new(),
            log: Vec::new(),
        };
        for _ in 0..CLIENTS {
            let client = world.connect();
            world.clients.push(client);
        }
        world
    }

    /// Plays so many steps, then has every client look.
    pub(crate) fn play(mut self, steps: u32) {
        for _ in 0..steps {
            let who = self.below(CLIENTS);
            self.step(who, true);
        }
        for who in 0..CLIENTS {
            self.noop(who);
            self.come_back(who);
        }
    }

    fn below(&self, bound: usize) -> usize {
        usize::try_from(self.random.number() % bound.max(1) as u64).unwrap_or(0)
    }

    fn chance(&self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    fn fail(&self, why: &str) -> ! {
        let start = self.log.len().saturating_sub(40);
        let log = self.log[start..].join("\n");
        panic!("seed {}: {why}\n{log}", self.seed);
    }

    fn connect(&self) -> Client {
        let mut session = self.house.session();
        session.ok("LOGIN anna secret");
        let enabled = [Enabled::Nothing, Enabled::CondStore, Enabled::QResync][self.below(3)];
        if self.chance(3) {
            session.ok("ENABLE IMAP4rev2");
        }
        match enabled {
            Enabled::Nothing => {}
            Enabled::CondStore => drop(session.ok("ENABLE CONDSTORE")),
            Enabled::QResync => drop(session.ok("ENABLE QRESYNC")),
        }
        Client {
            session,
            believer: Believer::new(enabled),
            open: None,
        }
    }

    /// Says a command and has the client believe the answer.
    fn say(&mut self, who: usize, command: &str, expunges: Expunges) -> Told {
        let said = self.clients[who].session.say(command);
        self.hear(who, command, &said, expunges)
    }

    fn hear(&mut self, who: usize, command: &str, said: &str, expunges: Expunges) -> Told {
        self.log.push(format!("{who} C: {command}\n{said}"));
        let told = match self.clients[who].believer.hear(said, expunges) {
            Ok(told) => told,
            Err(broken) => self.fail(&broken),
        };
        if told.completion.starts_with("BAD") {
            self.fail("BAD");
        }
        if !told.completion.is_empty() && self.chance(2) {
            self.remember(who);
        }
        told
    }

    /// Keeps what a client knows now, if it knows all messages up to some.
    fn remember(&mut self, who: usize) {
        let client = &self.clients[who];
        let Some((mailbox, _)) = client.open else {
            return;
        };
        let believer = &client.believer;
        if believer.enabled == Enabled::Nothing || believer.highest == 0 {
            return;
        }
        let is_whole = |known: &Known| known.uid.is_some() && known.flags.is_some();
        let whole = believer.messages.iter().take_while(|known| is_whole(known));
        let messages: Vec<Known> = whole.cloned().collect();
        if believer.messages[messages.len()..]
            .iter()
            .any(|known| known.uid.is_some())
        {
            return;
        }
        let memory = Memory {
            mailbox,
            validity: believer.validity,
            highest: believer.highest,
            messages,
        };
        self.memories.push(memory);
        if self.memories.len() > MEMORIES_MAX {
            self.memories.remove(0);
        }
    }

    fn step(&mut self, who: usize, may_idle: bool) {
        if self.chance(2) {
            // Without this a session learns of others only when it looks by itself.
            self.catch_up();
        }
        let Some((_, is_writable)) = self.clients[who].open else {
            return self.select(who);
        };
        let has_unknown = self.clients[who]
            .believer
            .messages
            .iter()
            .any(|m| m.uid.is_none());
        if has_unknown && !self.chance(4) {
            return self.learn(who);
        }
        match self.below(24) {
            0..=2 => self.append(who),
            3..=8 if is_writable => self.store(who),
            9 | 10 if is_writable => drop(self.say(who, "EXPUNGE", Expunges::May)),
            11 if is_writable => self.uid_expunge(who),
            12 | 13 => self.transfer(who, is_writable),
            14 | 15 => self.fetch(who),
            16 => self.search(who),
            17 | 18 => self.noop(who),
            19 if may_idle => self.idle(who),
            20 => self.select(who),
            21 => self.leave(who),
            22 => self.come_back(who),
            23 => self.catch_up_by_fetch(who),
            _ => {}
        }
    }

    fn catch_up(&self) {
        for mailbox in &self.mailboxes {
            self.house.runtime.block_on(self.house.catch_up(mailbox));
        }
    }

    /// Asks for the UIDs that EXISTS only counted.
    fn learn(&mut self, who: usize) {
        let messages = &self.clients[who].believer.messages;
        let count = messages.len();
        let first = messages.iter().position(|m| m.uid.is_none()).unwrap_or(0) + 1;
        self.say(
            who,
            &format!("FETCH {first}:* (UID FLAGS)"),
            Expunges::MayNot,
        );
        let learned = &self.clients[who].believer.messages[..count];
        if learned.iter().any(|known| known.uid.is_none()) {
            self.fail("a message without UID");
        }
    }

    fn append(&mut self, who: usize) {
        let mailbox = &self.mailboxes[self.below(2)];
        let flags = self.flags();
        let message = "Subject: x\r\n\r\n";
        let octets = message.len();
        let command = format!("APPEND {mailbox} ({flags}) {{{octets}+}}\r\n{message}");
        self.say(who, &command, Expunges::May);
    }

    fn flags(&self) -> String {
        let chosen = FLAGS.iter().filter(|_| self.chance(3));
        chosen.copied().collect::<Vec<_>>().join(" ")
    }

    /// Some messages, by number or UID.
    fn choose(&self, who: usize) -> Option<Chosen> {
        let messages = &self.clients[who].believer.messages;
        if messages.is_empty() {
            return None;
        }
        let first = self.below(messages.len());
        let last = first + self.below((messages.len() - first).min(4));
        let places: Vec<usize> = (first..=last).collect();
        let uids: Vec<u32> = places.iter().filter_map(|&p| messages[p].uid).collect();
        let is_uid = self.chance(2) && uids.len() == places.len();
        let numbers: Vec<String> = if is_uid {
            uids.iter().map(u32::to_string).collect()
        } else {
            places.iter().map(|place| (place + 1).to_string()).collect()
        };
        Some(Chosen {
            is_uid,
            set: numbers.join(","),
            places,
        })
    }

    fn store(&mut self, who: usize) {
        let Some(chosen) = self.choose(who) else {
            return;
        };
        let flags = self.flags();
        let change = ["", "+", "-"][self.below(3)];
        let silent = if self.chance(2) { ".SILENT" } else { "" };
        let condition = self.condition(who);
        let uid = if chosen.is_uid { "UID " } else { "" };
        let set = &chosen.set;
        let command = format!("{uid}STORE {set}{condition} {change}FLAGS{silent} ({flags})");
        // A client takes its own change for granted; what it is told then counts more.
        let named: BTreeSet<String> = flags.split_whitespace().map(str::to_owned).collect();
        for place in chosen.places {
            let Some(known) = &mut self.clients[who].believer.messages[place].flags else {
                continue;
            };
            *known = match change {
                "+" => &*known | &named,
                "-" => &*known - &named,
                _ => named.clone(),
            };
        }
        let told = self.say(who, &command, expunges_of(chosen.is_uid));
        if !told.completion.starts_with("OK") {
            self.fail("STORE failed");
        }
    }

    /// UNCHANGEDSINCE, of now or of some time ago.
    fn condition(&self, who: usize) -> String {
        let believer = &self.clients[who].believer;
        if believer.enabled == Enabled::Nothing || !self.chance(3) {
            return String::new();
        }
        let since = believer.highest.saturating_sub(self.below(6) as u64);
        format!(" (UNCHANGEDSINCE {since})")
    }

    fn uid_expunge(&mut self, who: usize) {
        if let Some(chosen) = self.choose(who).filter(|chosen| chosen.is_uid) {
            self.say(who, &format!("UID EXPUNGE {}", chosen.set), Expunges::May);
        }
    }

    fn transfer(&mut self, who: usize, is_writable: bool) {
        let Some(chosen) = self.choose(who) else {
            return;
        };
        let verb = if is_writable && self.chance(2) {
            "MOVE"
        } else {
            "COPY"
        };
        let uid = if chosen.is_uid { "UID " } else { "" };
        let to = &self.mailboxes[self.below(2)];
        let command = format!("{uid}{verb} {} {to}", chosen.set);
        self.say(who, &command, Expunges::May);
    }

    fn fetch(&mut self, who: usize) {
        let Some(chosen) = self.choose(who) else {
            return;
        };
        let highest = self.clients[who].believer.highest;
        let items = match self.below(5) {
            0 => "(UID FLAGS)".to_owned(),
            1 => "(BODY[]<0.1>)".to_owned(),
            2 => "(FLAGS BODY[TEXT])".to_owned(),
            _ if self.clients[who].believer.enabled == Enabled::Nothing => "FAST".to_owned(),
            3 => "(UID FLAGS MODSEQ)".to_owned(),
            _ => format!("(FLAGS) (CHANGEDSINCE {})", highest.saturating_sub(3)),
        };
        let uid = if chosen.is_uid { "UID " } else { "" };
        let command = format!("{uid}FETCH {} {items}", chosen.set);
        self.say(who, &command, expunges_of(chosen.is_uid));
    }

    fn search(&mut self, who: usize) {
        let flag = ["SEEN", "FLAGGED", "DELETED", "KEYWORD Work"][self.below(4)];
        let (uid, expunges) = match self.below(3) {
            0 => ("", Expunges::MayNot),
            1 => ("UID ", Expunges::May),
            _ => ("UID ", Expunges::MayNot),
        };
        let keys = if expunges == Expunges::MayNot {
            " 1:4294967295"
        } else {
            ""
        };
        let count = self.clients[who].believer.messages.len();
        let told = self.say(who, &format!("{uid}SEARCH {flag}{keys}"), expunges);
        if uid.is_empty() && told.found.iter().any(|&number| number as usize > count) {
            self.fail("SEARCH found what is not there");
        }
    }

    /// After NOOP a client knows all.
    fn noop(&mut self, who: usize) {
        let Some((mailbox, _)) = self.clients[who].open else {
            return;
        };
        self.say(who, "NOOP", Expunges::May);
        let truth = self.truth(mailbox);
        let believer = &self.clients[who].believer;
        if believer.messages.len() != truth.messages.len() {
            self.fail(&format!("{} messages there are", truth.messages.len()));
        }
        for (known, held) in believer.messages.iter().zip(&truth.messages) {
            let is_wrong = known.uid.is_some() && known.uid != held.uid
                || known.flags.is_some() && known.flags != held.flags
                || known.mod_seq.is_some() && known.mod_seq != held.mod_seq;
            if is_wrong {
                self.fail(&format!("{known:?} is believed, {held:?} is there"));
            }
        }
        if believer.highest > truth.highest {
            self.fail(&format!("the highest MODSEQ is {}", truth.highest));
        }
    }

    /// What the store holds.
    fn truth(&self, mailbox: usize) -> Memory {
        let store = self.house.imap.mailboxes.store();
        let name = &self.mailboxes[mailbox];
        let (row, placements) = self.house.runtime.block_on(async {
            let place = self.house.place(name).await;
            let found = store
                .placements(place.account, place.mailbox, 0, 100_000)
                .await;
            found
                .ok()
                .flatten()
                .unwrap_or_else(|| self.fail("no mailbox"))
        });
        let flags = |placement: &postroom_store::row::Placement| {
            let system = SystemFlags::ALL
                .iter()
                .filter(|(flag, _)| placement.flags.contains(*flag))
                .map(|(_, name)| (*name).to_owned());
            let keywords = placement.keywords.indices();
            let keywords = keywords.filter_map(|number| row.keywords.get(number));
            system
                .chain(keywords.map(|keyword| keyword.as_str().to_owned()))
                .collect()
        };
        let known = |placement: &postroom_store::row::Placement| Known {
            uid: Some(placement.uid.number()),
            flags: Some(flags(placement)),
            mod_seq: Some(placement.mod_seq.0),
        };
        Memory {
            mailbox,
            validity: row.uid_validity.number(),
            highest: row.mod_seq.0,
            messages: placements.iter().map(known).collect(),
        }
    }

    /// IDLE while others do something.
    fn idle(&mut self, who: usize) {
        let said = self.clients[who].session.say("IDLE");
        self.hear(who, "IDLE", &said, Expunges::May);
        for _ in 0..=self.below(3) {
            let other = (who + 1 + self.below(CLIENTS - 1)) % CLIENTS;
            self.step(other, false);
            self.catch_up();
            let said = self.clients[who].session.stir();
            self.hear(who, "(idles)", &said, Expunges::May);
        }
        self.clients[who].session.0.receive(b"DONE\r\n");
        let said = self.clients[who].session.0.take_written();
        self.hear(who, "DONE", &String::from_utf8_lossy(&said), Expunges::May);
    }

    fn select(&mut self, who: usize) {
        let mailbox = self.below(2);
        let is_writable = !self.chance(5);
        self.open(who, mailbox, is_writable, "");
    }

    fn open(&mut self, who: usize, mailbox: usize, is_writable: bool, parameters: &str) -> Told {
        let enabled = self.clients[who].believer.enabled;
        let client = &mut self.clients[who];
        client.believer = Believer::new(enabled);
        client.open = Some((mailbox, is_writable));
        let verb = if is_writable { "SELECT" } else { "EXAMINE" };
        let command = format!("{verb} {}{parameters}", self.mailboxes[mailbox]);
        let told = self.say(who, &command, Expunges::May);
        if !told.completion.starts_with("OK") {
            self.fail("no mailbox was opened");
        }
        told
    }

    /// Closes the mailbox, or hangs up.
    fn leave(&mut self, who: usize) {
        match self.below(3) {
            0 => drop(self.say(who, "CLOSE", Expunges::MayNot)),
            1 => drop(self.say(who, "UNSELECT", Expunges::MayNot)),
            _ => {
                let client = self.connect();
                self.clients[who] = client;
            }
        }
        self.clients[who].open = None;
    }

    /// Opens a mailbox with QRESYNC from a moment that some client remembers.
    fn come_back(&mut self, who: usize) {
        if self.memories.is_empty() {
            return;
        }
        let memory = self.memories[self.below(self.memories.len())].clone();
        self.enable_qresync(who);
        let known = self.known_parameters(&memory);
        let parameters = format!(" (QRESYNC ({} {}{known}))", memory.validity, memory.highest);
        let is_writable = !self.chance(5);
        let told = self.open(who, memory.mailbox, is_writable, &parameters);
        self.compare(who, &memory, &told);
    }

    /// The same by UID FETCH in a mailbox that was opened without.
    fn catch_up_by_fetch(&mut self, who: usize) {
        if self.memories.is_empty() {
            return;
        }
        let memory = self.memories[self.below(self.memories.len())].clone();
        self.enable_qresync(who);
        self.open(who, memory.mailbox, true, "");
        let command = format!(
            "UID FETCH 1:* (FLAGS) (CHANGEDSINCE {} VANISHED)",
            memory.highest
        );
        let told = self.say(who, &command, Expunges::May);
        self.compare(who, &memory, &told);
    }

    fn enable_qresync(&mut self, who: usize) {
        self.clients[who].believer.enabled = Enabled::QResync;
        self.say(who, "ENABLE QRESYNC", Expunges::May);
    }

    /// Known UIDs and a sample of numbers, or not.
    fn known_parameters(&self, memory: &Memory) -> String {
        let uids: Vec<u32> = memory.messages.iter().filter_map(|m| m.uid).collect();
        let mut known = String::new();
        if let (Some(first), Some(last), true) = (uids.first(), uids.last(), self.chance(2)) {
            known = format!(" {first}:{last}");
        }
        if !uids.is_empty() && self.chance(2) {
            let places: Vec<usize> = (0..uids.len()).filter(|_| self.chance(3)).collect();
            let join = |numbers: Vec<String>| numbers.join(",");
            let numbers = join(places.iter().map(|place| (place + 1).to_string()).collect());
            let sample = join(
                places
                    .iter()
                    .map(|&place| uids[place].to_string())
                    .collect(),
            );
            if !places.is_empty() {
                let _ = write!(known, " ({numbers} {sample})");
            }
        }
        known
    }

    /// What was remembered, without what vanished, with what was fetched, and with what is new,
    /// is what the store holds.
    fn compare(&mut self, who: usize, memory: &Memory, told: &Told) {
        let mut held: BTreeMap<u32, Known> = memory
            .messages
            .iter()
            .filter_map(|known| Some((known.uid?, known.clone())))
            .collect();
        let last = held.keys().next_back().copied().unwrap_or(0);
        for uid in &told.earlier {
            held.remove(uid);
        }
        self.say(
            who,
            &format!("UID FETCH {}:* (FLAGS)", last + 1),
            Expunges::May,
        );
        for known in &self.clients[who].believer.messages {
            if let Some(uid) = known.uid {
                held.insert(uid, known.clone());
            }
        }
        let truth = self.truth(memory.mailbox);
        let flags = |known: &Known| (known.uid, known.flags.clone());
        let found: Vec<_> = held.values().map(flags).collect();
        let expected: Vec<_> = truth.messages.iter().map(flags).collect();
        if found != expected {
            let since = memory.highest;
            self.fail(&format!("from {since} came {found:?}, not {expected:?}"));
        }
    }
}

fn expunges_of(is_uid: bool) -> Expunges {
    if is_uid {
        Expunges::May
    } else {
        Expunges::MayNot
    }
}
