//! `postroom sendmail`, also by the names `sendmail`, `mailq` and `newaliases`: what programs of
//! this machine hand over, by the interface that they have known since 1983.
//!
//! A message goes to the server over its socket for programs of this machine, as a submission like
//! any other. Where no server runs and the data directory is the caller's own, it is taken here.

mod options;
mod talk;

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use clap::Parser as _;
use postroom_config::Config;
use postroom_mail::address::{Address, ForwardPath, NonAscii, ReversePath};
use postroom_mail::handover::{self, HandoverError, LoneDot, Origin, Prepared};
use postroom_mail::message::{ListMember, NamedMailbox, parse_address_list};
use postroom_runtime::pool::BlockingPool;
use postroom_runtime::user;

use self::options::{Mode, Options};
use self::talk::{Envelope, Talk};
use crate::access::Access;
use crate::owner::Owner;
use crate::report::{self, Failure};
use crate::serve;
use crate::settings::Settings;
use crate::threads;

/// The command was used wrongly (sysexits(3), as all of these).
const EX_USAGE: u8 = 64;
/// What was handed over cannot be sent.
const EX_DATAERR: u8 = 65;
/// A recipient does not exist.
const EX_NOUSER: u8 = 67;
/// It was refused for another reason.
const EX_UNAVAILABLE: u8 = 69;
/// Standard input or output failed.
const EX_IOERR: u8 = 74;
/// Not now; the same may succeed later.
const EX_TEMPFAIL: u8 = 75;
/// The caller may not.
const EX_NOPERM: u8 = 77;
/// The configuration is not good.
const EX_CONFIG: u8 = 78;

/// Octets of text before a message that its lines may grow by: one CR for each LF.
const INPUT_OCTETS_MIN: u64 = 1024 * 1024;

/// Options of `sendmail`, which are read by their own rules.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// As those of the sendmail of Sendmail and Postfix; see docs/sendmail.md
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Failure> {
        run(self.arguments, Mode::Deliver)
    }
}

/// What the program does when it is called by a name of sendmail.
pub(crate) fn by_name(program: &OsString) -> Option<Mode> {
    match Path::new(program).file_name()?.to_str()? {
        "sendmail" => Some(Mode::Deliver),
        "mailq" => Some(Mode::ListQueue),
        "newaliases" => Some(Mode::RebuildAliases),
        _ => None,
    }
}

/// Does what the arguments say; `mode` is what the name of the program says.
pub(crate) fn run(arguments: Vec<OsString>, mode: Mode) -> Result<(), Failure> {
    let options = Options::parse(arguments, mode)
        .map_err(|error| Failure::because("sendmail", &error).code(EX_USAGE))?;
    match options.mode {
        Mode::RebuildAliases => {
            report::say("aliases need no rebuilding: postroom alias takes effect at once")
        }
        Mode::ListQueue => as_postroom(&["queue", "list"], &options),
        Mode::FlushQueue => as_postroom(&["queue", "retry", "--all"], &options),
        Mode::Deliver => deliver(&options),
        Mode::Session => session(&options),
    }
}

/// Has another command of this program do it.
fn as_postroom(command: &[&str], options: &Options) -> Result<(), Failure> {
    let mut arguments: Vec<OsString> = vec!["postroom".into()];
    arguments.extend(command.iter().map(Into::into));
    if let Some(file) = &options.config {
        arguments.extend(["--config".into(), file.into()]);
    }
    match crate::Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments.command.run(),
        Err(error) => Err(Failure::because("sendmail", &error).code(EX_USAGE)),
    }
}

fn load(options: &Options) -> Result<(Settings, Config), Failure> {
    let settings = Settings {
        config: options.config.clone(),
        overrides: Vec::new(),
    };
    let loaded = settings
        .load(&Access::default())
        .map_err(|failure| failure.code(EX_CONFIG))?;
    Ok((settings, loaded.config))
}

