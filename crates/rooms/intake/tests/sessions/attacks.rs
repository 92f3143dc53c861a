//! Rows of the attack catalogue that fall to this room.

use std::io::Write;
use std::sync::{Arc, Mutex};

use postroom_intake::Door;
use postroom_store::operation::{Domain, DomainKind};

use crate::fixture::{House, PASSWORD, Settings, base64, codes, note};

/// Twenty forms of asking a stranger's mail to be passed on.
#[tokio::test]
async fn attack_b01_no_form_of_relaying_is_taken() {
    let house = House::new().await;
    let forms: [(&str, &str); 20] = [
        ("x@y.net", "<z@elsewhere.net>"),
        ("", "<z@elsewhere.net>"),
        ("anna@example.org", "<z@elsewhere.net>"),
        ("postmaster@mx.example.org", "<z@elsewhere.net>"),
        ("x@y.net", "<z@[203.0.113.5]>"),
        ("x@y.net", "<z@[127.0.0.1]>"),
        ("x@y.net", "<z@localhost>"),
        ("x@y.net", "<z%elsewhere.net@example.org>"),
        ("x@y.net", "<\"z@elsewhere.net\"@example.org>"),
        ("x@y.net", "<\"z%elsewhere.net\"@example.org>"),
        ("x@y.net", "<elsewhere.net!z@example.org>"),
        ("x@y.net", "<elsewhere.net!z>"),
        ("x@y.net", "<@example.org:z@elsewhere.net>"),
        ("x@y.net", "<@example.org,@b.net:z@elsewhere.net>"),
        ("x@y.net", "<z@elsewhere.net@example.org>"),
        ("x@y.net", "<z@example.org@elsewhere.net>"),
        ("x@y.net", "<z@elsewhere.net.>"),
        ("x@y.net", "<z@example.org.elsewhere.net>"),
        ("x@y.net", "<z@sub.example.org>"),
        ("x@y.net", "<z%elsewhere.net@[198.51.100.1]>"),
    ];
    for (from, to) in forms {
        let mut talk = house.peer(Door::Transfer).await;
        talk.say("EHLO client.example.net").await;
        talk.say(&format!("MAIL FROM:<{from}>")).await;
        let reply = talk.say(&format!("RCPT TO:{to}")).await;
        assert!(reply.starts_with('5'), "{from} {to}: {reply}");
        assert_eq!(codes(&talk.say("DATA").await), "503", "{to}");
    }
    assert_eq!(house.mail().await, 0);
    assert!(house.store.entries(None, 1).await.unwrap().is_empty());
}

/// Source routes are dropped, not followed; percent and bang are letters of a local part.
#[tokio::test]
async fn attack_b02_routes_never_lead_to_the_inner_domain() {
    let house = House::new().await;
    let mut talk = house.peer(Door::Transfer).await;
    talk.say("EHLO client.example.net").await;
    talk.say("MAIL FROM:<x@y.net>").await;
    let route = talk.say("RCPT TO:<@a.net,@b.net:anna@example.org>").await;
    assert_eq!(codes(&route), "250");
    for (to, code) in [
        ("<@example.org:z@elsewhere.net>", "550 5.7.1 "),
        ("<anna%elsewhere.net@example.org>", "550 5.1.1 "),
        ("<elsewhere.net!anna@example.org>", "550 5.1.1 "),
        ("<\"anna@elsewhere.net\"@example.org>", "550 5.1.1 "),
    ] {
        let reply = talk.say(&format!("RCPT TO:{to}")).await;
        assert!(reply.starts_with(code), "{to}: {reply}");
    }
}

