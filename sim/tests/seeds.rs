//! Seeds that every change must pass.

use postroom_testkit::disk::{FaultyDisk, Lie};

/// Two hundred of them; between them they saw what the simulation is for.
#[test]
fn seeds_hold_the_invariants() {
    let (mut letters, mut cuts, mut sent) = (0, 0, 0);
    for seed in 0..200 {
        match postroom_sim::run(seed) {
            Ok(seen) => {
                letters += seen.letters;
                cuts += seen.cuts;
                sent += seen.sent;
            }
            Err(violation) => panic!("seed {seed}: {}", violation.0),
        }
    }
    assert!(
        letters > 1_000 && cuts > 100 && sent > 100,
        "{letters} letters, {cuts} cuts, {sent} sent"
    );
}

/// A house whose log is not synced loses what it promised, and the simulation sees it.
#[test]
fn a_disk_that_lies_is_seen() {
    let is_seen = |seed| {
        let disk = FaultyDisk::new();
        disk.lie(Lie::Content("log"));
        postroom_sim::run_on(&disk, seed).is_err()
    };
    assert!((0..20).any(is_seen));
}