/// `-bm`: one message from standard input.
fn deliver(options: &Options) -> Result<(), Failure> {
    let (_, config) = load(options)?;
    let server = Server::find(&config)?;
    let caller = caller(&config)?;
    let sender = match &options.sender {
        None => ReversePath::Address(caller.clone()),
        Some(text) if text.is_empty() || text == "<>" => ReversePath::Null,
        Some(text) => ReversePath::Address(only_address(text, config.hostname.as_str())?),
    };
    let message = read_message(options, &config)?;
    let domain = origin(&config);
    let from = sender.address().unwrap_or(&caller);
    let origin = Origin {
        sender: from,
        full_name: options.full_name.as_deref().unwrap_or_default(),
        domain: &domain,
    };
    let prepared = handover::prepare(&message, &origin);
    let recipients = recipients(options, &prepared, &domain)?;
    let envelope = Envelope {
        sender,
        recipients,
        notify: options.notify.clone(),
        ret: options.ret,
        envid: options.envid.clone(),
        is_verbose: options.is_verbose,
    };
    server.with(&config, move |stream| {
        Talk::open(stream)?.send(&envelope, &prepared.octets)
    })
}

/// `-bs`: the caller speaks SMTP by standard input and output.
fn session(options: &Options) -> Result<(), Failure> {
    let (_, config) = load(options)?;
    Server::find(&config)?.with(&config, pipe)
}

/// Hands on what comes both ways until the server closes.
fn pipe(stream: UnixStream) -> Result<(), Failure> {
    let failed =
        |error: io::Error| Failure::because("standard input and output", &error).code(EX_IOERR);
    let mut upward = stream.try_clone().map_err(failed)?;
    // It waits in a read of standard input that nothing can end but the end of the process.
    let _waits = std::thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(move || {
            // What the server does not take it has said why.
            let _ = io::copy(&mut io::stdin().lock(), &mut upward);
            let _ = upward.shutdown(std::net::Shutdown::Write);
        })
        .map_err(failed)?;
    let mut downward = stream;
    let mut output = io::stdout().lock();
    let mut buffer = [0; 4096];
    loop {
        let octets = downward.read(&mut buffer).map_err(failed)?;
        if octets == 0 {
            return Ok(());
        }
        output.write_all(&buffer[..octets]).map_err(failed)?;
        output.flush().map_err(failed)?;
    }
}

/// Where a message is taken.
#[derive(Clone, Copy)]
enum Server {
    /// A server runs.
    Running,
    /// None does, and the data directory is the caller's own.
    Here,
}

impl Server {
    /// Looks for the server. A caller who is root becomes the owner of the data directory where
    /// no server runs; this happens before anything of standard input is read.
    fn find(config: &Config) -> Result<Self, Failure> {
        let path = serve::submit_socket(&config.data_dir);
        match UnixStream::connect(&path) {
            Ok(_) => return Ok(Self::Running),
            Err(error) if is_absent(&error) => {}
            Err(error) => {
                let failure = Failure::because(path.display(), &error);
                return Err(failure
                    .mend("let the callers of sendmail pass through the data directory: chmod o+x")
                    .code(EX_NOPERM));
            }
        }
        match Owner::other(&config.data_dir) {
            None => Ok(Self::Here),
            Some(owner) if rustix::process::geteuid().is_root() => Err(owner.take_over()),
            Some(_) => Err(down()),
        }
    }

    /// Does `work` with a connection.
    fn with(
        self,
        config: &Config,
        work: impl FnOnce(UnixStream) -> Result<(), Failure> + Send + 'static,
    ) -> Result<(), Failure> {
        let path = serve::submit_socket(&config.data_dir);
        let work = move || match UnixStream::connect(&path) {
            Ok(stream) => work(stream),
            Err(error) if is_absent(&error) => Err(down()),
            Err(error) => Err(Failure::because(path.display(), &error).code(EX_TEMPFAIL)),
        };
        match self {
            Self::Running => work(),
            Self::Here => {
                let here = async {
                    let pool = BlockingPool::start("sendmail", 1, 1)
                        .map_err(|error| Failure::because("no thread", &error))?;
                    let serving = serve::local::Serving::open(config).await?;
                    let done = pool.run(work).await;
                    serving.end().await;
                    Ok(done)
                };
                let done = threads::of_a_server()?
                    .block_on(here)
                    .map_err(|failure: Failure| failure.code(EX_TEMPFAIL))?;
                done.map_err(|error| Failure::because("sendmail", &error).code(EX_TEMPFAIL))?
            }
        }
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
    )
}

