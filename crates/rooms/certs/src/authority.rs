//! A certificate authority of one's own, for a server that no public one knows.

use std::fs::{self, File};
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use postroom_runtime::clock::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType,
};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use crate::chain::{self, Source};
use crate::file::{self, Readers};

const DAY: Duration = Duration::from_hours(24);
/// How long the authority is good for.
const AUTHORITY_LIFE: Duration = DAY.saturating_mul(3650);
/// How long a server certificate is good for. Clients of Apple take at most 825 days from an
/// authority that the user added.
const SERVER_LIFE: Duration = DAY.saturating_mul(397);
/// A certificate with less left than this is issued anew.
const RENEW_BEFORE: Duration = DAY.saturating_mul(60);
/// Certificates are good from this long ago, for peers whose clock is behind.
const BACKDATE: Duration = DAY;

/// The authority of one data directory: `tls/ca.pem` for users to trust, `tls/ca.key` for nobody.
pub struct Authority {
    directory: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

/// A server certificate is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// Its files.
    pub source: Source,
    /// Whether it was made now, rather than found.
    pub is_new: bool,
}

/// The authority cannot be made, read or used.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file cannot be read.
    #[error("cannot read {file}", file = .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file or directory cannot be written.
    #[error("cannot write {file}", file = .file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// One of `ca.pem` and `ca.key` is missing or they do not belong together.
    #[error("{directory} does not hold a whole authority", directory = .directory.display())]
    Incomplete {
        /// Where its files are.
        directory: PathBuf,
    },
    /// A name cannot stand in a certificate.
    #[error("{name} cannot be certified")]
    Name {
        /// The name.
        name: String,
        /// Why.
        #[source]
        source: rcgen::Error,
    },
    /// Keys or signatures could not be made.
    #[error("cannot issue a certificate")]
    Issue(#[from] rcgen::Error),
}

impl AuthorityError {
    /// How to mend it, in one line.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Read { .. } => "let the server read its data directory",
            Self::Write { .. } => {
                "let the server write its data directory, and see that it has room"
            }
            Self::Incomplete { .. } => {
                "put ca.pem and ca.key back together, or remove both: then a new authority is made, which users must trust anew"
            }
            Self::Name { .. } => "names are ASCII: write an international domain in its xn-- form",
            Self::Issue(_) => "this is a fault of postroom's: please report it",
        }
    }
}

impl Authority {
    /// The authority below `data_directory`, made now if there is none. Blocks on the disk.
    ///
    /// # Errors
    /// When the files cannot be read or written, or only half an authority is there.
    pub fn create_or_load(data_directory: &Path, now: Timestamp) -> Result<Self, AuthorityError> {
        let directory = data_directory.join("tls");
        fs::create_dir_all(&directory).map_err(|source| AuthorityError::Write {
            file: directory.clone(),
            source,
        })?;
        let exists = |name: &str| directory.join(name).exists();
        match (exists("ca.pem"), exists("ca.key")) {
            (true, true) => Self::load(directory),
            // The key comes first: without the certificate nobody has trusted it yet.
            (false, _) => Self::create(directory, now),
            (true, false) => Err(AuthorityError::Incomplete { directory }),
        }
    }

    /// The certificate for users to trust, in PEM.
    pub fn certificate_file(&self) -> PathBuf {
        self.directory.join("ca.pem")
    }

    /// The server certificate for `names` and `addresses` in `tls/server.pem`, key in
    /// `tls/server.key`; issued now if there is none, it lacks one of them or has less than 60
    /// days left. Blocks on the disk.
    ///
    /// # Errors
    /// When a name cannot be certified or the files cannot be written.
    pub fn server(
        &self,
        names: &[&str],
        addresses: &[IpAddr],
        now: Timestamp,
    ) -> Result<Issued, AuthorityError> {
        let source = Source {
            chain: self.directory.join("server.pem"),
            key: self.directory.join("server.key"),
        };
        if self.is_good(&source, names, addresses, now) {
            return Ok(Issued {
                source,
                is_new: false,
            });
        }
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let params = server_params(names, addresses, now)?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let chain = certificate.pem() + &pem_of(&self.certificate_file())?;
        // A crash between the two leaves a pair that does not match, which is issued anew.
        write(&source.key, key.serialize_pem().as_bytes(), Readers::Owner)?;
        write(&source.chain, chain.as_bytes(), Readers::All)?;
        Ok(Issued {
            source,
            is_new: true,
        })
    }

