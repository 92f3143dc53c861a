//! The certificates that the configuration names, or one of an authority of our own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::Arc;

use postroom_certs::{Authority, AuthorityError, Certificates, Source};
use postroom_config::Config;
use postroom_runtime::clock::Clock;

use crate::report::Failure;

/// Loads the certificates; with none configured, makes an authority and a certificate in
/// `DATA_DIR/tls` at first start.
pub(crate) fn certificates(config: &Config, clock: &Clock) -> Result<Arc<Certificates>, Failure> {
    let sources = if config.tls.certificates.is_empty() {
        vec![own(config, clock)?]
    } else {
        config
            .tls
            .certificates
            .iter()
            .map(|chain| with_key(chain, config))
            .collect::<Result<_, _>>()?
    };
    Certificates::load(sources).map_err(|error| {
        Failure::because("the certificates cannot be used", &error).mend(error.hint())
    })
}

fn own(config: &Config, clock: &Clock) -> Result<Source, Failure> {
    let failed = |error: &AuthorityError| {
        Failure::because("no certificate was made", error).mend(error.hint())
    };
    let now = clock.wall();
    let authority =
        Authority::create_or_load(&config.data_dir, now).map_err(|error| failed(&error))?;
    let loopback: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let bound = config
        .listen
        .bind
        .iter()
        .copied()
        .filter(|address| !address.is_unspecified());
    let mut addresses: Vec<IpAddr> = bound.chain(loopback).collect();
    addresses.dedup();
    let issued = authority
        .server(&[config.hostname.as_str(), "localhost"], &addresses, now)
        .map_err(|error| failed(&error))?;
    Ok(issued.source)
}

/// A chain with the key that belongs to it: in its own file, or in one of `tls.keys`.
fn with_key(chain: &Path, config: &Config) -> Result<Source, Failure> {
    let candidates = std::iter::once(chain).chain(config.tls.keys.iter().map(AsRef::as_ref));
    let mut first_error = None;
    for key in candidates {
        let source = Source {
            chain: chain.to_owned(),
            key: key.to_owned(),
        };
        match Certificates::load(vec![source.clone()]) {
            Ok(_) => return Ok(source),
            Err(error) => drop(first_error.get_or_insert(error)),
        }
    }
    let failure = Failure::new(
        format!("no key belongs to the certificate {}", chain.display()),
        "name the file of its private key in tls.keys",
    );
    Err(first_error.map_or(failure, |error| {
        Failure::because(format_args!("{} cannot be used", chain.display()), &error)
            .mend(error.hint())
    }))
}
