//! The configuration as the command line names it.

use std::path::{Path, PathBuf};

use postroom_config::{Config, Loaded, Problem, Source};

use crate::access::Access;
use crate::report::Failure;

/// Read when no other is named.
const DEFAULT_FILE: &str = "/etc/postroom/postroom.toml";

/// Where settings come from.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct Settings {
    /// The configuration file [default: /etc/postroom/postroom.toml]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Set a key for this run only; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) overrides: Vec<String>,
}

impl Settings {
    /// The file that is read.
    pub(crate) fn file(&self) -> PathBuf {
        self.config
            .clone()
            .unwrap_or_else(|| Path::new(DEFAULT_FILE).to_path_buf())
    }

    /// The tree, or all that is wrong with it.
    pub(crate) fn try_load(&self, access: &Access) -> Result<Loaded, Vec<Problem>> {
        let file = self.file();
        // A keeper knows the file by its whole name.
        let whole = std::path::absolute(&file).unwrap_or_else(|_| file.clone());
        let source = Source::opened(&file, access.open(&whole))?
            .with_environment(std::env::vars_os())
            .with_overrides(self.overrides.clone());
        Config::load(&source)
    }

    /// The tree, or a report of all that is wrong with it.
    pub(crate) fn load(&self, access: &Access) -> Result<Loaded, Failure> {
        self.try_load(access).map_err(|problems| {
            let lines: Vec<String> = problems
                .iter()
                .map(|problem| format!("{problem}; {}", problem.mend()))
                .collect();
            let what = format!("{} cannot be used", self.file().display());
            Failure::new(what, lines.join("\n  "))
        })
    }
}
