use std::sync::OnceLock;

use postroom_config::value::LogPrivacy;
use postroom_directory::lookup::Lookup;
use postroom_mail::address::{Address, NonAscii, ReversePath};
use postroom_mail::envelope::{BodyType, Envelope};
use postroom_mail::identifier::{AccountId, ArrivalId, BlobId};
use postroom_runtime::clock::Timestamp;
use postroom_runtime::random::Random;
use postroom_store::operation::{EntryId, LeaseToken, Piece, QuotaRule, Rendering};
use postroom_store::row::{Account, Entry};
use proptest::prelude::*;

use postroom_mail::envelope::{Notify, Recipient};
use postroom_mail::identifier::MailboxId;
use postroom_mail::reply;
use postroom_store::operation::{Delivery, DsnWish, EntryOutcome, NextHop};

use super::*;
use crate::case::{Attempt, Quota, Relaying, Reports};
use crate::facts::Fact;
use crate::privacy::Privacy;

mod elsewhere;

const MESSAGE: &[u8] = b"From: x@y.net\r\nSubject: hello\r\n\r\nbody\r\n";
const TRACE: &[u8] = b"Received: by here\r\n";

fn address(text: &str) -> Address {
    Address::parse(text, NonAscii::Allowed).unwrap()
}

fn recipient(text: &str) -> Recipient {
    Recipient {
        address: address(text),
        notify: None,
        orcpt: None,
    }
}

/// A message, its peer and the directory, in the few words of each test.
struct Scene {
    envelope: Envelope,
    reports: Reports,
    relaying: Relaying,
    tells_sender: bool,
    quota: Quota,
    limits: Limits,
    facts: Facts,
    entry: Option<Entry>,
}

impl Scene {
    /// From `from` (empty: null path) to these; `annaN@a.org` are accounts, `list@a.org` all that
    /// [`Scene::list`] says, `down@a.org` cannot be looked up, all else is unknown.
    fn new(from: &str, to: &[&str]) -> Self {
        let reverse_path = if from.is_empty() {
            ReversePath::Null
        } else {
            ReversePath::Address(address(from))
        };
        let mut scene = Self {
            envelope: Envelope {
                reverse_path,
                recipients: to.iter().map(|text| recipient(text)).collect(),
                body: BodyType::SevenBit,
                smtputf8: false,
                ret: None,
                envid: None,
            },
            reports: Reports::Never,
            relaying: Relaying::Refused,
            tells_sender: false,
            quota: Quota::OneReply,
            limits: Limits::default(),
            facts: Facts::default(),
            entry: None,
        };
        scene.know("down@a.org", Fact::Unavailable);
        for id in 0..10 {
            scene.account(id, None, 0);
        }
        scene
    }

    fn know(&mut self, text: &str, fact: Fact<Lookup>) {
        self.facts.put_lookup(&address(text), fact);
    }

    fn account(&mut self, id: u64, quota: Option<u64>, used: u64) {
        let name = format!("anna{id}@a.org");
        let account = Account {
            id: AccountId(id),
            address: name.as_str().into(),
            quota,
            used,
            messages: 0,
            is_enabled: true,
        };
        self.know(&name, Fact::Known(Lookup::Account(account)));
        self.facts
            .put_inbox(AccountId(id), Fact::Known(MailboxId(id + 1000)));
        self.facts.put_usage(AccountId(id), Fact::Known(used));
    }

    fn list(mut self, members: &[&str]) -> Self {
        let members = members.iter().map(|text| address(text)).collect();
        self.know("list@a.org", Fact::Known(Lookup::Alias(members)));
        self
    }

    fn notify(mut self, notify: Notify) -> Self {
        self.reports = Reports::AsAsked;
        for recipient in &mut self.envelope.recipients {
            recipient.notify = Some(notify);
        }
        self
    }

    /// The same message, waiting in the queue for its first recipient.
    fn queued(mut self, attempts: u32, created: Timestamp) -> Self {
        self.entry = Some(Entry {
            id: EntryId(7),
            arrival: ArrivalId(1),
            blob: BlobId(1),
            octets: MESSAGE.len() as u64,
            reverse_path: "".into(),
            recipient: self.envelope.recipients[0].address.to_string().into(),
            next_hop: NextHop::Local,
            created,
            due: created,
            attempts,
            is_held: false,
            status: "".into(),
            dsn: DsnWish::default(),
            rendering: Rendering { pieces: vec![] },
        });
        self
    }

