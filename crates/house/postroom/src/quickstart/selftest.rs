//! One message from the first account to the second, as a mail program would send and read it.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use postroom_config::tree::Role;
use postroom_runtime::clock::Clock;
use postroom_runtime::pool::BlockingPool;
use postroom_runtime::random::Random;
use postroom_runtime::secret::Secret;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::quickstart::files::Account;
use crate::report::{self, Failure};

/// How long the server may take for any one answer.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// How often the mailbox is looked into before the message is given up.
const LOOKS_MAX: u32 = 100;

/// Submits a message over 465, reads it back over 993, and prints each step with its time.
pub(crate) async fn run(
    directory: &Path,
    addresses: &[(Role, SocketAddr)],
    accounts: &[Account],
) -> Result<(), Failure> {
    let address = |role| {
        addresses
            .iter()
            .find(|(one, _)| *one == role)
            .map(|(_, address)| *address)
    };
    let (Some(submissions), Some(imaps), [from, to, ..]) =
        (address(Role::Submissions), address(Role::Imaps), accounts)
    else {
        return report::say(
            "no self-test: it takes submissions, imaps and two accounts of accounts.txt",
        );
    };
    let authority = directory.join("tls/ca.pem");
    let tls = trusting(&authority)?;
    let test = SelfTest {
        tls,
        submissions,
        imaps,
        from: Login {
            address: from.address.clone(),
            password: from.password.clone(),
        },
        to: Login {
            address: to.address.clone(),
            password: to.password.clone(),
        },
        mark: format!("{:016x}", Random::system().number()),
        clock: Clock::system(),
    };
    let pool = BlockingPool::start("self-test", 1, 1)
        .map_err(|error| Failure::because("no thread for the self-test", &error))?;
    let outcome = pool.run(move || test.send_and_read()).await;
    match outcome {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Failure::because("the self-test failed", &error)),
        Err(error) => Err(Failure::because("the self-test failed", &error)),
    }
}

fn trusting(authority: &Path) -> Result<Arc<ClientConfig>, Failure> {
    let unusable = |error: &dyn std::error::Error| {
        Failure::because(
            format_args!("{} cannot be used", authority.display()),
            error,
        )
    };
    let certificate = CertificateDer::from_pem_file(authority).map_err(|error| unusable(&error))?;
    let mut roots = RootCertStore::empty();
    roots.add(certificate).map_err(|error| unusable(&error))?;
    Ok(Arc::new(
        ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth(),
    ))
}

struct Login {
    address: String,
    password: Secret,
}

struct SelfTest {
    tls: Arc<ClientConfig>,
    submissions: SocketAddr,
    imaps: SocketAddr,
    from: Login,
    to: Login,
    mark: String,
    clock: Clock,
}

type Connection = BufReader<StreamOwned<ClientConnection, TcpStream>>;

impl SelfTest {
    fn send_and_read(&self) -> io::Result<()> {
        let start = self.clock.now();
        self.submit(start)?;
        self.read_back(start)?;
        self.tell(start, "self-test done: submitted and read back")
    }

    fn tell(&self, start: Instant, what: &str) -> io::Result<()> {
        let elapsed = self.clock.now().duration_since(start);
        let line = format!("  {:>8.1} ms  {what}", elapsed.as_secs_f64() * 1000.0);
        report::say(line).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }

    fn connect(&self, address: SocketAddr) -> io::Result<Connection> {
        let stream = TcpStream::connect_timeout(&address, ANSWER_MAX)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        stream.set_write_timeout(Some(ANSWER_MAX))?;
        let name = ServerName::IpAddress(address.ip().into());
        let connection = ClientConnection::new(self.tls.clone(), name).map_err(io::Error::other)?;
        Ok(BufReader::new(StreamOwned::new(connection, stream)))
    }

