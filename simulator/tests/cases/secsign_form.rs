//! The SecSign form API.

use serde_json::json;
use signbridge_simulator::{Options, SecondSession};

use crate::support::{World, create_body, pairs, raw_form_with};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_answered_in_the_vendors_order_and_without_percent_encoding() {
    let world = World::start().await;
    let body = "secsignid=%20Alice%20&servicename=Node.js%20test%20%C3%A9&serviceaddress=https%3A%2F%2Fidp.example&\
                request=ReqRequestAuthSession&apimethod=SecSignIDApi_Node.js";
    let answer = world.form_text(body).await;
    let keys: Vec<&str> = answer.split('&').map(|pair| pair.split_once('=').unwrap().0).collect();
    let expected =
        ["authsessionid", "servicename", "secsignid", "authsessionstate", "serviceaddress", "requestid", "authsessionicondata"];
    assert_eq!(keys, expected);
    let values = pairs(&answer);
    assert_eq!(values["secsignid"], "alice");
    assert_eq!(values["servicename"], "Node.js test é");
    assert_eq!(values["serviceaddress"], "https://idp.example");
    assert_eq!(values["authsessionstate"], "1");
    assert_eq!(values["requestid"].len(), 64);
    assert!(values["authsessionid"].parse::<i64>().is_ok());
    assert!(values["authsessionicondata"].starts_with("iVBORw0KGgo"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_state_can_be_reached_and_is_told() {
    let world = World::start().await;
    for (action, state) in [
        (json!({"action": "fetch"}), 7),
        (json!({"action": "approve"}), 3),
        (json!({"action": "wrong_symbol"}), 4),
        (json!({"action": "deny"}), 4),
        (json!({"action": "state", "state": 0}), 0),
        (json!({"action": "state", "state": 2}), 2),
        (json!({"action": "state", "state": 5}), 5),
        (json!({"action": "state", "state": 6}), 6),
        (json!({"action": "state", "state": 8}), 8),
    ] {
        world.post_api("reset", json!({})).await;
        let session = world.ask("alice").await;
        assert_eq!(world.state(&session).await["authsessionstate"], "1");
        let (status, answer) = world.act(&session, action.clone()).await;
        assert_eq!((status, answer["state"].as_i64()), (200, Some(state)), "{action}");
        let told = world.state(&session).await;
        assert_eq!(told["authsessionstate"], state.to_string());
        assert_eq!(told["secsignid"], "alice");
        assert_eq!(told["authsessionid"], session.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_ids_sessions_and_requests_have_their_errors() {
    let world = World::start().await;
    let unknown = world.form(create_body("nobody")).await;
    assert_eq!((unknown["error"].as_str(), unknown["errorcode"].as_str()), ("500", "20000"));
    assert_eq!(unknown["errormsg"], "A SecSign ID does not exist with that name.");
    let session = world.ask("alice").await;
    let forged = session.body("ReqGetAuthSessionState").replace(&session.request_id, &"0".repeat(64));
    assert_eq!(world.form(forged).await["error"], "400");
    let foreign = session.body("ReqGetAuthSessionState").replace("alice", "bob");
    assert_eq!(world.form(foreign).await["error"], "400");
    assert_eq!(world.form("request=ReqMakeCoffee&apimethod=x").await["errormsg"], "unknown request");
    assert_eq!(world.form("request=ReqGetAuthSessionState&apimethod=x&admin=1").await["error"], "500");
    assert_eq!(world.form(create_body("al%2Fice")).await["error"], "500");
    assert_eq!(world.state(&session).await["authsessionstate"], "1", "none of that changed the session");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_request_suspends_the_first_and_freezes_the_id_until_its_owner_acts() {
    let world = World::start().await;
    let first = world.ask("alice").await;
    assert_eq!(world.form(create_body("alice")).await["errorcode"], "20006");
    assert_eq!(world.state(&first).await["authsessionstate"], "5");
    assert_eq!(world.form(create_body("alice")).await["errorcode"], "20006");
    assert_eq!(world.get_api("secsign/alice").await["frozen"], true);
    world.ask("bob").await;
    let thawed = world.post_api("secsign/alice", json!({"action": "unfreeze"})).await;
    assert_eq!(thawed["frozen"], false);
    world.ask("alice").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_request_gets_a_session_where_that_was_chosen() {
    let world = World::with(Options { second_session: SecondSession::Create, ..Options::default() }).await;
    let first = world.ask("alice").await;
    let second = world.ask("alice").await;
    assert_eq!(world.state(&first).await["authsessionstate"], "5");
    assert_eq!(world.state(&second).await["authsessionstate"], "1");
    assert_eq!(world.form(create_body("alice")).await["errorcode"], "20006");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_session_is_gone_and_the_next_one_is_free() {
    let world = World::start().await;
    let session = world.ask("alice").await;
    let cancelled = world.form(session.body("ReqCancelAuthSession")).await;
    assert_eq!((cancelled["authsessionid"].as_str(), cancelled["authsessionstate"].as_str()), (session.id.as_str(), "6"));
    assert_eq!(world.state(&session).await["error"], "400");
    let shown = world.get_api("secsign/alice").await;
    assert_eq!(shown["sessions"][0]["state"], 6, "scripts still see it");
    world.ask("alice").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn release_is_refused_and_an_approval_stays_readable() {
    let world = World::start().await;
    let session = world.ask("alice").await;
    world.act(&session, json!({"action": "approve"})).await;
    assert!(world.form(session.body("ReqReleaseAuthSession")).await.contains_key("error"));
    assert_eq!(world.state(&session).await["authsessionstate"], "3");

    let world = World::with(Options { legacy_release: true, ..Options::default() }).await;
    let session = world.ask("alice").await;
    world.act(&session, json!({"action": "approve"})).await;
    assert_eq!(world.form(session.body("ReqReleaseAuthSession")).await["authsessionstate"], "3");
    assert_eq!(world.state(&session).await["error"], "400");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_expire_by_the_simulators_clock() {
    let world = World::start().await;
    let pending = world.ask("alice").await;
    let fetched = world.ask("bob").await;
    world.act(&fetched, json!({"action": "fetch"})).await;
    world.advance(119_000).await;
    assert_eq!(world.state(&pending).await["authsessionstate"], "1");
    world.advance(1_000).await;
    assert_eq!(world.state(&pending).await["authsessionstate"], "2");
    assert_eq!(world.state(&fetched).await["authsessionstate"], "2");
    let (status, _) = world.act(&pending, json!({"action": "approve"})).await;
    assert_eq!(status, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_access_pass_there_is_no_icon_and_no_symbol() {
    let world = World::start().await;
    let answer = world.form(create_body("alice") + "&showaccesspass=false").await;
    assert!(!answer.contains_key("authsessionicondata"));
    assert_eq!(world.get_api("secsign/alice").await["sessions"][0]["symbols"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_echo_is_raw_unless_it_is_stripped() {
    let body = create_body("alice").replace("servicename=Shop", "servicename=A%26authsessionstate%3D3");
    let world = World::start().await;
    assert!(world.form_text(body.clone()).await.contains("&servicename=A&authsessionstate=3&"));
    let world = World::with(Options { strip_echo: true, ..Options::default() }).await;
    assert!(world.form_text(body).await.contains("&servicename=Aauthsessionstate=3&"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_is_kept_open_between_calls() {
    let world = World::start().await;
    let request = [raw_form_with("", &create_body("alice")), raw_form_with("", &create_body("bob"))].concat();
    let (received, end) = world.raw(&request, Duration::from_millis(300));
    let text = String::from_utf8_lossy(&received);
    assert_eq!(text.matches("authsessionstate=1").count(), 2, "{text}");
    assert!(end.is_err(), "still open: the read timed out");
}
