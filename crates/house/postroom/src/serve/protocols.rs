//! The rooms that speak to peers, opened over the house.

use std::sync::Arc;

use postroom_config::Config;
use postroom_config::tree::Role;
use postroom_config::value::{ByteCount, ClearText};
use postroom_delivery::delivery::Delivery;
use postroom_delivery::expand;
use postroom_delivery::privacy::Privacy;
use postroom_delivery::worker::Worker;
use postroom_directory::Directory;
use postroom_directory::authenticate::SignInError;
use postroom_imap::limits::Limits as ImapLimits;
use postroom_imap::server::Settings as ImapSettings;
use postroom_intake::{Door, Doors, Intake, Parts};
use postroom_mail::address::Domain;
use postroom_mail::identifier::AccountId;
use postroom_mailbox::mailboxes::Mailboxes;
use postroom_mailbox::views::{self, Views};
use postroom_net::Peer;
use postroom_queue::queue::Queue;
use postroom_queue::schedule::Schedule;
use postroom_retrieval::authenticator::{AuthenticationError, Authenticator};
use postroom_retrieval::imap::Imap;
use postroom_runtime::group::TaskGroup;
use postroom_runtime::pool::BlockingPool;
use postroom_runtime::secret::Secret;
use postroom_runtime::watched::Watched;

use crate::house::House;
use crate::report::Failure;

/// Parsing and searching that waits for a thread; above it, sessions are told to come again.
const HEAVY_WAITING_MAX: usize = 4096;

/// The rooms that answer machines.
pub(crate) struct Rooms {
    pub(crate) privacy: Privacy,
    /// What a session begins with; it keeps it to its end.
    pub(crate) terms: Watched<Terms>,
    pub(crate) delivery: Delivery,
    pub(crate) queue: Queue,
    hostname: Domain,
    mailboxes: Mailboxes,
    house: House,
}

/// How sessions that begin now are served.
pub(crate) struct Terms {
    pub(crate) intake: Intake,
    pub(crate) imap: Arc<Imap<SignIn>>,
    lmtp: Doors,
    submission: Doors,
    submissions: Doors,
    transfer: Doors,
    local: Doors,
    imap_starttls: ImapDoor,
    imaps: ImapDoor,
}

impl Rooms {
    /// Opens the rooms; the queue is worked off in `workers`, what sessions lean on runs in
    /// `chores`.
    pub(crate) fn open(
        config: &Config,
        house: &House,
        workers: &TaskGroup,
        chores: &TaskGroup,
    ) -> Result<Self, Failure> {
        let privacy = house.privacy.clone();
        let schedule = schedule(config);
        let heavy = heavy()?;
        let hostname = Domain::parse(config.hostname.as_str()).map_err(|error| {
            Failure::because("hostname", &error).mend("write it as mail.example.org")
        })?;
        let delivery = Delivery::new(
            house.store.clone(),
            house.directory.clone(),
            expansion(config),
            schedule.clone(),
        );
        let queue = Queue::new(house.store.clone(), house.clock.clone(), schedule);
        let worker = Worker {
            delivery: delivery.clone(),
            queue: queue.clone(),
            clock: house.clock.clone(),
            host: config.hostname.as_str().into(),
            privacy: privacy.clone(),
        };
        workers.spawn(worker.run(workers.token().clone()));
        let parts = Parts {
            store: house.store.clone(),
            directory: house.directory.clone(),
            delivery: delivery.clone(),
            clock: house.clock.clone(),
            telemetry: house.telemetry.clone(),
            heavy: heavy.clone(),
            privacy: privacy.clone(),
        };
        let intake = Intake::new(parts, intake_limits(config, hostname.clone()));
        let mailboxes = mailboxes(config, house, heavy, chores);
        let imap = imap(config, mailboxes.clone(), house);
        Ok(Self {
            terms: Watched::new(Terms::new(config, intake, imap)),
            privacy,
            delivery,
            queue,
            hostname,
            mailboxes,
            house: house.clone(),
        })
    }

    /// Has sessions that begin from now on, and every message that is planned from now on, follow
    /// `config`.
    pub(crate) fn reload(&self, config: &Config) {
        self.privacy.reload(config.privacy.log);
        self.delivery.reload(expansion(config));
        let limits = intake_limits(config, self.hostname.clone());
        let intake = self.terms.get().intake.renewed(limits);
        let imap = imap(config, self.mailboxes.clone(), &self.house);
        self.terms.set(Terms::new(config, intake, imap));
    }
}

impl Terms {
    fn new(config: &Config, intake: Intake, imap: Imap<SignIn>) -> Self {
        let doors = |door| {
            let hostname = config.hostname.as_str();
            Doors::new(door, hostname, &config.limits, &config.auth, &config.listen)
        };
        Self {
            intake,
            imap: Arc::new(imap),
            lmtp: doors(Door::Lmtp),
            submission: doors(Door::Submission),
            submissions: doors(Door::Submissions),
            transfer: doors(Door::Transfer),
            local: doors(Door::Local),
            imap_starttls: ImapDoor::new(config, true),
            imaps: ImapDoor::new(config, false),
        }
    }

