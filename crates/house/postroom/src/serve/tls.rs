//! The certificates that the configuration names, or one of an authority of our own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use postroom_certs::{Authority, AuthorityError, Certificates, Source};
use postroom_config::Config;
use postroom_runtime::clock::Clock;
use postroom_runtime::group::Token;
use postroom_runtime::pool::BlockingPool;

use crate::report::Failure;

/// How often the files of certificates are looked at.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// Loads the certificates.
pub(crate) fn certificates(config: &Config, clock: &Clock) -> Result<Arc<Certificates>, Failure> {
    Certificates::load(sources(config, clock)?).map_err(|error| {
        Failure::because("the certificates cannot be used", &error).mend(error.hint())
    })
}

/// The certificates that are configured; with none, makes an authority and a certificate in
/// `DATA_DIR/tls` at first start.
pub(crate) fn sources(config: &Config, clock: &Clock) -> Result<Vec<Source>, Failure> {
    if config.tls.certificates.is_empty() {
        return Ok(vec![own(config, clock)?]);
    }
    let mut chains = Vec::new();
    let mut keys = Vec::new();
    for path in &config.tls.certificates {
        if path.is_dir() {
            let (with_chain, without) = pem_files(path)?;
            keys.extend(without);
            chains.extend(with_chain);
        } else {
            chains.push(path.clone());
        }
    }
    keys.extend(config.tls.keys.iter().cloned());
    chains.iter().map(|chain| with_key(chain, &keys)).collect()
}

/// Files `*.pem` of a folder by name: those that hold a certificate, and the others.
fn pem_files(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), Failure> {
    let failed = |error: std::io::Error| {
        Failure::because(format_args!("{} cannot be read", folder.display()), &error)
            .mend("let the server's user read the folder of certificates")
    };
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .map_err(failed)?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "pem"));
    files.sort();
    let (mut chains, mut others) = (Vec::new(), Vec::new());
    for file in files {
        let text = std::fs::read(&file).map_err(failed)?;
        if holds(&text, b"-----BEGIN CERTIFICATE-----") {
            chains.push(file);
        } else {
            others.push(file);
        }
    }
    Ok((chains, others))
}

fn holds(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

/// Reads files of certificates again once they were written, until `token` is cancelled.
pub(crate) async fn watch(certificates: Arc<Certificates>, pool: BlockingPool, token: Token) {
    while token
        .run_until_cancelled(tokio::time::sleep(LOOK_EVERY))
        .await
        .is_some()
    {
        let looked = Arc::clone(&certificates);
        match pool.run(move || looked.reload_if_changed()).await {
            Ok(Ok(false)) => {}
            Ok(Ok(true)) => tracing::info!("certificates were written, and read again"),
            Ok(Err(error)) => {
                tracing::error!(%error, "the certificates are not good; the old ones stay");
            }
            Err(error) => tracing::warn!(%error, "the certificates were not looked at"),
        }
    }
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

/// A chain with the key that belongs to it: in its own file, or in one of `keys`.
fn with_key(chain: &Path, keys: &[PathBuf]) -> Result<Source, Failure> {
    let candidates = std::iter::once(chain).chain(keys.iter().map(AsRef::as_ref));
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
