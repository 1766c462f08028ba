//! The end of an authorization: a code or an error, on its way to the relying party (RFC 6749 §4.1.2, RFC 9207).

use url::Url;

use super::Interaction;
use crate::domain::authorization::{Authorization, AuthorizationStage, CodeContent};
use crate::domain::id::ClientId;
use crate::domain::refusal::Refusal;
use crate::flow::prelude::*;
use crate::flow::refusals;
use crate::protocol::authorization::ResponseMode;
use crate::protocol::endpoint::Endpoint;
use crate::protocol::redirect_uri::RedirectUri;
use crate::store::{authorizations, backchannel_logouts, codes};

/// Where an answer may go: a redirect URI that was checked against its client. Nothing else can be redirected to.
#[derive(Clone, Debug)]
pub(crate) struct ResponseTarget {
    pub(super) redirect_uri: RedirectUri,
    pub(super) mode: ResponseMode,
    pub(super) state: Option<String>,
    /// Whether the client sends browsers on to places that we cannot know (decision 2.15).
    pub(crate) forwards: bool,
    pub(crate) app_name: String,
    client: ClientId,
}

impl ResponseTarget {
    pub(super) fn new(client: &Client, redirect_uri: RedirectUri, mode: ResponseMode, state: Option<&str>) -> Self {
        Self {
            redirect_uri,
            mode,
            state: state.map(str::to_owned),
            forwards: client.metadata.forwards,
            app_name: client.display_name().to_owned(),
            client: client.id.clone(),
        }
    }

    pub(crate) const fn redirect_uri(&self) -> &RedirectUri {
        &self.redirect_uri
    }

    pub(super) fn of(interaction: &Interaction) -> Self {
        let request = &interaction.authorization.request;
        Self::new(&interaction.client, request.redirect_uri.clone(), request.response_mode, request.state.as_deref())
    }
}

#[derive(Debug)]
pub(crate) struct AuthorizationResponse {
    pub(crate) target: ResponseTarget,
    /// In this order: `code` first (a mobile client of ThumbSignIn looks at the first parameter only).
    parameters: Vec<(&'static str, Secret)>,
    /// What the log says of an error.
    refusal: Option<Box<Refusal>>,
}

#[derive(Debug)]
pub(crate) enum Delivery {
    Redirect(String),
    FormPost { action: String, fields: Vec<(String, String)> },
}

impl AuthorizationResponse {
    /// What an error says to the relying party; empty where it is none.
    pub(crate) fn description(&self) -> &str {
        let found = self.parameters.iter().find(|(name, _)| *name == "error_description");
        found.map_or("", |(_, value)| value.expose())
    }

    /// An error with what is known of the mistake that led to it.
    #[must_use]
    pub(super) fn because(self, refusal: Refusal) -> Self {
        Self { refusal: Some(Box::new(refusal)), ..self }
    }

    /// Puts the parameters where the response mode wants them. Those of the redirect URI itself are kept (RFC 6749 §3.1.2). An error
    /// leaves its record: nobody sees it here.
    pub(crate) fn delivery(&self) -> Delivery {
        if let Some(refusal) = &self.refusal {
            refusals::log(refusal);
        }
        let pairs = self.parameters.iter().map(|(name, value)| (*name, value.expose()));
        let text = self.target.redirect_uri.as_str();
        match self.target.mode {
            ResponseMode::FormPost => Delivery::FormPost {
                action: text.to_owned(),
                fields: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            },
            ResponseMode::Query => Delivery::Redirect(append(text, '?', pairs)),
            ResponseMode::Fragment => Delivery::Redirect(append(text, '#', pairs)),
        }
    }
}

/// The registered bytes go back as they are. A redirect without a fragment of its own would inherit that of the page that led here
/// (RFC 9700 §4.1.3), so a query answer ends in an empty one.
fn append<'a>(uri: &str, separator: char, pairs: impl Iterator<Item = (&'static str, &'a str)>) -> String {
    let mut encoded = url::form_urlencoded::Serializer::new(String::new());
    encoded.extend_pairs(pairs);
    let encoded = encoded.finish();
    let joint = if separator == '?' && uri.contains('?') { '&' } else { separator };
    let tail = if separator == '?' && Url::parse(uri).is_ok_and(|url| url.scheme().starts_with("http")) { "#" } else { "" };
    format!("{uri}{joint}{encoded}{tail}")
}