fn down() -> Failure {
    Failure::new(
        "the server does not run, and its data directory is another user's",
        "start it: postroom serve; then hand the message over again",
    )
    .code(EX_TEMPFAIL)
}

/// Who hands over: the user's name at this server's.
fn caller(config: &Config) -> Result<Address, Failure> {
    let name = user::name(rustix::process::getuid().as_raw());
    let text = format!("{name}@{}", config.hostname.as_str());
    Address::parse(&text, NonAscii::Refused)
        .map_err(|error| Failure::because(text, &error).code(EX_CONFIG))
}

/// The domain of recipients that name none: the postmaster's, who reads what machines write.
fn origin(config: &Config) -> String {
    match &config.delivery.postmaster {
        Some(postmaster) => postmaster.domain.to_string(),
        None => config.hostname.as_str().to_owned(),
    }
}

fn read_message(options: &Options, config: &Config) -> Result<Vec<u8>, Failure> {
    let size_max = config.limits.message.size_max.bytes();
    let input_max = size_max.saturating_add(INPUT_OCTETS_MIN);
    let mut input = Vec::new();
    io::stdin()
        .lock()
        .take(input_max + 1)
        .read_to_end(&mut input)
        .map_err(|error| Failure::because("standard input", &error).code(EX_IOERR))?;
    if input.len() as u64 > input_max {
        let what = format!("the message is larger than {size_max} octets");
        return Err(Failure::new(what, "see limits.message.size_max").code(EX_UNAVAILABLE));
    }
    let lone_dot = if options.ignores_dots {
        LoneDot::Stays
    } else {
        LoneDot::Ends
    };
    handover::with_crlf(&input, lone_dot).map_err(|error: HandoverError| {
        Failure::because("the message", &error)
            .mend("end lines in LF or CRLF, and encode what is not text")
            .code(EX_DATAERR)
    })
}

/// Those of the command line, and with `-t` those of the header.
fn recipients(
    options: &Options,
    prepared: &Prepared,
    domain: &str,
) -> Result<Vec<ForwardPath>, Failure> {
    let unusable = |text: &str| {
        let what = format!("{text:?} is no address");
        Failure::new(what, "write it as name@domain").code(EX_DATAERR)
    };
    let mut all = Vec::new();
    for text in &options.recipients {
        for named in mailboxes(text) {
            all.push(handover::recipient(&named, domain).map_err(|_| unusable(text))?);
        }
    }
    if options.reads_header {
        if let Some(text) = prepared.unusable.first() {
            return Err(unusable(text));
        }
        all.extend(prepared.recipients.iter().cloned());
    }
    let mut seen = Vec::with_capacity(all.len());
    for path in all {
        if !seen.contains(&path) {
            seen.push(path);
        }
    }
    if seen.is_empty() {
        let mend = if options.reads_header {
            "put a To, Cc or Bcc field into the message"
        } else {
            "name them at the end of the line, or give -t to have the header read"
        };
        return Err(Failure::new("no recipient is named", mend).code(EX_USAGE));
    }
    Ok(seen)
}

fn mailboxes(text: &str) -> impl Iterator<Item = NamedMailbox> {
    let members = parse_address_list(text.as_bytes()).into_iter();
    members.filter_map(|member| match member {
        ListMember::Mailbox(named) => Some(named),
        ListMember::GroupStart(_) | ListMember::GroupEnd => None,
    })
}

/// The one address of an option.
fn only_address(text: &str, domain: &str) -> Result<Address, Failure> {
    let mut named = mailboxes(text);
    let first = named.next().filter(|_| named.next().is_none());
    let address = first.and_then(|named| handover::address(&named, domain).ok());
    address.ok_or_else(|| {
        let what = format!("{text:?} is no address of a sender");
        Failure::new(what, "write it as name@domain, or <> for none").code(EX_USAGE)
    })
}
