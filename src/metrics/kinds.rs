//! The three kinds of metrics, each with its name, help and labels. The number of label values is checked by the compiler.

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeMetric;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::{MetricType, TypedMetric, counter, gauge, histogram};
use prometheus_client::registry::Registry;

/// The names and values of `N` labels.
type Labels<const N: usize> = [(&'static str, Cow<'static, str>); N];
/// The metrics of one name, by their labels.
type Labelled<M, const N: usize> = Family<Labels<N>, M, fn() -> M>;

/// What a metric is called and what it means.
pub trait Described: Sync {
    /// Its name after the prefix.
    fn name(&self) -> &'static str;
    /// `counter`, `gauge` or `histogram`.
    fn kind(&self) -> &'static str;
    /// What it means, in one sentence without a full stop.
    fn help(&self) -> &'static str;
    /// The names of its labels.
    fn labels(&self) -> &[&'static str];
    /// Makes it part of what is rendered.
    fn register(&self, registry: &mut Registry);
}

/// A metric of one kind, for each combination of `N` label values.
pub struct Metric<M, const N: usize> {
    name: &'static str,
    help: &'static str,
    labels: [&'static str; N],
    make: fn() -> M,
    family: OnceLock<Labelled<M, N>>,
}

pub type Counter<const N: usize> = Metric<counter::Counter, N>;
/// Something that goes up and down.
pub type Gauge<const N: usize> = Metric<gauge::Gauge<f64, AtomicU64>, N>;
/// How long things took, in seconds.
pub type Histogram<const N: usize> = Metric<histogram::Histogram, N>;

impl<M: Clone, const N: usize> Metric<M, N> {
    pub(super) const fn of(name: &'static str, help: &'static str, labels: [&'static str; N], make: fn() -> M) -> Self {
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

impl<M, const N: usize> Described for Metric<M, N>
where
    M: EncodeMetric + TypedMetric + Clone + Debug + Send + Sync + 'static,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn kind(&self) -> &'static str {
        match M::TYPE {
            MetricType::Counter => "counter",
            MetricType::Gauge => "gauge",
            _other => "histogram",
        }
    }

    fn help(&self) -> &'static str {
        self.help
    }

    fn labels(&self) -> &[&'static str] {
        &self.labels
    }

    fn register(&self, registry: &mut Registry) {
        // The exporter adds the suffix of counters itself.
        registry.register(self.name.trim_end_matches("_total"), self.help, self.family().clone());
    }
}

impl<const N: usize> Counter<N> {
    pub(super) const fn new(name: &'static str, help: &'static str, labels: [&'static str; N]) -> Self {
        Self::of(name, help, labels, counter::Counter::default)
    }

    pub fn add(&self, values: [&'static str; N]) {
        self.with(values.map(Cow::Borrowed)).inc();
    }
}

impl<const N: usize> Gauge<N> {
    pub(super) const fn new(name: &'static str, help: &'static str, labels: [&'static str; N]) -> Self {
        Self::of(name, help, labels, gauge::Gauge::default)
    }

    pub fn set(&self, values: [&'static str; N], value: f64) {
        self.with(values.map(Cow::Borrowed)).set(value);
    }

    /// Forgets every value: what could not be found out is not reported as it was.
    pub fn clear(&self) {
        self.family().clear();
    }
}

impl Gauge<0> {
    /// One more for as long as the answer lives.
    pub fn hold(&'static self) -> Held {
        self.with([]).inc();
        Held(self)
    }

    #[cfg(test)]
    pub fn is_zero(&self) -> bool {
        self.with([]).get() == 0.0
    }
}

/// Something that a gauge counts until it is dropped.
pub struct Held(&'static Gauge<0>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.with([]).dec();
    }
}

impl<const N: usize> Histogram<N> {
    pub fn observe(&self, values: [Cow<'static, str>; N], seconds: f64) {
        self.with(values).observe(seconds);
    }
}
