//! The lines of one metric on the page.

use std::fmt::{Display, Write as _};

/// Lines that share a name and the labels given so far.
pub(super) struct Series<'p> {
    page: &'p mut String,
    name: &'static str,
    labels: Vec<(&'static str, &'static str)>,
}

impl<'p> Series<'p> {
    /// None yet, of the metric `name`, on `page`.
    pub(super) fn new(page: &'p mut String, name: &'static str) -> Self {
        Self {
            page,
            name,
            labels: Vec::new(),
        }
    }

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
