//! What every engine must do, said through the handle alone.

use std::sync::Arc;

use postroom_mail::flag::{FlagChange, Flags, Keyword, SystemFlags};
use postroom_mail::mailbox_name::MailboxName;
use postroom_mail::uid_set::UidSet;
use postroom_runtime::clock::{Clock, Timestamp};
use postroom_store::error::{CommitError, OpenError, Refused};
use postroom_store::journal::JournalLine;
use postroom_store::operation::{
    Alias, Credential, Domain, DomainKind, EntryOutcome, LeaseToken, NewMailbox, Operation,
};
use postroom_store::outcome::{Committed, Done};
use postroom_store::plan::{Body, Plan};
use postroom_store::row::{DuePage, Side};
use postroom_store::store::{Options, Store};
use postroom_testkit::directory::TestDirectory;

use crate::plans::elsewhere;
use crate::plans::{
    self, Inhabitant, TIME, body, delivery, entry, inhabitant, letter, letters, options, plan,
    seen, uid,
};

async fn house() -> (TestDirectory, Store, Inhabitant) {
    let directory = TestDirectory::new();
    let store = Store::open(options(&directory)).await.unwrap();
    let alice = inhabitant(&store, "alice@example.test", None).await;
    (directory, store, alice)
}

async fn commit(store: &Store, operations: Vec<Operation>) -> Result<Committed, CommitError> {
    let arrival = store.new_arrival().0;
    store.commit(plan(arrival, operations)).await
}

async fn deliver(store: &Store, who: Inhabitant, number: u64) -> Committed {
    let arrival = store.new_arrival().0;
    store
        .commit(letter(arrival, who, body(number, 200)))
        .await
        .unwrap()
}

fn refusal(result: Result<Committed, CommitError>) -> Refused {
    match result {
        Err(CommitError::Refused(refused)) => refused,
        other => panic!("not refused: {other:?}"),
    }
}

fn uids(range: std::ops::RangeInclusive<u32>) -> UidSet {
    UidSet::from_ranges([range])
}

fn name(text: &str) -> MailboxName {
    MailboxName::parse(text, '/').unwrap()
}

#[tokio::test]
async fn a_delivered_message_is_read_back_also_after_opening_again() {
    let (directory, store, alice) = house().await;
    let first = deliver(&store, alice, 1).await;
    assert_eq!(uid(&first).number(), 1);
    let expected = vec![(uid(&first), seen(&body(1, 200)))];
    assert_eq!(letters(&store, alice, alice.inbox).await, expected);
    store.close().await;
    let store = Store::open(options(&directory)).await.unwrap();
    assert_eq!(letters(&store, alice, alice.inbox).await, expected);
    let account = store.account(alice.account).await.unwrap().unwrap();
    assert_eq!(account.used, seen(&body(1, 200)).len() as u64);
    assert_eq!(account.messages, 1);
}

#[tokio::test]
async fn one_body_serves_all_recipients_of_a_plan() {
    let (_directory, store, alice) = house().await;
    let bob = inhabitant(&store, "bob@example.test", None).await;
    let bytes = body(7, 500);
    let octets = bytes.len() as u64;
    let sent = Plan {
        operations: vec![
            delivery(alice, alice.inbox, octets),
            delivery(bob, bob.inbox, octets),
            entry("carla@example.net", octets),
        ],
        body: Some(Body::Inline(bytes.clone())),
        ..plan(99, Vec::new())
    };
    store.commit(sent).await.unwrap();
    assert_eq!(letters(&store, alice, alice.inbox).await[0].1, seen(&bytes));
    assert_eq!(letters(&store, bob, bob.inbox).await[0].1, seen(&bytes));
    let due = store.due(elsewhere()).await.unwrap().entries;
    assert_eq!(due.len(), 1);
    let sent = store
        .read(due[0].blob, &due[0].rendering, 0..u64::MAX)
        .await
        .unwrap();
    assert_eq!(sent, seen(&bytes));
}

#[tokio::test]
async fn parts_of_a_rendering_are_read_by_range() {
    let (_directory, store, alice) = house().await;
    let done = deliver(&store, alice, 1).await;
    let Done::Delivered { email, .. } = done.results[0] else {
        panic!("not a delivery");
    };
    let message = store.messages(alice.account, &[email]).await.unwrap()[0]
        .clone()
        .unwrap();
    let whole = seen(&body(1, 200));
    for range in [0..5, 10..30, 16..18, 100..1000, 5000..6000] {
        let end = whole.len().min(usize::try_from(range.end).unwrap());
        let start = end.min(usize::try_from(range.start).unwrap());
        let read = store
            .read(message.blob, &message.rendering, range)
            .await
            .unwrap();
        assert_eq!(read, &whole[start..end]);
    }
}

