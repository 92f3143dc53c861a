//! One certificate chain with its key, as two PEM files hold them.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;

/// How files are opened: by the process itself, or by one that may read more. Called by a thread
/// that may block.
pub type Open = Arc<dyn Fn(&Path) -> io::Result<File> + Send + Sync>;

/// Where a chain and its key lie.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    /// PEM: the server's certificate first, then those that lead to an authority.
    pub chain: PathBuf,
    /// PEM: one private key, in PKCS #8, PKCS #1 or SEC 1. May be the same file.
    pub key: PathBuf,
}

/// A certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The chain is not there, not readable or not PEM.
    #[error("cannot read the certificate chain {file}", file = .file.display())]
    Chain {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// The key is not there, not readable or not PEM.
    #[error("cannot read the private key {file}", file = .file.display())]
    Key {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// The file has no certificate in it.
    #[error("{file} holds no certificate", file = .file.display())]
    Empty {
        /// The file.
        file: PathBuf,
    },
    /// The key is of a kind that is not known, or does not sign what the certificate says.
    #[error(
        "the key {key} does not fit the first certificate of {chain}",
        key = .files.key.display(), chain = .files.chain.display()
    )]
    Mismatch {
        /// Both files.
        files: Source,
        /// Why.
        #[source]
        source: rustls::Error,
    },
}

impl ChainError {
    /// How to mend it, in one line.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Chain { source, .. } | Self::Key { source, .. } => match source {
                pem::Error::Io(_) => "check that the file exists and that the server may read it",
                pem::Error::NoItemsFound => {
                    "the file needs a BEGIN PRIVATE KEY section without a passphrase"
                }
                _ => "the file must be PEM: text between BEGIN and END lines",
            },
            Self::Empty { .. } => "put the server's certificate first, then its intermediates",
            Self::Mismatch { .. } => {
                "put the certificate that was issued for this key first in its chain"
            }
        }
    }
}

/// Reads a chain and its key and proves that they belong together. Blocks on the disk.
pub(crate) fn load(
    source: &Source,
    open: &dyn Fn(&Path) -> io::Result<File>,
) -> Result<Arc<CertifiedKey>, ChainError> {
    let broken_chain = |error| ChainError::Chain {
        file: source.chain.clone(),
        source: error,
    };
    let file = open(&source.chain).map_err(|error| broken_chain(pem::Error::Io(error)))?;
    let chain = CertificateDer::pem_reader_iter(file)
        .collect::<Result<Vec<_>, _>>()
        .map_err(broken_chain)?;
    if chain.is_empty() {
        return Err(ChainError::Empty {
            file: source.chain.clone(),
        });
    }
    let key = open(&source.key)
        .map_err(pem::Error::Io)
        .and_then(PrivateKeyDer::from_pem_reader)
        .map_err(|error| ChainError::Key {
            file: source.key.clone(),
            source: error,
        })?;
    let mismatch = |error| ChainError::Mismatch {
        files: source.clone(),
        source: error,
    };
    let certified =
        CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(mismatch)?;
    certified.keys_match().map_err(mismatch)?;
    Ok(Arc::new(certified))
}

/// Whether a certificate is for `name` (RFC 6125 §6.4).
pub(crate) fn is_for(certified: &CertifiedKey, name: &ServerName<'_>) -> bool {
    certified
        .end_entity_cert()
        .and_then(ParsedCertificate::try_from)
        .and_then(|certificate| rustls::client::verify_server_name(&certificate, name))
        .is_ok()
}