    /// The profiles of a listener of mail that comes in.
    pub(crate) fn doors(&self, door: Door) -> &Doors {
        match door {
            Door::Lmtp => &self.lmtp,
            Door::Submission => &self.submission,
            Door::Submissions => &self.submissions,
            Door::Transfer => &self.transfer,
            Door::Local => &self.local,
        }
    }

    /// The settings of a listener of IMAP.
    pub(crate) fn imap_door(&self, role: Role) -> &ImapDoor {
        match role {
            Role::Imap => &self.imap_starttls,
            _ => &self.imaps,
        }
    }
}

fn intake_limits(config: &Config, hostname: Domain) -> postroom_intake::Limits {
    postroom_intake::Limits {
        trusted_user: Some(rustix::process::geteuid().as_raw()),
        ..postroom_intake::Limits::new(hostname, &config.limits, &config.auth, &config.listen)
    }
}

fn schedule(config: &Config) -> Schedule {
    let relay = &config.relay;
    Schedule {
        wait_first: relay.wait_first,
        wait_max: relay.wait_max,
        age_max: relay.age_max,
        attempts_min: relay.attempts_min,
        delay_notice: relay.delay_notice,
    }
}

fn expansion(config: &Config) -> expand::Limits {
    expand::Limits {
        alias_depth_max: config.limits.alias_depth_max as usize,
        expansion_max: config.limits.expansion_max as usize,
        inline_recipients_max: config.limits.inline_recipients as usize,
        plan_rounds_max: config.limits.plan_rounds_max as usize,
        postmaster: config.delivery.postmaster.clone(),
        quota: config.delivery.quota.map(ByteCount::bytes),
        detail_separator: config.delivery.separator.0,
        ..expand::Limits::default()
    }
}

/// Threads for parsing and searching.
fn heavy() -> Result<BlockingPool, Failure> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    BlockingPool::start("heavy", threads, HEAVY_WAITING_MAX)
        .map_err(|error| Failure::because("no thread for parsing", &error))
}

fn mailboxes(config: &Config, house: &House, heavy: BlockingPool, chores: &TaskGroup) -> Mailboxes {
    let limits = views::Limits {
        views_octets_max: config.store.views_max.as_usize(),
    };
    let views = Views::start(&house.store, limits, chores);
    Mailboxes::new(house.store.clone(), house.clock.clone(), views, heavy)
}

fn imap(config: &Config, mailboxes: Mailboxes, house: &House) -> Imap<SignIn> {
    Imap {
        mailboxes,
        authenticator: SignIn(house.directory.clone()),
        privacy: house.privacy.clone(),
        separator: config.imap.separator.as_char(),
        append_octets_max: config.limits.message.size_max.bytes(),
        clock: house.clock.clone(),
        telemetry: house.telemetry.clone(),
    }
}

/// How IMAP is spoken on one listener: to peers that may send a password in clear, and to others.
#[derive(Clone)]
pub(crate) struct ImapDoor {
    near: Arc<ImapSettings>,
    far: Arc<ImapSettings>,
}

impl ImapDoor {
    /// The door of a listener with implicit TLS or with STARTTLS.
    pub(crate) fn new(config: &Config, is_starttls_offered: bool) -> Self {
        let with = |is_cleartext_allowed| {
            Arc::new(ImapSettings {
                limits: imap_limits(config),
                is_cleartext_allowed,
                is_starttls_offered,
            })
        };
        Self {
            near: with(config.auth.cleartext != ClearText::Never),
            far: with(config.auth.cleartext == ClearText::Always),
        }
    }

    /// The settings for a peer.
    pub(crate) fn settings(&self, peer: std::net::IpAddr) -> Arc<ImapSettings> {
        let door = if peer.to_canonical().is_loopback() {
            &self.near
        } else {
            &self.far
        };
        Arc::clone(door)
    }
}

fn imap_limits(config: &Config) -> ImapLimits {
    let limits = &config.limits.imap;
    ImapLimits {
        early_line_octets_max: limits.line_before_login_max.as_usize(),
        early_literal_octets_max: limits.literal_before_login_max.bytes(),
        line_octets_max: limits.line_max.as_usize(),
        literal_octets_max: limits.literal_max.bytes(),
        literals_max: limits.literals_max as usize,
        append_octets_max: config.limits.message.size_max.bytes(),
        nesting_max: limits.nesting_max as usize,
        bad_commands_max: limits.bad_commands_max,
        failed_logins_max: config.auth.bad_logins_max,
        login_timeout: limits.login,
        idle_timeout: limits.idle,
        progress_timeout: limits.command,
        ..ImapLimits::default()
    }
}

/// Sign-in for IMAP by the directory.
pub(crate) struct SignIn(Directory);

impl Authenticator for SignIn {
    async fn authenticate(
        &self,
        peer: &Peer,
        login: &str,
        password: &Secret,
    ) -> Result<AccountId, AuthenticationError> {
        let counted = (!peer.is_exempt).then_some(peer.address.ip());
        match self.0.authenticate(counted, login, password).await {
            Ok(account) => Ok(account.id),
            Err(SignInError::Wrong) => Err(AuthenticationError::Denied),
            Err(SignInError::Busy | SignInError::Unheard | SignInError::Store(_)) => {
                Err(AuthenticationError::Unavailable)
            }
        }
    }
}
