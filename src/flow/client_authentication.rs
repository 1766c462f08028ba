//! Client authentication (RFC 6749 §2.3) for the token, introspection and revocation endpoints. A failed one consumes nothing
//! and says nothing about why (RFC 6749 §5.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

use super::client_request::{ClientRequest, LONGEST_CLIENT_ID, authorization, find_presented};
use super::prelude::*;
use super::wrong_secrets::Pair;
use crate::protocol::endpoint::Endpoint;

/// An empty secret is none (RFC 6749 §2.3.1).
struct CredentialCandidate {
    client_id: String,
    secret: Option<Secret>,
}

/// Best first, never empty. A Basic header has two meanings where the form-decoded one of RFC 6749 §2.3.1 differs from the raw one.
struct PresentedCredentials(Vec<CredentialCandidate>);

impl PresentedCredentials {
    /// Errors: `invalid_request` when two methods are used at once (RFC 6749 §2.3), or the form names another client than the
    /// header; `invalid_client` when there are no credentials, or none that can be read.
    fn parse(authorization: Option<&str>, parameters: &Parameters) -> Result<Self, OAuthError> {
        let form_id = parameters.get("client_id");
        let form_secret = parameters.get("client_secret");
        let assertion = parameters.get("client_assertion").or(parameters.get("client_assertion_type"));
        // RFC 6749 §2.3: "The client MUST NOT use more than one authentication method in each request."
        if [authorization, form_secret, assertion].into_iter().flatten().count() > 1 {
            return Err(OAuthError::new(ErrorCode::InvalidRequest, "more than one client authentication method was used"));
        }
        if let Some(header) = authorization {
            return basic(header, form_id);
        }
        if assertion.is_some() {
            return Err(refused("client assertions are not supported"));
        }
        let client_id = form_id.ok_or_else(|| refused("the request names no client"))?.to_owned();
        Ok(Self(vec![CredentialCandidate { client_id, secret: form_secret.map(Secret::new) }]))
    }

    /// `None` where no secret came.
    fn pair(&self, origin: &RequestSource) -> Option<Pair> {
        let candidate = self.0.iter().find(|candidate| candidate.secret.is_some())?;
        // The name of no client is longer: they share a count.
        let client_id: String = candidate.client_id.chars().take(LONGEST_CLIENT_ID).collect();
        Some(Pair { client_id, source: origin.source() })
    }
}

fn basic(header: &str, form_id: Option<&str>) -> Result<PresentedCredentials, OAuthError> {
    let (scheme, encoded) = header.split_once(' ').unwrap_or((header, ""));
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(refused("the Authorization header has another scheme than Basic"));
    }
    let text = STANDARD.decode(encoded.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.ok_or_else(|| refused("the Basic credentials are not base64 of UTF-8"))?;
    let (raw_id, raw_secret) = text.split_once(':').ok_or_else(|| refused("the Basic credentials have no colon"))?;
    let mut candidates = Vec::with_capacity(2);
    // RFC 6749 §2.3.1: both parts are form-encoded before they are joined. Several clients skip that step.
    if let (Some(client_id), Some(secret)) = (form_decoded(raw_id), form_decoded(raw_secret)) {
        candidates.push(candidate(client_id, secret));
    }
    if candidates.is_empty() || text.contains(['%', '+']) {
        candidates.push(candidate(raw_id.to_owned(), raw_secret.to_owned()));
    }
    candidates.retain(|candidate| form_id.is_none_or(|id| id == candidate.client_id));
    if candidates.is_empty() {
        return Err(OAuthError::new(ErrorCode::InvalidRequest, "client_id differs from the Authorization header"));
    }
    Ok(PresentedCredentials(candidates))
}

fn candidate(client_id: String, secret: String) -> CredentialCandidate {
    CredentialCandidate { client_id, secret: (!secret.is_empty()).then(|| Secret::new(secret)) }
}

