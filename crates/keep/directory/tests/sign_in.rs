//! Signing in, and what keeps a flood from doing harm.

#![expect(clippy::unwrap_used, reason = "a test that fails")]

use std::net::IpAddr;

use postroom_directory::authenticate::SignInError;
use postroom_directory::change::NewPassword;
use postroom_directory::password::Cost;
use postroom_directory::{Directory, Limits};
use postroom_mail::address::{Address, NonAscii};
use postroom_runtime::clock::Clock;
use postroom_runtime::random::Random;
use postroom_runtime::secret::Secret;
use postroom_store::operation::{Domain, DomainKind};
use postroom_store::store::{Options, Store};
use postroom_testkit::directory::TestDirectory;

const ANNA: &str = "anna@example.org";
const RIGHT: &str = "Regen-im-Mai";

async fn directory(folder: &TestDirectory, limits: Limits) -> Directory {
    let mut options = Options::new(folder.path());
    options.accept_filesystem = ["tmpfs", "overlayfs"].map(Into::into).to_vec();
    options.reserve = 0;
    let store = Store::open(options).await.unwrap();
    let directory = Directory::open(store, Clock::system(), Random::seeded(1), limits).unwrap();
    let domain = Domain {
        name: "example.org".into(),
        kind: DomainKind::Local,
        catch_all: None,
        target: None,
    };
    directory.put_domain(domain).await.unwrap();
    let anna = Address::parse(ANNA, NonAscii::Refused).unwrap();
    let password = NewPassword::Clear(Secret::new(RIGHT));
    directory
        .add_accounts(vec![(anna, password)], None)
        .await
        .unwrap();
    directory
}

fn limits() -> Limits {
    Limits {
        cost: Cost {
            memory_kib: 8,
            passes: 1,
        },
        hashing_threads: 1,
        hashing_waiting_max: 16,
        failures_per_address_max: 5,
        ..Limits::default()
    }
}

fn peer(last_octet: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last_octet])
}

/// Whatever it speaks: Submission and IMAP ask one directory.
#[tokio::test]
async fn attack_f10_an_address_that_fails_too_often_is_not_heard_and_others_are() {
    let folder = TestDirectory::new();
    let directory = directory(&folder, limits()).await;
    let (right, wrong) = (Secret::new(RIGHT), Secret::new("guess"));
    let bad = Some(peer(66));
    for _ in 0..5 {
        let outcome = directory.authenticate(bad, ANNA, &wrong).await;
        assert!(matches!(outcome, Err(SignInError::Wrong)), "{outcome:?}");
    }
    for password in [&wrong, &right] {
        let outcome = directory.authenticate(bad, ANNA, password).await;
        assert!(matches!(outcome, Err(SignInError::Unheard)), "{outcome:?}");
    }
    for from in [Some(peer(1)), None] {
        let account = directory.authenticate(from, ANNA, &right).await.unwrap();
        assert_eq!(&*account.address, ANNA);
    }
}

#[tokio::test]
async fn a_peer_whose_failures_are_not_counted_is_always_heard() {
    let folder = TestDirectory::new();
    let directory = directory(&folder, limits()).await;
    let wrong = Secret::new("guess");
    for _ in 0..20 {
        let outcome = directory.authenticate(None, ANNA, &wrong).await;
        assert!(matches!(outcome, Err(SignInError::Wrong)), "{outcome:?}");
    }
}

/// One address cannot fill the queue of the hashing threads.
#[tokio::test]
async fn attack_f10_a_flood_of_bad_logins_does_not_keep_others_out() {
    let folder = TestDirectory::new();
    let directory = directory(&folder, limits()).await;
    let mut flood = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let directory = directory.clone();
        flood.spawn(async move {
            let wrong = Secret::new("guess");
            let outcome = directory.authenticate(Some(peer(66)), ANNA, &wrong);
            outcome.await.unwrap_err()
        });
    }
    // Let the flood be there first.
    tokio::task::yield_now().await;
    let right = Secret::new(RIGHT);
    let good = directory.authenticate(Some(peer(1)), ANNA, &right);
    assert!(good.await.is_ok());
    let (mut wrong, mut turned_away) = (0, 0);
    while let Some(outcome) = flood.join_next().await {
        match outcome.unwrap() {
            SignInError::Wrong => wrong += 1,
            SignInError::Busy | SignInError::Unheard => turned_away += 1,
            SignInError::Store(error) => panic!("{error}"),
        }
    }
    assert!((1..=5).contains(&wrong), "{wrong} guesses were looked at");
    assert_eq!(wrong + turned_away, 200);
}