#[tokio::test]
async fn racing_commits_get_unique_growing_values() {
    let (_directory, store, alice) = house().await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..200 {
        let store = store.clone();
        tasks.spawn(async move { deliver(&store, alice, number).await });
    }
    let mut given: Vec<u32> = Vec::new();
    while let Some(done) = tasks.join_next().await {
        given.push(uid(&done.unwrap()).number());
    }
    given.sort_unstable();
    assert_eq!(given, (1..=200).collect::<Vec<_>>());
    let (mailbox, placements) = store
        .placements(alice.account, alice.inbox, 0, 1000)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(mailbox.uid_next, 201);
    assert!(placements.is_sorted_by(|a, b| a.uid < b.uid && a.mod_seq < b.mod_seq));
    assert_eq!(mailbox.mod_seq, placements.last().unwrap().mod_seq);
    let page = store.placements(alice.account, alice.inbox, 150, 10).await;
    assert_eq!(page.unwrap().unwrap().1[0].uid.number(), 151);
}

#[tokio::test]
async fn flags_change_and_tell_what_they_left_alone() {
    let (_directory, store, alice) = house().await;
    for number in 0..3 {
        deliver(&store, alice, number).await;
    }
    let (before, placements) = store
        .placements(alice.account, alice.inbox, 0, 10)
        .await
        .unwrap()
        .unwrap();
    let change = |change, uids: UidSet, flags: Flags, unchanged_since| Operation::StoreFlags {
        account: alice.account,
        mailbox: alice.inbox,
        uids,
        change,
        flags,
        unchanged_since,
    };
    let wanted = Flags {
        system: SystemFlags::SEEN,
        keywords: vec![Keyword::new("$Work").unwrap()],
    };
    let done = commit(
        &store,
        vec![change(
            FlagChange::Add,
            uids(1..=9),
            wanted.clone(),
            Some(placements[1].mod_seq),
        )],
    )
    .await
    .unwrap();
    let Done::Flagged {
        changed,
        modified,
        mod_seq,
    } = &done.results[0]
    else {
        panic!("not flagged");
    };
    assert_eq!(
        (changed.to_string(), modified.to_string()),
        ("1:2".into(), "3".into())
    );
    assert!(*mod_seq > before.mod_seq);
    let changes = store
        .changes_since(alice.account, alice.inbox, before.mod_seq)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(changes.placements.len(), 2);
    assert_eq!(changes.placements[0].flags, SystemFlags::SEEN);
    assert!(changes.placements[0].keywords.contains(0));
    let mailbox = changes.mailbox.unwrap();
    assert_eq!(mailbox.keywords[0].as_str(), "$Work");
    assert_eq!(mailbox.mod_seq, *mod_seq);
    let counts = store.counts(alice.account, &[alice.inbox]).await.unwrap()[0];
    assert_eq!((counts.messages, counts.unseen), (3, 1));
    // Flags that are as wanted already do not move the MODSEQ.
    let again = commit(
        &store,
        vec![change(FlagChange::Add, uids(1..=2), wanted, None)],
    )
    .await
    .unwrap();
    assert!(matches!(&again.results[0], Done::Flagged { mod_seq: same, .. } if same == mod_seq));
    let none = plans::flags(SystemFlags::NONE);
    commit(
        &store,
        vec![change(FlagChange::Replace, uids(1..=1), none, None)],
    )
    .await
    .unwrap();
    let counts = store.counts(alice.account, &[alice.inbox]).await.unwrap()[0];
    assert_eq!(counts.unseen, 2);
}

