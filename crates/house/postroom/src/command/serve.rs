//! `postroom serve`.

use crate::access::Access;
use crate::keeper;
use crate::kept::Kept;
use crate::report::Failure;
use crate::serve;
use crate::settings::Settings;
use crate::threads;

/// Options of `serve`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    settings: Settings,
    /// By whom a keeper started this server; its line is standard input
    #[arg(long, value_name = "PID", hide = true)]
    kept: Option<u32>,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let access = match self.kept {
            Some(pid) => Access::through(Kept::attach(pid)?),
            None => Access::default(),
        };
        let loaded = self.settings.load(&access)?;
        let config = &loaded.config;
        let level = crate::log::start(config, config.log.level);
        match keeper::standing(config)? {
            Some(user) => keeper::run(&self.settings, config, user),
            None => {
                threads::of_a_server()?.block_on(serve::run(&self.settings, loaded, access, level))
            }
        }
    }
}
