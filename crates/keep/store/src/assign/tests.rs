use postroom_mail::flag::{FlagChange, Flags, KEYWORDS_MAX, Keyword, KeywordSet, SystemFlags};
use postroom_mail::identifier::{ArrivalId, UidValidity};
use postroom_mail::mailbox_name::MailboxName;
use postroom_mail::uid_set::UidSet;

use super::*;
use crate::counters::PlacementState;
use crate::operation::{Delivery, Piece, QuotaRule, Rendering};
use crate::plan::Body;

const ACCOUNT: AccountId = AccountId(1);
const INBOX: MailboxId = MailboxId(1);
const TIME: Timestamp = Timestamp(1_000);

fn counters() -> Counters {
    let mut counters = Counters::default();
    counters.accounts.insert(
        ACCOUNT,
        AccountCounters {
            quota: Some(100),
            used: 90,
            mod_seq: ModSeq(5_000),
            uid_validity: 7,
        },
    );
    counters.mailboxes.insert(
        INBOX,
        MailboxCounters {
            account: ACCOUNT,
            name: MailboxName::inbox(),
            uid_validity: UidValidity::new(7).unwrap(),
            uid_next: 4,
            mod_seq: ModSeq(4_000),
            octets: 90,
            keywords: (0..KEYWORDS_MAX - 1)
                .map(|number| Keyword::new(&format!("k{number}")).unwrap())
                .collect(),
        },
    );
    let placement = |uid| PlacementState {
        uid,
        mod_seq: ModSeq(4_000),
        octets: 30,
        flags: SystemFlags::NONE,
        keywords: KeywordSet::NONE,
    };
    counters
        .placements
        .insert(INBOX, (1..=3).map(placement).collect());
    counters
}

fn plan(operations: Vec<Operation>) -> Plan {
    Plan {
        arrival: ArrivalId(1),
        time: TIME,
        operations,
        journal: Vec::new(),
        body: Some(Body::Inline(vec![b'x'; 20])),
    }
}

fn deliver(octets: u64, quota: QuotaRule) -> Operation {
    Operation::Deliver(Delivery {
        account: ACCOUNT,
        mailbox: INBOX,
        flags: Flags::default(),
        received: TIME,
        rendering: Rendering {
            pieces: vec![Piece::Kept(0..octets)],
        },
        quota,
        parsed: Box::default(),
    })
}

fn store(keywords: &[&str]) -> Operation {
    Operation::StoreFlags {
        account: ACCOUNT,
        mailbox: INBOX,
        uids: UidSet::from_ranges([1..=u32::MAX]),
        change: FlagChange::Add,
        flags: Flags {
            system: SystemFlags::SEEN,
            keywords: keywords
                .iter()
                .filter_map(|text| Keyword::new(text))
                .collect(),
        },
        unchanged_since: None,
    }
}

/// What assignment may change, in one comparable piece.
fn state(counters: &Counters) -> String {
    let account = counters.accounts.get(&ACCOUNT);
    let mailbox = counters.mailboxes.get(&INBOX);
    let placements = counters.placements.get(&INBOX);
    format!("{:?} {account:?} {mailbox:?} {placements:?}", counters.ids)
}

#[test]
fn a_refused_plan_leaves_the_counters_as_they_were() {
    let mut counters = counters();
    let before = state(&counters);
    // The first operations would change much; the last does not fit.
    let refused = assign(
        &plan(vec![
            deliver(10, QuotaRule::Enforce),
            store(&["one more"]),
            deliver(20, QuotaRule::Enforce),
        ]),
        &mut counters,
    );
    assert_eq!(refused, Err(Refused::OverQuota { over: 20 }));
    assert_eq!(state(&counters), before);
}

#[test]
fn a_reserved_delivery_may_use_a_tenth_more_than_the_quota() {
    let mut counters = counters();
    let taken = assign(&plan(vec![deliver(20, QuotaRule::Reserved)]), &mut counters);
    assert!(taken.is_ok());
    let refused = assign(&plan(vec![deliver(1, QuotaRule::Reserved)]), &mut counters);
    assert_eq!(refused, Err(Refused::OverQuota { over: 1 }));
}

#[test]
fn mod_seqs_grow_when_the_clock_does_not() {
    let mut counters = counters();
    let assigned = assign(&plan(vec![store(&[]), store(&["k1"])]), &mut counters).unwrap();
    let reached: Vec<_> = assigned
        .results
        .iter()
        .map(|done| match done {
            Done::Flagged { mod_seq, .. } => mod_seq.0,
            other => panic!("not flagged: {other:?}"),
        })
        .collect();
    assert_eq!(reached, [5_001, 5_002]);
}

#[test]
fn keywords_and_uids_have_a_bound() {
    let mut counters = counters();
    assign(&plan(vec![store(&["last"])]), &mut counters).unwrap();
    let refused = assign(&plan(vec![store(&["beyond"])]), &mut counters);
    assert_eq!(refused, Err(Refused::KeywordsMax));
    counters.mailboxes.get_mut(&INBOX).unwrap().uid_next = u32::MAX;
    let refused = assign(&plan(vec![deliver(1, QuotaRule::Enforce)]), &mut counters);
    assert_eq!(refused, Err(Refused::UidsMax));
}

#[test]
fn an_account_has_a_bound_of_mailboxes() {
    let mut counters = counters();
    let folders = counters.folders.entry(ACCOUNT).or_default();
    for number in 0..MAILBOXES_MAX as u64 {
        let name = MailboxName::parse(&format!("m{number}"), '/').unwrap();
        folders.insert(name, MailboxId(number));
    }
    let create = Operation::CreateMailbox {
        account: ACCOUNT,
        mailbox: crate::operation::NewMailbox {
            name: MailboxName::parse("one/more", '/').unwrap(),
            special_use: None,
            is_subscribed: false,
        },
    };
    let refused = assign(&plan(vec![create]), &mut counters);
    assert_eq!(refused, Err(Refused::MailboxesMax));
}
