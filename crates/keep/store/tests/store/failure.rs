//! Disks and databases that fail while the server runs.

use postroom_mail::uid_set::UidSet;
use postroom_store::error::{CommitError, Stopped};
use postroom_store::operation::Operation;
use postroom_store::store::{Options, Store};
use postroom_testkit::directory::TestDirectory;
use postroom_testkit::disk::{Fault, FaultyDisk};
use rusqlite::Connection;

use crate::plans::{body, faulty, inhabitant, letter, letters, options, plan};

const ALICE: &str = "alice@example.test";

async fn after_a_failing(fault: Fault) {
    let directory = TestDirectory::new();
    let disk = FaultyDisk::new();
    let store = Store::open(faulty(&directory, &disk)).await.unwrap();
    let alice = inhabitant(&store, ALICE, None).await;
    store.commit(letter(1, alice, body(1, 200))).await.unwrap();
    disk.fail(fault);
    let stopped = Err(CommitError::Stopped(Stopped::Log));
    let failing = tokio::join!(
        store.commit(letter(2, alice, body(2, 200))),
        store.commit(letter(3, alice, body(3, 200))),
    );
    assert_eq!((&failing.0, &failing.1), (&stopped, &stopped));
    // The disk works again; only a restart can tell what it holds.
    disk.mend();
    for arrival in 4..20 {
        assert_eq!(
            store.commit(letter(arrival, alice, body(4, 200))).await,
            stopped
        );
    }
    assert!(!store.is_accepting());
    assert!(matches!(
        store.spool().await,
        Err(CommitError::Stopped(Stopped::Log))
    ));
    assert_eq!(
        letters(&store, alice, alice.inbox).await.len(),
        1,
        "reads go on"
    );
    store.close().await;
    let store = Store::open(faulty(&directory, &disk)).await.unwrap();
    assert_eq!(store.damage(), []);
    assert_eq!(
        letters(&store, alice, alice.inbox).await.len(),
        1,
        "what failed is void"
    );
    let again = store.commit(letter(2, alice, body(2, 200))).await.unwrap();
    assert!(!again.is_repeat);
    assert_eq!(letters(&store, alice, alice.inbox).await.len(), 2);
}

#[tokio::test]
async fn nothing_is_acknowledged_after_a_failed_sync() {
    after_a_failing(Fault::Sync).await;
}

#[tokio::test]
async fn nothing_is_acknowledged_after_a_failed_append() {
    after_a_failing(Fault::Append).await;
}

#[tokio::test]
async fn without_a_sync_nothing_is_ever_acknowledged() {
    let directory = TestDirectory::new();
    let disk = FaultyDisk::new();
    disk.fail(Fault::Sync);
    let store = Store::open(faulty(&directory, &disk)).await.unwrap();
    let account = plan(1, vec![crate::plans::account(ALICE, None)]);
    assert_eq!(
        store.commit(account).await,
        Err(CommitError::Stopped(Stopped::Log))
    );
    let mut spool = store.spool().await;
    if let Ok(spool) = &mut spool {
        spool.append(vec![0; 10]).await.unwrap();
    }
    assert!(spool.is_err());
}

#[tokio::test]
async fn a_database_that_fails_before_the_sync_costs_only_that_plan() {
    let directory = TestDirectory::new();
    let store = Store::open(options(&directory)).await.unwrap();
    let alice = inhabitant(&store, ALICE, None).await;
    let outside = Connection::open(directory.path().join("index.sqlite")).unwrap();
    outside
        .execute_batch(
            "CREATE TRIGGER broken BEFORE INSERT ON placement BEGIN SELECT RAISE(ABORT, 'no'); END",
        )
        .unwrap();
    let failed = store.commit(letter(1, alice, body(1, 200))).await;
    assert_eq!(failed, Err(CommitError::Stopped(Stopped::Database)));
    outside.execute_batch("DROP TRIGGER broken").unwrap();
    let done = store.commit(letter(1, alice, body(1, 200))).await.unwrap();
    assert!(!done.is_repeat, "what failed left nothing");
    store.close().await;
    let store = Store::open(options(&directory)).await.unwrap();
    assert_eq!(store.damage(), []);
    assert_eq!(letters(&store, alice, alice.inbox).await.len(), 1);
}

