//! The authorization code grant (RFC 6749 §4.1.3, OIDC Core §3.1.3.2, RFC 7636 §4.6). Each binding of the code is checked on its
//! own, and a code whose binding does not hold stays unused: bad input changes nothing. What redeems a code is one conditional
//! statement, in the same write that makes the family (decision 2.4).

use super::family::{NewFamily, TokenWrite};
use super::{Outcome, TokenResponse};
use crate::domain::authorization::CodeContent;
use crate::domain::id::GrantId;
use crate::flow::backchannel_logout::SETTLE;
use crate::flow::prelude::*;
use crate::protocol::client_metadata::ConsentPolicy;
use crate::store::codes::StoredCode;
use crate::store::{backchannel_logouts, codes, consents, grants, sessions, users};

struct Redemption {
    code: SecretDigest,
    redirect_uri: Option<String>,
    verifier: Option<Secret>,
    write: TokenWrite,
    family: NewFamily,
    reused: PendingEvent,
}

type Present = (User, BrowserSession);

/// Costs: one commit of two reads by key and seven inserts or updates at most; then one signature, two where access tokens are
/// JWTs. A refused code costs the reads only.
/// Errors: `invalid_request` without a code; `invalid_grant`, always with the same description, for a code that does not count.
pub(super) async fn redeem(op: &Op, write: TokenWrite, parameters: &Parameters) -> Result<TokenResponse, OAuthError> {
    let code = parameters.get("code").ok_or(OAuthError::new(ErrorCode::InvalidRequest, "code is missing"))?;
    let refresh = Secret::generate(&op.env)?;
    let redemption = Redemption {
        code: SecretDigest::of(code.as_bytes()),
        redirect_uri: parameters.get("redirect_uri").map(str::to_owned),
        verifier: parameters.get("code_verifier").map(Secret::new),
        family: NewFamily {
            id: GrantId::generate(&op.env)?,
            refresh: refresh.digest(),
            issued: write.audit_entry(op, AuditKind::TokenIssued)?,
        },
        reused: write.audit_entry(op, AuditKind::TokenReuse)?,
        write,
    };
    let family = op.store.write(redemption, |tx, job| Box::pin(job.run(tx))).await??;
    family.answer(op, family.terms.refresh.then_some(&refresh), family.grant.nonce.as_deref())
}

impl Redemption {
    async fn run(&self, tx: &Tx) -> Result<Outcome, StoreError> {
        let Some(code) = codes::find(tx, &self.code).await? else {
            return Ok(Err(self.write.refused("the code is unknown")));
        };
        if let Some(reason) = self.broken_binding(&code.content) {
            return Ok(Err(self.write.refused(reason)));
        }
        if code.consumed_at.is_some() {
            return self.refuse_reuse(tx, &code).await;
        }
        let (user, session) = match self.present_user(tx, &code.content).await? {
            Ok(present) => present,
            Err(reason) => return Ok(Err(self.write.refused(reason))),
        };
        if !codes::consume(tx, &self.code, &self.family.id, self.write.now).await? {
            // Expired, or another request was faster since it was read: then that one's family dies.
            let raced = codes::find(tx, &self.code).await?.filter(|code| code.consumed_at.is_some());
            return match raced {
                Some(code) => self.refuse_reuse(tx, &code).await,
                None => Ok(Err(self.write.refused("the code has expired"))),
            };
        }
        let holds_logouts = code.content.holds_logouts;
        let family = self.write.begin(tx, &self.family, (code.content, user), &session).await?;
        if holds_logouts {
            backchannel_logouts::release(tx, &code.authorization_id, self.write.now.plus(SETTLE)).await?;
        }
        Ok(Ok(family))
    }

    /// The first binding of the code that the request does not keep. None of them stands in for another (check 26).
    fn broken_binding(&self, content: &CodeContent) -> Option<&'static str> {
        // RFC 6749 §4.1.3: "ensure that the authorization code was issued to the authenticated … client".
        let client = content.client_id == self.write.client.id;
        // RFC 6749 §4.1.3: identical where the authorization request had one. OAuth 2.1 §4.1.3 lets it be repeated or left
        // out where that request had none: there is nothing to compare it with, so it must be a registered one.
        let redirect_uri = match (&content.redirect_uri, self.redirect_uri.as_deref()) {
            (Some(asked), Some(repeated)) => asked.as_str() == repeated,
            (Some(_), None) => false,
            (None, None) => true,
            (None, Some(named)) => self.write.client.metadata.redirect_uris.iter().any(|uri| uri.as_str() == named),
        };
        // RFC 7636 §4.6; RFC 9700 §4.8.2: a verifier without a challenge hints at a stripped challenge.
        let verifier = match (&content.code_challenge, &self.verifier) {
            (Some(challenge), Some(verifier)) => challenge.is_answered_by(verifier.expose()),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        match (client, redirect_uri, verifier) {
            (true, true, true) => None,
            (false, _, _) => Some("the code was issued to another client"),
            (_, false, _) => Some("redirect_uri is not the one of the authorization request"),
            (_, _, false) => Some("code_verifier does not answer the challenge of the authorization request"),
        }
    }

    /// The person of the code and their session, unless something ended between code and redemption (decision 2.6).
    async fn present_user(&self, tx: &Tx, content: &CodeContent) -> Result<Result<Present, &'static str>, StoreError> {
        let who = &content.authentication;
        // From here on nobody ends the session before the family is there to be ended with it.
        let session = match &who.session_id {
            Some(session) => sessions::lock_row(tx, session).await?,
            None => None,
        };
        let Some(session) = session.filter(|session| session.is_alive(self.write.now)) else {
            return Ok(Err("the browser session of the code is over"));
        };
        // Read under the lock of the session, which the lock of a person and the removal of a phone take as well.
        let user = users::find_with_phone(tx, &who.user_id, who.device_id.as_ref()).await?.filter(|user| !user.locked);
        let Some(user) = user else {
            return Ok(Err("the person of the code is locked or gone, or the phone that approved the login was removed"));
        };
        let client = &self.write.client;
        if !client.admits(&user) {
            return Ok(Err("the person is in none of the client's allowed_groups"));
        }
        // From here on nobody takes it back before the family is there to be revoked with it.
        if client.metadata.consent != ConsentPolicy::None && !consents::lock_row(tx, &user.id, &client.id).await? {
            return Ok(Err("what the person had allowed the client was taken back"));
        }
        Ok(Ok((user, session)))
    }

    /// RFC 6749 §4.1.2: a code that is used again revokes what it gave. Audited once, when that changes something.
    async fn refuse_reuse(&self, tx: &Tx, code: &StoredCode) -> Result<Outcome, StoreError> {
        if let Some(grant_id) = &code.grant_id
            && grants::revoke(tx, grant_id, self.write.now).await?
        {
            let person = &code.content.authentication.user_id;
            self.reused.about(person.as_str(), grant_id.as_str()).write(tx, self.write.now).await?;
        }
        Ok(Err(self.write.refused("the code was redeemed before; its family is revoked")))
    }
}

#[cfg(test)]
mod tests;
