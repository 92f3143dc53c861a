//! Those who send: strangers, people who have signed in, and a server that speaks LMTP.

use std::fmt::Write as _;

use postroom_intake::{Door, Session};
use postroom_runtime::clock::Clock;
use postroom_smtp::server::Server;
use postroom_wire::transcript::Drive;

use crate::dice::Dice;
use crate::house::{PASSWORD, PEOPLE, TEAM, here};
use crate::ledger::{Ledger, Letter};
use crate::network::STRANGERS;
use crate::wire::Hosted;

/// One connection of somebody who sends.
pub(crate) struct Sender {
    drive: Drive<Hosted<Server, Session>>,
    door: Door,
    /// Who signs in.
    person: &'static str,
    clock: Clock,
    state: State,
}

enum State {
    Connected,
    Greeted,
    Ready,
    /// 354 was heard; so many octets of the letter are sent.
    Sending {
        letter: Letter,
        accepted: Vec<String>,
        sent: usize,
    },
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    GoesOn,
    Over,
}

/// A reply: its code.
type Code = u16;

impl Sender {
    pub(crate) fn new(
        drive: Drive<Hosted<Server, Session>>,
        door: Door,
        person: &'static str,
        clock: Clock,
    ) -> Self {
        Self {
            drive,
            door,
            person,
            clock,
            state: State::Connected,
        }
    }

    /// Time passes.
    pub(crate) fn advance(&mut self, by: std::time::Duration) {
        self.drive.advance(by);
    }

    /// One command, or a piece of a letter.
    pub(crate) fn step(&mut self, dice: &mut Dice, ledger: &mut Ledger) -> Step {
        if self.drive.is_closed() || dice.chance(3) {
            return self.hang_up();
        }
        match std::mem::replace(&mut self.state, State::Ready) {
            State::Connected => self.greet(dice),
            State::Greeted => self.sign_in(dice),
            State::Ready => return self.begin(dice, ledger),
            State::Sending {
                letter,
                accepted,
                sent,
            } => return self.send(letter, accepted, sent, dice, ledger),
        }
        Step::GoesOn
    }

    /// The connection ends without a word.
    fn hang_up(&mut self) -> Step {
        self.drive.closed();
        self.drive.host.closed();
        Step::Over
    }

    fn greet(&mut self, dice: &mut Dice) {
        let verb = if self.door == Door::Lmtp {
            "LHLO"
        } else {
            "EHLO"
        };
        self.say(&format!("{verb} client.example.net"), dice);
        self.state = if self.door == Door::Submissions {
            State::Greeted
        } else {
            State::Ready
        };
    }

    fn sign_in(&mut self, dice: &mut Dice) {
        let plain = base64(&format!("\0{}\0{PASSWORD}", here(self.person)));
        self.say(&format!("AUTH PLAIN {plain}"), dice);
    }

    /// A letter, a pause, or the end.
    fn begin(&mut self, dice: &mut Dice, ledger: &mut Ledger) -> Step {
        match dice.roll(20) {
            0 => {
                self.say("NOOP", dice);
                return Step::GoesOn;
            }
            1 => {
                self.say("QUIT", dice);
                return self.hang_up();
            }
            _ => {}
        }
        let letter = self.letter(dice, ledger);
        let mut commands = vec![format!("MAIL FROM:<{}>", letter.from)];
        commands.extend(letter.to.iter().map(|to| format!("RCPT TO:<{to}>")));
        if dice.chance(10) {
            commands.push("RSET".to_owned());
            self.say_all(&commands, dice);
            return Step::GoesOn;
        }
        commands.push("DATA".to_owned());
        let codes = self.say_all(&commands, dice);
        let verdicts = codes.iter().skip(1).zip(&letter.to);
        let accepted: Vec<String> = verdicts
            .filter(|(code, _)| **code / 100 == 2)
            .map(|(_, to)| to.clone())
            .collect();
        if codes.last() == Some(&354) {
            self.state = State::Sending {
                letter,
                accepted,
                sent: 0,
            };
        }
        Step::GoesOn
    }

