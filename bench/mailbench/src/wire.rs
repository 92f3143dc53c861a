//! A buffered client connection, plain or TLS.

use crate::args::{Target, TlsMode};
use anyhow::{bail, Context, Result};
use bytes::{Bytes, BytesMut};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::Resumption;
use rustls::crypto::{aws_lc_rs, verify_tls12_signature, verify_tls13_signature, CryptoProvider};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use std::sync::{Arc, OnceLock};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

pub struct Wire {
    io: Box<dyn Io>,
    buffer: BytesMut,
}

impl Wire {
    /// Connects; with implicit TLS, also does the handshake.
    pub async fn connect(target: &Target) -> Result<Self> {
        let stream = TcpStream::connect((target.host.as_str(), target.port))
            .await
            .context("connect")?;
        stream.set_nodelay(true)?;
        let wire = Wire {
            io: Box::new(stream),
            buffer: BytesMut::new(),
        };
        match target.tls {
            TlsMode::Implicit => wire.handshake().await,
            TlsMode::None | TlsMode::Starttls => Ok(wire),
        }
    }

    /// Upgrades to TLS, after the server has agreed to STARTTLS.
    pub async fn handshake(self) -> Result<Self> {
        if !self.buffer.is_empty() {
            bail!("server sent data ahead of the TLS handshake");
        }
        let name = ServerName::try_from("localhost")?;
        let stream = connector()
            .connect(name, self.io)
            .await
            .context("TLS handshake")?;
        Ok(Wire {
            io: Box::new(stream),
            buffer: BytesMut::new(),
        })
    }

    pub async fn write(&mut self, data: &[u8]) -> Result<()> {
        self.io.write_all(data).await?;
        self.io.flush().await?;
        Ok(())
    }

    /// Reads more into the buffer.
    async fn fill(&mut self) -> Result<()> {
        self.buffer.reserve(if self.buffer.is_empty() {
            4096
        } else {
            64 * 1024
        });
        if self.io.read_buf(&mut self.buffer).await? == 0 {
            bail!("server closed the connection");
        }
        Ok(())
    }

    /// One line, without its line end.
    pub async fn line(&mut self) -> Result<Bytes> {
        let mut searched = 0;
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.buffer[searched..]) {
                let mut line = self.buffer.split_to(searched + at + 1).freeze();
                line.truncate(line.len() - 1);
                if line.last() == Some(&b'\r') {
                    line.truncate(line.len() - 1);
                }
                return Ok(line);
            }
            searched = self.buffer.len();
            self.fill().await?;
        }
    }

    /// Exactly `count` bytes.
    pub async fn exact(&mut self, count: usize) -> Result<Bytes> {
        while self.buffer.len() < count {
            self.fill().await?;
        }
        Ok(self.buffer.split_to(count).freeze())
    }
}

/// TLS without session resumption, so that every connection is a full
/// handshake, and without certificate checks: the peers are test servers on
/// this machine with self-signed certificates.
fn connector() -> TlsConnector {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let config = CONFIG.get_or_init(|| {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("aws-lc supports the default TLS versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        Arc::new(config)
    });
    TlsConnector::from(config.clone())
}

/// Accepts any certificate but still checks the handshake's signature.
#[derive(Debug)]
pub struct AnyCertificate(pub Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