#[tokio::test]
async fn expunged_messages_leave_the_mailbox_and_stay_readable() {
    let (_directory, store, alice) = house().await;
    for number in 0..3 {
        deliver(&store, alice, number).await;
    }
    let (before, placements) = store
        .placements(alice.account, alice.inbox, 0, 10)
        .await
        .unwrap()
        .unwrap();
    let deleted = Operation::StoreFlags {
        account: alice.account,
        mailbox: alice.inbox,
        uids: uids(2..=3),
        change: FlagChange::Add,
        flags: plans::flags(SystemFlags::DELETED),
        unchanged_since: None,
    };
    let expunge = Operation::Expunge {
        account: alice.account,
        mailbox: alice.inbox,
        uids: uids(1..=2),
        only_deleted: true,
    };
    let done = commit(&store, vec![deleted, expunge]).await.unwrap();
    assert!(matches!(&done.results[1], Done::Expunged { uids, .. } if uids.to_string() == "2"));
    let changes = store
        .changes_since(alice.account, alice.inbox, before.mod_seq)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        changes
            .expunged
            .iter()
            .map(|uid| uid.number())
            .collect::<Vec<_>>(),
        [2]
    );
    assert_eq!(changes.placements.len(), 1);
    let message = store
        .messages(alice.account, &[placements[1].email])
        .await
        .unwrap()[0]
        .clone();
    let message = message.expect("an orphan is readable");
    let bytes = store
        .read(message.blob, &message.rendering, 0..u64::MAX)
        .await
        .unwrap();
    assert_eq!(bytes, seen(&body(1, 200)));
    let account = store.account(alice.account).await.unwrap().unwrap();
    assert_eq!(
        (account.messages, account.used),
        (2, 2 * u64::from(placements[0].octets))
    );
    let counts = store.counts(alice.account, &[alice.inbox]).await.unwrap()[0];
    assert_eq!((counts.messages, counts.deleted), (2, 1));
}

#[tokio::test]
async fn copies_and_moves_keep_the_message_with_its_flags() {
    let (_directory, store, alice) = house().await;
    for number in 0..4 {
        deliver(&store, alice, number).await;
    }
    let mark = Operation::StoreFlags {
        account: alice.account,
        mailbox: alice.inbox,
        uids: uids(2..=2),
        change: FlagChange::Add,
        flags: Flags {
            system: SystemFlags::FLAGGED,
            keywords: vec![Keyword::new("Blue").unwrap()],
        },
        unchanged_since: None,
    };
    let copy = |uids, is_move| Operation::Copy {
        account: alice.account,
        from: alice.inbox,
        uids,
        to: alice.archive,
        is_move,
    };
    let done = commit(&store, vec![mark, copy(uids(2..=3), false)])
        .await
        .unwrap();
    let Done::Copied { from, to, .. } = &done.results[1] else {
        panic!("not copied")
    };
    assert_eq!(
        from.iter().map(|uid| uid.number()).collect::<Vec<_>>(),
        [2, 3]
    );
    assert_eq!(
        to.iter().map(|uid| uid.number()).collect::<Vec<_>>(),
        [1, 2]
    );
    commit(&store, vec![copy(uids(4..=4), true)]).await.unwrap();
    let (archive, placed) = store
        .placements(alice.account, alice.archive, 0, 10)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(placed.len(), 3);
    assert_eq!(placed[0].flags, SystemFlags::FLAGGED);
    assert_eq!(archive.keywords[0].as_str(), "Blue");
    assert!(placed[0].keywords.contains(0));
    assert_eq!(archive.uid_next, 4);
    let (_, left) = store
        .placements(alice.account, alice.inbox, 0, 10)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(left.len(), 3);
    assert_eq!(left[1].email, placed[0].email, "a copy is the same message");
    let read = letters(&store, alice, alice.archive).await;
    assert_eq!(read[2].1, seen(&body(3, 200)));
    let account = store.account(alice.account).await.unwrap().unwrap();
    assert_eq!(account.messages, 6);
    assert_eq!(
        refusal(
            commit(
                &store,
                vec![Operation::Copy {
                    account: alice.account,
                    from: alice.inbox,
                    uids: uids(1..=1),
                    to: postroom_mail::identifier::MailboxId(999),
                    is_move: false,
                }]
            )
            .await
        ),
        Refused::NoMailbox(postroom_mail::identifier::MailboxId(999))
    );
}

