//! The files of a new data directory.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use postroom_admin::answer::Answer;
use postroom_admin::request::{NewAccount, Request};
use postroom_certs::Authority;
use postroom_mail::address::Domain;
use postroom_runtime::clock::Clock;
use postroom_runtime::random::Random;
use postroom_runtime::secret::Secret;
use rustix::fs::statfs;

use crate::house::House;
use crate::quickstart::Wishes;
use crate::report::{self, Failure};

/// Letters and digits in a generated password.
const PASSWORD_LETTERS: usize = 20;

/// Who gets an account.
const NAMES: [&str; 2] = ["alice", "bob"];

/// An account with its password in clear, as `accounts.txt` lists it.
pub(crate) struct Account {
    pub(crate) address: String,
    pub(crate) password: Secret,
}

/// The configuration file of a directory.
pub(crate) fn config(directory: &Path) -> PathBuf {
    directory.join("postroom.toml")
}

/// The list of accounts of a directory.
pub(crate) fn account_list(directory: &Path) -> PathBuf {
    directory.join("accounts.txt")
}

/// Makes configuration, authority and certificate, unless the directory has a configuration.
/// Returns whether they are new.
pub(crate) fn prepare(wishes: &Wishes) -> Result<bool, Failure> {
    let file = config(&wishes.directory);
    if file.exists() {
        return Ok(false);
    }
    let domain = Domain::parse(&wishes.domain)
        .ok()
        .filter(|domain| !domain.is_literal())
        .ok_or_else(|| {
            Failure::new(
                format!("{:?} is no domain", wishes.domain),
                "write it as example.org",
            )
        })?;
    let failed = |what: &Path| {
        let what = format!("{} cannot be written", what.display());
        move |error: io::Error| {
            Failure::because(what, &error).mend("choose a directory that this user may write")
        }
    };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&wishes.directory)
        .map_err(failed(&wishes.directory))?;
    let hostname = format!("mail.{domain}");
    let now = Clock::system().wall();
    let authority = Authority::create_or_load(&wishes.directory, now)
        .map_err(|error| Failure::because("no certificate was made", &error).mend(error.hint()))?;
    let addresses = [
        wishes.bind,
        std::net::Ipv4Addr::LOCALHOST.into(),
        std::net::Ipv6Addr::LOCALHOST.into(),
    ];
    authority
        .server(&[&hostname, "localhost"], &addresses, now)
        .map_err(|error| Failure::because("no certificate was made", &error).mend(error.hint()))?;
    // The configuration comes last: with it, the directory counts as made.
    put(&file, 0o640, &configuration(wishes, &hostname)?).map_err(failed(&file))?;
    Ok(true)
}

fn configuration(wishes: &Wishes, hostname: &str) -> Result<String, Failure> {
    let mut text = format!(
        "# Made by `postroom quickstart`. Every setting: `postroom config reference`.
hostname = \"{hostname}\"
data_dir = \".\"

[listen]
bind = [\"{bind}\"]
port_offset = {offset}
lmtp = [\"{bind}\"]

[delivery]
postmaster = \"{postmaster}@{domain}\"
",
        bind = wishes.bind,
        offset = wishes.port_offset,
        postmaster = NAMES[0],
        domain = wishes.domain,
    );
    if let Some(name) = weak_filesystem(&wishes.directory) {
        report::say(format_args!(
            "warning: {} is on {name}, which may lose mail; do not keep real mail there",
            wishes.directory.display()
        ))?;
        let _ = writeln!(text, "\n[store]\naccept_filesystem = [\"{name}\"]");
    }
    Ok(text)
}

/// The name of a file system that is for trying out only.
fn weak_filesystem(directory: &Path) -> Option<&'static str> {
    const OVERLAYFS: i64 = 0x794c_7630;
    const TMPFS: i64 = 0x0102_1994;
    match statfs(directory).ok()?.f_type {
        OVERLAYFS => Some("overlayfs"),
        TMPFS => Some("tmpfs"),
        _ => None,
    }
}

/// Adds domain and accounts to the store and writes `accounts.txt`.
pub(crate) async fn add_accounts(house: &House, wishes: &Wishes) -> Result<Vec<Account>, Failure> {
    let domain = wishes.domain.clone();
    let accounts: Vec<Account> = NAMES
        .iter()
        .map(|name| Account {
            address: format!("{name}@{domain}"),
            password: password(&house.random),
        })
        .collect();
    // The list is on disk first: a password that only the store knew would be of no use.
    let mut list = String::new();
    for account in &accounts {
        let _ = writeln!(list, "{} {}", account.address, account.password.expose());
    }
    let file = account_list(&wishes.directory);
    put(&file, 0o600, &list).map_err(|error| {
        Failure::because(format_args!("{} cannot be written", file.display()), &error)
    })?;
    let new = accounts.iter().map(|account| NewAccount {
        address: account.address.clone(),
        password: Some(account.password.expose().to_owned()),
        hash: None,
    });
    let new = new.collect();
    for request in [
        Request::DomainAdd {
            domain,
            catch_all: None,
            alias_of: None,
            relay: false,
            replace: true,
        },
        Request::AccountAdd {
            accounts: new,
            quota: None,
        },
    ] {
        if let Answer::Failed(failure) = house.admin().answer(request).await {
            return Err(failure.into());
        }
    }
    Ok(accounts)
}

/// The accounts that the directory's list names; none when it is gone.
pub(crate) fn accounts(directory: &Path) -> Vec<Account> {
    let text = fs::read_to_string(account_list(directory)).unwrap_or_default();
    let read = |line: &str| {
        let (address, password) = line.split_once(' ')?;
        Some(Account {
            address: address.to_owned(),
            password: Secret::new(password),
        })
    };
    text.lines().filter_map(read).collect()
}

fn password(random: &Random) -> Secret {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut text = String::with_capacity(PASSWORD_LETTERS);
    while text.len() < PASSWORD_LETTERS {
        let mut byte = [0];
        random.fill(&mut byte);
        // Bytes beyond the last whole round of letters would favour the first of them.
        if let Some(letter) = LETTERS.get(usize::from(byte[0] & 63)) {
            text.push(char::from(*letter));
        }
    }
    Secret::new(text)
}

fn put(file: &Path, mode: u32, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(file)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
