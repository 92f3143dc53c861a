//! SIGKILL at random instants under load: what was acknowledged is there, once and whole.
//!
//! `POSTROOM_CRASH_ROUNDS` (100) and `POSTROOM_CRASH_SEED` choose how often and which.

#![expect(
    clippy::unwrap_used,
    reason = "what helps a test may panic as the test may"
)]

use std::collections::BTreeSet;
use std::env;
use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use postroom_e2e::deadline::{Stopwatch, until};
use postroom_e2e::imap::Imap;
use postroom_e2e::ledger::{Fate, Ledger, Marked, Sent};
use postroom_e2e::message;
use postroom_e2e::random::Random;
use postroom_e2e::server::{Account, Options, Role, Server};
use postroom_e2e::skip::note;
use postroom_e2e::smtp::{Reply, Smtp};

const ROUNDS: u64 = 100;
/// Messages whose flags are changed, in each mailbox of marks.
const MARKS: usize = 40;
/// A round's load lasts up to this long, and longer than a login.
const LOAD_MIN: u64 = 100;
const LOAD_MAX: u64 = 1_100;
/// Messages that are read again at the end, of each mailbox.
const READ_AGAIN: usize = 200;

/// What one client has to tell after the crash.
#[derive(Default)]
struct Told {
    /// By account.
    inbox: Vec<(usize, Sent)>,
    appended: Vec<(usize, Sent)>,
    marked: Vec<(usize, Marked)>,
}

/// What a client needs.
#[derive(Clone)]
struct Client {
    smtp: SocketAddr,
    lmtp: SocketAddr,
    imap: SocketAddr,
    accounts: Vec<Account>,
    name: String,
    random: Random,
}

/// All that one account should hold.
struct Holding {
    inbox: Ledger,
    load: Ledger,
    marks: Ledger,
}

#[test]
fn what_was_acknowledged_survives_any_crash() {
    let rounds = variable("POSTROOM_CRASH_ROUNDS").unwrap_or(ROUNDS);
    let seed = variable("POSTROOM_CRASH_SEED").unwrap_or_else(|| Random::fresh().number());
    note(&format!("POSTROOM_CRASH_SEED={seed}, {rounds} rounds"));
    let mut random = Random::seeded(seed);
    let mut server = Options::new().set("auth.cleartext=loopback").start();
    let accounts = server.import(&["crash0", "crash1", "crash2", "crash3"]);
    let mut holdings: Vec<_> = accounts
        .iter()
        .map(|account| furnish(&server, account))
        .collect();
    let (mut sent, mut acknowledged) = (0, 0);
    let watch = Stopwatch::start();
    for round in 0..rounds {
        let told = crash(&mut server, &accounts, &holdings, round, &mut random);
        for told in &told {
            let fates = told
                .inbox
                .iter()
                .chain(&told.appended)
                .map(|(_, sent)| sent.fate);
            acknowledged += fates.filter(|fate| *fate == Fate::Acknowledged).count();
            sent += told.inbox.len() + told.appended.len();
        }
        enter(&mut holdings, told);
        kill_while_it_starts(&mut server, &mut random);
        server.serve();
        verify(&server, &accounts, &mut holdings);
    }
    read_again(&server, &accounts, &holdings, &mut random);
    note(&format!(
        "{rounds} crashes, {sent} messages, {acknowledged} acknowledged, {:?}",
        watch.elapsed()
    ));
    let expected = usize::try_from(rounds * 20).unwrap_or(usize::MAX);
    assert!(acknowledged > expected, "too little load to prove anything");
}

/// Makes the mailboxes of an account, and messages to change the flags of.
fn furnish(server: &Server, account: &Account) -> Holding {
    let mut session = server.reader(account);
    session.done("CREATE Load").unwrap();
    session.done("CREATE Marks").unwrap();
    let mut holding = Holding {
        inbox: Ledger::new("INBOX"),
        load: Ledger::new("Load"),
        marks: Ledger::new("Marks"),
    };
    for number in 0..MARKS {
        let name = format!("mark-{}-{number}", account.address);
        let uid = session
            .append("Marks", "", &message::named(&name, 500))
            .unwrap();
        holding.marks.sent(Sent {
            name,
            octets: 500,
            fate: Fate::Acknowledged,
            uid: Some(uid),
        });
    }
    holding.marks.verify(&mut session, true).unwrap();
    holding
}

