//! The table of RP-initiated logout: every hint, every session, every redirect URI; and what ending a session ends.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Answer, Decision, LogoutRequest, decide, perform, told, with_state};
use crate::domain::browser::{BrowserKey, BrowserSession, RequestSource};
use crate::domain::client::Client;
use crate::domain::id::SessionId;
use crate::domain::secret::SecretDigest;
use crate::flow::token::tests::{Bench, ISSUER};
use crate::protocol::client_metadata::{ApplicationType, AuthMethod};
use crate::protocol::jws::{TokenType, UnverifiedJws};
use crate::protocol::parameters::Parameters;
use crate::protocol::redirect_uri::RedirectUri;
use crate::protocol::uri::LogoutUri;

const OUT: &str = "https://app.example/out";

/// Alice, signed in at `web`, with an ID token of hers.
struct Scene {
    bench: Bench,
    client: Client,
    session: BrowserSession,
    hint: String,
}

async fn scene() -> Scene {
    let bench = Bench::new().await;
    let client =
        bench.client_with("web", |metadata| metadata.post_logout_redirect_uris = vec![RedirectUri::parse(OUT).unwrap()]).await;
    let alice = bench.user("alice").await;
    let session = bench.session(&alice).await;
    let hint = bench.tokens(&client, &session, "openid").await.id_token.unwrap();
    Scene { bench, client, session, hint }
}

impl Scene {
    async fn decide(&self, form: &[(&str, &str)], current: Option<&BrowserSession>, answer: Answer) -> Decision {
        let pairs = form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let request = LogoutRequest::read(&self.bench.op, &Parameters::collect(pairs)).unwrap();
        decide(&self.bench.op, &request, current, answer).await.unwrap()
    }

    async fn asked(&self, form: &[(&str, &str)]) -> Decision {
        self.decide(form, Some(&self.session), Answer::NotAsked).await
    }

    async fn strange(&self, form: &[(&str, &str)]) -> Decision {
        self.decide(form, None, Answer::NotAsked).await
    }

    fn end(&self, redirect: Option<&str>) -> Decision {
        Decision::EndNow { sid: self.session.id.clone(), redirect: redirect.map(str::to_owned) }
    }
}

fn signed_out(redirect: Option<&str>) -> Decision {
    Decision::SignedOut { redirect: redirect.map(str::to_owned) }
}

fn asks(decision: &Decision) -> bool {
    matches!(decision, Decision::Ask { .. })
}

fn refuses(decision: &Decision) -> bool {
    matches!(decision, Decision::Refused { .. })
}

#[tokio::test]
async fn a_good_hint_of_the_same_person_ends_the_session_at_once() {
    let scene = scene().await;
    let hint = ("id_token_hint", scene.hint.as_str());
    let out = ("post_logout_redirect_uri", OUT);
    let state = ("state", "a b&c");
    assert_eq!(scene.asked(&[hint, out, state]).await, scene.end(Some("https://app.example/out?state=a+b%26c")));
    assert_eq!(scene.asked(&[hint, out]).await, scene.end(Some(OUT)));
    assert_eq!(scene.asked(&[hint, state]).await, scene.end(None));
    assert_eq!(scene.asked(&[hint, out, ("client_id", "web")]).await, scene.end(Some(OUT)));
    scene.bench.advance(100 * 86_400);
    assert_eq!(scene.asked(&[hint, out]).await, scene.end(Some(OUT)), "an expired hint counts");
}

#[tokio::test]
async fn a_good_hint_without_a_cookie_ends_the_session_that_it_names() {
    let scene = scene().await;
    let hint = ("id_token_hint", scene.hint.as_str());
    assert_eq!(scene.strange(&[hint]).await, scene.end(None));
    assert_eq!(scene.strange(&[hint, ("post_logout_redirect_uri", OUT)]).await, scene.end(Some(OUT)));
}

#[tokio::test]
async fn a_redirect_uri_that_is_not_registered_is_never_followed() {
    let scene = scene().await;
    let hint = ("id_token_hint", scene.hint.as_str());
    for uri in
        ["https://app.example/out?foo=bar", "https://app.example/out/", "https://evil.example/", "https://APP.example/out"]
    {
        let out = ("post_logout_redirect_uri", uri);
        let Decision::Ask { target, .. } = scene.asked(&[hint, out]).await else { panic!("{uri}") };
        assert_eq!(target, None, "{uri}");
        assert!(refuses(&scene.strange(&[hint, out]).await), "{uri}");
        assert_eq!(scene.decide(&[hint, out], Some(&scene.session), Answer::Yes).await, scene.end(None), "{uri}");
    }
}

