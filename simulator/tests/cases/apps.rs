//! Applications: created by scripts and by a page, each with its own credentials and phones.

use reqwest::Method;
use reqwest::header::{HOST, LOCATION, ORIGIN};
use serde_json::{Value, json};
use signbridge_simulator::{Logo, Options};

use crate::support::{App, World};

const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const FORM: &str = "multipart/form-data; boundary=x";

async fn created(world: &World, name: &str) -> App {
    App::of(&world.post_api("apps", json!({"name": name})).await)
}

/// The form of the page, as a browser sends it.
fn form(name: &str, logo: &[u8]) -> Vec<u8> {
    let field = |name: &str, value: &str| format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let file = "--x\r\nContent-Disposition: form-data; name=\"logo\"; filename=\"logo.png\"\r\nContent-Type: image/png\r\n\r\n";
    let texts = field("name", name) + &field("description", "Fruit & more");
    [texts.as_bytes(), file.as_bytes(), logo, b"\r\n--x--\r\n"].concat()
}

async fn post(world: &World, body: Vec<u8>) -> reqwest::Response {
    world.client.post(world.url("/phone/apps")).header("content-type", FORM).body(body).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_create_applications_and_list_them() {
    let world = World::start().await;
    let order = json!({"name": " Shop ", "description": "Fruit", "logo": PNG});
    let shop = world.post_api("apps", order).await;
    let hex = |value: &Value, length: usize| {
        let text = value.as_str().unwrap();
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    assert!(hex(&shop["appId"], 32) && hex(&shop["secret"], 64), "{shop}");
    assert_eq!((shop["name"].as_str(), shop["description"].as_str()), (Some("Shop"), Some("Fruit")));
    assert_eq!(shop["logo"], format!("data:image/png;base64,{PNG}"));
    let first = &world.simulator.options;
    let listed = world.get_api("apps").await;
    let own = json!({"appId": first.app_id, "secret": first.secret, "name": "Signbridge", "description": "", "logo": null});
    assert_eq!(listed, json!([own, shop]));
    for wrong in [
        json!({}),
        json!({"name": "  "}),
        json!({"name": "x".repeat(61)}),
        json!({"name": "x", "description": "x".repeat(501)}),
        json!({"name": "x", "logo": "not base64!"}),
        json!({"name": "x", "logo": "R0lGODlhAQABAAAAADs="}),
        json!({"name": "x", "secret": "chosen"}),
    ] {
        assert_eq!(world.try_api(Method::POST, "apps", wrong.clone()).await.0, 400, "{wrong}");
    }
    world.post_api("reset", Value::Null).await;
    assert_eq!(world.get_api("apps").await, listed, "a reset keeps applications");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_options_name_the_first_application() {
    let logo = Logo::new(b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>").unwrap();
    let (app_id, secret) = ("0123456789abcdef".repeat(2), "0011223344556677".repeat(4));
    let options = Options {
        app_id: app_id.clone(),
        secret: secret.clone(),
        app_name: "Shop".to_owned(),
        app_description: "Fruit".to_owned(),
        app_logo: Some(logo),
        ..Options::default()
    };
    // The same after a restart.
    for _ in 0..2 {
        let world = World::with(options.clone()).await;
        let listed = world.get_api("apps").await;
        assert_eq!((listed[0]["appId"].as_str(), listed[0]["secret"].as_str()), (Some(app_id.as_str()), Some(secret.as_str())));
        assert_eq!((listed[0]["name"].as_str(), listed[0]["description"].as_str()), (Some("Shop"), Some("Fruit")));
        assert!(listed[0]["logo"].as_str().unwrap().starts_with("data:image/svg+xml;base64,"));
        let id = world.begin("/ts/secure/authenticate?userId=alice").await;
        let shown = world.get(&format!("/phone/t/{id}")).send().await.unwrap().text().await.unwrap();
        assert!(shown.contains("Shop") && shown.contains("class=\"logo\""), "{shown}");
        world.simulator.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_application_has_its_own_credentials_transactions_and_phones() {
    let world = World::start().await;
    let (shop, bank) = (created(&world, "Shop").await, created(&world, "Bank").await);
    assert_eq!(world.thumbsignin_by(&shop, "/ts/secure/devices/alice").await.1["devices"], json!([]));
    let mixed = App { id: shop.id.clone(), secret: bank.secret.clone() };
    assert_eq!(world.thumbsignin_by(&mixed, "/ts/secure/authenticate").await.0, 401);

    let registration = world.begin_by(&shop, "/ts/secure/register?userId=alice").await;
    assert_eq!(world.act_on(&registration, json!({"action": "approve"})).await.0, 200);
    let status = format!("/ts/secure/txn-status/{registration}");
    assert_eq!(world.thumbsignin_by(&shop, &status).await.1["userId"], "alice");
    for (other, target) in [
        (&bank, status.clone()),
        (&bank, format!("{status}?cancelled=true")),
        (&bank, format!("/ts/secure/getUser/{registration}")),
        (&world.app(), status.clone()),
    ] {
        assert_eq!(world.thumbsignin_by(other, &target).await.0, 404, "{target}");
    }

    for (app, reason) in [(&shop, ""), (&bank, "NOT_REGISTERED")] {
        let id = world.begin_by(app, "/ts/secure/authenticate?userId=alice").await;
        world.act_on(&id, json!({"action": "approve"})).await;
        assert_eq!(world.thumbsignin_by(app, &format!("/ts/secure/txn-status/{id}")).await.1["failureReason"], reason);
    }
    // The same phone in another application is no second registration; in the same one it is.
    let devices = world.get_api("thumbsignin/devices?userId=alice").await;
    let phone = devices.as_array().unwrap().iter().find(|device| device["appId"] == shop.id).unwrap()["deviceId"].clone();
    for reason in ["", "ALREADY_REGISTERED"] {
        let id = world.begin_by(&bank, "/ts/secure/register?userId=alice").await;
        world.act_on(&id, json!({"action": "approve", "deviceId": phone})).await;
        assert_eq!(world.thumbsignin_by(&bank, &format!("/ts/secure/txn-status/{id}")).await.1["failureReason"], reason);
    }
    let gone = format!("/ts/secure/deregister/alice/devices/{}", phone.as_str().unwrap());
    assert_eq!(world.thumbsignin_by(&bank, &gone).await.0, 200);
    assert_eq!(world.thumbsignin_by(&bank, "/ts/secure/devices/alice").await.1["devices"], json!([]));
    assert_eq!(world.thumbsignin_by(&shop, "/ts/secure/devices/alice").await.1["devices"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_creates_one_and_shows_its_id_and_secret() {
    let world = World::start().await;
    let page = |path: String| {
        let request = world.get(&path);
        async move { request.send().await.unwrap().text().await.unwrap() }
    };
    assert!(page("/phone".to_owned()).await.contains("href=\"/phone/apps\""));
    let empty = page("/phone/apps".to_owned()).await;
    assert!(empty.contains("enctype=\"multipart/form-data\"") && empty.contains("Signbridge"), "{empty}");
    assert!(!empty.contains("http-equiv=\"refresh\"") && !empty.contains("data-version"), "nothing takes away what was typed");

    let answer = post(&world, form("<Shop>", b"<svg onload=\"alert(1)\"></svg>")).await;
    assert_eq!(answer.status(), 303);
    let location = answer.headers()[LOCATION].to_str().unwrap().to_owned();
    let app = world.get_api("apps").await[1].clone();
    assert_eq!(location, format!("/phone/apps/{}", app["appId"].as_str().unwrap()));
    let shown = page(location).await;
    for text in [app["appId"].as_str().unwrap(), app["secret"].as_str().unwrap(), "&lt;Shop&gt;", "Fruit &amp; more"] {
        assert!(shown.contains(text), "{text} in {shown}");
    }
    assert!(!shown.contains("<Shop>") && !shown.contains("<svg onload"), "{shown}");
    assert!(shown.contains("<img class=\"logo\" src=\"data:image"), "{shown}");
    let id = world.begin_by(&App::of(&app), "/ts/secure/authenticate?userId=alice").await;
    assert!(page(format!("/phone/t/{id}")).await.contains("&lt;Shop&gt;"));

    let again = post(&world, form("Bank", b"")).await;
    assert_eq!(again.status(), 303, "without a logo");
    for (body, expected) in [
        (form("", b""), "an application has a name"),
        (form("Bank", b"GIF89a"), "a logo is a PNG or SVG image"),
        (form("Bank", "<svg>".repeat(14_000).as_bytes()), "at most 64 KiB"),
        (form("Bank", b"")[..100].to_vec(), "the form could not be read"),
    ] {
        let answer = post(&world, body).await;
        assert_eq!(answer.status(), 400, "{expected}");
        let text = answer.text().await.unwrap();
        assert!(text.contains(expected) && text.contains("role=\"alert\""), "{text}");
        let is_read = !expected.contains("could not be read");
        assert_eq!(text.contains("value=\"Fruit &amp; more\""), is_read, "what was typed is there again");
    }
    assert_eq!(world.get_api("apps").await.as_array().unwrap().len(), 3);
    assert_eq!(world.get("/phone/apps/unknown").send().await.unwrap().status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_our_own_page_creates_one() {
    let world = World::start().await;
    for (name, value) in [
        (ORIGIN.as_str(), "https://evil.example"),
        (ORIGIN.as_str(), "null"),
        ("sec-fetch-site", "cross-site"),
        (HOST.as_str(), "evil.example"),
    ] {
        let request = world.client.post(world.url("/phone/apps")).header("content-type", FORM).body(form("Shop", b""));
        assert_eq!(request.header(name, value).send().await.unwrap().status(), 403, "{name}: {value}");
        let request = world.client.post(world.url("/phone/api/apps")).json(&json!({"name": "Shop"}));
        assert_eq!(request.header(name, value).send().await.unwrap().status(), 403, "{name}: {value}");
    }
    let rebound = world.get("/phone/apps").header(HOST, "evil.example").send().await.unwrap();
    assert_eq!(rebound.status(), 403);
    assert_eq!(world.get_api("apps").await.as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_registers_again_on_its_page() {
    let world = World::start().await;
    let id = world.begin("/ts/secure/register?userId=alice").await;
    let path = format!("/phone/t/{id}");
    let shown = world.get(&path).send().await.unwrap().text().await.unwrap();
    let device = world.get_api("thumbsignin/devices?userId=alice").await[0]["deviceId"].as_str().unwrap().to_owned();
    assert!(shown.contains("name=\"deviceId\"") && shown.contains(&format!("<option value=\"{device}\">")), "{shown}");
    let form = [("deviceId", device.as_str()), ("decision", "approve")];
    assert_eq!(world.client.post(world.url(&path)).form(&form).send().await.unwrap().status(), 303);
    assert_eq!(world.transaction_status(&id).await.1, "ALREADY_REGISTERED");

    let id = world.begin("/ts/secure/register?userId=alice").await;
    let form = [("deviceId", ""), ("decision", "approve")];
    world.client.post(world.url(&format!("/phone/t/{id}"))).form(&form).send().await.unwrap();
    assert_eq!(world.transaction_status(&id).await.0, "COMPLETED_SUCCESSFUL");
    let phone = world.get("/phone/thumbsignin/alice").send().await.unwrap().text().await.unwrap();
    assert!(phone.contains("2 devices") && phone.contains("Registered for") && phone.contains("Virtual phone 2"), "{phone}");
    let fresh = world.begin("/ts/secure/register?userId=dora").await;
    let shown = world.get(&format!("/phone/t/{fresh}")).send().await.unwrap().text().await.unwrap();
    assert!(!shown.contains("name=\"deviceId\""), "there is nothing to choose");
}
