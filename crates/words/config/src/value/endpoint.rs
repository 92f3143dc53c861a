//! Where a listener stands.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use super::{Misfit, Raw, Setting};

/// One place where a role listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// This address, at the role's port plus `listen.port_offset`.
    Address(IpAddr),
    /// The addresses of `listen.bind`, at this port.
    Port(u16),
    /// Exactly here.
    Socket(SocketAddr),
}

impl Setting for Endpoint {
    fn kind() -> String {
        "an address, a port or both".to_owned()
    }

    fn read(raw: &Raw, _: &Path) -> Result<Self, Misfit> {
        let read = match raw {
            Raw::Integer(port) => u16::try_from(*port).ok().map(Self::Port),
            Raw::Text(text) => (text.parse().map(Self::Socket))
                .or_else(|_| text.parse().map(Self::Address))
                .ok(),
            _ => return Err(Misfit::kind(Self::kind(), raw)),
        };
        read.ok_or_else(|| Misfit::Shape {
            expected: "an address, a port or both",
            found: match raw {
                Raw::Text(text) => text.clone(),
                other => other.to_string(),
            },
            example: "\"192.0.2.1\", 2525, \"192.0.2.1:2525\" or \"[::1]:2525\"",
        })
    }

    fn write(&self) -> Option<Raw> {
        Some(match self {
            Self::Address(address) => Raw::Text(address.to_string()),
            Self::Port(port) => Raw::Integer((*port).into()),
            Self::Socket(socket) => Raw::Text(socket.to_string()),
        })
    }
}
