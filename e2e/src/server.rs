//! A server of the test's own.

mod ports;

use std::env;
use std::fs::{self, File, OpenOptions};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::deadline::{SOON, Stopwatch, until};
use crate::imap::Imap;
use crate::process;
use crate::program::{Ended, Program};
use crate::scratch::{self, Scratch};

pub use ports::Role;

/// Tries to find ports that nobody takes between the look and the start.
const STARTS_MAX: u32 = 5;

/// Lines of the server's log that a failed test shows.
const LOG_TAIL: usize = 60;

/// Someone who can log in.
#[derive(Clone, Debug)]
pub struct Account {
    /// Address and login name.
    pub address: String,
    /// Password.
    pub password: String,
}

/// How a server is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    settings: Vec<String>,
    limits: Option<String>,
}

impl Options {
    /// A quickstart server as it is.
    pub fn new() -> Self {
        Self::default()
    }

    /// `--set KEY=VALUE` at every start.
    #[must_use]
    pub fn set(mut self, setting: &str) -> Self {
        self.settings.push(setting.to_owned());
        self
    }

    /// What the shell does before it becomes the server: `ulimit -n 256`.
    #[must_use]
    pub fn limits(mut self, command: &str) -> Self {
        self.limits = Some(command.to_owned());
        self
    }

    /// Makes a data directory with quickstart and serves it.
    ///
    /// # Panics
    /// When the server does not start.
    pub fn start(self) -> Server {
        let mut tries = 0;
        loop {
            tries += 1;
            let mut server = Server::make(self.clone());
            match server.quickstart().and_then(|()| server.try_serve()) {
                Ok(()) => return server,
                Err(Trouble::PortTaken) if tries < STARTS_MAX => {}
                Err(Trouble::PortTaken) => panic!("no free ports in {tries} tries"),
                Err(Trouble::Other(what)) => panic!("the server does not start: {what}"),
            }
        }
    }
}

/// A data directory, and the process that serves it.
#[derive(Debug)]
pub struct Server {
    scratch: Scratch,
    offset: u16,
    /// Where it was moved to.
    config: Option<PathBuf>,
    options: Options,
    accounts: Vec<Account>,
    child: Option<Child>,
    ready_after: Duration,
}

/// Why a server did not start.
enum Trouble {
    PortTaken,
    Other(String),
}

impl Server {
    /// A quickstart server.
    pub fn start() -> Self {
        Options::new().start()
    }

    /// A quickstart server that takes passwords without TLS from loopback.
    pub fn in_clear() -> Self {
        Options::new().set("auth.cleartext=loopback").start()
    }

    /// A folder and ports, and nothing in them yet.
    pub fn make(options: Options) -> Self {
        Self {
            scratch: Scratch::new(),
            offset: ports::free_offset(),
            config: None,
            options,
            accounts: Vec::new(),
            child: None,
            ready_after: Duration::ZERO,
        }
    }

    /// The arguments of quickstart on this data directory.
    pub fn quickstart_arguments(&self) -> Vec<String> {
        let data = self.data().display().to_string();
        let offset = self.offset.to_string();
        ["quickstart", &data, "--port-offset", &offset]
            .map(str::to_owned)
            .to_vec()
    }

    fn quickstart(&mut self) -> Result<(), Trouble> {
        let arguments = self.quickstart_arguments();
        let ended = Program::new(binary()).args(&arguments).arg("--once").run();
        if ended.code == Some(0) {
            self.accounts = self.read_accounts();
            return Ok(());
        }
        Err(Trouble::of(ended.text()))
    }

    /// Reads `accounts.txt`.
    ///
    /// # Panics
    /// When it is not there.
    pub fn read_accounts(&self) -> Vec<Account> {
        let text = fs::read_to_string(self.data().join("accounts.txt")).expect("accounts.txt");
        let accounts = text.lines().filter_map(|line| {
            let (address, password) = line.split_once(' ')?;
            Some(Account {
                address: address.to_owned(),
                password: password.to_owned(),
            })
        });
        accounts.collect()
    }

    /// Serves the data directory again, after [`Server::stop`] or [`Server::kill`].
    ///
    /// # Panics
    /// When the server does not start.
    pub fn serve(&mut self) {
        match self.try_serve() {
            Ok(()) => {}
            Err(Trouble::PortTaken) => panic!("a port was taken meanwhile\n{}", self.log()),
            Err(Trouble::Other(what)) => panic!("the server does not start: {what}"),
        }
    }