    fn submit(&self, start: Instant) -> io::Result<()> {
        let mut smtp = self.connect(self.submissions)?;
        reply(&mut smtp, "220")?;
        self.tell(
            start,
            &format!("connected to {} with TLS", self.submissions),
        )?;
        ask(&mut smtp, "EHLO localhost", "250")?;
        let plain = format!("\0{}\0{}", self.from.address, self.from.password.expose());
        ask(
            &mut smtp,
            &format!("AUTH PLAIN {}", STANDARD.encode(plain)),
            "235",
        )?;
        self.tell(start, &format!("signed in as {}", self.from.address))?;
        ask(
            &mut smtp,
            &format!("MAIL FROM:<{}>", self.from.address),
            "250",
        )?;
        ask(&mut smtp, &format!("RCPT TO:<{}>", self.to.address), "250")?;
        ask(&mut smtp, "DATA", "354")?;
        let message = format!(
            "From: <{}>\r\nTo: <{}>\r\nSubject: postroom self-test {}\r\n\r\nIt works.\r\n.",
            self.from.address, self.to.address, self.mark
        );
        ask(&mut smtp, &message, "250")?;
        self.tell(
            start,
            &format!("submitted a message to {}", self.to.address),
        )?;
        ask(&mut smtp, "QUIT", "221")
    }

    fn read_back(&self, start: Instant) -> io::Result<()> {
        let mut imap = self.connect(self.imaps)?;
        reply(&mut imap, "* OK")?;
        self.tell(start, &format!("connected to {} with TLS", self.imaps))?;
        command(
            &mut imap,
            &format!("LOGIN {} {}", self.to.address, self.to.password.expose()),
        )?;
        self.tell(start, &format!("signed in as {}", self.to.address))?;
        command(&mut imap, "SELECT INBOX")?;
        for _ in 0..LOOKS_MAX {
            let lines = command(&mut imap, &format!("UID SEARCH SUBJECT {}", self.mark))?;
            let found = lines.iter().find_map(|line| line.strip_prefix("* SEARCH "));
            let Some(uid) = found.and_then(|list| list.split_whitespace().last()) else {
                continue;
            };
            let lines = command(&mut imap, &format!("UID FETCH {uid} BODY.PEEK[]"))?;
            if !lines.iter().any(|line| line == "It works.") {
                return Err(io::Error::other("the message came back changed"));
            }
            self.tell(start, &format!("read it back from the inbox as UID {uid}"))?;
            return command(&mut imap, "LOGOUT").map(drop);
        }
        Err(io::Error::other("the message is not in the inbox"))
    }
}

/// Sends a line and checks how the reply begins.
fn ask(smtp: &mut Connection, line: &str, expected: &str) -> io::Result<()> {
    smtp.get_mut().write_all(format!("{line}\r\n").as_bytes())?;
    reply(smtp, expected)
}

/// Reads a reply to its last line (RFC 5321 §4.2.1).
fn reply(connection: &mut Connection, expected: &str) -> io::Result<()> {
    loop {
        let line = line(connection)?;
        if !line.starts_with(expected) {
            return Err(io::Error::other(format!(
                "expected {expected}, got: {line}"
            )));
        }
        if line.as_bytes().get(3) != Some(&b'-') {
            return Ok(());
        }
    }
}

/// Sends a command and returns its untagged lines; literals come as the lines they hold.
fn command(imap: &mut Connection, text: &str) -> io::Result<Vec<String>> {
    imap.get_mut()
        .write_all(format!("t {text}\r\n").as_bytes())?;
    let mut lines = Vec::new();
    loop {
        let line = line(imap)?;
        if let Some(status) = line.strip_prefix("t ") {
            let is_ok = status.starts_with("OK");
            return if is_ok {
                Ok(lines)
            } else {
                Err(io::Error::other(format!("the server said: {status}")))
            };
        }
        lines.push(line);
    }
}

fn line(connection: &mut Connection) -> io::Result<String> {
    let mut line = String::new();
    if connection.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
