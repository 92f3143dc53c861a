//! Postfix hands us mail, as a neighbour on the net and over LMTP.

#![expect(
    clippy::unwrap_used,
    reason = "what helps a test may panic as the test may"
)]

use std::env;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;

use postroom_e2e::deadline::{SOON, until};
use postroom_e2e::program::Program;
use postroom_e2e::scratch::Scratch;
use postroom_e2e::server::{Options, Role, Server};
use postroom_e2e::skip::{find, need, need_root, skipped};
use postroom_e2e::smtp::Smtp;
use postroom_testkit::dns::DnsServer;
use postroom_testkit::remote::{Personality, Remote, StartTls};

/// An instance of Postfix beside that of the system, if any.
struct Postfix {
    scratch: Scratch,
    address: SocketAddr,
}

/// The services that a relay needs, none of them in a chroot.
const SERVICES: &str = "\
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
retry unix - - n - - error
error unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
";

impl Postfix {
    /// Starts one that sends everything to `next`; `None` where it cannot run.
    fn start(next: &str) -> Option<Self> {
        let user = Program::new("id").args(["-u", "postfix"]).run();
        let Ok(user) = user.out.trim().parse::<u32>() else {
            skipped("there is no user postfix");
            return None;
        };
        // Its processes must be able to walk to its folders: not so below /root.
        let scratch = Scratch::below(&env::temp_dir());
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let postfix = Self {
            scratch,
            address: (Ipv4Addr::LOCALHOST, port).into(),
        };
        let folder = postfix.scratch.path().display().to_string();
        let main = format!(
            "compatibility_level = 3.6\nqueue_directory = {folder}/queue\n\
             data_directory = {folder}/data\nmaillog_file = {folder}/log/mail\n\
             maillog_file_prefixes = {folder}\nmail_owner = postfix\nsetgid_group = postdrop\n\
             inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmyhostname = relay.neighbour.example\n\
             mydestination =\nmynetworks = 127.0.0.0/8\nalias_maps =\nalias_database =\n\
             local_recipient_maps =\nbiff = no\ndefault_transport = {next}\n\
             smtp_tls_security_level = encrypt\nlmtp_tls_security_level = none\n\
             smtp_host_lookup = native\nsmtp_dns_support_level = disabled\n"
        );
        postfix.scratch.write("main.cf", main);
        let door = format!("127.0.0.1:{port} inet n - n - - smtpd\n{SERVICES}");
        postfix.scratch.write("master.cf", door);
        for sub in ["queue", "data", "log"] {
            fs::create_dir(postfix.path(sub)).unwrap();
        }
        chown(postfix.path("data"), Some(user), None).unwrap();
        for open in ["", "main.cf", "master.cf", "queue"] {
            fs::set_permissions(postfix.path(open), fs::Permissions::from_mode(0o755)).unwrap();
        }
        postfix.control("start").succeed();
        let answers = until(SOON, || Smtp::hello(postfix.address).ok());
        assert!(
            answers.is_some(),
            "Postfix does not answer\n{}",
            postfix.log()
        );
        Some(postfix)
    }

    fn control(&self, verb: &str) -> Program {
        Program::new("postfix")
            .arg("-c")
            .arg(self.scratch.path())
            .arg(verb)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log/mail")).unwrap_or_default()
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        self.control("stop").run();
    }
}

/// Relays a message through Postfix and returns it as it lies in bob's INBOX.
fn relay(server: &Server, next: &str) -> Option<String> {
    if !need(&["postfix"]) || !need_root() || find("postconf").is_none() {
        return None;
    }
    let postfix = Postfix::start(next)?;
    let bob = server.bob().clone();
    let mut session = Smtp::hello(postfix.address).unwrap();
    let message = b"From: far@client.example\r\nTo: bob@example.test\r\nSubject: by postfix\r\n\
                    Message-ID: <kept@client.example>\r\n\r\n.dot\r\nend\r\n";
    for sender in ["far@client.example", ""] {
        let reply = session.send(sender, &[&bob.address], message).unwrap();
        assert_eq!(reply.code, 250, "{reply:?}");
    }
    let refused = session
        .send("far@client.example", &["nobody@example.test"], message)
        .unwrap();
    assert_eq!(refused.code, 250, "Postfix queues what we shall refuse");
    let mut reader = server.reader(&bob);
    let arrived = until(SOON, || {
        reader.select("INBOX").unwrap();
        let uids = reader.search("SUBJECT \"by postfix\"").unwrap();
        (uids.len() == 2).then_some(uids)
    });
    let uids = arrived.unwrap_or_else(|| panic!("it did not arrive\n{}", postfix.log()));
    let refused = until(SOON, || postfix.log().contains("550 5.1.1").then_some(()));
    assert!(refused.is_some(), "{}", postfix.log());
    let rows = reader
        .fetch(&format!("{}:{}", uids[0], uids[1]), "BODY.PEEK[]")
        .unwrap();
    let texts: Vec<_> = rows
        .iter()
        .map(|row| String::from_utf8_lossy(&row.body).into_owned())
        .collect();
    assert!(
        texts
            .iter()
            .any(|text| text.starts_with("Return-Path: <>\r\n")),
        "{texts:?}"
    );
    texts
        .into_iter()
        .find(|text| text.starts_with("Return-Path: <far@client.example>\r\n"))
}

