//! SORT and THREAD over a store: from what was parsed at delivery, without a look at bodies.
//!
//! With `POSTROOM_ARRANGED=100000` in the environment over so many messages, and the times are
//! printed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use postroom_mail::flag::Flags;
use postroom_mail::identifier::AccountId;
use postroom_mail::mailbox_name::MailboxName;
use postroom_mail::message;
use postroom_mail::uid_set::UidSet;
use postroom_mailbox::arrange::{Algorithm, Criterion, SortKey, Step};
use postroom_mailbox::mailboxes::{Mailboxes, Place};
use postroom_mailbox::version::Version;
use postroom_mailbox::views::{Limits, Views};
use postroom_runtime::clock::{Clock, Timestamp};
use postroom_runtime::group::{TaskGroup, Token};
use postroom_runtime::pool::BlockingPool;
use postroom_store::operation::{
    Delivery, Domain, DomainKind, NewAccount, NewMailbox, Operation, Piece, QuotaRule, Rendering,
};
use postroom_store::outcome::Done;
use postroom_store::plan::{Body, Plan};
use postroom_store::store::{Options, Store};

/// Messages a thread has.
const THREAD: u64 = 8;

/// Appends under way at once.
const AT_ONCE: u64 = 512;

async fn open(directory: &PathBuf, group: &TaskGroup) -> (Mailboxes, Place) {
    let store = Store::open(Options {
        reserve: 0,
        accept_filesystem: vec!["tmpfs".into(), "overlayfs".into()],
        ..Options::new(directory)
    })
    .await
    .expect("a store");
    let operations = vec![
        Operation::PutDomain(Domain {
            name: "example.org".into(),
            kind: DomainKind::Local,
            catch_all: None,
            target: None,
        }),
        Operation::CreateAccount(NewAccount {
            address: "anna@example.org".into(),
            quota: None,
            credentials: Vec::new(),
            mailboxes: vec![NewMailbox {
                name: MailboxName::inbox(),
                special_use: None,
                is_subscribed: true,
            }],
        }),
    ];
    let clock = Clock::system();
    let plan = Plan {
        arrival: store.new_arrival(),
        time: clock.wall(),
        operations,
        journal: Vec::new(),
        body: None,
    };
    let committed = store.commit(plan).await.expect("an account");
    let Some(&Done::Account(account)) = committed.results.last() else {
        panic!("no account")
    };
    let row = store.mailbox(account, &MailboxName::inbox()).await;
    let mailbox = row.expect("a read").expect("an inbox").id;
    let views = Views::start(&store, Limits::default(), group);
    let heavy = BlockingPool::start("heavy", 2, 64).expect("a pool");
    let mailboxes = Mailboxes::new(store, clock, views, heavy);
    (mailboxes, Place { account, mailbox })
}

/// Day, hour and minute of message `number`.
fn date(number: u64) -> (u64, u64, u64) {
    let day = number.wrapping_mul(2_654_435_761) % 28 + 1;
    (day, number % 24, number / 24 % 60)
}

/// Message `number`, of thread `number / THREAD`, scattered over the mailbox by its date.
fn text(number: u64) -> String {
    let thread = number / THREAD;
    let id = |number: u64| format!("<{number}.{}@mail.example.org>", number.wrapping_mul(7919));
    let references: Vec<String> = (thread * THREAD..number).map(id).collect();
    let re = if references.is_empty() { "" } else { "Re: " };
    let (day, hour, minute) = date(number);
    let list = references.join("\r\n ");
    format!(
        "Received: from a.example.org by b.example.org; Mon, 02 Nov 2026 09:05:00 +0000\r\n\
         Date: {day:02} Nov 2026 {hour:02}:{minute:02}:00 +0000\r\n\
         From: \"Sender {}\" <sender{}@example.org>\r\n\
         To: Anna Example <anna@example.org>, bert@example.org\r\n\
         Subject: {re}[talk] What to do about thread {thread}\r\n\
         Message-ID: {}\r\nReferences: {list}\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nBody.\r\n",
        number % 997,
        number % 997,
        id(number)
    )
}

