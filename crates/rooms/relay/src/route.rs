//! Which hosts take mail for a destination, best first (RFC 5321 §5.1).

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use postroom_config::value::{Host, Internet};
use postroom_delivery::conclude::Remote;
use postroom_dns::{Dns, Family, LookupError, Mx, Trouble};
use postroom_mail::address::Domain;
use postroom_mail::reply::EnhancedCode;
use postroom_runtime::random::Random;

use crate::own::{Own, is_usable};
use crate::setback::Setback;
use crate::settings::Smarthost;

/// Names of exchangers that are looked up for one route; worse ones are left out.
const EXCHANGERS_MAX: usize = 10;

/// Addresses that one route leads to; more are left out. Two are asked for (RFC 5321 §5.1).
const ADDRESSES_MAX: usize = 10;

/// What routes are found by.
pub(crate) struct Router<'a> {
    pub(crate) dns: &'a Dns,
    pub(crate) random: &'a Random,
    pub(crate) own: &'a Own,
    pub(crate) internet: Internet,
    /// The port of hosts found by MX.
    pub(crate) port: u16,
}

/// Hosts still to be looked up, in levels of equal preference, and what was met on the way.
#[derive(Debug, Default)]
pub(crate) struct Route {
    levels: VecDeque<Vec<Place>>,
    port: u16,
    addresses: usize,
    /// Why a host could not be looked up.
    trouble: Option<Trouble>,
    /// Whether it led to ourselves; what was behind that is left out.
    is_cut: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Address(IpAddr),
    Name(Box<str>),
}

impl Router<'_> {
    /// The way to a domain, or to an address in brackets.
    pub(crate) async fn to_domain(&self, domain: &str) -> Result<Route, Setback> {
        let literal = Domain::parse(domain).ok();
        let literal = literal.and_then(|domain| domain.literal_address());
        if let Some(address) = literal {
            return Ok(Route::to(Place::Address(address), self.port));
        }
        match self.dns.exchangers(domain).await {
            Ok(exchangers) => self.by_exchangers(&exchangers),
            Err(LookupError::Trouble(trouble)) => Err(unknown(trouble)),
            Err(error) if error.is_no_such_domain() => {
                let text = "there is no such domain";
                Err(Setback::new(EnhancedCode(5, 1, 2), text))
            }
            // Without exchangers, the domain is its own.
            Err(LookupError::Negative { .. }) => {
                Ok(Route::to(Place::Name(domain.into()), self.port))
            }
        }
    }

    /// The way to the smarthost.
    pub(crate) fn to_smarthost(smarthost: &Smarthost) -> Route {
        let place = match &smarthost.host.host {
            Host::Address(address) => Place::Address(*address),
            Host::Name(name) => Place::Name(name.as_str().into()),
        };
        Route::to(place, smarthost.host.port)
    }

    fn by_exchangers(&self, exchangers: &[Mx]) -> Result<Route, Setback> {
        let mut usable: Vec<&Mx> = exchangers
            .iter()
            .filter(|mx| !mx.exchange.is_empty())
            .collect();
        if usable.is_empty() {
            // RFC 7505 §4.1.
            let text = "the domain does not take mail";
            return Err(Setback::new(EnhancedCode(5, 1, 10), text));
        }
        shuffle(&mut usable, self.random);
        usable.sort_by_key(|mx| mx.preference);
        let mut route = Route {
            port: self.port,
            ..Route::default()
        };
        let mut names = 0;
        for level in usable.chunk_by(|a, b| a.preference == b.preference) {
            // Where we stand among the exchangers, only better ones are tried.
            if level.iter().any(|mx| self.own.has_name(&mx.exchange)) {
                route.is_cut = true;
                break;
            }
            let mut places: Vec<Place> = Vec::new();
            for mx in level.iter().take(EXCHANGERS_MAX - names) {
                let place = Place::Name(mx.exchange.clone());
                if !places.contains(&place) {
                    places.push(place);
                }
            }
            names += places.len();
            route.levels.push_back(places);
            if names >= EXCHANGERS_MAX {
                break;
            }
        }
        Ok(route)
    }

    /// The hosts of the next level that has any; `None` when there are no more.
    pub(crate) async fn next(&self, route: &mut Route) -> Option<Vec<Remote>> {
        while let Some(level) = route.levels.pop_front() {
            let mut hosts = Vec::new();
            for place in &level {
                self.look_up(place, route, &mut hosts).await;
            }
            if hosts.iter().any(|host| self.own.listens(host.address)) {
                route.is_cut = true;
                route.levels.clear();
                return None;
            }
            hosts.truncate(ADDRESSES_MAX.saturating_sub(route.addresses));
            route.addresses += hosts.len();
            if !hosts.is_empty() {
                return Some(hosts);
            }
        }
        None
    }

    async fn look_up(&self, place: &Place, route: &mut Route, hosts: &mut Vec<Remote>) {
        let name = match place {
            Place::Address(address) => {
                hosts.push(Remote {
                    name: address.to_string().into(),
                    address: SocketAddr::new(*address, route.port),
                });
                return;
            }
            Place::Name(name) => name,
        };
        let (v4, v6) = tokio::join!(
            self.addresses(name, Family::V4),
            self.addresses(name, Family::V6)
        );
        let mut take = |found: Result<Vec<IpAddr>, Trouble>| {
            found.unwrap_or_else(|trouble| {
                route.trouble.get_or_insert(trouble);
                Vec::new()
            })
        };
        let (v4, v6) = (take(v4), take(v6));
        let in_turns = match self.internet {
            Internet::Ipv6First => interleave(v6, v4),
            Internet::Ipv4First | Internet::Ipv4 | Internet::Ipv6 => interleave(v4, v6),
        };
        for address in in_turns {
            let address = SocketAddr::new(address, route.port);
            if !hosts.iter().any(|host| host.address == address) {
                let name = name.clone();
                hosts.push(Remote { name, address });
            }
        }
    }

    /// The addresses of one kind that may be tried; none where there are none.
    async fn addresses(&self, name: &str, family: Family) -> Result<Vec<IpAddr>, Trouble> {
        let is_wanted = match self.internet {
            Internet::Ipv4 => family == Family::V4,
            Internet::Ipv6 => family == Family::V6,
            Internet::Ipv4First | Internet::Ipv6First => true,
        };
        if !is_wanted {
            return Ok(Vec::new());
        }
        match self.dns.addresses(name, family).await {
            Ok(found) => {
                let usable = found.iter().copied().filter(|address| is_usable(*address));
                Ok(usable.collect())
            }
            Err(LookupError::Negative { .. }) => Ok(Vec::new()),
            Err(LookupError::Trouble(trouble)) => Err(trouble),
        }
    }
}