/// Runs the load until the server is killed.
fn crash(
    server: &mut Server,
    accounts: &[Account],
    holdings: &[Holding],
    round: u64,
    random: &mut Random,
) -> Vec<Told> {
    let client = |kind: &str, number: usize, random: &mut Random| Client {
        smtp: server.at(Role::Smtp),
        lmtp: server.at(Role::Lmtp),
        imap: server.at(Role::Imap),
        accounts: accounts.to_vec(),
        name: format!("r{round}-{kind}{number}"),
        random: Random::seeded(random.number()),
    };
    let mut clients = Vec::new();
    for number in 0..3 {
        let client = client("smtp", number, random);
        clients.push(thread::spawn(move || client.deliver_by_smtp()));
    }
    for number in 0..2 {
        let client = client("lmtp", number, random);
        clients.push(thread::spawn(move || client.deliver_by_lmtp()));
    }
    for account in 0..2 {
        let client = client("append", account, random);
        clients.push(thread::spawn(move || client.append(account)));
    }
    for (account, holding) in holdings.iter().enumerate().skip(2) {
        let client = client("store", account, random);
        let marks = &holding.marks;
        let flags = marks
            .uids()
            .iter()
            .map(|uid| (*uid, marks.flags(*uid)))
            .collect();
        clients.push(thread::spawn(move || client.mark(account, flags)));
    }
    let span = LOAD_MIN + random.below(LOAD_MAX - LOAD_MIN);
    Stopwatch::start().run_to(Duration::from_millis(span));
    server.kill();
    clients
        .into_iter()
        .map(|client| client.join().unwrap())
        .collect()
}

/// Sometimes the crash comes while the last one is mended.
fn kill_while_it_starts(server: &mut Server, random: &mut Random) {
    if random.below(6) == 0 {
        let watch = server.spawn();
        watch.run_to(Duration::from_micros(random.below(120_000)));
        server.kill();
    }
}

fn enter(holdings: &mut [Holding], told: Vec<Told>) {
    for told in told {
        for (account, sent) in told.inbox {
            holdings[account].inbox.sent(sent);
        }
        for (account, sent) in told.appended {
            holdings[account].load.sent(sent);
        }
        for (account, marked) in told.marked {
            holdings[account].marks.marked(marked);
        }
    }
}

fn verify(server: &Server, accounts: &[Account], holdings: &mut [Holding]) {
    thread::scope(|scope| {
        for (account, holding) in accounts.iter().zip(holdings) {
            scope.spawn(move || {
                let mut reader = server.reader(account);
                holding.inbox.verify(&mut reader, false).unwrap();
                holding.load.verify(&mut reader, false).unwrap();
                holding.marks.verify(&mut reader, true).unwrap();
            });
        }
    });
}

/// Old messages are still what they were: all UIDs and flags, and some bodies.
fn read_again(server: &Server, accounts: &[Account], holdings: &[Holding], random: &mut Random) {
    for (account, holding) in accounts.iter().zip(holdings) {
        let mut reader = server.reader(account);
        for ledger in [&holding.inbox, &holding.load, &holding.marks] {
            reader.select(ledger.mailbox()).unwrap();
            let uids = ledger.uids();
            assert_eq!(reader.search("ALL").unwrap(), uids);
            for _ in 0..READ_AGAIN.min(uids.len()) {
                ledger
                    .verify_again(&mut reader, *random.pick(&uids))
                    .unwrap();
            }
        }
    }
}

impl Client {
    /// The next message: mostly small, some large, a few that do not stay in memory.
    fn message(&mut self, number: usize) -> (String, usize, Vec<u8>) {
        let octets = match self.random.below(50) {
            0 => 300_000,
            1..=10 => 20_000,
            _ => 1_000,
        };
        let name = format!("{}-{number}", self.name);
        let message = message::named(&name, octets);
        (name, octets, message)
    }

    /// One or two different accounts.
    fn recipients(&mut self) -> Vec<usize> {
        let count = self.accounts.len() as u64;
        let first = self.random.below(count);
        let second = (first + 1 + self.random.below(count - 1)) % count;
        let both = self.random.below(3) == 0;
        let chosen = if both {
            vec![first, second]
        } else {
            vec![first]
        };
        chosen
            .into_iter()
            .filter_map(|index| usize::try_from(index).ok())
            .collect()
    }

    fn deliver_by_smtp(mut self) -> Told {
        let mut told = Told::default();
        let mut session = Smtp::hello(self.smtp);
        for number in 0.. {
            let Ok(open) = &mut session else { break };
            let (name, octets, message) = self.message(number);
            let recipients = self.recipients();
            let addresses: Vec<_> = recipients
                .iter()
                .map(|index| self.accounts[*index].address.as_str())
                .collect();
            let reply = open.send("load@client.example", &addresses, &message);
            let fate = fate(reply.as_ref());
            for account in recipients {
                told.inbox.push((
                    account,
                    Sent {
                        name: name.clone(),
                        octets,
                        fate,
                        uid: None,
                    },
                ));
            }
            if fate != Fate::Acknowledged {
                session = Smtp::hello(self.smtp);
            }
        }
        told
    }

