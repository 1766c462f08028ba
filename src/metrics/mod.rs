//! What is counted for Prometheus: every metric with its name, help and labels in one table ([`table`]), the three kinds of
//! metrics, whose number of label values the compiler checks, and the text that the management listener answers.
//!
//! Labels are words of this program (`&'static str`), route patterns and status codes: never anything that a request brought,
//! no id of anybody or anything, so that their number is bounded and a scrape tells nothing about a person (B50).
//! Counters live in the process. What is asked of the database is asked at a scrape, by `app`.

mod table;

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, OnceLock};

use prometheus_client::encoding::{EncodeMetric, prometheus_text};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::{TypedMetric, counter, gauge, histogram};
use prometheus_client::registry::Registry;

pub(crate) use table::*;

pub(crate) const PREFIX: &str = "signbridge";
/// The `Content-Type` of [`render`]: the Prometheus text format, version 0.0.4.
pub(crate) const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let mut registry = Registry::with_prefix(PREFIX);
    table::register_all(&mut registry);
    registry
});

/// Every metric that has a value, in the Prometheus text format.
pub(crate) fn render() -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    prometheus_text::encode(&mut text, &REGISTRY)?;
    Ok(text)
}

type Labelled<M, const N: usize> = Family<[(&'static str, Cow<'static, str>); N], M, fn() -> M>;

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
type Buckets = fn() -> histogram::Histogram;

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

impl<M: EncodeMetric + TypedMetric + Clone + Debug + Send + Sync + 'static, const N: usize> Metric<M, N> {
    fn register(&self, registry: &mut Registry) {
        // The exporter adds the suffix of counters itself.
        registry.register(self.name.trim_end_matches("_total"), self.help, self.family().clone());
    }

    /// Its name after the prefix, its kind, the names of its labels, and what it means.
    #[cfg(test)]
    fn about(&self) -> (&'static str, &'static str, &[&'static str], &'static str) {
        (self.name, M::TYPE.as_str(), &self.labels, self.help)
    }
}

impl<const N: usize> Counter<N> {
    const fn new(name: &'static str, help: &'static str, labels: [&'static str; N]) -> Self {
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
    const fn new(name: &'static str, help: &'static str, labels: [&'static str; N]) -> Self {
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
    const fn new(name: &'static str, help: &'static str, labels: [&'static str; N], buckets: Buckets) -> Self {
        Self::of(name, help, labels, buckets)
    }

    pub(crate) fn observe(&self, values: [Cow<'static, str>; N], seconds: f64) {
        self.with(values).observe(seconds);
    }
}

#[cfg(test)]
mod tests {
    use super::table::about_all;
    use super::*;

    /// The rows of `docs/metrics.md`.
    fn rows() -> String {
        about_all()
            .into_iter()
            .map(|(name, kind, labels, help)| {
                let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
                let labels = if labels.is_empty() { "–".to_owned() } else { labels.join(", ") };
                format!("| `{PREFIX}_{name}` | {kind} | {labels} | {help} |\n")
            })
            .collect()
    }

    #[test]
    fn the_page_of_metrics_is_the_table() {
        let page = include_str!("../../docs/metrics.md");
        let written: String =
            page.lines().filter(|line| line.starts_with("| `signbridge_")).map(|line| format!("{line}\n")).collect();
        assert_eq!(written, rows(), "docs/metrics.md differs from src/metrics/table.rs; its rows must be:\n{}", rows());
    }

    #[test]
    fn names_keep_to_the_conventions() {
        for (name, kind, _labels, help) in about_all() {
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
            assert!(!help.ends_with('.'), "{name}: the format adds the full stop");
        }
        let mut names: Vec<&str> = about_all().into_iter().map(|(name, ..)| name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), about_all().len());
    }

    #[test]
    fn what_was_counted_is_in_the_text() {
        OAUTH_ERRORS.add(["/test", "invalid_scope"]);
        let held = SSE_CONNECTIONS.hold();
        HTTP_REQUEST_DURATION.observe(["GET".into(), "/test/{id}".into(), "200".into()], 0.03);
        let text = render().unwrap();
        assert!(text.contains("# TYPE signbridge_oauth_errors_total counter\n"), "{text}");
        assert!(text.contains("signbridge_oauth_errors_total{endpoint=\"/test\",error=\"invalid_scope\"} 1\n"), "{text}");
        assert!(text.contains("http_route=\"/test/{id}\",http_response_status_code=\"200\",le=\"0.05\"} 1\n"), "{text}");
        assert!(!SSE_CONNECTIONS.is_zero());
        drop(held);
        assert!(SSE_CONNECTIONS.is_zero());
    }
}
