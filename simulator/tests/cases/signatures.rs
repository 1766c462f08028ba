//! Who may call ThumbSignIn: the habits of four kinds of signers; what is accepted beside them; and pages of other sites.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use signbridge_simulator::Options;

use crate::support::{App, World, authorization, stamp};

/// A call whose signed target may be written in another way than the one that is sent.
fn call(world: &World, (sent, signed): (&str, &str), headers: &[(&str, &str)]) -> RequestBuilder {
    let App { id, secret } = world.app();
    let request = world.get(sent).header("authorization", authorization((&id, &secret), "get", signed, headers));
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

async fn status(request: RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn four_kinds_of_signers_are_accepted() {
    let world = World::start().await;
    let now = stamp(0);
    let now = now.as_str();
    let host = world.simulator.upstream_url.strip_prefix("http://").unwrap();
    let target = "/ts/secure/authenticate?userId=alice";
    let json = "application/json";
    let signers: [(&str, &[(&str, &str)]); 4] = [
        ("Java", &[("accept", json), ("content-type", json), ("user-agent", "Mozilla/5.0  (X11)"), ("x-ts-date", now)]),
        ("Java, of getUser, and Gluu", &[("accept", json), ("content-type", json), ("x-ts-date", now)]),
        ("Node", &[("host", host), ("x-ts-date", now)]),
        ("clients of the Azure AD gateway", &[("x-ts-date", now)]),
    ];
    for (name, headers) in signers {
        assert_eq!(status(call(&world, (target, target), headers)).await, 200, "{name}");
    }
}

/// What the vendor's second integration sends (ThumbSignIn notes §1.5): `Host` and `X-Ts-Date` alone, the user id as it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_raw_user_id_is_read_as_both_signers_write_it() {
    let world = World::start().await;
    let now = stamp(0);
    let host = world.simulator.upstream_url.strip_prefix("http://").unwrap();
    let signed = "/ts/secure/register?userId=alice%40example.com";
    let authorization = {
        let App { id, secret } = world.app();
        authorization((&id, &secret), "get", signed, &[("host", host), ("x-ts-date", &now)])
    };
    let raw = format!(
        "GET /ts/secure/register?userId=alice@example.com HTTP/1.1\r\nHost: {host}\r\nX-Ts-Date: {now}\r\n\
         Authorization: {authorization}\r\nConnection: close\r\n\r\n"
    );
    let (received, _) = world.raw(raw.as_bytes(), Duration::from_secs(2));
    let text = String::from_utf8_lossy(&received);
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    assert_eq!(world.get_api("thumbsignin/transactions").await[0]["userId"], "alice@example.com");
    // In a path, where the signers differ: each piece encoded once more, or decoded.
    for signed in ["/ts/secure/devices/alice%2540example.com", "/ts/secure/devices/alice@example.com"] {
        let sent = ("/ts/secure/devices/alice%40example.com", signed);
        assert_eq!(status(call(&world, sent, &[("x-ts-date", &now)])).await, 200, "{signed}");
    }
    let blank = ("/ts/secure/devices/alice?note=a%20b", "/ts/secure/devices/alice?note=a+b");
    assert_eq!(status(call(&world, blank, &[("x-ts-date", &now)])).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn lenient_forms_are_accepted_and_other_algorithms_are_not() {
    let world = World::start().await;
    let now = stamp(0);
    let App { id, secret } = world.app();
    let target = "/ts/secure/authenticate?userId=alice";
    let good = authorization((&id, &secret), "get", target, &[("x-ts-date", &now)]);
    // As the Node signer writes the method where its caller does.
    let loud = authorization((&id, &secret), "GET", target, &[("x-ts-date", &now)]);
    assert_ne!(good, loud);
    let day = &now[..8];
    for (authorization, expected) in [
        (loud, 200),
        (good.replace(", ", ","), 200),
        (good.replace(", ", ",  "), 200),
        (good.replace(", Signed", &format!("/{day}, Signed")), 200),
        (good.replace("HmacSHA256", "HmacSHA512"), 401),
        (good.replace("HmacSHA256", "HmacMD5"), 401),
        (good.replace("HmacSHA256", "hmacsha256"), 401),
        (good.replace("HmacSHA256 ", ""), 401),
        (good.replace("x-ts-date", "accept"), 401),
        (good.replace(&id, &"0".repeat(32)), 401),
    ] {
        let request = world.get(target).header("authorization", &authorization).header("x-ts-date", &now);
        assert_eq!(status(request).await, expected, "{authorization}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_header_is_used_again_for_as_long_as_a_page_polls() {
    let world = World::start().await;
    let id = world.begin("/ts/secure/authenticate?userId=alice").await;
    let target = format!("/ts/secure/txn-status/{id}");
    for (ago, expected) in [(0, 200), (240, 200), (290, 200), (310, 401)] {
        let made = stamp(ago);
        let headers = [("accept", "application/json"), ("content-type", "application/json"), ("x-ts-date", made.as_str())];
        for _ in 0..3 {
            assert_eq!(status(call(&world, (&target, &target), &headers)).await, expected, "made {ago} s ago");
        }
    }
    // A cancel is another request: the header of the polls does not speak for it (ThumbSignIn notes §1.5).
    let (cancel, made) = (format!("{target}?cancelled=true"), stamp(0));
    let headers = [("accept", "application/json"), ("content-type", "application/json"), ("x-ts-date", made.as_str())];
    assert_eq!(status(call(&world, (&cancel, &target), &headers)).await, 401);
    assert_eq!(world.transaction_status(&id).await.0, "PENDING");
    assert_eq!(status(call(&world, (&cancel, &cancel), &headers)).await, 200);
    let unbounded = World::with(Options { signature_max_age: None, ..Options::default() }).await;
    let made = stamp(4000);
    let target = "/ts/secure/authenticate";
    let old = status(call(&unbounded, (target, target), &[("x-ts-date", &made)])).await;
    assert_eq!(old, 200, "without a bound, as the vendor does it");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_any_site_may_read_and_change_nothing() {
    let world = World::start().await;
    let asked = |method: &'static str| {
        let request = world.client.request(Method::OPTIONS, world.url("/ts/secure/txn-status/7e8e"));
        let request = request.header("origin", "https://gluu.example").header("access-control-request-method", method);
        request.header("access-control-request-headers", "accept,authorization,content-type,x-ts-date").send()
    };
    let preflight = asked("GET").await.unwrap();
    assert_eq!(preflight.status(), 204);
    let header = |name: &str| preflight.headers()[name].to_str().unwrap().to_lowercase();
    assert_eq!(header("access-control-allow-origin"), "*");
    assert_eq!(header("access-control-allow-methods"), "get");
    assert_eq!(header("access-control-allow-headers"), "accept, authorization, content-type, x-ts-date");
    assert!(preflight.headers().get("access-control-allow-credentials").is_none());
    let other = asked("DELETE").await.unwrap();
    assert_eq!(other.headers()["access-control-allow-methods"], "GET", "a browser refuses the DELETE then");
    assert_eq!(world.get_api("requests").await, json!([]), "no call was made yet");

    for target in ["/ts/secure/authenticate", "/ts/secure/txn-status/7e8e"] {
        let answer = world.signed(Method::GET, target).header("origin", "https://gluu.example").send().await.unwrap();
        assert_eq!(answer.headers()["access-control-allow-origin"], "*", "{target}");
    }
    let unsigned = world.get("/ts/secure/authenticate").send().await.unwrap();
    assert_eq!((unsigned.status().as_u16(), unsigned.headers()["access-control-allow-origin"].to_str().unwrap()), (401, "*"));
    for closed in ["/", "/phone/api/apps", "/phone/apps"] {
        let request = world.client.request(Method::OPTIONS, world.url(closed)).header("origin", "https://gluu.example");
        let answer = request.header("access-control-request-method", "GET").send().await.unwrap();
        assert!(answer.headers().get("access-control-allow-origin").is_none(), "{closed}");
    }
    let logged: Value = world.get_api("requests").await;
    assert_eq!(logged.as_array().unwrap().len(), 3);
}
