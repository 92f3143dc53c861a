//! Data directories of earlier formats are read for ever.

use std::fs;
use std::path::{Path, PathBuf};

use postroom_mail::flag::{FlagChange, Flags, Keyword, SystemFlags};
use postroom_mail::uid_set::UidSet;
use postroom_store::operation::{Domain, DomainKind, Operation};
use postroom_store::plan::{Body, Plan};
use postroom_store::store::Store;
use postroom_testkit::directory::TestDirectory;

use crate::plans::{body, delivery, entry, find, inhabitant, letter, letters, options, plan, seen};

const ALICE: &str = "alice@example.test";

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/format-1")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// What the fixture was made of.
async fn fill(store: &Store) {
    let alice = inhabitant(store, ALICE, Some(1_000_000)).await;
    let alias = Operation::PutDomain(alias_domain());
    store.commit(plan(6, vec![alias])).await.unwrap();
    for number in 1..=3 {
        store
            .commit(letter(number, alice, body(number, 300)))
            .await
            .unwrap();
    }
    let bytes = body(4, 3000);
    let octets = bytes.len() as u64;
    let mut spool = store.spool().await.unwrap();
    spool.append(bytes).await.unwrap();
    let sent = Plan {
        operations: vec![
            delivery(alice, alice.archive, octets),
            entry("carla@example.net", octets),
        ],
        body: Some(Body::Spooled(spool.finish().await.unwrap())),
        ..plan(4, Vec::new())
    };
    store.commit(sent).await.unwrap();
    let flags = Operation::StoreFlags {
        account: alice.account,
        mailbox: alice.inbox,
        uids: UidSet::from_ranges([2..=3]),
        change: FlagChange::Add,
        flags: Flags {
            system: SystemFlags::FLAGGED,
            keywords: vec![Keyword::new("$Label1").unwrap()],
        },
        unchanged_since: None,
    };
    let expunge = Operation::Expunge {
        account: alice.account,
        mailbox: alice.inbox,
        uids: UidSet::from_ranges([1..=1]),
        only_deleted: false,
    };
    let copied = Operation::Copy {
        account: alice.account,
        from: alice.inbox,
        uids: UidSet::from_ranges([2..=2]),
        to: alice.archive,
        is_move: false,
    };
    store
        .commit(plan(5, vec![flags, expunge, copied]))
        .await
        .unwrap();
}

/// A domain that stands for alice's.
fn alias_domain() -> Domain {
    Domain {
        name: "alias.test".into(),
        kind: DomainKind::Alias,
        catch_all: None,
        target: Some("example.test".into()),
    }
}

async fn check(store: &Store) {
    assert_eq!(store.damage(), []);
    let found = store.domain("alias.test").await.unwrap();
    assert_eq!(found, Some(alias_domain()));
    let alice = find(store, ALICE).await.unwrap();
    let inbox = letters(store, alice, alice.inbox).await;
    let uids: Vec<u32> = inbox.iter().map(|(uid, _)| uid.number()).collect();
    assert_eq!(uids, [2, 3]);
    assert_eq!(inbox[0].1, seen(&body(2, 300)));
    let archive = letters(store, alice, alice.archive).await;
    assert_eq!(archive[0].1, seen(&body(4, 3000)));
    assert_eq!(archive[1].1, seen(&body(2, 300)));
    let (mailbox, placements) = store
        .placements(alice.account, alice.inbox, 0, 10)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(placements[0].flags, SystemFlags::FLAGGED);
    assert_eq!(mailbox.keywords[0].as_str(), "$Label1");
    assert_eq!(store.entries(None, 10).await.unwrap().len(), 1);
    let again = store.commit(letter(2, alice, body(2, 300))).await.unwrap();
    assert!(again.is_repeat);
    assert_eq!(
        store
            .account(alice.account)
            .await
            .unwrap()
            .unwrap()
            .messages,
        4
    );
}

#[tokio::test]
async fn a_directory_of_format_1_is_read() {
    let directory = TestDirectory::new();
    copy(&fixture(), directory.path());
    let store = Store::open(options(&directory)).await.unwrap();
    check(&store).await;
}

#[tokio::test]
async fn a_log_of_format_1_is_enough() {
    let directory = TestDirectory::new();
    copy(&fixture(), directory.path());
    fs::remove_file(directory.path().join("index.sqlite")).unwrap();
    let store = Store::open(options(&directory)).await.unwrap();
    check(&store).await;
}

/// Makes the fixture where `POSTROOM_FIXTURE` says, else in a directory that goes away.
#[tokio::test]
async fn what_is_written_today_is_what_the_fixture_holds() {
    let directory = TestDirectory::new();
    let store = Store::open(options(&directory)).await.unwrap();
    fill(&store).await;
    check(&store).await;
    store.close().await;
    if let Some(target) = std::env::var_os("POSTROOM_FIXTURE") {
        fs::remove_file(directory.path().join("lock")).unwrap();
        copy(directory.path(), Path::new(&target));
    }
}
