//! Every port that is configured, with what is spoken on it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use postroom_admin::observe::Observer;
use postroom_certs::Certificates;
use postroom_config::Config;
use postroom_config::tree::Role;
use postroom_imap::server::Server as ImapServer;
use postroom_intake::{Door, Doors, Session};
use postroom_net::{Ground, Limits, Listener, Peer, Refusal, Security, Service, tls};
use postroom_retrieval::imap::ImapHost;
use postroom_runtime::group::{TaskGroup, Token};
use postroom_runtime::telemetry;
use postroom_smtp::server::Server as SmtpServer;

use super::protocols::{ImapDoor, Rooms};
use crate::house::House;
use crate::report::Failure;

/// Words of SMTP and LMTP for when no machine can speak.
const SMTP_REFUSAL: Refusal = Refusal {
    full: b"421 4.7.0 Too many connections; try again later\r\n",
    broken: b"421 4.3.0 Trouble at our end; try again later\r\n",
};

/// Words of IMAP for when no machine can speak.
const IMAP_REFUSAL: Refusal = Refusal {
    full: b"* BYE [UNAVAILABLE] Too many connections; try again later\r\n",
    broken: b"* BYE [SERVERBUG] Trouble at our end; try again later\r\n",
};

/// Words of HTTP for when no site can speak.
const HTTP_REFUSAL: Refusal = Refusal {
    full: b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    broken: b"",
};

/// Everybody may use the socket of `sendmail`; who it is decides what they may do.
const SUBMIT_MODE: u32 = 0o666;

/// What all connections stand on.
pub(crate) fn ground(config: &Config, house: &House, rooms: &Rooms) -> Ground {
    let privacy = rooms.privacy.clone();
    let exempt = config.limits.exempt.clone();
    Ground::new(
        house.clock.clone(),
        house.telemetry.clone(),
        limits(config),
        Box::new(move |peer| exempt.contains(peer)),
        Box::new(move |peer| privacy.peer(peer)),
    )
}

/// The socket of `sendmail` in a data directory.
pub(crate) fn submit_socket(data_dir: &Path) -> PathBuf {
    data_dir.join("run/submit.sock")
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
        drain_grace: config.shutdown.grace,
        ..defaults
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

/// What every listener is started with.
pub(crate) struct Opening<'a> {
    pub(crate) config: &'a Config,
    pub(crate) house: &'a House,
    pub(crate) rooms: &'a Rooms,
    pub(crate) ground: Arc<Ground>,
    pub(crate) drain: &'a Token,
    pub(crate) group: &'a TaskGroup,
}

impl Opening<'_> {
    /// Listens on every configured port; all are bound before the first is served.
    pub(crate) fn start(
        &self,
        certificates: &Arc<Certificates>,
    ) -> Result<Vec<(Role, SocketAddr)>, Failure> {
        let mut bound = Vec::new();
        for role in Role::ALL {
            for address in self.config.listen.sockets(role) {
                let listener = Listener::bind(address)
                    .map_err(|error| Failure::because(role.as_str(), &error).mend(error.hint()))?;
                bound.push((role, listener));
            }
        }
        let addresses = bound
            .iter()
            .map(|(role, listener)| (*role, listener.address()))
            .collect();
        for (role, listener) in bound {
            let security = security(role, certificates)?;
            match (role, Door::of(role)) {
                (_, Some(door)) => self.serve_smtp(door, label(role), listener, security),
                (Role::Http, None) => self.serve_http(listener),
                (_, None) => self.serve_imap(role, listener, security),
            }
        }
        self.serve_local()?;
        Ok(addresses)
    }

    /// Takes mail from programs of this machine, in the folder that the control socket made.
    pub(crate) fn serve_local(&self) -> Result<(), Failure> {
        let path = submit_socket(&self.config.data_dir);
        let listener = Listener::bind_path(&path, SUBMIT_MODE).map_err(|error| {
            Failure::because(format_args!("{} cannot be made", path.display()), &error)
        })?;
        self.serve_smtp(
            Door::Local,
            telemetry::Role::Local,
            listener,
            Security::Clear,
        );
        Ok(())
    }

    fn serve_smtp(
        &self,
        door: Door,
        role: telemetry::Role,
        listener: Listener,
        security: Security,
    ) {
        let config = self.config;
        let doors = Doors::new(
            door,
            config.hostname.as_str(),
            &config.limits,
            &config.auth,
            &config.listen,
        );
        let (intake, clock) = (self.rooms.intake.clone(), self.house.clock.clone());
        let open = move |peer: Peer| {
            let profile = doors.profile(peer.address.ip());
            let dialect = profile.dialect;
            (
                SmtpServer::new(profile, clock.now()),
                Session::new(intake.clone(), dialect, peer),
            )
        };
        let service = Service {
            role,
            security,
            refusal: SMTP_REFUSAL,
        };
        let (ground, drain) = (Arc::clone(&self.ground), self.drain.clone());
        self.group
            .spawn(listener.serve(ground, service, drain, open));
    }

    fn serve_imap(&self, role: Role, listener: Listener, security: Security) {
        let door = ImapDoor::new(self.config, role == Role::Imap);
        let (imap, clock) = (Arc::clone(&self.rooms.imap), self.house.clock.clone());
        let open = move |peer: Peer| {
            let settings = door.settings(peer.address.ip());
            (
                ImapServer::new(settings, clock.now()),
                ImapHost::new(Arc::clone(&imap), peer),
            )
        };
        let service = Service {
            role: label(role),
            security,
            refusal: IMAP_REFUSAL,
        };
        let (ground, drain) = (Arc::clone(&self.ground), self.drain.clone());
        self.group
            .spawn(listener.serve(ground, service, drain, open));
    }

    fn serve_http(&self, listener: Listener) {
        let house = self.house;
        let site = Observer::new(
            house.store.clone(),
            house.telemetry.clone(),
            house.clock.clone(),
            self.drain.clone(),
        );
        let service = Service {
            role: telemetry::Role::Http,
            security: Security::Clear,
            refusal: HTTP_REFUSAL,
        };
        let (ground, drain) = (Arc::clone(&self.ground), self.drain.clone());
        self.group
            .spawn(listener.serve_http(ground, service, drain, site));
    }
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
