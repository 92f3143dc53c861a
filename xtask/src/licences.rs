//! `cargo xtask licences`: holds what is compiled against `deny.toml`.

use std::collections::BTreeSet;
use std::process::Command;

use toml::{Table, Value};

use crate::tree;

/// Checks every package that the workspace compiles, and that each direct dependency has a reason.
pub(crate) fn run() -> Result<(), String> {
    let text = tree::read("deny.toml")?;
    let rules: Table = text
        .parse()
        .map_err(|error| format!("deny.toml: {error}"))?;
    let allowed = strings(&rules, "licenses", "allow");
    let banned = banned(&rules);
    let mut problems = unreasoned(&text)?;
    let mut packages = 0;
    for line in compiled()?.lines() {
        let mut parts = line.splitn(2, '|');
        let (package, licence) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let name = package.split(' ').next().unwrap_or("");
        if name.is_empty() {
            continue;
        }
        packages += 1;
        if banned.contains(name) {
            problems.push(format!("{name} is banned"));
        }
        // A path in parentheses is a package of this workspace; a link is another source.
        if package.contains("(http") || package.contains("(git") {
            problems.push(format!(
                "{package} comes from another source than the registry"
            ));
        }
        if !permits(licence, &allowed) {
            problems.push(format!(
                "{name} has the licence {licence:?}, which deny.toml does not allow"
            ));
        }
    }
    if packages == 0 {
        problems.push("cargo tree named no package".to_owned());
    }
    if problems.is_empty() {
        tree::say(&format!(
            "licences: {packages} packages, none banned, all allowed"
        ));
        return Ok(());
    }
    Err(problems.join("\n"))
}

/// One line for each compiled package: `name vX.Y.Z|LICENCE`.
fn compiled() -> Result<String, String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--workspace",
            "--locked",
            "--edges",
            "normal,build,dev",
            "--prefix",
            "none",
        ])
        .args(["--no-dedupe", "--format", "{p}|{l}"])
        .current_dir(tree::root())
        .output()
        .map_err(|error| format!("cargo tree: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "cargo tree: {}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    let lines: BTreeSet<String> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(str::to_owned)
        .collect();
    Ok(lines.into_iter().collect::<Vec<_>>().join("\n"))
}

/// Direct dependencies without a `# reason NAME:` line, and reasons without a dependency.
fn unreasoned(deny: &str) -> Result<Vec<String>, String> {
    let manifest: Table = tree::read("Cargo.toml")?
        .parse()
        .map_err(|error| format!("Cargo.toml: {error}"))?;
    let direct: BTreeSet<&str> = table(&manifest, &["workspace", "dependencies"])
        .into_iter()
        .flat_map(Table::keys)
        .map(String::as_str)
        .filter(|name| !name.starts_with("postroom-"))
        .collect();
    let reasoned: BTreeSet<&str> = deny
        .lines()
        .filter_map(|line| line.strip_prefix("# reason ")?.split_once(':'))
        .map(|(name, _)| name)
        .collect();
    let missing = direct
        .difference(&reasoned)
        .map(|name| format!("deny.toml gives no reason for {name}"));
    let stale = reasoned
        .difference(&direct)
        .map(|name| format!("deny.toml has a reason for {name}, which is not used"));
    Ok(missing.chain(stale).collect())
}

/// Whether an SPDX expression can be met with the allowed licences.
fn permits(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let plain = expression.replace('/', " OR ");
    let mut words = Words(
        plain
            .replace('(', " ( ")
            .replace(')', " ) ")
            .split_whitespace()
            .map(str::to_owned)
            .collect(),
        0,
    );
    let result = words.either(allowed);
    result && words.1 == words.0.len()
}

/// Words of an SPDX expression and how many have been read.
struct Words(Vec<String>, usize);

impl Words {
    fn next_is(&mut self, word: &str) -> bool {
        let is = self.0.get(self.1).is_some_and(|next| next == word);
        self.1 += usize::from(is);
        is
    }

    fn either(&mut self, allowed: &BTreeSet<String>) -> bool {
        let mut met = self.both(allowed);
        while self.next_is("OR") {
            met |= self.both(allowed);
        }
        met
    }

    fn both(&mut self, allowed: &BTreeSet<String>) -> bool {
        let mut met = self.one(allowed);
        while self.next_is("AND") {
            met &= self.one(allowed);
        }
        met
    }

    fn one(&mut self, allowed: &BTreeSet<String>) -> bool {
        if self.next_is("(") {
            let met = self.either(allowed);
            return self.next_is(")") && met;
        }
        let Some(mut name) = self.0.get(self.1).cloned() else {
            return false;
        };
        self.1 += 1;
        if self.next_is("WITH") {
            let exception = self.0.get(self.1).cloned().unwrap_or_default();
            self.1 += 1;
            name = format!("{name} WITH {exception}");
        }
        allowed.contains(&name)
    }
}

fn table<'t>(root: &'t Table, path: &[&str]) -> Option<&'t Table> {
    path.iter()
        .try_fold(root, |table, key| table.get(*key)?.as_table())
}

fn strings(rules: &Table, section: &str, key: &str) -> BTreeSet<String> {
    let list = table(rules, &[section])
        .and_then(|section| section.get(key))
        .and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn banned(rules: &Table) -> BTreeSet<String> {
    let list = table(rules, &["bans"])
        .and_then(|bans| bans.get("deny"))
        .and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(|ban| ban.get("crate")?.as_str())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_met_only_by_allowed_licences() {
        let allowed: BTreeSet<String> = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"]
            .map(str::to_owned)
            .into();
        for met in [
            "MIT",
            "GPL-3.0 OR MIT",
            "Apache-2.0/MIT",
            "MIT AND (ISC OR GPL-2.0)",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(permits(met, &allowed), "{met}");
        }
        for unmet in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(MIT",
            "AGPL-3.0-only OR LGPL-2.1",
        ] {
            assert!(!permits(unmet, &allowed), "{unmet}");
        }
    }
}
