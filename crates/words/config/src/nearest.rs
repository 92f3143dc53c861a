//! The known key that a mistyped one most likely means.

use std::iter::once;

/// The nearest of `known`, if it is near enough to be worth naming.
///
/// A key whose last part is right and whose section is wrong or missing counts as one step away.
pub(crate) fn nearest<'k>(wrong: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let wrong_name = last(wrong);
    let steps_max = (wrong_name.chars().count() / 3).max(2);
    known
        .map(|key| {
            let moved = if last(key) == wrong_name {
                1
            } else {
                usize::MAX
            };
            (distance(wrong, key).min(moved), key)
        })
        .filter(|(steps, _)| *steps <= steps_max)
        .min_by_key(|(steps, _)| *steps)
        .map(|(_, key)| key)
}

fn last(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// Characters to insert, delete or replace (Levenshtein), one row of the table at a time.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (deleted, from_char) in from.chars().enumerate() {
        let mut diagonal = deleted;
        let mut left = deleted + 1;
        let next = to.iter().enumerate().map(|(column, to_char)| {
            let above = row[column + 1];
            let steps = (diagonal + usize::from(from_char != *to_char))
                .min(above + 1)
                .min(left + 1);
            diagonal = above;
            left = steps;
            steps
        });
        row = once(deleted + 1).chain(next).collect();
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn nearest_prefers_a_typo_to_a_wrong_section_and_gives_up_on_noise() {
        let known = ["listen.bind", "listen.smtp", "limits.smtp.line_max"];
        let find = |wrong| nearest(wrong, known.iter().copied());
        assert_eq!(find("listen.bnid"), Some("listen.bind"));
        assert_eq!(find("bind"), Some("listen.bind"));
        assert_eq!(find("limits.line_max"), Some("limits.smtp.line_max"));
        assert_eq!(find("colour"), None);
    }
}
