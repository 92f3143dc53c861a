//! One run: what happens, in the order that the seed says, and the invariants after each step.

use std::sync::Arc;
use std::time::Duration;

use postroom_delivery::privacy::Privacy;
use postroom_delivery::worker::Worker;
use postroom_intake::Door;
use postroom_queue::queue::Queue;
use postroom_runtime::clock::{Clock, Timestamp};
use postroom_runtime::group::Token;
use postroom_runtime::random::Random;
use postroom_testkit::directory::TestDirectory;
use postroom_testkit::disk::FaultyDisk;
use tokio::runtime::Runtime;

use crate::dice::Dice;
use crate::house::{Database, House, PEOPLE, fall_back};
use crate::ledger::{Ledger, Violation};
use crate::network::Network;
use crate::reader::Reader;
use crate::sender::{Sender, Step};

/// Steps of one run.
const STEPS: usize = 120;

/// Connections that are open together.
const CONNECTIONS_MAX: usize = 5;

/// Lines of the story that are told with a violation.
const STORY_MAX: usize = 40;

/// Calls to the disk within which a power cut comes.
const CUT_WITHIN: usize = 12;

/// 2026-11-02 09:05:00 UTC, when all of this begins.
const BEGINNING: u64 = 1_793_610_300;

/// What a run has seen; for the reader of a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// Letters written.
    pub letters: usize,
    /// Times the power went.
    pub cuts: usize,
    /// Rounds of the queue that found work.
    pub rounds: usize,
    /// Recipients elsewhere whom a letter reached.
    pub sent: usize,
}

enum Connection {
    Sender(Box<Sender>),
    Reader(Box<Reader>),
}

struct World {
    runtime: Arc<Runtime>,
    dice: Dice,
    clock: Clock,
    random: Random,
    folder: TestDirectory,
    disk: FaultyDisk,
    network: Network,
    house: House,
    connections: Vec<Connection>,
    ledger: Ledger,
    seen: Seen,
}

/// Runs one seed to its end.
///
/// # Errors
/// The first invariant that does not hold, and the step after which.
///
/// # Panics
/// When the machine gives no thread, no folder or no runtime.
pub fn run(seed: u64) -> Result<Seen, Violation> {
    run_on(&FaultyDisk::new(), seed)
}

/// Runs one seed on an empty disk, which may have faults of its own.
///
/// # Errors
/// The first invariant that does not hold, and the step after which.
///
/// # Panics
/// When the machine gives no thread, no folder or no runtime.
pub fn run_on(disk: &FaultyDisk, seed: u64) -> Result<Seen, Violation> {
    let mut world = World::new(disk, seed);
    let mut outcome = Ok(());
    for step in 0..STEPS {
        outcome = world
            .step()
            .and_then(|()| world.check())
            .map_err(|violation| world.told(step, &violation));
        if outcome.is_err() {
            break;
        }
    }
    let World {
        runtime,
        house,
        connections,
        ledger,
        network,
        mut seen,
        ..
    } = world;
    drop(connections);
    runtime.block_on(house.end());
    seen.letters = ledger.written();
    seen.sent = network.reached();
    outcome.map(|()| seen)
}

impl World {
    /// A violation with what led to it.
    fn told(&self, step: usize, Violation(what): &Violation) -> Violation {
        let first = self.ledger.story.len().saturating_sub(STORY_MAX);
        let story = self.ledger.story[first..].join("\n  ");
        Violation(format!("step {step}: {what}\n  {story}"))
    }

