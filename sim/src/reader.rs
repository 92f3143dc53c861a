//! Those who read: mail programs that change what they find.

use postroom_imap::server::Server;
use postroom_mail::identifier::{MailboxId, Uid};
use postroom_mail::mailbox_name::MailboxName;
use postroom_retrieval::imap::ImapHost;
use postroom_wire::transcript::Drive;
use tokio::runtime::Runtime;

use crate::dice::Dice;
use crate::house::{House, PASSWORD, SignIn, here};
use crate::ledger::{Ledger, number_of};
use crate::sender::Step;
use crate::wire::Hosted;

/// One connection of a mail program.
pub(crate) struct Reader {
    drive: Drive<Hosted<Server, ImapHost<SignIn>>>,
    person: &'static str,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    Connected,
    SignedIn,
    Selected,
}

/// A message of the inbox, as the store has it.
struct Found {
    mailbox: MailboxId,
    uid: Uid,
    number: Option<usize>,
}

impl Reader {
    pub(crate) fn new(
        drive: Drive<Hosted<Server, ImapHost<SignIn>>>,
        person: &'static str,
    ) -> Self {
        Self {
            drive,
            person,
            state: State::Connected,
        }
    }

    /// Time passes.
    pub(crate) fn advance(&mut self, by: std::time::Duration) {
        self.drive.advance(by);
    }

    /// One command.
    pub(crate) fn step(
        &mut self,
        house: &House,
        runtime: &Runtime,
        dice: &mut Dice,
        ledger: &mut Ledger,
    ) -> Step {
        if self.drive.is_closed() || dice.chance(3) {
            self.drive.closed();
            self.drive.host.closed();
            return Step::Over;
        }
        match self.state {
            State::Connected => {
                if self.is_ok(&format!("LOGIN {} \"{PASSWORD}\"", here(self.person))) {
                    self.state = State::SignedIn;
                }
            }
            State::SignedIn => {
                if self.is_ok("SELECT INBOX") {
                    self.state = State::Selected;
                }
            }
            State::Selected => self.work(house, runtime, dice, ledger),
        }
        Step::GoesOn
    }

    fn work(&mut self, house: &House, runtime: &Runtime, dice: &mut Dice, ledger: &mut Ledger) {
        if dice.chance(25) {
            return self.append(dice, ledger);
        }
        let inbox = runtime
            .block_on(inbox(house, self.person))
            .unwrap_or_default();
        if inbox.is_empty() || dice.chance(20) {
            self.is_ok("NOOP");
            return;
        }
        let found = dice.pick(&inbox);
        let uid = found.uid.number();
        match dice.roll(4) {
            0 => {
                self.is_ok(&format!("UID FETCH {uid} (FLAGS BODY.PEEK[])"));
            }
            1 => {
                if self.is_ok(&format!("UID STORE {uid} +FLAGS.SILENT (\\Flagged)")) {
                    ledger.flagged(found.mailbox, found.uid);
                }
            }
            2 => {
                self.is_ok(&format!("UID MOVE {uid} Trash"));
            }
            _ => self.delete(found, ledger),
        }
    }

    fn append(&mut self, dice: &mut Dice, ledger: &mut Ledger) {
        let letter = ledger.write(here(self.person), Vec::new(), 1 + dice.roll(20));
        let octets = letter.text.len();
        let mut command = format!("t APPEND Drafts {{{octets}+}}\r\n").into_bytes();
        command.extend_from_slice(&letter.text);
        command.extend_from_slice(b"\r\n");
        self.drive.receive(&command);
        let said = self.said();
        let own = [here(self.person)];
        if said.contains("t OK") {
            ledger.promised(letter.number, &own);
        } else {
            ledger.doubted(letter.number, &own);
        }
    }

    /// For good. An expunge that nobody hears the end of may have happened.
    fn delete(&mut self, found: &Found, ledger: &mut Ledger) {
        let Some(number) = found.number else { return };
        let uid = found.uid.number();
        if !self.is_ok(&format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)")) {
            return;
        }
        let said = self.say(&format!("UID EXPUNGE {uid}"));
        if said.contains("EXPUNGE\r\n") {
            ledger.deleted(number, self.person, true);
        } else if !said.contains("t OK") {
            ledger.deleted(number, self.person, false);
        }
    }

    fn is_ok(&mut self, command: &str) -> bool {
        self.say(command).contains("t OK")
    }

    fn say(&mut self, command: &str) -> String {
        self.drive.receive(format!("t {command}\r\n").as_bytes());
        self.said()
    }

    fn said(&mut self) -> String {
        String::from_utf8_lossy(&self.drive.take_written()).into_owned()
    }
}

/// What lies in the inbox of a person.
async fn inbox(house: &House, person: &str) -> Option<Vec<Found>> {
    let store = &house.store;
    let account = store.account_of(&here(person)).await.ok()??.id;
    let inbox = store
        .mailbox(account, &MailboxName::inbox())
        .await
        .ok()??
        .id;
    let (_, placements) = store
        .placements(account, inbox, 0, usize::MAX)
        .await
        .ok()??;
    let emails: Vec<_> = placements.iter().map(|one| one.email).collect();
    let messages = store.messages(account, &emails).await.ok()?;
    let mut found = Vec::new();
    for (placement, message) in placements.iter().zip(messages) {
        let message = message?;
        let whole = 0..message.rendering.octets();
        let octets = store
            .read(message.blob, &message.rendering, whole)
            .await
            .ok()?;
        found.push(Found {
            mailbox: inbox,
            uid: placement.uid,
            number: number_of(&octets),
        });
    }
    Some(found)
}
