//! From sources to the tree.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::Path;

use crate::branch::{Applies, Branch, Item, KeyDoc};
use crate::nearest::nearest;
use crate::problem::{Place, Problem, Trouble};
use crate::source::{Entry, Source};
use crate::tree::Config;
use crate::value::Setting;

/// A tree that passed its checks, and where its values come from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// What is allowed but less safe than the default, in the order of the keys.
    pub warnings: Vec<Problem>,
    pub(crate) places: BTreeMap<String, Place>,
}

/// Hands each branch its values and gathers what is wrong with them.
pub(crate) struct Reader<'s> {
    entries: BTreeMap<String, Entry>,
    folder: &'s Path,
    problems: Vec<Problem>,
    places: BTreeMap<String, Place>,
}

impl Config {
    /// Reads and checks all of `source`.
    ///
    /// # Errors
    /// Everything that is wrong, warnings not among it.
    pub fn load(source: &Source) -> Result<Loaded, Vec<Problem>> {
        let known = Known::new();
        let mut problems = Vec::new();
        let entries = source.entries(&|path| known.sections.contains(path), &mut problems);
        let mut reader = Reader {
            entries,
            folder: source.folder(),
            problems,
            places: BTreeMap::new(),
        };
        let config = <Self as Branch>::read("", &mut reader);
        let Reader {
            entries,
            mut problems,
            places,
            ..
        } = reader;
        problems.extend(
            entries
                .into_iter()
                .map(|(key, entry)| known.stranger(key, entry)),
        );

        let place = |key: &str| places.get(key).cloned().unwrap_or(Place::Default);
        let (warnings, errors) = config
            .check(&place)
            .into_iter()
            .partition(Problem::is_warning);
        // A value that could not be read has left its default behind: what that contradicts is
        // not the operator's doing.
        if problems.is_empty() {
            problems = errors;
        }
        if problems.is_empty() {
            Ok(Loaded {
                config,
                warnings,
                places,
            })
        } else {
            Err(problems)
        }
    }

    /// The page of every key, in the order of the manual.
    pub fn reference() -> impl Iterator<Item = KeyDoc> {
        items().into_iter().filter_map(|item| match item {
            Item::Key(doc) => Some(doc),
            Item::Section { .. } => None,
        })
    }

    /// The keys whose values differ in `next`.
    pub fn changes(&self, next: &Self) -> Vec<KeyDoc> {
        let (mut old, mut new) = (Vec::new(), Vec::new());
        self.write("", &mut old);
        next.write("", &mut new);
        let differs = old.iter().zip(&new).map(|(old, new)| old != new);
        Self::reference()
            .zip(differs)
            .filter_map(|(doc, differs)| differs.then_some(doc))
            .collect()
    }
}

impl Loaded {
    /// What a server that runs with `old` cannot take on: every changed key that needs a restart.
    pub fn restarts(&self, old: &Config) -> Vec<Problem> {
        let changes = old.changes(&self.config).into_iter();
        changes
            .filter(|change| change.applies == Applies::Restart)
            .map(|change| {
                let place = self.place(&change.key).clone();
                Problem::new(change.key, place, Trouble::Restart)
            })
            .collect()
    }

    /// Warns that a server which is started as root stays root; whether it would is known only
    /// where files are looked at.
    pub fn warn_of_root(&mut self) {
        let place = self.place("user").clone();
        let warning = Problem::new("user", place, Trouble::RunsAsRoot);
        self.warnings.push(warning);
    }

    /// Where the value of `key` comes from.
    pub fn place(&self, key: &str) -> &Place {
        self.places.get(key).unwrap_or(&Place::Default)
    }
}

impl Reader<'_> {
    /// The value of `key`, else `default`.
    pub(crate) fn take<T: Setting>(&mut self, key: String, default: T) -> T {
        let Some(entry) = self.entries.remove(&key) else {
            return default;
        };
        match T::read(&entry.value, self.folder) {
            Ok(value) => {
                self.places.insert(key, entry.place);
                value
            }
            Err(misfit) => {
                self.problems.push(Problem::new(key, entry.place, misfit));
                default
            }
        }
    }

    /// As [`Reader::take`], for a value that has bounds.
    pub(crate) fn take_within<T: Setting + PartialOrd>(
        &mut self,
        key: String,
        default: T,
        bounds: &RangeInclusive<T>,
    ) -> T {
        let problem_key = key.clone();
        let value = self.take(key, default);
        if !bounds.contains(&value) {
            let place = self
                .places
                .get(&problem_key)
                .cloned()
                .unwrap_or(Place::Default);
            let trouble = Trouble::OutOfBounds {
                value: toml(&value),
                bounds: bounds_text(bounds),
            };
            self.problems
                .push(Problem::new(problem_key, place, trouble));
        }
        value
    }
}

/// How the manual and the errors put bounds.
pub(crate) fn bounds_text<T: Setting>(bounds: &RangeInclusive<T>) -> String {
    format!("{} to {}", toml(bounds.start()), toml(bounds.end()))
}

fn toml<T: Setting>(value: &T) -> String {
    value
        .write()
        .map_or_else(String::new, |raw| raw.to_string())
}

/// Every section and key, in the order of declaration.
pub(crate) fn items() -> Vec<Item> {
    let mut items = Vec::new();
    Config::describe("", &mut items);
    items
}

struct Known {
    sections: BTreeSet<String>,
    keys: Vec<String>,
}

impl Known {
    fn new() -> Self {
        let mut known = Self {
            sections: BTreeSet::new(),
            keys: Vec::new(),
        };
        for item in items() {
            match item {
                Item::Section { path, .. } => {
                    known.sections.insert(path);
                }
                Item::Key(doc) => known.keys.push(doc.key),
            }
        }
        known
    }

    /// What is wrong with an entry that no branch took.
    fn stranger(&self, key: String, entry: Entry) -> Problem {
        let trouble = if self.sections.contains(&key) {
            Trouble::Section
        } else {
            let all = self.keys.iter().chain(&self.sections).map(String::as_str);
            Trouble::UnknownKey {
                nearest: nearest(&key, all).map(str::to_owned),
            }
        };
        Problem::new(key, entry.place, trouble)
    }
}
