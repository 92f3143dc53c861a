//! fetchmail takes mail away over IMAP and hands it to a program.

use std::fs;
use std::path::PathBuf;

use postroom_e2e::message;
use postroom_e2e::program::{Ended, Program};
use postroom_e2e::server::{Role, Server};
use postroom_e2e::skip::need;
use postroom_e2e::smtp::Smtp;

/// Exit code of fetchmail when there was nothing to fetch.
const NO_MAIL: i32 = 1;

fn fetchmail(server: &Server, options: &str) -> Ended {
    let bob = server.bob();
    let home = server.scratch().path();
    let kept = kept(server);
    // fetchmail compares the name of the certificate, hence `localhost`.
    let settings = format!(
        "poll localhost protocol IMAP service {} user \"{}\" password \"{}\" ssl sslcertck \
         sslcertfile \"{}\" {options} mda \"cat >> {}\"\n",
        server.port(Role::Imaps),
        bob.address,
        bob.password,
        server.authority().display(),
        kept.display(),
    );
    let file = server.scratch().write("fetchmailrc", settings);
    Program::new("fetchmail")
        .env("HOME", home)
        .env("FETCHMAILHOME", home)
        .arg("-f")
        .arg(file)
        .args(["--nosyslog", "--norewrite", "-v"])
        .run()
}

fn kept(server: &Server) -> PathBuf {
    server.scratch().path().join("kept")
}

#[test]
fn it_fetches_what_is_new_and_removes_it() {
    if !need(&["fetchmail"]) {
        return;
    }
    let server = Server::in_clear();
    let bob = server.bob().clone();
    let mut session = server.reader(&bob);
    session.select("INBOX").unwrap();
    // What quickstart's self-test left.
    session.command("STORE 1:* +FLAGS (\\Deleted)").unwrap();
    session.done("EXPUNGE").unwrap();
    let mut sender = Smtp::hello(server.at(Role::Smtp)).unwrap();
    let names: Vec<_> = (0..10).map(|number| format!("fetched-{number}")).collect();
    for name in &names {
        let message = message::named(name, 3_000);
        let reply = sender
            .send("x@client.example", &[&bob.address], &message)
            .unwrap();
        assert_eq!(reply.code, 250);
    }
    let ended = fetchmail(&server, "keep");
    assert_eq!(ended.code, Some(0), "{}", ended.text());
    session.select("INBOX").unwrap();
    assert_eq!(
        session.search("SEEN").unwrap().len(),
        names.len(),
        "kept, and seen"
    );
    let text = fs::read_to_string(kept(&server)).unwrap().replace('\r', "");
    for name in &names {
        let sent = String::from_utf8(message::named(name, 3_000))
            .unwrap()
            .replace('\r', "");
        let body = sent.split_once("\n\n").unwrap().1;
        assert!(text.contains(body), "{name}");
    }
    assert_eq!(
        fetchmail(&server, "keep").code,
        Some(NO_MAIL),
        "nothing is new"
    );
    fs::remove_file(kept(&server)).unwrap();
    let ended = fetchmail(&server, "fetchall nokeep");
    assert_eq!(ended.code, Some(0), "{}", ended.text());
    assert_eq!(session.select("INBOX").unwrap().exists, 0, "taken away");
}
