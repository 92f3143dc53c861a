//! The rooms of the house and how they are joined.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use postroom_admin::answer::Answer;
use postroom_admin::handler::Admin;
use postroom_admin::request::Request;
use postroom_admin::socket;
use postroom_config::Config;
use postroom_config::value::LogPrivacy;
use postroom_delivery::privacy::{KEY_OCTETS, Privacy};
use postroom_directory::Directory;
use postroom_directory::password::Cost;
use postroom_runtime::clock::{Clock, Timestamp};
use postroom_runtime::random::Random;
use postroom_runtime::telemetry::Telemetry;
use postroom_store::error::OpenError;
use postroom_store::operation::Operation;
use postroom_store::plan::Plan;
use postroom_store::store::{Options, Store};
use tokio::time::{Instant, sleep};

use crate::report::Failure;

/// How long a locked data directory is waited for: by a command for a server that starts or ends,
/// by a server for a command.
pub(crate) const BUSY_MAX: Duration = Duration::from_secs(10);

/// How long after one look the next is taken.
pub(crate) const BUSY_PAUSE: Duration = Duration::from_millis(50);

/// What every room stands on.
#[derive(Clone)]
pub(crate) struct House {
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) telemetry: Telemetry,
    pub(crate) store: Store,
    pub(crate) directory: Directory,
    /// How much of a person is written down.
    pub(crate) privacy: Privacy,
}

impl House {
    /// Opens the data directory, making it when it is not there.
    pub(crate) async fn open(config: &Config) -> Result<Self, NotOpened> {
        let clock = Clock::system();
        let random = Random::system();
        let telemetry = Telemetry::default();
        let options = Options {
            telemetry: telemetry.clone(),
            ..options(config, &clock, &random)
        };
        let store = Store::open(options)
            .await
            .map_err(|error| not_opened(config, &error))?;
        let directory = Directory::open(
            store.clone(),
            clock.clone(),
            random.clone(),
            directory_limits(config),
        )
        .map_err(|error| Failure::because("no thread for hashing passwords", &error))?;
        let privacy = privacy(config, &store, &clock, &random).await?;
        Ok(Self {
            clock,
            random,
            telemetry,
            store,
            directory,
            privacy,
        })
    }

    /// As [`House::open`], for a server: waits for a command that has the data directory, though
    /// not for another server.
    pub(crate) async fn open_to_serve(config: &Config) -> Result<Self, NotOpened> {
        let patience = Instant::now() + BUSY_MAX;
        loop {
            match Self::open(config).await {
                Err(not) if not.is_locked && Instant::now() < patience => {
                    if socket::is_served(&config.data_dir).await {
                        return Err(not);
                    }
                    sleep(BUSY_PAUSE).await;
                }
                opened => return opened,
            }
        }
    }

    /// Answers one request of this process's user.
    pub(crate) async fn answer(&self, request: Request) -> Answer {
        let own = rustix::process::geteuid().as_raw();
        self.admin().asked_by(own).answer(request).await
    }

    /// The operator's door.
    pub(crate) fn admin(&self) -> Admin {
        Admin::new(
            self.store.clone(),
            self.directory.clone(),
            self.clock.clone(),
            self.privacy.clone(),
        )
    }
}

/// Where the key of pseudonyms is remembered.
const KEY: &str = "privacy.key";

/// Pseudonyms are the same in all runs on one data directory, so that the journal can be asked for
/// an address; the key lies with the mail.
async fn privacy(
    config: &Config,
    store: &Store,
    clock: &Clock,
    random: &Random,
) -> Result<Privacy, Failure> {
    let rule = config.privacy.log;
    if rule != LogPrivacy::Pseudonym {
        return Ok(Privacy::new(rule, random));
    }
    let unread = |error: &dyn std::error::Error| Failure::because("the key of pseudonyms", error);
    let known = store
        .remembered(KEY)
        .await
        .map_err(|error| unread(&error))?;
    if let Some(key) = known.as_deref().and_then(key_of) {
        return Ok(Privacy::with_key(rule, &key));
    }
    let mut key = [0; KEY_OCTETS];
    random.fill(&mut key);
    let remember = Operation::Remember {
        key: KEY.into(),
        value: BASE64_STANDARD.encode(key).into(),
        until: Timestamp(i64::MAX.cast_unsigned()),
        must_be_new: false,
    };
    let plan = Plan {
        arrival: store.new_arrival(),
        time: clock.wall(),
        operations: vec![remember],
        journal: Vec::new(),
        body: None,
    };
    store.commit(plan).await.map_err(|error| unread(&error))?;
    Ok(Privacy::with_key(rule, &key))
}