    fn plan(&mut self) -> Planned {
        for round in 0.. {
            assert!(round < self.limits.plan_rounds_max, "rounds do not end");
            match self.try_plan() {
                Ok(planned) => return planned,
                Err(missing) => {
                    assert!(missing.inboxes.is_empty() && missing.usage.is_empty());
                    for asked in missing.addresses {
                        let fact = if asked.domain.as_str() == "a.org" {
                            Lookup::UnknownUser
                        } else {
                            Lookup::NotLocal
                        };
                        self.facts.put_lookup(&asked, Fact::Known(fact));
                    }
                }
            }
        }
        unreachable!()
    }

    fn try_plan(&self) -> Result<Planned, Missing> {
        let privacy = Privacy::new(LogPrivacy::Full, &Random::seeded(1));
        let pieces = [Piece::Kept(0..MESSAGE.len() as u64)];
        let case = Case {
            arrival: ArrivalId(5),
            session: 6,
            time: Timestamp::from_unix_seconds(1_000_000),
            peer: None,
            privacy: &privacy,
            host: "mx.a.org",
            envelope: &self.envelope,
            message_id: Some("<m@y.net>"),
            reports: self.reports,
            relaying: self.relaying,
            quota: self.quota,
            is_report: false,
            trace: TRACE,
            pieces: &pieces,
            octets: MESSAGE,
            parsing: OnceLock::new(),
            entry: self.entry.as_ref().map(|entry| Attempt {
                entry,
                token: LeaseToken(3),
                progress: None,
                tells_sender: self.tells_sender,
            }),
        };
        plan(&case, &self.facts, &self.limits, &Schedule::default())
    }
}

/// What a rendering of a plan shows, over the message of these tests.
fn shown(rendering: &Rendering) -> String {
    let mut all = Vec::new();
    for piece in &rendering.pieces {
        match piece {
            Piece::Block(bytes) => all.extend_from_slice(bytes),
            Piece::Kept(range) => {
                let range =
                    usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
                all.extend_from_slice(&MESSAGE[range]);
            }
        }
    }
    String::from_utf8(all).unwrap()
}

fn deliveries(planned: &Planned) -> Vec<&Delivery> {
    let operations = planned.operations.iter();
    operations
        .filter_map(|operation| match operation {
            Operation::Deliver(delivery) => Some(delivery),
            _ => None,
        })
        .collect()
}

fn accounts(planned: &Planned) -> Vec<u64> {
    let deliveries = deliveries(planned);
    deliveries
        .iter()
        .map(|delivery| delivery.account.0)
        .collect()
}

fn words(planned: &Planned) -> Vec<&'static str> {
    planned.fates.iter().map(Fate::word).collect()
}

#[test]
fn one_recipient_gets_its_copy_with_the_trace_above() {
    let planned = Scene::new("x@y.net", &["anna1+shop@a.org"]).plan();
    let [delivery] = deliveries(&planned)[..] else {
        panic!("{planned:?}");
    };
    assert_eq!(
        shown(&delivery.rendering),
        "Return-Path: <x@y.net>\r\nDelivered-To: anna1+shop@a.org\r\nReceived: by here\r\n\
         From: x@y.net\r\nSubject: hello\r\n\r\nbody\r\n"
    );
    let whole = postroom_mailbox::parsed::parse_for_keeping(shown(&delivery.rendering).as_bytes());
    assert_eq!(delivery.parsed, whole);
    assert_eq!(delivery.quota, QuotaRule::Enforce);
    assert_eq!(words(&planned), ["delivered"]);
    assert!(planned.needs_body());
}

#[test]
fn several_ways_to_one_mailbox_make_one_copy() {
    let to = ["anna1@a.org", "anna1+x@a.org", "list@a.org", "anna2@a.org"];
    let planned = Scene::new("x@y.net", &to)
        .list(&["anna1@a.org", "anna2@a.org"])
        .plan();
    assert_eq!(accounts(&planned), [1, 2]);
    assert_eq!(words(&planned), ["delivered"; 4]);
    assert!(
        deliveries(&planned)
            .iter()
            .all(|d| d.quota == QuotaRule::Reserved)
    );
}

