//! The certificates that the configuration names, or one of an authority of our own.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use postroom_certs::{Authority, AuthorityError, Certificates, ChainError, Open, Source};
use postroom_config::Config;
use postroom_runtime::clock::Clock;
use postroom_runtime::group::Token;
use postroom_runtime::pool::BlockingPool;

use rustix::fs::{Dir, DirEntry};

use crate::access::Access;
use crate::report::Failure;

/// How often the files of certificates are looked at.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// Loads the certificates.
pub(crate) fn certificates(
    config: &Config,
    clock: &Clock,
    access: &Access,
) -> Result<Arc<Certificates>, Failure> {
    let sources = sources(config, clock, access)?;
    Certificates::load(sources, opening(access)).map_err(|error| unusable(&error))
}

/// Certificates that cannot be used.
pub(crate) fn unusable(error: &ChainError) -> Failure {
    Failure::because("the certificates cannot be used", error).mend(error.hint())
}

fn opening(access: &Access) -> Open {
    let access = access.clone();
    Arc::new(move |path| access.open(path))
}

/// The certificates that are configured; with none, makes an authority and a certificate in
/// `DATA_DIR/tls` at first start.
pub(crate) fn sources(
    config: &Config,
    clock: &Clock,
    access: &Access,
) -> Result<Vec<Source>, Failure> {
    if config.tls.certificates.is_empty() {
        return Ok(vec![own(config, clock)?]);
    }
    let mut chains = Vec::new();
    let mut keys = Vec::new();
    for path in &config.tls.certificates {
        match folder(path, access) {
            Some(folder) => {
                let (with_chain, without) = pem_files(path, folder, access)?;
                keys.extend(without);
                chains.extend(with_chain);
            }
            None => chains.push(path.clone()),
        }
    }
    keys.extend(config.tls.keys.iter().cloned());
    chains
        .iter()
        .map(|chain| with_key(chain, &keys, access))
        .collect()
}

/// A folder, open; `None` for a file, and for what is not to be opened.
fn folder(path: &Path, access: &Access) -> Option<File> {
    let file = access.open(path).ok()?;
    file.metadata().ok()?.is_dir().then_some(file)
}

/// Files `*.pem` of a folder by name: those that hold a certificate, and the others.
fn pem_files(
    path: &Path,
    folder: File,
    access: &Access,
) -> Result<(Vec<PathBuf>, Vec<PathBuf>), Failure> {
    let failed = |error: io::Error| {
        Failure::because(format_args!("{} cannot be read", path.display()), &error)
            .mend("let the server's user read the folder of certificates")
    };
    // Read through its descriptor: it may be root's.
    let entries = Dir::new(folder).map_err(|error| failed(error.into()))?;
    let name = |entry: rustix::io::Result<DirEntry>| {
        Ok(OsStr::from_bytes(entry?.file_name().to_bytes()).to_owned())
    };
    let names: io::Result<Vec<OsString>> = entries.map(name).collect();
    let mut files: Vec<PathBuf> = names
        .map_err(failed)?
        .iter()
        .map(|name| path.join(name))
        .collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "pem"));
    files.sort();
    let (mut chains, mut others) = (Vec::new(), Vec::new());
    for file in files {
        let mut text = Vec::new();
        access
            .open(&file)
            .and_then(|mut file| file.read_to_end(&mut text))
            .map_err(failed)?;
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
fn with_key(chain: &Path, keys: &[PathBuf], access: &Access) -> Result<Source, Failure> {
    let candidates = std::iter::once(chain).chain(keys.iter().map(AsRef::as_ref));
    let mut errors = Vec::new();
    for key in candidates {
        let source = Source {
            chain: chain.to_owned(),
            key: key.to_owned(),
        };
        match Certificates::load(vec![source.clone()], opening(access)) {
            Ok(_) => return Ok(source),
            Err(error @ (ChainError::Chain { .. } | ChainError::Empty { .. })) => {
                return Err(unusable(&error));
            }
            Err(error) => errors.push(error),
        }
    }
    // That its own file holds no key is what to expect when others are named.
    let error = errors.get(1).or(errors.first());
    let what = format!("no key belongs to the certificate {}", chain.display());
    let mend = "name the file of its private key in tls.keys";
    Err(match error {
        Some(error) if !keys.is_empty() => Failure::because(what, error).mend(error.hint()),
        _ => Failure::new(what, mend),
    })
}