fn key_of(text: &str) -> Option<[u8; KEY_OCTETS]> {
    BASE64_STANDARD.decode(text).ok()?.try_into().ok()
}

fn options(config: &Config, clock: &Clock, random: &Random) -> Options {
    let accepted = config
        .store
        .accept_filesystem
        .iter()
        .map(|name| name.as_str().into());
    Options {
        clock: clock.clone(),
        random: random.clone(),
        readers: config.store.readers_max as usize,
        // What a segment begun and the one after it may take is always left.
        reserve: config
            .store
            .reserve
            .bytes()
            .max(config.store.segment_max.bytes().saturating_mul(2)),
        segment_octets_max: config.store.segment_max.bytes(),
        batch_octets_max: config.store.batch_max.bytes(),
        journal_octets_max: config.journal.max_bytes.bytes(),
        journal_kept: config.journal.keep,
        accept_filesystem: accepted.collect(),
        ..Options::new(&config.data_dir)
    }
}

pub(crate) fn directory_limits(config: &Config) -> postroom_directory::Limits {
    let hashing = &config.directory;
    postroom_directory::Limits {
        alias_depth_max: config.limits.alias_depth_max as usize,
        hashing_threads: hashing.hash_threads_max as usize,
        hashing_waiting_max: hashing.hash_waiting_max as usize,
        failures_per_address_max: config.auth.failures_per_address_max,
        failures_window: config.auth.failures_window,
        cost: Cost {
            memory_kib: u32::try_from(hashing.hash_memory.bytes() / 1024).unwrap_or(u32::MAX),
            passes: hashing.hash_passes,
        },
        ..postroom_directory::Limits::default()
    }
}

/// A data directory was not opened.
pub(crate) struct NotOpened {
    /// Whether another process has it.
    pub(crate) is_locked: bool,
    failure: Failure,
}

impl From<Failure> for NotOpened {
    fn from(failure: Failure) -> Self {
        Self {
            is_locked: false,
            failure,
        }
    }
}

impl From<NotOpened> for Failure {
    fn from(not: NotOpened) -> Self {
        not.failure
    }
}

fn not_opened(config: &Config, error: &OpenError) -> NotOpened {
    NotOpened {
        is_locked: matches!(error, OpenError::Locked { .. }),
        failure: failure(config, error),
    }
}

fn failure(config: &Config, error: &OpenError) -> Failure {
    let failure = Failure::because(
        format_args!("{} cannot be opened", config.data_dir.display()),
        error,
    );
    match error {
        OpenError::Locked { .. } => failure
            .mend("wait for the other process, or stop it; a server that runs is asked by itself"),
        OpenError::Newer { .. } => failure.mend("start the release that wrote it, or a newer one"),
        OpenError::FileSystem { .. } => {
            failure.mend("keep real mail on a local disk: ext4, XFS, btrfs or ZFS")
        }
        OpenError::Thread(_) => failure.mend("raise the limit of threads of this user"),
        OpenError::Database(_) => {
            failure.mend("see the files in the data directory; the log in it is whole")
        }
        OpenError::Disk { .. } => failure.mend("check that the folder exists and is this user's"),
    }
}

#[cfg(test)]
mod tests {
    use postroom_config::value::FileSystem;
    use postroom_store::store::FILE_SYSTEMS;

    /// What may be accepted by the configuration is what the store would refuse.
    #[test]
    fn file_systems_are_those_that_the_store_knows() {
        assert_eq!(FILE_SYSTEMS.map(|(_, name)| name), FileSystem::WORDS);
    }
}
