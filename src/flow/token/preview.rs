//! What a client would get of a person, beforehand: the claims of the same functions that issue tokens. Nothing is signed, and
//! nothing is written.

use super::family::{Family, TokenBinding};
use super::terms::Terms;
use crate::domain::assurance::Acr;
use crate::domain::grant::Grant;
use crate::domain::id::GrantId;
use crate::domain::settings::Lifetimes;
use crate::flow::prelude::*;
use crate::flow::userinfo::claims_of;
use crate::protocol::claims::{AccessTokenClaims, IdTokenClaims, UserInfo};
use crate::protocol::client_metadata::AccessTokenFormat;
use crate::protocol::scope;

/// The login that is supposed: at this moment, and with this strength.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Supposed<'a> {
    pub issuer: &'a str,
    pub lifetimes: &'a Lifetimes,
    pub acr: Acr,
    pub now: Timestamp,
}

/// Without what each login and each token have of their own: `sid`, `nonce`, `at_hash`, `jti`.
#[derive(Clone, Debug)]
pub(crate) struct Preview {
    pub scope: Scope,
    /// Where `openid` is granted.
    pub id_token: Option<IdTokenClaims>,
    /// Where access tokens can be read; its `jti` is empty.
    pub access_token: Option<AccessTokenClaims>,
    pub userinfo: UserInfo,
    pub refresh_token: bool,
    /// Of the access token, in seconds.
    pub expires_in: u64,
}

/// Of a request for `asked`.
pub(crate) fn preview(client: &Client, user: &User, asked: &Scope, supposed: Supposed<'_>) -> Preview {
    let Supposed { issuer, lifetimes, acr, now } = supposed;
    let authentication =
        Authentication { user_id: user.id.clone(), session_id: None, auth_time: now, acr, device_id: None, unnamed: false };
    let terms = Terms::of(client, TokenBinding::Bearer, asked, &authentication, lifetimes);
    let grant = Grant {
        id: GrantId::new(""),
        client_id: client.id.clone(),
        scope: terms.scope.clone(),
        nonce: None,
        authentication,
        created_at: now,
        expires_at: now,
        revoked_at: None,
    };
    let family = Family {
        client: client.clone(),
        grant,
        user: user.clone(),
        access_ends: now.plus(terms.access_lifetime),
        terms,
        binding: TokenBinding::Bearer,
        access: Secret::new(""),
        issued_at: now,
    };
    let scope = family.terms.scope.clone();
    let can_be_read = client.metadata.access_token_format == AccessTokenFormat::Jwt;
    Preview {
        id_token: scope.contains(scope::OPENID).then(|| family.id_token_claims(issuer, None)),
        access_token: can_be_read.then(|| family.access_token_claims(issuer)),
        userinfo: UserInfo { sub: user.id.as_str().to_owned(), user: claims_of(user, &scope) },
        refresh_token: family.terms.refresh,
        expires_in: family.terms.access_lifetime.as_secs(),
        scope,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value};

    use super::*;
    use crate::flow::token::tests::{Bench, claims};
    use crate::protocol::client_metadata::IdTokenClaimsPolicy;
    use crate::protocol::jws::TokenType;

    const SCOPE: &str = "openid profile email offline_access";

    fn written(claims: &impl serde::Serialize) -> Map<String, Value> {
        serde_json::to_value(claims).unwrap().as_object().unwrap().clone()
    }

    #[tokio::test]
    async fn a_preview_has_the_claims_that_are_issued_then() {
        let bench = Bench::new().await;
        let alice = bench.user("alice").await;
        let session = bench.session(&alice).await;
        let web = bench.client("web").await;
        let api = bench.client_with("api", |metadata| metadata.access_token_format = AccessTokenFormat::Jwt).await;
        let small = bench.client_with("small", |metadata| metadata.id_token_claims = IdTokenClaimsPolicy::Minimal).await;
        let lifetimes = &bench.op.settings.lifetimes;
        let issuer = bench.op.settings.issuer.as_str();
        let supposed = Supposed { issuer, lifetimes, acr: Acr::Matched, now: bench.op.env.now() };
        for client in [web, api, small] {
            let issued = bench.tokens(&client, &session, SCOPE).await;
            let preview = preview(&client, &alice, &Scope::parse(SCOPE).unwrap(), supposed);
            assert_eq!((preview.scope.to_string(), preview.expires_in), (issued.scope.clone(), issued.expires_in));
            assert_eq!(preview.refresh_token, issued.refresh_token.is_some());
            let mut id_token = claims(&bench, TokenType::Id, issued.id_token.as_deref().unwrap());
            id_token.retain(|name, _| !["sid", "nonce", "at_hash"].contains(&name.as_str()));
            assert_eq!(written(&preview.id_token.unwrap()), id_token, "{}", client.id);
            let told = crate::flow::userinfo::answer(&bench.op, &issued.access_token).await.unwrap();
            assert_eq!(preview.userinfo, told);
            if let Some(access_token) = preview.access_token {
                let mut read = claims(&bench, TokenType::Access, &issued.access_token);
                read.insert("jti".to_owned(), "".into());
                assert_eq!(written(&access_token), read);
            }
        }
    }
}
