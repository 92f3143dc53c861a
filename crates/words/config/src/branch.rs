//! How a branch of the tree is declared, and what its declaration is made into.

use std::path::Path;

use serde::Serialize;

use crate::load::Reader;
use crate::value::Raw;

/// When a change of a key takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Applies {
    /// With SIGHUP.
    Reload,
    /// With the next start; a SIGHUP that meets a change leaves it be and says so.
    Restart,
}

/// What the manual says of one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyDoc {
    /// The whole key: `limits.smtp.recipients_max`.
    pub key: String,
    /// Meaning and unit, in Markdown.
    pub doc: String,
    /// What a value looks like.
    pub kind: String,
    /// The default as TOML, or nothing where the key has a meaning only when set.
    pub default: Option<String>,
    /// The bounds of a value, both allowed.
    pub bounds: Option<String>,
    /// The first release that has it.
    pub since: &'static str,
    /// When a change takes effect.
    pub applies: Applies,
}

/// One section or key, in the order of declaration.
pub(crate) enum Item {
    Section { path: String, doc: String },
    Key(KeyDoc),
}

/// What the declaration of a branch is made into; only [`branch!`] implements it.
pub(crate) trait Branch: Sized {
    /// Takes the branch's values out of what was loaded.
    fn read(path: &str, reader: &mut Reader<'_>) -> Self;
    /// Appends the section, its keys and its sub-branches.
    fn describe(path: &str, items: &mut Vec<Item>);
    /// Appends each key and its value, if it has one.
    fn write(&self, path: &str, values: &mut Vec<(String, Option<Raw>)>);
}

/// The whole key of `name` in the branch at `path`.
pub(crate) fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// The lines of a doc comment as one text.
pub(crate) fn prose(lines: &[&str]) -> String {
    let lines: Vec<&str> = lines
        .iter()
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    lines.join("\n")
}

/// The folder that relative paths of a file count from.
pub(crate) fn folder(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new(""))
}

/// Declares a branch: a plain struct, its defaults, its reader and its page of the manual.
///
/// A key is `reload|restart since "RELEASE" NAME: TYPE = DEFAULT[, in BOUNDS];`, below its doc
/// comment. Sub-branches follow in `with { NAME: TYPE, }` and are documented by their own struct.
macro_rules! branch {
    (@applies reload) => { $crate::branch::Applies::Reload };
    (@applies restart) => { $crate::branch::Applies::Restart };
    (@bounds $kind:ty) => { None };
    (@bounds $kind:ty, $bounds:expr) => {
        Some($crate::load::bounds_text::<$kind>(&($bounds)))
    };
    (@take $reader:ident, $key:expr, $default:expr) => { $reader.take($key, $default) };
    (@take $reader:ident, $key:expr, $default:expr, $bounds:expr) => {
        $reader.take_within($key, $default, &$bounds)
    };
    (
        $(#[doc = $doc:literal])+
        pub struct $name:ident {
            $(
                $(#[doc = $key_doc:literal])+
                $applies:ident since $since:literal
                $key:ident: $kind:ty = $default:expr $(, in $bounds:expr)?;
            )*
        }
        $(with { $($branch:ident: $branch_kind:ident,)+ })?
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[allow(clippy::struct_field_names, reason = "a key must be clear without its section")]
        pub struct $name {
            $($(#[doc = $key_doc])+ pub $key: $kind,)*
            $($(
                #[doc = concat!("The branch `", stringify!($branch), "`.")]
                pub $branch: $branch_kind,
            )+)?
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    $($key: $default,)*
                    $($($branch: $branch_kind::default(),)+)?
                }
            }
        }

        impl $crate::branch::Branch for $name {
            fn read(path: &str, reader: &mut $crate::load::Reader<'_>) -> Self {
                Self {
                    $($key: branch!(
                        @take reader, $crate::branch::join(path, stringify!($key)), $default
                        $(, $bounds)?
                    ),)*
                    $($($branch: $crate::branch::Branch::read(
                        &$crate::branch::join(path, stringify!($branch)),
                        reader,
                    ),)+)?
                }
            }

            fn describe(path: &str, items: &mut Vec<$crate::branch::Item>) {
                items.push($crate::branch::Item::Section {
                    path: path.to_owned(),
                    doc: $crate::branch::prose(&[$($doc),+]),
                });
                $({
                    let default: $kind = $default;
                    items.push($crate::branch::Item::Key($crate::branch::KeyDoc {
                        key: $crate::branch::join(path, stringify!($key)),
                        doc: $crate::branch::prose(&[$($key_doc),+]),
                        kind: <$kind as $crate::value::Setting>::kind(),
                        default: $crate::value::Setting::write(&default)
                            .map(|raw| raw.to_string()),
                        bounds: branch!(@bounds $kind $(, $bounds)?),
                        since: $since,
                        applies: branch!(@applies $applies),
                    }));
                })*
                $($(<$branch_kind as $crate::branch::Branch>::describe(
                    &$crate::branch::join(path, stringify!($branch)),
                    items,
                );)+)?
            }

            fn write(&self, path: &str, values: &mut Vec<(String, Option<$crate::value::Raw>)>) {
                $(values.push((
                    $crate::branch::join(path, stringify!($key)),
                    $crate::value::Setting::write(&self.$key),
                ));)*
                $($($crate::branch::Branch::write(
                    &self.$branch,
                    &$crate::branch::join(path, stringify!($branch)),
                    values,
                );)+)?
            }
        }
    };
}
pub(crate) use branch;
