//! Tokens that were not granted to outlive their browser session end with it, however it ends (OIDC Core §11).

use std::time::Duration;

use super::super::TokenResponse;
use super::beside::on_both_engines;
use super::{Bench, claims, client_request, credentials};
use crate::domain::authorization::CodeContent;
use crate::domain::browser::{BrowserSession, RequestSource};
use crate::domain::client::Client;
use crate::flow::{end_session, introspection};
use crate::protocol::client_metadata::AccessTokenFormat;
use crate::protocol::error::ErrorCode;
use crate::protocol::jws::TokenType;
use crate::protocol::scope::Scope;
use crate::store::cleanup::delete_expired;
use crate::store::sessions;

const ONLINE: &str = "openid profile";
const OFFLINE: &str = "openid profile offline_access";
const DAY: u64 = 86_400;

/// A client that refreshes without `offline_access`, and alice's session of a day.
async fn scene(bench: &Bench, format: AccessTokenFormat) -> (Client, BrowserSession) {
    let change = |metadata: &mut crate::protocol::client_metadata::ClientMetadata| {
        metadata.always_refresh = true;
        metadata.access_token_format = format;
    };
    let client = bench.client_with("web", change).await;
    let alice = bench.user("alice").await;
    let session = bench.session(&alice).await;
    (client, session)
}

async fn is_active(bench: &Bench, client: &Client, token: &str) -> Option<i64> {
    let (headers, parameters) = credentials(client, &[("token", token)]);
    let origin = RequestSource::default();
    let request = client_request(&headers, &parameters, &origin);
    introspection::answer(&bench.op, &request).await.unwrap().description.map(|description| description.exp)
}

/// How each end leaves what was granted with `offline_access`, and without.
async fn assert_only_offline_lives(bench: &Bench, client: &Client, online: &TokenResponse, offline: &TokenResponse) {
    let (dead, alive) = (online.refresh_token.as_deref().unwrap(), offline.refresh_token.as_deref().unwrap());
    assert_eq!(bench.refresh(client, dead).await.unwrap_err(), ErrorCode::InvalidGrant);
    assert!(!bench.opens_userinfo(&online.access_token).await);
    assert_eq!(is_active(bench, client, dead).await, None);
    assert_eq!(is_active(bench, client, &online.access_token).await, None);
    assert!(bench.refresh(client, alive).await.is_ok());
    assert!(is_active(bench, client, alive).await.is_some());
}

async fn nothing_outlives_a_session_that_runs_out(bench: Bench) {
    let (client, session) = scene(&bench, AccessTokenFormat::Opaque).await;
    let first = bench.tokens(&client, &session, ONLINE).await;
    let offline = bench.tokens(&client, &session, OFFLINE).await;
    assert_eq!(first.expires_in, 600);
    bench.advance(DAY - 100);
    let last = bench.refresh(&client, first.refresh_token.as_deref().unwrap()).await.unwrap();
    assert_eq!(last.expires_in, 100, "no more than the session has left");
    assert_eq!(bench.refresh(&client, offline.refresh_token.as_deref().unwrap()).await.unwrap().expires_in, 600);
    let ends = session.expires_at.as_seconds();
    for token in [&last.access_token, last.refresh_token.as_ref().unwrap()] {
        assert_eq!(is_active(&bench, &client, token).await, Some(ends), "and says so");
    }
    bench.advance(99);
    assert!(bench.opens_userinfo(&last.access_token).await);
    bench.advance(1);
    assert_only_offline_lives(&bench, &client, &last, &offline).await;
    // Two days later its row is gone.
    bench.advance(2 * DAY);
    delete_expired(&bench.op.store, bench.op.env.now(), bench.op.settings.audit_keep).await.unwrap();
    assert!(sessions::find(bench.op.store.read(), &session.id).await.unwrap().is_none());
    let offline = bench.refresh(&client, offline.refresh_token.as_deref().unwrap()).await.unwrap();
    assert_only_offline_lives(&bench, &client, &last, &offline).await;
    assert!(bench.opens_userinfo(&offline.access_token).await);
}

async fn nothing_outlives_a_session_that_is_ended(bench: Bench) {
    let (client, session) = scene(&bench, AccessTokenFormat::Opaque).await;
    let (online, offline) = (bench.tokens(&client, &session, ONLINE).await, bench.tokens(&client, &session, OFFLINE).await);
    assert!(bench.opens_userinfo(&online.access_token).await);
    end_session::perform(&bench.op, &session.id, &RequestSource::default()).await.unwrap();
    assert_only_offline_lives(&bench, &client, &online, &offline).await;
}

