//! The servers elsewhere: what they are called, how they behave, and what they have taken.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use postroom_net::Host as _;
use postroom_net::connect::{ConnectError, Destination, Leash, Over};
use postroom_relay::Session;
use postroom_relay::dial::{Dial, Dialled};
use postroom_runtime::clock::Clock;
use postroom_smtp::client::Client;
use postroom_wire::machine::{Event, Machine, Next};
use postroom_wire::output::Output;

use crate::dice::Dice;
use crate::ledger::number_of;

/// Two domains elsewhere, one of them with a second server; a third has no server at all.
pub(crate) const ZONE: &str = "far.example MX 10 mx1.far.example\n\
    far.example MX 20 mx2.far.example\n\
    mx1.far.example A 192.0.2.10\n\
    mx2.far.example A 192.0.2.11\n\
    near.example MX 10 mx.near.example\n\
    mx.near.example A 192.0.2.12\n\
    lost.example MX 10 mx.lost.example\n";

/// Who lives there.
pub(crate) const STRANGERS: [&str; 4] = [
    "xenia@far.example",
    "yuri@far.example",
    "zoe@near.example",
    "walter@lost.example",
];

/// Copies of a letter that a server took for a recipient.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// It said so.
    pub(crate) heard: usize,
    /// It took the letter, and the connection ended before it said so.
    pub(crate) unheard: usize,
    /// It said so while the power was about to go: the house may not remember.
    pub(crate) forgotten: usize,
}

/// All servers elsewhere. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    seed: u64,
    clock: Clock,
    state: Arc<Mutex<State>>,
    /// Whether the house that sees it so is gone.
    is_shut: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct State {
    /// Connections to each server so far: its temper is another each time.
    dials: BTreeMap<SocketAddr, u64>,
    taken: BTreeMap<(usize, String), Taken>,
    is_cut: bool,
}

impl Network {
    pub(crate) fn new(seed: u64, clock: &Clock) -> Self {
        Self {
            seed,
            clock: clock.clone(),
            state: Arc::default(),
            is_shut: Arc::default(),
        }
    }

    /// The same servers, as a house sees them until it is gone.
    pub(crate) fn of_a_house(&self) -> Self {
        Self {
            is_shut: Arc::default(),
            ..self.clone()
        }
    }

    /// The house is gone: nothing of what it had begun reaches a server.
    pub(crate) fn shut(&self) {
        self.is_shut.store(true, Ordering::SeqCst);
    }

    /// Whether the power of the house is about to go.
    pub(crate) fn set_cut(&self, is_cut: bool) {
        self.lock().is_cut = is_cut;
    }

    /// What the servers took of a letter for a recipient.
    pub(crate) fn taken(&self, number: usize, recipient: &str) -> Taken {
        let key = (number, recipient.to_owned());
        self.lock().taken.get(&key).copied().unwrap_or_default()
    }

    /// Recipients whom some letter reached.
    pub(crate) fn reached(&self) -> usize {
        self.lock().taken.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A server as it is this time; nothing when it cannot be reached.
    fn server(&self, address: SocketAddr) -> Option<Server> {
        let mut state = self.lock();
        let dials = state.dials.entry(address).or_default();
        *dials += 1;
        let host = u64::from(match address {
            SocketAddr::V4(v4) => v4.ip().octets()[3],
            SocketAddr::V6(_) => 0,
        });
        let mut dice = Dice::new(self.seed ^ host << 32 ^ *dials << 40);
        if dice.chance(15) {
            return None;
        }
        Some(Server {
            network: self.clone(),
            dice,
            unread: Vec::new(),
            recipients: Vec::new(),
            is_sending: false,
            is_gone: false,
        })
    }

    async fn converse(
        &self,
        address: SocketAddr,
        mut machine: Client,
        mut host: Session,
    ) -> Over<Client, Session> {
        let how = match self.server(address) {
            Some(server) => self.drive(server, &mut machine, &mut host).await,
            None => Err(ConnectError::Unreachable {
                address,
                source: io::ErrorKind::ConnectionRefused.into(),
            }),
        };
        host.closed().await;
        Over { machine, host, how }
    }

    /// Carries octets between a machine of ours and a server until one of them ends it.
    async fn drive(
        &self,
        mut server: Server,
        machine: &mut Client,
        host: &mut Session,
    ) -> Result<(), ConnectError> {
        let mut unread = server.greet();
        let mut out = Output::new();
        let mut cue = Some(Event::Ready);
        let mut end_told = false;
        loop {
            if self.is_shut.load(Ordering::SeqCst) {
                return Ok(());
            }
            let event = cue.take().unwrap_or(Event::Bytes(&unread));
            let (taken, next) = machine.step(self.clock.now(), event, &mut out);
            match next {
                Next::Read => {
                    unread.drain(..taken);
                    let said = server.hear(out.as_bytes());
                    out.clear();
                    if !said.is_empty() {
                        unread.extend(said);
                    } else if server.is_gone && !end_told {
                        end_told = true;
                        cue = Some(Event::Closed);
                    } else {
                        // Neither has anything to say: a machine that waits for ever is a bug.
                        return Err(ConnectError::Unanswered {
                            address: ([0, 0, 0, 0], 0).into(),
                            waited: std::time::Duration::ZERO,
                        });
                    }
                    continue;
                }
                Next::Again | Next::Body(_) => {}
                Next::Flush => cue = Some(Event::Ready),
                Next::Ask(question) => cue = Some(Event::Answer(host.answer(question).await)),
                Next::Send(mut source) => {
                    unread.extend(server.hear(out.as_bytes()));
                    out.clear();
                    let mut piece = Vec::new();
                    loop {
                        let more = host.read(&mut source, &mut piece).await;
                        unread.extend(server.hear(&piece));
                        piece.clear();
                        match more {
                            Ok(true) => {}
                            Ok(false) => break,
                            Err(error) => {
                                return Err(postroom_net::Broken::Source(error).into());
                            }
                        }
                    }
                    cue = Some(Event::Ready);
                }
                Next::Close | Next::StartTls | Next::Compress => return Ok(()),
            }
            unread.drain(..taken.min(unread.len()));
        }
    }
}

impl Dial for Network {
    fn dial(
        &self,
        destination: Destination,
        _: Leash,
        machine: Client,
        host: Session,
    ) -> Dialled<'_> {
        Box::pin(self.converse(destination.address, machine, host))
    }
}

