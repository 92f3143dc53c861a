//! A server that root starts and another user is.

#![expect(
    clippy::unwrap_used,
    reason = "what helps a test may panic as the test may"
)]

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use postroom_e2e::deadline::{SOON, until};
use postroom_e2e::lines::Lines;
use postroom_e2e::process;
use postroom_e2e::program::Program;
use postroom_e2e::server::{Options, Role, Server, binary};
use postroom_e2e::skip::{need, need_root, skipped};
use postroom_e2e::smtp::Smtp;
use rustix::process::Signal;

/// A user whom no file of this machine belongs to.
const NOBODY: u32 = 65_534;

/// A server of nobody's, certificates and configuration of root's alone, made and not started.
fn kept() -> Option<Server> {
    if !need(&["chown", "openssl", "setpriv", "test"]) || !need_root() {
        return None;
    }
    let mut server = Options::new().set("auth.cleartext=loopback").start();
    server.stop();
    let nobody = format!("{NOBODY}:{NOBODY}");
    let data = server.data().display().to_string();
    Program::new("chown").args(["-R", &nobody, &data]).succeed();
    if !reaches("-x", &binary()) || !reaches("-r", &server.config()) {
        skipped("another user may not reach this folder");
        return None;
    }
    let etc = server.scratch().path().join("etc");
    fs::create_dir(&etc).unwrap();
    certify(&etc, "first");
    let text = fs::read_to_string(server.config()).unwrap();
    let text = text.replace(
        "data_dir = \".\"",
        &format!("data_dir = \"{data}\"\nuser = \"{nobody}\""),
    );
    let text = format!("{text}\n[tls]\ncertificates = \"mail.pem\"\nkeys = \"mail.key\"\n");
    let config = etc.join("postroom.toml");
    fs::write(&config, text).unwrap();
    for file in [&config, &etc] {
        fs::set_permissions(file, fs::Permissions::from_mode(0o700)).unwrap();
    }
    server.move_config(config);
    Some(server)
}

/// Whether nobody can reach a file, which lies below the folder of the build.
fn reaches(flag: &str, path: &Path) -> bool {
    let user = NOBODY.to_string();
    let test = Program::new("setpriv").args(["--reuid", &user, "--regid", &user, "--clear-groups"]);
    test.args(["test", flag]).arg(path).run().code == Some(0)
}

/// Writes `mail.pem` and `mail.key`, which root alone may read.
fn certify(folder: &Path, name: &str) {
    let [chain, key] = ["mail.pem", "mail.key"].map(|file| folder.join(file));
    Program::new("openssl")
        .args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30".split(' '))
        .args(["-subj", &format!("/CN={name}.example.test")])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&chain)
        .succeed();
    for file in [chain, key] {
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

fn subject(server: &Server) -> String {
    let shown = Program::new("openssl")
        .args(["s_client", "-connect", &server.at(Role::Imaps).to_string()])
        .run();
    let line = shown.out.lines().find(|line| line.starts_with("subject="));
    line.unwrap_or_else(|| panic!("{}", shown.text()))
        .to_owned()
}

/// A line of `/proc/PID/status`, without its name.
fn status(pid: u32, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_default().trim().to_owned()
}

/// The server proper, which the keeper started.
fn child(server: &Server) -> u32 {
    let keeper = server.pid().to_string();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.find(|pid| status(*pid, "PPid:") == keeper)
        .expect("a child of the keeper")
}

/// Gone with all its threads: the first of them may be over before the others are.
fn is_gone(pid: u32) -> Option<()> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    let is_over = matches!(&*status(pid, "State:"), "" | "Z (zombie)");
    (is_over && threads <= 1).then_some(())
}

fn assert_all_belong_to_nobody(folder: &Path) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let metadata = fs::symlink_metadata(&path).expect("a file");
        assert_eq!(metadata.uid(), NOBODY, "{}", path.display());
        if metadata.is_dir() {
            assert_all_belong_to_nobody(&path);
        }
    }
}

/// A low port that no other test has: of an address that this process alone uses.
fn low_port(test: u8) -> SocketAddr {
    let [high, low] = u16::try_from(std::process::id() % 0xFFFF)
        .unwrap()
        .to_be_bytes();
    SocketAddr::new(Ipv4Addr::new(127, test, high, low).into(), 25)
}

