//! Every metric, in the order of `docs/metrics.md`, which a test compares. Units stand in the names; the prefix is added.

use prometheus_client::metrics::histogram;

use super::kinds::{Counter, Gauge, Histogram, Registered};

/// Seconds of an HTTP request or of a call to a phone service: the buckets that OpenTelemetry names for them.
const REQUEST: fn() -> histogram::Histogram =
    || histogram::Histogram::new([0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0]);
/// Seconds that a person takes.
const HUMAN: fn() -> histogram::Histogram =
    || histogram::Histogram::new([1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0]);

/// `build_info`
pub(crate) static BUILD_INFO: Gauge<2> = Gauge::new("build_info", "Always 1: which program runs", ["version", "revision"]);
/// `http_server_request_duration_seconds`
pub(crate) static HTTP_REQUEST_DURATION: Histogram<3> = Histogram::of(
    "http_server_request_duration_seconds",
    "Requests to the provider: until the head of the answer is there; an event stream goes on after it",
    ["http_request_method", "http_route", "http_response_status_code"],
    REQUEST,
);
/// `http_connections`
pub(crate) static CONNECTIONS: Gauge<0> =
    Gauge::new("http_connections", "Connections to this node that are open, on both listeners", []);
/// `http_connections_ended_total`
pub(crate) static CONNECTIONS_ENDED: Counter<1> = Counter::new(
    "http_connections_ended_total",
    "Connections that this node ended because there were too many, or because they took too long",
    ["reason"],
);
/// `tls_certificate_expiry_timestamp_seconds`
pub(crate) static TLS_CERTIFICATE_EXPIRY: Gauge<0> = Gauge::new(
    "tls_certificate_expiry_timestamp_seconds",
    "When the certificate ends that this node shows, in seconds since 1970; no value without tls_cert",
    [],
);
/// `tls_certificate_refused`
pub(crate) static TLS_CERTIFICATE_REFUSED: Gauge<0> = Gauge::new(
    "tls_certificate_refused",
    "1 while the files of tls_cert and tls_key cannot be used and an older certificate is shown, else 0",
    [],
);
/// `logins_total`
pub(crate) static LOGINS: Counter<3> = Counter::new(
    "logins_total",
    "Logins that ended, by phone service; the reason is empty where there is none",
    ["method", "outcome", "reason"],
);
/// `login_duration_seconds`
pub(crate) static LOGIN_DURATION: Histogram<1> = Histogram::of(
    "login_duration_seconds",
    "Logins that succeeded: from the request for the phone until the browser was signed in",
    ["method"],
    HUMAN,
);
/// `login_pending`
pub(crate) static LOGIN_PENDING: Gauge<1> =
    Gauge::new("login_pending", "Logins that wait for a phone, on all nodes; read at a scrape", ["method"]);
/// `provider_requests_total`
pub(crate) static PROVIDER_REQUESTS: Counter<3> = Counter::new(
    "provider_requests_total",
    "Calls to phone services: create, state or cancel, and what came of them",
    ["provider", "operation", "outcome"],
);
/// `provider_request_duration_seconds`
pub(crate) static PROVIDER_REQUEST_DURATION: Histogram<2> = Histogram::of(
    "provider_request_duration_seconds",
    "Calls to phone services, until their answer was read or given up",
    ["provider", "operation"],
    REQUEST,
);
/// `provider_up`
pub(crate) static PROVIDER_UP: Gauge<1> = Gauge::new(
    "provider_up",
    "Whether the latest call to a phone service was answered; no value before the first",
    ["provider"],
);
/// `tokens_issued_total`
pub(crate) static TOKENS_ISSUED: Counter<1> =
    Counter::new("tokens_issued_total", "Token responses that were issued", ["grant_type"]);
/// `oauth_errors_total`
pub(crate) static OAUTH_ERRORS: Counter<2> =
    Counter::new("oauth_errors_total", "Errors that relying parties were told, also by redirect", ["endpoint", "error"]);
/// `sessions_active`
pub(crate) static SESSIONS_ACTIVE: Gauge<0> =
    Gauge::new("sessions_active", "Browser sessions that are neither ended, expired nor idle; read at a scrape", []);
