//! The resolver of a running server: asks name servers over UDP and TCP.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use tokio::time::timeout;

use crate::dns::RECORDS_MAX;
use crate::resolver::{Answer, Data, Kind, Looking, LookupError, Mx, Negative, Resolver, Trouble};

/// The longest that one question takes, whatever servers, tries and aliases there are.
const QUESTION_MAX: Duration = Duration::from_secs(30);

/// Octets of an answer by UDP that arrive in one piece almost everywhere (DNS flag day 2020).
const UDP_OCTETS: u16 = 1232;

/// Questions that one TCP connection to a name server carries.
const QUESTIONS_PER_CONNECTION_MAX: usize = 256;

/// Whom to ask, and how patiently.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name servers; none for those of `/etc/resolv.conf`.
    pub servers: Vec<SocketAddr>,
    /// How long one server may take.
    pub timeout: Duration,
    /// How often a question is put before it is given up.
    pub attempts: u32,
}

/// There is nobody to ask.
#[derive(Debug, thiserror::Error)]
#[error("no name server is known")]
pub struct SystemError(#[source] Box<NetError>);

/// Asks recursive name servers and believes them.
#[derive(Debug)]
pub struct System(TokioResolver);

/// A resolver without a name server: every answer is [`Trouble::Unset`].
#[derive(Debug)]
pub struct Nobody;

impl System {
    /// A resolver with these settings. Its answers are cached by [`crate::Dns`] and nowhere else.
    ///
    /// # Errors
    /// When `servers` is empty and the system names none.
    pub fn new(settings: &Settings) -> Result<Self, SystemError> {
        let failed = |error: NetError| SystemError(Box::new(error));
        let mut builder = if settings.servers.is_empty() {
            let mut builder = TokioResolver::builder_tokio().map_err(failed)?;
            // Names that only this machine has stand in its own list.
            builder.options_mut().use_hosts_file = ResolveHosts::Always;
            builder
        } else {
            let servers = settings.servers.iter().copied().map(server).collect();
            let config = ResolverConfig::from_name_servers(servers);
            let provider = TokioRuntimeProvider::default();
            let mut builder = TokioResolver::builder_with_config(config, provider);
            builder.options_mut().use_hosts_file = ResolveHosts::Never;
            builder
        };
        adjust(builder.options_mut(), settings);
        builder.build().map(Self).map_err(failed)
    }

    async fn look_up(&self, name: &str, kind: Kind) -> Result<Answer, LookupError> {
        let mut name = Name::from_ascii(name).map_err(|_| no_such_domain())?;
        // Names in mail are whole: nothing is appended to them (RFC 5321 §5.1).
        name.set_fqdn(true);
        let record_type = match kind {
            Kind::A => RecordType::A,
            Kind::Aaaa => RecordType::AAAA,
            Kind::Mx => RecordType::MX,
        };
        let found = timeout(QUESTION_MAX, self.0.lookup(name, record_type))
            .await
            .map_err(|_| Trouble::Unreachable)?
            .map_err(|error| failure(&error))?;
        let ttl = found.answers().iter().map(|record| record.ttl).min();
        let records = found
            .answers()
            .iter()
            .filter_map(|record| data(&record.data))
            .take(RECORDS_MAX)
            .collect();
        Ok(Answer {
            records,
            ttl: Duration::from_secs(ttl.unwrap_or_default().into()),
        })
    }
}

impl Resolver for System {
    fn resolve<'a>(&'a self, name: &'a str, kind: Kind) -> Looking<'a> {
        Box::pin(self.look_up(name, kind))
    }
}

impl Resolver for Nobody {
    fn resolve<'a>(&'a self, _: &'a str, _: Kind) -> Looking<'a> {
        Box::pin(std::future::ready(Err(Trouble::Unset.into())))
    }
}

fn adjust(options: &mut ResolverOpts, settings: &Settings) {
    options.timeout = settings.timeout;
    options.attempts = settings.attempts.saturating_sub(1) as usize;
    options.cache_size = 0;
    options.edns0 = true;
    options.edns_payload_len = UDP_OCTETS;
    options.max_active_requests = QUESTIONS_PER_CONNECTION_MAX;
    options.preserve_intermediates = true;
}

fn server(address: SocketAddr) -> NameServerConfig {
    let at_port = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
    NameServerConfig::new(
        address.ip(),
        true,
        connections.into_iter().map(at_port).collect(),
    )
}

fn data(data: &RData) -> Option<Data> {
    match data {
        RData::A(address) => Some(Data::Address(address.0.into())),
        RData::AAAA(address) => Some(Data::Address(address.0.into())),
        RData::MX(mx) => Some(Data::Mx(Mx {
            preference: mx.preference,
            exchange: text(&mx.exchange),
        })),
        _ => None,
    }
}

fn text(name: &Name) -> Box<str> {
    let text = name.to_ascii();
    text.strip_suffix('.')
        .unwrap_or(&text)
        .to_ascii_lowercase()
        .into()
}

fn no_such_domain() -> LookupError {
    LookupError::Negative {
        negative: Negative::NoSuchDomain,
        ttl: None,
    }
}

fn failure(error: &NetError) -> LookupError {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => negative(Negative::NoSuchDomain, none.negative_ttl),
            ResponseCode::NoError => negative(Negative::NoData, none.negative_ttl),
            _ => Trouble::Failed.into(),
        },
        NetError::Dns(DnsError::ResponseCode(ResponseCode::Refused)) => Trouble::Refused.into(),
        NetError::Dns(_) => Trouble::Failed.into(),
        NetError::Proto(_) | NetError::QueryCaseMismatch | NetError::ForeignClassRecord { .. } => {
            Trouble::Nonsense.into()
        }
        _ => Trouble::Unreachable.into(),
    }
}

fn negative(negative: Negative, seconds: Option<u32>) -> LookupError {
    LookupError::Negative {
        negative,
        ttl: seconds.map(|seconds| Duration::from_secs(seconds.into())),
    }
}