async fn fill(mailboxes: &Mailboxes, place: Place, count: u64) {
    let mut next = 0;
    while next < count {
        let end = count.min(next + AT_ONCE);
        let mut tasks = Vec::new();
        for number in next..end {
            let mailboxes = mailboxes.clone();
            tasks.push(async move {
                let mut incoming = mailboxes.incoming();
                incoming.push(text(number).as_bytes()).await?;
                let received = Timestamp::from_unix_seconds(1_793_610_300 + number);
                mailboxes
                    .append(place, incoming, Flags::default(), received)
                    .await
            });
        }
        let mut tasks: Vec<_> = tasks.into_iter().map(Box::pin).collect();
        // All of them wait for the same few syncs.
        std::future::poll_fn(|context| {
            tasks.retain_mut(|task| match task.as_mut().poll(context) {
                std::task::Poll::Ready(appended) => {
                    appended.expect("an append");
                    false
                }
                std::task::Poll::Pending => true,
            });
            if tasks.is_empty() {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
        next = end;
    }
}

async fn timed<T>(what: &str, work: impl Future<Output = T>) -> (T, Duration) {
    let clock = Clock::system();
    let started = clock.now();
    let result = work.await;
    let elapsed = clock.now().duration_since(started);
    tracing::info!(what, ?elapsed, "arranged");
    (result, elapsed)
}

struct Opened {
    mailboxes: Mailboxes,
    account: AccountId,
    version: Arc<Version>,
    all: UidSet,
}

impl Opened {
    async fn sort(&self, keys: &[SortKey]) -> (Vec<u32>, Duration) {
        let criteria: Vec<_> = keys
            .iter()
            .map(|&key| Criterion {
                key,
                is_reverse: false,
            })
            .collect();
        let sort = self
            .mailboxes
            .sort(self.account, &self.version, &self.all, &criteria);
        let (sorted, elapsed) = timed("sort", sort).await;
        (sorted.expect("a sort"), elapsed)
    }

    async fn thread(&self, algorithm: Algorithm) -> (Vec<Step>, Duration) {
        let thread = self
            .mailboxes
            .thread(self.account, &self.version, &self.all, algorithm);
        let (steps, elapsed) = timed("thread", thread).await;
        (steps.expect("threads"), elapsed)
    }
}

/// How many threads there are.
fn threads(steps: &[Step]) -> u64 {
    let mut depth = 0;
    let mut threads = 0;
    for step in steps {
        match step {
            Step::Open if depth == 0 => {
                threads += 1;
                depth += 1;
            }
            Step::Open => depth += 1,
            Step::Close => depth -= 1,
            Step::Message(_) => {}
        }
    }
    threads
}

/// A message whose kept form is from before references were in it.
async fn deliver_old(mailboxes: &Mailboxes, place: Place, message: &[u8]) {
    let found = message::parse(message);
    let envelope = found.envelope.encode();
    let length = u32::try_from(envelope.len()).expect("a length");
    let structure = found.structure.encode();
    let parsed = [&length.to_le_bytes(), &*envelope, &*structure].concat();
    let store = mailboxes.store();
    let delivery = Operation::Deliver(Delivery {
        account: place.account,
        mailbox: place.mailbox,
        flags: Flags::default(),
        received: mailboxes.now(),
        rendering: Rendering {
            pieces: vec![Piece::Kept(0..message.len() as u64)],
        },
        quota: QuotaRule::Enforce,
        parsed: parsed.into(),
    });
    let plan = Plan {
        arrival: store.new_arrival(),
        time: mailboxes.now(),
        operations: vec![delivery],
        journal: Vec::new(),
        body: Some(Body::Inline(message.to_vec())),
    };
    store.commit(plan).await.expect("a delivery");
}

fn messages(steps: &[Step]) -> usize {
    let is_message = |step: &&Step| matches!(step, Step::Message(_));
    steps.iter().filter(is_message).count()
}

#[test]
fn order_and_threads_of_many_messages() {
    let count: u64 = std::env::var("POSTROOM_ARRANGED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(800);
    let directory = std::env::temp_dir().join(format!("postroom-arrange-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).expect("a directory");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let times = runtime.block_on(async {
        let group = TaskGroup::child_of(&Token::new());
        let (mailboxes, place) = open(&directory, &group).await;
        fill(&mailboxes, place, count).await;
        for number in count..count + THREAD {
            deliver_old(&mailboxes, place, text(number).as_bytes()).await;
        }
        let count = count + THREAD;
        let view = mailboxes.views().open(place.account, place.mailbox).await;
        let version = view.expect("a read").and_then(|view| view.latest());
        let version = version.expect("a version");
        let last = u32::try_from(count).expect("a count");
        let opened = Opened {
            account: place.account,
            all: UidSet::from_ranges([1..=last]),
            version,
            mailboxes,
        };
        let (arrival, by_row) = opened.sort(&[SortKey::Arrival, SortKey::Size]).await;
        assert_eq!(arrival.len() as u64, count);
        let received: Vec<u32> = arrival.into_iter().filter(|&uid| u64::from(uid) <= count - THREAD).collect();
        assert!(received.is_sorted());
        let (by_date, sort) = opened.sort(&[SortKey::Date]).await;
        assert_eq!(by_date.len() as u64, count);
        let dates: Vec<_> = by_date.iter().map(|&uid| date(u64::from(uid) - 1)).collect();
        assert!(dates.is_sorted());
        let (_, sort_subject) = opened.sort(&[SortKey::Subject, SortKey::From]).await;
        let (steps, references) = opened.thread(Algorithm::References).await;
        assert_eq!(messages(&steps) as u64, count);
        // Each answers the one before: there are no branches, also where references were read from
        // the header.
        assert_eq!(threads(&steps), count.div_ceil(THREAD));
        assert_eq!(steps.len() as u64, count + 2 * threads(&steps));
        let (steps, by_subject) = opened.thread(Algorithm::OrderedSubject).await;
        assert_eq!(messages(&steps) as u64, count);
        assert_eq!(threads(&steps), count.div_ceil(THREAD));
        group.token().cancel();
        group.wait().await;
        opened.mailboxes.store().close().await;
        format!(
            "{count} messages: ARRIVAL SIZE {by_row:?}, DATE {sort:?}, SUBJECT FROM {sort_subject:?}, \
             REFERENCES {references:?}, ORDEREDSUBJECT {by_subject:?}"
        )
    });
    if std::env::var_os("POSTROOM_ARRANGED").is_some() {
        let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{times}\n"));
    }
    let _ = std::fs::remove_dir_all(&directory);
}