    /// A new letter, or one whose sender did not hear that it was taken.
    fn letter(&self, dice: &mut Dice, ledger: &mut Ledger) -> Letter {
        let sender = match self.door {
            Door::Submissions => here(self.person),
            Door::Lmtp => String::new(),
            _ => "stranger@example.net".to_owned(),
        };
        if dice.chance(70)
            && let Some(letter) = ledger.repeated(&sender, self.clock.wall())
        {
            return letter;
        }
        let mut to: Vec<String> = Vec::new();
        for _ in 0..=dice.roll(3) {
            let name = if dice.chance(20) {
                TEAM
            } else {
                *dice.pick(&PEOPLE)
            };
            if !to.contains(&here(name)) {
                to.push(here(name));
            }
        }
        if self.door == Door::Submissions && dice.chance(50) {
            for _ in 0..=dice.roll(2) {
                let stranger = dice.pick(&STRANGERS).to_string();
                if !to.contains(&stranger) {
                    to.push(stranger);
                }
            }
        }
        if dice.chance(10) {
            to.push(here("nobody"));
        }
        let lines = 1 + dice.roll(40);
        ledger.write(sender, to, lines)
    }

    /// The next piece of a letter, and with the last one the verdict.
    fn send(
        &mut self,
        letter: Letter,
        accepted: Vec<String>,
        sent: usize,
        dice: &mut Dice,
        ledger: &mut Ledger,
    ) -> Step {
        let stuffed = stuffed(&letter.text);
        let left = stuffed.len() - sent;
        let piece = if dice.chance(60) {
            left
        } else {
            1 + dice.roll(left)
        };
        self.drive.receive(&stuffed[sent..sent + piece]);
        if piece < left {
            self.state = State::Sending {
                letter,
                accepted,
                sent: sent + piece,
            };
            return Step::GoesOn;
        }
        let codes = self.codes();
        self.verdict(&letter, &accepted, &codes, ledger);
        let is_unheard = dice.chance(10) && codes.iter().all(|code| *code == 250);
        if is_unheard {
            // The reply was lost on the way: the sender tries again, and nothing is added.
            ledger.send_again(&letter, &accepted, self.clock.wall());
            return self.hang_up();
        }
        Step::GoesOn
    }

    fn verdict(
        &mut self,
        letter: &Letter,
        accepted: &[String],
        codes: &[Code],
        ledger: &mut Ledger,
    ) {
        if self.door != Door::Lmtp {
            match codes.first() {
                Some(250) => ledger.promised(letter.number, accepted),
                // The power may have gone between the disk and the reply.
                Some(400..500) | None => {
                    ledger.doubted(letter.number, accepted);
                    ledger.send_again(letter, accepted, self.clock.wall());
                }
                Some(_) => {}
            }
            return;
        }
        for (place, to) in accepted.iter().enumerate() {
            match codes.get(place) {
                Some(250) => ledger.promised(letter.number, std::slice::from_ref(to)),
                Some(400..500) | None => ledger.doubted(letter.number, std::slice::from_ref(to)),
                Some(_) => {}
            }
        }
    }

    /// Commands at once, or one after the other.
    fn say_all(&mut self, commands: &[String], dice: &mut Dice) -> Vec<Code> {
        if dice.chance(50) {
            return self.say(&commands.join("\r\n"), dice);
        }
        let mut codes = Vec::new();
        for command in commands {
            codes.extend(self.say(command, dice));
        }
        codes
    }

    /// Lines in pieces; the codes of the replies.
    fn say(&mut self, lines: &str, dice: &mut Dice) -> Vec<Code> {
        let octets = format!("{lines}\r\n").into_bytes();
        let mut rest = octets.as_slice();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(1 + dice.roll(rest.len()));
            self.drive.receive(piece);
            rest = after;
        }
        self.codes()
    }

    fn codes(&mut self) -> Vec<Code> {
        let written = self.drive.take_written();
        String::from_utf8_lossy(&written)
            .lines()
            .filter(|line| line.as_bytes().get(3) == Some(&b' '))
            .filter_map(|line| line.get(..3)?.parse().ok())
            .collect()
    }
}

/// With dots stuffed, and the end of data.
fn stuffed(text: &[u8]) -> Vec<u8> {
    let mut stuffed = Vec::with_capacity(text.len() + 64);
    for line in text.split_inclusive(|octet| *octet == b'\n') {
        if line.first() == Some(&b'.') {
            stuffed.push(b'.');
        }
        stuffed.extend_from_slice(line);
    }
    stuffed.extend_from_slice(b".\r\n");
    stuffed
}

/// RFC 4648 §4.
pub(crate) fn base64(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let mut word = [0; 3];
        word[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, word[0], word[1], word[2]]);
        for place in 0..4 {
            let sextet = bits >> (18 - 6 * place) & 63;
            let letter = LETTERS[usize::try_from(sextet).unwrap_or(0)];
            let is_padding = place > chunk.len();
            let _ = out.write_char(if is_padding { '=' } else { char::from(letter) });
        }
    }
    out
}
