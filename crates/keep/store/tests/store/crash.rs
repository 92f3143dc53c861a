//! Power cuts: whatever was acknowledged is there once, whatever else the disk has lost, torn or
//! reordered, and however far the database has fallen back.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use postroom_mail::flag::{FlagChange, SystemFlags};
use postroom_mail::identifier::ArrivalId;
use postroom_mail::uid_set::UidSet;
use postroom_store::operation::Operation;
use postroom_store::plan::{Body, Plan};
use postroom_store::store::Store;
use postroom_testkit::directory::TestDirectory;
use postroom_testkit::disk::{FaultyDisk, Lie};

use crate::plans::{
    self, Inhabitant, body, delivery, faulty, find, inhabitant, letter, letters, plan, seen, uid,
};

const ALICE: &str = "alice@example.test";

/// What the store has promised.
#[derive(Default)]
struct Promised {
    has_account: bool,
    /// Body number by UID; the number is the arrival too.
    letters: BTreeMap<u32, u64>,
    /// The UIDs up to which `\Seen` was stored.
    seen: u32,
    /// A promise may have been made that nobody heard of.
    attempted: u64,
}

/// Works until the power goes; remembers what was promised.
async fn work(store: &Store, directory: &Path, promised: &mut Promised) -> Option<()> {
    let account = plan(1, vec![plans::account(ALICE, None)]);
    store.commit(account).await.ok()?;
    promised.has_account = true;
    let alice = find(store, ALICE).await?;
    for round in 0..38_u64 {
        let first = 100 + round * 10;
        promised.attempted = first + 9;
        let together = tokio::join!(
            store.commit(letter(first, alice, body(first, 90))),
            store.commit(letter(first + 1, alice, body(first + 1, 900))),
            store.commit(letter(first + 2, alice, body(first + 2, 5000))),
        );
        for (number, result) in [
            (first, together.0),
            (first + 1, together.1),
            (first + 2, together.2),
        ] {
            promised.letters.insert(uid(&result.ok()?).number(), number);
        }
        if round % 5 == 2 {
            let spooled = spooled(store, alice, first + 3).await?;
            promised.letters.insert(spooled, first + 3);
        }
        let last = *promised.letters.keys().last()?;
        let flags = Operation::StoreFlags {
            account: alice.account,
            mailbox: alice.inbox,
            uids: UidSet::from_ranges([1..=last]),
            change: FlagChange::Add,
            flags: plans::flags(SystemFlags::SEEN),
            unchanged_since: None,
        };
        store.commit(plan(first + 4, vec![flags])).await.ok()?;
        promised.seen = last;
        if round == 7 {
            copy_database(directory);
        }
    }
    Some(())
}

async fn spooled(store: &Store, alice: Inhabitant, number: u64) -> Option<u32> {
    let bytes = body(number, 20_000);
    let mut spool = store.spool().await.ok()?;
    for chunk in bytes.chunks(7000) {
        spool.append(chunk.to_vec()).await.ok()?;
    }
    let sent = Plan {
        operations: vec![delivery(alice, alice.inbox, bytes.len() as u64)],
        body: Some(Body::Spooled(spool.finish().await.ok()?)),
        ..plan(number, Vec::new())
    };
    Some(uid(&store.commit(sent).await.ok()?).number())
}

/// The database as it stands, to fall back to.
fn copy_database(directory: &Path) {
    let connection = rusqlite::Connection::open(directory.join("index.sqlite")).unwrap();
    let copy = directory.join("copy.sqlite");
    connection
        .execute("VACUUM INTO ?", [copy.to_str().unwrap()])
        .unwrap();
}

/// What has become of the database when power is back.
#[derive(Clone, Copy, PartialEq)]
enum Database {
    Gone,
    Older,
    Current,
}

fn fall_back(directory: &Path, database: Database) {
    let copy = directory.join("copy.sqlite");
    if database == Database::Current || (database == Database::Older && !copy.exists()) {
        return;
    }
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(directory.join(format!("index.sqlite{suffix}")));
    }
    if database == Database::Older {
        fs::rename(copy, directory.join("index.sqlite")).unwrap();
    }
}