    fn new(disk: &FaultyDisk, seed: u64) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let mut dice = Dice::new(seed);
        let clock = Clock::manual(Timestamp::from_unix_seconds(BEGINNING));
        let random = Random::seeded(dice.number());
        let folder = TestDirectory::new();
        let network = Network::new(dice.number(), &clock);
        let opened = House::open(folder.path(), disk, &clock, &random, &network);
        let house = runtime.block_on(opened).expect("an empty store opens");
        runtime.block_on(house.settle_in());
        Self {
            runtime: Arc::new(runtime),
            dice,
            clock,
            random,
            folder,
            disk: disk.clone(),
            network,
            house,
            connections: Vec::new(),
            ledger: Ledger::default(),
            seen: Seen::default(),
        }
    }

    fn step(&mut self) -> Result<(), Violation> {
        match self.dice.roll(100) {
            0..3 => self.cut_soon(),
            3..13 => self.connect(),
            13..18 => self.work_queue(),
            18..24 => self.runtime.block_on(self.house.send_on(&self.disk)),
            24..28 => self.pass_time(),
            _ => self.move_connection(),
        }
        if self.disk.is_cut() {
            return self.restart();
        }
        Ok(())
    }

    /// The power goes with one of the next calls to the disk.
    fn cut_soon(&mut self) {
        let within = 1 + self.dice.roll(CUT_WITHIN) as u64;
        self.disk.cut_at(self.disk.calls() + within);
        self.ledger.is_cut = true;
        self.network.set_cut(true);
        self.ledger
            .story
            .push(format!("the power goes within {within} calls"));
    }

    fn connect(&mut self) {
        if self.connections.len() >= CONNECTIONS_MAX {
            return;
        }
        let person = *self.dice.pick(&PEOPLE);
        let connection = match self.dice.roll(10) {
            0..3 => Connection::Reader(Box::new(Reader::new(
                self.house.imap(&self.runtime),
                person,
            ))),
            roll => {
                let door = match roll {
                    3..6 => Door::Transfer,
                    6..9 => Door::Submissions,
                    _ => Door::Lmtp,
                };
                let drive = self.house.smtp(&self.runtime, door);
                Connection::Sender(Box::new(Sender::new(
                    drive,
                    door,
                    person,
                    self.clock.clone(),
                )))
            }
        };
        self.connections.push(connection);
    }

    fn move_connection(&mut self) {
        if self.connections.is_empty() {
            return self.connect();
        }
        let place = self.dice.roll(self.connections.len());
        let step = match &mut self.connections[place] {
            Connection::Sender(sender) => sender.step(&mut self.dice, &mut self.ledger),
            Connection::Reader(reader) => {
                reader.step(&self.house, &self.runtime, &mut self.dice, &mut self.ledger)
            }
        };
        if step == Step::Over {
            self.connections.swap_remove(place);
        }
    }

    fn work_queue(&mut self) {
        let queue = Queue::new(
            self.house.store.clone(),
            self.clock.clone(),
            self.house.schedule.clone(),
        );
        let worker = Worker {
            delivery: self.house.delivery.clone(),
            queue,
            clock: self.clock.clone(),
            host: "mx.example.org".into(),
            privacy: Privacy::new(postroom_config::value::LogPrivacy::Full, &self.random),
        };
        // Trouble with the disk is the next step's.
        if let Ok(false) = self.runtime.block_on(worker.round(&Token::new())) {
            self.seen.rounds += 1;
        }
    }

    fn pass_time(&mut self) {
        let minutes = [1, 10, 120, 2_000];
        let by = Duration::from_secs(60 * *self.dice.pick(&minutes));
        self.ledger.story.push(format!("{by:?} pass"));
        self.clock.advance(by);
        for connection in &mut self.connections {
            match connection {
                Connection::Sender(sender) => sender.advance(by),
                Connection::Reader(reader) => reader.advance(by),
            }
        }
    }

    /// The power is back: what is on the disk is all there is.
    fn restart(&mut self) -> Result<(), Violation> {
        self.seen.cuts += 1;
        self.ledger.is_cut = false;
        self.connections.clear();
        let disk = self.disk.after_power_cut(self.dice.number());
        let database = if self.dice.chance(30) {
            Database::Gone
        } else {
            Database::Kept
        };
        let closed = std::mem::replace(&mut self.disk, disk);
        // The old house ends before the files change hands.
        self.runtime.block_on(self.house.end());
        drop(closed);
        self.ledger
            .story
            .push(format!("restart, database {database:?}"));
        fall_back(self.folder.path(), database);
        self.network.set_cut(false);
        let opened = House::open(
            self.folder.path(),
            &self.disk,
            &self.clock,
            &self.random,
            &self.network,
        );
        self.house = self
            .runtime
            .block_on(opened)
            .map_err(|error| Violation(format!("the store does not open: {error}")))?;
        Ok(())
    }

    fn check(&mut self) -> Result<(), Violation> {
        if self.ledger.is_cut {
            // What is promised is looked at when the power is back.
            return Ok(());
        }
        self.runtime
            .block_on(self.ledger.check(&self.house, &self.network))
    }
}
