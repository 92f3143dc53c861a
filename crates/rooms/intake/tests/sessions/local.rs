//! Users of this machine.

use postroom_intake::stages::STAGES;
use postroom_runtime::telemetry::{RecipientVerdict, Role, Stage, TransactionOutcome};

use crate::fixture::{House, Settings};

/// The server's own user in these tests.
const OWN: u32 = 4242;

fn settings() -> Settings {
    Settings {
        trusted_user: Some(OWN),
        ..Settings::default()
    }
}

#[tokio::test]
async fn root_and_the_servers_user_send_from_any_address() {
    let house = House::with(settings()).await;
    for uid in [0, OWN] {
        let mut talk = house.user_of_machine(uid).await;
        talk.say("EHLO localhost").await;
        let message = "From: other@example.net\r\nSubject: x\r\n\r\nx\r\n";
        let reply = talk
            .post("any@example.net", &["anna@example.org"], message)
            .await;
        assert!(reply.starts_with("250 "), "{reply}");
    }
    let inbox = house.inbox("anna").await;
    // What lacks is added as for any submission, and a peer without an address is not made one.
    assert!(inbox[0].contains("\r\nMessage-ID: <"), "{}", inbox[0]);
    assert!(
        inbox[0].contains("Received: from localhost\r\n\tby "),
        "{}",
        inbox[0]
    );
    let transactions = house.telemetry.intake.transactions.at(Role::Local);
    assert_eq!(transactions.at(TransactionOutcome::Accepted).value(), 2);
    let recipients = house.telemetry.intake.recipients.at(Role::Local);
    assert_eq!(recipients.at(RecipientVerdict::Accepted).value(), 2);
}

#[tokio::test]
async fn others_send_as_themselves() {
    let house = House::with(settings()).await;
    let mut talk = house.user_of_machine(987_654).await;
    talk.say("EHLO localhost").await;
    let reply = talk.say("MAIL FROM:<anna@example.org>").await;
    assert!(reply.starts_with("553 5.7.1 "), "{reply}");
    let own = "uid-987654@mx.example.org";
    let forged = "From: anna@example.org\r\nSubject: x\r\n\r\nx\r\n";
    let reply = talk.post(own, &["anna@example.org"], forged).await;
    assert!(reply.starts_with("550 5.7.1 "), "{reply}");
    let reply = talk
        .post(
            own,
            &["anna@example.org"],
            &format!("From: {own}\r\n\r\nx\r\n"),
        )
        .await;
    assert!(reply.starts_with("250 "), "{reply}");
}

/// Every stage is counted by its own name.
#[test]
fn stages_are_labels() {
    let silent = ["submitted-fields"];
    for stage in STAGES.iter().filter(|stage| !silent.contains(&stage.name)) {
        assert_eq!(Stage::named(stage.name).as_str(), stage.name);
    }
}
