//! The client and the server of this crate, one against the other.

#[path = "support/host.rs"]
#[allow(dead_code, reason = "transcripts use the rest")]
mod host;
#[path = "support/sender.rs"]
#[allow(dead_code, reason = "transcripts use the rest")]
mod sender;

use host::House;
use postroom_mail::reply;
use postroom_runtime::clock::{Clock, Timestamp};
use postroom_smtp::client::{self, Fate};
use postroom_smtp::server::{Dialect, StartTlsPolicy};
use postroom_wire::machine::Tls;
use postroom_wire::transcript::{Drive, Scripted};
use proptest::prelude::*;
use sender::{Sender, transaction};

/// Carries octets between the two, in pieces of at most `piece`, until both are still.
fn converse(sender: Sender, house: House, piece: usize) -> (Drive<Sender>, Drive<House>) {
    let now = Clock::manual(Timestamp(0)).now();
    let mut client = Drive::new(sender.machine(now), sender, now);
    let mut server = Drive::new(house.machine(now), house, now);
    client.ready();
    server.ready();
    loop {
        let (said, answered) = (client.take_written(), server.take_written());
        if said.is_empty() && answered.is_empty() && !client.awaits_handshake() {
            break;
        }
        said.chunks(piece).for_each(|octets| server.receive(octets));
        answered
            .chunks(piece)
            .for_each(|octets| client.receive(octets));
        if client.awaits_handshake() && server.awaits_handshake() {
            client.secured(tls());
            server.secured(tls());
        }
    }
    (client, server)
}

fn tls() -> Tls {
    Tls {
        version: "TLSv1.3",
        cipher: "TLS_AES_128_GCM_SHA256",
        server_name: None,
        is_verified: false,
    }
}

const RECIPIENTS: [&str; 3] = ["bob@example.net", "carla@example.net", "dora@example.net"];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_message_arrives_as_it_was_for_those_who_are_accepted(
        lines in proptest::collection::vec("\\.{0,2}[a-b]{0,3}", 0..9),
        is_accepted in any::<[bool; 3]>(),
        is_taken in any::<bool>(),
        is_lmtp in any::<bool>(),
        is_tls in any::<bool>(),
        is_eager in any::<bool>(),
        piece in 1..90_usize,
    ) {
        let message: String = lines.iter().flat_map(|line| [line, "\r\n"]).collect();
        let mut sender = Sender::default();
        sender.send("anna@example.org", &RECIPIENTS);
        sender.send("<>", &RECIPIENTS);
        for waiting in &mut sender.waiting {
            waiting.0.octets = message.len() as u64;
            waiting.1 = message.clone().into_bytes();
        }
        if !is_eager {
            sender.profile.limits.eager_octets_max = 0;
        }
        let dialect = if is_lmtp { Dialect::Lmtp } else { Dialect::Transfer };
        let mut house = House::new(dialect);
        if is_lmtp {
            sender.profile.dialect = client::Dialect::Lmtp;
        }
        if is_tls {
            house.profile.starttls = StartTlsPolicy::Offer;
        }
        // Connect, EHLO, perhaps EHLO again, MAIL; then the recipients, the data and its end.
        let hellos = if is_tls { 4 } else { 3 };
        house.verdicts.extend(vec![None; hellos]);
        let judged = is_accepted.map(|yes| (!yes).then_some(reply::NO_SUCH_ADDRESS));
        house.verdicts.extend(judged);
        let reaches_data = is_accepted.contains(&true);
        if reaches_data {
            let ends = if is_lmtp { is_accepted.iter().filter(|yes| **yes).count() } else { 1 };
            house.verdicts.push_back(None);
            house.verdicts.extend(vec![(!is_taken).then_some(reply::TRY_LATER); ends]);
        }
        let (client, server) = converse(sender, house, piece);

        prop_assert!(client.is_closed() && server.is_closed());
        let [first, second] = client.host.outcomes.as_slice() else {
            panic!("{:?}", client.host.outcomes);
        };
        for (fate, is_accepted) in first.fates.iter().zip(is_accepted) {
            let found = match fate {
                Fate::Accepted(_) => (true, true),
                Fate::Refused { reply, .. } if reply.is_permanent() => (false, true),
                _ => (true, false),
            };
            prop_assert_eq!(found, (is_accepted, is_taken || !is_accepted), "{:?}", fate);
        }
        prop_assert!(second.fates.iter().all(|fate| matches!(fate, Fate::Accepted(_))));
        let arrived = usize::from(reaches_data && is_taken) + 1;
        prop_assert_eq!(server.host.messages.len(), arrived);
        prop_assert!(server.host.messages.iter().all(|body| body == message.as_bytes()));
        prop_assert_eq!(client.host.greeted.unwrap().tls.is_some(), is_tls);
    }
}

#[test]
fn a_message_larger_than_the_server_takes_is_not_sent() {
    let mut sender = Sender::default();
    let mut large = transaction("anna@example.org", &RECIPIENTS);
    large.octets = 60_000_000;
    sender.waiting.push_back((large, Vec::new()));
    let (client, server) = converse(sender, House::new(Dialect::Transfer), 1_000);
    assert!(matches!(client.host.outcomes[0].fates[0], Fate::Unsent(_)));
    assert!(server.host.recipients_asked.is_empty());
}