fn form_decoded(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// Costs: one read, two for a Basic header whose client identifier has two meanings.
/// Errors: As [`PresentedCredentials::parse`]; `invalid_client`, always with the same description; [`OAuthError::Limited`].
pub(crate) async fn authenticate(op: &Op, request: &ClientRequest<'_>) -> Result<Client, OAuthError> {
    let presented = PresentedCredentials::parse(authorization(request.headers)?, request.parameters)?;
    let (most, now) = (op.settings.limits.wrong_secrets_per_source_10min, op.env.now());
    let pair = presented.pair(request.origin);
    if let Some(pause) = pair.as_ref().and_then(|pair| op.wrong_secrets.pause(most, pair, now)) {
        return Err(limited(pause));
    }
    let mut found = None;
    for candidate in &presented.0 {
        if found.is_none() {
            found = find_presented(op, &candidate.client_id).await?;
        }
    }
    let known = found.as_ref().map(|client| client.id.clone());
    let outcome = check(found, &presented);
    if let (Some(client), Err(error)) = (&known, &outcome) {
        op.refusals.note_error(client, endpoint(request), error, now);
    }
    if let Some(pair) = pair {
        if outcome.is_ok() {
            op.wrong_secrets.right(most, pair, now);
        } else if let Some(pause) = op.wrong_secrets.wrong(most, pair, now) {
            return Err(limited(pause));
        }
    }
    outcome
}

fn endpoint(request: &ClientRequest<'_>) -> Endpoint {
    Endpoint::ALL.into_iter().find(|endpoint| request.url.ends_with(endpoint.as_str())).unwrap_or(Endpoint::Token)
}

fn limited(pause: Duration) -> OAuthError {
    metrics::RATE_LIMITED.add(["client_secrets"]);
    OAuthError::Limited { pause }
}

/// What the secret of a client without one is compared with: no text has this digest.
const NO_SECRET: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// An unknown client costs the same comparisons as a known one (RFC 6749 §10.1, check 35).
fn check(found: Option<Client>, presented: &PresentedCredentials) -> Result<Client, OAuthError> {
    let expected = found.as_ref().and_then(|client| client.secret.clone());
    let expected = expected.unwrap_or_else(|| SecretDigest::from_stored(NO_SECRET));
    let (mut sent, mut right) = (false, false);
    for secret in presented.0.iter().filter_map(|candidate| candidate.secret.as_ref()) {
        sent = true;
        right |= expected.matches(secret);
    }
    let client = found.ok_or_else(|| refused("the client is unknown"))?;
    // RFC 6749 §2.1, §3.2.1: a public client names itself and proves nothing; a secret from it is a misconfiguration.
    let reason = match (client.disabled, client.metadata.is_public(), sent) {
        (true, _, _) => "the client is disabled",
        (false, true, true) => "the client is public and sent a secret",
        (false, false, false) => "the client is confidential and sent no secret",
        (false, false, true) if !right => "the client secret is wrong",
        (false, true, false) | (false, false, true) => return Ok(client),
    };
    Err(refused(format!("{}: {reason}", client.id)))
}

/// One answer for every reason; the reason is for the log.
pub(super) fn refused(reason: impl Into<String>) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidClient, "client authentication failed").hint(reason)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::client::Source;
    use crate::domain::clock::Timestamp;
    use crate::domain::id::ClientId;
    use crate::protocol::client_metadata::{AuthMethod, ClientMetadata};

    fn client(id: &str, secret: Option<&str>) -> Client {
        let token_endpoint_auth_method = if secret.is_some() { AuthMethod::ClientSecretBasic } else { AuthMethod::None };
        Client {
            id: ClientId::new(id),
            metadata: ClientMetadata { token_endpoint_auth_method, ..ClientMetadata::default() },
            secret: secret.map(|secret| Secret::new(secret).digest()),
            source: Source::Command,
            disabled: false,
            created_at: Timestamp::from_seconds(0),
            logo: None,
        }
    }

    fn header(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    fn outcome(known: &Client, authorization: Option<&str>, form: &str) -> Result<(), ErrorCode> {
        let code = |error| match error {
            OAuthError::Refused { code, description, .. } => {
                assert!(code != ErrorCode::InvalidClient || description == "client authentication failed");
                code
            }
            other => panic!("{other}"),
        };
        let presented = PresentedCredentials::parse(authorization, &Parameters::parse(form.as_bytes())).map_err(code)?;
        let found = presented.0.iter().any(|candidate| candidate.client_id == known.id.as_str());
        check(found.then(|| known.clone()), &presented).map(|_client| ()).map_err(code)
    }

    #[test]
    fn a_confidential_client_may_use_the_header_or_the_form() {
        let known = client("web", Some("s3cret"));
        assert_eq!(outcome(&known, Some(&header("web:s3cret")), ""), Ok(()));
        assert_eq!(outcome(&known, Some(&header("web:s3cret").replace("Basic", "bAsIc")), "client_id=web"), Ok(()));
        assert_eq!(outcome(&known, None, "client_id=web&client_secret=s3cret"), Ok(()));
        for (authorization, form) in [
            (Some(header("web:wrong")), ""),
            (Some(header("web:")), ""),
            (Some(header("web:s3cre")), ""),
            (Some(header("other:s3cret")), ""),
            (Some("Basic !!!".to_owned()), ""),
            (Some("Basic".to_owned()), ""),
            (Some("Bearer s3cret".to_owned()), ""),
            (Some(header("nocolon")), ""),
            (None, "client_id=web&client_secret=wrong"),
            (None, "client_id=web"),
            (None, "client_secret=s3cret"),
            (None, "client_id=web&client_assertion=x.y.z"),
            (None, ""),
        ] {
            assert_eq!(
                outcome(&known, authorization.as_deref(), form),
                Err(ErrorCode::InvalidClient),
                "{authorization:?} {form}"
            );
        }
    }

    #[test]
    fn two_methods_at_once_are_an_invalid_request() {
        let known = client("web", Some("s3cret"));
        for form in ["client_secret=s3cret", "client_id=web&client_secret=s3cret", "client_assertion=x", "client_id=other"] {
            assert_eq!(outcome(&known, Some(&header("web:s3cret")), form), Err(ErrorCode::InvalidRequest), "{form}");
        }
        assert_eq!(outcome(&known, None, "client_id=web&client_secret=s&client_assertion=x"), Err(ErrorCode::InvalidRequest));
    }

    #[test]
    fn basic_is_read_form_decoded_and_raw() {
        let known = client("my app", Some("a+b%c d"));
        assert_eq!(outcome(&known, Some(&header("my+app:a%2Bb%25c%20d")), ""), Ok(()));
        let raw = client("web", Some("a+b%41:c"));
        assert_eq!(outcome(&raw, Some(&header("web:a+b%41:c")), ""), Ok(()));
        assert_eq!(outcome(&raw, Some(&header("web:a b%41:c")), ""), Err(ErrorCode::InvalidClient));
    }

    #[test]
    fn a_public_client_names_itself_and_sends_no_secret() {
        let known = client("native", None);
        assert_eq!(outcome(&known, None, "client_id=native"), Ok(()));
        assert_eq!(outcome(&known, None, "client_id=native&client_secret="), Ok(()));
        assert_eq!(outcome(&known, Some(&header("native:")), ""), Ok(()));
        assert_eq!(outcome(&known, None, "client_id=native&client_secret=x"), Err(ErrorCode::InvalidClient));
        assert_eq!(outcome(&known, Some(&header("native:x")), ""), Err(ErrorCode::InvalidClient));
    }

    #[test]
    fn a_disabled_client_is_refused_with_the_right_secret() {
        let known = Client { disabled: true, ..client("web", Some("s3cret")) };
        assert_eq!(outcome(&known, Some(&header("web:s3cret")), ""), Err(ErrorCode::InvalidClient));
    }

    #[test]
    fn a_confidential_client_that_lost_its_secret_cannot_call() {
        let known = Client { secret: None, ..client("web", Some("s3cret")) };
        for text in ["web:s3cret", "web:", "web:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(outcome(&known, Some(&header(text)), ""), Err(ErrorCode::InvalidClient), "{text}");
        }
    }

    fn candidates(authorization: &str, form: &str) -> Vec<(String, Option<String>)> {
        let parameters = Parameters::parse(form.as_bytes());
        let presented = PresentedCredentials::parse(Some(authorization), &parameters);
        let pair =
            |candidate: CredentialCandidate| (candidate.client_id, candidate.secret.map(|secret| secret.expose().to_owned()));
        presented.map_or_else(|_refused| Vec::new(), |presented| presented.0.into_iter().map(pair).collect())
    }

    proptest! {
        #[test]
        fn what_a_client_encoded_is_read_first(id in "\\PC{1,20}", secret in "\\PC{1,40}") {
            let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let sent = header(&format!("{}:{}", encoded(&id), encoded(&secret)));
            prop_assert_eq!(candidates(&sent, "").into_iter().next(), Some((id, Some(secret))));
        }

        #[test]
        fn what_a_client_left_raw_is_among_the_candidates(id in "[ -9;-~]{1,20}", secret in "[ -~]{1,40}") {
            let all = candidates(&header(&format!("{id}:{secret}")), "");
            prop_assert!(all.contains(&(id, Some(secret))), "{all:?}");
            prop_assert!(all.len() <= 2);
        }

        #[test]
        fn no_header_is_more_than_refused(text in prop_oneof!["\\PC{0,60}", "[Bb]asic [A-Za-z0-9+/=]{0,60}"], bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            for sent in [text, format!("Basic {}", STANDARD.encode(bytes))] {
                for (client_id, _secret) in candidates(&sent, "client_id=web") {
                    prop_assert_eq!(client_id, "web");
                }
            }
        }
    }
}
