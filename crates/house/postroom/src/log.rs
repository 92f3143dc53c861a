//! Log events on standard error, as text or JSON.

use std::io;

use postroom_config::Config;
use postroom_config::value::{LogFormat, LogLevel};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::reload::{Error, Handle};

/// What is logged of a running server.
pub(crate) struct Level(Box<dyn Fn(EnvFilter) -> Result<(), Error> + Send + Sync>);

impl Level {
    /// Logs `level` and all that is graver from now on.
    pub(crate) fn set(&self, level: LogLevel) {
        // Fails only when the log has ended.
        let _ = (self.0)(filter(level));
    }

    fn of<S: 'static>(handle: Handle<EnvFilter, S>) -> Self {
        Self(Box::new(move |filter| handle.reload(filter)))
    }
}

/// Begins to write what happens; called once.
pub(crate) fn start(config: &Config, level: LogLevel) -> Level {
    let events = tracing_subscriber::fmt()
        .with_env_filter(filter(level))
        .with_writer(io::stderr)
        .with_target(false);
    // A second start would be a bug of ours, and harmless.
    match config.log.format {
        LogFormat::Json => {
            let events = events.json().flatten_event(true).with_filter_reloading();
            let level = Level::of(events.reload_handle());
            let _ = events.try_init();
            level
        }
        LogFormat::Text => {
            let events = events.with_ansi(false).with_filter_reloading();
            let level = Level::of(events.reload_handle());
            let _ = events.try_init();
            level
        }
    }
}

fn filter(level: LogLevel) -> EnvFilter {
    EnvFilter::new(level.as_str())
}
