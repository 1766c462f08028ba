//! The person's answer to the consent page (OIDC Core §3.1.2.4).

use crate::domain::audit::{AuditEvent, AuditKind};
use crate::domain::authorization::{Authorization, AuthorizationStage};
use crate::domain::browser::{Authentication, RequestSource};
use crate::domain::grant::Consent;
use crate::flow::Op;
use crate::flow::audit::PendingEvent;
use crate::flow::error::Internal;
use crate::store::{authorizations, consents};

/// Returns whether the authorization was still waiting. One commit.
pub(crate) async fn allow(
    op: &Op,
    authorization: &Authorization,
    authentication: Authentication,
    origin: RequestSource,
) -> Result<bool, Internal> {
    if matches!(authorization.stage, AuthorizationStage::Issued | AuthorizationStage::Failed(_)) {
        return Ok(false);
    }
    let now = op.env.now();
    let event = AuditEvent {
        user: Some(authentication.user_id.to_string()),
        client: Some(authorization.request.client_id.to_string()),
        subject: Some(authorization.id.to_string()),
        detail: Some(authorization.request.scope.to_string()),
        origin,
        ..AuditEvent::new(AuditKind::ConsentGranted)
    };
    let request = authorization.request.clone();
    let input = (authorization.id.clone(), request, authentication, PendingEvent::new(&op.env, event)?);
    let allowed = op.store.write(input, move |tx, (id, request, authentication, event)| {
        Box::pin(async move {
            if !authorizations::authenticate(tx, id, authentication, now).await?
                || !authorizations::consent(tx, id, &authentication.user_id, now).await?
            {
                return Ok(false);
            }
            let known = consents::find(tx, &authentication.user_id, &request.client_id).await?;
            let scope = known.map_or_else(|| request.scope.clone(), |known| known.scope.union(&request.scope));
            let consent = Consent { scope, granted_at: now };
            consents::upsert(tx, &authentication.user_id, &request.client_id, &consent).await?;
            event.write(tx, now).await?;
            Ok(true)
        })
    });
    Ok(allowed.await?)
}
