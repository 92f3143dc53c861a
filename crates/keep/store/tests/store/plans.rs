//! Plans as tests of the store make them: one account, its inbox and an archive.

use postroom_mail::flag::{Flags, SystemFlags};
use postroom_mail::identifier::{AccountId, ArrivalId, MailboxId, Uid};
use postroom_mail::mailbox_name::MailboxName;
use postroom_runtime::clock::Timestamp;
use postroom_store::operation::{
    Delivery, DsnWish, NewAccount, NewEntry, NewMailbox, NextHop, Operation, Piece, QuotaRule,
    Rendering,
};
use postroom_store::outcome::{Committed, Done};
use postroom_store::plan::{Body, Plan};
use postroom_store::row::{DueQuery, Side};
use postroom_store::store::{Options, Store};
use postroom_testkit::directory::TestDirectory;
use postroom_testkit::disk::FaultyDisk;

/// Civil time of every plan made here.
pub(crate) const TIME: Timestamp = Timestamp(1_790_000_000_000_000);

/// An account with two mailboxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inhabitant {
    /// Its number.
    pub(crate) account: AccountId,
    /// INBOX.
    pub(crate) inbox: MailboxId,
    /// Archive.
    pub(crate) archive: MailboxId,
}

/// A plan of these operations.
pub(crate) fn plan(arrival: u64, operations: Vec<Operation>) -> Plan {
    Plan {
        arrival: ArrivalId(arrival),
        time: TIME,
        operations,
        journal: Vec::new(),
        body: None,
    }
}

/// The operation that makes an account.
pub(crate) fn account(address: &str, quota: Option<u64>) -> Operation {
    let mailbox = |name: &str| NewMailbox {
        name: MailboxName::parse(name, '/').expect("a good name"),
        special_use: None,
        is_subscribed: true,
    };
    Operation::CreateAccount(NewAccount {
        address: address.into(),
        quota,
        credentials: Vec::new(),
        mailboxes: vec![mailbox("INBOX"), mailbox("Archive")],
    })
}

/// Makes an account and finds its mailboxes.
pub(crate) async fn inhabitant(store: &Store, address: &str, quota: Option<u64>) -> Inhabitant {
    let arrival = store.new_arrival().0;
    store
        .commit(plan(arrival, vec![account(address, quota)]))
        .await
        .expect("the account is made");
    find(store, address).await.expect("the account is there")
}

/// Finds an account and its mailboxes.
pub(crate) async fn find(store: &Store, address: &str) -> Option<Inhabitant> {
    let account = store.account_of(address).await.expect("a read")?.id;
    let mailboxes = store.mailboxes(account).await.expect("a read");
    let by_name = |name: &str| {
        mailboxes
            .iter()
            .find(|mailbox| mailbox.name.join('/') == name)
            .map(|mailbox| mailbox.id)
    };
    Some(Inhabitant {
        account,
        inbox: by_name("INBOX")?,
        archive: by_name("Archive")?,
    })
}

/// A body that no other number has.
pub(crate) fn body(number: u64, octets: usize) -> Vec<u8> {
    let mut text = format!("Subject: message {number}\r\n\r\n").into_bytes();
    let mut line = 0_u64;
    while text.len() < octets {
        text.extend_from_slice(format!("{number} line {line}\r\n").as_bytes());
        line += 1;
    }
    text
}

/// The whole of a body behind a trace header.
pub(crate) fn rendering(octets: u64) -> Rendering {
    Rendering {
        pieces: vec![
            Piece::Block(b"Return-Path: <>\r\n".as_slice().into()),
            Piece::Kept(0..octets),
        ],
    }
}

/// Delivers a body of that many octets.
pub(crate) fn delivery(who: Inhabitant, mailbox: MailboxId, octets: u64) -> Operation {
    Operation::Deliver(Delivery {
        account: who.account,
        mailbox,
        flags: Flags::default(),
        received: TIME,
        rendering: rendering(octets),
        quota: QuotaRule::Enforce,
        parsed: b"parsed".as_slice().into(),
    })
}

/// Delivers a body into the inbox.
pub(crate) fn letter(arrival: u64, who: Inhabitant, bytes: Vec<u8>) -> Plan {
    Plan {
        operations: vec![delivery(who, who.inbox, bytes.len() as u64)],
        body: Some(Body::Inline(bytes)),
        ..plan(arrival, Vec::new())
    }
}

/// Puts a body into the queue for one recipient.
pub(crate) fn entry(recipient: &str, octets: u64) -> Operation {
    Operation::Enqueue(NewEntry {
        reverse_path: "alice@example.test".into(),
        recipient: recipient.into(),
        next_hop: NextHop::Remote("mx.example.net".into()),
        due: TIME,
        dsn: DsnWish::default(),
        rendering: rendering(octets),
    })
}

/// What is due elsewhere at [`TIME`].
pub(crate) fn elsewhere() -> DueQuery {
    DueQuery {
        side: Side::Elsewhere,
        now: TIME,
        after: None,
        except: Vec::new(),
        limit: 10,
    }
}

/// These system flags.
pub(crate) fn flags(system: SystemFlags) -> Flags {
    Flags {
        system,
        keywords: Vec::new(),
    }
}

/// The UID a committed delivery was given.
pub(crate) fn uid(committed: &Committed) -> Uid {
    match committed.results.first() {
        Some(Done::Delivered { uid, .. }) => *uid,
        other => panic!("not a delivery: {other:?}"),
    }
}

/// The messages of a mailbox as its owner reads them, by UID.
pub(crate) async fn letters(
    store: &Store,
    who: Inhabitant,
    mailbox: MailboxId,
) -> Vec<(Uid, Vec<u8>)> {
    let found = store
        .placements(who.account, mailbox, 0, usize::MAX)
        .await
        .expect("a read");
    let (_, placements) = found.expect("the mailbox is there");
    let emails: Vec<_> = placements.iter().map(|placement| placement.email).collect();
    let messages = store.messages(who.account, &emails).await.expect("a read");
    let mut letters = Vec::new();
    for (placement, message) in placements.iter().zip(messages) {
        let message = message.expect("the message is there");
        let bytes = store
            .read(message.blob, &message.rendering, 0..u64::MAX)
            .await
            .expect("the body is whole");
        assert_eq!(bytes.len() as u64, u64::from(placement.octets));
        letters.push((placement.uid, bytes));
    }
    letters
}

/// What the owner sees of a body delivered here.
pub(crate) fn seen(body: &[u8]) -> Vec<u8> {
    [b"Return-Path: <>\r\n", body].concat()
}

/// Options of a store in a directory of its own, with no reserve, also in a container.
pub(crate) fn options(directory: &TestDirectory) -> Options {
    Options {
        reserve: 0,
        readers: 2,
        accept_filesystem: vec!["overlayfs".into(), "tmpfs".into()],
        ..Options::new(directory.path())
    }
}

/// The same on a disk that fails when told to.
pub(crate) fn faulty(directory: &TestDirectory, disk: &FaultyDisk) -> Options {
    Options {
        disk: std::sync::Arc::new(disk.clone()),
        ..options(directory)
    }
}