/// RFC 6749 §4.1.2.1. Changes nothing.
pub(super) fn error(op: &Op, target: ResponseTarget, code: ErrorCode, description: &str) -> AuthorizationResponse {
    metrics::OAUTH_ERRORS.add([Endpoint::Authorization.as_str(), code.as_str()]);
    let refusal = Refusal::new(&target.client, Endpoint::Authorization, code, "", description);
    let parameters = vec![("error", Secret::new(code.as_str())), ("error_description", Secret::new(description))];
    finish(op, target, parameters).because(refusal)
}

/// `state` as it came and `iss` always (RFC 9207 §2).
fn finish(op: &Op, target: ResponseTarget, mut parameters: Vec<(&'static str, Secret)>) -> AuthorizationResponse {
    if let Some(state) = &target.state {
        parameters.push(("state", Secret::new(state.clone())));
    }
    parameters.push(("iss", Secret::new(op.settings.issuer.clone())));
    AuthorizationResponse { target, parameters, refusal: None }
}

/// Ends an authorization in the commit that stores its code: two requests at once get one code. One that single sign-on answers
/// at once is stored here as well, all others were `stored` before. `None` when it had ended before.
pub(super) async fn issue(
    op: &Op,
    interaction: &Interaction,
    authentication: Authentication,
    stored: bool,
) -> Result<Option<AuthorizationResponse>, Internal> {
    let authorization = &interaction.authorization;
    let request = &authorization.request;
    let code = Secret::generate(&op.env)?;
    let content = CodeContent {
        client_id: request.client_id.clone(),
        redirect_uri: Some(request.redirect_uri.clone()),
        code_challenge: request.code_challenge.clone(),
        scope: request.scope.clone(),
        nonce: request.nonce.clone(),
        authentication,
        holds_logouts: false,
    };
    // Single sign-on may answer an authorization that nobody signed in for: it takes the session's login on the way.
    let open = matches!(authorization.stage, AuthorizationStage::Open);
    let now = op.env.now();
    let code_ends = now.plus(op.settings.lifetimes.code);
    let ended = Authorization { stage: AuthorizationStage::Issued, ..authorization.clone() };
    let issued = op.store.write((ended, code.digest(), content), move |tx, (ended, code, content)| {
        Box::pin(async move {
            let id = &ended.id;
            if !stored {
                authorizations::insert(tx, ended, "").await?;
            } else if open && !authorizations::authenticate(tx, id, &content.authentication, now).await?
                || !authorizations::finish_issued(tx, id, now).await?
            {
                return Ok(false);
            }
            // Whoever was replaced in this browser: their apps hear of it once the code is redeemed (decision 2.16).
            let holds_logouts = stored && backchannel_logouts::hold_until(tx, id, code_ends).await? > 0;
            codes::insert(tx, code, id, &CodeContent { holds_logouts, ..content.clone() }, code_ends).await?;
            Ok(true)
        })
    });
    Ok(issued.await?.then(|| finish(op, ResponseTarget::of(interaction), vec![("code", code)])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(uri: &str, mode: ResponseMode) -> Delivery {
        let redirect_uri = RedirectUri::parse(uri).unwrap();
        let (app_name, client) = ("App".to_owned(), ClientId::new("app"));
        let target = ResponseTarget { redirect_uri, mode, state: None, forwards: false, app_name, client };
        let parameters = vec![("code", Secret::new("c/d")), ("state", Secret::new("a b&c"))];
        AuthorizationResponse { target, parameters, refusal: None }.delivery()
    }

    #[test]
    fn the_query_of_the_redirect_uri_is_kept_and_its_fragment_cannot_be_inherited() {
        let Delivery::Redirect(url) = delivery("https://app.example/cb?foo=b%61r", ResponseMode::Query) else { panic!() };
        assert_eq!(url, "https://app.example/cb?foo=b%61r&code=c%2Fd&state=a+b%26c#");
    }

    #[test]
    fn a_custom_scheme_keeps_its_spelling() {
        let Delivery::Redirect(url) = delivery("SampleApp://callback", ResponseMode::Query) else { panic!() };
        assert_eq!(url, "SampleApp://callback?code=c%2Fd&state=a+b%26c");
    }

    #[test]
    fn fragment_and_form_post_leave_the_query_alone() {
        let Delivery::Redirect(url) = delivery("https://app.example/cb", ResponseMode::Fragment) else { panic!() };
        assert_eq!(url, "https://app.example/cb#code=c%2Fd&state=a+b%26c");
        let Delivery::FormPost { action, fields } = delivery("https://app.example/cb", ResponseMode::FormPost) else {
            panic!()
        };
        assert_eq!(action, "https://app.example/cb");
        assert_eq!(fields.first(), Some(&("code".to_owned(), "c/d".to_owned())));
    }
}
