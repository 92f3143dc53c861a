//! Every port that is configured, with what is spoken on it.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use postroom_admin::observe::Observer;
use postroom_certs::Certificates;
use postroom_config::Config;
use postroom_config::tree::Role;
use postroom_delivery::privacy::Privacy;
use postroom_imap::reply as imap_reply;
use postroom_imap::response::status::Completion;
use postroom_imap::server::Server as ImapServer;
use postroom_intake::{Door, Session};
use postroom_mail::reply::{self as smtp_reply, Reply};
use postroom_net::{
    BindError, Closer, Ground, Limits, Listener, Peer, Refusal, Security, Service, tls,
};
use postroom_retrieval::imap::ImapHost;
use postroom_runtime::clock::Clock;
use postroom_runtime::group::{TaskGroup, Token};
use postroom_runtime::pool::BlockingPool;
use postroom_runtime::telemetry;
use postroom_runtime::watched::Watched;
use postroom_smtp::server::Server as SmtpServer;

use super::protocols::{Rooms, Terms};
use crate::access::Access;
use crate::house::House;
use crate::report::Failure;

/// Everybody may use the socket of `sendmail`; who it is decides what they may do.
const SUBMIT_MODE: u32 = 0o666;

/// The ports that are open.
pub(super) struct Listeners {
    parts: Parts,
    /// What connections stand on.
    ground: Watched<Ground>,
    /// What sessions begin with.
    terms: Watched<Terms>,
    /// Health and metrics.
    site: Observer,
    /// Each listener ends when its sessions have.
    group: TaskGroup,
    open: Vec<Open>,
    /// The addresses of those that are open, for relay, which sends nothing to them.
    sockets: Watched<Vec<SocketAddr>>,
}

/// What the house gives to its listeners.
pub(super) struct Parts {
    pub(super) house: House,
    pub(super) certificates: Arc<Certificates>,
    pub(super) access: Access,
    /// Where ports are bound: that may wait for a keeper.
    pub(super) files: BlockingPool,
    /// Asks listeners and sessions to end.
    pub(super) drain: Token,
}

/// An open port.
struct Open {
    role: Role,
    /// As configured; the port may be 0.
    asked: SocketAddr,
    address: SocketAddr,
    closer: Closer,
}

/// A port that is bound, and not served yet.
pub(super) struct Bound {
    role: Role,
    asked: SocketAddr,
    listener: Listener,
    security: Security,
}

/// A port that is not to be had.
enum NotBound {
    /// By the system.
    Refused(BindError),
    /// By ourselves.
    Failed(Failure),
}

impl Listeners {
    /// No port yet.
    pub(super) fn new(config: &Config, rooms: &Rooms, parts: Parts) -> Self {
        let site = Observer::new(
            parts.house.store.clone(),
            parts.house.telemetry.clone(),
            parts.house.clock.clone(),
            parts.drain.clone(),
        );
        Self {
            ground: Watched::new(ground(config, &parts.house, rooms)),
            terms: rooms.terms.clone(),
            site,
            group: TaskGroup::child_of(&parts.drain),
            parts,
            open: Vec::new(),
            sockets: Watched::new(Vec::new()),
        }
    }

    /// Where listeners are, as it changes.
    pub(super) fn sockets(&self) -> Watched<Vec<SocketAddr>> {
        self.sockets.clone()
    }

    /// What connections stand on.
    pub(super) fn ground(&self) -> Watched<Ground> {
        self.ground.clone()
    }

    /// Takes mail from programs of this machine, in the folder of the control socket.
    pub(super) fn serve_local(&self, config: &Config) -> Result<(), Failure> {
        let ground = self.ground.clone();
        let (terms, house) = (self.terms.clone(), &self.parts.house);
        serve_local(
            config,
            house,
            ground,
            terms,
            (&self.parts.drain, &self.group),
        )
    }

    /// Where each role listens.
    pub(super) fn addresses(&self) -> impl Iterator<Item = (Role, SocketAddr)> {
        self.open.iter().map(|open| (open.role, open.address))
    }

