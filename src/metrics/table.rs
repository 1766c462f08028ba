//! Every metric, in the order of `docs/metrics.md`, which a test compares. Units stand in the names; the prefix is added.

use prometheus_client::metrics::histogram;
use prometheus_client::registry::Registry;

use super::{Buckets, Counter, Gauge, Histogram};

/// Seconds of an HTTP request or of a call to a phone service: the buckets that OpenTelemetry names for them.
const REQUEST: Buckets =
    || histogram::Histogram::new([0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0]);
/// Seconds that a person takes.
const HUMAN: Buckets = || histogram::Histogram::new([1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0]);

/// Declares each metric and what is done with all.
macro_rules! metrics {
    ($($name:ident: $kind:ident<$labels:literal> = $($argument:expr),+;)+) => {
        $(pub(crate) static $name: $kind<$labels> = $kind::new($($argument),+);)+

        pub(super) fn register_all(registry: &mut Registry) {
            $($name.register(registry);)+
        }

        #[cfg(test)]
        pub(super) fn about_all() -> Vec<(&'static str, &'static str, &'static [&'static str], &'static str)> {
            vec![$($name.about()),+]
        }
    };
}

metrics! {
    BUILD_INFO: Gauge<2> = "build_info", "Always 1: which program runs", ["version", "revision"];
    HTTP_REQUEST_DURATION: Histogram<3> = "http_server_request_duration_seconds",
        "Requests to the provider: until the head of the answer is there; an event stream goes on after it",
        ["http_request_method", "http_route", "http_response_status_code"], REQUEST;
    CONNECTIONS: Gauge<0> = "http_connections", "Connections to this node that are open, on both listeners", [];
    CONNECTIONS_ENDED: Counter<1> = "http_connections_ended_total",
        "Connections that this node ended because there were too many, or because they took too long", ["reason"];
    TLS_CERTIFICATE_EXPIRY: Gauge<0> = "tls_certificate_expiry_timestamp_seconds",
        "When the certificate ends that this node shows, in seconds since 1970; no value without tls_cert", [];
    TLS_CERTIFICATE_REFUSED: Gauge<0> = "tls_certificate_refused",
        "1 while the files of tls_cert and tls_key cannot be used and an older certificate is shown, else 0", [];
    LOGINS: Counter<3> = "logins_total", "Logins that ended, by phone service; the reason is empty where there is none",
        ["method", "outcome", "reason"];
    LOGIN_DURATION: Histogram<1> = "login_duration_seconds",
        "Logins that succeeded: from the request for the phone until the browser was signed in", ["method"], HUMAN;
    DEVICE_REGISTRATIONS: Counter<3> = "device_registrations_total",
        "Registrations of phones that ended, by phone service; the reason is empty where there is none",
        ["method", "outcome", "reason"];
    LOGIN_PENDING: Gauge<1> = "login_pending", "Logins that wait for a phone, on all nodes; read at a scrape", ["method"];
    PROVIDER_REQUESTS: Counter<3> = "provider_requests_total",
        "Calls to phone services: create, state, cancel or probe, and what came of them", ["provider", "operation", "outcome"];
    PROVIDER_REQUEST_DURATION: Histogram<2> = "provider_request_duration_seconds",
        "Calls to phone services, until their answer was read or given up", ["provider", "operation"], REQUEST;
    PROVIDER_UP: Gauge<1> = "provider_up",
        "Whether the latest call to a phone service was answered, and phones are asked through it; no value before the first",
        ["provider"];
    TOKENS_ISSUED: Counter<1> = "tokens_issued_total", "Token responses that were issued", ["grant_type"];
    OAUTH_ERRORS: Counter<2> = "oauth_errors_total", "Errors that clients were told, also by redirect",
        ["endpoint", "error"];
    SESSIONS_ACTIVE: Gauge<0> = "sessions_active", "Browser sessions that are neither ended, expired nor idle; read at a scrape",
        [];
    DEVICES_REGISTERED: Gauge<1> = "devices_registered", "Phones that are registered; read at a scrape", ["provider"];
    SSE_CONNECTIONS: Gauge<0> = "sse_connections", "Event streams of login pages that are open", [];
    SSE_REFUSED: Counter<1> = "sse_refused_total",
        "Event streams that were refused because the node holds its most, or ended for a newer one of the same login", ["limit"];
    RATE_LIMITED: Counter<1> = "rate_limited_total", "Requests that were refused by a limit", ["rule"];
    FORWARDED_UNREADABLE: Counter<0> = "forwarded_unreadable_total",
        "Requests whose X-Forwarded-For a trusted proxy wrote in a form that cannot be read; they count as the proxy's", [];
    SIGNING_KEY_AGE: Gauge<1> = "signing_key_age_seconds", "For how long the key that signs has done so", ["alg"];
    DB_POOL_CONNECTIONS: Gauge<1> = "db_pool_connections", "Connections of the pool that reads (on PostgreSQL: of the pool)",
        ["state"];
    DB_BUSY: Counter<0> = "db_busy_total", "Transactions that found the database busy, or another transaction in their way", [];
    DB_RETRIES: Counter<0> = "db_retries_total", "Transactions that were run again", [];
    DB_STATEMENTS: Counter<1> = "db_statements_total",
        "Statements sent to the database, not counting those that begin or end a transaction", ["transaction"];
    DB_COMMITS: Counter<0> = "db_commits_total", "Transactions that were committed", [];
    SIGNATURES: Counter<1> = "signatures_total", "Tokens that were signed", ["alg"];
    AUDIT_EVENTS: Counter<1> = "audit_events_total",
        "Events written to the audit trail; one whose transaction failed later may be among them", ["event"];
    WEBHOOK_EVENTS: Counter<1> = "webhook_events_total", "Events for the operator's webhook, and what came of each attempt",
        ["outcome"];
    CLOCK_STEPS: Counter<1> = "clock_steps_total", "How often the machine's clock was set by more than a minute", ["direction"];
    LOG_RECORDS_DROPPED: Counter<0> = "log_records_dropped_total",
        "Records of the log that were lost: standard error could not be written, or nobody read it", [];
}