    fn create(directory: PathBuf, now: Timestamp) -> Result<Self, AuthorityError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let params = authority_params(&key, now);
        let certificate = params.self_signed(&key)?;
        write(
            &directory.join("ca.key"),
            key.serialize_pem().as_bytes(),
            Readers::Owner,
        )?;
        write(
            &directory.join("ca.pem"),
            certificate.pem().as_bytes(),
            Readers::All,
        )?;
        Ok(Self {
            directory,
            certificate: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        })
    }

    fn load(directory: PathBuf) -> Result<Self, AuthorityError> {
        let incomplete = || AuthorityError::Incomplete {
            directory: directory.clone(),
        };
        let source = Source {
            chain: directory.join("ca.pem"),
            key: directory.join("ca.key"),
        };
        let certified = chain::load(&source, &|path| File::open(path)).map_err(|_| incomplete())?;
        let certificate = certified.cert.first().ok_or_else(incomplete)?.clone();
        let key = KeyPair::from_pem(&pem_of(&source.key)?).map_err(|_| incomplete())?;
        // Only the name and the key of the authority go into what it issues, and both follow
        // from the key: the validity given here is not used.
        let params = authority_params(&key, Timestamp(0));
        Ok(Self {
            directory,
            issuer: Issuer::new(params, key),
            certificate,
        })
    }

    /// Whether a server certificate of ours is there, for all names, for a while yet.
    fn is_good(
        &self,
        source: &Source,
        names: &[&str],
        addresses: &[IpAddr],
        now: Timestamp,
    ) -> bool {
        let Ok(certified) = chain::load(source, &|path| File::open(path)) else {
            return false;
        };
        let mut roots = RootCertStore::empty();
        if roots.add(self.certificate.clone()).is_err() {
            return false;
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let Ok(verifier) =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build()
        else {
            return false;
        };
        let when =
            UnixTime::since_unix_epoch(Duration::from_secs(now.plus(RENEW_BEFORE).unix_seconds()));
        let is_good_for = |name: &ServerName<'_>| {
            certified.end_entity_cert().is_ok_and(|certificate| {
                verifier
                    .verify_server_cert(certificate, &[], name, &[], when)
                    .is_ok()
            })
        };
        let by_address = addresses.iter().map(|address| ServerName::from(*address));
        let by_name = names.iter().map(|name| ServerName::try_from(*name));
        by_name
            .flatten()
            .chain(by_address)
            .all(|name| is_good_for(&name))
    }
}

fn authority_params(key: &KeyPair, now: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    let identity = params.key_identifier(key);
    let short = identity
        .iter()
        .take(4)
        .fold(0_u32, |short, octet| short << 8 | u32::from(*octet));
    // Two directories are two authorities: of one name, a client could not tell them apart.
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(
        DnType::CommonName,
        format!("postroom authority {short:08x}"),
    );
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_life(&mut params, now, AUTHORITY_LIFE);
    params
}

fn server_params(
    names: &[&str],
    addresses: &[IpAddr],
    now: Timestamp,
) -> Result<CertificateParams, AuthorityError> {
    let mut params = CertificateParams::default();
    params.distinguished_name.remove(DnType::CommonName);
    if let Some(first) = names.first() {
        params.distinguished_name.push(DnType::CommonName, *first);
    }
    for name in names {
        let name = (*name).try_into().map_err(|source| AuthorityError::Name {
            name: (*name).to_owned(),
            source,
        })?;
        params.subject_alt_names.push(SanType::DnsName(name));
    }
    for address in addresses.iter().copied().map(SanType::IpAddress) {
        // A server that listens on loopback alone gives that address twice.
        if !params.subject_alt_names.contains(&address) {
            params.subject_alt_names.push(address);
        }
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    set_life(&mut params, now, SERVER_LIFE);
    Ok(params)
}

fn set_life(params: &mut CertificateParams, now: Timestamp, life: Duration) {
    let now = UNIX_EPOCH + Duration::from_secs(now.unix_seconds());
    params.not_before =
        (now - BACKDATE.min(now.duration_since(UNIX_EPOCH).unwrap_or_default())).into();
    params.not_after = (now + life).into();
}

fn pem_of(file: &Path) -> Result<String, AuthorityError> {
    fs::read_to_string(file).map_err(|source| AuthorityError::Read {
        file: file.to_owned(),
        source,
    })
}

fn write(file: &Path, content: &[u8], readers: Readers) -> Result<(), AuthorityError> {
    file::write(file, content, readers).map_err(|source| AuthorityError::Write {
        file: file.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests;