/// Who is signed in sends as themselves, in the envelope and in exactly one From field.
#[tokio::test]
async fn attack_b05_nobody_sends_as_somebody_else() {
    let house = House::new().await;
    let mut talk = house.user("anna").await;
    let own = "anna@example.org";
    let cases = [
        ("From: bob@example.org", "550 5.7.1 "),
        ("From: anna@example.org, bob@example.org", "550 5.7.1 "),
        ("From: \"anna@example.org\" <bob@example.org>", "550 5.7.1 "),
        (
            "From: anna@example.org\r\nFrom: bob@example.org",
            "554 5.6.0 ",
        ),
        (
            "From: anna@example.org\r\nFROM : anna@example.org",
            "554 5.6.0 ",
        ),
        ("From: friends: bob@example.org;", "550 5.7.1 "),
        ("From: nobody:;", "554 5.6.0 "),
        ("From: ", "554 5.6.0 "),
        ("Subject: no sender at all", "554 5.6.0 "),
        ("From: anna@example.org <bob@example.org>", "550 5.7.1 "),
    ];
    for (field, code) in cases {
        let message = format!("{field}\r\nX: y\r\n\r\nbody");
        let reply = talk.post(own, &["carla@example.org"], &message).await;
        assert!(reply.starts_with(code), "{field}: {reply}");
    }
    for from in [
        "bob@example.org",
        "x@y.net",
        "anna@other.example",
        "anna@@example.org",
    ] {
        let reply = talk.say(&format!("MAIL FROM:<{from}>")).await;
        assert!(reply.starts_with('5'), "{from}: {reply}");
    }
    assert_eq!(house.mail().await, 0);
}

/// Signing in as one to act as another.
#[tokio::test]
async fn attack_b06_the_authorization_identity_is_the_login() {
    let house = House::new().await;
    for authzid in ["bob@example.org", "root", "anna"] {
        let mut talk = house.peer(Door::Submissions).await;
        talk.say("EHLO client.example.net").await;
        let plain = base64(&format!("{authzid}\0anna@example.org\0{PASSWORD}"));
        let reply = talk.say(&format!("AUTH PLAIN {plain}")).await;
        assert!(reply.starts_with('5'), "{authzid}: {reply}");
        let reply = talk.say("MAIL FROM:<anna@example.org>").await;
        assert!(reply.starts_with("530 "), "{reply}");
    }
}

/// One reply for what does not exist, whatever it resembles, and none from VRFY and EXPN.
#[tokio::test]
async fn attack_b08_names_cannot_be_harvested() {
    let house = House::new().await;
    let mut talk = house.peer(Door::Transfer).await;
    talk.say("EHLO client.example.net").await;
    let known = talk.say("VRFY anna@example.org").await;
    assert_eq!(known, talk.say("VRFY nobody@example.org").await);
    assert_eq!(codes(&known), "252");
    assert_eq!(codes(&talk.say("EXPN both@example.org").await), "502");
    talk.say("MAIL FROM:<x@y.net>").await;
    let names = [
        "nobody",
        "ann",
        "anna.",
        "annaa",
        "anna%x",
        "\"an na\"",
        "an+na",
        "root",
    ];
    for name in names.into_iter().filter(|name| *name != "anna.") {
        let reply = talk.say(&format!("RCPT TO:<{name}@example.org>")).await;
        assert_eq!(reply, "550 5.1.1 No such address here\r\n", "{name}");
    }
}

/// A message that was refused at its end leaves nothing for the next one.
#[tokio::test]
async fn attack_a06_a_refused_message_ends_its_transaction() {
    let house = House::new().await;
    let mut talk = house.peer(Door::Transfer).await;
    talk.say("EHLO client.example.net").await;
    let looped = "Received: by x\r\n".repeat(101) + &note("x@y.net");
    let reply = talk.post("x@y.net", &["anna@example.org"], &looped).await;
    assert!(reply.starts_with("554 "), "{reply}");
    assert_eq!(codes(&talk.say("RCPT TO:<bob@example.org>").await), "503");
    assert_eq!(codes(&talk.say("DATA").await), "503");
    let reply = talk
        .post("x@y.net", &["bob@example.org"], &note("x@y.net"))
        .await;
    assert_eq!(codes(&reply), "250");
    assert_eq!(
        (
            house.inbox("anna").await.len(),
            house.inbox("bob").await.len()
        ),
        (0, 1)
    );
}

