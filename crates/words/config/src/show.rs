//! The settings in force, each with where it comes from.

use std::fmt::Write as _;

use serde::Serialize;

use crate::branch::Branch;
use crate::load::Loaded;
use crate::value::Raw;

/// One setting in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// The whole key.
    pub key: String,
    /// Its value, unless it is unset.
    pub value: Option<Raw>,
    /// Where it comes from: `default`, `FILE:LINE:COLUMN`, a variable's name or `--set`.
    pub source: String,
}

impl Loaded {
    /// Every setting in force, in the order of the manual.
    pub fn settings(&self) -> Vec<Shown> {
        let mut values = Vec::new();
        self.config.write("", &mut values);
        let shown = values.into_iter().map(|(key, value)| {
            let source = self.place(&key).to_string();
            Shown { key, value, source }
        });
        shown.collect()
    }

    /// The settings in force as TOML that loads to the same tree; comments tell the sources.
    pub fn show(&self) -> String {
        let mut text = String::new();
        let mut open_section = String::new();
        for Shown { key, value, source } in self.settings() {
            let (section, name) = key.rsplit_once('.').unwrap_or(("", &key));
            if section != open_section {
                let _ = writeln!(text, "\n[{section}]");
                section.clone_into(&mut open_section);
            }
            // Writing to a String cannot fail.
            let source = source.replace(char::is_control, "?");
            let _ = match value {
                Some(value) => writeln!(text, "{name} = {value} # {source}"),
                None => writeln!(text, "# {name} is not set"),
            };
        }
        text
    }
}
