//! `postroom config`.

use std::path::Path;

use postroom_config::Config;

use crate::access::Access;
use crate::keeper;
use crate::report::{self, Failure};
use crate::settings::Settings;

#[derive(clap::Subcommand)]
pub(crate) enum Action {
    /// Check the configuration: what is wrong, and what is less safe than it could be
    Check {
        #[command(flatten)]
        settings: Settings,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Every setting in force and where it comes from
    Show {
        #[command(flatten)]
        settings: Settings,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// The manual of every setting
    Reference {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

impl Action {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Check { settings, json } => check(&settings, json),
            Self::Show { settings, json } => show(&settings, json),
            Self::Reference { json } => reference(json),
        }
    }
}

fn check(settings: &Settings, json: bool) -> Result<(), Failure> {
    let (problems, is_good) = match settings.try_load(&Access::default()) {
        Ok(mut loaded) => {
            if keeper::stays_root(&loaded.config) {
                loaded.warn_of_root();
            }
            (loaded.warnings, true)
        }
        Err(problems) => (problems, false),
    };
    if json {
        let rows: Vec<_> = problems.iter().map(problem_json).collect();
        report::say(serde_json::json!({ "good": is_good, "problems": rows }))?;
    } else {
        for problem in &problems {
            report::warn(format_args!("{problem}\n  {}", problem.mend()));
        }
    }
    let file = settings.file();
    if is_good {
        if !json {
            report::say(format_args!("{} is good", file.display()))?;
        }
        return Ok(());
    }
    Err(bad(&file, problems.len()))
}

fn bad(file: &Path, count: usize) -> Failure {
    let mistakes = if count == 1 { "mistake" } else { "mistakes" };
    let what = format!("{} has {count} {mistakes}", file.display());
    Failure::new(what, "mend them as each says; nothing else was changed")
}

fn problem_json(problem: &postroom_config::Problem) -> serde_json::Value {
    serde_json::json!({
        "key": problem.key,
        "place": problem.place.to_string(),
        "what": problem.trouble.to_string(),
        "mend": problem.mend(),
        "is_warning": problem.is_warning(),
    })
}

fn show(settings: &Settings, json: bool) -> Result<(), Failure> {
    let loaded = settings.load(&Access::default())?;
    if json {
        let text = serde_json::to_string_pretty(&loaded.settings());
        return report::say(text.map_err(|error| Failure::because("settings as JSON", &error))?);
    }
    report::say(loaded.show().trim_end())
}

fn reference(json: bool) -> Result<(), Failure> {
    if json {
        let keys: Vec<_> = Config::reference().collect();
        let text = serde_json::to_string_pretty(&keys);
        return report::say(text.map_err(|error| Failure::because("the manual as JSON", &error))?);
    }
    report::say(postroom_config::manual().trim_end())
}
