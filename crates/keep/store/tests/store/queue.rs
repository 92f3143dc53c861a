//! What waits: found by the side of the house it is bound for, and past what is passed over.

use postroom_runtime::clock::{Clock, Timestamp};
use postroom_store::operation::{EntryId, NewEntry, NextHop, Operation};
use postroom_store::outcome::Done;
use postroom_store::plan::{Body, Plan};
use postroom_store::row::{DueQuery, Side};
use postroom_store::store::{Options, Store};
use postroom_testkit::directory::TestDirectory;
use rusqlite::Connection;

use crate::plans::{TIME, body, elsewhere, entry, options, plan};

/// One entry for each next hop, all due at once.
async fn queue(store: &Store, hops: &[NextHop]) -> Vec<EntryId> {
    let bytes = body(1, 200);
    let towards = |next_hop: &NextHop| {
        let Operation::Enqueue(new) = entry("carla@example.net", bytes.len() as u64) else {
            panic!()
        };
        Operation::Enqueue(NewEntry {
            next_hop: next_hop.clone(),
            ..new
        })
    };
    let queued = Plan {
        operations: hops.iter().map(towards).collect(),
        body: Some(Body::Inline(bytes)),
        ..plan(store.new_arrival().0, Vec::new())
    };
    let done = store.commit(queued).await.unwrap();
    let id = |done: &Done| match done {
        Done::Enqueued(id) => *id,
        other => panic!("{other:?}"),
    };
    done.results.iter().map(id).collect()
}

fn remote(domain: &str) -> NextHop {
    NextHop::Remote(domain.into())
}

async fn due(store: &Store, query: DueQuery) -> Vec<EntryId> {
    let page = store.due(query).await.unwrap();
    page.entries.iter().map(|entry| entry.id).collect()
}

#[tokio::test]
async fn each_side_finds_its_own() {
    let directory = TestDirectory::new();
    let store = Store::open(options(&directory)).await.unwrap();
    let members = vec!["a@example.test".into()];
    let expand = NextHop::Expand { members, done: 0 };
    let ids = queue(&store, &[NextHop::Local, remote("b.example"), expand]).await;
    assert_eq!(due(&store, elsewhere()).await, [ids[1]]);
    let here = DueQuery {
        side: Side::Here,
        ..elsewhere()
    };
    assert_eq!(due(&store, here).await, [ids[0], ids[2]]);
    for side in [Side::Here, Side::Elsewhere] {
        let next = store.next_due(side, Timestamp(0)).await.unwrap();
        assert_eq!(next, Some(TIME));
        assert_eq!(store.next_due(side, TIME).await.unwrap(), None);
    }
}

#[tokio::test]
async fn next_hops_are_passed_over_and_places_are_kept() {
    let directory = TestDirectory::new();
    let store = Store::open(options(&directory)).await.unwrap();
    let hops = ["a.example", "b.example", "a.example", "c.example"].map(remote);
    let ids = queue(&store, &hops).await;
    // Those for one next hop stand beside each other.
    assert_eq!(
        due(&store, elsewhere()).await,
        [ids[0], ids[2], ids[1], ids[3]]
    );
    let query = DueQuery {
        except: vec!["a.example".into(), "c.example".into()],
        ..elsewhere()
    };
    assert_eq!(due(&store, query).await, [ids[1]]);
    let mut found = Vec::new();
    let mut query = DueQuery {
        limit: 1,
        ..elsewhere()
    };
    loop {
        let page = store.due(query.clone()).await.unwrap();
        if page.last.is_none() {
            break;
        }
        found.extend(page.entries.iter().map(|entry| entry.id));
        query.after = page.last;
    }
    assert_eq!(found, [ids[0], ids[2], ids[1], ids[3]]);
}

/// Whoever held a lease is gone with the process: its entries are due at once.
#[tokio::test]
async fn leases_end_with_the_process_that_had_them() {
    let directory = TestDirectory::new();
    let at = |now| Options {
        clock: Clock::manual(now),
        ..options(&directory)
    };
    let store = Store::open(at(TIME)).await.unwrap();
    let ids = queue(&store, &[remote("a.example"), remote("b.example")]).await;
    let lease = Operation::Lease {
        entries: vec![ids[0]],
        until: Timestamp(TIME.0 + 3_600_000_000),
    };
    let arrival = store.new_arrival().0;
    store.commit(plan(arrival, vec![lease])).await.unwrap();
    assert_eq!(due(&store, elsewhere()).await, [ids[1]]);
    store.close().await;
    let store = Store::open(at(TIME)).await.unwrap();
    assert_eq!(due(&store, elsewhere()).await, ids);
}

/// An entry that cannot be read is named, and those behind it are found all the same.
#[tokio::test]
async fn an_entry_that_cannot_be_read_stops_nothing() {
    let directory = TestDirectory::new();
    let store = Store::open(options(&directory)).await.unwrap();
    let hops = ["a.example", "b.example", "c.example"].map(remote);
    let ids = queue(&store, &hops).await;
    store.close().await;
    let database = Connection::open(directory.path().join("index.sqlite")).unwrap();
    let damage = "UPDATE queue_entry SET rendering = x'ff' WHERE id = ?";
    let id = i64::try_from(ids[1].0).unwrap();
    assert_eq!(database.execute(damage, [id]).unwrap(), 1);
    drop(database);
    let store = Store::open(options(&directory)).await.unwrap();
    let page = store.due(elsewhere()).await.unwrap();
    assert_eq!(page.damaged, [ids[1]]);
    let read: Vec<_> = page.entries.iter().map(|entry| entry.id).collect();
    assert_eq!(read, [ids[0], ids[2]]);
}
