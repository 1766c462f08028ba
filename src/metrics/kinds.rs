//! The three kinds of metrics, each with its name, help and labels. The number of label values is checked by the compiler.

use std::borrow::Cow;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::{counter, gauge, histogram};
use prometheus_client::registry::Registry;

/// The names and values of `N` labels.
type Labels<const N: usize> = [(&'static str, Cow<'static, str>); N];

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

macro_rules! described {
    ($kind:ident, $word:literal) => {
        impl<const N: usize> Described for $kind<N> {
            fn name(&self) -> &'static str {
                self.name
            }

            fn kind(&self) -> &'static str {
                $word
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
    };
}

/// The names of `labels` with these values.
fn named<const N: usize>(labels: [&'static str; N], values: [Cow<'static, str>; N]) -> Labels<N> {
    let mut values = values.into_iter();
    labels.map(|name| (name, values.next().unwrap_or_default()))
}

/// Something that only grows.
pub struct Counter<const N: usize> {
    name: &'static str,
    help: &'static str,
    labels: [&'static str; N],
    family: OnceLock<Family<Labels<N>, counter::Counter>>,
}

impl<const N: usize> Counter<N> {
    pub(super) const fn new(name: &'static str, help: &'static str, labels: [&'static str; N]) -> Self {
        Self { name, help, labels, family: OnceLock::new() }
    }

    fn family(&self) -> &Family<Labels<N>, counter::Counter> {
        self.family.get_or_init(Family::default)
    }

    /// Counts one. The values are words of this program: there are only so many of them.
    pub fn add(&self, values: [&'static str; N]) {
        self.family().get_or_create(&named(self.labels, values.map(Cow::Borrowed))).inc();
    }
}

described!(Counter, "counter");

/// Something that goes up and down.
pub struct Gauge<const N: usize> {
    name: &'static str,
    help: &'static str,
    labels: [&'static str; N],
    family: OnceLock<Family<Labels<N>, gauge::Gauge<f64, AtomicU64>>>,
}

impl<const N: usize> Gauge<N> {
    pub(super) const fn new(name: &'static str, help: &'static str, labels: [&'static str; N]) -> Self {
        Self { name, help, labels, family: OnceLock::new() }
    }

    fn family(&self) -> &Family<Labels<N>, gauge::Gauge<f64, AtomicU64>> {
        self.family.get_or_init(Family::default)
    }

    /// Sets it.
    pub fn set(&self, values: [&'static str; N], value: f64) {
        self.family().get_or_create(&named(self.labels, values.map(Cow::Borrowed))).set(value);
    }

    /// Forgets every value: what could not be found out is not reported as it was.
    pub fn clear(&self) {
        self.family().clear();
    }
}

impl Gauge<0> {
    /// One more for as long as the answer lives.
    pub fn hold(&'static self) -> Held {
        self.family().get_or_create(&[]).inc();
        Held(self)
    }

    /// Whether nothing is held.
    #[cfg(test)]
    pub fn is_zero(&self) -> bool {
        self.family().get_or_create(&[]).get() == 0.0
    }
}

described!(Gauge, "gauge");

/// Something that a gauge counts until it is dropped.
pub struct Held(&'static Gauge<0>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.family().get_or_create(&[]).dec();
    }
}

/// How long things took, in seconds.
pub struct Histogram<const N: usize> {
    name: &'static str,
    help: &'static str,
    labels: [&'static str; N],
    bounds: &'static [f64],
    family: OnceLock<Family<Labels<N>, histogram::Histogram, Bounds>>,
}

/// Makes histograms with these upper bounds.
#[derive(Clone)]
struct Bounds(&'static [f64]);

impl MetricConstructor<histogram::Histogram> for Bounds {
    fn new_metric(&self) -> histogram::Histogram {
        histogram::Histogram::new(self.0.iter().copied())
    }
}

impl<const N: usize> Histogram<N> {
    pub(super) const fn new(name: &'static str, help: &'static str, labels: [&'static str; N], bounds: &'static [f64]) -> Self {
        Self { name, help, labels, bounds, family: OnceLock::new() }
    }

    fn family(&self) -> &Family<Labels<N>, histogram::Histogram, Bounds> {
        self.family.get_or_init(|| Family::new_with_constructor(Bounds(self.bounds)))
    }

    /// Notes one. The values must be of a bounded set: words of this program, route patterns, status codes.
    pub fn observe(&self, values: [Cow<'static, str>; N], seconds: f64) {
        self.family().get_or_create(&named(self.labels, values)).observe(seconds);
    }
}

described!(Histogram, "histogram");
