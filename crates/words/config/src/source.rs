//! What settings are read from: a file, the environment and the command line.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::branch::folder;
use crate::problem::{Place, Problem, Trouble};
use crate::value::Raw;

/// The largest configuration file; a larger one is some other file.
pub const FILE_SIZE_MAX: u64 = 1 << 20;

/// What an environment variable that sets a key begins with.
const VARIABLE_PREFIX: &str = "POSTROOM__";

/// Everything that a configuration is read from; without any of it, all is default.
#[derive(Clone, Debug, Default)]
pub struct Source {
    file: Option<(Arc<Path>, String)>,
    environment: Vec<(String, String)>,
    overrides: Vec<String>,
}

/// One value that was set, and where.
pub(crate) struct Entry {
    pub(crate) value: Raw,
    pub(crate) place: Place,
}

impl Source {
    /// Reads the file at `path`; relative paths in it will count from its folder.
    ///
    /// # Errors
    /// [`Trouble::Unreadable`] or [`Trouble::FileTooLarge`].
    pub fn file(path: &Path) -> Result<Self, Vec<Problem>> {
        Self::opened(path, File::open(path))
    }

    /// As [`Source::file`], of a file that was opened elsewhere, or could not be.
    ///
    /// # Errors
    /// [`Trouble::Unreadable`] or [`Trouble::FileTooLarge`].
    pub fn opened(path: &Path, file: io::Result<File>) -> Result<Self, Vec<Problem>> {
        let place = || Place::File {
            path: path.into(),
            line: 0,
            column: 0,
        };
        let unreadable = |error: io::Error| {
            let trouble = Trouble::Unreadable {
                path: path.to_owned(),
                kind: error.kind(),
            };
            vec![Problem::new("", Place::Default, trouble)]
        };
        let mut text = String::new();
        let file = file.map_err(unreadable)?;
        file.take(FILE_SIZE_MAX + 1)
            .read_to_string(&mut text)
            .map_err(unreadable)?;
        if text.len() as u64 > FILE_SIZE_MAX {
            return Err(vec![Problem::new(
                "",
                place(),
                Trouble::FileTooLarge(FILE_SIZE_MAX),
            )]);
        }
        // Paths stay right when the process changes its folder.
        let path = std::path::absolute(path).map_err(unreadable)?;
        Ok(Self::text(path, text))
    }

    /// Takes `text` as if it had been read from `path`.
    pub fn text(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self {
            file: Some((path.into().into(), text.into())),
            ..Self::default()
        }
    }

    /// Adds the variables of `POSTROOM__SECTION__KEY` form; others are passed over.
    #[must_use]
    pub fn with_environment(
        mut self,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Self {
        let ours = variables.into_iter().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            name.starts_with(VARIABLE_PREFIX)
                .then(|| (name, value.to_string_lossy().into_owned()))
        });
        self.environment.extend(ours);
        self
    }

    /// Adds the arguments of `--set`, each `KEY=VALUE`; the last of one key counts.
    #[must_use]
    pub fn with_overrides(mut self, overrides: impl IntoIterator<Item = String>) -> Self {
        self.overrides.extend(overrides);
        self
    }

    /// The folder that relative paths count from.
    pub(crate) fn folder(&self) -> &Path {
        self.file
            .as_ref()
            .map_or(Path::new(""), |(path, _)| folder(path))
    }

    /// All that was set, later sources over earlier ones.
    ///
    /// `is_section` tells where a table is a branch and not a value.
    pub(crate) fn entries(
        &self,
        is_section: &dyn Fn(&str) -> bool,
        problems: &mut Vec<Problem>,
    ) -> BTreeMap<String, Entry> {
        let mut entries = BTreeMap::new();
        if let Some((path, text)) = &self.file {
            let lines = Lines { path, text };
            let (table, errors) = DeTable::parse_recoverable(text);
            problems.extend(errors.iter().map(|error| lines.syntax(error)));
            // What a broken file seems to set would only add noise to the errors.
            if errors.is_empty() {
                let place = |span| lines.place(span);
                flatten("", table.get_ref(), &place, is_section, &mut entries);
            }
        }
        for (name, value) in &self.environment {
            let key = name[VARIABLE_PREFIX.len()..]
                .to_lowercase()
                .replace("__", ".");
            let place = Place::Environment(name.as_str().into());
            override_with(key, value, &place, is_section, &mut entries);
        }
        for text in &self.overrides {
            let Some((key, value)) = text.split_once('=') else {
                let trouble = Trouble::NoEqualsSign(text.clone());
                problems.push(Problem::new("", Place::CommandLine, trouble));
                continue;
            };
            let key = key.trim().to_owned();
            override_with(key, value, &Place::CommandLine, is_section, &mut entries);
        }
        entries
    }
}

/// Reads `value` as TOML, else as the text it is; blanks around it do not count.
fn override_with(
    key: String,
    value: &str,
    place: &Place,
    is_section: &dyn Fn(&str) -> bool,
    entries: &mut BTreeMap<String, Entry>,
) {
    let value = value.trim();
    match DeValue::parse(value) {
        Ok(parsed) => match parsed.get_ref() {
            DeValue::Table(table) if is_section(&key) => {
                flatten(&key, table, &|_| place.clone(), is_section, entries);
            }
            other => {
                entries.insert(
                    key,
                    Entry {
                        value: raw(other),
                        place: place.clone(),
                    },
                );
            }
        },
        Err(_) => {
            entries.insert(
                key,
                Entry {
                    value: Raw::Text(value.to_owned()),
                    place: place.clone(),
                },
            );
        }
    }
}

fn flatten(
    path: &str,
    table: &DeTable<'_>,
    place: &dyn Fn(Range<usize>) -> Place,
    is_section: &dyn Fn(&str) -> bool,
    entries: &mut BTreeMap<String, Entry>,
) {
    for (name, value) in table {
        let key = crate::branch::join(path, name.get_ref());
        match value.get_ref() {
            DeValue::Table(table) if is_section(&key) => {
                flatten(&key, table, place, is_section, entries);
            }
            other => {
                entries.insert(
                    key,
                    Entry {
                        value: raw(other),
                        place: place(name.span()),
                    },
                );
            }
        }
    }
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.clone().into_owned()),
        DeValue::Boolean(truth) => Raw::Boolean(*truth),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Raw::Other("a number beyond 64 bits"), Raw::Integer),
        DeValue::Array(values) => Raw::List(
            values
                .iter()
                .map(|value: &Spanned<_>| raw(value.get_ref()))
                .collect(),
        ),
        DeValue::Float(_) => Raw::Other("a fraction"),
        DeValue::Datetime(_) => Raw::Other("a date"),
        DeValue::Table(_) => Raw::Other("a section"),
    }
}

/// A text, and where its bytes stand in lines.
struct Lines<'t> {
    path: &'t Arc<Path>,
    text: &'t str,
}

impl Lines<'_> {
    fn place(&self, span: Range<usize>) -> Place {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Place::File {
            path: Arc::clone(self.path),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    fn syntax(&self, error: &toml::de::Error) -> Problem {
        let place = self.place(error.span().unwrap_or(0..0));
        Problem::new("", place, Trouble::Syntax(error.message().into()))
    }
}
