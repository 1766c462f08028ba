//! The refresh token grant (RFC 6749 §6, OIDC Core §12), decision 2.5. A public client's token, unless it is bound to the
//! client's key, is replaced at each use by a successor that is an HMAC of it. Within the grace the same client gets the same
//! successor again (its answer may have been lost); once the successor was used, or the grace is over, the old token coming back
//! means that two parties hold the chain, and the family dies (RFC 9700 §4.14.2). A confidential client proves itself at each
//! use, so its token stays and its expiry moves (RFC 9700 §2.2.2).

use super::family::TokenWrite;
use super::{Outcome, TokenResponse};
use crate::flow::prelude::*;
use crate::store::refresh_tokens::FoundRefreshToken;
use crate::store::{grants, refresh_tokens};

struct Refresh {
    presented: SecretDigest,
    successor: SecretDigest,
    /// The narrower scope that was asked for.
    wanted: Option<Scope>,
    write: TokenWrite,
    reuse: PendingEvent,
}

/// Costs: one commit of one joined read and two or three inserts or updates; then the signatures of the answer.
/// Errors: `invalid_request`; `invalid_scope` for more than was granted (RFC 6749 §6); `invalid_grant`, always described alike.
pub(super) async fn refresh(op: &Op, write: TokenWrite, parameters: &Parameters) -> Result<TokenResponse, OAuthError> {
    let missing = OAuthError::new(ErrorCode::InvalidRequest, "refresh_token is missing");
    let presented = Secret::new(parameters.get("refresh_token").ok_or(missing)?);
    let wanted = parameters.get("scope").map(Scope::parse).transpose().map_err(|_bad_character| too_wide())?;
    let successor = op.keys.purposes.successor_of(&presented);
    let job = Refresh {
        presented: presented.digest(),
        successor: successor.digest(),
        wanted,
        reuse: write.audit_entry(op, AuditKind::TokenReuse)?,
        write,
    };
    let family = op.store.write(job, |tx, job| Box::pin(job.run(tx))).await??;
    let refresh = if family.terms.rotates { &successor } else { &presented };
    family.answer(op, Some(refresh), None)
}

/// RFC 6749 §6: the scope "MUST NOT include any scope not originally granted".
fn too_wide() -> OAuthError {
    OAuthError::new(ErrorCode::InvalidScope, "scope exceeds what was granted")
}

impl Refresh {
    async fn run(&self, tx: &Tx) -> Result<Outcome, StoreError> {
        let Some(found) = refresh_tokens::find(tx, &self.presented).await? else {
            return Ok(Err(self.write.refused("the refresh token is unknown")));
        };
        if let Some(reason) = self.refusal(&found) {
            return Ok(Err(self.write.refused(reason)));
        }
        // RFC 6749 §6: a narrower scope is for this access token only; a later refresh may go back up to the grant's.
        let scope = match &self.wanted {
            Some(wanted) if !wanted.is_subset_of(&found.grant.scope) => return Ok(Err(too_wide())),
            Some(wanted) => wanted,
            None => &found.grant.scope,
        };
        let terms = self.write.terms(scope, &found.grant.authentication);
        if let Some(refused) = self.use_up(tx, &found, terms.rotates).await? {
            return Ok(Err(refused));
        }
        self.write.add_access_token(tx, (found.grant, found.user), terms, found.session.as_ref()).await.map(Ok)
    }

    /// What is checked anew at each use, because it may have changed since the login (check 51).
    fn refusal(&self, found: &FoundRefreshToken) -> Option<&'static str> {
        let grant = &found.grant;
        let reasons = [
            // RFC 6749 §6, §10.4: bound to its client. The family is kept: whoever presents it is not who may end it.
            (grant.client_id != self.write.client.id, "the refresh token was issued to another client"),
            (grant.revoked_at.is_some(), "the token family was revoked"),
            (grant.expires_at <= self.write.now, "the token family has reached its absolute end"),
            // Ended, run out or long cleaned up: what was not granted to outlive it does not (OIDC Core §11).
            (grant.is_over_with(found.session.as_ref(), self.write.now), "the browser session is over"),
            (found.user.locked, "the person is locked"),
            (!self.write.client.admits(&found.user), "the person is in none of the client's allowed_groups"),
        ];
        reasons.into_iter().find_map(|(holds, reason)| holds.then_some(reason))
    }

    /// `Some` when the token does not count after all.
    async fn use_up(&self, tx: &Tx, found: &FoundRefreshToken, rotates: bool) -> Result<Option<OAuthError>, StoreError> {
        let now = self.write.now;
        if !rotates {
            let extended = refresh_tokens::extend(tx, &self.presented, self.write.refresh_ends(&found.grant), now).await?;
            return Ok((!extended).then(|| self.write.refused("the refresh token has expired or was replaced")));
        }
        if found.token.rotated_at.is_none() {
            let successor = self.write.refresh_token(&self.successor, &found.grant);
            if refresh_tokens::rotate(tx, &self.presented, &successor, now).await? {
                return Ok(None);
            }
        }
        self.come_back(tx).await
    }

    /// A token that was replaced before, or expired. Read anew: another request may have replaced it a moment ago.
    async fn come_back(&self, tx: &Tx) -> Result<Option<OAuthError>, StoreError> {
        let Some(found) = refresh_tokens::find(tx, &self.presented).await? else {
            return Ok(Some(self.write.refused("the refresh token is gone")));
        };
        let Some(rotated_at) = found.token.rotated_at else {
            return Ok(Some(self.write.refused("the refresh token has expired")));
        };
        let now = self.write.now;
        // On either side: a clock that was set back does not make the grace longer, one of another node may be a little ahead.
        let apart = now.since(rotated_at).max(rotated_at.since(now));
        let in_grace = apart < self.write.settings.lifetimes.refresh_grace;
        let successor = refresh_tokens::find_successor(tx, &self.presented).await?;
        let unused = successor.is_some_and(|next| next.rotated_at.is_none());
        if in_grace && unused {
            return Ok(None);
        }
        // RFC 9700 §4.14.2: one of the two who hold this chain is not the client. Audited once, when that changes something.
        if grants::revoke(tx, &found.grant.id, now).await? {
            self.reuse.about(found.user.id.as_str(), found.grant.id.as_str()).write(tx, now).await?;
        }
        Ok(Some(self.write.refused("a replaced refresh token came back; its family is revoked")))
    }
}

#[cfg(test)]
mod tests;
