//! Every port that is configured, with what is spoken on it.

use std::net::SocketAddr;
use std::sync::Arc;

use postroom_certs::Certificates;
use postroom_config::Config;
use postroom_config::tree::Role;
use postroom_delivery::privacy::Privacy;
use postroom_imap::server::Server as ImapServer;
use postroom_intake::{Door, Doors, Session};
use postroom_net::{Ground, Limits, Listener, Peer, Refusal, Security, Service, tls};
use postroom_retrieval::imap::ImapHost;
use postroom_runtime::clock::Clock;
use postroom_runtime::group::{TaskGroup, Token};
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

/// Listens on every configured port; all are bound before the first is served.
pub(crate) fn start(
    config: &Config,
    house: &House,
    rooms: &Rooms,
    certificates: &Arc<Certificates>,
    drain: &Token,
    group: &TaskGroup,
) -> Result<Vec<(Role, SocketAddr)>, Failure> {
    let opening = Opening {
        config,
        rooms,
        ground: Arc::clone(&rooms.ground),
        drain,
        group,
        clock: &house.clock,
    };
    let mut bound = Vec::new();
    for role in Role::ALL {
        for address in config.listen.sockets(role) {
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
        opening.serve(role, listener, security);
    }
    Ok(addresses)
}

/// What sessions stand on, those that come in and those that go out.
pub(crate) fn ground(config: &Config, house: &House, privacy: Privacy) -> Arc<Ground> {
    let exempt = config.limits.exempt.clone();
    Arc::new(Ground::new(
        house.clock.clone(),
        limits(config),
        Box::new(move |peer| exempt.contains(peer)),
        Box::new(move |peer| privacy.peer(peer)),
    ))
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
    };
    let config = tls::server(Arc::clone(certificates) as _, protocols)
        .map_err(|error| Failure::because("TLS cannot be set up", &error))?;
    Ok(match role {
        Role::Imaps | Role::Submissions => Security::Implicit(config),
        Role::Imap | Role::Smtp | Role::Submission | Role::Lmtp => Security::StartTls(config),
    })
}

/// What every listener is started with.
struct Opening<'a> {
    config: &'a Config,
    rooms: &'a Rooms,
    ground: Arc<Ground>,
    drain: &'a Token,
    group: &'a TaskGroup,
    clock: &'a Clock,
}

impl Opening<'_> {
    fn serve(&self, role: Role, listener: Listener, security: Security) {
        match Door::of(role) {
            Some(door) => self.serve_smtp(door, role, listener, security),
            None => self.serve_imap(role, listener, security),
        }
    }

    fn serve_smtp(&self, door: Door, role: Role, listener: Listener, security: Security) {
        let config = self.config;
        let doors = Doors::new(
            door,
            config.hostname.as_str(),
            &config.limits,
            &config.auth,
            &config.listen,
        );
        let (intake, clock) = (self.rooms.intake.clone(), self.clock.clone());
        let open = move |peer: Peer| {
            let profile = doors.profile(peer.address.ip());
            let dialect = profile.dialect;
            (
                SmtpServer::new(profile, clock.now()),
                Session::new(intake.clone(), dialect, peer),
            )
        };
        let service = Service {
            name: role.as_str(),
            security,
            refusal: SMTP_REFUSAL,
        };
        let (ground, drain) = (Arc::clone(&self.ground), self.drain.clone());
        self.group
            .spawn(listener.serve(ground, service, drain, open));
    }

    fn serve_imap(&self, role: Role, listener: Listener, security: Security) {
        let door = ImapDoor::new(self.config, role == Role::Imap);
        let (imap, clock) = (Arc::clone(&self.rooms.imap), self.clock.clone());
        let open = move |peer: Peer| {
            let settings = door.settings(peer.address.ip());
            (
                ImapServer::new(settings, clock.now()),
                ImapHost::new(Arc::clone(&imap), peer),
            )
        };
        let service = Service {
            name: role.as_str(),
            security,
            refusal: IMAP_REFUSAL,
        };
        let (ground, drain) = (Arc::clone(&self.ground), self.drain.clone());
        self.group
            .spawn(listener.serve(ground, service, drain, open));
    }
}