    /// Waits until all sessions have ended.
    pub(super) async fn wait(&self) {
        self.group.wait().await;
    }

    /// Binds the ports of `config` that are not open yet: all of them or none. Ports that stand in
    /// their way and are to be closed anyway are given up; if that was in vain they are taken
    /// again.
    pub(super) async fn bind(&mut self, config: &Config) -> Result<Vec<Bound>, Failure> {
        let wanted = wanted(config);
        let (mut bound, mut blocked) = (Vec::new(), Vec::new());
        for &(role, asked) in &wanted {
            if self.is_open(role, asked) {
                continue;
            }
            match self.bind_one(role, asked).await {
                Ok(one) => bound.push(one),
                Err(NotBound::Refused(error))
                    if error.is_taken() && self.gives_up(asked.port(), &wanted) =>
                {
                    blocked.push((role, asked));
                }
                Err(error) => return Err(error.into_failure(role)),
            }
        }
        let given_up = self.give_up(&blocked, &wanted).await;
        for (role, asked) in blocked {
            match self.bind_one(role, asked).await {
                Ok(one) => bound.push(one),
                Err(error) => {
                    drop(bound);
                    self.take_again(given_up).await;
                    return Err(error.into_failure(role));
                }
            }
        }
        Ok(bound)
    }

    /// Serves `bound`, closes the ports that `config` does not name, and has new connections stand
    /// on the limits in it. Sessions go on as they are.
    pub(super) async fn apply(&mut self, config: &Config, privacy: Privacy, bound: Vec<Bound>) {
        let (exempt, show_peer) = rules(config, privacy);
        let ground = self.ground.get().renewed(limits(config), exempt, show_peer);
        self.ground.set(ground);
        let wanted = wanted(config);
        let is_wanted = |open: &Open| wanted.contains(&(open.role, open.asked));
        let (open, gone): (Vec<Open>, Vec<Open>) = self.open.drain(..).partition(is_wanted);
        self.open = open;
        for port in gone {
            port.closer.close().await;
        }
        for one in bound {
            self.serve(one);
        }
        let sockets = self.addresses().map(|(_, address)| address).collect();
        self.sockets.set(sockets);
    }

    fn is_open(&self, role: Role, asked: SocketAddr) -> bool {
        let is_it = |open: &Open| open.role == role && open.asked == asked;
        self.open.iter().any(is_it)
    }

    /// Whether a port of that number is open and not wanted any more.
    fn gives_up(&self, port: u16, wanted: &[(Role, SocketAddr)]) -> bool {
        let is_gone =
            |open: &Open| open.address.port() == port && !wanted.contains(&(open.role, open.asked));
        self.open.iter().any(is_gone)
    }

    /// Closes what stands in the way of `blocked`; returns what it was.
    async fn give_up(
        &mut self,
        blocked: &[(Role, SocketAddr)],
        wanted: &[(Role, SocketAddr)],
    ) -> Vec<(Role, SocketAddr)> {
        let stands_in_the_way = |open: &Open| {
            blocked
                .iter()
                .any(|(_, asked)| asked.port() == open.address.port())
                && !wanted.contains(&(open.role, open.asked))
        };
        let (gone, open): (Vec<Open>, Vec<Open>) = self.open.drain(..).partition(stands_in_the_way);
        self.open = open;
        for port in &gone {
            port.closer.close().await;
        }
        gone.iter().map(|open| (open.role, open.asked)).collect()
    }

    async fn take_again(&mut self, given_up: Vec<(Role, SocketAddr)>) {
        for (role, asked) in given_up {
            match self.bind_one(role, asked).await {
                Ok(one) => self.serve(one),
                Err(error) => {
                    let failure = error.into_failure(role);
                    tracing::error!(?failure, role = role.as_str(), "a port was lost");
                }
            }
        }
    }

    async fn bind_one(&self, role: Role, asked: SocketAddr) -> Result<Bound, NotBound> {
        let access = self.parts.access.clone();
        let socket = self.parts.files.run(move || access.bind(asked)).await;
        let socket = socket.map_err(io::Error::other).flatten();
        let listener = Listener::adopt(asked, socket).map_err(NotBound::Refused)?;
        let security = security(role, &self.parts.certificates).map_err(NotBound::Failed)?;
        Ok(Bound {
            role,
            asked,
            listener,
            security,
        })
    }