/// Everything promised is there, once, and nothing that was never attempted.
async fn check(store: &Store, promised: &Promised, what: &str) {
    assert_eq!(store.damage(), [], "{what}");
    let found = find(store, ALICE).await;
    assert!(
        found.is_some() || !promised.has_account,
        "{what}: the account is lost"
    );
    let Some(alice) = found else { return };
    let kept = letters(store, alice, alice.inbox).await;
    let by_uid: BTreeMap<u32, &Vec<u8>> = kept
        .iter()
        .map(|(uid, bytes)| (uid.number(), bytes))
        .collect();
    for (uid, number) in &promised.letters {
        let found = by_uid.get(uid);
        assert!(found.is_some(), "{what}: message {number} is lost");
        let sizes = [90, 900, 5000, 20_000];
        let is_whole = sizes
            .iter()
            .any(|&octets| found == Some(&&seen(&body(*number, octets))));
        assert!(is_whole, "{what}: message {number} is not what was sent");
    }
    let mut bodies: Vec<_> = kept.iter().map(|(_, bytes)| bytes).collect();
    bodies.sort_unstable();
    bodies.dedup();
    assert_eq!(bodies.len(), kept.len(), "{what}: a message is there twice");
    let (mailbox, placements) = store
        .placements(alice.account, alice.inbox, 0, usize::MAX)
        .await
        .unwrap()
        .unwrap();
    for placement in &placements {
        let is_seen = placement.flags.contains(SystemFlags::SEEN);
        assert!(
            is_seen || placement.uid.number() > promised.seen,
            "{what}: a flag is lost"
        );
        assert!(placement.uid.number() < mailbox.uid_next && placement.mod_seq <= mailbox.mod_seq);
    }
    let account = store.account(alice.account).await.unwrap().unwrap();
    let octets: u64 = placements
        .iter()
        .map(|placement| u64::from(placement.octets))
        .sum();
    assert_eq!(
        (account.messages, account.used),
        (placements.len() as u64, octets)
    );
    for number in promised.letters.values() {
        let again = store
            .commit(letter(*number, alice, body(*number, 90)))
            .await
            .unwrap();
        assert!(again.is_repeat, "{what}: arrival {number} is forgotten");
    }
    let fresh = store.commit(letter(9, alice, body(9, 90))).await.unwrap();
    let highest = by_uid.keys().last().copied().unwrap_or(0);
    assert!(
        uid(&fresh).number() > highest,
        "{what}: a UID is given twice"
    );
}

/// One run that loses power at one call, found again in one way.
async fn round(cut: u64, database: Database, is_torn: bool) -> bool {
    let directory = TestDirectory::new();
    let disk = FaultyDisk::new();
    disk.cut_at(cut);
    let mut promised = Promised::default();
    let mut is_done = false;
    if let Ok(store) = Store::open(faulty(&directory, &disk)).await {
        is_done = work(&store, directory.path(), &mut promised)
            .await
            .is_some();
        store.close().await;
    }
    fall_back(directory.path(), database);
    let mut found = if is_torn {
        disk.after_power_cut(cut)
    } else {
        disk.only_synced()
    };
    let what = format!("cut at call {cut}, torn: {is_torn}");
    // A second cut while recovering, before anything new is written, loses nothing either.
    if cut.is_multiple_of(5) {
        Store::open(faulty(&directory, &found))
            .await
            .unwrap()
            .close()
            .await;
        fall_back(directory.path(), Database::Gone);
        found = found.only_synced();
    }
    let store = Store::open(faulty(&directory, &found)).await.unwrap();
    check(&store, &promised, &what).await;
    store.close().await;
    // All of it again from the log alone.
    fall_back(directory.path(), Database::Gone);
    let store = Store::open(faulty(&directory, &found)).await.unwrap();
    assert_eq!(store.damage(), [], "{what}");
    if let Some(alice) = find(&store, ALICE).await {
        let arrivals = letters(&store, alice, alice.inbox).await.len();
        assert!(
            arrivals >= promised.letters.len(),
            "{what}: lost by rebuilding"
        );
    }
    store.close().await;
    is_done
}

