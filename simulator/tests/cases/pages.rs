//! The pages for people, used as a browser without JavaScript uses them.

use reqwest::header::{CONTENT_SECURITY_POLICY, LOCATION};
use serde_json::json;

use crate::support::{World, create_body};

async fn page(world: &World, path: &str) -> String {
    let response = world.get(path).send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(response.headers()["cache-control"], "no-store");
    response.text().await.unwrap()
}

async fn send(world: &World, path: &str, form: &[(&str, &str)]) -> String {
    let response = world.client.post(world.url(path)).form(form).send().await.unwrap();
    assert_eq!(response.status(), 303, "{path}");
    response.headers()[LOCATION].to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_phones_shows_who_is_asked() {
    let world = World::start().await;
    let quiet = page(&world, "/phone").await;
    assert!(quiet.contains("/phone/secsign/alice") && quiet.contains("/phone/thumbsignin/bob") && !quiet.contains("1 waiting"));
    world.ask("alice").await;
    let code = world.begin("/ts/secure/authenticate").await;
    let busy = page(&world, "/phone").await;
    assert!(busy.contains("1 waiting") && busy.contains(&format!("/phone/t/{code}")));
    assert!(!busy.contains("<script>") && !busy.contains(" style="), "the policy forbids both");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_approved_by_tapping_its_symbol() {
    let world = World::start().await;
    let session = world.ask("alice").await;
    let shown = page(&world, "/phone/secsign/alice").await;
    assert!(shown.contains("Shop") && shown.contains("shop.example"));
    let symbols: Vec<_> = shown.split("<button class=\"symbol\" name=\"symbol\" value=\"").skip(1).collect();
    assert_eq!(symbols.len(), 4);
    let right = symbols.iter().find(|symbol| symbol.contains(&session.icon)).unwrap();
    let name = right.split('"').next().unwrap();
    let path = format!("/phone/secsign/alice/sessions/{}", session.id);
    assert_eq!(world.state(&session).await["authsessionstate"], "1", "looking changes nothing");
    assert_eq!(send(&world, &path, &[("decision", "fetch")]).await, "/phone/secsign/alice");
    assert_eq!(world.state(&session).await["authsessionstate"], "7");
    assert_eq!(send(&world, &path, &[("symbol", name)]).await, "/phone/secsign/alice");
    assert_eq!(world.state(&session).await["authsessionstate"], "3");
    assert!(page(&world, "/phone/secsign/alice").await.contains("Approved"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_denied_and_a_frozen_id_reactivated() {
    let world = World::start().await;
    let session = world.ask("alice").await;
    send(&world, &format!("/phone/secsign/alice/sessions/{}", session.id), &[("decision", "deny")]).await;
    assert_eq!(world.state(&session).await["authsessionstate"], "4");
    world.ask("alice").await;
    world.form(create_body("alice")).await;
    assert!(page(&world, "/phone/secsign/alice").await.contains("This ID is frozen"));
    send(&world, "/phone/secsign/alice", &[("action", "unfreeze")]).await;
    assert!(!page(&world, "/phone/secsign/alice").await.contains("This ID is frozen"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_created_on_the_phone() {
    let world = World::start().await;
    assert!(page(&world, "/phone/secsign/carol").await.contains("Create this ID"));
    assert_eq!(send(&world, "/phone/secsign/carol", &[("action", "create")]).await, "/phone/secsign/carol");
    world.ask("carol").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_on_no_phone_is_put_on_one() {
    let world = World::start().await;
    world.post_api("secsign/alice", json!({"action": "devices", "count": 0})).await;
    world.ask("alice").await;
    let shown = page(&world, "/phone/secsign/alice").await;
    assert!(shown.contains("This ID is on no phone") && !shown.contains("class=\"symbol\""), "{shown}");
    assert_eq!(send(&world, "/phone/secsign/alice", &[("action", "create")]).await, "/phone/secsign/alice");
    assert!(page(&world, "/phone/secsign/alice").await.contains("class=\"symbol\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanned_code_is_approved_or_declined() {
    let world = World::start().await;
    let id = world.begin("/ts/secure/authenticate?userId=alice").await;
    let path = format!("/phone/t/{id}");
    let shown = page(&world, &path).await;
    assert!(shown.contains("Sign in as alice?") && shown.contains("Firefox"), "{shown}");
    assert_eq!(world.transaction_status(&id).await.0, "PENDING", "looking changes nothing");
    assert_eq!(send(&world, &path, &[("decision", "scan")]).await, path);
    assert_eq!(world.transaction_status(&id).await.0, "INITIATED");
    send(&world, &path, &[("userId", "alice"), ("decision", "approve")]).await;
    assert_eq!(world.transaction_status(&id).await.0, "COMPLETED_SUCCESSFUL");
    assert!(page(&world, &path).await.contains("Approved"));

    let id = world.begin("/ts/secure/authenticate?userId=alice").await;
    assert!(page(&world, "/phone/thumbsignin/alice").await.contains(&format!("action=\"/phone/t/{id}\"")));
    let back = send(&world, &format!("/phone/t/{id}"), &[("back", "alice"), ("decision", "decline")]).await;
    assert_eq!(back, "/phone/thumbsignin/alice");
    assert_eq!(world.transaction_status(&id).await.1, "DECLINED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanned_code_was_not_theirs() {
    let world = World::start().await;
    let id = world.begin("/ts/secure/authenticate?userId=alice").await;
    let path = format!("/phone/t/{id}");
    let shown = page(&world, &path).await;
    assert!(shown.contains("value=\"fail\">This wasn’t me</button>") && shown.contains("value=\"NOT_ME\""), "{shown}");
    send(&world, &path, &[("userId", "alice"), ("failureReason", "NOT_ME"), ("decision", "fail")]).await;
    assert_eq!(world.transaction_status(&id).await, ("COMPLETED_FAILURE".to_owned(), "NOT_ME".to_owned()));
    assert_eq!(world.thumbsignin(&format!("/ts/secure/txn-status/{id}")).await.1["userId"], "alice");
    assert!(page(&world, &path).await.contains("Declined: it wasn’t you"));
    let other = world.begin("/ts/secure/register?userId=alice").await;
    assert!(!page(&world, &format!("/phone/t/{other}")).await.contains("NOT_ME"), "a registration is no sign-in");
    let declined = [("failureReason", "NOT_ME"), ("decision", "decline")];
    let last = world.begin("/ts/secure/authenticate?userId=alice").await;
    send(&world, &format!("/phone/t/{last}"), &declined).await;
    assert_eq!(world.transaction_status(&last).await.1, "DECLINED", "the other button is what it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unnamed_code_asks_whose_phone_it_is() {
    let world = World::start().await;
    let id = world.begin("/ts/secure/authenticate").await;
    let shown = page(&world, &format!("/phone/t/{id}")).await;
    assert!(shown.contains("<select") && shown.contains("bob</option>"));
    send(&world, &format!("/phone/t/{id}"), &[("userId", "bob"), ("decision", "approve")]).await;
    assert_eq!(world.thumbsignin(&format!("/ts/secure/getUser/{id}")).await.1["userId"], "bob");
    let link = format!("{}/phone/t/{id}?transactionId={id}", world.simulator.phone_url);
    assert_eq!(send(&world, "/phone/scan", &[("content", &link)]).await, format!("/phone/t/{id}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn text_from_services_stays_text() {
    let world = World::start().await;
    let body = create_body("alice").replace("servicename=Shop", "servicename=%3Cscript%3Ealert(1)%3C/script%3E");
    world.form(body).await;
    let shown = page(&world, "/phone/secsign/alice").await;
    assert!(shown.contains("&lt;script&gt;") && !shown.contains("<script>alert"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_said_so_on_a_page() {
    let world = World::start().await;
    for path in ["/phone/t/7e8e", "/phone/nothing"] {
        let response = world.get(path).send().await.unwrap();
        assert_eq!(response.status(), 404, "{path}");
        assert!(response.text().await.unwrap().contains("<main"));
    }
    for asset in ["phone.css", "phone.js"] {
        assert_eq!(world.get(&format!("/phone/assets/{asset}")).send().await.unwrap().status(), 200);
    }
    assert_eq!(world.get("/").send().await.unwrap().headers()[LOCATION], "/phone");
    world.post_api("reset", json!({})).await;
}
