use std::sync::Arc;

use postroom_mail::flag::{Keyword, SystemFlags};
use postroom_mail::identifier::{ModSeq, Uid};
use postroom_mail::uid_set::UidSet;
use postroom_store::row::Changes;

use super::{Delta, without_expunges};
use crate::version::Version;
use crate::version::tests::{mailbox, placement};

fn ten() -> Version {
    let rows: Vec<_> = (1..=10)
        .map(|n| placement(n, 1, SystemFlags::NONE))
        .collect();
    Version::new(mailbox(11, 1), &rows)
}

#[test]
fn expunges_are_told_highest_first_so_that_each_number_is_right() {
    let old = ten();
    let new = old.after(Changes {
        placements: vec![placement(5, 2, SystemFlags::SEEN)],
        expunged: [2, 9].map(|uid| Uid::new(uid).unwrap()).to_vec(),
        floor: ModSeq(0),
        mailbox: Some(mailbox(11, 2)),
    });
    let delta = Delta::between(&old, &new);
    assert_eq!(delta.expunged, [9, 2]);
    assert_eq!(delta.vanished, UidSet::from_iter([2, 9]));
    assert_eq!(delta.exists, None);
    assert_eq!(delta.changed, [4]);
}

#[test]
fn a_new_keyword_is_told_before_it_is_used() {
    let old = ten();
    let mut row = mailbox(11, 2);
    row.keywords.push(Keyword::new("$Junk").unwrap());
    let new = old.after(Changes {
        placements: Vec::new(),
        expunged: Vec::new(),
        floor: ModSeq(0),
        mailbox: Some(row),
    });
    assert!(Delta::between(&old, &new).has_new_keywords);
}

#[test]
fn numbers_stand_still_while_expunges_are_withheld() {
    let old = Arc::new(ten());
    let new = Arc::new(old.after(Changes {
        placements: vec![placement(11, 2, SystemFlags::NONE)],
        expunged: (1..=10).filter_map(Uid::new).collect(),
        floor: ModSeq(0),
        mailbox: Some(mailbox(12, 2)),
    }));
    let held = without_expunges(&old, &new);
    assert_eq!(held.count(), 11);
    assert_eq!(held.at(10).unwrap().uid.number(), 10);
    assert_eq!(held.at(11).unwrap().uid.number(), 11);
    let delta = Delta::between(&held, &new);
    assert_eq!(delta.expunged.len(), 10);
    assert_eq!(delta.exists, None);
}