/// An access token that was issued before the session was renewed by its person's next login, and its family.
async fn a_session_that_is_renewed_keeps_what_it_led_to(bench: Bench) {
    let (client, session) = scene(&bench, AccessTokenFormat::Opaque).await;
    let tokens = bench.tokens(&client, &session, ONLINE).await;
    bench.advance(DAY / 2);
    let now = bench.op.env.now();
    let renewed = BrowserSession { expires_at: now.plus(Duration::from_secs(DAY)), last_seen_at: now, ..session };
    let input = (renewed, crate::domain::secret::SecretDigest::of(b"next cookie"), now);
    let written =
        bench.op.store.write(input, |tx, (renewed, cookie, now)| Box::pin(sessions::renew(tx, renewed, cookie, *now)));
    assert!(written.await.unwrap());
    bench.advance(DAY / 2 + 60);
    let after = bench.refresh(&client, tokens.refresh_token.as_deref().unwrap()).await.unwrap();
    assert_eq!(after.expires_in, 600);
    assert!(bench.opens_userinfo(&after.access_token).await);
}

async fn a_code_is_worth_nothing_once_its_session_ran_out(bench: Bench) {
    let (client, session) = scene(&bench, AccessTokenFormat::Opaque).await;
    bench.advance(DAY - 5);
    let code = async |scope: &str| {
        let content = CodeContent { scope: Scope::parse(scope).unwrap(), ..bench.content(&client, &session) };
        bench.code(&content).await
    };
    let (soon, late, offline) = (code(ONLINE).await, code(ONLINE).await, code(OFFLINE).await);
    assert_eq!(bench.redeem(&client, &soon).await.unwrap().expires_in, 5);
    bench.advance(5);
    for code in [&late, &offline] {
        assert_eq!(bench.redeem(&client, code).await.unwrap_err(), ErrorCode::InvalidGrant);
    }
}

/// Nothing can end a JWT sooner than it says.
async fn a_jwt_says_no_more_than_its_session_has_left(bench: Bench) {
    let (client, session) = scene(&bench, AccessTokenFormat::Jwt).await;
    bench.advance(DAY - 7);
    let online = bench.tokens(&client, &session, ONLINE).await;
    let exp = |token: &str| claims(&bench, TokenType::Access, token)["exp"].as_i64().unwrap();
    assert_eq!((online.expires_in, exp(&online.access_token)), (7, session.expires_at.as_seconds()));
    let offline = bench.tokens(&client, &session, OFFLINE).await;
    assert_eq!((offline.expires_in, exp(&offline.access_token)), (300, session.expires_at.as_seconds() + 293));
}

/// The idle clock of a session is its browser's: an app that refreshes does not turn it, and it ends no tokens.
async fn idleness_is_the_browsers(bench: Bench) {
    let (client, session) = scene(&bench, AccessTokenFormat::Opaque).await;
    let tokens = bench.tokens(&client, &session, ONLINE).await;
    bench.advance(3 * bench.op.settings.lifetimes.session_idle.as_secs());
    assert!(bench.refresh(&client, tokens.refresh_token.as_deref().unwrap()).await.is_ok());
    let seen = sessions::find(bench.op.store.read(), &session.id).await.unwrap().unwrap();
    assert_eq!(seen.last_seen_at, session.last_seen_at);
}

/// Whatever the machine's clock does, what was used up stays so (R24).
async fn a_clock_that_is_set_gives_nothing_back(bench: Bench) {
    let web = bench.client("web").await;
    let native = bench.public_client("native").await;
    let alice = bench.user("alice").await;
    let hour = Duration::from_secs(3600);
    for (forward, back) in [(hour, Duration::ZERO), (Duration::ZERO, hour), (24 * hour, Duration::ZERO), (24 * hour, 24 * hour)]
    {
        let session = bench.session(&alice).await;
        let content = CodeContent { scope: Scope::parse(OFFLINE).unwrap(), ..bench.content(&web, &session) };
        let code = bench.code(&content).await;
        assert!(bench.redeem(&web, &code).await.is_ok());
        let first = bench.tokens(&native, &session, OFFLINE).await.refresh_token.unwrap();
        let second = bench.refresh(&native, &first).await.unwrap().refresh_token.unwrap();
        let ended = bench.session(&alice).await;
        let online = bench.tokens(&web, &ended, ONLINE).await;
        end_session::perform(&bench.op, &ended.id, &RequestSource::default()).await.unwrap();
        bench.clock.advance(forward);
        bench.clock.rewind(back);
        assert_eq!(bench.redeem(&web, &code).await.unwrap_err(), ErrorCode::InvalidGrant);
        assert!(!bench.opens_userinfo(&online.access_token).await);
        assert!(sessions::find(bench.op.store.read(), &ended.id).await.unwrap().unwrap().ended_at.is_some());
        if forward != back {
            // A replaced token that comes back is a theft, also where the clock says that it was replaced in an hour.
            for token in [&first, &second] {
                assert_eq!(bench.refresh(&native, token).await.unwrap_err(), ErrorCode::InvalidGrant, "{forward:?} {back:?}");
            }
        }
    }
}

on_both_engines! {
    a_clock_that_is_set_gives_nothing_back
    nothing_outlives_a_session_that_runs_out
    nothing_outlives_a_session_that_is_ended
    a_session_that_is_renewed_keeps_what_it_led_to
    a_code_is_worth_nothing_once_its_session_ran_out
    a_jwt_says_no_more_than_its_session_has_left
    idleness_is_the_browsers
}
