//! Records: what is written is read, and no bytes make the reader fail otherwise than it says.

use postroom_mail::envelope::{Notify, Ret};
use postroom_mail::flag::{FlagChange, Keyword, KeywordSet, SpecialUse, SystemFlags};
use postroom_mail::identifier::{
    AccountId, ArrivalId, BlobId, EmailId, MailboxId, ModSeq, Uid, UidValidity,
};
use postroom_mail::mailbox_name::MailboxName;
use postroom_mail::uid_set::UidSet;
use postroom_runtime::clock::Timestamp;
use postroom_runtime::random::Random;
use postroom_store::journal::JournalLine;
use postroom_store::log::change::{
    Change, Copied, Delivered, Flagged, KeywordPair, MadeAccount, MadeMailbox, Renamed, Tended,
};
use postroom_store::log::record::{Brought, Kept, Record, RecordBody};
use postroom_store::operation::{
    Alias, Credential, Domain, DomainKind, DsnWish, EntryId, EntryOutcome, LeaseToken, NewEntry,
    NextHop,
};
use postroom_testkit::corpus::replay;

use crate::plans::{TIME, rendering};

#[path = "../../../../../fuzz/checks/log_record.rs"]
mod log_record;

const ACCOUNT: AccountId = AccountId(300);
const MOD_SEQ: ModSeq = ModSeq(1 << 62);

fn uids() -> UidSet {
    UidSet::from_ranges([1..=3, 9..=9, 4_000_000_000..=u32::MAX])
}

fn keywords() -> Vec<Keyword> {
    vec![
        Keyword::new("$Work").unwrap(),
        Keyword::new("Blue").unwrap(),
    ]
}

fn made() -> MadeMailbox {
    MadeMailbox {
        mailbox: MailboxId(7),
        name: MailboxName::parse("INBOX/Größe", '/').unwrap(),
        uid_validity: UidValidity::new(u32::MAX).unwrap(),
        special_use: Some(SpecialUse::Trash),
        is_subscribed: true,
    }
}

fn directory_changes() -> Vec<Change> {
    let credential = Credential {
        name: "password".into(),
        hash: "{SSHA}x".into(),
    };
    vec![
        Change::PutDomain(Domain {
            name: "x.test".into(),
            kind: DomainKind::Relay,
            catch_all: Some("all".into()),
            target: None,
        }),
        Change::PutDomain(Domain {
            name: "y.test".into(),
            kind: DomainKind::Alias,
            catch_all: None,
            target: Some("x.test".into()),
        }),
        Change::RemoveDomain {
            name: "x.test".into(),
        },
        Change::CreateAccount(MadeAccount {
            account: ACCOUNT,
            address: "alice@x.test".into(),
            quota: Some(u64::MAX),
            credentials: vec![credential.clone()],
            mod_seq: MOD_SEQ,
            mailboxes: vec![made()],
        }),
        Change::SetAccount {
            account: ACCOUNT,
            quota: None,
            is_enabled: false,
        },
        Change::RemoveAccount { account: ACCOUNT },
        Change::PutCredential {
            account: ACCOUNT,
            credential,
        },
        Change::RemoveCredential {
            account: ACCOUNT,
            name: "password".into(),
        },
        Change::PutAlias(Alias {
            address: "team@x.test".into(),
            members: vec!["a@x".into(), "".into()],
        }),
        Change::RemoveAlias {
            address: "team@x.test".into(),
        },
        Change::MakeMailboxes {
            account: ACCOUNT,
            mod_seq: MOD_SEQ,
            mailboxes: vec![made()],
        },
        Change::RenameMailboxes {
            account: ACCOUNT,
            mod_seq: MOD_SEQ,
            names: vec![Renamed {
                mailbox: MailboxId(1),
                name: MailboxName::inbox(),
            }],
        },
        Change::DeleteMailbox {
            account: ACCOUNT,
            mailbox: MailboxId(1),
            mod_seq: MOD_SEQ,
        },
        Change::Subscribe {
            account: ACCOUNT,
            name: MailboxName::inbox(),
            is_subscribed: true,
        },
    ]
}

fn message_changes() -> Vec<Change> {
    let mut set = KeywordSet::NONE;
    set.insert(0);
    set.insert(255);
    vec![
        Change::Deliver(Delivered {
            account: ACCOUNT,
            mailbox: MailboxId(1),
            email: EmailId(2),
            uid: Uid::new(3).unwrap(),
            mod_seq: MOD_SEQ,
            flags: SystemFlags::SEEN,
            keywords: set,
            new_keywords: keywords(),
            received: TIME,
            octets: 170,
            rendering: rendering(150),
            parsed: b"\0\xFFparsed".as_slice().into(),
        }),
        Change::Flag(Flagged {
            account: ACCOUNT,
            mailbox: MailboxId(1),
            mod_seq: MOD_SEQ,
            uids: uids(),
            change: FlagChange::Remove,
            flags: SystemFlags::DELETED,
            keywords: set,
            new_keywords: Vec::new(),
        }),
        Change::Expunge {
            account: ACCOUNT,
            mailbox: MailboxId(1),
            mod_seq: MOD_SEQ,
            uids: uids(),
        },
        Change::Copy(Copied {
            account: ACCOUNT,
            from: MailboxId(1),
            to: MailboxId(2),
            mod_seq: MOD_SEQ,
            uids: uids(),
            first: Uid::new(10).unwrap(),
            is_move: true,
            keywords: vec![KeywordPair { from: 255, to: 0 }],
            new_keywords: keywords(),
        }),
    ]
}

