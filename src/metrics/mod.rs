//! What is counted for Prometheus: every metric with its name, help and labels in one table ([`table`]), and the text that the
//! management listener answers.
//!
//! Labels are words of this program (`&'static str`), route patterns and status codes: never anything that a request brought,
//! no id of anybody or anything, so that their number is bounded and a scrape tells nothing about a person (B50).
//! Counters live in the process. What is asked of the database is asked at a scrape, by `app`.

mod kinds;
mod table;

use std::sync::LazyLock;

use prometheus_client::encoding::prometheus_text;
use prometheus_client::registry::Registry;

pub(crate) use kinds::Held;
pub(crate) use table::*;

pub(crate) const PREFIX: &str = "signbridge";
/// The `Content-Type` of [`render`]: the Prometheus text format, version 0.0.4.
pub(crate) const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let mut registry = Registry::with_prefix(PREFIX);
    for metric in ALL {
        metric.register(&mut registry);
    }
    registry
});

/// Every metric that has a value, in the Prometheus text format.
pub(crate) fn render() -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    prometheus_text::encode(&mut text, &REGISTRY)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of `docs/metrics.md`.
    fn rows() -> String {
        ALL.iter()
            .map(|metric| {
                let (name, kind, labels, help) = metric.about();
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
        for metric in ALL {
            let (name, kind, _labels, help) = metric.about();
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
            assert!(!help.ends_with('.'), "{name}: the format adds the full stop");
        }
        let mut names: Vec<&str> = ALL.iter().map(|metric| metric.about().0).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
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
