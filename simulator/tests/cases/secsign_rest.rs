//! The SecSign REST API.

use reqwest::Method;
use serde_json::{Value, json};
use signbridge_simulator::{Options, PinAccount, Version};

use crate::support::World;

const CREATE: &str = "/rest/v2/AuthSession?secsignid=Alice&servicename=Realm+%C3%9C%40Keycloak&\
                      serviceaddress=https%3A%2F%2Fkc.example%2F&showaccesspassicons=true";

async fn call(world: &World, method: Method, path: &str) -> (u16, Value) {
    let response = world.client.request(method, world.url(path)).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_created_asked_for_and_withdrawn() {
    let world = World::start().await;
    let (status, created) = call(&world, Method::GET, CREATE).await;
    assert_eq!(status, 200, "{created}");
    assert_eq!(created["secsignid"], "alice");
    assert!(created["authsessionicondata"].as_str().unwrap().starts_with("iVBORw0KGgo"));
    let path = format!("/rest/v2/AuthSession/{}", created["authsessionid"].as_i64().unwrap());
    assert_eq!(call(&world, Method::GET, &path).await, (200, json!({"authsessionstate": 1})));
    let shown = world.get_api("secsign/alice").await;
    assert_eq!(shown["sessions"][0]["servicename"], "Realm Ü@Keycloak");
    let session = shown["sessions"][0]["authsessionid"].as_str().unwrap();
    world.post_api(&format!("secsign/alice/sessions/{session}"), json!({"action": "approve"})).await;
    assert_eq!(call(&world, Method::GET, &path).await, (200, json!({"authsessionstate": 3})));
    assert_eq!(call(&world, Method::DELETE, &path).await.0, 200);
    assert_eq!(call(&world, Method::GET, &path).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_id_answers_409_and_an_unknown_one_404() {
    let world = World::start().await;
    assert_eq!(call(&world, Method::GET, CREATE).await.0, 200);
    assert_eq!(call(&world, Method::GET, CREATE).await.0, 409);
    assert_eq!(call(&world, Method::GET, &CREATE.replace("Alice", "nobody")).await.0, 404);
    assert_eq!(call(&world, Method::GET, "/rest/v2/AuthSession?secsignid=bob").await.0, 400);
    assert_eq!(call(&world, Method::GET, "/rest/v2/AuthSession/1").await.0, 404);
    assert_eq!(call(&world, Method::GET, "/rest/v9/Nothing").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_switches_the_access_pass_off() {
    let world = World::start().await;
    let path = format!("{CREATE}&transactiontitle=Transfer&transactiondescr=Pay+5+EUR");
    let (_, created) = call(&world, Method::GET, &path).await;
    assert!(created.get("authsessionicondata").is_none());
    let session = &world.get_api("secsign/alice").await["sessions"][0];
    assert_eq!(
        (session["transactiontitle"].as_str(), session["symbols"].as_array().map(Vec::len)),
        (Some("Transfer"), Some(0))
    );
    let half = CREATE.replace("Alice", "bob") + "&transactiontitle=Transfer";
    assert_eq!(call(&world, Method::GET, &half).await.0, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_icons_the_phone_asks_for_a_plain_yes() {
    for (action, state) in [("approve", 3), ("deny", 4)] {
        let world = World::start().await;
        let (_, created) = call(&world, Method::GET, &CREATE.replace("icons=true", "icons=false")).await;
        assert!(created.get("authsessionicondata").is_none(), "{created}");
        let session = world.get_api("secsign/alice").await["sessions"][0].clone();
        assert_eq!(session["symbols"], json!([]));
        let id = session["authsessionid"].as_str().unwrap();
        world.post_api(&format!("secsign/alice/sessions/{id}"), json!({"action": action})).await;
        let path = format!("/rest/v2/AuthSession/{id}");
        assert_eq!(call(&world, Method::GET, &path).await, (200, json!({"authsessionstate": state})));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn enrolment_creates_the_id_on_the_phone_only() {
    let world = World::start().await;
    assert_eq!(call(&world, Method::GET, "/rest/v2/SecSignId/carol?exist").await, (200, json!({"exist": false})));
    let (_, code) = call(&world, Method::GET, "/rest/v2/SecSignId/carol?createqrcode").await;
    assert!(code["qrcodebase64"].as_str().unwrap().starts_with("iVBORw0KGgo"));
    assert!(code["createurl"].as_str().unwrap().starts_with("http%3A%2F%2F127%2E0%2E0%2E1"));
    assert_eq!(call(&world, Method::GET, "/rest/v2/SecSignId/carol?exist").await.1["exist"], false);
    assert_eq!(call(&world, Method::GET, "/rest/v1/Device/carol/Count").await.0, 404);
    world.post_api("secsign/carol", json!({"action": "create"})).await;
    assert_eq!(call(&world, Method::GET, "/rest/v2/SecSignId/Carol?exist").await.1["exist"], true);
    assert_eq!(call(&world, Method::GET, "/rest/v1/Device/carol/Count").await.1["count"], 1);
    world.post_api("secsign/carol", json!({"action": "devices", "count": 0})).await;
    assert_eq!(call(&world, Method::GET, "/rest/v2/SecSignId/carol?exist").await.1["exist"], true);
    assert_eq!(call(&world, Method::GET, "/rest/v1/Device/carol/Count").await, (200, json!({"count": 0})));
    let info = json!({"majorVersion": 10, "minorVersion": 7, "patchVersion": 5});
    assert_eq!(call(&world, Method::GET, "/rest/v2/PluginRegistration/ServerInfo").await, (200, info));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_server_lists_phones_and_tells_no_version() {
    let world = World::with(Options { secsign_version: Version(10, 7, 4), ..Options::default() }).await;
    assert_eq!(call(&world, Method::GET, "/rest/v2/PluginRegistration/ServerInfo").await.0, 404);
    assert_eq!(call(&world, Method::GET, "/rest/v1/Device/alice/Count").await.0, 404);
    assert_eq!(call(&world, Method::GET, "/rest/v2/SecSignId/nobody?devices").await.0, 404);
    let listed = |answer: &Value| answer["alice"]["devices"].as_object().unwrap().len();
    for count in [1, 2, 0] {
        world.post_api("secsign/alice", json!({"action": "devices", "count": count})).await;
        let (status, answer) = call(&world, Method::GET, "/rest/v2/SecSignId/Alice?devices").await;
        assert_eq!((status, listed(&answer)), (200, count), "{answer}");
    }
    assert_eq!(call(&world, Method::GET, "/rest/v2/SecSignId/alice?exist").await, (200, json!({"exist": true})));
    assert_eq!(call(&world, Method::GET, CREATE).await.0, 200);

    let newer = World::with(Options { secsign_version: Version(11, 0, 1), ..Options::default() }).await;
    let info = json!({"majorVersion": 11, "minorVersion": 0, "patchVersion": 1});
    assert_eq!(call(&newer, Method::GET, "/rest/v2/PluginRegistration/ServerInfo").await, (200, info));
    assert_eq!(call(&newer, Method::GET, "/rest/v2/SecSignId/alice?devices").await.0, 404);
}

/// The vendor's plugins look the answer up by the ID as they have it, whatever its case.
#[tokio::test(flavor = "multi_thread")]
async fn a_restoration_is_told_under_the_id_as_it_was_asked_for() {
    let world = World::start().await;
    for query in ["restoration", "restoration&accesstoken=7e8e"] {
        let (status, answer) = call(&world, Method::GET, &format!("/rest/v1/SecSignId/Alice?{query}")).await;
        assert_eq!((status, answer.as_object().unwrap().len()), (200, 1), "{answer}");
        let told = &answer["Alice"]["restoration"];
        assert!(told["restoreurl"].as_str().unwrap().ends_with("%2Fphone%2Fsecsign%2Falice"), "{told}");
        assert!(told["qrcodebase64"].as_str().unwrap().starts_with("iVBORw0KGgo"), "{told}");
    }
    assert_eq!(world.get_api("requests").await[0]["user"], "alice");
    for path in ["/rest/v1/SecSignId/nobody?restoration", "/rest/v1/SecSignId/alice"] {
        assert_eq!(call(&world, Method::GET, path).await.0, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restoration_is_switched_on() {
    let world = World::start().await;
    let on = "update=restoration&email=a%40b.example&enable=true";
    for (id, body, expected) in [("alice", on, 200), ("nobody", on, 404), ("alice", "update=totpsecret", 404)] {
        let path = format!("/rest/v1/SecSignId/{id}");
        let response = world.client.post(world.url(&path)).body(body).send().await.unwrap();
        assert_eq!(response.status(), expected, "{id} {body}");
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer["restoreurl"].is_string() && answer["qrcodebase64"].is_string(), expected == 200, "{answer}");
    }
    assert_eq!(call(&world, Method::GET, "/rest/v2/SecSignId/nobody?exist").await.1["exist"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_enabled_exists_and_is_on_no_phone_yet() {
    let world = World::start().await;
    let exists = async || call(&world, Method::GET, "/rest/v2/SecSignId/carol?exist").await.1 == json!({"exist": true});
    let count = async |id: &str| call(&world, Method::GET, &format!("/rest/v1/Device/{id}/Count")).await;
    let post = async |body: &'static str| {
        let response = world.client.post(world.url("/rest/v2/SecSignId/")).body(body).send().await.unwrap();
        assert_eq!(response.status(), 200, "{body}");
    };
    post("secsignid=carol&restoration=1").await;
    assert!(!exists().await);
    post("secsignid=Carol&email=c%40d.example&enable=true").await;
    assert!(exists().await);
    assert_eq!(count("carol").await, (200, json!({"count": 0})));
    world.post_api("secsign/carol", json!({"action": "create"})).await;
    post("secsignid=carol&enable=true").await;
    assert_eq!(count("carol").await, (200, json!({"count": 1})), "what is on a phone stays there");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_read_as_json_and_as_forms() {
    let world = World::start().await;
    for body in [&b"{\"enable\":\"true\",\"secsignid\":\"newuser\"}"[..], b"enable=true&secsignid=newuser"] {
        let response = world.client.post(world.url("/rest/v2/SecSignId/")).body(body).send().await.unwrap();
        assert_eq!(response.status(), 200);
    }
    let log = world.get_api("requests").await;
    assert_eq!(log[0]["user"], "newuser");
    assert_eq!(log[1]["user"], "newuser");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_asked_for_where_one_is_configured() {
    let account = PinAccount("pinuser".to_owned(), "pinpass".to_owned());
    let world = World::with(Options { pin_account: Some(account), ..Options::default() }).await;
    assert_eq!(call(&world, Method::GET, CREATE).await.0, 401);
    let wrong = world.get(CREATE).basic_auth("pinuser", Some("guess")).send().await.unwrap();
    assert_eq!(wrong.status(), 401);
    assert_eq!(world.get_api("secsign/alice").await["sessions"], json!([]));
    let right = world.get(CREATE).header("authorization", "Basic cGludXNlcjpwaW5wYXNz").send().await.unwrap();
    assert_eq!(right.status(), 200);
}

async fn exist_as(world: &World, name: &str, password: &str) -> u16 {
    let request = world.get("/rest/v2/SecSignId/alice?exist").basic_auth(name, Some(password));
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_was_given_out_is_accepted() {
    let account = PinAccount("pinuser".to_owned(), "pinpass".to_owned());
    let world = World::with(Options { pin_account: Some(account), ..Options::default() }).await;
    let register = || world.client.post(world.url("/rest/v2/PluginRegistration"));
    assert_eq!(register().send().await.unwrap().status(), 401);
    let mut given = Vec::new();
    for _ in 0..2 {
        let answer = register().basic_auth("pinuser", Some("pinpass")).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        given.push((answer["accountName"].as_str().unwrap().to_owned(), answer["password"].as_str().unwrap().to_owned()));
    }
    world.post_api("reset", json!({})).await;
    let (first, second) = (&given[0], &given[1]);
    for (name, password, expected) in [
        (first.0.as_str(), first.1.as_str(), 200),
        (second.0.as_str(), second.1.as_str(), 200),
        ("pinuser", "pinpass", 200),
        (first.0.as_str(), second.1.as_str(), 401),
        (first.0.as_str(), "pinpass", 401),
        ("pinuser", first.1.as_str(), 401),
        (first.0.as_str(), "", 401),
    ] {
        assert_eq!(exist_as(&world, name, password).await, expected, "{name} {password}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_strike_here_too() {
    let world = World::start().await;
    let (_, created) = call(&world, Method::GET, CREATE).await;
    let path = format!("/rest/v2/AuthSession/{}", created["authsessionid"]);
    for (fault, expected) in [
        ("unknown_state", r#"{"authsessionstate":9}"#),
        ("duplicate_key", r#"{"authsessionstate":1,"authsessionstate":3}"#),
        ("percent_encoded", r#"{"authsessionstate":"%31"}"#),
        ("delay", r#"{"authsessionstate":1}"#),
    ] {
        let order = json!({"provider": "secsign", "operation": "state", "user": "alice", "fault": fault, "count": 1});
        world.arm(order).await;
        let text = world.get(&path).send().await.unwrap().text().await.unwrap();
        assert_eq!(text, expected, "{fault}");
    }
    assert_eq!(call(&world, Method::GET, &path).await, (200, json!({"authsessionstate": 1})));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_at_once_create_one_session() {
    let world = std::sync::Arc::new(World::start().await);
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let world = std::sync::Arc::clone(&world);
            tokio::spawn(async move { call(&world, Method::GET, CREATE).await.0 })
        })
        .collect();
    let mut statuses = Vec::new();
    for call in calls {
        statuses.push(call.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!((statuses[0], statuses[1], statuses[49]), (200, 409, 409));
    let shown = world.get_api("secsign/alice").await;
    assert_eq!((shown["frozen"].as_bool(), shown["sessions"].as_array().map(Vec::len)), (Some(true), Some(1)));
}
