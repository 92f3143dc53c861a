//! `postroom serve`.

use crate::owner;
use crate::report::Failure;
use crate::serve;
use crate::settings::Settings;

/// Options of `serve`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    settings: Settings,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let config = self.settings.load()?.config;
        owner::settle(&config.data_dir, &serve::sockets(&config))?;
        crate::log::start(&config, config.log.level);
        serve::runtime()?.block_on(serve::run(&self.settings))
    }
}
