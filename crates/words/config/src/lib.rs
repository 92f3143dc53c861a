//! The one typed tree of settings: how it is declared, loaded, checked, shown and documented.
//!
//! Everything that is known of a key stands once, in [`tree`]: its meaning, type, default, bounds,
//! and whether a running server takes a change. The reader, the overrides, the manual and the
//! nearest-key hints all come from that table, so that they cannot differ.
//!
//! Later sources win: defaults, the file, `POSTROOM__SECTION__KEY` of the environment, `--set`.
//!
//! ```
//! use postroom_config::{Config, Source};
//!
//! let text = "hostname = 'mail.example.org'\n[listen]\nport_offset = 10000";
//! let loaded = Config::load(&Source::text("/etc/postroom/postroom.toml", text)).unwrap();
//! assert_eq!(loaded.config.hostname.as_str(), "mail.example.org");
//! assert_eq!(loaded.config.listen.port_offset, 10_000);
//! ```

mod branch;
mod check;
mod load;
mod nearest;
mod problem;
mod reference;
mod show;
mod source;
pub mod tree;
pub mod value;

#[cfg(test)]
mod tests;

pub use branch::{Applies, KeyDoc};
pub use load::Loaded;
pub use problem::{Place, Problem, Trouble};
pub use reference::manual;
pub use show::Shown;
pub use source::{FILE_SIZE_MAX, Source};
pub use tree::Config;
