//! A phone service whose calls are counted. The clients themselves know nothing of it; `app` wraps them.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::Instant;

use super::{BeginError, BeginRequest, Begun, Capabilities, PhoneApproval, Progress, Unavailable};
use crate::domain::login::UpstreamHandle;
use crate::domain::user::Upstream;
use crate::metrics;

pub(crate) fn measured(upstream: Upstream, service: impl PhoneApproval + 'static) -> Arc<dyn PhoneApproval> {
    Arc::new(Measured { provider: upstream.as_str(), service })
}

struct Measured<S> {
    provider: &'static str,
    service: S,
}

impl<S> Measured<S> {
    fn note(&self, operation: &'static str, started: Instant, outcome: &'static str) {
        metrics::PROVIDER_REQUESTS.add([self.provider, operation, outcome]);
        let took = started.elapsed().as_secs_f64();
        metrics::PROVIDER_REQUEST_DURATION.observe([self.provider.into(), operation.into()], took);
    }

    fn note_up(&self, answered: bool) {
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
        let outcome = match &answer {
            Ok(_) => "ok",
            Err(BeginError::NotRegistered) => "not_registered",
            Err(BeginError::Frozen) => "frozen",
            Err(BeginError::Unreachable(_)) => "unreachable",
            Err(BeginError::InDoubt(_)) => "in_doubt",
            Err(BeginError::Unusable { .. }) => "unusable",
        };
        self.note("create", started, outcome);
        self.note_up(!matches!(answer, Err(BeginError::Unreachable(_) | BeginError::InDoubt(_))));
        answer
    }

    async fn poll(&self, handle: &UpstreamHandle, asked: Option<&str>) -> Result<Progress, Unavailable> {
        let started = Instant::now();
        let answer = self.service.poll(handle, asked).await;
        let outcome = match &answer {
            Ok(Progress::Nonsense { .. }) => "unusable",
            Ok(_) => "ok",
            Err(Unavailable(_)) => "unavailable",
        };
        self.note("state", started, outcome);
        self.note_up(answer.is_ok());
        answer
    }

    async fn cancel(&self, handle: &UpstreamHandle) -> Result<(), Unavailable> {
        let started = Instant::now();
        let answer = self.service.cancel(handle).await;
        // A cancellation that is not confirmed says nothing about whether the service is there.
        self.note("cancel", started, if answer.is_ok() { "ok" } else { "unconfirmed" });
        answer
    }
}