#[tokio::test]
async fn after_the_sync_the_answer_is_yes_whatever_the_database_says() {
    let directory = TestDirectory::new();
    let store = Store::open(options(&directory)).await.unwrap();
    let alice = inhabitant(&store, ALICE, None).await;
    let outside = Connection::open(directory.path().join("index.sqlite")).unwrap();
    // A deferred foreign key fails the COMMIT itself, when the log is synced already.
    outside
        .execute_batch(
            "CREATE TABLE parent (id INTEGER PRIMARY KEY);
             CREATE TABLE child (id INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED);
             CREATE TRIGGER broken AFTER INSERT ON placement
             BEGIN INSERT INTO child VALUES (1); END",
        )
        .unwrap();
    let done = store.commit(letter(1, alice, body(1, 200))).await.unwrap();
    assert!(!done.is_repeat);
    assert!(!store.is_accepting());
    let refused = store.commit(letter(2, alice, body(2, 200))).await;
    assert_eq!(refused, Err(CommitError::Stopped(Stopped::Database)));
    store.close().await;
    outside
        .execute_batch("DROP TRIGGER broken; DROP TABLE child; DROP TABLE parent")
        .unwrap();
    drop(outside);
    let store = Store::open(options(&directory)).await.unwrap();
    assert_eq!(store.damage(), []);
    assert_eq!(letters(&store, alice, alice.inbox).await.len(), 1);
    assert!(
        store
            .commit(letter(1, alice, body(1, 200)))
            .await
            .unwrap()
            .is_repeat
    );
}

#[tokio::test]
async fn the_database_catches_up_while_the_store_is_open() {
    let directory = TestDirectory::new();
    let store = Store::open(options(&directory)).await.unwrap();
    let alice = inhabitant(&store, ALICE, None).await;
    let outside = Connection::open(directory.path().join("index.sqlite")).unwrap();
    outside
        .execute_batch(
            "CREATE TABLE parent (id INTEGER PRIMARY KEY);
             CREATE TABLE child (id INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED);
             CREATE TRIGGER broken AFTER INSERT ON placement
             BEGIN INSERT INTO child VALUES (1); END",
        )
        .unwrap();
    let mut news = store.follow();
    store.commit(letter(1, alice, body(1, 200))).await.unwrap();
    outside.execute_batch("DROP TRIGGER broken").unwrap();
    // The beat of the store tries again within a second, and then tells what it could not.
    let notice = news.recv().await.unwrap();
    assert_eq!(notice.mailboxes[0].1, alice.inbox);
    assert_eq!(letters(&store, alice, alice.inbox).await.len(), 1);
    store.commit(letter(2, alice, body(2, 200))).await.unwrap();
    assert_eq!(letters(&store, alice, alice.inbox).await.len(), 2);
}

#[tokio::test]
async fn below_the_reserve_mail_is_refused_and_expunging_goes_on() {
    let directory = TestDirectory::new();
    let disk = FaultyDisk::new();
    let store = Store::open(faulty(&directory, &disk)).await.unwrap();
    let alice = inhabitant(&store, ALICE, None).await;
    store.commit(letter(1, alice, body(1, 200))).await.unwrap();
    store.close().await;
    disk.set_free(1000);
    let tight = Options {
        reserve: 1000,
        ..faulty(&directory, &disk)
    };
    let store = Store::open(tight).await.unwrap();
    assert!(!store.is_accepting());
    assert_eq!(
        store.commit(letter(2, alice, body(2, 200))).await,
        Err(CommitError::NoRoom)
    );
    assert!(matches!(store.spool().await, Err(CommitError::NoRoom)));
    let expunge = Operation::Expunge {
        account: alice.account,
        mailbox: alice.inbox,
        uids: UidSet::from_ranges([1..=1]),
        only_deleted: false,
    };
    store.commit(plan(3, vec![expunge])).await.unwrap();
    assert!(letters(&store, alice, alice.inbox).await.is_empty());
}
