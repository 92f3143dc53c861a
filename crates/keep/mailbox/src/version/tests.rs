use std::collections::BTreeMap;
use std::sync::Arc;

use postroom_mail::flag::{KeywordSet, SystemFlags};
use postroom_mail::identifier::{AccountId, EmailId, MailboxId, ModSeq, Uid, UidValidity};
use postroom_mail::mailbox_name::MailboxName;
use postroom_runtime::clock::Timestamp;
use postroom_store::row::{Changes, Mailbox, Placement};
use proptest::prelude::{Strategy, any, prop, proptest};

use super::*;
use crate::delta::{Delta, without_expunges};

pub(crate) fn mailbox(uid_next: u32, mod_seq: u64) -> Mailbox {
    Mailbox {
        id: MailboxId(1),
        account: AccountId(1),
        name: MailboxName::inbox(),
        uid_validity: UidValidity::new(7).unwrap(),
        uid_next,
        mod_seq: ModSeq(mod_seq),
        special_use: None,
        keywords: Vec::new(),
    }
}

pub(crate) fn placement(uid: u32, mod_seq: u64, flags: SystemFlags) -> Placement {
    Placement {
        uid: Uid::new(uid).unwrap(),
        email: EmailId(u64::from(uid)),
        mod_seq: ModSeq(mod_seq),
        octets: 100,
        flags,
        keywords: KeywordSet::NONE,
        received: Timestamp(0),
    }
}

/// One change of the model: what a client may do to a mailbox.
#[derive(Debug, Clone)]
enum Change {
    Append(u8),
    Flag(u16, u8),
    Expunge(u16, u8),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let one = prop::strategy::Union::new([
        any::<u8>().prop_map(Change::Append).boxed(),
        any::<(u16, u8)>()
            .prop_map(|(at, flags)| Change::Flag(at, flags & 31))
            .boxed(),
        any::<(u16, u8)>()
            .prop_map(|(at, count)| Change::Expunge(at, count))
            .boxed(),
    ]);
    prop::collection::vec(one, 0..30)
}

/// A mailbox kept the plain way.
#[derive(Debug, Default, Clone)]
struct Model {
    rows: BTreeMap<u32, Placement>,
    uid_next: u32,
    mod_seq: u64,
}

impl Model {
    fn apply(&mut self, change: &Change) -> Changes {
        self.mod_seq += 1;
        let mut told = Changes {
            placements: Vec::new(),
            expunged: Vec::new(),
            floor: ModSeq(0),
            mailbox: None,
        };
        let uid_at = |model: &Self, at: u16| {
            let place = usize::from(at) % model.rows.len().max(1);
            model.rows.keys().nth(place).copied()
        };
        match change {
            Change::Append(count) => {
                for _ in 0..*count {
                    self.uid_next += 1;
                    let row = placement(self.uid_next, self.mod_seq, SystemFlags::NONE);
                    self.rows.insert(self.uid_next, row);
                    told.placements.push(row);
                }
            }
            Change::Flag(at, flags) => {
                if let Some(uid) = uid_at(self, *at) {
                    let row = placement(uid, self.mod_seq, SystemFlags(*flags));
                    self.rows.insert(uid, row);
                    told.placements.push(row);
                }
            }
            Change::Expunge(at, count) => {
                for _ in 0..*count {
                    if let Some(uid) = uid_at(self, *at) {
                        self.rows.remove(&uid);
                        told.expunged.push(Uid::new(uid).unwrap());
                    }
                }
                told.expunged.sort_unstable();
            }
        }
        told.mailbox = Some(mailbox(self.uid_next + 1, self.mod_seq));
        told
    }
}

fn assert_same(version: &Version, model: &Model) {
    assert_eq!(version.count() as usize, model.rows.len());
    for ((sequence, found), (place, expected)) in
        version.iter().zip(model.rows.values().enumerate())
    {
        assert_eq!(sequence as usize, place + 1);
        assert_eq!(found, expected);
        assert_eq!(version.at(sequence), Some(expected));
        assert_eq!(version.find(expected.uid), Some((sequence, expected)));
    }
    assert_eq!(version.at(version.count() + 1), None);
}

/// Plays a delta to a client that knows only what RFC 9051 tells it.
fn play(client: &mut Vec<Placement>, delta: &Delta, new: &Version) {
    for &sequence in &delta.expunged {
        client.remove(sequence as usize - 1);
    }
    if let Some(exists) = delta.exists {
        for sequence in u32::try_from(client.len()).unwrap() + 1..=exists {
            client.push(*new.at(sequence).unwrap());
        }
    }
    for &sequence in &delta.changed {
        client[sequence as usize - 1] = *new.at(sequence).unwrap();
    }
}