#[test]
fn a_message_is_refused_only_if_every_recipient_refuses() {
    let cases: &[(&[&str], Option<u16>, &[&str])] = &[
        (&["nobody@a.org"], Some(550), &["refused"]),
        (
            &["nobody@a.org", "nobody2@a.org"],
            Some(550),
            &["refused", "refused"],
        ),
        (
            &["anna1@a.org", "nobody@a.org"],
            None,
            &["delivered", "failed"],
        ),
        (&["down@a.org"], Some(451), &["refused"]),
        (
            &["anna1@a.org", "down@a.org"],
            None,
            &["delivered", "queued"],
        ),
        (&["nobody@a.org", "down@a.org"], None, &["failed", "queued"]),
    ];
    for (to, refusal, fates) in cases {
        let planned = Scene::new("x@y.net", to).plan();
        assert_eq!(
            planned.refusal().map(|reply| reply.code),
            *refusal,
            "{to:?}"
        );
        assert_eq!(words(&planned), *fates, "{to:?}");
        assert_eq!(planned.operations.is_empty(), refusal.is_some(), "{to:?}");
    }
}

#[test]
fn in_lmtp_each_recipient_answers_for_itself() {
    let to = ["anna1@a.org", "nobody@a.org", "anna2@a.org", "anna3@a.org"];
    let mut scene = Scene::new("x@y.net", &to);
    scene.quota = Quota::ReplyEach;
    scene.account(2, Some(100), 90);
    scene.account(3, Some(50), 0);
    let planned = scene.plan();
    assert_eq!(
        planned.fates,
        [
            Fate::Delivered,
            Fate::Refused(reply::NO_SUCH_ADDRESS),
            Fate::Refused(reply::OVER_QUOTA),
            Fate::Refused(reply::ABOVE_QUOTA)
        ]
    );
    assert_eq!(accounts(&planned), [1]);
}

#[test]
fn a_message_above_the_whole_quota_is_refused_for_good() {
    let mut scene = Scene::new("x@y.net", &["anna1@a.org"]);
    scene.account(1, Some(50), 0);
    assert_eq!(scene.plan().refusal(), Some(&reply::ABOVE_QUOTA));
}

#[test]
fn a_full_mailbox_among_several_waits_in_the_queue() {
    let mut scene = Scene::new("x@y.net", &["anna1@a.org", "anna2@a.org"]);
    scene.account(2, Some(50), 40);
    let planned = scene.plan();
    assert_eq!(words(&planned), ["delivered", "queued"]);
    let Some(Operation::Enqueue(entry)) = planned.operations.last() else {
        panic!("{planned:?}");
    };
    assert_eq!(
        (&*entry.recipient, &entry.next_hop),
        ("anna2@a.org", &NextHop::Local)
    );
    assert_eq!(
        shown(&entry.rendering),
        format!(
            "{}{}",
            "Received: by here\r\n",
            std::str::from_utf8(MESSAGE).unwrap()
        )
    );
    // Within the grace it is delivered.
    let mut scene = Scene::new("x@y.net", &["anna1@a.org", "anna2@a.org"]);
    scene.account(2, Some(1000), 1000);
    assert_eq!(words(&scene.plan()), ["delivered", "delivered"]);
}

#[test]
fn attack_c05_a_stranger_gets_no_report() {
    for from in ["anna3@a.org", "x@y.net"] {
        let to = ["anna1@a.org", "nobody@a.org"];
        let mut scene = Scene::new(from, &to).notify(Notify(7));
        scene.reports = Reports::Never;
        let planned = scene.plan();
        assert_eq!(accounts(&planned), [1], "{from}");
        let rule = Fate::Unreported(reply::NO_SUCH_ADDRESS, "sender-unproven");
        assert_eq!(planned.fates[1], rule);
    }
}

