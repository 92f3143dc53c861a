//! Counters, gauges and histograms, alone or by a label.

use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::series::Series;

/// What kind of metric a scraper is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// What a metric is made of.
pub(super) trait Instrument {
    fn kind(&self) -> Kind;

    /// Adds the labels, each with all its values.
    fn labels(&self, _labels: &mut Vec<(&'static str, Vec<&'static str>)>) {}

    /// Writes every line of it.
    fn show(&self, series: &mut Series<'_>);
}

/// A closed set of values that a metric is told apart by.
pub trait Label: Copy + 'static {
    /// The name of the label.
    const KEY: &'static str;
    /// All values, in the order of [`Label::index`].
    const ALL: &'static [Self];

    /// The place in [`Label::ALL`].
    fn index(self) -> usize;

    /// The value as scrapers see it.
    fn word(self) -> &'static str;
}

/// Only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Several more.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// How many there were.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Instrument for Counter {
    fn kind(&self) -> Kind {
        Kind::Counter
    }

    fn show(&self, series: &mut Series<'_>) {
        series.line("", None, self.value());
    }
}

/// Goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// One more.
    pub fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// One less, where there is one.
    pub fn decrement(&self) {
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |value| {
                value.checked_sub(1)
            });
    }

    /// So many.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// How many there are.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Instrument for Gauge {
    fn kind(&self) -> Kind {
        Kind::Gauge
    }

    fn show(&self, series: &mut Series<'_>) {
        series.line("", None, self.value());
    }
}

/// The buckets of a histogram and the unit of what it observes.
pub trait Scale: 'static {
    /// Upper ends of the buckets, ascending; one more holds the rest.
    const BOUNDS: &'static [u64];
    /// How many of what is observed are one of what is shown.
    const UNIT: u64;
}

/// Time: observed in microseconds, shown in seconds.
#[derive(Debug)]
pub struct Seconds;

impl Scale for Seconds {
    const BOUNDS: &'static [u64] = &[
        100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
        1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000,
    ];
    const UNIT: u64 = 1_000_000;
}

/// Plans of one batch.
#[derive(Debug)]
pub struct Plans;

impl Scale for Plans {
    const BOUNDS: &'static [u64] = &[1, 2, 4, 8, 16, 32, 64];
    const UNIT: u64 = 1;
}

/// How values are spread.
pub struct Histogram<S> {
    /// Values by bucket, not added up; the last is for those above every bound.
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
    scale: PhantomData<fn() -> S>,
}

impl<S: Scale> Default for Histogram<S> {
    fn default() -> Self {
        Self {
            buckets: (0..=S::BOUNDS.len()).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0),
            scale: PhantomData,
        }
    }
}

impl<S: Scale> Histogram<S> {
    /// One more value.
    pub fn observe(&self, value: u64) {
        let place = S::BOUNDS.partition_point(|bound| *bound < value);
        if let Some(bucket) = self.buckets.get(place) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// How many values there were.
    pub fn count(&self) -> u64 {
        let each = self.buckets.iter();
        each.map(|bucket| bucket.load(Ordering::Relaxed)).sum()
    }
}

impl Histogram<Seconds> {
    /// One more span of time.
    pub fn observe_time(&self, span: Duration) {
        self.observe(u64::try_from(span.as_micros()).unwrap_or(u64::MAX));
    }
}

impl<S: Scale> Instrument for Histogram<S> {
    fn kind(&self) -> Kind {
        Kind::Histogram
    }

    fn show(&self, series: &mut Series<'_>) {
        // Read once, so that the buckets and the count of one page agree.
        let mut below = 0;
        let mut bounds = S::BOUNDS.iter();
        for bucket in &self.buckets {
            below += bucket.load(Ordering::Relaxed);
            let end = bounds.next().map(|bound| decimal(*bound, S::UNIT));
            let end = end.unwrap_or_else(|| "+Inf".to_owned());
            series.line("_bucket", Some(("le", &end)), below);
        }
        let sum = decimal(self.sum.load(Ordering::Relaxed), S::UNIT);
        series.line("_sum", None, sum);
        series.line("_count", None, below);
    }
}

impl<S> fmt::Debug for Histogram<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Histogram")
            .field("buckets", &self.buckets)
            .field("sum", &self.sum)
            .finish_non_exhaustive()
    }
}

/// One instrument for each value of a label. Several labels are one inside the other.
pub struct By<L, T> {
    each: Box<[T]>,
    label: PhantomData<fn() -> L>,
}

impl<L: Label, T: Default> Default for By<L, T> {
    fn default() -> Self {
        Self {
            each: L::ALL.iter().map(|_| T::default()).collect(),
            label: PhantomData,
        }
    }
}

impl<L: Label, T> By<L, T> {
    /// The instrument of one value.
    pub fn at(&self, label: L) -> &T {
        &self.each[label.index()]
    }
}

impl<L: Label, T: Instrument + Default> Instrument for By<L, T> {
    fn kind(&self) -> Kind {
        T::default().kind()
    }

    fn labels(&self, labels: &mut Vec<(&'static str, Vec<&'static str>)>) {
        labels.push((L::KEY, L::ALL.iter().map(|label| label.word()).collect()));
        T::default().labels(labels);
    }

    fn show(&self, series: &mut Series<'_>) {
        for (label, one) in L::ALL.iter().zip(&self.each) {
            series.within(L::KEY, label.word(), |series| one.show(series));
        }
    }
}

impl<L, T: fmt::Debug> fmt::Debug for By<L, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.each).finish()
    }
}

/// A fraction without the noise of binary floating point.
fn decimal(value: u64, unit: u64) -> String {
    let whole = value / unit;
    let rest = value % unit;
    if rest == 0 {
        return whole.to_string();
    }
    let digits = unit.ilog10() as usize;
    let fraction = format!("{rest:0digits$}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}