fn flags_of<'p>(rows: impl IntoIterator<Item = &'p Placement>) -> Vec<(u32, SystemFlags)> {
    rows.into_iter()
        .map(|row| (row.uid.number(), row.flags))
        .collect()
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]
    #[test]
    fn versions_and_deltas_follow_the_model(before in changes(), after in changes()) {
        let mut model = Model::default();
        let mut version = Version::new(mailbox(1, 0), &[]);
        for change in &before {
            version = version.after(model.apply(change));
        }
        assert_same(&version, &model);
        let old = Arc::new(version);
        let mut new = Arc::clone(&old);
        for change in &after {
            new = Arc::new(new.after(model.apply(change)));
        }
        assert_same(&new, &model);

        let mut client: Vec<Placement> = old.iter().map(|(_, row)| *row).collect();
        play(&mut client, &Delta::between(&old, &new), &new);
        assert_eq!(flags_of(&client), flags_of(model.rows.values()));

        // Held back, the expunges come later and lead to the same.
        let mut client: Vec<Placement> = old.iter().map(|(_, row)| *row).collect();
        let held = without_expunges(&old, &new);
        let first = Delta::between(&old, &held);
        assert!(first.expunged.is_empty());
        play(&mut client, &first, &held);
        let second = Delta::between(&held, &new);
        assert!(second.changed.is_empty());
        play(&mut client, &second, &new);
        assert_eq!(flags_of(&client), flags_of(model.rows.values()));
    }
}

#[test]
fn sets_of_numbers_and_uids_find_what_is_there() {
    let rows: Vec<_> = (1..=2000)
        .map(|n| placement(n * 2, 1, SystemFlags::NONE))
        .collect();
    let version = Version::new(mailbox(4001, 1), &rows);
    let set = UidSet::from_ranges([1..=3, 513..=513, 1999..=5000]);
    let found: Vec<_> = version.of_sequences(&set).map(|(s, _)| s).collect();
    assert_eq!(found, [1, 2, 3, 513, 1999, 2000]);
    let found: Vec<_> = version
        .of_uids(&UidSet::from_ranges([1..=5, 1025..=1029, 3999..=9999]))
        .map(|(s, row)| (s, row.uid.number()))
        .collect();
    assert_eq!(
        found,
        [(1, 2), (2, 4), (513, 1026), (514, 1028), (2000, 4000)]
    );
    assert_eq!(
        version.uids_of(&UidSet::from_ranges([2..=3])).to_string(),
        "4,6"
    );
    assert_eq!(version.first_unseen(), Some(1));
    assert_eq!(version.last_uid(), Uid::new(4000));
}

#[test]
fn a_change_copies_one_chunk_and_shares_the_others() {
    let rows: Vec<_> = (1..=5000)
        .map(|n| placement(n, 1, SystemFlags::NONE))
        .collect();
    let old = Version::new(mailbox(5001, 1), &rows);
    let new = old.after(Changes {
        placements: vec![placement(1000, 2, SystemFlags::SEEN)],
        expunged: Vec::new(),
        floor: ModSeq(0),
        mailbox: Some(mailbox(5001, 2)),
    });
    let shared = old
        .chunks()
        .iter()
        .zip(new.chunks())
        .filter(|(a, b)| Arc::ptr_eq(a, b))
        .count();
    assert_eq!(shared, old.chunks().len() - 1);
}

#[test]
fn changes_are_found_in_the_chunks_that_hold_them() {
    let rows: Vec<_> = (1..=5000)
        .map(|n| placement(n, 1, SystemFlags::NONE))
        .collect();
    let old = Version::new(mailbox(5001, 1), &rows);
    let new = old.after(Changes {
        placements: vec![
            placement(1000, 2, SystemFlags::SEEN),
            placement(5001, 2, SystemFlags::NONE),
        ],
        expunged: vec![Uid::new(1001).unwrap(), Uid::new(3000).unwrap()],
        floor: ModSeq(0),
        mailbox: Some(mailbox(5002, 2)),
    });
    let changed = |since| new.changed_since(ModSeq(since));
    assert_eq!(changed(1), UidSet::from_iter([1000, 5001]));
    assert!(changed(2).is_empty());
    assert_eq!(changed(0).count(), 4999);
    let asked = UidSet::from_ranges([990..=1002, 2999..=3001, 5000..=6000]);
    assert_eq!(new.absent(&asked).to_string(), "1001,3000,5002:6000");
}
