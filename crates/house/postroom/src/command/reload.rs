//! `postroom reload`: SIGHUP, and told what came of it.

use postroom_admin::answer::Reload;
use postroom_admin::request::Request;

use crate::access::Access;
use crate::operator::{self, Operator};
use crate::report::{self, Failure};
use crate::serve;

/// Options of `reload`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    operator: Operator,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let settings = self.operator.settings();
        let outcome = match settings.try_load(&Access::default()) {
            Ok(loaded) => {
                let value = operator::ask_server(&loaded.config.data_dir, &Request::Reload {})?;
                serde_json::from_value(value)
                    .map_err(|error| Failure::because("the server's answer", &error))?
            }
            // The server would find no more in it, and its data directory is not known.
            Err(problems) => Reload {
                is_applied: false,
                changed: Vec::new(),
                problems: problems.iter().map(serve::problem).collect(),
            },
        };
        if self.operator.wants_json() {
            report::say(
                serde_json::to_string(&outcome)
                    .map_err(|error| Failure::because("the outcome as JSON", &error))?,
            )?;
        } else {
            tell(&outcome)?;
        }
        if outcome.is_applied {
            return Ok(());
        }
        Err(Failure::new(
            "nothing was reloaded: the old settings stay",
            "mend what is said of each, and reload again",
        ))
    }
}

fn tell(outcome: &Reload) -> Result<(), Failure> {
    for problem in &outcome.problems {
        report::say(format_args!("{problem}\n  {}", problem.mend))?;
    }
    if !outcome.is_applied {
        return Ok(());
    }
    if outcome.changed.is_empty() {
        return report::say("reloaded: certificates were read again, no setting changed");
    }
    report::say(format_args!("reloaded: {}", outcome.changed.join(", ")))
}