/// What a client of this kind, with loopback addresses registered, gets for the address that it asks for.
async fn on_loopback(application_type: ApplicationType, auth_method: AuthMethod, asked: &str) -> Option<String> {
    let scene = scene().await;
    let uris = ["http://127.0.0.1/bye", "http://[::1]/bye", "https://app.example/bye"];
    scene
        .bench
        .client_with("tool", |metadata| {
            metadata.application_type = application_type;
            metadata.token_endpoint_auth_method = auth_method;
            metadata.post_logout_redirect_uris = uris.map(|uri| RedirectUri::parse(uri).unwrap()).to_vec();
        })
        .await;
    let form = [("client_id", "tool"), ("post_logout_redirect_uri", asked), ("state", "s")];
    match scene.decide(&form, Some(&scene.session), Answer::Yes).await {
        Decision::EndNow { redirect, .. } => redirect,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_port_of_a_native_client_may_vary_on_the_way_out_and_that_of_nobody_else() {
    use ApplicationType::{Native, Web};
    use AuthMethod::{ClientSecretBasic as Confidential, None as Public};
    for asked in ["http://127.0.0.1:5123/bye", "http://[::1]:5123/bye", "http://127.0.0.1/bye"] {
        let exactly = !asked.contains("5123");
        let expected = Some(format!("{asked}?state=s"));
        for (kind, method, allowed) in
            [(Native, Public, true), (Native, Confidential, true), (Web, Public, exactly), (Web, Confidential, exactly)]
        {
            let found = on_loopback(kind, method, asked).await;
            assert_eq!(found, expected.clone().filter(|_| allowed), "{kind:?} {method:?} {asked}");
        }
    }
    for other in [
        "http://localhost:5123/bye",
        "http://127.0.0.1:5123/bye/",
        "http://127.0.0.1:5123/bye?x",
        "http://127.0.0.2:5123/bye",
        "http://127.0.0.1:99999/bye",
        "http://127.0.0.1:1@evil.example/bye",
        "https://127.0.0.1:5123/bye",
        "https://app.example:5123/bye",
    ] {
        assert_eq!(on_loopback(Native, Public, other).await, None, "{other}");
    }
}

#[tokio::test]
async fn a_bad_hint_asks_and_redirects_nowhere() {
    let scene = scene().await;
    let parsed = UnverifiedJws::parse(&scene.hint).unwrap().claims().unwrap();
    let foreign = scene.bench.foreign_ring().await;
    let alg = scene.client.metadata.id_token_signed_response_alg;
    let other_key = foreign.sign(alg, TokenType::Id, &parsed).unwrap().expose().to_owned();
    let access_token = scene.bench.op.keys.sign(alg, TokenType::Access, &parsed).unwrap().expose().to_owned();
    let mut elsewhere = parsed.clone();
    elsewhere.insert("iss".to_owned(), format!("{ISSUER}/").into());
    let other_issuer = scene.bench.op.keys.sign(alg, TokenType::Id, &elsewhere).unwrap().expose().to_owned();
    let body = scene.hint.split('.').nth(1).unwrap();
    let unsigned = format!("{}.{body}.", URL_SAFE_NO_PAD.encode(br#"{"alg":"none"}"#));
    for hint in [&other_key, &access_token, &other_issuer, &unsigned, &scene.hint[1..], "x"] {
        let form = [("id_token_hint", hint), ("post_logout_redirect_uri", OUT), ("client_id", "web")];
        assert!(asks(&scene.asked(&form).await), "{hint}");
        assert!(refuses(&scene.strange(&form).await), "{hint}");
        assert_eq!(scene.decide(&form, Some(&scene.session), Answer::Yes).await, scene.end(None), "{hint}");
    }
    let mismatch = [("id_token_hint", scene.hint.as_str()), ("client_id", "other")];
    assert!(asks(&scene.asked(&mismatch).await));
}

#[tokio::test]
async fn the_hint_of_another_person_asks() {
    let scene = scene().await;
    let mallory = scene.bench.user("mallory").await;
    let theirs = scene.bench.session(&mallory).await;
    let form = [("id_token_hint", scene.hint.as_str()), ("post_logout_redirect_uri", OUT), ("state", "s")];
    let decision = scene.decide(&form, Some(&theirs), Answer::NotAsked).await;
    let Decision::Ask { target: Some(target), client_name } = decision else { panic!("{decision:?}") };
    let uri = with_state(target.redirect_uri.as_str(), target.state.as_deref());
    assert_eq!((uri, target.forwards, client_name), (format!("{OUT}?state=s"), false, Some("web".to_owned())));
    let yes = scene.decide(&form, Some(&theirs), Answer::Yes).await;
    let redirect = Some(format!("{OUT}?state=s"));
    assert_eq!(yes, Decision::EndNow { sid: theirs.id, redirect });
}

#[tokio::test]
async fn without_a_hint_the_person_is_asked_and_only_a_named_client_gets_the_browser_back() {
    let scene = scene().await;
    let (out, state, client) = (("post_logout_redirect_uri", OUT), ("state", "s"), ("client_id", "web"));
    let target = format!("{OUT}?state=s");
    for form in [&[][..], &[state], &[out, state], &[out, state, client], &[out, ("client_id", "nobody")]] {
        assert!(asks(&scene.asked(form).await), "{form:?}");
    }
    for (form, redirect) in [(&[][..], None), (&[out, state], None), (&[out, state, client], Some(target.as_str()))] {
        assert_eq!(scene.decide(form, Some(&scene.session), Answer::Yes).await, scene.end(redirect), "{form:?}");
    }
    assert_eq!(scene.strange(&[]).await, signed_out(None));
    assert_eq!(scene.strange(&[state]).await, signed_out(None));
    assert_eq!(scene.strange(&[out, state, client]).await, signed_out(Some(&target)));
    assert!(refuses(&scene.strange(&[out, state]).await));
    assert!(refuses(&scene.strange(&[out, ("client_id", "nob\u{0}dy")]).await));
    assert_eq!(scene.decide(&[out, state], None, Answer::Yes).await, signed_out(None));
}

#[tokio::test]
async fn a_disabled_client_can_sign_people_out_but_gets_no_browser() {
    let scene = scene().await;
    scene.bench.update_client(Client { disabled: true, ..scene.client.clone() }).await;
    let hint = ("id_token_hint", scene.hint.as_str());
    assert_eq!(scene.asked(&[hint]).await, scene.end(None));
    assert!(asks(&scene.asked(&[hint, ("post_logout_redirect_uri", OUT)]).await));
}

#[tokio::test]
async fn ending_a_session_ends_it_once_with_what_does_not_outlive_it() {
    let scene = scene().await;
    let (bench, client) = (&scene.bench, &scene.client);
    let online = bench.tokens(client, &scene.session, "openid").await;
    let offline = bench.tokens(client, &scene.session, "openid offline_access").await;
    assert!(bench.opens_userinfo(&online.access_token).await);
    let origin = RequestSource { address: "192.0.2.1".to_owned(), user_agent: "test".to_owned() };
    assert!(perform(&bench.op, &scene.session.id, &origin).await.unwrap());
    assert!(!perform(&bench.op, &scene.session.id, &origin).await.unwrap());
    assert!(!perform(&bench.op, &SessionId::new("unknown"), &origin).await.unwrap());
    assert!(!bench.opens_userinfo(&online.access_token).await);
    assert!(bench.refresh(client, &offline.refresh_token.unwrap()).await.is_ok());
    assert_eq!(bench.audited().await.iter().filter(|kind| *kind == "logout").count(), 1);
}

#[tokio::test]
async fn the_apps_that_are_told_are_named_to_the_browser_of_the_session_alone() {
    let scene = scene().await;
    let (bench, session) = (&scene.bench, &scene.session);
    let uri = LogoutUri::parse("https://app.example/bye").unwrap();
    for name in ["wiki", "mail"] {
        let listener = bench.client_with(name, |metadata| metadata.backchannel_logout_uri = Some(uri.clone())).await;
        bench.tokens(&listener, session, "openid").await;
    }
    bench.client_with("unused", |metadata| metadata.backchannel_logout_uri = Some(uri.clone())).await;
    let named = async |browser: &BrowserKey| told(&bench.op, &session.id, browser).await.unwrap();
    assert!(named(&session.browser).await.is_empty(), "it goes on");
    assert!(perform(&bench.op, &session.id, &RequestSource::default()).await.unwrap());
    assert_eq!(named(&session.browser).await, ["mail", "wiki"]);
    assert!(named(&BrowserKey(SecretDigest::of(b"another"))).await.is_empty());
    assert!(told(&bench.op, &SessionId::new("unknown"), &session.browser).await.unwrap().is_empty());
}

#[test]
fn state_is_appended_to_what_was_registered() {
    assert_eq!(with_state("https://a.example", Some("s")), "https://a.example?state=s");
    assert_eq!(with_state("https://a.example/out?x=1", Some("s")), "https://a.example/out?x=1&state=s");
    assert_eq!(with_state("https://a.example/out?", Some("s")), "https://a.example/out?state=s");
    assert_eq!(with_state("https://a.example/out", None), "https://a.example/out");
}
