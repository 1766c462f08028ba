//! The phone's API: symbols, automatic answers, log, clock, reset.

use std::collections::HashSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{World, create_body};

#[tokio::test(flavor = "multi_thread")]
async fn the_right_symbol_approves_and_another_denies() {
    for right in [true, false] {
        let world = World::start().await;
        let session = world.ask("alice").await;
        let shown = world.get_api("secsign/alice").await;
        assert_eq!((shown["secsignid"].as_str(), shown["frozen"].as_bool()), (Some("alice"), Some(false)));
        let offered = &shown["sessions"][0];
        assert_eq!(offered["authsessionid"], session.id.as_str());
        assert_eq!((offered["servicename"].as_str(), offered["serviceaddress"].as_str()), (Some("Shop"), Some("shop.example")));
        let symbols: Vec<&str> = offered["symbols"].as_array().unwrap().iter().map(|symbol| symbol.as_str().unwrap()).collect();
        assert!(symbols.len() >= 4);
        assert_eq!(symbols.iter().collect::<HashSet<_>>().len(), symbols.len(), "all different");
        let symbol = symbols.iter().find(|symbol| (**symbol == session.icon) == right).unwrap();
        let (status, answer) = world.act(&session, json!({"action": "approve", "symbol": symbol})).await;
        assert_eq!((status, answer["state"].as_i64()), (200, Some(if right { 3 } else { 4 })));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_of_scripts_are_json_errors() {
    let world = World::start().await;
    let session = world.ask("alice").await;
    let path = format!("secsign/alice/sessions/{}", session.id);
    for (method, path, body, expected) in [
        (Method::GET, "secsign/nobody", Value::Null, 404),
        (Method::POST, "secsign/nobody", json!({"action": "unfreeze"}), 404),
        (Method::POST, "secsign/alice", json!({"action": "melt"}), 400),
        (Method::POST, "secsign/alice", json!({"action": "devices"}), 400),
        (Method::POST, "secsign/alice", json!({"action": "devices", "count": 101}), 400),
        (Method::POST, "secsign/nobody", json!({"action": "devices", "count": 1}), 404),
        (Method::POST, path.as_str(), json!({"action": "approve", "symbol": "AAAA"}), 400),
        (Method::POST, path.as_str(), json!({}), 400),
        (Method::POST, "secsign/alice/sessions/1", json!({"action": "approve"}), 404),
        (Method::POST, "thumbsignin/transactions/7e8e", json!({"action": "scan"}), 404),
        (Method::POST, "thumbsignin/scan", json!({"content": "hello"}), 400),
        (Method::POST, "auto", json!({"provider": "secsign", "user": "alice", "action": "dance"}), 400),
        (Method::POST, "faults", json!({"fault": "rain"}), 400),
        (Method::POST, "faults", json!({"fault": "empty", "operation": "poll"}), 400),
        (Method::GET, "nothing", Value::Null, 404),
        (Method::DELETE, "clock", Value::Null, 404),
    ] {
        let (status, answer) = world.try_api(method, path, body).await;
        assert_eq!(status, expected, "{path}");
        assert!(answer["message"].is_string(), "{path}: {answer}");
    }
    assert_eq!(world.state(&session).await["authsessionstate"], "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_answer_by_themselves() {
    let world = World::start().await;
    for (provider, user, action, after) in [
        ("secsign", "alice", "approve", 0),
        ("secsign", "bob", "wrong_symbol", 0),
        ("thumbsignin", "alice", "approve", 30),
        ("thumbsignin", "bob", "decline", 0),
    ] {
        world.post_api("auto", json!({"provider": provider, "user": user, "action": action, "after_ms": after})).await;
    }
    assert_eq!(world.get_api("auto").await.as_array().unwrap().len(), 4);
    let (alice, bob) = (world.ask("alice").await, world.ask("bob").await);
    assert_eq!(world.state(&alice).await["authsessionstate"], "3");
    assert_eq!(world.state(&bob).await["authsessionstate"], "4");
    let id = world.begin("/ts/secure/authenticate?userId=alice").await;
    while world.transaction_status(&id).await.0 == "PENDING" {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(world.transaction_status(&id).await.0, "COMPLETED_SUCCESSFUL");
    let id = world.begin("/ts/secure/authenticate?userId=bob").await;
    assert_eq!(world.transaction_status(&id).await.1, "DECLINED");

    world.api(Method::DELETE, "auto", Value::Null).await;
    assert_eq!(world.get_api("auto").await, json!([]));
    assert_eq!(world.state(&world.ask("alice").await).await["authsessionstate"], "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_creates_own_answer_is_pending_even_where_the_phone_is_quick() {
    let world = World::start().await;
    world.post_api("auto", json!({"provider": "secsign", "user": "ALICE", "action": "approve"})).await;
    assert_eq!(world.form(create_body("alice")).await["authsessionstate"], "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_are_listed_oldest_first_and_filtered() {
    let world = World::start().await;
    let first = world.begin("/ts/secure/authenticate?userId=alice").await;
    let second = world.begin("/ts/secure/authenticate").await;
    let third = world.begin("/ts/secure/register?userId=alice").await;
    world.act_on(&third, json!({"action": "scan"})).await;
    let ids = |list: Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|entry| entry["transactionId"].as_str().unwrap().to_owned()).collect()
    };
    let all = world.get_api("thumbsignin/transactions").await;
    assert_eq!((all[0]["kind"].as_str(), all[1]["userId"].is_null()), (Some("authenticate"), true));
    assert_eq!(all[0]["appId"], world.simulator.options.app_id);
    assert!(all[0]["expireInSeconds"].as_i64().unwrap() > 80);
    assert_eq!(ids(all), [first.clone(), second.clone(), third.clone()]);
    assert_eq!(ids(world.get_api("thumbsignin/transactions?userId=alice&state=PENDING").await), [first]);
    assert_eq!(ids(world.get_api("thumbsignin/transactions?userId=alice&state=INITIATED").await), [third]);
    assert_eq!(ids(world.get_api("thumbsignin/transactions?userId=&state=PENDING").await).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_upstream_call_is_logged_and_nothing_else_is() {
    let world = World::start().await;
    let session = world.ask("alice").await;
    world.state(&session).await;
    world.form(session.body("ReqCancelAuthSession")).await;
    let id = world.begin("/ts/secure/authenticate?userId=bob").await;
    world.transaction_status(&id).await;
    world.thumbsignin(&format!("/ts/secure/getUser/{id}")).await;
    world.thumbsignin("/ts/secure/devices/bob").await;
    let log = world.get_api("requests?after=0").await;
    let seen: Vec<_> = log
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let text = |key: &str| entry[key].as_str().unwrap().to_owned();
            (
                entry["seq"].as_i64().unwrap(),
                text("provider"),
                text("operation"),
                text("user"),
                entry["status"].as_i64().unwrap(),
            )
        })
        .collect();
    let expected = [
        (1, "secsign", "create", "alice", 200),
        (2, "secsign", "state", "alice", 200),
        (3, "secsign", "cancel", "alice", 200),
        (4, "thumbsignin", "authenticate", "bob", 200),
        (5, "thumbsignin", "status", "bob", 200),
        (6, "thumbsignin", "get_user", "bob", 400),
        (7, "thumbsignin", "devices", "bob", 200),
    ];
    let expected: Vec<_> =
        expected.iter().map(|(seq, p, o, u, s)| (*seq, (*p).to_owned(), (*o).to_owned(), (*u).to_owned(), *s)).collect();
    assert_eq!(seen, expected);
    assert!(log[0]["at"].as_i64().unwrap() > 1_700_000_000_000);
    assert_eq!(world.get_api("requests?after=5").await.as_array().unwrap().len(), 2);
    assert_eq!(world.get_api("requests?after=7").await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_clears_everything_but_people_and_the_log() {
    let world = World::start().await;
    world.post_api("secsign/carol", json!({"action": "create"})).await;
    let id = world.begin("/ts/secure/register?userId=carol").await;
    world.act_on(&id, json!({"action": "approve"})).await;
    world.ask("alice").await;
    world.form(create_body("alice")).await;
    world.arm(json!({"fault": "delay", "delay_ms": 1})).await;
    world.post_api("auto", json!({"provider": "secsign", "user": "bob", "action": "approve"})).await;
    world.advance(5_000_000).await;

    let (status, body) = world.try_api(Method::POST, "reset", Value::Null).await;
    assert_eq!((status, body), (204, Value::Null));
    let alice = json!({"secsignid": "alice", "frozen": false, "devices": 1, "sessions": []});
    assert_eq!(world.get_api("secsign/alice").await, alice);
    assert_eq!(world.get_api("secsign/carol").await["frozen"], false);
    assert_eq!(world.get_api("thumbsignin/transactions").await, json!([]));
    assert_eq!(world.get_api("faults").await, json!([]));
    assert_eq!(world.get_api("auto").await, json!([]));
    assert_eq!(world.post_api("clock", json!({"advance_ms": 0})).await["ahead_ms"], 0);
    let before = world.get_api("requests").await.as_array().unwrap().len();
    let (_, devices) = world.thumbsignin("/ts/secure/devices/carol").await;
    assert_eq!(devices["devices"].as_array().unwrap().len(), 1);
    let log = world.get_api("requests").await;
    assert_eq!(log.as_array().unwrap().last().unwrap()["seq"].as_u64().unwrap() as usize, before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secsign_id_on_no_phone_exists_and_is_asked_in_vain() {
    let world = World::start().await;
    assert_eq!(world.post_api("secsign/alice", json!({"action": "devices", "count": 0})).await["devices"], 0);
    world.post_api("reset", Value::Null).await;
    assert_eq!(world.get_api("secsign/alice").await["devices"], 0, "people stay as they are");
    let session = world.ask("alice").await;
    assert_eq!(world.act(&session, json!({"action": "approve"})).await.0, 404);
    assert_eq!(world.state(&session).await["authsessionstate"], "1");
    assert_eq!(world.post_api("secsign/alice", json!({"action": "create"})).await["devices"], 1);
    assert_eq!(world.act(&session, json!({"action": "approve"})).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn armed_faults_are_listed_until_they_are_cleared() {
    let world = World::start().await;
    world.arm(json!({"provider": "secsign", "operation": "state", "fault": "status", "status": 503, "count": 0})).await;
    world.arm(json!({"fault": "delay", "delay_ms": 1, "count": null, "user": null, "probability": 1})).await;
    let armed = world.get_api("faults").await;
    assert_eq!((armed[0]["fault"].as_str(), armed[0]["status"].as_i64()), (Some("status"), Some(503)));
    assert_eq!(armed.as_array().unwrap().len(), 2);
    world.api(Method::DELETE, "faults", Value::Null).await;
    assert_eq!(world.get_api("faults").await, json!([]));
}
