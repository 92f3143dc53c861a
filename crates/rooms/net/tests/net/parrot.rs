//! A protocol of one line a command, which uses all that a machine may ask of its driver.

use std::fmt::Write;
use std::io;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, SyncSender};
use std::time::{Duration, Instant};

use postroom_net::{Host, Peer};
use postroom_wire::machine::{Event, Machine, Next, Tls};
use postroom_wire::output::Output;
use tokio::sync::{Notify, Semaphore};

#[derive(Debug)]
pub(crate) enum Question {
    /// Answered at once, in upper case.
    Shout(String),
    /// Answered when the test opens the gate; says whether the peer has closed by then.
    Gate,
    /// How much body there was.
    Size,
}

#[derive(Debug)]
pub(crate) enum News {
    Mail,
    Drain,
}

/// Octets still to be sent.
#[derive(Debug)]
pub(crate) struct Crackers(usize);

/// What a test shares with the hosts of its sessions.
pub(crate) struct Perch {
    /// Told when a question waits at the gate.
    pub(crate) waiting: SyncSender<()>,
    /// Lets one question through.
    pub(crate) gate: Semaphore,
    pub(crate) mail: Notify,
    /// Told when a session is over.
    pub(crate) ended: Mutex<Sender<()>>,
    /// How long a machine waits for a command.
    pub(crate) patience: Duration,
}

#[derive(PartialEq, Eq)]
enum Greeting {
    Awaited,
    /// The peer spoke first.
    Forestalled,
    Said,
}

pub(crate) struct Parrot {
    patience: Duration,
    deadline: Instant,
    greeting: Greeting,
    tls: Option<Tls>,
    body_left: usize,
    asks: bool,
    /// How often it comes back without taking anything.
    returns: u32,
    drains: bool,
}

impl Parrot {
    pub(crate) fn new(perch: &Perch, now: Instant) -> Self {
        Self {
            patience: perch.patience,
            deadline: now + perch.patience,
            greeting: Greeting::Awaited,
            tls: None,
            body_left: 0,
            asks: false,
            returns: 0,
            drains: false,
        }
    }

    fn bytes<'i>(&mut self, unread: &'i [u8], out: &mut Output) -> (usize, Next<'i, Self>) {
        if self.greeting != Greeting::Said {
            self.greeting = Greeting::Forestalled;
            return (0, Next::Read);
        }
        if self.body_left > 0 {
            let octets = self.body_left.min(unread.len());
            if octets == 0 {
                return (0, Next::Read);
            }
            self.body_left -= octets;
            return (octets, Next::Body(&unread[..octets]));
        }
        if self.returns > 0 {
            self.returns -= 1;
            return (0, Next::Again);
        }
        let Some(end) = unread.windows(2).position(|pair| pair == b"\r\n") else {
            return (0, Next::Read);
        };
        let line = std::str::from_utf8(&unread[..end]).unwrap();
        (end + 2, self.command(line, out))
    }

    fn command<'i>(&mut self, line: &str, out: &mut Output) -> Next<'i, Self> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb {
            "ECHO" => {
                write!(out, "{rest}\r\n").unwrap();
                Next::Again
            }
            "ASK" => self.ask(Question::Shout(rest.to_owned())),
            "GATE" => self.ask(Question::Gate),
            "SIZE" => self.ask(Question::Size),
            "BODY" => {
                self.body_left = rest.parse().unwrap();
                Next::Again
            }
            "SEND" => Next::Send(Crackers(rest.parse().unwrap())),
            "SPIN" => {
                self.returns = u32::MAX;
                Next::Again
            }
            "PAUSE" => {
                self.returns = 1;
                Next::Again
            }
            "FLUSH" => Next::Flush,
            "STARTTLS" => {
                out.put(b"go\r\n");
                Next::StartTls
            }
            "QUIT" => {
                out.put(b"bye\r\n");
                Next::Close
            }
            _ => panic!("the parrot does not know {line}"),
        }
    }

    fn ask<'i>(&mut self, question: Question) -> Next<'i, Self> {
        self.asks = true;
        Next::Ask(question)
    }
}

impl Machine for Parrot {
    type Question = Question;
    type Answer = String;
    type News = News;
    type Source = Crackers;

    fn step<'i>(
        &mut self,
        now: Instant,
        event: Event<'i, String, News>,
        out: &mut Output,
    ) -> (usize, Next<'i, Self>) {
        let next = match event {
            Event::Bytes(unread) => {
                let (taken, next) = self.bytes(unread, out);
                if taken > 0 {
                    self.deadline = now + self.patience;
                }
                return (taken, next);
            }
            Event::Answer(words) => {
                self.asks = false;
                self.deadline = now + self.patience;
                write!(out, "{words}\r\n").unwrap();
                if self.drains {
                    out.put(b"closing\r\n");
                    Next::Close
                } else {
                    Next::Again
                }
            }
            Event::News(News::Mail) => {
                out.put(b"* mail\r\n");
                Next::Read
            }
            Event::News(News::Drain) if self.asks => {
                self.drains = true;
                Next::Read
            }
            Event::News(News::Drain) => {
                out.put(b"closing\r\n");
                Next::Close
            }
            Event::Secured(tls) => {
                self.tls = Some(tls);
                Next::Again
            }
            Event::Ready => self.ready(out),
            Event::Expired => {
                out.put(b"slow\r\n");
                Next::Close
            }
            Event::Closed => Next::Close,
        };
        (0, next)
    }

    fn deadline(&self) -> Instant {
        self.deadline
    }
}

impl Parrot {
    fn ready<'i>(&mut self, out: &mut Output) -> Next<'i, Self> {
        match std::mem::replace(&mut self.greeting, Greeting::Said) {
            Greeting::Said => return Next::Again,
            Greeting::Forestalled => {
                out.put(b"hello to you too\r\n");
                return Next::Again;
            }
            Greeting::Awaited => {}
        }
        match &self.tls {
            Some(tls) => write!(out, "hello {tls:?}\r\n").unwrap(),
            None => out.put(b"hello\r\n"),
        }
        Next::Read
    }
}

pub(crate) struct Keeper {
    pub(crate) perch: Arc<Perch>,
    pub(crate) peer: Peer,
    pub(crate) body: usize,
}

impl Host<Parrot> for Keeper {
    async fn answer(&mut self, question: Question) -> String {
        match question {
            Question::Shout(words) => words.to_uppercase(),
            Question::Gate => {
                self.perch.waiting.send(()).unwrap();
                self.perch.gate.acquire().await.unwrap().forget();
                format!("closed={}", self.peer.has_closed())
            }
            Question::Size => self.body.to_string(),
        }
    }

    async fn body(&mut self, octets: &[u8]) {
        self.body += octets.len();
    }

    async fn news(&mut self) -> News {
        self.perch.mail.notified().await;
        News::Mail
    }

    fn drain() -> News {
        News::Drain
    }

    async fn read(&mut self, source: &mut Crackers, buffer: &mut Vec<u8>) -> io::Result<bool> {
        let octets = source.0.min(64 * 1024);
        buffer.resize(octets, b'x');
        source.0 -= octets;
        Ok(source.0 > 0)
    }

    async fn closed(&mut self) {
        let _ = self.perch.ended.lock().unwrap().send(());
    }
}
