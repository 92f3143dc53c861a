//! A remote's certificate, and its connection with and without TLS.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A name, and the key that proves it.
pub(super) struct Identity {
    pem: String,
    config: Arc<ServerConfig>,
}

impl Identity {
    pub(super) fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("randomness for a key");
        let names = vec![name.to_owned(), "localhost".to_owned()];
        let params = CertificateParams::new(names).expect("a name for a certificate");
        let certificate = params.self_signed(&key).expect("a certificate");
        let secret = PrivateKeyDer::try_from(key.serialize_der()).expect("a key as it was made");
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has the usual versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], secret)
            .expect("the key of the certificate");
        Self {
            pem: certificate.pem(),
            config: Arc::new(config),
        }
    }

    pub(super) fn pem(&self) -> &str {
        &self.pem
    }
}

/// One connection.
pub(super) enum Line {
    Clear(TcpStream),
    Secure(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Line {
    /// The same connection under TLS.
    pub(super) fn secure(self, identity: &Identity) -> io::Result<Self> {
        let Self::Clear(mut stream) = self else {
            return Ok(self);
        };
        let config = Arc::clone(&identity.config);
        let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut stream)?;
        }
        Ok(Self::Secure(Box::new(StreamOwned::new(tls, stream))))
    }

    pub(super) fn is_secure(&self) -> bool {
        matches!(self, Self::Secure(_))
    }
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Clear(stream) => stream.read(buffer),
            Self::Secure(stream) => stream.read(buffer),
        }
    }
}

impl Write for Line {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Self::Clear(stream) => stream.write(octets),
            Self::Secure(stream) => stream.write(octets),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(stream) => stream.flush(),
            Self::Secure(stream) => stream.flush(),
        }
    }
}
