//! `cargo xtask attacks`: each attack of the catalogue with the tests that prove its defence.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::tree;

/// What a row of the catalogue says of itself.
struct Row {
    id: String,
    due: String,
}

/// Tests of one attack and the rooms they stand in.
#[derive(Default)]
struct Proof {
    tests: Vec<String>,
    rooms: BTreeSet<String>,
}

/// Lists the attacks; fails when one that is due has no test.
pub(crate) fn run() -> Result<(), String> {
    let rows = catalogue(&tree::read("docs/attacks.md")?);
    if rows.is_empty() {
        return Err("docs/attacks.md lists no attack".to_owned());
    }
    let proofs = proofs();
    let mut unproved = Vec::new();
    for row in &rows {
        let proof = proofs.get(&row.id);
        let tests = proof.map(|proof| proof.tests.join(" ")).unwrap_or_default();
        let rooms = proof
            .map(|proof| proof.rooms.iter().cloned().collect::<Vec<_>>().join(" "))
            .unwrap_or_default();
        tree::say(&format!("{:4} {:6} {rooms:24} {tests}", row.id, row.due));
        if row.due == "yes" && proof.is_none() {
            unproved.push(row.id.clone());
        }
    }
    let known: BTreeSet<&String> = rows.iter().map(|row| &row.id).collect();
    let strays: Vec<_> = proofs
        .keys()
        .filter(|id| !known.contains(id))
        .cloned()
        .collect();
    if !strays.is_empty() {
        return Err(format!(
            "tests of attacks that the catalogue lacks: {}",
            strays.join(" ")
        ));
    }
    if !unproved.is_empty() {
        return Err(format!(
            "due attacks without a test: {}",
            unproved.join(" ")
        ));
    }
    Ok(())
}

/// Rows `| A01 | … | due |`; the due column is the last and begins with yes, later or n/a.
fn catalogue(text: &str) -> Vec<Row> {
    text.lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line
                .trim()
                .trim_matches('|')
                .split(" | ")
                .map(str::trim)
                .collect();
            let id = cells.first()?.to_string();
            let is_id = id.len() == 3
                && id.starts_with(|c: char| c.is_ascii_uppercase())
                && id[1..].bytes().all(|b| b.is_ascii_digit());
            let due = cells.last()?.split([' ', ':']).next()?.to_owned();
            is_id.then_some(Row { id, due })
        })
        .collect()
}

/// Every `fn attack_a01_…` in the tree, by ID.
fn proofs() -> BTreeMap<String, Proof> {
    let root = tree::root();
    let mut proofs: BTreeMap<String, Proof> = BTreeMap::new();
    for path in tree::files(&root, &[".rs"]) {
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        for line in text.lines() {
            let Some(name) = line
                .trim()
                .trim_start_matches("async ")
                .strip_prefix("fn attack_")
            else {
                continue;
            };
            let name: String = name
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            let id = name.split('_').next().unwrap_or("").to_ascii_uppercase();
            let proof = proofs.entry(id).or_default();
            proof.tests.push(format!("attack_{name}"));
            proof
                .rooms
                .insert(room(path.strip_prefix(&root).unwrap_or(&path)));
        }
    }
    proofs
}

/// The crate a file belongs to.
fn room(path: &std::path::Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    match parts.as_slice() {
        [first, _, name, ..] if first == "crates" => name.to_string(),
        [first, ..] => first.to_string(),
        [] => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_with_what_is_due() {
        let rows = catalogue(
            "| ID | Attack | due |\n|---|---|---|\n| A01 | `a | b` | x | yes |\n| Z99 | y | later: relay |\n",
        );
        let read: Vec<_> = rows
            .iter()
            .map(|row| (row.id.as_str(), row.due.as_str()))
            .collect();
        assert_eq!(read, [("A01", "yes"), ("Z99", "later")]);
    }
}