#[test]
fn failures_are_reported_to_a_sender_of_ours_unless_a_rule_forbids_it() {
    let cases = [
        ("anna3@a.org", Notify::FAILURE, None),
        ("anna3@a.org", Notify::NEVER, Some("notify-never")),
        ("anna3@a.org", Notify::SUCCESS, Some("notify-never")),
        ("", Notify::FAILURE, Some("null-sender")),
        ("gone@a.org", Notify::FAILURE, Some("sender-unknown")),
    ];
    for (from, notify, rule) in cases {
        let to = ["anna1@a.org", "nobody@a.org"];
        let planned = Scene::new(from, &to).notify(notify).plan();
        let expected = match rule {
            None => Fate::Reported(reply::NO_SUCH_ADDRESS),
            Some(rule) => Fate::Unreported(reply::NO_SUCH_ADDRESS, rule),
        };
        assert_eq!(planned.fates[1], expected, "{from}");
        let reports = accounts(&planned).contains(&3);
        let asked = from == "anna3@a.org" && notify != Notify::NEVER;
        assert_eq!(reports, asked, "{from}");
    }
}

#[test]
fn notify_success_puts_a_report_into_the_same_commit() {
    let mut scene = Scene::new("anna3@a.org", &["anna1@a.org", "list@a.org", "anna2@a.org"])
        .list(&["anna4@a.org", "anna5@a.org"])
        .notify(Notify::SUCCESS);
    scene.envelope.recipients[2].notify = None;
    scene.envelope.envid = Some("one two\r\nForged: x".into());
    scene.envelope.recipients[0].orcpt = Some("rfc822;Anna@a.org\r\nForged: y".into());
    let planned = scene.plan();
    assert_eq!(accounts(&planned), [1, 4, 5, 2, 3]);
    let report = shown(&deliveries(&planned)[4].rendering);
    for line in [
        "Return-Path: <>",
        "To: <anna3@a.org>",
        "Auto-Submitted: auto-replied",
        "Content-Type: multipart/report; report-type=delivery-status;",
        "Original-Envelope-Id: one two??Forged: x",
        "Original-Recipient: rfc822;Anna@a.org??Forged: y",
        "Reporting-MTA: dns; mx.a.org",
        "Final-Recipient: rfc822; anna1@a.org\r\nAction: delivered\r\nStatus: 2.0.0",
        "Final-Recipient: rfc822; list@a.org\r\nAction: expanded\r\nStatus: 2.0.0",
        "Subject: hello",
    ] {
        assert!(
            report.contains(&format!("{line}\r\n")),
            "{line} not in\n{report}"
        );
    }
    assert!(!report.contains("anna2@") && !report.contains("body\r\n"));
    let parsed = postroom_mail::message::parse(report.as_bytes());
    assert_eq!(parsed.structure.parts().count(), 4);
}

#[test]
fn ret_full_returns_the_message_of_a_failure() {
    let mut scene = Scene::new("anna3@a.org", &["anna1@a.org", "nobody@a.org"]);
    scene.reports = Reports::AsAsked;
    scene.envelope.ret = Some(postroom_mail::envelope::Ret::Full);
    let planned = scene.plan();
    let report = shown(&deliveries(&planned)[1].rendering);
    assert!(report.contains("Action: failed\r\nStatus: 5.1.1\r\n"));
    assert!(report.contains("Content-Type: message/rfc822\r\n") && report.contains("body\r\n"));
}

#[test]
fn large_expansions_are_frozen_into_one_entry() {
    let members: Vec<String> = (0..8).map(|id| format!("anna{id}@a.org")).collect();
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    let mut scene =
        Scene::new("x@y.net", &["anna1@a.org", "list@a.org", "anna9@a.org"]).list(&members);
    scene.limits.inline_recipients_max = 5;
    let planned = scene.plan();
    assert_eq!(words(&planned), ["delivered", "queued", "queued"]);
    assert_eq!(accounts(&planned), [1]);
    let hops: Vec<_> = planned
        .operations
        .iter()
        .filter_map(|operation| match operation {
            Operation::Enqueue(entry) => Some(&entry.next_hop),
            _ => None,
        })
        .collect();
    let [NextHop::Expand { members, done: 0 }, NextHop::Local] = hops[..] else {
        panic!("{hops:?}");
    };
    // Anna1 has hers already.
    assert_eq!(members.len(), 7);
}