#[test]
fn it_relays_to_us_over_tls() {
    let server = Server::in_clear();
    let next = format!("smtp:[127.0.0.1]:{}", server.port(Role::Smtp));
    let Some(text) = relay(&server, &next) else {
        return;
    };
    assert_trace(&text, "with ESMTPS ");
    assert!(text.ends_with("\r\n\r\n.dot\r\nend\r\n"), "{text}");
}

#[test]
fn it_delivers_by_lmtp() {
    let server = Server::in_clear();
    let next = format!("lmtp:inet:[127.0.0.1]:{}", server.port(Role::Lmtp));
    let Some(text) = relay(&server, &next) else {
        return;
    };
    assert_trace(&text, "with LMTP ");
}

/// We relay to Postfix, found by its MX record, and it sends on to a remote that tells.
#[test]
fn we_relay_to_it() {
    if !need(&["postfix"]) || !need_root() || find("postconf").is_none() {
        return;
    }
    let remote = Remote::start(Personality::default().with_starttls(StartTls::Good));
    let Some(postfix) = Postfix::start(&format!("smtp:[127.0.0.1]:{}", remote.address().port()))
    else {
        return;
    };
    let dns = DnsServer::start(
        "neighbour.example MX 10 relay.neighbour.example
         relay.neighbour.example A 127.0.0.1",
    );
    let server = Options::new()
        .set("auth.cleartext=loopback")
        .set("listen.submission_starttls=offer")
        .set(&format!("dns.servers=['{}']", dns.address()))
        .set(&format!("relay.port={}", postfix.address.port()))
        .start();
    let alice = server.alice().clone();
    let mut session = Smtp::hello(server.at(Role::Submission)).unwrap();
    assert!(
        session
            .login(&alice.address, &alice.password)
            .unwrap()
            .is("235")
    );
    let message = format!(
        "From: {}\r\nTo: dora@neighbour.example\r\nSubject: to postfix\r\n\r\n.dot\r\nend\r\n",
        alice.address
    );
    let to = ["dora@neighbour.example", "emil@neighbour.example"];
    let reply = session
        .send(&alice.address, &to, message.as_bytes())
        .unwrap();
    assert_eq!(reply.code, 250, "{reply:?}");
    let arrived = until(SOON, || {
        let messages = remote.accepted();
        let count: usize = messages
            .iter()
            .map(|message| message.recipients.len())
            .sum();
        (count == 2).then_some(messages)
    });
    let arrived = arrived.unwrap_or_else(|| panic!("{}\n{}", server.log(), postfix.log()));
    for message in arrived {
        assert_eq!(message.sender, alice.address);
        assert!(message.octets.ends_with(b"\r\n\r\n.dot\r\nend\r\n"));
    }
}

/// Our trace fields come first, then Postfix's own, then what was written (RFC 5321 §4.4).
fn assert_trace(text: &str, keyword: &str) {
    let unfolded = text.replace("\r\n\t", " ").replace("\r\n ", " ");
    let mut lines = unfolded.lines();
    assert_eq!(
        lines.next(),
        Some("Return-Path: <far@client.example>"),
        "{text}"
    );
    assert_eq!(
        lines.next(),
        Some("Delivered-To: bob@example.test"),
        "{text}"
    );
    let ours = lines.next().unwrap_or_default();
    assert!(
        ours.starts_with("Received: from relay.neighbour.example"),
        "{text}"
    );
    assert!(
        ours.contains("127.0.0.1") && ours.contains(keyword),
        "{text}"
    );
    let theirs = lines.next().unwrap_or_default();
    assert!(
        theirs.starts_with("Received: from client.example"),
        "{text}"
    );
    assert_eq!(unfolded.matches("Message-ID:").count(), 1);
}