    fn serve(&mut self, bound: Bound) {
        let Bound {
            role,
            asked,
            listener,
            security,
        } = bound;
        self.open.push(Open {
            role,
            asked,
            address: listener.address(),
            closer: listener.closer(),
        });
        match (role, Door::of(role)) {
            (_, Some(door)) => self.serve_smtp(door, role, listener, security),
            (Role::Http, None) => self.serve_http(listener),
            (_, None) => self.serve_imap(role, listener, security),
        }
    }

    fn serve_smtp(&self, door: Door, role: Role, listener: Listener, security: Security) {
        let open = smtp_opening(door, self.terms.clone(), self.parts.house.clock.clone());
        let service = Service {
            role: label(role),
            security,
            refusal: smtp_refusal(),
        };
        let (ground, drain) = (self.ground.clone(), self.parts.drain.clone());
        self.group
            .spawn(listener.serve(ground, service, drain, open));
    }

    fn serve_imap(&self, role: Role, listener: Listener, security: Security) {
        let (terms, clock) = (self.terms.clone(), self.parts.house.clock.clone());
        let open = move |peer: Peer| {
            let terms = terms.get();
            let settings = terms.imap_door(role).settings(peer.address.ip());
            (
                ImapServer::new(settings, clock.now()),
                ImapHost::new(Arc::clone(&terms.imap), peer),
            )
        };
        let service = Service {
            role: label(role),
            security,
            refusal: imap_refusal(),
        };
        let (ground, drain) = (self.ground.clone(), self.parts.drain.clone());
        self.group
            .spawn(listener.serve(ground, service, drain, open));
    }
}

impl Listeners {
    fn serve_http(&self, listener: Listener) {
        let service = Service {
            role: telemetry::Role::Http,
            security: Security::Clear,
            refusal: http_refusal(),
        };
        let (ground, drain) = (self.ground.clone(), self.parts.drain.clone());
        self.group
            .spawn(listener.serve_http(ground, service, drain, self.site.clone()));
    }
}

/// What connections stand on at first.
pub(super) fn ground(config: &Config, house: &House, rooms: &Rooms) -> Ground {
    let (exempt, show_peer) = rules(config, rooms.privacy.clone());
    Ground::new(
        house.clock.clone(),
        house.telemetry.clone(),
        limits(config),
        exempt,
        show_peer,
    )
}

/// Takes mail from programs of this machine, on behalf of listeners or of a single message.
pub(super) fn serve_local(
    config: &Config,
    house: &House,
    ground: Watched<Ground>,
    terms: Watched<Terms>,
    (drain, group): (&Token, &TaskGroup),
) -> Result<(), Failure> {
    let path = submit_socket(&config.data_dir);
    let listener = Listener::bind_path(&path, SUBMIT_MODE).map_err(|error| {
        Failure::because(format_args!("{} cannot be made", path.display()), &error)
    })?;
    let service = Service {
        role: telemetry::Role::Local,
        security: Security::Clear,
        refusal: smtp_refusal(),
    };
    let open = smtp_opening(Door::Local, terms, house.clock.clone());
    group.spawn(listener.serve(ground, service, drain.clone(), open));
    Ok(())
}

/// Makes machine and host of a session of mail that comes in.
fn smtp_opening(
    door: Door,
    terms: Watched<Terms>,
    clock: Clock,
) -> impl Fn(Peer) -> (SmtpServer, Session) + Send + Sync + 'static {
    move |peer: Peer| {
        let terms = terms.get();
        let profile = terms.doors(door).profile(peer.address.ip());
        let dialect = profile.dialect;
        (
            SmtpServer::new(profile, clock.now()),
            Session::new(terms.intake.clone(), dialect, peer),
        )
    }
}

/// The socket of `sendmail` in a data directory.
pub(crate) fn submit_socket(data_dir: &Path) -> PathBuf {
    data_dir.join("run/submit.sock")
}

