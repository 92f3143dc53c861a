//! Other machines: by name or address, and port.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use super::{Hostname, Misfit, Raw, Setting};

/// Where queries to name servers go unless told otherwise.
const DNS_PORT: u16 = 53;

/// A machine and a port of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// Its name, or its address.
    pub host: Host,
    /// The port.
    pub port: u16,
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// By its address.
    Address(IpAddr),
    /// By its name, to be looked up.
    Name(Hostname),
}

/// A name server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NameServer(pub SocketAddr);

impl HostPort {
    fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let port = port.parse().ok().filter(|port| *port > 0)?;
        let bracketed = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let host = match bracketed {
            Some(address) => Host::Address(address.parse().ok()?),
            None => match host.parse() {
                Ok(IpAddr::V4(address)) => Host::Address(address.into()),
                // Without brackets its last part could be a port.
                Ok(IpAddr::V6(_)) => return None,
                Err(_) => Host::Name(Hostname::parse(host)?),
            },
        };
        Some(Self { host, port })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Name(name) => write!(f, "{name}"),
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host {
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
            _ => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl Setting for HostPort {
    fn kind() -> String {
        "a host and a port".to_owned()
    }

    fn read(raw: &Raw, _: &Path) -> Result<Self, Misfit> {
        let text = raw.text::<Self>()?;
        Self::parse(text).ok_or_else(|| Misfit::Shape {
            expected: "a host and a port",
            found: text.to_owned(),
            example: "\"smtp.example.org:587\" or \"[2001:db8::1]:25\"",
        })
    }

    fn write(&self) -> Option<Raw> {
        Some(Raw::Text(self.to_string()))
    }
}

impl Setting for NameServer {
    fn kind() -> String {
        "the address of a name server".to_owned()
    }

    fn read(raw: &Raw, _: &Path) -> Result<Self, Misfit> {
        let text = raw.text::<Self>()?;
        let socket = text.parse::<SocketAddr>().ok();
        let address = text.parse::<IpAddr>().ok();
        socket
            .or_else(|| address.map(|address| SocketAddr::new(address, DNS_PORT)))
            .map(Self)
            .ok_or_else(|| Misfit::Shape {
                expected: "the address of a name server",
                found: text.to_owned(),
                example: "\"192.0.2.53\" or \"[::1]:5353\"",
            })
    }

    fn write(&self) -> Option<Raw> {
        Some(Raw::Text(if self.0.port() == DNS_PORT {
            self.0.ip().to_string()
        } else {
            self.0.to_string()
        }))
    }
}

/// A text as it is.
impl Setting for String {
    fn kind() -> String {
        "a text".to_owned()
    }

    fn read(raw: &Raw, _: &Path) -> Result<Self, Misfit> {
        raw.text::<Self>().map(str::to_owned)
    }

    fn write(&self) -> Option<Raw> {
        Some(Raw::Text(self.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: Setting>(text: &str) -> Option<T> {
        T::read(&Raw::Text(text.to_owned()), Path::new("")).ok()
    }

    #[test]
    fn hosts_are_read_and_written() {
        for text in [
            "smtp.example.org:587",
            "192.0.2.1:25",
            "[2001:db8::1]:2525",
            "relay:25",
        ] {
            let host: HostPort = read(text).unwrap();
            assert_eq!(host.write(), Some(Raw::Text(text.to_owned())));
        }
        for text in [
            "smtp.example.org",
            "smtp.example.org:0",
            "smtp.example.org:99999",
            "2001:db8::1:25",
            "2001:db8::1",
            ":25",
            "a b:25",
            "[::1]",
        ] {
            assert_eq!(read::<HostPort>(text), None, "{text}");
        }
    }

    #[test]
    fn name_servers_have_a_usual_port() {
        let server = |text| read::<NameServer>(text).map(|server| server.0.to_string());
        assert_eq!(server("192.0.2.53").as_deref(), Some("192.0.2.53:53"));
        assert_eq!(server("::1").as_deref(), Some("[::1]:53"));
        assert_eq!(server("127.0.0.1:5353").as_deref(), Some("127.0.0.1:5353"));
        assert_eq!(server("dns.example.org"), None);
    }
}
