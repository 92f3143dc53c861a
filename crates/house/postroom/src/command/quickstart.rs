//! `postroom quickstart`: a whole server on this machine in one command.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use crate::quickstart::{self, Wishes};
use crate::report::Failure;

/// Options of `quickstart`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The data directory; made when it is not there, else kept as it is
    #[arg(default_value = "postroom-data")]
    directory: PathBuf,
    /// The domain to take mail for
    #[arg(long, default_value = "example.test")]
    domain: String,
    /// The address to listen on
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    bind: IpAddr,
    /// Added to the usual ports: 10025, 10143 and so on
    #[arg(long, default_value_t = 10_000)]
    port_offset: u16,
    /// Stop after the self-test
    #[arg(long)]
    once: bool,
    /// Set a key for this run only; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Failure> {
        quickstart::run(&Wishes {
            directory: self.directory,
            domain: self.domain,
            bind: self.bind,
            port_offset: self.port_offset,
            once: self.once,
            overrides: self.overrides,
        })
    }
}