#[tokio::test]
async fn mailboxes_are_made_with_parents_renamed_with_children_and_removed() {
    let (_directory, store, alice) = house().await;
    let create = |text: &str| Operation::CreateMailbox {
        account: alice.account,
        mailbox: NewMailbox {
            name: name(text),
            special_use: None,
            is_subscribed: false,
        },
    };
    let made = commit(&store, vec![create("a/b/c")]).await.unwrap();
    let Done::Mailbox {
        mailbox: child,
        uid_validity: first,
    } = made.results[0]
    else {
        panic!()
    };
    assert_eq!(
        refusal(commit(&store, vec![create("a/b")]).await),
        Refused::MailboxExists
    );
    let top = store
        .mailbox(alice.account, &name("a"))
        .await
        .unwrap()
        .unwrap();
    let rename = |mailbox, to: &str| Operation::RenameMailbox {
        account: alice.account,
        mailbox,
        name: name(to),
    };
    assert_eq!(
        refusal(commit(&store, vec![rename(top.id, "a/b/x")]).await),
        Refused::MailboxFixed
    );
    commit(&store, vec![rename(top.id, "z/y")]).await.unwrap();
    let names: Vec<_> = store
        .mailboxes(alice.account)
        .await
        .unwrap()
        .iter()
        .map(|m| m.name.join('/'))
        .collect();
    assert_eq!(names, ["Archive", "INBOX", "z", "z/y", "z/y/b", "z/y/b/c"]);
    let delete = |mailbox| Operation::DeleteMailbox {
        account: alice.account,
        mailbox,
    };
    assert_eq!(
        refusal(commit(&store, vec![delete(top.id)]).await),
        Refused::MailboxFixed
    );
    assert_eq!(
        refusal(commit(&store, vec![delete(alice.inbox)]).await),
        Refused::MailboxFixed
    );
    commit(&store, vec![delete(child)]).await.unwrap();
    let made = commit(&store, vec![create("z/y/b/c")]).await.unwrap();
    let Done::Mailbox {
        mailbox,
        uid_validity,
    } = made.results[0]
    else {
        panic!()
    };
    assert!(mailbox > child, "an identifier is never used twice");
    assert!(uid_validity > first, "UIDVALIDITY outlives the mailbox");
}

#[tokio::test]
async fn renaming_the_inbox_moves_its_messages() {
    let (_directory, store, alice) = house().await;
    deliver(&store, alice, 5).await;
    let done = commit(
        &store,
        vec![Operation::RenameMailbox {
            account: alice.account,
            mailbox: alice.inbox,
            name: name("Old/mail"),
        }],
    )
    .await
    .unwrap();
    let Done::Mailbox { mailbox, .. } = done.results[0] else {
        panic!()
    };
    assert_eq!(
        letters(&store, alice, mailbox).await[0].1,
        seen(&body(5, 200))
    );
    assert!(letters(&store, alice, alice.inbox).await.is_empty());
    assert_eq!(
        uid(&deliver(&store, alice, 6).await).number(),
        2,
        "UIDs of the inbox go on"
    );
}

#[tokio::test]
async fn quota_refuses_and_leaves_nothing_behind() {
    let directory = TestDirectory::new();
    let store = Store::open(options(&directory)).await.unwrap();
    let bob = inhabitant(&store, "bob@example.test", Some(500)).await;
    deliver(&store, bob, 1).await;
    deliver(&store, bob, 2).await;
    let over = store.commit(letter(77, bob, body(3, 200))).await;
    assert!(matches!(refusal(over), Refused::OverQuota { .. }));
    let account = store.account(bob.account).await.unwrap().unwrap();
    assert_eq!(account.messages, 2);
    let expunge = Operation::Expunge {
        account: bob.account,
        mailbox: bob.inbox,
        uids: uids(1..=1),
        only_deleted: false,
    };
    commit(&store, vec![expunge]).await.unwrap();
    let third = store.commit(letter(77, bob, body(3, 200))).await.unwrap();
    assert_eq!((uid(&third).number(), third.is_repeat), (3, false));
}

#[tokio::test]
async fn arrivals_are_never_given_twice() {
    let (_directory, store, _alice) = house().await;
    let given: Vec<_> = (0..10_000).map(|_| store.new_arrival()).collect();
    assert!(given.is_sorted_by(|a, b| a < b));
}

/// The clock may have been set back while the server was down.
#[tokio::test]
async fn arrivals_are_above_those_from_before_the_store_was_opened() {
    let directory = TestDirectory::new();
    let at = |clock| Options {
        clock: Clock::manual(Timestamp(clock)),
        ..options(&directory)
    };
    let store = Store::open(at(2_000_000)).await.unwrap();
    let alice = inhabitant(&store, "alice@example.test", None).await;
    let before = deliver(&store, alice, 1).await.arrival;
    store.close().await;
    let store = Store::open(at(1_000_000)).await.unwrap();
    assert!(store.new_arrival() > before);
}