#[test]
fn root_binds_and_another_user_serves() {
    let Some(mut server) = kept() else { return };
    let low = low_port(77);
    server.edit(|text| {
        text.replace(
            "[listen]",
            &format!("[listen]\nlmtp_allow = []\nsubmission = \"{low}\""),
        )
    });
    server.serve();
    let pid = child(&server);
    let user = [NOBODY; 4].map(|uid| uid.to_string()).join("\t");
    assert_eq!(status(pid, "Uid:"), user);
    assert_eq!(status(pid, "Gid:"), user);
    assert_eq!(status(pid, "Groups:"), "");
    assert_eq!(status(pid, "CapEff:"), "0000000000000000");
    assert_eq!(status(server.pid(), "Uid:"), "0\t0\t0\t0");
    assert!(subject(&server).contains("first.example.test"));
    assert!(
        Lines::connect(low)
            .unwrap()
            .read_line()
            .unwrap()
            .starts_with(b"220")
    );
    let mut session = Smtp::hello(server.at(Role::Smtp)).unwrap();
    let bob = server.bob().address.clone();
    let sent = session.send(
        "anna@client.example",
        &[&bob],
        b"Subject: kept\r\n\r\nx\r\n",
    );
    assert_eq!(sent.unwrap().code, 250);
    // Root asks over the socket of another user's server.
    assert!(
        server
            .command(&["account", "list"])
            .succeed()
            .contains("bob@")
    );
    assert_eq!(server.stop().code(), Some(0));
    assert!(is_gone(pid).is_some(), "the server ended before its keeper");
    // When it is down, root's command is carried out as the owner, who cannot read the file.
    assert!(
        server
            .command(&["account", "list"])
            .succeed()
            .contains("bob@")
    );
    assert_all_belong_to_nobody(&server.data());
}

#[test]
fn a_reload_reads_roots_key_and_binds_a_low_port() {
    let Some(mut server) = kept() else { return };
    server.serve();
    let address = low_port(78);
    assert!(subject(&server).contains("first.example.test"));
    let config = server.config();
    certify(config.parent().unwrap(), "second");
    server.edit(|text| text.replace("[listen]", &format!("[listen]\nsubmission = \"{address}\"")));
    let (code, outcome) = server.reload();
    assert_eq!(code, Some(0), "{outcome}");
    assert!(subject(&server).contains("second.example.test"));
    assert!(Lines::connect(address).unwrap().read_line().is_ok());

    // The keeper passes SIGHUP on.
    certify(config.parent().unwrap(), "third");
    server.logs_after("the configuration was reloaded", || {
        process::signal(server.pid(), Signal::HUP);
    });
    assert!(subject(&server).contains("third.example.test"));

    // A key that was not named when the keeper started is not opened for its user.
    let other = config.with_file_name("other.key");
    fs::copy(config.with_file_name("mail.key"), &other).unwrap();
    server.edit(|text| text.replace("mail.key", "other.key"));
    let (code, outcome) = server.reload();
    assert_eq!(code, Some(1), "{outcome}");
    assert!(
        outcome.to_string().contains("ermission denied"),
        "{outcome}"
    );
    server.edit(|text| text.replace("other.key", "mail.key"));
    assert_eq!(server.reload().0, Some(0));
}

#[test]
fn keeper_and_server_end_together() {
    let Some(mut server) = kept() else { return };
    server.serve();
    let pid = child(&server);
    process::signal(pid, Signal::KILL);
    assert_eq!(server.wait(SOON).code(), Some(1));

    server.serve();
    let pid = child(&server);
    server.kill();
    until(SOON, || is_gone(pid)).expect("the server dies with its keeper");

    // Both are told, as a service manager does: that is one word, not two.
    server.serve();
    let pid = child(&server);
    let mut idle = Smtp::hello(server.at(Role::Smtp)).unwrap();
    process::signal(pid, Signal::TERM);
    process::signal(server.pid(), Signal::TERM);
    assert_eq!(idle.reply().unwrap().code, 421);
    assert_eq!(server.wait(SOON).code(), Some(0));
}

#[test]
fn a_new_data_directory_is_the_users() {
    let Some(mut server) = kept() else { return };
    let made: PathBuf = server.scratch().path().join("made/mail");
    let accepted = fs::read_to_string(server.config()).unwrap();
    let data = server.data().display().to_string();
    fs::write(
        server.config(),
        accepted.replace(&data, &made.display().to_string()),
    )
    .unwrap();
    server.serve();
    server.stop();
    assert_eq!(fs::metadata(&made).unwrap().uid(), NOBODY);
    assert_eq!(fs::metadata(&made).unwrap().mode() & 0o777, 0o700);
    assert_all_belong_to_nobody(&made);

    // One of somebody else is not touched.
    Program::new("chown")
        .arg("-R")
        .arg("1:1")
        .arg(&made)
        .succeed();
    let ended = server.postroom(&["serve"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("belongs to user 1"), "{}", ended.err);
}
