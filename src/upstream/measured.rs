//! A phone service whose calls are counted. The clients themselves know nothing of it; `app` wraps them.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::Instant;

use super::{BeginError, BeginRequest, Begun, Capabilities, PhoneApproval, Progress, Unavailable};
use crate::domain::login::UpstreamHandle;
use crate::domain::user::Upstream;
use crate::metrics;

/// Counts the calls to `service` and says whether it answers.
pub(crate) fn measured(upstream: Upstream, service: impl PhoneApproval + 'static) -> Arc<dyn PhoneApproval> {
    Arc::new(Measured { provider: upstream.as_str(), service })
}

struct Measured<S> {
    provider: &'static str,
    service: S,
}

impl<S> Measured<S> {
    /// Notes a call that began at `started`; `answered`: the service said something.
    fn note(&self, operation: &'static str, started: Instant, outcome: &'static str, answered: bool) {
        metrics::PROVIDER_REQUESTS.add([self.provider, operation, outcome]);
        let took = started.elapsed().as_secs_f64();
        metrics::PROVIDER_REQUEST_DURATION.observe([self.provider.into(), operation.into()], took);
        metrics::PROVIDER_UP.set([self.provider], if answered { 1.0 } else { 0.0 });
    }
}

#[async_trait]
impl<S: PhoneApproval> PhoneApproval for Measured<S> {
    fn capabilities(&self) -> Capabilities {
        self.service.capabilities()
    }

    async fn begin(&self, request: BeginRequest) -> Result<Begun, BeginError> {
        let started = Instant::now();
        let answer = self.service.begin(request).await;
        let (outcome, answered) = match &answer {
            Ok(_) => ("ok", true),
            Err(BeginError::NotRegistered) => ("not_registered", true),
            Err(BeginError::Frozen) => ("frozen", true),
            Err(BeginError::Unreachable(_)) => ("unreachable", false),
            Err(BeginError::InDoubt(_)) => ("in_doubt", false),
            Err(BeginError::Unusable { .. }) => ("unusable", true),
        };
        self.note("create", started, outcome, answered);
        answer
    }

    async fn poll(&self, handle: &UpstreamHandle, asked: Option<&str>) -> Result<Progress, Unavailable> {
        let started = Instant::now();
        let answer = self.service.poll(handle, asked).await;
        let (outcome, answered) = match &answer {
            Ok(Progress::Nonsense { .. }) => ("unusable", true),
            Ok(_) => ("ok", true),
            Err(Unavailable(_)) => ("unavailable", false),
        };
        self.note("state", started, outcome, answered);
        answer
    }

    async fn cancel(&self, handle: &UpstreamHandle) -> Result<(), Unavailable> {
        let started = Instant::now();
        let answer = self.service.cancel(handle).await;
        // A cancellation that is not confirmed says nothing about whether the service is there.
        let outcome = if answer.is_ok() { "ok" } else { "unconfirmed" };
        metrics::PROVIDER_REQUESTS.add([self.provider, "cancel", outcome]);
        let took = started.elapsed().as_secs_f64();
        metrics::PROVIDER_REQUEST_DURATION.observe([self.provider.into(), "cancel".into()], took);
        answer
    }
}
