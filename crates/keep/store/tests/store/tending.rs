//! What an operator does to the queue, also while somebody works it off.

use std::time::Duration;

use postroom_runtime::clock::Timestamp;
use postroom_store::error::{CommitError, NotTended, Refused};
use postroom_store::operation::{Care, EntryId, EntryOutcome, LeaseToken, Operation};
use postroom_store::outcome::{Committed, Done};
use postroom_store::plan::{Body, Plan};
use postroom_store::row::{DueQuery, Entry};
use postroom_store::store::Store;
use postroom_testkit::directory::TestDirectory;

use crate::plans::{TIME, body, elsewhere, entry, options, plan};

/// What is due at `now`.
async fn due(store: &Store, now: Timestamp) -> Vec<Entry> {
    let query = DueQuery { now, ..elsewhere() };
    store.due(query).await.unwrap().entries
}

const LATER: Timestamp = Timestamp(TIME.0 + 60_000_000);

/// A store whose queue has these recipients.
async fn queue(recipients: &[&str]) -> (TestDirectory, Store, Vec<EntryId>) {
    let directory = TestDirectory::new();
    let store = Store::open(options(&directory)).await.unwrap();
    let bytes = body(1, 200);
    let enqueue = |recipient: &&str| entry(recipient, bytes.len() as u64);
    let sent = Plan {
        operations: recipients.iter().map(enqueue).collect(),
        body: Some(Body::Inline(bytes.clone())),
        ..plan(1, Vec::new())
    };
    let done = store.commit(sent).await.unwrap().results;
    let ids = done.into_iter().map(|done| match done {
        Done::Enqueued(id) => id,
        other => panic!("{other:?}"),
    });
    (directory, store, ids.collect())
}

async fn at(
    store: &Store,
    time: Timestamp,
    operation: Operation,
) -> Result<Committed, CommitError> {
    let arrival = store.new_arrival().0;
    let change = Plan {
        time,
        ..plan(arrival, vec![operation])
    };
    store.commit(change).await
}

async fn tend(store: &Store, entry: EntryId, care: Care) -> Result<(), NotTended> {
    match at(store, TIME, Operation::Tend { entry, care }).await {
        Ok(_) => Ok(()),
        Err(CommitError::Refused(Refused::Entry { entry: of, why })) if of == entry => Err(why),
        Err(other) => panic!("{other:?}"),
    }
}

/// Takes an entry from `TIME` until `LATER`.
async fn lease(store: &Store, entry: EntryId) -> LeaseToken {
    let lease = Operation::Lease {
        entries: vec![entry],
        until: LATER,
    };
    match at(store, TIME, lease).await.unwrap().results[0] {
        Done::Leased(token) => token,
        ref other => panic!("{other:?}"),
    }
}

async fn settle(
    store: &Store,
    entry: EntryId,
    token: LeaseToken,
    outcome: EntryOutcome,
) -> Result<Committed, CommitError> {
    let settle = Operation::Settle {
        entry,
        token,
        outcome,
    };
    at(store, TIME, settle).await
}

fn deferred() -> EntryOutcome {
    EntryOutcome::Deferred {
        due: LATER,
        status: "451 later".into(),
    }
}

fn hold() -> Care {
    Care::Hold {
        status: "by operator".into(),
    }
}

async fn only(store: &Store) -> Entry {
    let rows = store.queue_rows(None, 10).await.unwrap();
    assert_eq!(rows.len(), 1);
    rows[0].entry.clone().unwrap()
}