/// One connection at a server elsewhere, with a temper of its own.
struct Server {
    network: Network,
    dice: Dice,
    unread: Vec<u8>,
    recipients: Vec<String>,
    is_sending: bool,
    is_gone: bool,
}

impl Server {
    fn greet(&mut self) -> Vec<u8> {
        let greeting = match self.dice.roll(20) {
            0 => "554 no\r\n",
            1 => "421 later\r\n",
            _ => "220 elsewhere ESMTP\r\n",
        };
        greeting.into()
    }

    /// Takes octets; returns what is said to them.
    fn hear(&mut self, octets: &[u8]) -> Vec<u8> {
        self.unread.extend_from_slice(octets);
        let mut said = Vec::new();
        while !self.is_gone {
            let end: &[u8] = if self.is_sending {
                b"\r\n.\r\n"
            } else {
                b"\r\n"
            };
            let Some(place) = find(&self.unread, end) else {
                break;
            };
            let line: Vec<u8> = self.unread.drain(..place + end.len()).collect();
            if !self.is_sending && self.dice.chance(2) {
                self.is_gone = true;
                break;
            }
            let reply = if self.is_sending {
                self.take(&line)
            } else {
                self.obey(&String::from_utf8_lossy(&line))
            };
            said.extend_from_slice(reply.as_bytes());
        }
        said
    }

    fn obey(&mut self, line: &str) -> &'static str {
        let line = line.trim_end();
        let verb = line.get(..4).unwrap_or_default();
        match verb {
            "EHLO" if self.dice.chance(50) => "250-elsewhere\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
            "EHLO" => "250 elsewhere\r\n",
            "MAIL" => {
                self.recipients.clear();
                self.mostly("250 ok\r\n", "451 not now\r\n", "550 not you\r\n", 3)
            }
            "RCPT" => {
                let reply = self.mostly("250 ok\r\n", "450 busy\r\n", "550 unknown\r\n", 12);
                if reply.starts_with('2') {
                    let address = line.split(['<', '>']).nth(1).unwrap_or_default();
                    self.recipients.push(address.to_owned());
                }
                reply
            }
            "DATA" if self.recipients.is_empty() => "503 nobody\r\n",
            "DATA" => {
                self.is_sending = true;
                "354 go\r\n"
            }
            "QUIT" => {
                self.is_gone = true;
                "221 bye\r\n"
            }
            _ => "250 ok\r\n",
        }
    }

    /// The end of a message.
    fn take(&mut self, octets: &[u8]) -> &'static str {
        self.is_sending = false;
        let fate = self.dice.roll(20);
        match fate {
            0 => return "451 later\r\n",
            1 => return "554 spam\r\n",
            2 => {
                self.is_gone = true;
                return "";
            }
            _ => {}
        }
        let Some(number) = number_of(octets) else {
            return "250 ok\r\n";
        };
        let is_unheard = fate == 3;
        let mut state = self.network.lock();
        let is_cut = state.is_cut;
        for recipient in &self.recipients {
            let key = (number, recipient.clone());
            let taken = state.taken.entry(key).or_default();
            if is_unheard {
                taken.unheard += 1;
            } else if is_cut {
                taken.forgotten += 1;
            } else {
                taken.heard += 1;
            }
        }
        if is_unheard {
            self.is_gone = true;
            return "";
        }
        "250 taken\r\n"
    }

    fn mostly(
        &mut self,
        yes: &'static str,
        later: &'static str,
        no: &'static str,
        percent: usize,
    ) -> &'static str {
        match self.dice.roll(100) {
            roll if roll < percent => later,
            roll if roll < 2 * percent => no,
            _ => yes,
        }
    }
}

fn find(octets: &[u8], wanted: &[u8]) -> Option<usize> {
    octets
        .windows(wanted.len())
        .position(|window| window == wanted)
}
