use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::*;

#[test]
fn a_page_is_what_prometheus_reads() {
    let telemetry = Telemetry::default();
    telemetry.net.connections.at(Role::Imaps).add(3);
    telemetry
        .net
        .refused
        .at(Role::Smtp)
        .at(Refusal::Address)
        .increment();
    telemetry
        .store
        .sync
        .observe_time(Duration::from_micros(1_500));
    telemetry.store.sync.observe_time(Duration::from_secs(100));
    let page = telemetry.render();
    for line in [
        "# HELP postroom_net_connections_total Connections that became a session.",
        "# TYPE postroom_net_connections_total counter",
        "postroom_net_connections_total{role=\"imaps\"} 3",
        "postroom_net_refused_total{role=\"smtp\",reason=\"address\"} 1",
        "# TYPE postroom_store_sync_seconds histogram",
        "postroom_store_sync_seconds_bucket{le=\"0.001\"} 0",
        "postroom_store_sync_seconds_bucket{le=\"0.0025\"} 1",
        "postroom_store_sync_seconds_bucket{le=\"60\"} 1",
        "postroom_store_sync_seconds_bucket{le=\"+Inf\"} 2",
        "postroom_store_sync_seconds_sum 100.0015",
        "postroom_store_sync_seconds_count 2",
        "postroom_net_panics_total 0",
    ] {
        assert!(
            page.lines().any(|one| one == line),
            "{line} is not in:\n{page}"
        );
    }
}

#[test]
fn a_value_at_a_bound_is_within_it() {
    let histogram = Histogram::<Plans>::default();
    histogram.observe(64);
    histogram.observe(65);
    let telemetry = Telemetry::default();
    telemetry.store.batch.observe(64);
    let page = telemetry.render();
    assert!(page.contains("postroom_store_batch_plans_bucket{le=\"32\"} 0\n"));
    assert!(page.contains("postroom_store_batch_plans_bucket{le=\"64\"} 1\n"));
    assert_eq!(histogram.count(), 2);
}

#[test]
fn a_gauge_does_not_go_below_nothing() {
    let gauge = Gauge::default();
    gauge.decrement();
    assert_eq!(gauge.value(), 0);
    gauge.increment();
    gauge.increment();
    gauge.decrement();
    assert_eq!(gauge.value(), 1);
}

/// Names are `postroom_<area>_<thing>_<unit>`, each once; counters alone end in `_total`.
#[test]
fn names_keep_the_rule() {
    let mut seen = HashSet::new();
    Catalogue::default().each(|metric, instrument| {
        let name = metric.name;
        assert!(seen.insert(name), "{name} is declared twice");
        let prefix = format!("postroom_{}_", metric.area);
        assert!(
            name.starts_with(&prefix),
            "{name} is not of {}",
            metric.area
        );
        let is_counter = instrument.kind().word() == "counter";
        assert_eq!(name.ends_with("_total"), is_counter, "{name}");
        assert!(metric.help.ends_with('.'), "{name} has no sentence");
    });
}

#[test]
fn the_manual_is_current() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/reference/metrics.md");
    let manual = Telemetry::manual();
    if std::env::var_os("POSTROOM_BLESS").is_some() {
        fs::write(&file, &manual).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(
        written, manual,
        "POSTROOM_BLESS=1 writes docs/reference/metrics.md anew"
    );
}
