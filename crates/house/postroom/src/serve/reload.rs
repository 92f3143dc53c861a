//! New settings for a server that runs: all of them, or none.

use std::io;

use postroom_admin::answer::{Problem, Reload};
use postroom_certs::Fresh;
use postroom_config::Loaded;

use super::listeners::Bound;
use super::{Serving, tls};
use crate::house::directory_limits;
use crate::report::Failure;
use crate::settings::Settings;

/// All that a reload needs and that could have failed.
struct Next {
    loaded: Loaded,
    certificates: Fresh,
    bound: Vec<Bound>,
}

impl Serving {
    /// Reads configuration and certificates again. Sessions that are open keep what they began
    /// with; what is wrong, or waits for a restart, leaves everything as it was. Says in the log
    /// what came of it.
    pub(super) async fn reload(&mut self, settings: &Settings) -> Reload {
        match self.prepare(settings).await {
            Ok(next) => {
                let changed = self.apply(next).await;
                let keys = changed.join(", ");
                tracing::info!(changed = keys, "the configuration was reloaded");
                Reload {
                    is_applied: true,
                    changed,
                    problems: Vec::new(),
                }
            }
            Err(problems) => {
                for problem in &problems {
                    let mend = &problem.mend;
                    tracing::error!(%problem, mend, "not reloaded: the old settings stay");
                }
                Reload {
                    is_applied: false,
                    changed: Vec::new(),
                    problems,
                }
            }
        }
    }

    /// Everything that can fail.
    async fn prepare(&mut self, settings: &Settings) -> Result<Next, Vec<Problem>> {
        let (settings, access) = (settings.clone(), self.access.clone());
        let load = self.files.run(move || settings.try_load(&access));
        let loaded = load.await.map_err(|error| cut(&error))?;
        let loaded = loaded.map_err(|problems| problems.iter().map(problem).collect::<Vec<_>>())?;
        let restarts = loaded.restarts(&self.config);
        if !restarts.is_empty() {
            return Err(restarts.iter().map(problem).collect());
        }
        let certificates = self.certificates(&loaded).await?;
        let bound = self.listeners.bind(&loaded.config).await;
        let bound = bound.map_err(|failure| vec![failure.into()])?;
        Ok(Next {
            loaded,
            certificates,
            bound,
        })
    }

    async fn certificates(&self, loaded: &Loaded) -> Result<Fresh, Vec<Problem>> {
        let (config, clock) = (loaded.config.clone(), self.house.clock.clone());
        let (access, certificates) = (self.access.clone(), self.certificates.clone());
        let read = self.files.run(move || {
            let sources = tls::sources(&config, &clock, &access)?;
            certificates
                .read(sources)
                .map_err(|error| tls::unusable(&error))
        });
        read.await
            .map_err(|error| cut(&error))?
            .map_err(|failure| vec![failure.into()])
    }

    /// Everything that cannot fail; returns the keys that changed.
    async fn apply(&mut self, next: Next) -> Vec<String> {
        let config = next.loaded.config;
        for warning in &next.loaded.warnings {
            tracing::warn!("{warning}");
        }
        if self.config.log.level != config.log.level {
            self.level.set(config.log.level);
        }
        self.certificates.take(next.certificates);
        self.house.directory.reload(directory_limits(&config));
        self.rooms.reload(&config);
        let privacy = self.rooms.privacy.clone();
        self.listeners.apply(&config, privacy, next.bound).await;
        let changes = self.config.changes(&config).into_iter();
        self.config = config;
        changes.map(|change| change.key).collect()
    }
}

fn cut(error: &dyn std::error::Error) -> Vec<Problem> {
    vec![Failure::because("reading files", &io::Error::other(error.to_string())).into()]
}

/// A problem of the configuration as it is told over the control socket.
pub(crate) fn problem(problem: &postroom_config::Problem) -> Problem {
    Problem {
        key: problem.key.clone(),
        place: problem.place.to_string(),
        what: problem.trouble.to_string(),
        mend: problem.mend(),
    }
}
