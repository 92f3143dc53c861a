//! mutt, sending and reading in a script.

use std::fs;
use std::path::PathBuf;

use postroom_e2e::program::Program;
use postroom_e2e::server::{Account, Role, Server};
use postroom_e2e::skip::need;

/// Settings of an account; `@` in a login name is `%40` in a URL (RFC 3986 §2.1).
fn settings(server: &Server, account: &Account) -> PathBuf {
    let user = account.address.replace('@', "%40");
    let (address, password) = (&account.address, &account.password);
    let text = format!(
        "set from = {address}\nset realname = \"Somebody\"\nset use_from = yes\n\
         set smtp_url = \"smtps://{user}@127.0.0.1:{}/\"\nset smtp_pass = \"{password}\"\n\
         set smtp_authenticators = \"plain\"\n\
         set folder = \"imaps://{user}@127.0.0.1:{}/\"\nset imap_pass = \"{password}\"\n\
         set spoolfile = \"+INBOX\"\nset record = \"+Sent\"\nset copy = yes\n\
         set ssl_ca_certificates_file = \"{}\"\nset certificate_file = \"\"\n\
         set wait_key = no\nset pipe_decode = no\nset beep = no\n\
         set sort = reverse-date\nset timeout = 5\n",
        server.port(Role::Submissions),
        server.port(Role::Imaps),
        server.authority().display(),
    );
    server.scratch().write(&format!("muttrc-{user}"), text)
}

#[test]
fn it_sends_keeps_a_copy_and_reads() {
    if !need(&["mutt", "script"]) {
        return;
    }
    let server = Server::in_clear();
    let home = server.scratch().path();
    let (alice, bob) = (server.alice().clone(), server.bob().clone());
    let attached = server.scratch().write("report.txt", "attached text\n");
    Program::new("mutt")
        .env("HOME", home)
        .args(["-n", "-F"])
        .arg(settings(&server, &alice))
        .args(["-s", "mutt écrit", "-a"])
        .arg(&attached)
        .args(["--", &bob.address])
        .input("Bonjour\n.\n")
        .succeed();
    let mut reader = server.reader(&bob);
    reader.select("INBOX").unwrap();
    assert_eq!(
        reader
            .search("FROM alice@example.test SUBJECT mutt UNSEEN")
            .unwrap()
            .len(),
        1
    );
    let mut sender = server.reader(&alice);
    assert_eq!(sender.select("Sent").unwrap().exists, 1, "a copy is kept");

    // Reading needs a terminal: `script` gives one. The newest message is first.
    let copy = home.join("copy");
    let keys = format!(
        "<first-entry><pipe-message>cat > {}<enter><flag-message><sync-mailbox><exit>",
        copy.display()
    );
    let rc = settings(&server, &bob);
    let mutt = format!(
        "mutt -n -F '{}' -f +INBOX -e 'push \"{keys}\"'",
        rc.display()
    );
    Program::new("script")
        .env("HOME", home)
        .env("TERM", "vt100")
        .args(["-q", "-e", "-c", &mutt, "/dev/null"])
        .succeed();
    let read = fs::read_to_string(&copy).expect("what mutt piped");
    assert!(
        read.contains("Bonjour") && read.contains("report.txt"),
        "{read}"
    );
    reader.select("INBOX").unwrap();
    assert_eq!(reader.search("SUBJECT mutt FLAGGED").unwrap().len(), 1);
}
