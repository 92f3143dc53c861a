//! The rooms of the house and how they are joined.

use postroom_admin::answer::Answer;
use postroom_admin::handler::Admin;
use postroom_admin::request::Request;
use postroom_config::Config;
use postroom_directory::Directory;
use postroom_directory::password::Cost;
use postroom_runtime::clock::Clock;
use postroom_runtime::random::Random;
use postroom_store::error::OpenError;
use postroom_store::store::{Options, Store};

use crate::report::Failure;

/// What every room stands on.
#[derive(Clone)]
pub(crate) struct House {
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) store: Store,
    pub(crate) directory: Directory,
}

impl House {
    /// Opens the data directory, making it when it is not there.
    pub(crate) async fn open(config: &Config) -> Result<Self, Failure> {
        let clock = Clock::system();
        let random = Random::system();
        let store = Store::open(options(config, &clock, &random))
            .await
            .map_err(|error| not_opened(config, &error))?;
        let directory = Directory::open(
            store.clone(),
            clock.clone(),
            random.clone(),
            directory_limits(config),
        )
        .map_err(|error| Failure::because("no thread for hashing passwords", &error))?;
        Ok(Self {
            clock,
            random,
            store,
            directory,
        })
    }

    /// The operator's door.
    pub(crate) fn admin(&self) -> Admin {
        Admin::new(
            self.store.clone(),
            self.directory.clone(),
            self.clock.clone(),
        )
    }
}

/// Answers one request without a server: opens the data directory, asks, and closes it.
pub(crate) async fn answer_in_process(
    config: &Config,
    request: Request,
) -> Result<Answer, Failure> {
    let house = House::open(config).await?;
    let answer = house.admin().answer(request).await;
    house.store.close().await;
    Ok(answer)
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

fn not_opened(config: &Config, error: &OpenError) -> Failure {
    let failure = Failure::because(
        format_args!("{} cannot be opened", config.data_dir.display()),
        error,
    );
    match error {
        OpenError::Locked { .. } => failure.mend(
            "stop the other process, or let the command ask it: it does when the server runs",
        ),
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
