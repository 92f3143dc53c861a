//! A driver without sockets: it gives a machine bytes and time, and keeps what it says.

use std::time::{Duration, Instant};

use crate::machine::{Event, Machine, Next, Tls};
use crate::output::Output;

/// Answers a machine in a test.
pub trait Host {
    /// The machine it answers.
    type Machine: Machine;

    /// Answers a question; `None` leaves it out until [`Drive::answer`].
    fn answer(
        &mut self,
        question: <Self::Machine as Machine>::Question,
    ) -> Option<<Self::Machine as Machine>::Answer>;

    /// Takes octets of a body.
    fn body(&mut self, octets: &[u8]);

    /// Writes what the machine wants streamed.
    fn stream(&mut self, source: <Self::Machine as Machine>::Source, out: &mut Vec<u8>);
}

/// How many steps in a row may take no octet: more is a machine that spins.
const IDLE_STEPS_MAX: u32 = 100_000;

/// A machine, its host and the wire between it and a peer.
#[derive(Debug)]
pub struct Drive<H: Host> {
    /// Under test.
    pub machine: H::Machine,
    /// Answers it.
    pub host: H,
    now: Instant,
    unread: Vec<u8>,
    out: Output,
    written: Vec<u8>,
    waits: Waits,
}

/// What a driver waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waits {
    Bytes,
    Answer,
    Handshake,
    Nothing,
}

/// The event of a host's machine.
type EventOf<'i, H> =
    Event<'i, <<H as Host>::Machine as Machine>::Answer, <<H as Host>::Machine as Machine>::News>;

impl<H: Host> Drive<H> {
    /// Nothing has happened yet.
    pub fn new(machine: H::Machine, host: H, now: Instant) -> Self {
        Self {
            machine,
            host,
            now,
            unread: Vec::new(),
            out: Output::new(),
            written: Vec::new(),
            waits: Waits::Bytes,
        }
    }

    /// The session begins.
    pub fn ready(&mut self) {
        self.tell(Event::Ready);
    }

    /// The peer sends bytes. What comes while a handshake is due belongs to it.
    pub fn receive(&mut self, bytes: &[u8]) {
        if self.waits != Waits::Handshake {
            self.unread.extend_from_slice(bytes);
            self.read_on();
        }
    }

    /// The answer to the question that was left out.
    pub fn answer(&mut self, answer: <H::Machine as Machine>::Answer) {
        if self.waits == Waits::Answer {
            self.waits = Waits::Bytes;
        }
        self.tell(Event::Answer(answer));
        self.read_on();
    }

    /// Something the machine is told unasked.
    pub fn news(&mut self, news: <H::Machine as Machine>::News) {
        self.tell(Event::News(news));
    }

    /// The peer sends no more.
    pub fn closed(&mut self) {
        self.tell(Event::Closed);
    }

    /// A handshake is done.
    pub fn secured(&mut self, tls: Tls) {
        if self.waits == Waits::Handshake {
            self.waits = Waits::Bytes;
        }
        self.tell(Event::Secured(tls));
    }

    /// Time passes; deadlines on the way are kept.
    pub fn advance(&mut self, by: Duration) {
        let until = self.now.checked_add(by).unwrap_or(self.now);
        while self.waits != Waits::Nothing && self.machine.deadline() <= until {
            self.now = self.machine.deadline().max(self.now);
            self.tell(Event::Expired);
        }
        self.now = until;
    }

    /// What was written since the last call.
    pub fn take_written(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.written)
    }

    /// Whether the machine has ended the session.
    pub fn is_closed(&self) -> bool {
        self.waits == Waits::Nothing
    }

    /// Whether the machine waits for a handshake.
    pub fn awaits_handshake(&self) -> bool {
        self.waits == Waits::Handshake
    }

    fn read_on(&mut self) {
        if self.waits == Waits::Bytes {
            let unread = std::mem::take(&mut self.unread);
            self.run(Event::Bytes(&unread), &unread);
        }
    }

    fn tell(&mut self, event: EventOf<'_, H>) {
        let unread = std::mem::take(&mut self.unread);
        self.run(event, &unread);
    }

    /// Steps until the machine waits; keeps what it did not take.
    fn run<'i>(&mut self, first: EventOf<'i, H>, unread: &'i [u8]) {
        let mut rest = unread;
        let mut event = first;
        let mut idle: u32 = 0;
        loop {
            let (taken, next) = self.machine.step(self.now, event, &mut self.out);
            assert!(taken <= rest.len(), "a machine takes what is there");
            rest = rest.get(taken..).unwrap_or_default();
            idle = if taken > 0 { 0 } else { idle.saturating_add(1) };
            assert!(idle < IDLE_STEPS_MAX, "a machine that spins");
            event = match next {
                Next::Read => break,
                Next::Again => Event::Bytes(rest),
                Next::Body(octets) => {
                    self.host.body(octets);
                    Event::Bytes(rest)
                }
                Next::Flush | Next::Compress => {
                    self.flush();
                    Event::Ready
                }
                Next::Send(source) => {
                    self.flush();
                    self.host.stream(source, &mut self.written);
                    Event::Ready
                }
                Next::Ask(question) => {
                    self.flush();
                    let Some(answer) = self.host.answer(question) else {
                        self.waits = Waits::Answer;
                        break;
                    };
                    Event::Answer(answer)
                }
                Next::StartTls => {
                    rest = &[];
                    self.waits = Waits::Handshake;
                    break;
                }
                Next::Close => {
                    rest = &[];
                    self.waits = Waits::Nothing;
                    break;
                }
            };
        }
        self.flush();
        self.unread = rest.to_vec();
    }

    fn flush(&mut self) {
        self.written.extend_from_slice(self.out.as_bytes());
        self.out.clear();
    }
}