fn queue_changes() -> Vec<Change> {
    let settle = |outcome| Change::Settle {
        entry: EntryId(4),
        outcome,
    };
    let tend = |tended| Change::Tend {
        entry: EntryId(4),
        tended,
    };
    let enqueue = |next_hop| Change::Enqueue {
        entry: EntryId(4),
        new: NewEntry {
            reverse_path: "".into(),
            recipient: "b@y.test".into(),
            next_hop,
            due: TIME,
            dsn: DsnWish {
                notify: Some(Notify::NEVER),
                orcpt: Some("rfc822;b@y.test".into()),
                ret: Some(Ret::Headers),
                envid: None,
            },
            rendering: rendering(150),
        },
    };
    vec![
        enqueue(NextHop::Local),
        enqueue(NextHop::Remote("mx:2525".into())),
        enqueue(NextHop::Expand {
            members: vec!["a@x".into()],
            done: 1,
        }),
        Change::Lease {
            entries: vec![EntryId(4)],
            token: LeaseToken(5),
            until: TIME,
        },
        settle(EntryOutcome::Done),
        settle(EntryOutcome::Deferred {
            due: TIME,
            status: "451".into(),
        }),
        settle(EntryOutcome::Failed {
            status: "550".into(),
        }),
        settle(EntryOutcome::Progress { done: 200 }),
        settle(EntryOutcome::Held {
            status: "held".into(),
        }),
        tend(Tended::Due { due: TIME }),
        tend(Tended::Held { status: "".into() }),
        tend(Tended::Deleted),
        Change::Remember {
            key: "k".into(),
            value: "v".into(),
            until: Timestamp(u64::MAX),
        },
    ]
}

/// A record with every kind of change in it.
fn record() -> Record {
    Record {
        arrival: ArrivalId(u64::MAX - 1),
        time: TIME,
        changes: [directory_changes(), message_changes(), queue_changes()].concat(),
        journal: vec![JournalLine {
            time: TIME,
            session: 1,
            arrival: None,
            message_id: Some("<1@x>".into()),
            room: "intake".into(),
            what: "message".into(),
            sender: Some("".into()),
            recipient: Some("b@y.test".into()),
            verdict: "queued".into(),
            reply: None,
            next_hop: None,
            peer: None,
            elapsed_us: 4,
        }],
        body: Some(RecordBody::Brought(Brought {
            blob: BlobId(6),
            octets: 150,
            checksum: u64::MAX,
            segment: Some(2),
        })),
    }
}

fn bytes(record: &Record) -> Vec<u8> {
    let mut out = Vec::new();
    record.put(&mut out);
    out
}

#[test]
fn what_is_written_is_read() {
    let written = record();
    assert_eq!(Record::decode(&bytes(&written)), Ok(written.clone()));
    let kept = RecordBody::Kept(Kept {
        blob: BlobId(6),
        octets: 150,
        origin: ArrivalId(7),
    });
    for body in [None, Some(kept)] {
        let other = Record {
            body,
            ..written.clone()
        };
        assert_eq!(Record::decode(&bytes(&other)), Ok(other));
    }
}

#[test]
fn no_part_of_a_record_is_a_record() {
    let whole = bytes(&record());
    for end in 0..whole.len() {
        assert!(Record::decode(&whole[..end]).is_err(), "cut at {end}");
    }
    let mut longer = whole;
    longer.push(0);
    assert!(Record::decode(&longer).is_err());
}

#[test]
fn altered_records_are_read_or_refused() {
    let whole = bytes(&record());
    let random = Random::seeded(1);
    for _ in 0..20_000 {
        let mut altered = whole.clone();
        for _ in 0..=random.number() % 3 {
            let at = usize::try_from(random.number()).unwrap() % altered.len();
            altered[at] = random.number().to_le_bytes()[0];
        }
        // What is still a record is written and read the same.
        if let Ok(found) = Record::decode(&altered) {
            assert_eq!(Record::decode(&bytes(&found)), Ok(found));
        }
    }
}

/// Seeds and finds of the fuzzer, replayed.
#[test]
fn the_corpus_is_read_or_refused() {
    replay("log_record", log_record::check);
}
