//! Log events on standard error, as text or JSON.

use std::io;

use postroom_config::Config;
use postroom_config::value::{LogFormat, LogLevel};
use tracing_subscriber::EnvFilter;

/// Begins to write what happens; called once.
pub(crate) fn start(config: &Config, level: LogLevel) {
    let filter = EnvFilter::new(level.as_str());
    let events = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false);
    // A second start would be a bug of ours, and harmless.
    let _ = match config.log.format {
        LogFormat::Json => events.json().flatten_event(true).try_init(),
        LogFormat::Text => events.with_ansi(false).try_init(),
    };
}