#[test]
fn entries_settle_with_what_was_planned() {
    let outcome = |planned: &Planned| match planned.operations.last() {
        Some(Operation::Settle {
            entry,
            token,
            outcome,
        }) => {
            assert_eq!((*entry, *token), (EntryId(7), LeaseToken(3)));
            outcome.clone()
        }
        other => panic!("{other:?}"),
    };
    let now = Timestamp::from_unix_seconds(1_000_000);
    let planned = Scene::new("", &["anna1@a.org"]).queued(0, now).plan();
    assert_eq!(outcome(&planned), EntryOutcome::Done);
    assert_eq!(accounts(&planned), [1]);

    let planned = Scene::new("", &["down@a.org"]).queued(0, now).plan();
    assert!(matches!(outcome(&planned), EntryOutcome::Deferred { due, .. } if due > now));
    assert_eq!(planned.operations.len(), 1);

    let planned = Scene::new("", &["nobody@a.org"]).queued(0, now).plan();
    assert!(matches!(outcome(&planned), EntryOutcome::Failed { .. }));

    let mut scene = Scene::new("anna3@a.org", &["down@a.org"]).queued(5, Timestamp(0));
    scene.reports = Reports::AsAsked;
    let planned = scene.plan();
    assert!(matches!(outcome(&planned), EntryOutcome::Failed { .. }));
    assert_eq!(accounts(&planned), [3], "a report");
}

#[test]
fn what_is_lacking_is_named_together() {
    let mut scene = Scene::new("x@y.net", &["a@a.org", "b@a.org", "anna1@a.org"]);
    scene.facts = Facts::default();
    let missing = scene.try_plan().unwrap_err();
    assert_eq!(missing.addresses.len(), 3);
}

proptest! {
    /// Every recipient has exactly one fate, and what is delivered or queued is in the plan: no
    /// account twice, none forgotten.
    #[test]
    fn each_recipient_has_one_fate_and_each_account_one_copy(
        to in prop::collection::vec(0..14_u64, 1..12),
        members in prop::collection::vec(0..10_u64, 1..10),
        full in prop::collection::vec(any::<bool>(), 10),
        inline_max in 0..12_usize,
        is_lmtp in any::<bool>(),
    ) {
        let name = |id: &u64| match id {
            0..10 => format!("anna{id}@a.org"),
            10 => "list@a.org".to_owned(),
            11 => "down@a.org".to_owned(),
            other => format!("nobody{other}@a.org"),
        };
        let names: Vec<String> = to.iter().map(name).collect();
        let members: Vec<String> = members.iter().map(name).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let members: Vec<&str> = members.iter().map(String::as_str).collect();
        let mut scene = Scene::new("anna0@a.org", &names).list(&members);
        for (id, is_full) in (0..).zip(full) {
            scene.account(id, is_full.then_some(10), 10);
        }
        scene.limits.inline_recipients_max = inline_max;
        scene.quota = if is_lmtp { Quota::ReplyEach } else { Quota::OneReply };
        let planned = scene.plan();
        prop_assert_eq!(planned.fates.len(), names.len());
        if planned.refusal().is_some() {
            prop_assert!(planned.operations.is_empty());
            return Ok(());
        }
        let mut homes: Vec<String> = Vec::new();
        for operation in &planned.operations {
            match operation {
                Operation::Deliver(delivery) => homes.push(format!("anna{}@a.org", delivery.account)),
                Operation::Enqueue(entry) => match &entry.next_hop {
                    NextHop::Expand { members, .. } => {
                        homes.extend(members.iter().map(ToString::to_string));
                    }
                    _ => homes.push(entry.recipient.to_string()),
                },
                other => prop_assert!(false, "{:?}", other),
            }
        }
        let mut distinct = homes.clone();
        distinct.retain(|home| home != "down@a.org");
        let count = distinct.len();
        distinct.sort();
        distinct.dedup();
        prop_assert_eq!(distinct.len(), count, "an account twice in {:?}", homes);
        for (name, fate) in names.iter().zip(&planned.fates) {
            let is_home = |name: &str| homes.iter().any(|home| home == name);
            let has_home = match *name {
                "list@a.org" => members.iter().any(|member| is_home(member)),
                other => is_home(other),
            };
            let is_taken = matches!(fate, Fate::Delivered | Fate::Queued);
            prop_assert_eq!(has_home, is_taken, "{} {:?} {:?}", name, fate, homes);
        }
    }
}
