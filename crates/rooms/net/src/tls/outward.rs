//! TLS towards hosts that we connect to.

use std::fs;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::{ParsedCertificate, VerifierBuilderError};
use rustls::{
    ClientConfig, ClientConnection, Connection, DigitallySignedStruct, RootCertStore,
    SignatureScheme,
};

use super::TlsError;

/// Where systems keep the roots that they trust: Debian and Alpine, Fedora, BSD.
const SYSTEM_ROOTS: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

/// Which certificate a peer may show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// Any: encryption without knowing who is there is better than none (RFC 7435 §3). Whether it
    /// was good is told all the same ([`postroom_wire::machine::Tls::is_verified`]).
    Any,
    /// One for the peer's name, by a root that is trusted; else the handshake fails.
    Verified,
}

/// TLS 1.2 and 1.3 towards others; one serves any number of connections, which resume each
/// other's sessions with the same name.
#[derive(Debug)]
pub struct Outward {
    config: Arc<ClientConfig>,
    /// `None` without roots: nothing is ever verified.
    verifier: Option<Arc<WebPkiServerVerifier>>,
}

impl Outward {
    /// TLS that trusts `roots`.
    ///
    /// # Errors
    /// When certificates are to be verified and there are no roots.
    pub fn new(roots: RootCertStore, certificate: Certificate) -> Result<Arc<Self>, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let built = WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone());
        let verifier = match built.build() {
            Ok(verifier) => Some(verifier),
            Err(VerifierBuilderError::NoRootAnchors) if certificate == Certificate::Any => None,
            Err(error) => return Err(TlsError::NoRoots(error)),
        };
        let checks: Arc<dyn ServerCertVerifier> = match (certificate, &verifier) {
            (Certificate::Verified, Some(verifier)) => verifier.clone(),
            _ => Arc::new(TakesAny(provider.clone())),
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .dangerous()
            .with_custom_certificate_verifier(checks)
            .with_no_client_auth();
        Ok(Arc::new(Self {
            config: Arc::new(config),
            verifier,
        }))
    }
}

/// The roots that this system trusts; none where it keeps them elsewhere. Reads a file.
pub fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    if let Some(pem) = SYSTEM_ROOTS.iter().find_map(|path| fs::read(path).ok()) {
        let certificates = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok);
        roots.add_parsable_certificates(certificates);
    }
    roots
}

/// TLS towards one host.
pub(crate) struct Towards {
    outward: Arc<Outward>,
    name: ServerName<'static>,
}

impl Towards {
    pub(crate) fn new(outward: Arc<Outward>, name: ServerName<'static>) -> Self {
        Self { outward, name }
    }

    pub(super) fn connection(&self) -> Result<ClientConnection, rustls::Error> {
        ClientConnection::new(Arc::clone(&self.outward.config), self.name.clone())
    }

    pub(super) fn server_name(&self) -> Option<Box<str>> {
        match &self.name {
            ServerName::DnsName(name) => Some(name.as_ref().into()),
            _ => None,
        }
    }

    /// Whether the certificate that the peer has shown is good, whatever the handshake took.
    pub(super) fn verifies(&self, connection: &Connection) -> bool {
        let (Some(verifier), Some([end, others @ ..])) =
            (&self.outward.verifier, connection.peer_certificates())
        else {
            return false;
        };
        verifier
            .verify_server_cert(end, others, &self.name, &[], UnixTime::now())
            .is_ok()
    }
}

/// Takes any certificate whose key the peer has.
#[derive(Debug)]
struct TakesAny(Arc<CryptoProvider>);

impl ServerCertVerifier for TakesAny {
    fn verify_server_cert(
        &self,
        _end: &CertificateDer<'_>,
        _others: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        let checked = verify_tls12_signature(message, certificate, signed, algorithms);
        unless_unreadable(checked, certificate)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        let checked = verify_tls13_signature(message, certificate, signed, algorithms);
        unless_unreadable(checked, certificate)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Certificates of version 1, as many hosts sign for themselves, have a key that cannot be read
/// here. They are never verified; encryption to them is taken nevertheless.
fn unless_unreadable(
    checked: Result<HandshakeSignatureValid, rustls::Error>,
    certificate: &CertificateDer<'_>,
) -> Result<HandshakeSignatureValid, rustls::Error> {
    match checked {
        Err(_) if ParsedCertificate::try_from(certificate).is_err() => {
            Ok(HandshakeSignatureValid::assertion())
        }
        checked => checked,
    }
}
