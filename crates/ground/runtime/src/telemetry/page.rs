//! The page that a scraper reads: Prometheus text format 0.0.4.

use std::fmt::Write as _;

use super::catalogue::Catalogue;
use super::series::Series;

/// What the page is, for `Content-Type`.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) fn render(catalogue: &Catalogue) -> String {
    let mut page = String::new();
    catalogue.each(|metric, instrument| {
        let name = metric.name;
        let help = metric.help.replace('\\', "\\\\");
        let _ = writeln!(page, "# HELP {name} {help}");
        let _ = writeln!(page, "# TYPE {name} {}", instrument.kind().word());
        instrument.show(&mut Series::new(&mut page, name));
    });
    page
}
