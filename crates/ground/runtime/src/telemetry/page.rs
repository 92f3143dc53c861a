//! The page that a scraper reads: Prometheus text format 0.0.4.

use std::fmt::{Display, Write as _};

use super::catalogue::Catalogue;

/// What the page is, for `Content-Type`.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The lines of one metric.
pub(super) struct Series<'p> {
    page: &'p mut String,
    name: &'static str,
    labels: Vec<(&'static str, &'static str)>,
}

impl Series<'_> {
    /// Writes what `inner` does with one label more.
    pub(super) fn within(
        &mut self,
        key: &'static str,
        word: &'static str,
        inner: impl FnOnce(&mut Self),
    ) {
        self.labels.push((key, word));
        inner(self);
        self.labels.pop();
    }

    /// One line: the name with `suffix`, the labels with `last`, the value. Values of labels are
    /// words of ours, so that none needs an escape.
    pub(super) fn line(&mut self, suffix: &str, last: Option<(&str, &str)>, value: impl Display) {
        self.page.push_str(self.name);
        self.page.push_str(suffix);
        let mut opening = '{';
        for (key, word) in self.labels.iter().copied().chain(last) {
            // Writing into a string does not fail.
            let _ = write!(self.page, "{opening}{key}=\"{word}\"");
            opening = ',';
        }
        if opening == ',' {
            self.page.push('}');
        }
        let _ = writeln!(self.page, " {value}");
    }
}

pub(super) fn render(catalogue: &Catalogue) -> String {
    let mut page = String::new();
    catalogue.each(|metric, instrument| {
        let name = metric.name;
        let help = metric.help.replace('\\', "\\\\");
        let _ = writeln!(page, "# HELP {name} {help}");
        let _ = writeln!(page, "# TYPE {name} {}", instrument.kind().word());
        let mut series = Series {
            page: &mut page,
            name,
            labels: Vec::new(),
        };
        instrument.show(&mut series);
    });
    page
}
