//! Plans over a body that an earlier one brought: the chunks of an expansion, an entry that is
//! delivered at last.

use std::fs;

use postroom_mail::identifier::ArrivalId;
use postroom_store::error::{CommitError, Refused};
use postroom_store::operation::{EntryOutcome, LeaseToken, Operation};
use postroom_store::outcome::Done;
use postroom_store::plan::{Body, Plan};
use postroom_store::row::Entry;
use postroom_store::store::Store;
use postroom_testkit::directory::TestDirectory;

use crate::plans::{
    TIME, body, delivery, entry, inhabitant, letter, letters, options, plan, rendering, seen,
};

const OCTETS: usize = 20_000;

/// A message in the queue under this queue id, taken for an attempt.
async fn queued(store: &Store, arrival: u64, bytes: Vec<u8>) -> (Entry, LeaseToken) {
    let queued = Plan {
        operations: vec![entry("carla@example.net", bytes.len() as u64)],
        body: Some(Body::Inline(bytes)),
        ..plan(arrival, Vec::new())
    };
    store.commit(queued).await.unwrap();
    let found = store.entries(None, 10).await.unwrap().pop().unwrap();
    let lease = Operation::Lease {
        entries: vec![found.id],
        until: postroom_runtime::clock::Timestamp(TIME.0 + 1),
    };
    let done = store.commit(plan(store.new_arrival().0, vec![lease])).await;
    let Done::Leased(token) = done.unwrap().results[0] else {
        panic!("no lease")
    };
    (found, token)
}

fn settle(entry: &Entry, token: LeaseToken, outcome: EntryOutcome) -> Operation {
    Operation::Settle {
        entry: entry.id,
        token,
        outcome,
    }
}

#[tokio::test]
async fn a_kept_body_is_delivered_and_queued_without_being_written_again() {
    let directory = TestDirectory::new();
    let store = Store::open(options(&directory)).await.unwrap();
    let alice = inhabitant(&store, "alice@example.test", None).await;
    let bytes = body(1, OCTETS);
    let octets = bytes.len() as u64;
    let (first, token) = queued(&store, 77, bytes.clone()).await;
    let before = log_octets(&directory);
    let chunk = Plan {
        operations: vec![
            delivery(alice, alice.inbox, octets),
            entry("zoe@example.net", octets),
            settle(&first, token, EntryOutcome::Progress { done: 2 }),
        ],
        body: Some(Body::OfEntry(first.id)),
        ..plan(store.new_arrival().0, Vec::new())
    };
    store.commit(chunk).await.unwrap();
    assert!(
        log_octets(&directory) - before < 4_000,
        "the body was written again"
    );

    let check = async |store: &Store| {
        let entries = store.entries(None, 10).await.unwrap();
        assert_eq!(entries.len(), 2);
        for found in entries {
            // The message's own queue id, whichever commit made the entry.
            assert_eq!(found.arrival, ArrivalId(77));
            assert_eq!((found.blob, found.octets), (first.blob, octets));
            let read = store
                .read(found.blob, &rendering(octets), 0..u64::MAX)
                .await;
            assert_eq!(read.unwrap(), seen(&bytes));
        }
        let found = letters(store, alice, alice.inbox).await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].1, seen(&bytes));
    };
    check(&store).await;
    // The log alone gives the same.
    store.close().await;
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(directory.path().join(format!("index.sqlite{suffix}")));
    }
    let store = Store::open(options(&directory)).await.unwrap();
    check(&store).await;
    // A body that comes next has a name of its own.
    store
        .commit(letter(999, alice, body(2, 100)))
        .await
        .unwrap();
    assert_eq!(letters(&store, alice, alice.inbox).await.len(), 2);
}

#[tokio::test]
async fn the_body_of_an_entry_that_is_gone_is_nobodys() {
    let directory = TestDirectory::new();
    let store = Store::open(options(&directory)).await.unwrap();
    let alice = inhabitant(&store, "alice@example.test", None).await;
    let bytes = body(1, 200);
    let octets = bytes.len() as u64;
    let (found, token) = queued(&store, 77, bytes).await;
    let done = vec![settle(&found, token, EntryOutcome::Done)];
    store
        .commit(plan(store.new_arrival().0, done))
        .await
        .unwrap();
    let late = Plan {
        operations: vec![delivery(alice, alice.inbox, octets)],
        body: Some(Body::OfEntry(found.id)),
        ..plan(store.new_arrival().0, Vec::new())
    };
    let refused = store.commit(late).await;
    assert_eq!(refused, Err(CommitError::Refused(Refused::LeaseLost)));
    assert!(letters(&store, alice, alice.inbox).await.is_empty());
}

fn log_octets(directory: &TestDirectory) -> u64 {
    let files = fs::read_dir(directory.path().join("log")).unwrap();
    files
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum()
}
