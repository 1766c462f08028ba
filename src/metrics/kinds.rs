//! The three kinds of metrics, each with its name, help and labels. The number of label values is checked by the compiler.

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::EncodeMetric;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::{TypedMetric, counter, gauge, histogram};
use prometheus_client::registry::Registry;

type Labelled<M, const N: usize> = Family<[(&'static str, Cow<'static, str>); N], M, fn() -> M>;

pub(crate) trait Registered: Sync {
    fn register(&self, registry: &mut Registry);

    /// Its name after the prefix, its kind, the names of its labels, and what it means.
    #[cfg(test)]
    fn about(&self) -> (&'static str, &'static str, &[&'static str], &'static str);
}

/// A metric of one kind, for each combination of `N` label values. Its help is one sentence without a full stop.
pub(crate) struct Metric<M, const N: usize> {
    name: &'static str,
    help: &'static str,
    labels: [&'static str; N],
    make: fn() -> M,
    family: OnceLock<Labelled<M, N>>,
}

pub(crate) type Counter<const N: usize> = Metric<counter::Counter, N>;
pub(crate) type Gauge<const N: usize> = Metric<gauge::Gauge<f64, AtomicU64>, N>;
/// How long things took, in seconds.
pub(crate) type Histogram<const N: usize> = Metric<histogram::Histogram, N>;

impl<M: Clone, const N: usize> Metric<M, N> {
    const fn of(name: &'static str, help: &'static str, labels: [&'static str; N], make: fn() -> M) -> Self {
        Self { name, help, labels, make, family: OnceLock::new() }
    }

    fn family(&self) -> &Labelled<M, N> {
        self.family.get_or_init(|| Family::new_with_constructor(self.make))
    }

    /// The metric with these label values: words of this program, route patterns, status codes. There are only so many of them.
    fn with(&self, values: [Cow<'static, str>; N]) -> M {
        let mut values = values.into_iter();
        let labels = self.labels.map(|name| (name, values.next().unwrap_or_default()));
        self.family().get_or_create_owned(&labels)
    }
}

impl<M: EncodeMetric + TypedMetric + Clone + Debug + Send + Sync + 'static, const N: usize> Registered for Metric<M, N> {
    fn register(&self, registry: &mut Registry) {
        // The exporter adds the suffix of counters itself.
        registry.register(self.name.trim_end_matches("_total"), self.help, self.family().clone());
    }

    #[cfg(test)]
    fn about(&self) -> (&'static str, &'static str, &[&'static str], &'static str) {
        (self.name, M::TYPE.as_str(), &self.labels, self.help)
    }
}

impl<const N: usize> Counter<N> {
    pub(super) const fn new(name: &'static str, help: &'static str, labels: [&'static str; N]) -> Self {
        Self::of(name, help, labels, counter::Counter::default)
    }

    pub(crate) fn add(&self, values: [&'static str; N]) {
        self.with(values.map(Cow::Borrowed)).inc();
    }
}

impl Counter<0> {
    /// For what is counted elsewhere.
    pub(crate) fn set(&self, total: u64) {
        self.with([]).inner().store(total, Ordering::Relaxed);
    }
}

impl<const N: usize> Gauge<N> {
    pub(super) const fn new(name: &'static str, help: &'static str, labels: [&'static str; N]) -> Self {
        Self::of(name, help, labels, gauge::Gauge::default)
    }

    pub(crate) fn set(&self, values: [&'static str; N], value: f64) {
        self.with(values.map(Cow::Borrowed)).set(value);
    }

    /// Forgets every value: what could not be found out is not reported as it was.
    pub(crate) fn clear(&self) {
        self.family().clear();
    }
}

impl Gauge<0> {
    /// One more for as long as the answer lives.
    pub(crate) fn hold(&'static self) -> Held {
        self.with([]).inc();
        Held(self)
    }

    #[cfg(test)]
    pub(crate) fn is_zero(&self) -> bool {
        self.with([]).get() == 0.0
    }
}

pub(crate) struct Held(&'static Gauge<0>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.with([]).dec();
    }
}

impl<const N: usize> Histogram<N> {
    pub(super) const fn new(
        name: &'static str,
        help: &'static str,
        labels: [&'static str; N],
        buckets: fn() -> histogram::Histogram,
    ) -> Self {
        Self::of(name, help, labels, buckets)
    }

    pub(crate) fn observe(&self, values: [Cow<'static, str>; N], seconds: f64) {
        self.with(values).observe(seconds);
    }
}