/// Levels of aliases, each ten of the next: refused at RCPT, at the bound, before any data.
#[tokio::test]
async fn attack_c04_exploding_aliases_are_refused_at_rcpt() {
    let mut settings = Settings::default();
    settings.expansion.expansion_max = 50;
    let house = House::with(settings).await;
    let leaf: Vec<String> = (0..10).map(|n| format!("anna+{n}@example.org")).collect();
    let leaf: Vec<&str> = leaf.iter().map(String::as_str).collect();
    let mut below: Vec<String> = Vec::new();
    for n in 0..10 {
        house.alias(&format!("low{n}"), &leaf).await;
        below.push(format!("low{n}@example.org"));
    }
    let below: Vec<&str> = below.iter().map(String::as_str).collect();
    house.alias("mid", &below).await;
    let tops: Vec<String> = (0..40).map(|n| format!("wide{n}@example.org")).collect();
    let tops: Vec<&str> = tops.iter().map(String::as_str).collect();
    house.alias("top", &[&below[..], &tops[..]].concat()).await;
    let mut talk = house.peer(Door::Transfer).await;
    talk.say("EHLO client.example.net").await;
    talk.say("MAIL FROM:<x@y.net>").await;
    assert_eq!(codes(&talk.say("RCPT TO:<mid@example.org>").await), "250");
    let reply = talk.say("RCPT TO:<top@example.org>").await;
    assert!(reply.starts_with("550 5.2.4 "), "{reply}");
}

/// A catch-all is no way around a real account, and a domain alias none around its absence.
#[tokio::test]
async fn attack_b07_domain_forms_agree() {
    let house = House::new().await;
    for domain in [
        Domain {
            name: "xn--bcher-kva.example".into(),
            kind: DomainKind::Alias,
            catch_all: None,
            target: Some("example.org".into()),
        },
        Domain {
            name: "all.example".into(),
            kind: DomainKind::Local,
            catch_all: Some("carla@example.org".into()),
            target: None,
        },
    ] {
        house.directory.put_domain(domain).await.unwrap();
    }
    house.add("real@all.example", None).await;
    let mut talk = house.peer(Door::Transfer).await;
    talk.say("EHLO client.example.net").await;
    talk.say("MAIL FROM:<x@y.net> SMTPUTF8").await;
    for (to, code) in [
        ("anna@xn--bcher-kva.example", "250"),
        ("anna@XN--BCHER-KVA.example", "250"),
        ("anna@bücher.example", "250"),
        ("nobody@bücher.example", "550"),
        ("real@all.example", "250"),
        ("whoever@all.example", "250"),
    ] {
        let reply = talk.say(&format!("RCPT TO:<{to}>")).await;
        assert_eq!(codes(&reply), code, "{to}");
    }
    talk.say("DATA").await;
    talk.send(format!("{}\r\n.\r\n", note("x@y.net")).as_bytes())
        .await;
    let counts = [
        house.inbox("anna").await.len(),
        house.inbox("carla").await.len(),
    ];
    assert_eq!(counts, [1, 1]);
}

/// A writer that a test can read.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Passwords, subjects and bodies are in no line of the log; a transaction and a login have one
/// `info` line each.
#[tokio::test]
async fn attack_h07_secrets_are_never_logged() {
    let house = House::new().await;
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let mut talk = house.user("anna").await;
    let secret = "canary-4711";
    talk.say(&format!(
        "AUTH PLAIN {}",
        base64(&format!("\0anna@example.org\0{secret}"))
    ))
    .await;
    let message = format!("From: anna@example.org\r\nSubject: {secret}\r\n\r\n{secret}");
    let reply = talk
        .post("anna@example.org", &["bob@example.org"], &message)
        .await;
    assert_eq!(codes(&reply), "250");
    drop(guard);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(!text.contains(secret) && !text.contains(PASSWORD), "{text}");
    let id = reply.trim_end().rsplit(' ').next().unwrap();
    let lines = |word: &str| {
        let info = text.lines().filter(|line| line.contains(" INFO "));
        info.filter(|line| line.contains(word)).count()
    };
    assert_eq!((lines(id), lines("outcome=\"granted\"")), (1, 1), "{text}");
}
