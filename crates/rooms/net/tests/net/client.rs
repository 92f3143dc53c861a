//! A peer that says and expects lines.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::rig::{LONG, trusted};

pub(crate) struct Client<S> {
    pub(crate) stream: S,
}

pub(crate) type Secure = StreamOwned<ClientConnection, TcpStream>;

impl Client<TcpStream> {
    /// Connects and reads the greeting.
    pub(crate) fn greeted(address: SocketAddr) -> Self {
        let mut client = Self::connect(address);
        client.expect("hello");
        client
    }

    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.set_write_timeout(Some(LONG)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    pub(crate) fn end(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Shakes hands over a connection in clear text.
    pub(crate) fn secure(mut self, config: &Arc<ClientConfig>) -> io::Result<Client<Secure>> {
        let name = ServerName::try_from("localhost").unwrap();
        let mut tls = ClientConnection::new(Arc::clone(config), name).unwrap();
        while tls.is_handshaking() {
            tls.complete_io(&mut self.stream)?;
        }
        Ok(Client {
            stream: StreamOwned::new(tls, self.stream),
        })
    }
}

impl Client<Secure> {
    /// Connects, shakes hands and returns with the greeting.
    pub(crate) fn greeted_over_tls(
        address: SocketAddr,
        config: &Arc<ClientConfig>,
    ) -> io::Result<(Self, String)> {
        let mut client = Client::connect(address).secure(config)?;
        let greeting = client.line()?;
        Ok((client, greeting))
    }
}

impl<S: Read + Write> Client<S> {
    pub(crate) fn say(&mut self, words: &str) {
        self.stream.write_all(words.as_bytes()).unwrap();
        self.stream.flush().unwrap();
    }

    /// The next line without its end; empty when the server has ended.
    pub(crate) fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        let mut octet = [0];
        while !line.ends_with(b"\r\n") {
            if self.stream.read(&mut octet)? == 0 {
                assert_eq!(line, b"", "ended within a line");
                return Ok(String::new());
            }
            line.push(octet[0]);
        }
        line.truncate(line.len() - 2);
        Ok(String::from_utf8(line).unwrap())
    }

    pub(crate) fn expect(&mut self, line: &str) {
        assert_eq!(self.line().unwrap(), line);
    }

    pub(crate) fn expect_end(&mut self) {
        assert_eq!(self.line().unwrap(), "", "the server goes on");
    }
}

/// A client that trusts the rigs and offers these names to ALPN.
pub(crate) fn config(protocols: &[&str]) -> Arc<ClientConfig> {
    config_of(
        protocols,
        &[&rustls::version::TLS13, &rustls::version::TLS12],
    )
}

pub(crate) fn config_of(
    protocols: &[&str],
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    Arc::new(config)
}
