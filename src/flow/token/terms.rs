//! What a grant leads to for its client (decisions 2.3, 2.9, 2.10, 2.11). Pure.

use super::family::TokenBinding;
use crate::domain::settings::Lifetimes;
use crate::flow::prelude::*;
use crate::protocol::client_metadata::{AccessTokenFormat, GrantType};
use crate::protocol::scope::OFFLINE_ACCESS;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    pub scope: Scope,
    pub refresh: bool,
    /// Whether the refresh token is replaced at each use (RFC 9700 §2.2.2).
    pub rotates: bool,
    pub access_lifetime: Duration,
    pub id_lifetime: Duration,
}

impl Terms {
    /// A client that cannot refresh does not get `offline_access` either, and the answer's `scope` says so (RFC 6749 §5.1).
    pub(super) fn of(
        client: &Client,
        binding: TokenBinding,
        scope: &Scope,
        authentication: &Authentication,
        lifetimes: &Lifetimes,
    ) -> Self {
        let metadata = &client.metadata;
        let may_refresh = !authentication.unnamed && metadata.grant_types.contains(&GrantType::RefreshToken);
        // What an operator took from the client since is not issued any more (check 52).
        let scope = scope.filtered(|token| metadata.scope.contains(token) && (may_refresh || token != OFFLINE_ACCESS));
        let refresh = may_refresh && (metadata.always_refresh || scope.contains(OFFLINE_ACCESS));
        let access_lifetime = match metadata.access_token_format {
            AccessTokenFormat::Opaque => lifetimes.access_token,
            AccessTokenFormat::Jwt => lifetimes.access_token_jwt,
        };
        // Nobody was named beforehand: what such a login leads to is worth less (decision 2.3).
        let divisor = if authentication.unnamed { 2 } else { 1 };
        Self {
            scope,
            refresh,
            rotates: metadata.is_public() && !binding.is_sender_constrained(),
            access_lifetime: access_lifetime / divisor,
            id_lifetime: lifetimes.id_token / divisor,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::assurance::Acr;
    use crate::domain::client::Source;
    use crate::domain::clock::Timestamp;
    use crate::domain::id::{ClientId, SessionId, UserId};
    use crate::protocol::client_metadata::ClientMetadata;

    fn terms(metadata: ClientMetadata, scope: &str, unnamed: bool) -> Terms {
        let at = Timestamp::from_seconds(0);
        let id = ClientId::new("web");
        let client =
            Client { id, metadata, secret: None, source: Source::Command, disabled: false, created_at: at, logo: None };
        let authentication = Authentication {
            user_id: UserId::new("u"),
            session_id: Some(SessionId::new("s")),
            auth_time: at,
            acr: Acr::Matched,
            device_id: None,
            unnamed,
        };
        Terms::of(&client, TokenBinding::Bearer, &Scope::parse(scope).unwrap(), &authentication, &Lifetimes::default())
    }

    #[test]
    fn a_refresh_token_needs_offline_access_or_the_clients_switch() {
        let always = ClientMetadata { always_refresh: true, ..ClientMetadata::default() };
        assert!(terms(ClientMetadata::default(), "openid offline_access", false).refresh);
        assert!(!terms(ClientMetadata::default(), "openid", false).refresh);
        assert!(terms(always, "openid", false).refresh);
    }

    #[test]
    fn a_client_that_may_not_refresh_gets_neither_token_nor_scope() {
        let metadata = ClientMetadata {
            grant_types: vec![GrantType::AuthorizationCode],
            always_refresh: true,
            ..ClientMetadata::default()
        };
        let terms = terms(metadata, "openid offline_access", false);
        assert_eq!((terms.refresh, terms.scope.to_string().as_str()), (false, "openid"));
    }

    #[test]
    fn an_unnamed_login_leads_to_shorter_tokens_and_no_refresh_token() {
        let named = terms(ClientMetadata::default(), "openid offline_access", false);
        let unnamed = terms(ClientMetadata::default(), "openid offline_access", true);
        assert_eq!(unnamed.access_lifetime * 2, named.access_lifetime);
        assert_eq!(unnamed.id_lifetime * 2, named.id_lifetime);
        assert_eq!((unnamed.refresh, unnamed.scope.to_string().as_str()), (false, "openid"));
    }

    #[test]
    fn a_scope_that_was_taken_from_the_client_is_not_issued() {
        let metadata = ClientMetadata { scope: Scope::parse("openid email").unwrap(), ..ClientMetadata::default() };
        assert_eq!(terms(metadata, "openid email groups", false).scope.to_string(), "email openid");
    }

    #[test]
    fn jwt_access_tokens_live_shorter_than_opaque_ones() {
        let jwt = ClientMetadata { access_token_format: AccessTokenFormat::Jwt, ..ClientMetadata::default() };
        let lifetimes = Lifetimes::default();
        assert_eq!(terms(jwt, "openid", false).access_lifetime, lifetimes.access_token_jwt);
        assert_eq!(terms(ClientMetadata::default(), "openid", false).access_lifetime, lifetimes.access_token);
    }
}
