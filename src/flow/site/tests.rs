//! What a site asks for, and what a handle is. The whole way is in `tests/clients/site.test.mjs`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;
use crate::domain::id::ClientId;
use crate::domain::settings::ThumbSignInSettings;
use crate::flow::authorization::response::Delivery;
use crate::flow::login::progress::apply;
use crate::flow::token::tests::Bench;
use crate::outbound::tests::scripted::{Reply, Scripted};
use crate::protocol::redirect_uri::RedirectUri;
use crate::protocol::uri::WebOrigin;
use crate::store::devices;
use crate::upstream::Progress;
use crate::upstream::thumbsignin::ThumbSignIn;

fn visitor(browser: Browser) -> Visitor {
    let site = EmbeddingSite {
        origin: WebOrigin::parse("https://shop.example").unwrap(),
        client_id: ClientId::new("shop"),
        redirect_uri: RedirectUri::parse("https://shop.example/signed-in").unwrap(),
        register: true,
        sms_url: None,
    };
    Visitor { site, browser, origin: RequestSource::default() }
}

fn nobody() -> Browser {
    Browser { key: BrowserKey(SecretDigest::of(b"browser")), session: None }
}

#[test]
fn a_site_says_what_it_wants_to_know_and_never_who_it_is() {
    let site = visitor(nobody()).site;
    let asked = |query: &str| parameters(&site, &Parameters::parse(query.as_bytes()));
    let usual = asked("");
    for (name, value) in [
        ("client_id", "shop"),
        ("redirect_uri", "https://shop.example/signed-in"),
        ("response_type", "code"),
        ("scope", "openid"),
    ] {
        assert_eq!(usual.get(name), Some(value));
    }
    let more = asked("scope=openid+email&state=s&nonce=n&client_id=other&redirect_uri=x&prompt=none&response_mode=form_post");
    assert_eq!((more.get("scope"), more.get("state"), more.get("nonce")), (Some("openid email"), Some("s"), Some("n")));
    assert_eq!((more.get("client_id"), more.get("prompt"), more.get("response_mode")), (Some("shop"), None, None));
    assert_eq!(more.get("redirect_uri"), Some("https://shop.example/signed-in"));
}

#[tokio::test]
async fn a_phone_is_registered_by_somebody_who_signed_in_within_five_minutes() {
    let bench = Bench::new().await;
    let alice = bench.user("alice").await;
    let session = bench.session(&alice).await;
    let signed_in = visitor(Browser { session: Some((session, alice)), ..nobody() });
    let attempt = async |visitor: &Visitor| register(&bench.op, visitor, &Parameters::default()).await;
    assert!(matches!(attempt(&visitor(nobody())).await, Err(SiteError::Unauthorized)));
    let distrusted =
        Visitor { site: EmbeddingSite { register: false, ..signed_in.site.clone() }, ..visitor(signed_in.browser.clone()) };
    assert!(matches!(attempt(&distrusted).await, Err(SiteError::Unauthorized)));
    bench.advance(300);
    assert!(matches!(attempt(&signed_in).await, Err(SiteError::Misconfigured(_))), "there is no such client");
    bench.advance(1);
    assert!(matches!(attempt(&signed_in).await, Err(SiteError::Unauthorized)));
}

/// A picture of one grey, in base64.
fn picture() -> String {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 250, 250);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(&[7; 250 * 250]).unwrap();
    STANDARD.encode(bytes)
}

#[tokio::test]
async fn the_first_phone_goes_by_a_name_that_says_nothing_and_is_stored_by_its_approval() {
    let mut bench = Bench::new().await;
    let service = Scripted::start(|_register| {
        let answer = serde_json::json!({
            "transactionId": "7e8e", "status": "PENDING", "failureReason": "", "qrImage": picture(),
            "deepLinkUrl": "https://thumbsignin.app.link/abc", "expireInSeconds": 89,
        });
        Reply::ok(answer.to_string())
    })
    .await;
    let settings = ThumbSignInSettings {
        url: service.url(),
        app_id: "app".to_owned(),
        secret: Secret::new("secret"),
        ca_file: None,
        allow_unnamed: true,
    };
    let client = ThumbSignIn::new(settings, bench.op.env.clone()).unwrap();
    bench.op.upstreams.insert(Upstream::ThumbSignIn, Arc::new(client));
    let alice = bench.user("alice").await;
    let redirect_uri = RedirectUri::parse("https://shop.example/signed-in").unwrap();
    bench.client_with("shop", |metadata| metadata.redirect_uris = vec![redirect_uri]).await;
    let op = &bench.op;
    let session = bench.session(&alice).await;
    let visitor = visitor(Browser { session: Some((session, alice.clone())), ..nobody() });
    let (handle, login) = register(op, &visitor, &Parameters::parse(b"state=s")).await.ok().unwrap();
    let Subject::Named(asked) = &login.subject else { panic!("{:?}", login.subject) };
    assert!(asked.upstream_user.len() == 32 && !asked.upstream_user.contains("alice"), "{}", asked.upstream_user);
    assert_eq!(service.received()[0].target, format!("/ts/secure/register?userId={}", asked.upstream_user));
    assert!(matches!(finish(op, login.clone(), None, RequestSource::default()).await.unwrap(), Finished::NotApproved));

    let upstream = end::open_handle(op, &login).unwrap().unwrap();
    let approved = Progress::Approved { upstream_user: asked.upstream_user.clone() };
    apply(op, &login, &upstream, approved).await.unwrap();
    let phones = devices::list_for_user(op.store.read(), &alice.id).await.unwrap();
    assert_eq!(phones.iter().map(|phone| phone.upstream_user.as_str()).collect::<Vec<_>>(), [asked.upstream_user.as_str()]);
    let approved = state(op, &visitor, &handle, false).await.ok().unwrap();
    assert_eq!(approved.stage.state(), "approved");
    assert!(matches!(finish(op, approved, None, RequestSource::default()).await.unwrap(), Finished::NotApproved), "no login");

    let (response, cookie) = go_on(op, &visitor, &handle).await.ok().unwrap();
    let Delivery::Redirect(location) = response.delivery() else { panic!("posted") };
    assert!(location.contains("?code=") && location.contains("&state=s") && cookie.is_none(), "{location}");
    assert!(matches!(go_on(op, &visitor, &handle).await, Err(SiteError::Unknown)), "once");
}

proptest! {
    #[test]
    fn a_handle_is_two_identifiers_and_nothing_else(junk in "\\PC{0,80}") {
        let ids = ["0190a5f0-0000-7000-8000-000000000001", "0190a5f0-0000-7000-8000-000000000002"];
        let text = ids.join("~");
        prop_assert_eq!(Handle::parse(&text).unwrap().to_string(), text.clone());
        prop_assert!(Handle::parse(&junk).is_none());
        let longer = text + &junk;
        prop_assert!(junk.is_empty() || Handle::parse(&longer).is_none());
    }
}