#[tokio::test]
async fn an_entry_is_retried_held_released_and_deleted() {
    let (directory, store, ids) = queue(&["carla@example.net"]).await;
    let id = ids[0];
    let token = lease(&store, id).await;
    settle(&store, id, token, deferred()).await.unwrap();
    assert_eq!(only(&store).await.due, LATER);

    let mut news = store.follow();
    tend(&store, id, Care::Retry).await.unwrap();
    assert!(news.recv().await.unwrap().is_queue, "the worker wakes");
    assert_eq!(only(&store).await.due, TIME);
    assert_eq!(due(&store, TIME).await.len(), 1);

    tend(&store, id, hold()).await.unwrap();
    assert_eq!(tend(&store, id, hold()).await, Err(NotTended::Held));
    assert_eq!(tend(&store, id, Care::Retry).await, Err(NotTended::Held));
    assert!(due(&store, LATER).await.is_empty());
    let held = only(&store).await;
    assert!(held.is_held);
    assert_eq!((&*held.status, held.attempts), ("by operator", 1));

    // What was done lasts.
    store.close().await;
    let store = Store::open(options(&directory)).await.unwrap();
    assert!(only(&store).await.is_held);
    tend(&store, id, Care::Release).await.unwrap();
    assert_eq!(
        tend(&store, id, Care::Release).await,
        Err(NotTended::NotHeld)
    );
    assert_eq!(due(&store, TIME).await.len(), 1);
    tend(&store, id, Care::Delete).await.unwrap();
    assert_eq!(tend(&store, id, Care::Delete).await, Err(NotTended::Gone));
    assert!(store.queue_rows(None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_attempt_under_way_is_never_made_twice() {
    let (_directory, store, ids) = queue(&["carla@example.net"]).await;
    let id = ids[0];
    let token = lease(&store, id).await;
    assert_eq!(tend(&store, id, Care::Retry).await, Err(NotTended::InHand));
    // Held while it is tried: the attempt ends as it ends, then nobody takes it.
    tend(&store, id, hold()).await.unwrap();
    tend(&store, id, Care::Release).await.unwrap();
    assert!(due(&store, TIME).await.is_empty(), "still in hand");
    tend(&store, id, hold()).await.unwrap();
    settle(&store, id, token, deferred()).await.unwrap();
    assert!(due(&store, LATER).await.is_empty());
    assert!(only(&store).await.is_held);
}

#[tokio::test]
async fn holding_comes_too_late_for_what_has_arrived() {
    let (_directory, store, ids) = queue(&["carla@example.net"]).await;
    let token = lease(&store, ids[0]).await;
    tend(&store, ids[0], hold()).await.unwrap();
    let done = settle(&store, ids[0], token, EntryOutcome::Done).await;
    done.unwrap();
    assert!(store.queue_rows(None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn deleting_fences_off_whoever_tries_an_entry() {
    let (_directory, store, ids) = queue(&["carla@example.net", "dora@example.net"]).await;
    let token = lease(&store, ids[0]).await;
    tend(&store, ids[0], Care::Delete).await.unwrap();
    let late = settle(&store, ids[0], token, EntryOutcome::Done).await;
    assert_eq!(late.unwrap_err(), CommitError::Refused(Refused::LeaseLost));
    assert_eq!(&*only(&store).await.recipient, "dora@example.net");
}

/// However delete and settle fall, one of them is applied, and the other told.
#[tokio::test]
async fn delete_and_settle_at_once_leave_one_winner() {
    for _ in 0..50 {
        let (_directory, store, ids) = queue(&["carla@example.net"]).await;
        let token = lease(&store, ids[0]).await;
        let (deleted, settled) = tokio::join!(
            tend(&store, ids[0], Care::Delete),
            settle(&store, ids[0], token, EntryOutcome::Done)
        );
        assert!(
            deleted.is_ok() != settled.is_ok(),
            "{deleted:?} {settled:?}"
        );
        assert!(store.queue_rows(None, 10).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_damaged_entry_is_listed_and_can_be_deleted() {
    let (directory, store, ids) = queue(&["a@x.test", "b@x.test", "c@x.test", "d@x.test"]).await;
    store.close().await;
    let file = directory.path().join("index.sqlite");
    let database = rusqlite::Connection::open(file).unwrap();
    database.busy_timeout(Duration::from_secs(10)).unwrap();
    let break_it = |column: &str, id: EntryId| {
        let id = i64::try_from(id.0).unwrap();
        let update = format!("UPDATE queue_entry SET {column} = x'FFFF' WHERE id = ?");
        assert_eq!(database.execute(&update, [id]).unwrap(), 1);
    };
    break_it("next_hop", ids[1]);
    break_it("arrival", ids[2]);
    drop(database);
    let store = Store::open(options(&directory)).await.unwrap();
    let rows = store.queue_rows(None, 10).await.unwrap();
    let seen: Vec<_> = rows
        .iter()
        .map(|row| (row.id, row.arrival.0, row.entry.is_some()))
        .collect();
    let expected = [
        (ids[0], 1, true),
        (ids[1], 1, false),
        (ids[2], 0, false),
        (ids[3], 1, true),
    ];
    assert_eq!(seen, expected);
    let of_message = store
        .queue_rows_of(postroom_mail::identifier::ArrivalId(1), 2)
        .await
        .unwrap();
    assert_eq!(of_message.len(), 2);
    for id in &ids[1..3] {
        tend(&store, *id, Care::Delete).await.unwrap();
    }
    assert_eq!(store.queue_rows(None, 10).await.unwrap().len(), 2);
}
