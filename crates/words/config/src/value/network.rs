//! Networks of addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use super::{Misfit, Raw, Setting};

/// An address and the number of its bits that count (RFC 4632 §3.1, RFC 4291 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Some networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(pub Vec<Network>);

impl Network {
    /// The network that `address` lies in; a longer `prefix` than the address means its length.
    pub fn new(address: IpAddr, prefix: u8) -> Self {
        let (bits, length) = bits(address);
        let prefix = prefix.min(length);
        let kept = bits & mask(prefix, length);
        let address = match address {
            // The mask keeps the value within 32 bits.
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(kept).unwrap_or(0))),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from_bits(kept)),
        };
        Self { address, prefix }
    }

    /// Whether `address` lies in it; an IPv4 address may be mapped into IPv6.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (own, length) = bits(self.address);
        let (other, other_length) = bits(address.to_canonical());
        length == other_length && other & mask(self.prefix, length) == own
    }

    /// Whether all of it is this machine (127.0.0.0/8, ::1).
    pub fn is_loopback(&self) -> bool {
        match self.address {
            IpAddr::V4(address) => address.is_loopback() && self.prefix >= 8,
            IpAddr::V6(address) => address.is_loopback() && self.prefix == 128,
        }
    }

    /// Whether it is every address of its family.
    pub fn is_everyone(&self) -> bool {
        self.prefix == 0
    }

    /// Whether it holds more than one owner's machines: above an IPv4 /8 or an IPv6 /32.
    pub fn is_wide(&self) -> bool {
        self.prefix
            < match self.address {
                IpAddr::V4(_) => 8,
                IpAddr::V6(_) => 32,
            }
    }

    fn parse(text: &str) -> Result<Self, Misfit> {
        let shape = || Misfit::Shape {
            expected: "a network",
            found: text.to_owned(),
            example: "\"192.0.2.0/24\" or \"::1\"",
        };
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| shape())?;
        let (_, length) = bits(address);
        let prefix = match prefix {
            Some(digits) => digits
                .parse()
                .ok()
                .filter(|p| *p <= length)
                .ok_or_else(shape)?,
            None => length,
        };
        let network = Self::new(address, prefix);
        if network.address == address {
            return Ok(network);
        }
        Err(Misfit::HostBits {
            found: text.to_owned(),
            network: network.to_string(),
        })
    }
}

impl Networks {
    /// This machine.
    pub fn loopback() -> Self {
        Self(vec![
            Network::new(Ipv4Addr::LOCALHOST.into(), 8),
            Network::new(Ipv6Addr::LOCALHOST.into(), 128),
        ])
    }

    /// Whether one of them holds `address`.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

/// The bits of an address, and how many there are.
fn bits(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(address) => (address.to_bits().into(), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    }
}

/// Ones where the first `prefix` of `length` bits are.
fn mask(prefix: u8, length: u8) -> u128 {
    let ones = u128::MAX >> (128 - length);
    ones & !ones.checked_shr(prefix.into()).unwrap_or(0)
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.prefix == bits(self.address).1 {
            write!(f, "{}", self.address)
        } else {
            write!(f, "{}/{}", self.address, self.prefix)
        }
    }
}

impl Setting for Network {
    fn kind() -> String {
        "a network".to_owned()
    }

    fn read(raw: &Raw, _: &Path) -> Result<Self, Misfit> {
        Self::parse(raw.text::<Self>()?)
    }

    fn write(&self) -> Option<Raw> {
        Some(Raw::Text(self.to_string()))
    }
}

impl Setting for Networks {
    fn kind() -> String {
        Vec::<Network>::kind()
    }

    fn read(raw: &Raw, folder: &Path) -> Result<Self, Misfit> {
        Vec::read(raw, folder).map(Self)
    }

    fn write(&self) -> Option<Raw> {
        self.0.write()
    }
}

#[cfg(test)]
mod tests {
    use super::{Network, Networks};
    use crate::value::Misfit;

    fn holds(network: &str, address: &str) -> bool {
        Network::parse(network)
            .unwrap()
            .contains(address.parse().unwrap())
    }

    #[test]
    fn networks_hold_their_addresses() {
        assert!(holds("192.0.2.0/24", "192.0.2.255"));
        assert!(!holds("192.0.2.0/24", "192.0.3.0"));
        assert!(holds("192.0.2.7", "192.0.2.7"));
        assert!(!holds("192.0.2.7", "192.0.2.6"));
        assert!(holds("0.0.0.0/0", "255.255.255.255"));
        assert!(!holds("0.0.0.0/0", "::1"));
        assert!(holds("2001:db8::/32", "2001:db8:ffff::1"));
        assert!(!holds("2001:db8::/32", "2001:db9::1"));
        assert!(holds("::/0", "ffff::"));
    }

    #[test]
    fn mapped_addresses_are_what_they_map() {
        assert!(holds("127.0.0.0/8", "::ffff:127.0.0.1"));
        assert!(!holds("::/0", "::ffff:127.0.0.1"));
        assert!(Networks::loopback().contains("::ffff:127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn wrong_networks_are_refused() {
        for wrong in [
            "",
            "192.0.2.0/33",
            "::/129",
            "localhost",
            "192.0.2.0/",
            "192.0.2/24",
        ] {
            assert!(
                matches!(Network::parse(wrong), Err(Misfit::Shape { .. })),
                "{wrong}"
            );
        }
        let host = Network::parse("192.0.2.9/24").unwrap_err();
        assert_eq!(host.mend(), "write \"192.0.2.0/24\"");
    }

    #[test]
    fn loopback_is_recognised_only_when_nothing_else_is_in_it() {
        let is_loopback = |text| Network::parse(text).unwrap().is_loopback();
        assert!(is_loopback("127.0.0.0/8"));
        assert!(is_loopback("127.0.0.1"));
        assert!(is_loopback("::1"));
        assert!(!is_loopback("126.0.0.0/7"));
        assert!(!is_loopback("::/64"));
    }
}