impl Route {
    fn to(place: Place, port: u16) -> Self {
        Self {
            levels: [vec![place]].into(),
            port,
            ..Self::default()
        }
    }

    /// Why the route led to no host that took mail, given what was met at those that were tried.
    pub(crate) fn end(&self, met: Option<Setback>) -> Setback {
        match (met, self.trouble) {
            (Some(met), None) => met,
            (Some(met), Some(_)) if !met.is_final => met,
            (_, Some(trouble)) => unknown(trouble),
            (None, None) if self.is_cut => comes_back(),
            (None, None) => Setback::new(
                EnhancedCode(5, 4, 4),
                "none of the mail servers of the domain has an address",
            ),
        }
    }
}

/// The next hop is this server.
pub(crate) fn comes_back() -> Setback {
    let text = "mail for this domain would come back to this server";
    Setback::new(EnhancedCode(5, 4, 6), text)
}

fn unknown(trouble: Trouble) -> Setback {
    let text = format!("the mail servers of the domain are not known now: {trouble}");
    Setback::new(EnhancedCode(4, 4, 3), text)
}

/// One of each in turns.
fn interleave(first: Vec<IpAddr>, second: Vec<IpAddr>) -> Vec<IpAddr> {
    let mut both = Vec::with_capacity(first.len() + second.len());
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    loop {
        let (one, other) = (first.next(), second.next());
        if one.is_none() && other.is_none() {
            return both;
        }
        both.extend(one.into_iter().chain(other));
    }
}

/// Fisher and Yates'.
fn shuffle<T>(items: &mut [T], random: &Random) {
    for end in (1..items.len()).rev() {
        let choices = end as u64 + 1;
        let chosen = usize::try_from(random.number() % choices).unwrap_or(end);
        items.swap(end, chosen);
    }
}

#[cfg(test)]
mod tests;
