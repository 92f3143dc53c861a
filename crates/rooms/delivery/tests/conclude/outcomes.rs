use std::time::Duration;

use postroom_delivery::conclude::{ConcludeError, Conclusion};
use postroom_store::error::{CommitError, Refused};

use crate::fixture::{House, deferred, diagnosis, failed, now, to, transferred};
use postroom_mail::reply::EnhancedCode;

#[tokio::test]
async fn each_entry_of_a_transaction_settles_with_one_commit() {
    let house = House::new().await;
    let post = to(&["a@y.net", "b@y.net", "c@y.net", "d@y.net"]);
    let due = now().plus(Duration::from_mins(7));
    let arrival = house
        .attempt(post, |entry| match &*entry.recipient {
            "a@y.net" => transferred(true),
            "b@y.net" => failed(),
            "c@y.net" => deferred(due, false),
            _ => Conclusion::Held {
                diagnosis: diagnosis(550, EnhancedCode(5, 7, 1), "ask your operator"),
            },
        })
        .await;
    let entries = house.entries().await;
    let left: Vec<_> = entries
        .iter()
        .map(|entry| {
            (
                &*entry.recipient,
                &*entry.status,
                entry.is_held,
                entry.attempts,
            )
        })
        .collect();
    assert_eq!(
        left,
        [
            ("c@y.net", "451 4.7.1 greylisted", false, 1),
            ("d@y.net", "550 5.7.1 ask your operator", true, 1)
        ]
    );
    assert_eq!(entries[0].due, due);

    let story = house.story(arrival).await;
    let attempts: Vec<_> = story
        .iter()
        .filter(|line| &*line.what == "attempt")
        .map(|line| {
            assert_eq!((&*line.room, line.elapsed_us), ("relay", 12_000));
            assert_eq!(line.sender.as_deref(), Some("anna@example.org"));
            assert_eq!(line.next_hop.as_deref(), Some("mx.y.net [192.0.2.25]:25"));
            (
                line.recipient.as_deref().unwrap(),
                &*line.verdict,
                line.reply.as_deref().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        attempts,
        [
            ("a@y.net", "transferred", "250 2.0.0 ok 1234"),
            ("b@y.net", "failed", "550 5.1.1 no such user"),
            ("c@y.net", "queued", "451 4.7.1 greylisted"),
            ("d@y.net", "held", "550 5.7.1 ask your operator"),
        ]
    );
}

/// An operator removed one entry while it was being sent; the others are not sent twice for that.
#[tokio::test]
async fn an_entry_that_is_gone_keeps_no_other_from_settling() {
    let house = House::new().await;
    house.accept(to(&["a@y.net", "b@y.net", "c@y.net"])).await;
    let lease = house.lease().await;
    house.remove(&lease.entries[1]).await;
    let lost = house.conclude(&lease, |_| transferred(true)).await;
    assert!(matches!(
        lost,
        Err(ConcludeError::Commit(CommitError::Refused(
            Refused::LeaseLost
        )))
    ));
    assert!(house.entries().await.is_empty());
}

/// A conclusion counts once: whoever comes late with the same lease changes nothing.
#[tokio::test]
async fn a_conclusion_told_twice_reports_once() {
    let house = House::new().await;
    house.accept(to(&["a@y.net"])).await;
    let lease = house.lease().await;
    house.conclude(&lease, |_| failed()).await.unwrap();
    house.conclude(&lease, |_| failed()).await.unwrap_err();
    assert_eq!(house.inbox("anna").await.len(), 1);
}