/// As what a role is counted.
fn label(role: Role) -> telemetry::Role {
    match role {
        Role::Smtp => telemetry::Role::Smtp,
        Role::Submission => telemetry::Role::Submission,
        Role::Submissions => telemetry::Role::Submissions,
        Role::Lmtp => telemetry::Role::Lmtp,
        Role::Imap => telemetry::Role::Imap,
        Role::Imaps => telemetry::Role::Imaps,
        Role::Http => telemetry::Role::Http,
    }
}

impl NotBound {
    fn into_failure(self, role: Role) -> Failure {
        match self {
            Self::Refused(error) => Failure::because(role.as_str(), &error).mend(error.hint()),
            Self::Failed(failure) => failure,
        }
    }
}

/// Words of SMTP and LMTP for when no machine can speak.
fn smtp_refusal() -> Refusal {
    let line = |reply: Reply| {
        let enhanced = reply.enhanced.map(|code| format!("{code} "));
        let enhanced = enhanced.unwrap_or_default();
        let line = format!("{} {enhanced}{}\r\n", reply.code, reply.text);
        Arc::from(line.into_bytes())
    };
    Refusal {
        full: line(smtp_reply::TOO_MANY_CONNECTIONS),
        broken: line(smtp_reply::FAULT),
    }
}

/// Words of IMAP for when no machine can speak.
fn imap_refusal() -> Refusal {
    let line = |bye: Completion| {
        let code = bye.code.map(|code| format!("[{}] ", code.name()));
        let code = code.unwrap_or_default();
        let line = format!("* {} {code}{}\r\n", bye.status.name(), bye.text);
        Arc::from(line.into_bytes())
    };
    Refusal {
        full: line(imap_reply::BYE_CROWDED),
        broken: line(imap_reply::BYE_FAULT),
    }
}

/// Words of HTTP for when no site can speak.
fn http_refusal() -> Refusal {
    let full =
        b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    Refusal {
        full: Arc::from(&full[..]),
        broken: Arc::from(&b""[..]),
    }
}

/// Every port of a configuration.
fn wanted(config: &Config) -> Vec<(Role, SocketAddr)> {
    let of = |role| {
        let sockets = config.listen.sockets(role).into_iter();
        sockets.map(move |socket| (role, socket))
    };
    Role::ALL.into_iter().flat_map(of).collect()
}

/// Whom budgets pass over, and how a peer is written down.
fn rules(config: &Config, privacy: Privacy) -> (postroom_net::Exempt, postroom_net::ShowPeer) {
    let exempt = config.limits.exempt.clone();
    (
        Box::new(move |peer| exempt.contains(peer)),
        Box::new(move |peer| privacy.peer(peer)),
    )
}

fn limits(config: &Config) -> Limits {
    let session = &config.limits.session;
    let defaults = Limits::default();
    let line_max = config.limits.imap.line_max.as_usize();
    Limits {
        // A whole line must fit, and what a client sends on meanwhile.
        unread_max: defaults.unread_max.max(line_max.saturating_mul(2)),
        sessions_max: session.sessions_max as usize,
        sessions_per_address_max: session.sessions_per_address_max as usize,
        write_stall_max: session.write,
        handshake_max: session.handshake,
        linger_max: defaults.linger_max,
        http_head_max: defaults.http_head_max,
        drain_grace: config.shutdown.grace,
    }
}

fn security(role: Role, certificates: &Arc<Certificates>) -> Result<Security, Failure> {
    let protocols = match role {
        Role::Imap | Role::Imaps => tls::ALPN_IMAP,
        Role::Smtp | Role::Submission | Role::Submissions | Role::Lmtp => tls::ALPN_SMTP,
        Role::Http => return Ok(Security::Clear),
    };
    let config = tls::server(Arc::clone(certificates) as _, protocols)
        .map_err(|error| Failure::because("TLS cannot be set up", &error))?;
    Ok(match role {
        Role::Imaps | Role::Submissions => Security::Implicit(config),
        _ => Security::StartTls(config),
    })
}
