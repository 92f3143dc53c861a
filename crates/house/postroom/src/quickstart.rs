//! A whole server on this machine in one command: files, accounts, a message there and back.

mod files;
mod selftest;

use std::net::IpAddr;
use std::path::PathBuf;

use postroom_config::Loaded;
use postroom_config::tree::Role;
use postroom_config::value::LogLevel;

use crate::access::Access;
use crate::log::Level;
use crate::owner::Owner;
use crate::quickstart::files::Account;
use crate::report::{self, Failure};
use crate::serve::{self, Opened, Serving};
use crate::settings::Settings;
use crate::threads;

/// What was asked for on the command line.
pub(crate) struct Wishes {
    /// The data directory.
    pub(crate) directory: PathBuf,
    /// The domain to take mail for.
    pub(crate) domain: String,
    /// The address to listen on.
    pub(crate) bind: IpAddr,
    /// Added to the usual ports.
    pub(crate) port_offset: u16,
    /// Stop after the self-test.
    pub(crate) once: bool,
    /// `KEY=VALUE` for this run.
    pub(crate) overrides: Vec<String>,
}

/// Prepares the directory if it is new, serves it, sends a message through it, and serves on.
pub(crate) fn run(wishes: &Wishes) -> Result<(), Failure> {
    let is_new = files::prepare(wishes)?;
    let settings = Settings {
        config: Some(files::config(&wishes.directory)),
        overrides: wishes.overrides.clone(),
    };
    let loaded = settings.load(&Access::default())?;
    if let Some(owner) = Owner::other(&loaded.config.data_dir) {
        return Err(Failure::new(
            format!("{} belongs to {owner}", wishes.directory.display()),
            "run quickstart as that user: it changes to nobody",
        ));
    }
    let level = crate::log::start(&loaded.config, LogLevel::Warn);
    threads::of_a_server()?.block_on(run_async(wishes, &settings, &loaded, is_new, level))
}

async fn run_async(
    wishes: &Wishes,
    settings: &Settings,
    loaded: &Loaded,
    is_new: bool,
    level: Level,
) -> Result<(), Failure> {
    let mut signals = serve::Signals::catch()?;
    let opened = Opened::open(loaded, Access::default(), level).await?;
    let accounts = if is_new {
        files::add_accounts(opened.house(), wishes).await?
    } else {
        files::accounts(&wishes.directory)
    };
    let serving = opened.listen().await?;
    introduce(wishes, &accounts, is_new)?;
    report::say(serving.ready_line())?;
    let addresses = serving.addresses();
    let test = selftest::run(&wishes.directory, &addresses, &accounts);
    let outcome = tokio::select! {
        outcome = test => outcome,
        () = signals.end() => return serving.end(&mut signals).await,
    };
    if wishes.once || outcome.is_err() {
        serving.end(&mut signals).await?;
        return outcome;
    }
    say_how_to_connect(wishes, &serving, &accounts)?;
    Box::pin(serve::until_ended(serving, settings, &mut signals)).await
}

fn introduce(wishes: &Wishes, accounts: &[Account], is_new: bool) -> Result<(), Failure> {
    let directory = wishes.directory.display();
    if !is_new {
        return report::say(format_args!(
            "serving what is in {directory}; it is kept as it is"
        ));
    }
    report::say(format_args!(
        "made {directory}: configuration, certificate, domain and accounts"
    ))?;
    for account in accounts {
        report::say(format_args!(
            "  {}  password {}",
            account.address,
            account.password.expose()
        ))?;
    }
    Ok(())
}

fn say_how_to_connect(
    wishes: &Wishes,
    serving: &Serving,
    accounts: &[Account],
) -> Result<(), Failure> {
    let port = |role| match serving.address(role) {
        // Some programs trust a certificate for names alone.
        Some(address) if address.ip().is_loopback() => {
            format!("localhost, port {}", address.port())
        }
        Some(address) => format!("{}, port {}", address.ip(), address.port()),
        None => "-".to_owned(),
    };
    let user = accounts
        .first()
        .map_or("an account's address", |account| account.address.as_str());
    report::say(format_args!(
        "
connect a mail program:
  incoming  IMAP  {imaps}, SSL/TLS
  outgoing  SMTP  {submissions}, SSL/TLS
  user      {user}, password as in {accounts}
  authority {authority} (let the program trust it)
Ctrl-C ends the server; `postroom serve --config {config}` starts it again",
        imaps = port(Role::Imaps),
        submissions = port(Role::Submissions),
        accounts = files::account_list(&wishes.directory).display(),
        authority = wishes.directory.join("tls/ca.pem").display(),
        config = files::config(&wishes.directory).display(),
    ))
}
