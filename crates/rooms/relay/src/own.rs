//! What is ours, so that mail is never sent to ourselves.

use std::net::{IpAddr, SocketAddr};

use postroom_runtime::watched::Watched;

/// Names and sockets of this server.
#[derive(Clone, Debug)]
pub struct Own {
    hostname: Box<str>,
    /// Whether the name is one that other servers would not have too.
    is_name_distinct: bool,
    /// As they open and close.
    sockets: Watched<Vec<SocketAddr>>,
}

impl Own {
    /// A server of this name that listens on these sockets.
    pub fn new(hostname: &str, sockets: Watched<Vec<SocketAddr>>) -> Self {
        Self {
            is_name_distinct: hostname.contains('.') && !hostname.ends_with(".localdomain"),
            hostname: hostname.into(),
            sockets,
        }
    }

    /// Whether a host of this name is this server.
    pub fn has_name(&self, name: &str) -> bool {
        let name = name.strip_suffix('.').unwrap_or(name);
        self.is_name_distinct && self.hostname.eq_ignore_ascii_case(name)
    }

    /// Whether this server listens at `address`. A listener on all addresses listens at each
    /// that this machine has.
    pub fn listens(&self, address: SocketAddr) -> bool {
        let ip = address.ip().to_canonical();
        self.sockets.get().iter().any(|socket| {
            let own = socket.ip().to_canonical();
            let is_there = own == ip
                || (own.is_unspecified()
                    && own.is_ipv4() == ip.is_ipv4()
                    && postroom_net::is_own_address(ip));
            socket.port() == address.port() && is_there
        })
    }
}

/// Whether mail can be sent to an address at all: others mean "here" or "everyone".
pub(crate) fn is_usable(address: IpAddr) -> bool {
    let is_broadcast = match address {
        IpAddr::V4(v4) => v4.is_broadcast(),
        IpAddr::V6(_) => false,
    };
    !address.is_unspecified() && !address.is_multicast() && !is_broadcast
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(sockets: &[&str]) -> Own {
        let sockets = sockets.iter().map(|socket| socket.parse().unwrap());
        Own::new("mail.example.org", Watched::new(sockets.collect()))
    }

    #[test]
    fn a_listener_is_known_by_address_and_port() {
        let own = own(&["127.0.0.1:2525", "0.0.0.0:25", "[::1]:26"]);
        for (address, is_own) in [
            ("127.0.0.1:2525", true),
            ("127.0.0.2:2525", false),
            ("127.0.0.1:2526", false),
            ("127.0.0.9:25", true),
            ("192.0.2.1:25", false),
            ("[::1]:26", true),
            ("[::1]:25", false),
            ("[::ffff:127.0.0.1]:2525", true),
        ] {
            assert_eq!(own.listens(address.parse().unwrap()), is_own, "{address}");
        }
    }

    #[test]
    fn a_name_that_others_have_too_says_nothing() {
        assert!(own(&[]).has_name("Mail.Example.org."));
        assert!(!own(&[]).has_name("mail.example.net"));
        assert!(!Own::new("localhost", Watched::new(vec![])).has_name("localhost"));
    }
}
