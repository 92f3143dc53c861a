//! `postroom serve`.

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
        crate::log::start(&self.settings.load()?.config);
        serve::runtime()?.block_on(serve::run(&self.settings))
    }
}