/// `devices_registered`
pub(crate) static DEVICES_REGISTERED: Gauge<1> =
    Gauge::new("devices_registered", "Phones that are registered; read at a scrape", ["provider"]);
/// `sse_connections`
pub(crate) static SSE_CONNECTIONS: Gauge<0> = Gauge::new("sse_connections", "Event streams of login pages that are open", []);
/// `sse_refused_total`
pub(crate) static SSE_REFUSED: Counter<1> = Counter::new(
    "sse_refused_total",
    "Event streams that were refused because the node holds its most, or ended for a newer one of the same login",
    ["limit"],
);
/// `rate_limited_total`
pub(crate) static RATE_LIMITED: Counter<1> =
    Counter::new("rate_limited_total", "Requests that were refused by a limit", ["rule"]);
/// `forwarded_unreadable_total`
pub(crate) static FORWARDED_UNREADABLE: Counter<0> = Counter::new(
    "forwarded_unreadable_total",
    "Requests whose X-Forwarded-For a trusted proxy wrote in a form that cannot be read; they count as the proxy's",
    [],
);
/// `signing_key_age_seconds`
pub(crate) static SIGNING_KEY_AGE: Gauge<1> =
    Gauge::new("signing_key_age_seconds", "For how long the key that signs has done so", ["alg"]);
/// `db_pool_connections`
pub(crate) static DB_POOL_CONNECTIONS: Gauge<1> =
    Gauge::new("db_pool_connections", "Connections of the pool that reads (on PostgreSQL: of the pool)", ["state"]);
/// `db_busy_total`
pub(crate) static DB_BUSY: Counter<0> =
    Counter::new("db_busy_total", "Transactions that found the database busy, or another transaction in their way", []);
/// `db_retries_total`
pub(crate) static DB_RETRIES: Counter<0> = Counter::new("db_retries_total", "Transactions that were run again", []);
/// `db_statements_total`
pub(crate) static DB_STATEMENTS: Counter<1> = Counter::new(
    "db_statements_total",
    "Statements sent to the database, not counting those that begin or end a transaction",
    ["transaction"],
);
/// `db_commits_total`
pub(crate) static DB_COMMITS: Counter<0> = Counter::new("db_commits_total", "Transactions that were committed", []);
/// `signatures_total`
pub(crate) static SIGNATURES: Counter<1> = Counter::new("signatures_total", "Tokens that were signed", ["alg"]);
/// `audit_events_total`
pub(crate) static AUDIT_EVENTS: Counter<1> = Counter::new(
    "audit_events_total",
    "Events written to the audit trail; one whose transaction failed later may be among them",
    ["event"],
);
/// `clock_steps_total`
pub(crate) static CLOCK_STEPS: Counter<1> =
    Counter::new("clock_steps_total", "How often the machine's clock was set by more than a minute", ["direction"]);
/// `log_records_dropped_total`
pub(crate) static LOG_RECORDS_DROPPED: Counter<0> = Counter::new(
    "log_records_dropped_total",
    "Records of the log that were lost: standard error could not be written, or nobody read it",
    [],
);

pub(crate) static ALL: &[&dyn Registered] = &[
    &BUILD_INFO,
    &HTTP_REQUEST_DURATION,
    &CONNECTIONS,
    &CONNECTIONS_ENDED,
    &TLS_CERTIFICATE_EXPIRY,
    &TLS_CERTIFICATE_REFUSED,
    &LOGINS,
    &LOGIN_DURATION,
    &LOGIN_PENDING,
    &PROVIDER_REQUESTS,
    &PROVIDER_REQUEST_DURATION,
    &PROVIDER_UP,
    &TOKENS_ISSUED,
    &OAUTH_ERRORS,
    &SESSIONS_ACTIVE,
    &DEVICES_REGISTERED,
    &SSE_CONNECTIONS,
    &SSE_REFUSED,
    &RATE_LIMITED,
    &FORWARDED_UNREADABLE,
    &SIGNING_KEY_AGE,
    &DB_POOL_CONNECTIONS,
    &DB_BUSY,
    &DB_RETRIES,
    &DB_STATEMENTS,
    &DB_COMMITS,
    &SIGNATURES,
    &AUDIT_EVENTS,
    &CLOCK_STEPS,
    &LOG_RECORDS_DROPPED,
];
