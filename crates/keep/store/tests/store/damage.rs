//! Segments that were cut or altered: what is lost is exactly what was hit, and it is named.

use std::path::PathBuf;

use postroom_store::store::{DamageKind, Store};
use postroom_testkit::directory::TestDirectory;
use postroom_testkit::disk::FaultyDisk;

use crate::plans::{Inhabitant, body, faulty, find, inhabitant, letter, letters, seen};

const ALICE: &str = "alice@example.test";
const LETTERS: u64 = 5;

/// A log of an account and five messages, one batch each.
struct Log {
    disk: FaultyDisk,
    segment: PathBuf,
    /// Where the batch of each message begins, and where the last one ends.
    bounds: Vec<usize>,
    is_sealed: bool,
}

async fn log(is_sealed: bool) -> Log {
    let directory = TestDirectory::new();
    let disk = FaultyDisk::new();
    let store = Store::open(faulty(&directory, &disk)).await.unwrap();
    let alice = inhabitant(&store, ALICE, None).await;
    let segment = disk.paths().pop().unwrap();
    let mut bounds = vec![disk.bytes(&segment).len()];
    for number in 1..=LETTERS {
        store
            .commit(letter(number, alice, body(number, 150)))
            .await
            .unwrap();
        bounds.push(disk.bytes(&segment).len());
    }
    let unsealed = disk.bytes(&segment);
    store.close().await;
    let disk = if is_sealed {
        disk
    } else {
        disk.with_bytes(&segment, unsealed)
    };
    Log {
        disk,
        segment,
        bounds,
        is_sealed,
    }
}

/// Opens the log with other bytes in it, from the log alone; returns the store and the messages
/// found by number.
async fn reopen(log: &Log, bytes: Vec<u8>) -> (TestDirectory, Store, Vec<u64>) {
    let directory = TestDirectory::new();
    // The segments lie where the first store put them: the new data directory has its own path.
    let disk = FaultyDisk::new();
    let segment = directory
        .path()
        .join("log")
        .join(log.segment.file_name().unwrap());
    let disk = disk.with_bytes(&segment, bytes);
    let store = Store::open(faulty(&directory, &disk)).await.unwrap();
    let found = match find(&store, ALICE).await {
        Some(alice) => numbers(&store, alice).await,
        None => Vec::new(),
    };
    (directory, store, found)
}

async fn numbers(store: &Store, alice: Inhabitant) -> Vec<u64> {
    let kept = letters(store, alice, alice.inbox).await;
    let number = |bytes: &Vec<u8>| (1..=LETTERS).find(|&n| *bytes == seen(&body(n, 150)));
    kept.iter()
        .map(|(_, bytes)| number(bytes).expect("a message as it was sent"))
        .collect()
}

#[tokio::test]
async fn a_segment_cut_at_any_byte_of_its_last_record_opens_to_all_earlier_ones() {
    let log = log(false).await;
    let bytes = log.disk.bytes(&log.segment);
    let last = log.bounds.len() - 2;
    for cut in log.bounds[last]..log.bounds[last + 1] {
        let (_directory, store, found) = reopen(&log, bytes[..cut].to_vec()).await;
        assert_eq!(found, [1, 2, 3, 4], "cut at {cut}");
        assert_eq!(store.damage(), [], "cut at {cut}");
        let alice = find(&store, ALICE).await.unwrap();
        store.commit(letter(9, alice, body(5, 150))).await.unwrap();
        assert_eq!(
            numbers(&store, alice).await,
            [1, 2, 3, 4, 5],
            "cut at {cut}"
        );
        store.close().await;
    }
}

#[tokio::test]
async fn a_flipped_byte_loses_its_record_alone_and_names_it() {
    let log = log(true).await;
    assert!(log.is_sealed);
    let bytes = log.disk.bytes(&log.segment);
    for number in 1..=LETTERS {
        let place = usize::try_from(number).unwrap();
        let batch = log.bounds[place - 1]..log.bounds[place];
        for at in batch.clone().step_by(5) {
            let mut altered = bytes.clone();
            altered[at] ^= 0x10;
            let (_directory, store, found) = reopen(&log, altered).await;
            let others: Vec<u64> = (1..=LETTERS).filter(|&other| other != number).collect();
            let is_header = at < batch.start + 64;
            if is_header {
                assert_eq!(
                    found.len(),
                    5,
                    "a batch's header holds no message: flipped {at}"
                );
            } else {
                assert_eq!(found, others, "flipped {at}");
            }
            let damage = store.damage();
            assert_eq!(damage.len(), 1, "flipped {at}: {damage:?}");
            let offset = usize::try_from(damage[0].offset).unwrap();
            assert!(batch.contains(&offset), "flipped {at}: {damage:?}");
            store.close().await;
        }
    }
}

#[tokio::test]
async fn one_whole_copy_of_the_segment_header_is_enough() {
    let log = log(true).await;
    for at in [0, 9, 20, 60, 64, 100, 127] {
        let mut altered = log.disk.bytes(&log.segment);
        altered[at] ^= 1;
        let (_directory, _store, found) = reopen(&log, altered).await;
        assert_eq!(found, [1, 2, 3, 4, 5], "flipped {at}");
    }
    let mut altered = log.disk.bytes(&log.segment);
    altered[9] ^= 1;
    altered[70] ^= 1;
    let (_directory, store, found) = reopen(&log, altered).await;
    assert_eq!(found, [] as [u64; 0]);
    // Nothing was written after it, so nothing vouches for what it held.
    assert_eq!(store.damage(), []);
}

#[tokio::test]
async fn a_log_shorter_than_the_database_has_seen_is_named() {
    let directory = TestDirectory::new();
    let disk = FaultyDisk::new();
    let store = Store::open(faulty(&directory, &disk)).await.unwrap();
    let alice = inhabitant(&store, ALICE, None).await;
    store.commit(letter(1, alice, body(1, 150))).await.unwrap();
    store.close().await;
    let segment = disk.paths().pop().unwrap();
    let half = disk.bytes(&segment)[..200].to_vec();
    let disk = disk.with_bytes(&segment, half);
    let store = Store::open(faulty(&directory, &disk)).await.unwrap();
    assert_eq!(store.damage()[0].kind, DamageKind::Behind);
}

#[tokio::test]
async fn a_body_that_rotted_is_not_handed_out() {
    let directory = TestDirectory::new();
    let disk = FaultyDisk::new();
    let store = Store::open(faulty(&directory, &disk)).await.unwrap();
    let alice = inhabitant(&store, ALICE, None).await;
    store.commit(letter(1, alice, body(1, 150))).await.unwrap();
    store.close().await;
    let segment = disk.paths().pop().unwrap();
    let mut bytes = disk.bytes(&segment);
    let place = bytes
        .windows(9)
        .position(|window| window == b"message 1")
        .unwrap();
    bytes[place] ^= 1;
    let disk = disk.with_bytes(&segment, bytes);
    let store = Store::open(faulty(&directory, &disk)).await.unwrap();
    let (_, placements) = store
        .placements(alice.account, alice.inbox, 0, 9)
        .await
        .unwrap()
        .unwrap();
    let message = store
        .messages(alice.account, &[placements[0].email])
        .await
        .unwrap()[0]
        .clone()
        .unwrap();
    let read = store.read(message.blob, &message.rendering, 0..50).await;
    assert!(
        matches!(read, Err(postroom_store::error::ReadError::Damaged { .. })),
        "{read:?}"
    );
}
