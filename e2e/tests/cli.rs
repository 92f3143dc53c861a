//! The command line: what operators type, and what their scripts rely on.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use postroom_e2e::deadline::{SOON, Stopwatch, until};
use postroom_e2e::lines::Lines;
use postroom_e2e::process;
use postroom_e2e::program::{Ended, Program};
use postroom_e2e::server::{Options, Role, Server, binary, is_ready};
use postroom_e2e::skip::note;
use postroom_e2e::smtp::Smtp;
use rustix::process::Signal;
use serde_json::Value;

#[test]
fn quickstart_once_shows_a_message_read_back_and_ends() {
    let server = Server::make(Options::new());
    let arguments = server.quickstart_arguments();
    let out = Program::new(binary())
        .args(&arguments)
        .arg("--once")
        .succeed();
    assert!(is_ready(&out), "{out}");
    let first = server.read_accounts();
    assert_eq!(first[0].address, "alice@example.test");
    assert_eq!(first[1].address, "bob@example.test");
    for account in &first {
        let password = &account.password;
        assert_eq!(password.len(), 20);
        assert!(password.bytes().all(|octet| octet.is_ascii_alphanumeric()));
        assert!(out.contains(password.as_str()), "passwords are printed");
    }
    let mode = fs::metadata(server.data().join("accounts.txt"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(
        fs::read_to_string(server.authority())
            .unwrap()
            .contains("BEGIN CERTIFICATE")
    );

    // What was made is kept: the same accounts, the same authority.
    let authority = fs::read(server.authority()).unwrap();
    Program::new(binary())
        .args(&arguments)
        .arg("--once")
        .succeed();
    let again = server.read_accounts();
    assert_eq!(again[0].password, first[0].password);
    assert_eq!(fs::read(server.authority()).unwrap(), authority);
}

#[test]
fn quickstart_serves_until_it_is_asked_to_end() {
    let server = Server::make(Options::new());
    let log = server.scratch().path().join("quickstart.out");
    let mut child = Command::new(binary())
        .args(server.quickstart_arguments())
        .args(["--set", "log.level=warn"])
        .stdin(Stdio::null())
        .stdout(fs::File::create(&log).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = || fs::read_to_string(&log).unwrap_or_default();
    let ready = until(SOON, || is_ready(&output()).then_some(()));
    let mut session = Smtp::hello(server.at(Role::Smtp));
    process::signal(child.id(), Signal::INT);
    let status = until(SOON, || child.try_wait().unwrap());
    if status.is_none() {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(ready.is_some(), "{}", output());
    assert!(
        status.is_some_and(|status| status.success()),
        "{status:?}\n{}",
        output()
    );
    assert_eq!(session.as_mut().unwrap().reply().unwrap().code, 421);
}

#[test]
fn the_same_commands_work_with_the_server_up_and_down() {
    let mut server = Server::start();
    administer(&server, "up.test");
    server.stop();
    administer(&server, "down.test");
    server.serve();
    let domains = json(&server.postroom(&["domain", "list", "--json"]));
    assert_eq!(
        names(&domains, "name"),
        ["down.test", "example.test", "up.test"]
    );
}

fn administer(server: &Server, domain: &str) {
    let anna = format!("anna@{domain}");
    let desk = format!("desk@{domain}");
    server.command(&["domain", "add", domain]).succeed();
    let add = server.command(&["account", "add", &anna, "--password-file", "-"]);
    add.input("first password of anna\n").succeed();
    server.command(&["alias", "add", &desk, &anna]).succeed();
    server
        .command(&["mailbox", "create", &anna, "Work/Entwürfe"])
        .succeed();
    server
        .command(&["mailbox", "rename", &anna, "Work/Entwürfe", "Work/Notes"])
        .succeed();

    let aliases = json(&server.postroom(&["alias", "list", "--json"]));
    let alias = aliases
        .as_array()
        .and_then(|rows| rows.iter().find(|row| row["address"] == desk));
    assert_eq!(
        alias.map(|row| &row["members"]),
        Some(&serde_json::json!([anna]))
    );

    let accounts = json(&server.postroom(&["account", "list", "--json"]));
    assert!(names(&accounts, "address").contains(&anna));
    let printed = server.command(&["account", "list"]).succeed();
    assert!(
        printed.lines().any(|line| line.starts_with(&anna)),
        "{printed}"
    );

    let mailboxes = json(&server.postroom(&["mailbox", "list", &anna, "--json"]));
    let mailboxes = names(&mailboxes, "name");
    for name in [
        "INBOX",
        "Drafts",
        "Sent",
        "Trash",
        "Junk",
        "Archive",
        "Work/Notes",
    ] {
        assert!(
            mailboxes.iter().any(|known| known == name),
            "{name} in {mailboxes:?}"
        );
    }
    server
        .command(&["mailbox", "remove", &anna, "Work/Notes"])
        .succeed();
    let again = server.command(&["account", "add", &anna, "--password-file", "-"]);
    assert_failed(&again.input("another password\n").run(), 1);
}

#[test]
fn a_failure_says_what_and_how_to_mend_it() {
    let server = Server::start();
    let stranger = server.command(&["account", "add", "x@nowhere.test", "--password-file", "-"]);
    let ended = stranger.input("a password\n").run();
    assert_failed(&ended, 1);
    assert!(
        ended.err.contains("domain add nowhere.test"),
        "{}",
        ended.err
    );
    assert_eq!(
        server
            .postroom(&["account", "remove", "x@example.test"])
            .code,
        Some(1)
    );
    for wrong in [
        &["frobnicate"][..],
        &["account"],
        &["domain", "add"],
        &["serve", "--nonsense"],
    ] {
        let ended = Program::new(binary()).args(wrong).run();
        assert_eq!(ended.code, Some(2), "{wrong:?}: {}", ended.err);
        assert!(!ended.err.is_empty());
    }
    let absent = ["serve", "--config", "/nonexistent/postroom.toml"];
    assert_failed(&Program::new(binary()).args(absent).run(), 1);
}

/// Errors are on standard error: one line of what, one or more of how to mend.
fn assert_failed(ended: &Ended, code: i32) {
    assert_eq!(ended.code, Some(code), "{}", ended.text());
    assert!(ended.out.is_empty(), "{}", ended.out);
    let lines: Vec<_> = ended.err.lines().collect();
    assert!(
        lines.len() >= 2 && lines[0].starts_with("postroom: "),
        "{}",
        ended.err
    );
    assert!(lines[1].starts_with("  "), "{}", ended.err);
}

#[test]
fn the_configuration_is_checked_shown_and_explained() {
    let server = Server::start();
    assert_eq!(server.postroom(&["config", "check"]).code, Some(0));
    let shown = server.command(&["config", "show"]).succeed();
    assert!(shown.contains("port_offset"), "{shown}");
    let settings = json(&server.postroom(&["config", "show", "--json"]));
    assert!(settings.to_string().contains("example.test"), "{settings}");
    let manual = Program::new(binary())
        .args(["config", "reference"])
        .succeed();
    for key in [
        "`hostname`",
        "`listen.port_offset`",
        "`auth.cleartext`",
        "`shutdown.grace`",
    ] {
        assert!(manual.contains(key), "{key}");
    }
    let bad = server
        .scratch()
        .write("bad.toml", "hostnam = \"x.test\"\n[limits]\nexempt = 5\n");
    let bad = bad.display().to_string();
    let ended = Program::new(binary())
        .args(["config", "check", "--config", &bad])
        .run();
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.err.contains("hostnam") && ended.err.contains("mean hostname?"),
        "{}",
        ended.err
    );
    assert_eq!(ended.out, "", "problems are told on standard error");
    let ended = Program::new(binary())
        .args(["serve", "--config", &bad])
        .run();
    assert_failed(&ended, 1);
    let weak = server.postroom(&[
        "config",
        "check",
        "--set",
        "auth.cleartext=always",
        "--json",
    ]);
    assert!(
        json(&weak)["problems"]
            .to_string()
            .contains("auth.cleartext"),
        "{}",
        weak.out
    );
}

#[test]
fn a_data_directory_serves_one_server_and_names_it() {
    let server = Server::start();
    let second = server.postroom(&["serve"]);
    assert_eq!(second.code, Some(1), "{}", second.text());
    assert!(
        second.err.contains(&server.pid().to_string()),
        "{}",
        second.err
    );
    assert_eq!(
        second.err.lines().next().map(|line| line.contains("data")),
        Some(true)
    );
    assert!(
        Smtp::hello(server.at(Role::Smtp)).is_ok(),
        "the first goes on"
    );
}

#[test]
fn ready_is_the_first_word_and_soon_there() {
    let mut server = Server::start();
    server.restart();
    note(&format!("ready after {:?}", server.ready_after()));
    let output = server.output();
    let first = output.lines().next().unwrap_or_default();
    assert!(first.starts_with("ready"), "{output}");
    for role in [
        Role::Smtp,
        Role::Submissions,
        Role::Submission,
        Role::Imap,
        Role::Imaps,
    ] {
        assert!(first.contains(&server.port(role)), "{role:?} in {first:?}");
    }
}

#[test]
fn a_server_that_goes_down_says_so_and_finishes_what_it_has() {
    let mut server = Server::in_clear();
    let bob = server.bob().clone();
    let mut idle = Smtp::hello(server.at(Role::Smtp)).unwrap();
    let mut lmtp = Smtp::lmtp(server.at(Role::Lmtp)).unwrap();
    let mut reader = server.reader(&bob);
    reader.select("INBOX").unwrap();
    let mut idling = server.reader(&bob);
    idling.select("INBOX").unwrap();
    idling.begin("IDLE").unwrap();
    assert!(idling.response().unwrap().text.starts_with('+'));
    let mut busy = Smtp::hello(server.at(Role::Smtp)).unwrap();
    assert_eq!(
        busy.open("a@client.example", &[&bob.address]).unwrap().code,
        354
    );
    busy.lines
        .write(b"Subject: in hand\r\n\r\nhalf of ")
        .unwrap();

    let watch = Stopwatch::start();
    process::signal(server.pid(), Signal::TERM);
    assert_eq!(idle.reply().unwrap().code, 421);
    assert_eq!(lmtp.reply().unwrap().code, 421);
    for session in [&mut reader, &mut idling] {
        let said = session.lines.read_rest().unwrap();
        assert!(said.contains("* BYE"), "{said:?}");
    }
    busy.lines.write(b"a message\r\n.\r\n").unwrap();
    assert_eq!(busy.reply().unwrap().code, 250);
    assert_eq!(busy.reply().unwrap().code, 421);
    let status = server.wait(Duration::from_secs(15));
    assert!(status.success(), "{status}");
    assert!(
        watch.elapsed() < Duration::from_secs(10),
        "{:?}",
        watch.elapsed()
    );
    server.serve();
    assert!(
        server
            .received(&bob, "in hand")
            .contains("half of a message")
    );
}

#[test]
fn the_grace_ends_what_does_not() {
    let mut server = Options::new().set("shutdown.grace=1s").start();
    let bob = server.bob().address.clone();
    let mut stuck = Smtp::hello(server.at(Role::Smtp)).unwrap();
    assert_eq!(stuck.open("a@client.example", &[&bob]).unwrap().code, 354);
    // A peer in the middle of a handshake, and one that never speaks.
    let _silent = Lines::connect(server.at(Role::Imaps)).unwrap();
    let watch = Stopwatch::start();
    assert!(server.stop().success());
    assert!(
        watch.elapsed() < Duration::from_secs(5),
        "{:?}",
        watch.elapsed()
    );
}

fn json(ended: &Ended) -> Value {
    assert_eq!(ended.code, Some(0), "{}", ended.text());
    serde_json::from_str(&ended.out).expect("JSON")
}

fn names(rows: &Value, key: &str) -> Vec<String> {
    let rows = rows.as_array().expect("a list");
    let mut names: Vec<_> = rows
        .iter()
        .filter_map(|row| Some(row[key].as_str()?.to_owned()))
        .collect();
    names.sort();
    names
}

#[test]
fn changes_and_errors_are_json_when_asked_for() {
    let server = Server::start();
    let added = json(&server.postroom(&["domain", "add", "json.test", "--json"]));
    assert_eq!(added["domain"], "json.test");
    assert_eq!(added["replaced"], false);
    let again = server.postroom(&["domain", "add", "json.test", "--json"]);
    assert_eq!(again.code, Some(1));
    assert_eq!(again.out, "");
    let error: Value = serde_json::from_str(&again.err).expect("JSON on standard error");
    assert_eq!(error["error"], "json.test is there already");
    assert!(error["mend"].as_str().unwrap().contains("--replace"));
    let replaced = ["domain", "add", "json.test", "--replace", "--json"];
    assert_eq!(json(&server.postroom(&replaced))["replaced"], true);
}

#[test]
fn a_reader_that_has_enough_is_no_failure() {
    let script = "{ \"$0\" config reference; echo \"code $?\" >&2; } | head -n 1";
    let program = binary().display().to_string();
    let ended = Program::new("sh").args(["-c", script, &program]).run();
    assert_eq!(ended.err, "code 0\n");
    assert_eq!(ended.out.lines().count(), 1);
}

/// Between taking the data directory and answering callers, a server is starting.
#[test]
fn commands_wait_for_a_server_that_starts_or_ends() {
    let mut server = Server::start();
    for _ in 0..5 {
        server.stop();
        server.spawn();
        let domains = json(&server.postroom(&["domain", "list", "--json"]));
        assert_eq!(names(&domains, "name"), ["example.test"]);
        until(SOON, || is_ready(&server.output()).then_some(())).expect("ready");
    }
}
