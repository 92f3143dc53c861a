//! Whoever types a command: what a data directory holds is its owner's.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use postroom_e2e::program::Program;
use postroom_e2e::server::{Server, binary};
use postroom_e2e::skip::{need, need_root, skipped};

/// A user whom no file of this machine belongs to.
const NOBODY: u32 = 65_534;

#[test]
fn root_serves_and_changes_a_directory_as_its_owner() {
    let mut server = Server::start();
    if !need(&["chown", "setpriv", "test"]) || !need_root() {
        return;
    }
    server.stop();
    let folder = server.data().display().to_string();
    Program::new("chown")
        .args(["-R", &format!("{NOBODY}:{NOBODY}"), &folder])
        .succeed();
    if !may_run(&server) {
        skipped("another user may not reach this folder");
        return;
    }

    // On the data directory: the password is read by root, the change is made by the owner.
    let added = [
        "account",
        "add",
        "carl@example.test",
        "--password-file",
        "-",
    ];
    server.command(&added).input("a long password\n").succeed();
    assert_all_belong_to_nobody(&server.data());

    // Over the socket of a server that root started: without `user`, it becomes the owner.
    server.serve();
    let added = [
        "account",
        "add",
        "dora@example.test",
        "--password-file",
        "-",
    ];
    server.command(&added).input("a long password\n").succeed();
    let accounts = server.command(&["account", "list"]).succeed();
    assert!(
        accounts.contains("carl@") && accounts.contains("dora@"),
        "{accounts}"
    );
    server.stop();
    assert_all_belong_to_nobody(&server.data());
}

/// Whether the owner can reach program and folder, which lie below the folder of the build.
fn may_run(server: &Server) -> bool {
    let reaches = |flag: &str, path: &Path| {
        let user = NOBODY.to_string();
        let test =
            Program::new("setpriv").args(["--reuid", &user, "--regid", &user, "--clear-groups"]);
        test.args(["test", flag]).arg(path).run().code == Some(0)
    };
    reaches("-x", &binary()) && reaches("-r", &server.config())
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