/// Every second call from `first` on; returns the first at which the power stayed.
async fn rounds(first: u64, is_torn: bool) -> u64 {
    let ways = [Database::Gone, Database::Older, Database::Current];
    let mut cut = first;
    while !round(cut, ways[usize::try_from(cut / 2 % 3).unwrap()], is_torn).await {
        cut += 2;
    }
    cut
}

#[tokio::test]
async fn a_power_cut_that_loses_all_unsynced_loses_nothing_promised() {
    let cuts = rounds(1, false).await;
    assert!(cuts > 200, "only {cuts} places to cut");
}

#[tokio::test]
async fn a_power_cut_that_tears_what_is_unsynced_loses_nothing_promised() {
    let cuts = rounds(2, true).await;
    assert!(cuts > 200, "only {cuts} places to cut");
}

/// How many promised messages can be read after a power cut in which only what was synced is kept,
/// on a disk that does not do one kind of sync.
async fn kept_without(lie: impl Fn(&Path) -> Lie) -> (usize, usize) {
    let directory = TestDirectory::new();
    let disk = FaultyDisk::new();
    disk.lie(lie(directory.path()));
    let mut promised = Promised::default();
    let store = Store::open(faulty(&directory, &disk)).await.unwrap();
    let _ = work(&store, directory.path(), &mut promised).await;
    store.close().await;
    fall_back(directory.path(), Database::Gone);
    let store = Store::open(faulty(&directory, &disk.only_synced()))
        .await
        .unwrap();
    let mut kept = 0;
    if let Some(alice) = find(&store, ALICE).await {
        let found = store
            .placements(alice.account, alice.inbox, 0, usize::MAX)
            .await;
        let (_, placements) = found.unwrap().unwrap();
        let emails: Vec<_> = placements.iter().map(|placement| placement.email).collect();
        for message in store.messages(alice.account, &emails).await.unwrap() {
            let message = message.unwrap();
            let read = store
                .read(message.blob, &message.rendering, 0..u64::MAX)
                .await;
            kept += usize::from(read.is_ok());
        }
    }
    (kept, promised.letters.len())
}

#[tokio::test]
async fn without_any_one_of_the_syncs_mail_is_lost() {
    let (kept, promised) = kept_without(|_| Lie::Content("none")).await;
    assert_eq!(kept, promised, "with all syncs nothing is lost");
    let (kept, promised) = kept_without(|_| Lie::Content("log")).await;
    assert!(kept < promised, "the sync of a batch");
    let (kept, promised) = kept_without(|_| Lie::Content("body")).await;
    assert!(kept < promised, "the sync of a spooled body");
    let (kept, promised) = kept_without(|path| Lie::Entries(path.join("log"))).await;
    assert!(kept < promised, "the sync of a segment's directory entry");
    let (kept, promised) = kept_without(|path| Lie::Entries(path.to_owned())).await;
    assert!(
        kept < promised,
        "the sync of the entry of the log's directory"
    );
}

#[tokio::test]
async fn what_is_replayed_from_the_tail_survives_a_second_power_cut() {
    let directory = TestDirectory::new();
    let disk = FaultyDisk::new();
    let store = Store::open(faulty(&directory, &disk)).await.unwrap();
    let alice = inhabitant(&store, ALICE, None).await;
    // The append is written, its sync is not, and the server is killed: the bytes are there.
    disk.cut_at(disk.calls() + 2);
    store
        .commit(letter(7, alice, body(7, 300)))
        .await
        .unwrap_err();
    store.close().await;
    disk.mend();
    let store = Store::open(faulty(&directory, &disk)).await.unwrap();
    assert_eq!(letters(&store, alice, alice.inbox).await.len(), 1);
    let lines = store.journal_of(ArrivalId(7)).await.unwrap();
    assert_eq!(&*lines[0].verdict, "answer unknown");
    store.close().await;
    fall_back(directory.path(), Database::Gone);
    let found = disk.only_synced();
    let store = Store::open(faulty(&directory, &found)).await.unwrap();
    assert_eq!(letters(&store, alice, alice.inbox).await.len(), 1);
}
