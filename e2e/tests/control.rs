//! The control socket: who may ask, and what garbage does to it.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use postroom_e2e::process;
use postroom_e2e::program::Program;
use postroom_e2e::random::Random;
use postroom_e2e::server::{Role, Server};
use postroom_e2e::skip::{need, need_root, note};
use postroom_e2e::smtp::Smtp;

/// What one garbage caller may make the server grow by.
const GROWTH_MAX: u64 = 96 * 1024 * 1024;
/// How long the server may take to answer or hang up.
const LIMIT: Duration = Duration::from_secs(45);

fn socket(server: &Server) -> PathBuf {
    server.data().join("run/control.sock")
}

fn connect(server: &Server) -> io::Result<UnixStream> {
    let stream = UnixStream::connect(socket(server))?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    Ok(stream)
}

/// Writes what the server takes of it; says what it answers until it closes.
fn ask(server: &Server, bytes: &[u8]) -> String {
    let mut stream = connect(server).expect("the control socket takes callers");
    // The server may have closed on what came first.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn assert_lives(server: &Server) {
    server.command(&["domain", "list"]).succeed();
    assert!(Smtp::hello(server.at(Role::Smtp)).is_ok());
}

#[test]
fn attack_h10_only_the_owner_and_root_control_the_server() {
    let server = Server::start();
    let mode = |path: &str| {
        let metadata = fs::metadata(server.data().join(path)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode("run"), 0o711);
    assert_eq!(mode("run/control.sock"), 0o600);
    assert!(ask(&server, b"{\"operation\":\"domain-list\"}\n").contains("example.test"));
    if !need(&["setpriv", "perl"]) || !need_root() {
        return;
    }
    // As nobody, from inside the folder, so that no folder above decides.
    let asks = "$SIG{PIPE} = 'IGNORE'; \
                my $server = IO::Socket::UNIX->new(Peer => 'control.sock') or die \"$!\\n\"; \
                print $server qq({\"operation\":\"account-list\"}\\n); \
                $server->flush; print while <$server>;";
    let stranger = || {
        Program::new("setpriv")
            .folder(&server.data().join("run"))
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .args(["perl", "-MIO::Socket::UNIX", "-e", asks])
            .run()
    };
    let ended = stranger();
    assert_ne!(
        ended.code,
        Some(0),
        "the modes keep strangers out: {}",
        ended.text()
    );
    // With the modes undone, the server still looks at who calls.
    for (path, mode) in [("run", 0o777), ("run/control.sock", 0o666)] {
        let path = server.data().join(path);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let text = stranger().text();
    assert!(
        text.contains("only root and the server's own user"),
        "{text}"
    );
    assert!(!text.contains("alice"), "{text}");
    assert_lives(&server);
}

#[test]
fn attack_h13_garbage_on_the_control_socket_does_no_harm() {
    let server = Server::start();
    let before = process::resident(server.pid());
    let mut random = Random::seeded(13);
    let noise: Vec<u8> = (0..100_000)
        .map(|_| random.number().to_le_bytes()[0])
        .collect();
    let mut corpus: Vec<Vec<u8>> = [
        &b""[..],
        b"\n",
        b"\0\0\0\0\n",
        b"\xff\xfe\xfd\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"{}\n",
        b"null\n",
        b"[]\n",
        b"{\"operation\":\"nonsense\"}\n",
        b"{\"operation\":\"domain-add\"}\n",
        b"{\"operation\":\"domain-add\",\"domain\":7,\"catch_all\":null,\"alias_of\":null}\n",
        b"{\"operation\":\"domain-add\",\"domain\":\"\",\"catch_all\":null,\"alias_of\":null}\n",
        b"{\"operation\":\"domain-add\",\"domain\":\"a\\u0000b\",\"catch_all\":null,\"alias_of\":null}\n",
        b"{\"operation\":\"mailbox-create\",\"address\":\"alice@example.test\",\"name\":\"../../x\"}\n",
        b"{\"operation\":\"account-list\"",
    ]
    .map(<[u8]>::to_vec)
    .to_vec();
    // JSON bombs: depth, length of a string, of a number, of a list, of a line.
    corpus.push(b"[".repeat(1_000_000));
    corpus.push(b"{\"operation\":".repeat(100_000));
    corpus.push(
        [
            b"{\"operation\":\"".to_vec(),
            b"a".repeat(8_000_000),
            b"\"}\n".to_vec(),
        ]
        .concat(),
    );
    corpus.push([b"9".repeat(1_000_000), b"\n".to_vec()].concat());
    corpus.push([b"[".to_vec(), b"0,".repeat(1_000_000), b"0]\n".to_vec()].concat());
    corpus.push(noise);
    for bytes in &corpus {
        let answer = ask(&server, bytes);
        assert!(!answer.contains("panic"), "{answer}");
        // One that is refused says so; it never counts as done.
        assert!(!answer.contains("\"done\""), "{answer}");
    }
    assert_lives(&server);

    // Callers that hold the line, and one that leaves without reading its answer.
    let mut held: Vec<_> = (0..8).map(|_| connect(&server).unwrap()).collect();
    for stream in &mut held {
        stream.write_all(b"{\"operation\":").unwrap();
    }
    for _ in 0..100 {
        let mut stream = connect(&server).unwrap();
        stream
            .write_all(b"{\"operation\":\"account-list\"}\n")
            .unwrap();
    }
    assert_lives(&server);
    drop(held);
    let grown = process::resident(server.pid()).saturating_sub(before);
    note(&format!("grew by {} KiB", grown / 1024));
    assert!(grown < GROWTH_MAX, "grew by {grown} octets");
}