    fn try_serve(&mut self) -> Result<(), Trouble> {
        let before = self.log().len();
        let watch = self.spawn();
        let ready = until(SOON, || {
            let child = self.child.as_mut()?;
            if let Ok(Some(status)) = child.try_wait() {
                return Some(Err(status));
            }
            is_ready(&self.output()).then_some(Ok(()))
        });
        self.ready_after = watch.elapsed();
        match ready {
            Some(Ok(())) => Ok(()),
            Some(Err(status)) => {
                self.child = None;
                let log = self.log();
                let log = log.get(before..).unwrap_or_default();
                Err(Trouble::of(format!("{status}\n{log}")))
            }
            None => Err(Trouble::Other("no line begins with `ready`".to_owned())),
        }
    }

    /// Starts the process and does not wait until it is ready.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn spawn(&mut self) -> Stopwatch {
        assert!(self.child.is_none(), "the server runs already");
        let mut command = match &self.options.limits {
            Some(limits) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("{limits} && exec \"$0\" \"$@\"")]);
                shell.arg(binary());
                shell
            }
            None => Command::new(binary()),
        };
        command.args(["serve", "--config"]).arg(self.config());
        for setting in &self.options.settings {
            command.args(["--set", setting]);
        }
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_path());
        command
            .stdin(Stdio::null())
            .stdout(File::create(self.output_path()).expect("a file for output"))
            .stderr(log.expect("a file for the log"));
        let watch = Stopwatch::start();
        self.child = Some(command.spawn().expect("the postroom binary starts"));
        watch
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Panics
    /// When it does not end.
    pub fn stop(&mut self) -> ExitStatus {
        process::signal(self.pid(), Signal::TERM);
        self.wait(SOON)
    }

    /// Waits for the end of the process.
    ///
    /// # Panics
    /// When it does not end.
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let mut child = self.child.take().expect("a server that was started");
        let status = until(limit, || child.try_wait().expect("the state of a child"));
        status.unwrap_or_else(|| {
            let _ = child.kill();
            let _ = child.wait();
            panic!("the server did not end within {limit:?}");
        })
    }

    /// SIGKILL, as a crash would end it.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("a server that was started");
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Stops it in good order and serves again.
    pub fn restart(&mut self) {
        self.stop();
        self.serve();
    }

    /// The process.
    ///
    /// # Panics
    /// When it does not run.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("a server that was started").id()
    }

    /// Time from the last start to the `ready` line.
    pub fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// Where a role listens.
    pub fn at(&self, role: Role) -> SocketAddr {
        role.address(self.offset)
    }

    /// The port of a role, as an argument.
    pub fn port(&self, role: Role) -> String {
        self.at(role).port().to_string()
    }

    /// The first account of quickstart.
    pub fn alice(&self) -> &Account {
        &self.accounts[0]
    }

    /// The second account of quickstart.
    pub fn bob(&self) -> &Account {
        &self.accounts[1]
    }

    /// Adds accounts `NAME@example.test`, each with `NAME-password`, in one commit.
    ///
    /// # Panics
    /// When they cannot be added.
    pub fn import(&self, names: &[&str]) -> Vec<Account> {
        let account = |name: &&str| Account {
            address: format!("{name}@example.test"),
            password: format!("{name}-password"),
        };
        let accounts: Vec<_> = names.iter().map(account).collect();
        let lines: Vec<_> = accounts
            .iter()
            .map(|account| format!("{} {}\n", account.address, account.password))
            .collect();
        self.command(&["account", "import", "-"])
            .input(lines.concat())
            .succeed();
        accounts
    }

    /// Reads an account's mail, in clear.
    ///
    /// # Panics
    /// When it cannot log in; the server must take passwords without TLS.
    pub fn reader(&self, account: &Account) -> Imap {
        Imap::login(self.at(Role::Imap), &account.address, &account.password)
            .expect("a login in clear")
    }

    /// The one message in an account's INBOX with `subject`, which must be there now.
    ///
    /// # Panics
    /// When there is none, or more than one.
    pub fn received(&self, account: &Account, subject: &str) -> String {
        let mut reader = self.reader(account);
        reader.select("INBOX").expect("INBOX");
        let uids = reader
            .search(&format!("SUBJECT \"{subject}\""))
            .expect("a search");
        assert_eq!(uids.len(), 1, "messages with the subject {subject:?}");
        let rows = reader
            .fetch(&uids[0].to_string(), "BODY.PEEK[]")
            .expect("a message");
        String::from_utf8_lossy(&rows[0].body).into_owned()
    }

    /// The command line on this data directory.
    pub fn command(&self, arguments: &[&str]) -> Program {
        Program::new(binary())
            .args(arguments)
            .arg("--config")
            .arg(self.config())
    }

    /// Runs a command on this data directory.
    pub fn postroom(&self, arguments: &[&str]) -> Ended {
        self.command(arguments).run()
    }

    /// The folder around the data directory, for the test's own files.
    pub fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.scratch.path().join("data")
    }

    /// Its configuration.
    pub fn config(&self) -> PathBuf {
        let moved = self.config.clone();
        moved.unwrap_or_else(|| self.data().join("postroom.toml"))
    }

    /// Reads the configuration from elsewhere from the next start on.
    pub fn move_config(&mut self, to: PathBuf) {
        self.config = Some(to);
    }

    /// Writes the configuration anew.
    ///
    /// # Panics
    /// When it cannot be read or written.
    pub fn edit(&self, change: impl FnOnce(String) -> String) {
        let text = fs::read_to_string(self.config()).expect("a configuration");
        fs::write(self.config(), change(text)).expect("a configuration that can be written");
    }

    /// `postroom reload --json`: the exit code and what it printed.
    ///
    /// # Panics
    /// When it did not print JSON.
    pub fn reload(&self) -> (Option<i32>, serde_json::Value) {
        let ended = self.postroom(&["reload", "--json"]);
        let outcome = serde_json::from_str(&ended.out)
            .unwrap_or_else(|error| panic!("{error}: {}", ended.text()));
        (ended.code, outcome)
    }

    /// Waits until the log has `text` once more than it had before `act`.
    ///
    /// # Panics
    /// When it does not come.
    pub fn logs_after(&self, text: &str, act: impl FnOnce()) {
        let count = || self.log().matches(text).count();
        let before = count();
        act();
        let seen = until(SOON, || (count() > before).then_some(()));
        assert!(
            seen.is_some(),
            "{text:?} is not in the log:\n{}",
            self.log()
        );
    }

    /// The certificate of its authority.
    pub fn authority(&self) -> PathBuf {
        self.data().join("tls/ca.pem")
    }

    /// What the server printed since its last start.
    pub fn output(&self) -> String {
        read(&self.output_path())
    }

    /// What it wrote to standard error since the first start.
    pub fn log(&self) -> String {
        read(&self.log_path())
    }

    fn output_path(&self) -> PathBuf {
        self.scratch.path().join("server.out")
    }

    fn log_path(&self) -> PathBuf {
        self.scratch.path().join("server.log")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            process::signal(child.id(), Signal::TERM);
            if until(SOON, || child.try_wait().ok().flatten()).is_none() {
                let _ = child.kill();
            }
            let _ = child.wait();
        }
        if thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            let tail = lines
                .get(lines.len().saturating_sub(LOG_TAIL)..)
                .unwrap_or(&[]);
            crate::skip::note(&format!(
                "the server's log, kept in {}:\n{}",
                self.scratch.path().display(),
                tail.join("\n")
            ));
        }
    }
}

impl Trouble {
    fn of(text: String) -> Self {
        if text.contains("cannot listen") || text.contains("in use") {
            Self::PortTaken
        } else {
            Self::Other(text)
        }
    }
}

/// The program under test: `$POSTROOM_BIN`, else the one built beside this test.
///
/// # Panics
/// When it was not built.
pub fn binary() -> PathBuf {
    let path = env::var_os("POSTROOM_BIN")
        .map_or_else(|| scratch::profile_folder().join("postroom"), PathBuf::from);
    assert!(
        path.is_file(),
        "{} was not built: cargo build -p postroom",
        path.display()
    );
    path
}

/// Whether what a server printed has its `ready` line, whole.
pub fn is_ready(output: &str) -> bool {
    output
        .split_inclusive('\n')
        .any(|line| line.starts_with("ready") && line.ends_with('\n'))
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}
