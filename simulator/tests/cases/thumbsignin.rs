//! The ThumbSignIn API.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{World, authorization};

/// The answer to a call that begins a transaction, with all that it must have.
async fn begun(world: &World, target: &str) -> Value {
    let (status, begun) = world.thumbsignin(target).await;
    assert_eq!((status, begun["status"].as_str(), begun["failureReason"].as_str()), (200, Some("PENDING"), Some("")));
    assert!((88..=90).contains(&begun["expireInSeconds"].as_i64().unwrap()));
    assert!(begun["qrImage"].as_str().unwrap().starts_with("iVBORw0KGgo"));
    let id = begun["transactionId"].as_str().unwrap();
    assert_eq!(begun["deepLinkUrl"], format!("{}/phone/t/{id}", world.simulator.phone_url));
    begun
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_goes_from_pending_to_success_and_names_the_user() {
    let world = World::start().await;
    let begun = begun(&world, "/ts/secure/authenticate?userId=alice").await;
    let id = begun["transactionId"].as_str().unwrap();
    assert!(begun.as_object().unwrap().values().all(|value| !value.is_object() && !value.is_array()), "flat");
    assert_eq!(world.thumbsignin(&format!("/ts/secure/getUser/{id}")).await.0, 400);

    let scanned = world.post_api("thumbsignin/scan", json!({"content": begun["deepLinkUrl"]})).await;
    assert_eq!(scanned["status"], "INITIATED");
    assert_eq!(world.transaction_status(id).await.0, "INITIATED");
    world.act_on(id, json!({"action": "approve"})).await;
    let (_, done) = world.thumbsignin(&format!("/ts/secure/txn-status/{id}")).await;
    assert_eq!((done["status"].as_str(), done["userId"].as_str()), (Some("COMPLETED_SUCCESSFUL"), Some("alice")));
    assert!(done.get("qrImage").is_none());
    for _ in 0..2 {
        assert_eq!(world.thumbsignin(&format!("/ts/secure/getUser/{id}")).await, (200, json!({"userId": "alice"})));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enrolment_is_answered_and_followed_like_a_sign_in() {
    let world = World::start().await;
    let begun = begun(&world, "/ts/secure/register?userId=carol").await;
    let id = begun["transactionId"].as_str().unwrap();
    let asked = world.get(&format!("/phone/t/{id}")).send().await.unwrap().text().await.unwrap();
    assert!(asked.contains("Add this phone for carol?") && asked.contains("Firefox"), "{asked}");
    world.advance(30_000).await;
    for (action, status) in [("scan", "INITIATED"), ("approve", "COMPLETED_SUCCESSFUL")] {
        world.act_on(id, json!({"action": action})).await;
        let (_, told) = world.thumbsignin(&format!("/ts/secure/txn-status/{id}")).await;
        assert_eq!((told["transactionId"].as_str(), told["status"].as_str()), (Some(id), Some(status)));
        assert_eq!(told["failureReason"], "");
        assert!((55..=60).contains(&told["expireInSeconds"].as_i64().unwrap()), "{told}");
    }
    assert_eq!(world.thumbsignin(&format!("/ts/secure/getUser/{id}")).await, (200, json!({"userId": "carol"})));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_not_signed_are_refused_with_flat_json() {
    let world = World::start().await;
    let target = "/ts/secure/authenticate?userId=alice";
    let unsigned = world.get(target).send().await.unwrap();
    assert_eq!(unsigned.status(), 401);
    let body: Value = unsigned.json().await.unwrap();
    assert_eq!((body["status"].as_i64(), body["error"].as_str()), (Some(401), Some("Unauthorized")));
    assert_eq!(body["message"], "Authorization header is missing or invalid");
    assert_eq!(body["path"], "/ts/secure/authenticate");
    assert!(body.as_object().unwrap().values().all(|value| !value.is_object() && !value.is_array()), "flat");

    let moved = world.signed(Method::GET, target).build().unwrap();
    let mut other = world.signed(Method::GET, "/ts/secure/authenticate?userId=bob").build().unwrap();
    let signature = moved.headers()["authorization"].clone();
    other.headers_mut().insert("authorization", signature);
    assert_eq!(world.client.execute(other).await.unwrap().status(), 401);
    assert_eq!(world.client.execute(moved).await.unwrap().status(), 200, "the same signature where it belongs");

    let old = [("x-ts-date", "20180502T101112Z")];
    let app = world.app();
    let old_signature = authorization((&app.id, &app.secret), "get", target, &old);
    let stale = world.get(target).header("x-ts-date", old[0].1).header("authorization", old_signature).send().await.unwrap();
    assert_eq!(stale.status(), 401);
    assert_eq!(world.get_api("thumbsignin/transactions").await.as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_have_their_reasons() {
    let world = World::start().await;
    for (action, reason) in [
        (json!({"action": "decline"}), "DECLINED"),
        (json!({"action": "fail"}), "TECHNICAL_REASON"),
        (json!({"action": "fail", "failureReason": "NO_SUITABLE_AUTHENTICATOR"}), "NO_SUITABLE_AUTHENTICATOR"),
        (json!({"action": "fail", "failureReason": "NOT_ME"}), "NOT_ME"),
        (json!({"action": "fail", "failureReason": "NOT_ME", "userId": "mallory"}), "NOT_ME"),
        (json!({"action": "approve", "userId": "mallory"}), "NOT_REGISTERED"),
    ] {
        let id = world.begin("/ts/secure/authenticate?userId=alice").await;
        world.act_on(&id, action).await;
        assert_eq!(world.transaction_status(&id).await, ("COMPLETED_FAILURE".to_owned(), reason.to_owned()));
        assert!(world.thumbsignin(&format!("/ts/secure/txn-status/{id}")).await.1["userId"].is_null(), "{reason}");
        assert_eq!(world.act_on(&id, json!({"action": "approve"})).await.0, 409);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_site_cancels_with_true_only() {
    let world = World::start().await;
    let id = world.begin("/ts/secure/authenticate?userId=alice").await;
    let (_, kept) = world.thumbsignin(&format!("/ts/secure/txn-status/{id}?cancelled=yes")).await;
    assert_eq!(kept["status"], "PENDING");
    let (_, cancelled) = world.thumbsignin(&format!("/ts/secure/txn-status/{id}?cancelled=true")).await;
    assert_eq!(
        (cancelled["status"].as_str(), cancelled["failureReason"].as_str()),
        (Some("COMPLETED_FAILURE"), Some("CANCELLED"))
    );
    assert_eq!(world.get_api("requests").await.as_array().unwrap().last().unwrap()["cancelled"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_expire_by_the_simulators_clock_and_signatures_do_not() {
    let world = World::start().await;
    let id = world.begin("/ts/secure/authenticate?userId=alice").await;
    world.advance(600_000).await;
    assert_eq!(world.transaction_status(&id).await, ("COMPLETED_FAILURE".to_owned(), "TIMEOUT".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_name_whoever_scans_is_named() {
    let world = World::start().await;
    let id = world.begin("/ts/secure/authenticate").await;
    assert_eq!(world.act_on(&id, json!({"action": "approve"})).await.0, 400);
    assert_eq!(world.act_on(&id, json!({"action": "approve", "userId": "bob"})).await.0, 200);
    assert_eq!(world.thumbsignin(&format!("/ts/secure/getUser/{id}")).await.1["userId"], "bob");
    let named = world.begin("/ts/secure/authenticate?userId=alice").await;
    world.act_on(&named, json!({"action": "approve", "userId": "bob"})).await;
    assert_eq!(world.thumbsignin(&format!("/ts/secure/getUser/{named}")).await.1["userId"], "bob");
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_come_and_go() {
    let world = World::start().await;
    assert_eq!(world.thumbsignin("/ts/secure/devices/carol").await, (200, json!({"userId": "carol", "devices": []})));
    assert_eq!(world.thumbsignin("/ts/secure/register").await.0, 400);
    let id = world.begin("/ts/secure/register?userId=carol").await;
    assert_eq!(world.get_api("thumbsignin/transactions?userId=carol&state=").await[0]["kind"], "register");
    world.act_on(&id, json!({"action": "approve"})).await;
    let (_, listed) = world.thumbsignin("/ts/secure/devices/carol").await;
    let device = &listed["devices"][0];
    assert_eq!((device["status"].as_str(), device["lastUsedOn"].is_null()), (Some("ACTIVE"), true));
    let device = device["deviceId"].as_str().unwrap();
    assert_eq!(world.thumbsignin(&format!("/ts/secure/deregister/alice/devices/{device}")).await.0, 404);
    let (status, gone) = world.thumbsignin(&format!("/ts/secure/deregister/carol/devices/{device}")).await;
    assert_eq!((status, gone["status"].as_str()), (200, Some("SUCCESS")));
    assert_eq!(world.thumbsignin("/ts/secure/devices/carol").await.1["devices"], json!([]));
    let id = world.begin("/ts/secure/authenticate?userId=carol").await;
    world.act_on(&id, json!({"action": "approve"})).await;
    assert_eq!(world.transaction_status(&id).await.1, "NOT_REGISTERED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_names_its_user_and_a_failure_names_nobody() {
    let world = World::start().await;
    for (action, named) in [(json!({"action": "approve"}), json!("carol")), (json!({"action": "decline"}), Value::Null)] {
        let id = world.begin("/ts/secure/register?userId=carol").await;
        world.act_on(&id, action).await;
        assert_eq!(world.thumbsignin(&format!("/ts/secure/txn-status/{id}")).await.1["userId"], named);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_but_the_list_of_devices_is_flat() {
    let world = World::start().await;
    let device = world.get_api("thumbsignin/devices?userId=bob").await[0]["deviceId"].as_str().unwrap().to_owned();
    let open = world.begin("/ts/secure/authenticate?userId=alice").await;
    let done = world.begin("/ts/secure/register?userId=alice").await;
    world.act_on(&done, json!({"action": "approve"})).await;
    for (target, expected) in [
        ("/ts/secure/authenticate".to_owned(), 200),
        ("/ts/secure/authenticate?userId=alice".to_owned(), 200),
        ("/ts/secure/authenticate?userId=".to_owned(), 400),
        ("/ts/secure/register?userId=alice".to_owned(), 200),
        ("/ts/secure/register".to_owned(), 400),
        (format!("/ts/secure/txn-status/{open}"), 200),
        (format!("/ts/secure/txn-status/{open}?cancelled=true"), 200),
        (format!("/ts/secure/txn-status/{done}"), 200),
        ("/ts/secure/txn-status/7e8e".to_owned(), 404),
        (format!("/ts/secure/getUser/{open}"), 400),
        (format!("/ts/secure/getUser/{done}"), 200),
        (format!("/ts/secure/deregister/bob/devices/{device}"), 200),
        (format!("/ts/secure/deregister/bob/devices/{device}"), 404),
        ("/ts/secure/coffee".to_owned(), 404),
    ] {
        let (status, answer) = world.thumbsignin(&target).await;
        assert_eq!(status, expected, "{target}: {answer}");
        let members = answer.as_object().unwrap();
        assert!(
            !members.is_empty() && members.values().all(|value| !value.is_object() && !value.is_array()),
            "{target}: {answer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_phone_registers_and_the_same_one_is_registered_already() {
    let world = World::start().await;
    let devices = |listed: Value| -> Vec<String> {
        listed.as_array().unwrap().iter().map(|device| device["deviceId"].as_str().unwrap().to_owned()).collect()
    };
    let first = devices(world.get_api("thumbsignin/devices?userId=alice").await).remove(0);
    for (device, outcome) in [
        (json!(first), ("COMPLETED_FAILURE", "ALREADY_REGISTERED")),
        (json!("tablet-1"), ("COMPLETED_SUCCESSFUL", "")),
        (json!("tablet-1"), ("COMPLETED_FAILURE", "ALREADY_REGISTERED")),
        (Value::Null, ("COMPLETED_SUCCESSFUL", "")),
    ] {
        let id = world.begin("/ts/secure/register?userId=alice").await;
        world.act_on(&id, json!({"action": "approve", "deviceId": device})).await;
        assert_eq!(world.transaction_status(&id).await, (outcome.0.to_owned(), outcome.1.to_owned()), "{device}");
    }
    let (_, listed) = world.thumbsignin("/ts/secure/devices/alice").await;
    let listed = devices(listed["devices"].clone());
    assert_eq!((listed.len(), listed[0].as_str(), listed[1].as_str()), (3, first.as_str(), "tablet-1"));

    let gone = world.signed(Method::DELETE, "/ts/secure/deregister/alice/devices/tablet-1").send().await.unwrap();
    assert_eq!(gone.status(), 200);
    for (device, reason) in [("tablet-1", "NOT_REGISTERED"), (first.as_str(), "")] {
        let id = world.begin("/ts/secure/authenticate?userId=alice").await;
        world.act_on(&id, json!({"action": "approve", "deviceId": device})).await;
        assert_eq!(world.transaction_status(&id).await.1, reason, "{device}");
    }
    let id = world.begin("/ts/secure/authenticate?userId=alice").await;
    assert_eq!(world.act_on(&id, json!({"action": "approve", "deviceId": "a b"})).await.0, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_things_and_repeated_names_are_errors() {
    let world = World::start().await;
    assert_eq!(world.thumbsignin("/ts/secure/txn-status/7e8e").await.0, 404);
    assert_eq!(world.thumbsignin("/ts/secure/getUser/7e8e").await.0, 404);
    assert_eq!(world.thumbsignin("/ts/secure/coffee").await.0, 404);
    let deregister = world.signed(Method::DELETE, "/ts/secure/deregister/alice/devices/x").send().await.unwrap();
    assert_eq!(deregister.status(), 404, "DELETE is known, the device is not");
    let twice = "/ts/secure/authenticate?userId=alice&userId=bob";
    assert_eq!(world.get(twice).send().await.unwrap().status(), 401);
}
