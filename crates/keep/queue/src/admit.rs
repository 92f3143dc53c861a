//! Entries on their way into the queue.

use postroom_mail::address::ReversePath;
use postroom_runtime::clock::Timestamp;
use postroom_store::operation::{DsnWish, NewEntry, NextHop, Operation, Rendering};

/// One recipient that waits.
#[derive(Debug)]
pub struct Admission<'a> {
    /// Where reports go.
    pub reverse_path: &'a ReversePath,
    /// Who it is for.
    pub recipient: Box<str>,
    /// Where it goes next.
    pub next_hop: NextHop,
    /// When it may be tried first.
    pub due: Timestamp,
    /// Wishes of the sender; NOTIFY is filled in already.
    pub dsn: DsnWish,
    /// The message without what a mailbox adds.
    pub rendering: Rendering,
}

impl Admission<'_> {
    /// The operation for the plan that accepts the message.
    pub fn operation(self) -> Operation {
        let reverse_path = self
            .reverse_path
            .address()
            .map(ToString::to_string)
            .unwrap_or_default();
        Operation::Enqueue(NewEntry {
            reverse_path: reverse_path.into(),
            recipient: self.recipient,
            next_hop: self.next_hop,
            due: self.due,
            dsn: self.dsn,
            rendering: self.rendering,
        })
    }
}
