//! The manual of every metric.

use std::fmt::Write as _;

use super::catalogue::Catalogue;

const INTRODUCTION: &str = "\
# Metrics

What `/metrics` of the `http` role tells, to callers from this machine alone, in Prometheus text
format 0.0.4. This page is made from the catalogue in the source; a test keeps the two together.

Every metric is there from the start, also those that are zero. Labels take the values named here
and no others: no address, host or identifier is ever one.
";

pub(super) fn manual() -> String {
    let mut text = INTRODUCTION.to_owned();
    let mut area = "";
    Catalogue::default().each(|metric, instrument| {
        if metric.area != area {
            area = metric.area;
            // Writing into a string does not fail.
            let _ = write!(text, "\n## {area}\n\n{}\n", metric.area_help);
        }
        let kind = instrument.kind().word();
        let _ = write!(text, "\n### {}\n\n{kind}. {}\n", metric.name, metric.help);
        let mut labels = Vec::new();
        instrument.labels(&mut labels);
        if !labels.is_empty() {
            text.push('\n');
        }
        for (key, words) in labels {
            let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
            let _ = writeln!(text, "- `{key}`: {}", words.join(", "));
        }
    });
    text
}
