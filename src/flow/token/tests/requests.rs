//! What clients send to the provider, and what its answers hold.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::super::{INVALID_GRANT, TokenResponse, answer};
use super::{Bench, REDIRECT, SECRET, VERIFIER};
use crate::domain::authorization::CodeContent;
use crate::domain::browser::{BrowserSession, RequestSource};
use crate::domain::client::Client;
use crate::flow::client_request::{ClientRequest, Headers};
use crate::flow::error::OAuthError;
use crate::protocol::error::ErrorCode;
use crate::protocol::jws::{TokenType, UnverifiedJws};
use crate::protocol::parameters::Parameters;
use crate::protocol::scope::Scope;
use crate::store::audit;

impl Bench {
    /// Sends a form to the token endpoint: confidential clients by Basic with [`SECRET`], public ones by name.
    pub(crate) async fn token(&self, client: &Client, form: &[(&str, &str)]) -> Result<TokenResponse, ErrorCode> {
        let (headers, parameters) = credentials(client, form);
        answer(&self.op, &client_request(&headers, &parameters, &RequestSource::default()))
            .await
            .map_err(|error| code_of(&error))
    }

    /// Redeems a code with everything right.
    pub(crate) async fn redeem(&self, client: &Client, code: &str) -> Result<TokenResponse, ErrorCode> {
        self.token(client, &redemption(code)).await
    }

    pub(crate) async fn refresh(&self, client: &Client, token: &str) -> Result<TokenResponse, ErrorCode> {
        self.token(client, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// A code redeemed for everything that `scope` gives.
    pub(crate) async fn tokens(&self, client: &Client, session: &BrowserSession, scope: &str) -> TokenResponse {
        let content = CodeContent { scope: Scope::parse(scope).unwrap(), ..self.content(client, session) };
        self.redeem(client, &self.code(&content).await).await.unwrap()
    }

    /// Whether an access token opens userinfo.
    pub(crate) async fn opens_userinfo(&self, access_token: &str) -> bool {
        crate::flow::userinfo::answer(&self.op, access_token).await.is_ok()
    }

    /// The kinds of the audit events so far, sorted: the clock stands still, so their order in time says nothing.
    pub(crate) async fn audited(&self) -> Vec<String> {
        let events = audit::list(self.op.store.read(), 1000).await.unwrap();
        let mut kinds: Vec<String> = events.into_iter().map(|event| event.kind).collect();
        kinds.sort_unstable();
        kinds
    }
}

/// The right form for a code.
pub(crate) fn redemption(code: &str) -> [(&str, &str); 4] {
    [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", REDIRECT), ("code_verifier", VERIFIER)]
}

/// The `Authorization` header of a request, where there is one.
pub(crate) struct Authorization(Option<String>);

impl Headers for Authorization {
    fn values(&self, name: &str) -> Vec<&[u8]> {
        self.0.iter().filter(|_| name == "authorization").map(String::as_bytes).collect()
    }
}

/// A request with these headers and this form.
pub(crate) fn client_request<'a>(
    headers: &'a Authorization,
    parameters: &'a Parameters,
    origin: &'a RequestSource,
) -> ClientRequest<'a> {
    ClientRequest { method: "POST", url: "https://id.example/token", headers, peer_certificate: None, parameters, origin }
}

/// The header and the form of a request of `client`.
pub(crate) fn credentials(client: &Client, form: &[(&str, &str)]) -> (Authorization, Parameters) {
    let mut pairs: Vec<(String, String)> = form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let authorization = if client.metadata.is_public() {
        pairs.push(("client_id".to_owned(), client.id.as_str().to_owned()));
        None
    } else {
        Some(format!("Basic {}", STANDARD.encode(format!("{}:{SECRET}", client.id))))
    };
    (Authorization(authorization), Parameters::collect(pairs))
}

/// The code of an error, which must be the client's fault.
pub(crate) fn code_of(error: &OAuthError) -> ErrorCode {
    match error {
        OAuthError::Refused { code, description, .. } => {
            assert!(*code != ErrorCode::InvalidGrant || *description == INVALID_GRANT, "{description}");
            *code
        }
        other => panic!("{other}"),
    }
}

/// The claims of a token that the provider has signed.
pub(crate) fn claims(bench: &Bench, typ: TokenType, token: &str) -> Map<String, Value> {
    bench.op.keys.verify_signature(token, typ).unwrap()
}

/// The `alg` of a token.
pub(crate) fn alg(token: &str) -> &'static str {
    UnverifiedJws::parse(token).unwrap().header.alg.as_str()
}
