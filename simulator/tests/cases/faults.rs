//! Each fault, seen by a raw client.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::support::{Session, World, create_body, pairs, raw_form};

const WAIT: Duration = Duration::from_millis(1500);

async fn armed(order: serde_json::Value) -> (World, Session) {
    let world = World::start().await;
    let session = world.ask("alice").await;
    world.arm(order).await;
    (world, session)
}

async fn raw_state(world: &World, session: &Session) -> (String, std::io::Result<usize>) {
    let (received, end) = world.raw(&raw_form(&session.body("ReqGetAuthSessionState")), WAIT);
    (String::from_utf8_lossy(&received).into_owned(), end)
}

fn body(response: &str) -> &str {
    response.split_once("\r\n\r\n").unwrap().1
}

async fn last_status(world: &World) -> serde_json::Value {
    world.get_api("requests").await.as_array().unwrap().last().unwrap()["status"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_fault_the_state_is_told() {
    let (world, session) = armed(json!({"operation": "create", "fault": "empty"})).await;
    let (response, end) = raw_state(&world, &session).await;
    assert_eq!(body(&response), format!("authsessionid={}&secsignid=alice&authsessionstate=1", session.id));
    assert!(matches!(end, Ok(0)), "closed, as the request asked");
    assert_eq!(last_status(&world).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn refuse_and_both_drops_close_without_a_byte() {
    for fault in ["refuse", "drop_before", "drop_after"] {
        let (world, session) = armed(json!({"provider": "secsign", "operation": "state", "fault": fault, "count": 1})).await;
        let (response, end) = raw_state(&world, &session).await;
        assert_eq!((response.as_str(), end.unwrap()), ("", 0), "{fault}");
        assert_eq!(last_status(&world).await, json!(null), "{fault}");
        assert_eq!(world.state(&session).await["authsessionstate"], "1", "{fault} strikes once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reset_sends_rst() {
    let (world, session) = armed(json!({"operation": "state", "fault": "reset", "count": 1})).await;
    let (response, end) = raw_state(&world, &session).await;
    assert_eq!(response, "");
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(world.state(&session).await["authsessionstate"], "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_drop_after_does_the_work() {
    for (fault, sessions) in [("refuse", 0), ("reset", 0), ("drop_before", 0), ("drop_after", 1)] {
        let world = World::start().await;
        world.arm(json!({"operation": "create", "fault": fault})).await;
        let (received, _) = world.raw(&raw_form(&create_body("alice")), WAIT);
        assert!(received.is_empty(), "{fault}");
        let shown = world.get_api("secsign/alice").await;
        assert_eq!(shown["sessions"].as_array().unwrap().len(), sessions, "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delay_delays_and_counts() {
    let (world, session) = armed(json!({"operation": "state", "fault": "delay", "delay_ms": 300, "count": 1})).await;
    let before = Instant::now();
    assert_eq!(world.state(&session).await["authsessionstate"], "1");
    assert!(before.elapsed() >= Duration::from_millis(300));
    let before = Instant::now();
    world.state(&session).await;
    assert!(before.elapsed() < Duration::from_millis(300));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_body_comes_a_byte_a_second() {
    let (world, session) = armed(json!({"operation": "state", "fault": "slow_body"})).await;
    let (received, _) = world.raw(&raw_form(&session.body("ReqGetAuthSessionState")), Duration::from_millis(800));
    let head = String::from_utf8_lossy(&received).into_owned();
    assert!(head.to_lowercase().contains("content-length: "), "{head}");
    assert_eq!(body(&head), "", "nothing in the first second");
    let (received, _) = world.raw(&raw_form(&session.body("ReqGetAuthSessionState")), WAIT);
    assert!(body(&String::from_utf8_lossy(&received)).starts_with('a'));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_body_does_not_end() {
    let (world, session) = armed(json!({"operation": "state", "fault": "huge_body"})).await;
    let (response, _) = raw_state(&world, &session).await;
    assert!(response.len() > 4_000_000);
    assert!(response.to_lowercase().contains("transfer-encoding: chunked"));
    assert!(response.contains("authsessionstate=1&filler="));
    assert!(response.ends_with("AAAA"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_leads_to_a_place_that_notes_the_visit() {
    let (world, _session) = armed(json!({"operation": "state", "fault": "redirect"})).await;
    let response = world.client.post(world.url("/")).body("request=ReqGetAuthSessionState").send().await.unwrap();
    assert_eq!(response.status(), 302);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    assert!(location.starts_with(&world.simulator.upstream_url));
    assert_eq!(last_status(&world).await, 302);
    world.client.get(location).send().await.unwrap();
    assert_eq!(world.get_api("requests").await.as_array().unwrap().last().unwrap()["operation"], "redirected");

    world.post_api("reset", json!({})).await;
    world.arm(json!({"fault": "redirect", "value": "http://127.0.0.1:1/x"})).await;
    let response = world.get("/rest/v2/AuthSession/1").send().await.unwrap();
    assert_eq!(response.headers()["location"], "http://127.0.0.1:1/x");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_is_answered_and_the_work_is_not_done() {
    let world = World::start().await;
    world.arm(json!({"operation": "create", "fault": "status", "status": 429, "value": "30", "count": 1})).await;
    let response = world.client.post(world.url("/")).body(create_body("alice")).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (429, "30"));
    assert_eq!(last_status(&world).await, 429);
    world.ask("alice").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_spoiled() {
    let id = |session: &Session| session.id.clone();
    for (fault, expected) in [
        ("empty", Box::new(|_: &Session| String::new()) as Box<dyn Fn(&Session) -> String>),
        (
            "duplicate_key",
            Box::new(move |s| format!("authsessionid={}&secsignid=alice&authsessionstate=1&authsessionstate=3", id(s))),
        ),
        ("wrong_user", Box::new(|s| format!("authsessionid={}&secsignid=somebody-else&authsessionstate=1", s.id))),
        ("unknown_state", Box::new(|s| format!("authsessionid={}&secsignid=alice&authsessionstate=9", s.id))),
    ] {
        let (world, session) = armed(json!({"operation": "state", "fault": fault, "user": "alice"})).await;
        let (response, _) = raw_state(&world, &session).await;
        assert!(response.starts_with("HTTP/1.1 200 OK"), "{response}");
        assert_eq!(body(&response), expected(&session), "{fault}");
    }
    let (world, session) = armed(json!({"operation": "state", "fault": "html"})).await;
    assert!(raw_state(&world, &session).await.0.contains("<!DOCTYPE html>"));
    let (world, session) = armed(json!({"operation": "state", "fault": "wrong_session"})).await;
    assert_ne!(world.state(&session).await["authsessionid"], session.id);
    let (world, session) = armed(json!({"operation": "state", "fault": "percent_encoded"})).await;
    assert_eq!(world.state(&session).await["authsessionstate"], "%31");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_body_is_half_of_it_with_or_without_a_promise_of_more() {
    let (world, session) = armed(json!({"operation": "state", "fault": "truncated", "count": 1})).await;
    let (response, _) = raw_state(&world, &session).await;
    let half = body(&response).to_owned();
    assert!(!half.contains("authsessionstate"), "{half}");
    assert!(response.to_lowercase().contains(&format!("content-length: {}\r\n", half.len())));

    world.arm(json!({"operation": "state", "fault": "truncated", "value": "wire"})).await;
    let (response, end) = raw_state(&world, &session).await;
    assert_eq!(body(&response), half);
    assert!(!response.to_lowercase().contains(&format!("content-length: {}\r\n", half.len())));
    assert!(matches!(end, Ok(0)), "{end:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_icon_and_the_qr_code_are_no_png() {
    let world = World::start().await;
    world.arm(json!({"fault": "non_png_icon"})).await;
    assert!(world.ask("alice").await.icon.starts_with("R0lGOD"));
    let (_, begun) = world.thumbsignin("/ts/secure/authenticate?userId=alice").await;
    assert!(begun["qrImage"].as_str().unwrap().starts_with("R0lGOD"));
}

#[tokio::test(flavor = "multi_thread")]
async fn approval_inside_the_create_is_real() {
    let world = World::start().await;
    world.arm(json!({"fault": "approved_at_once", "operation": "create"})).await;
    world.arm(json!({"fault": "approved_at_once", "operation": "authenticate"})).await;
    let answer = pairs(&world.form_text(create_body("alice")).await);
    assert_eq!(answer["authsessionstate"], "3");
    assert_eq!(world.get_api("secsign/alice").await["sessions"][0]["state"], 3);
    let (_, begun) = world.thumbsignin("/ts/secure/authenticate?userId=alice").await;
    assert_eq!(begun["status"], "COMPLETED_SUCCESSFUL");
    let id = begun["transactionId"].as_str().unwrap();
    assert_eq!(world.thumbsignin(&format!("/ts/secure/getUser/{id}")).await.1["userId"], "alice");
}

#[tokio::test(flavor = "multi_thread")]
async fn thumbsignin_answers_are_spoiled_in_their_own_way() {
    let world = World::start().await;
    let id = world.begin("/ts/secure/authenticate?userId=alice").await;
    let status = format!("/ts/secure/txn-status/{id}");
    for (fault, expected) in [
        ("duplicate_key", r#""status":"PENDING","failureReason":""#),
        ("unknown_state", r#""status":"SOMETHING""#),
        ("percent_encoded", r#""status":"%50%45%4E%44%49%4E%47""#),
    ] {
        world.arm(json!({"provider": "thumbsignin", "operation": "status", "user": "alice", "fault": fault, "count": 1})).await;
        let text = world.signed(reqwest::Method::GET, &status).send().await.unwrap().text().await.unwrap();
        assert!(text.contains(expected), "{fault}: {text}");
        assert_eq!(text.matches("\"status\"").count(), 1 + usize::from(fault == "duplicate_key"), "{text}");
    }
    world.arm(json!({"operation": "status", "fault": "wrong_session", "count": 1})).await;
    assert_ne!(world.thumbsignin(&status).await.1["transactionId"], id.as_str());
    world.act_on(&id, json!({"action": "approve"})).await;
    world.arm(json!({"operation": "get_user", "fault": "wrong_user", "value": "bob", "count": 1})).await;
    let user = format!("/ts/secure/getUser/{id}");
    assert_eq!(world.thumbsignin(&user).await.1["userId"], "bob");
    assert_eq!(world.thumbsignin(&user).await.1["userId"], "alice");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_of_registration_and_enrolment_can_be_struck() {
    let world = World::start().await;
    let device = world.get_api("thumbsignin/devices?userId=bob").await[0]["deviceId"].as_str().unwrap().to_owned();
    for (operation, path) in [
        ("exist", "/rest/v2/SecSignId/alice?exist"),
        ("create_qr_code", "/rest/v2/SecSignId/alice?createqrcode"),
        ("restoration", "/rest/v1/SecSignId/alice?restoration"),
        ("device_count", "/rest/v1/Device/alice/Count"),
        ("server_info", "/rest/v2/PluginRegistration/ServerInfo"),
        ("register", "/ts/secure/register?userId=alice"),
        ("devices", "/ts/secure/devices/alice"),
        ("deregister", format!("/ts/secure/deregister/bob/devices/{device}").as_str()),
    ] {
        let provider = if path.starts_with("/rest/") { "secsign" } else { "thumbsignin" };
        world.arm(json!({"provider": provider, "operation": operation, "fault": "status", "status": 503, "count": 1})).await;
        for expected in [503, 200] {
            let answer = world.signed(reqwest::Method::GET, path).send().await.unwrap();
            assert_eq!(answer.status().as_u16(), expected, "{operation}");
        }
    }
    let session = world.ask("alice").await;
    world.arm(json!({"provider": "secsign", "operation": "release", "fault": "empty", "count": 1})).await;
    assert_eq!(world.form_text(session.body("ReqReleaseAuthSession")).await, "");
    assert!(world.form(session.body("ReqReleaseAuthSession")).await.contains_key("error"));
    for (fault, path, expected) in [
        ("duplicate_key", "/rest/v2/SecSignId/alice?exist", r#"{"exist":true,"exist":false}"#),
        ("percent_encoded", "/rest/v1/Device/alice/Count", r#"{"count":"%31"}"#),
    ] {
        world.arm(json!({"provider": "secsign", "fault": fault, "count": 1})).await;
        assert_eq!(world.get(path).send().await.unwrap().text().await.unwrap(), expected, "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_delayed_over_a_reset_leaves_no_trace() {
    let world = World::start().await;
    world.arm(json!({"operation": "create", "fault": "delay", "delay_ms": 400})).await;
    let request = world.client.post(world.url("/")).body(create_body("alice"));
    let delayed = tokio::spawn(async move { request.send().await });
    while world.get_api("requests").await.as_array().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    world.post_api("reset", json!({})).await;
    assert!(delayed.await.unwrap().is_err(), "the connection was cut");
    assert_eq!(world.get_api("secsign/alice").await["sessions"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_waits_for_nobody() {
    let (world, session) = armed(json!({"operation": "state", "fault": "slow_body", "count": 1})).await;
    let slow = world.client.post(world.url("/")).body(session.body("ReqGetAuthSessionState")).send().await.unwrap();
    world.arm(json!({"operation": "state", "fault": "huge_body", "count": 1})).await;
    let huge = world.client.post(world.url("/")).body(session.body("ReqGetAuthSessionState")).send().await.unwrap();
    let url = world.url("/phone");
    let before = Instant::now();
    world.simulator.stop().await.unwrap();
    assert!(before.elapsed() < Duration::from_secs(1), "{:?}", before.elapsed());
    assert!(slow.bytes().await.is_err());
    assert!(huge.bytes().await.is_err());
    assert!(world.client.get(url).send().await.is_err(), "nothing listens any more");
}
