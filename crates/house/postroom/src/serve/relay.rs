//! The room that sends mail on, opened over the others.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use postroom_config::Config;
use postroom_dns::system::{Nobody, Settings as DnsSettings, System};
use postroom_dns::{Dns, Limits as DnsLimits, Resolver};
use postroom_net::tls::{Certificate, Outward, system_roots};
use postroom_relay::{Own, Parts, Relay, Settings, Smarthost};
use postroom_runtime::secret::Secret;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::listeners::Listeners;
use super::protocols::Rooms;
use crate::access::Access;
use crate::house::House;
use crate::report::Failure;

/// The relay of a house; nothing when it is configured off.
pub(crate) fn open(
    config: &Config,
    house: &House,
    rooms: &Rooms,
    access: &Access,
    listeners: &Listeners,
) -> Result<Option<Relay>, Failure> {
    if !config.relay.enabled {
        return Ok(None);
    }
    let hostname = config.hostname.as_str();
    let roots = roots(config, access)?;
    let outward = |certificate| {
        Outward::new(roots.clone(), certificate).map_err(|error| {
            Failure::because("TLS towards other servers cannot be set up", &error)
                .mend("install the system's certificates, or set relay.tls_roots")
        })
    };
    let any = outward(Certificate::Any)?;
    let smarthost = match &config.relay.smarthost {
        Some(host) => {
            let tls = if config.relay.tls.is_strict() {
                outward(Certificate::Verified)?
            } else {
                Arc::clone(&any)
            };
            let host = host.clone();
            Some(Smarthost::new(
                hostname,
                &config.relay,
                host,
                password(config, access)?,
                tls,
            ))
        }
        None => None,
    };
    let parts = Parts {
        delivery: rooms.delivery.clone(),
        queue: rooms.queue.clone(),
        dns: dns(config, house),
        ground: listeners.ground(),
        own: Own::new(hostname, listeners.sockets()),
        clock: house.clock.clone(),
        random: house.random.clone(),
        host: hostname.into(),
        privacy: rooms.privacy.clone(),
    };
    let grace = config.shutdown.grace;
    let settings = Settings::new(hostname, &config.relay, any, smarthost, grace);
    Ok(Some(Relay::new(parts, settings)))
}

/// Who answers questions about names. Without a name server the house serves all the same, and
/// mail for elsewhere waits.
fn dns(config: &Config, house: &House) -> Dns {
    let settings = DnsSettings {
        servers: config.dns.servers.iter().map(|server| server.0).collect(),
        timeout: config.dns.timeout,
        attempts: config.dns.attempts,
    };
    let resolver: Arc<dyn Resolver> = match System::new(&settings) {
        Ok(system) => Arc::new(system),
        Err(error) => {
            tracing::warn!(%error, "mail for elsewhere waits until dns.servers names one");
            Arc::new(Nobody)
        }
    };
    let limits = DnsLimits {
        cache_entries_max: config.dns.cache_entries_max as usize,
        ..DnsLimits::default()
    };
    Dns::new(resolver, house.clock.clone(), limits)
}

fn password(config: &Config, access: &Access) -> Result<Option<Secret>, Failure> {
    let Some(path) = &config.relay.smarthost_password_file else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&read(path, access)?).into_owned();
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err(Failure::new(
            format!("{} holds no password", path.display()),
            "write the password at the smarthost into its first line",
        ));
    }
    Ok(Some(Secret::new(line)))
}

fn roots(config: &Config, access: &Access) -> Result<RootCertStore, Failure> {
    let Some(path) = &config.relay.tls_roots else {
        return Ok(system_roots());
    };
    let pem = read(path, access)?;
    let mut roots = RootCertStore::empty();
    let found = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok);
    let (taken, _) = roots.add_parsable_certificates(found);
    if taken == 0 {
        return Err(Failure::new(
            format!("{} holds no certificate", path.display()),
            "name a file of certificates in PEM in relay.tls_roots",
        ));
    }
    Ok(roots)
}

fn read(path: &Path, access: &Access) -> Result<Vec<u8>, Failure> {
    let mut octets = Vec::new();
    let mut file = access
        .open(path)
        .map_err(|error| unreadable(path, &error))?;
    file.read_to_end(&mut octets)
        .map_err(|error| unreadable(path, &error))?;
    Ok(octets)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::because(format_args!("{} cannot be read", path.display()), error)
        .mend("let the server's user read it")
}