    fn deliver_by_lmtp(mut self) -> Told {
        let mut told = Told::default();
        let mut session = Smtp::lmtp(self.lmtp);
        for number in 0.. {
            let Ok(open) = &mut session else { break };
            let (name, octets, message) = self.message(number);
            let recipients = self.recipients();
            let addresses: Vec<_> = recipients
                .iter()
                .map(|index| self.accounts[*index].address.as_str())
                .collect();
            let fates = lmtp_fates(open, &addresses, &message);
            let failed = fates.iter().any(|fate| *fate != Fate::Acknowledged);
            for (account, fate) in recipients.into_iter().zip(fates) {
                told.inbox.push((
                    account,
                    Sent {
                        name: name.clone(),
                        octets,
                        fate,
                        uid: None,
                    },
                ));
            }
            if failed {
                session = Smtp::lmtp(self.lmtp);
            }
        }
        told
    }

    fn append(mut self, account: usize) -> Told {
        let mut told = Told::default();
        let owner = self.accounts[account].clone();
        let Ok(mut session) = Imap::login(self.imap, &owner.address, &owner.password) else {
            return told;
        };
        for number in 0.. {
            let (name, octets, message) = self.message(number);
            let uid = session.append("Load", "\\Seen", &message);
            let failed = uid.is_err();
            let (fate, uid) =
                uid.map_or((Fate::Unknown, None), |uid| (Fate::Acknowledged, Some(uid)));
            told.appended.push((
                account,
                Sent {
                    name,
                    octets,
                    fate,
                    uid,
                },
            ));
            if failed {
                break;
            }
        }
        told
    }

    fn mark(mut self, account: usize, mut all: Vec<(u32, BTreeSet<String>)>) -> Told {
        const FLAGS: [&str; 6] = [
            "\\Seen",
            "\\Flagged",
            "\\Answered",
            "\\Deleted",
            "$Label1",
            "Later",
        ];
        let mut told = Told::default();
        let owner = self.accounts[account].clone();
        let session = Imap::login(self.imap, &owner.address, &owner.password);
        let Ok(mut session) = session else {
            return told;
        };
        if session.select("Marks").is_err() {
            return told;
        }
        loop {
            let index = usize::try_from(self.random.below(all.len() as u64)).unwrap_or(0);
            let (uid, flags) = &mut all[index];
            let flag = *self.random.pick(&FLAGS);
            let is_set = flags.remove(flag);
            if !is_set {
                flags.insert(flag.to_owned());
            }
            let sign = if is_set { '-' } else { '+' };
            let outcome = session.command(&format!("UID STORE {uid} {sign}FLAGS.SILENT ({flag})"));
            let fate = match &outcome {
                Ok(outcome) if outcome.is_ok() => Fate::Acknowledged,
                Ok(outcome) => panic!("STORE: {}", outcome.status),
                Err(_) => Fate::Unknown,
            };
            told.marked.push((
                account,
                Marked {
                    uid: *uid,
                    flags: flags.clone(),
                    fate,
                },
            ));
            if fate == Fate::Unknown {
                return told;
            }
        }
    }
}

fn fate(reply: Result<&Reply, &io::Error>) -> Fate {
    match reply {
        Ok(reply) if reply.code == 250 => Fate::Acknowledged,
        Ok(_) => Fate::Refused,
        Err(_) => Fate::Unknown,
    }
}

/// What became of each recipient; when the connection ends between two replies, the rest is not
/// known.
fn lmtp_fates(session: &mut Smtp, to: &[&str], message: &[u8]) -> Vec<Fate> {
    let mut fates = Vec::new();
    match session.open("load@client.example", to) {
        Ok(reply) if reply.code == 354 => {
            let mut result = session.send_data(message);
            for _ in to {
                let reply = result.and_then(|()| session.reply());
                fates.push(fate(reply.as_ref()));
                result = reply.map(drop);
            }
        }
        opened => fates.resize(
            to.len(),
            match opened {
                Ok(_) => Fate::Refused,
                Err(_) => Fate::Unknown,
            },
        ),
    }
    fates
}

fn variable(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

/// A server that was killed leaves nothing that keeps the next from starting.
#[test]
fn a_killed_server_starts_again_at_once() {
    let mut server = Server::start();
    for _ in 0..3 {
        server.kill();
        server.serve();
    }
    let answers = until(Duration::from_secs(5), || {
        Smtp::hello(server.at(Role::Smtp)).ok()
    });
    assert!(answers.is_some());
}