#[tokio::test]
async fn a_repeated_arrival_adds_nothing() {
    let (_directory, store, alice) = house().await;
    let first = store.commit(letter(42, alice, body(1, 200)));
    let second = store.commit(letter(42, alice, body(1, 200)));
    let (first, second) = tokio::join!(first, second);
    let (first, second) = (first.unwrap(), second.unwrap());
    assert!(first.is_repeat != second.is_repeat);
    assert!(
        store
            .commit(letter(42, alice, body(1, 200)))
            .await
            .unwrap()
            .is_repeat
    );
    assert_eq!(letters(&store, alice, alice.inbox).await.len(), 1);
}

#[tokio::test]
async fn leases_fence_off_whoever_held_an_entry_before() {
    let (_directory, store, _alice) = house().await;
    let bytes = body(1, 200);
    let queued = Plan {
        operations: vec![entry("carla@example.net", bytes.len() as u64)],
        body: Some(Body::Inline(bytes)),
        ..plan(1, Vec::new())
    };
    let done = store.commit(queued).await.unwrap();
    let Done::Enqueued(id) = done.results[0] else {
        panic!()
    };
    assert_eq!(
        store.next_due(Side::Elsewhere, Timestamp(0)).await.unwrap(),
        Some(TIME)
    );
    let until = Timestamp(TIME.0 + 60_000_000);
    let lease = |time, until| Plan {
        time,
        ..plan(
            store.new_arrival().0,
            vec![Operation::Lease {
                entries: vec![id],
                until,
            }],
        )
    };
    let done = store.commit(lease(TIME, until)).await.unwrap();
    let Done::Leased(first) = done.results[0] else {
        panic!()
    };
    assert_eq!(store.due(elsewhere()).await.unwrap(), DuePage::default());
    assert_eq!(
        refusal(store.commit(lease(TIME, until)).await),
        Refused::LeaseLost
    );
    // The first holder is gone: after its time another takes the entry.
    let later = Timestamp(until.0 + 60_000_000);
    let done = store.commit(lease(until, later)).await.unwrap();
    let Done::Leased(second) = done.results[0] else {
        panic!()
    };
    assert!(second > first);
    let settle = |token, outcome| {
        vec![Operation::Settle {
            entry: id,
            token,
            outcome,
        }]
    };
    let deferred = EntryOutcome::Deferred {
        due: later,
        status: "451 later".into(),
    };
    assert_eq!(
        refusal(commit(&store, settle(first, deferred.clone())).await),
        Refused::LeaseLost
    );
    assert_eq!(
        refusal(commit(&store, settle(LeaseToken(0), deferred.clone())).await),
        Refused::LeaseLost
    );
    commit(&store, settle(second, deferred.clone()))
        .await
        .unwrap();
    let found = &store.entries(None, 10).await.unwrap()[0];
    assert_eq!(
        (found.attempts, &*found.status, found.due),
        (1, "451 later", later)
    );
    assert_eq!(
        refusal(commit(&store, settle(second, deferred)).await),
        Refused::LeaseLost
    );
    let done = store
        .commit(lease(later, Timestamp(later.0 + 1)))
        .await
        .unwrap();
    let Done::Leased(third) = done.results[0] else {
        panic!()
    };
    commit(&store, settle(third, EntryOutcome::Done))
        .await
        .unwrap();
    assert!(store.entries(None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_must_happen_once_happens_once() {
    let (_directory, store, alice) = house().await;
    let until = Timestamp(u64::MAX >> 1);
    let once = |value: &str| Operation::Remember {
        key: "vacation bob".into(),
        value: value.into(),
        until,
        must_be_new: true,
    };
    let mut first = letter(1, alice, body(1, 200));
    first.operations.push(once("sent"));
    store.commit(first).await.unwrap();
    let mut second = letter(2, alice, body(2, 200));
    second.operations.push(once("sent again"));
    assert_eq!(
        refusal(store.commit(second).await),
        Refused::Remembered("sent".into())
    );
    assert_eq!(letters(&store, alice, alice.inbox).await.len(), 1);
    assert_eq!(
        store.remembered("vacation bob").await.unwrap().as_deref(),
        Some("sent")
    );
    assert_eq!(store.remembered("vacation eve").await.unwrap(), None);
}

#[tokio::test]
async fn the_directory_keeps_names_apart() {
    let (_directory, store, _alice) = house().await;
    let domain = Domain {
        name: "example.test".into(),
        kind: DomainKind::Local,
        catch_all: None,
        target: None,
    };
    commit(&store, vec![Operation::PutDomain(domain.clone())])
        .await
        .unwrap();
    assert_eq!(store.domain("example.test").await.unwrap(), Some(domain));
    assert_eq!(
        refusal(
            commit(
                &store,
                vec![Operation::RemoveDomain {
                    name: "example.test".into()
                }]
            )
            .await
        ),
        Refused::DomainInUse
    );
    assert_eq!(
        refusal(commit(&store, vec![plans::account("alice@example.test", None)]).await),
        Refused::AddressTaken
    );
    let alias = |address: &str| Alias {
        address: address.into(),
        members: vec!["b@x".into(), "a@x".into()],
    };
    assert_eq!(
        refusal(
            commit(
                &store,
                vec![Operation::PutAlias(alias("alice@example.test"))]
            )
            .await
        ),
        Refused::AddressTaken
    );
    commit(
        &store,
        vec![Operation::PutAlias(alias("team@example.test"))],
    )
    .await
    .unwrap();
    assert_eq!(
        store.alias("team@example.test").await.unwrap(),
        Some(alias("team@example.test"))
    );
    assert_eq!(store.aliases().await.unwrap(), [alias("team@example.test")]);
    assert_eq!(
        refusal(commit(&store, vec![plans::account("team@example.test", None)]).await),
        Refused::AddressTaken
    );
    commit(
        &store,
        vec![Operation::RemoveAlias {
            address: "team@example.test".into(),
        }],
    )
    .await
    .unwrap();
    assert_eq!(store.alias("team@example.test").await.unwrap(), None);
}

#[tokio::test]
async fn credentials_and_settings_go_with_their_account() {
    let (_directory, store, alice) = house().await;
    let domain = Domain {
        name: "example.test".into(),
        kind: DomainKind::Local,
        catch_all: None,
        target: None,
    };
    commit(&store, vec![Operation::PutDomain(domain)])
        .await
        .unwrap();
    let credential = Credential {
        name: "password".into(),
        hash: "$argon2id$x".into(),
    };
    commit(
        &store,
        vec![Operation::PutCredential {
            account: alice.account,
            credential: credential.clone(),
        }],
    )
    .await
    .unwrap();
    assert_eq!(
        store.credentials(alice.account).await.unwrap(),
        [credential]
    );
    let remove = || {
        vec![Operation::RemoveCredential {
            account: alice.account,
            name: "password".into(),
        }]
    };
    commit(&store, remove()).await.unwrap();
    assert_eq!(refusal(commit(&store, remove()).await), Refused::NoSuchName);
    commit(
        &store,
        vec![Operation::SetAccount {
            account: alice.account,
            quota: Some(9),
            is_enabled: false,
        }],
    )
    .await
    .unwrap();
    let account = store
        .account_of("alice@example.test")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((account.quota, account.is_enabled), (Some(9), false));
    commit(
        &store,
        vec![Operation::RemoveAccount {
            account: alice.account,
        }],
    )
    .await
    .unwrap();
    assert!(store.accounts().await.unwrap().is_empty());
    assert_eq!(store.mailboxes(alice.account).await.unwrap(), []);
    commit(
        &store,
        vec![Operation::RemoveDomain {
            name: "example.test".into(),
        }],
    )
    .await
    .unwrap();
    assert_eq!(store.domains().await.unwrap(), []);
}

#[tokio::test]
async fn subscriptions_need_no_mailbox() {
    let (_directory, store, alice) = house().await;
    let subscribe = |text: &str, is_subscribed| Operation::Subscribe {
        account: alice.account,
        name: name(text),
        is_subscribed,
    };
    commit(
        &store,
        vec![subscribe("gone", true), subscribe("Archive", false)],
    )
    .await
    .unwrap();
    let names: Vec<_> = store
        .subscriptions(alice.account)
        .await
        .unwrap()
        .iter()
        .map(|n| n.join('/'))
        .collect();
    assert_eq!(names, ["INBOX", "gone"]);
}

#[tokio::test]
async fn a_large_body_has_a_segment_of_its_own_and_goes_with_its_spool() {
    let (directory, store, alice) = house().await;
    let bytes = body(3, 700_000);
    let mut spool = store.spool().await.unwrap();
    for chunk in bytes.chunks(100_000) {
        spool.append(chunk.to_vec()).await.unwrap();
    }
    assert_eq!(spool.read(5..15).await.unwrap(), &bytes[5..15]);
    let spooled = spool.finish().await.unwrap();
    let sent = Plan {
        operations: vec![delivery(alice, alice.inbox, bytes.len() as u64)],
        body: Some(Body::Spooled(spooled)),
        ..plan(1, Vec::new())
    };
    store.commit(sent).await.unwrap();
    assert_eq!(letters(&store, alice, alice.inbox).await[0].1, seen(&bytes));
    let mut unused = store.spool().await.unwrap();
    unused.append(vec![0; 1000]).await.unwrap();
    drop(unused);
    store.close().await;
    let store = Store::open(options(&directory)).await.unwrap();
    assert_eq!(letters(&store, alice, alice.inbox).await[0].1, seen(&bytes));
    let bodies = std::fs::read_dir(directory.path().join("log"))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().path().extension().unwrap() == "body")
        .count();
    assert_eq!(bodies, 1, "a body that no record names is removed");
}

#[tokio::test]
async fn followers_are_told_what_a_commit_touched() {
    let (_directory, store, alice) = house().await;
    let mut news = store.follow();
    deliver(&store, alice, 1).await;
    let notice: Arc<_> = news.recv().await.unwrap();
    let (account, mailbox, mod_seq) = notice.mailboxes[0];
    assert_eq!((account, mailbox), (alice.account, alice.inbox));
    let (found, _) = store
        .placements(alice.account, alice.inbox, 0, 1)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.mod_seq, mod_seq);
    assert!(!notice.is_directory && !notice.is_queue && notice.folders.is_empty());
}

#[tokio::test]
async fn the_journal_tells_the_story_of_a_message() {
    let (_directory, store, alice) = house().await;
    let mut sent = letter(5, alice, body(1, 200));
    let line = JournalLine {
        time: TIME,
        session: u64::MAX,
        arrival: Some(sent.arrival),
        message_id: Some("<1@x>".into()),
        room: "intake".into(),
        what: "message".into(),
        sender: Some("".into()),
        recipient: None,
        verdict: "delivered".into(),
        reply: Some("250 2.0.0".into()),
        next_hop: None,
        peer: Some("192.0.2.1".into()),
        elapsed_us: 12,
    };
    sent.journal = vec![line.clone()];
    let arrival = sent.arrival;
    store.commit(sent).await.unwrap();
    assert_eq!(store.journal_of(arrival).await.unwrap(), vec![line.clone()]);
    // A later line without a record of its own goes with the next commit.
    let refused = JournalLine {
        what: "refused".into(),
        ..line.clone()
    };
    store.journal_later(vec![refused.clone()]);
    deliver(&store, alice, 2).await;
    assert_eq!(
        store.journal_of(arrival).await.unwrap(),
        vec![line, refused]
    );
}

#[tokio::test]
async fn a_second_opener_learns_who_holds_the_directory() {
    let (directory, store, _alice) = house().await;
    let Err(OpenError::Locked { holder, .. }) = Store::open(options(&directory)).await else {
        panic!("opened twice");
    };
    assert!(
        holder.contains(&format!("pid {}", std::process::id())),
        "{holder}"
    );
    store.close().await;
    Store::open(options(&directory))
        .await
        .unwrap()
        .close()
        .await;
    std::fs::write(directory.path().join("format"), "999\n").unwrap();
    assert!(matches!(
        Store::open(options(&directory)).await,
        Err(OpenError::Newer { found: 999, .. })
    ));
}

#[tokio::test]
async fn a_file_system_that_forgets_is_refused_unless_it_is_named() {
    let memory = std::path::Path::new("/dev/shm");
    if !memory.exists() {
        eprintln!("skipped: this machine has no /dev/shm");
        return;
    }
    let path = memory.join(format!("postroom-store-{}", std::process::id()));
    let refusing = Options::new(&path);
    let refused = Store::open(refusing.clone()).await;
    assert!(matches!(
        refused,
        Err(OpenError::FileSystem { name: "tmpfs", .. })
    ));
    let accepting = Options {
        accept_filesystem: vec!["tmpfs".into()],
        ..refusing
    };
    Store::open(accepting).await.unwrap().close().await;
    std::fs::remove_dir_all(path).unwrap();
}
