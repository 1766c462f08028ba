//! Who may use the phone, and from where.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use reqwest::Method;
use reqwest::header::{HOST, LOCATION, ORIGIN};
use serde_json::json;
use signbridge_simulator::Options;

use crate::support::World;

#[tokio::test(flavor = "multi_thread")]
async fn the_api_refuses_pages_of_other_sites_and_accepts_scripts() {
    let world = World::start().await;
    let own = world.simulator.phone_url.to_owned();
    let port = own.rsplit(':').next().unwrap();
    for (name, value, expected) in [
        ("origin", own.clone(), 204),
        ("origin", "http://127.0.0.1:1".to_owned(), 403),
        ("origin", format!("http://localhost:{port}"), 403),
        ("origin", "https://evil.example".to_owned(), 403),
        ("origin", "null".to_owned(), 403),
        ("sec-fetch-site", "cross-site".to_owned(), 403),
        ("sec-fetch-site", "same-site".to_owned(), 403),
        ("sec-fetch-site", "same-origin".to_owned(), 204),
        ("host", "evil.example".to_owned(), 403),
        ("host", format!("127.0.0.1.evil.example:{port}"), 403),
        ("host", format!("localhost:{port}"), 204),
        ("host", format!("[::1]:{port}"), 204),
        ("host", "192.168.1.1".to_owned(), 403),
    ] {
        let request = world.client.post(world.url("/phone/api/reset")).header(name, &value);
        assert_eq!(request.send().await.unwrap().status().as_u16(), expected, "{name}: {value}");
    }
    let refused =
        world.client.get(world.url("/phone/api/requests")).header(ORIGIN, "https://evil.example").send().await.unwrap();
    assert_eq!(refused.status(), 403);
    assert_eq!(refused.json::<serde_json::Value>().await.unwrap()["error"], "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_are_accepted_from_our_own_pages_only() {
    let world = World::start().await;
    let own = world.simulator.phone_url.to_owned();
    for (origin, expected) in [(Some(own.as_str()), 303), (None, 303), (Some("null"), 403), (Some("https://evil.example"), 403)]
    {
        let mut request = world.client.post(world.url("/phone/secsign/mallory")).form(&[("action", "create")]);
        if let Some(origin) = origin {
            request = request.header(ORIGIN, origin);
        }
        assert_eq!(request.send().await.unwrap().status().as_u16(), expected, "{origin:?}");
    }
    let rebound = world.get("/phone").header(HOST, "evil.example").send().await.unwrap();
    assert_eq!(rebound.status(), 403);
    let linked = world.get("/phone").header("sec-fetch-site", "cross-site").send().await.unwrap();
    assert_eq!(linked.status(), 200, "a link may lead here");
}

/// The address of this machine that is not the loopback one, if it has a network.
fn network_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_loopback())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wider_phone_listener_opens_the_pages_and_nothing_else() {
    let wide = SocketAddr::from(([0, 0, 0, 0], 0));
    let world = World::with(Options { phone_listen: Some(wide), ..Options::default() }).await;
    assert!(world.simulator.upstream_url.starts_with("http://127.0.0.1:"));
    world.get_api("secsign").await;
    world.ask("alice").await;
    let Some(address) = network_address() else { return };
    let phone = world.simulator.phone_url.as_str();
    assert!(phone.starts_with(&format!("http://{address}:")), "{phone}");
    let begun = world.thumbsignin("/ts/secure/authenticate?userId=alice").await.1;
    let link = begun["deepLinkUrl"].as_str().unwrap();
    assert!(link.starts_with(phone));
    let status = |method: Method, url: String| {
        let request = world.client.request(method, url);
        async move { request.send().await.unwrap().status().as_u16() }
    };
    assert_eq!(status(Method::GET, link.to_owned()).await, 200);
    assert_eq!(status(Method::GET, format!("{phone}/phone/secsign/alice")).await, 200);
    assert_eq!(status(Method::GET, format!("{phone}/phone/api/requests")).await, 403);
    assert_eq!(status(Method::POST, format!("{phone}/")).await, 403);
    assert_eq!(status(Method::GET, format!("{phone}/ts/secure/authenticate")).await, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_url_of_ones_own_is_used_in_links_and_accepted_as_host() {
    let options = Options { phone_url: Some("https://phone.example/".to_owned()), ..Options::default() };
    let world = World::with(options).await;
    let (_, begun) = world.thumbsignin("/ts/secure/authenticate?userId=alice").await;
    assert!(begun["deepLinkUrl"].as_str().unwrap().starts_with("https://phone.example/phone/t/"));
    let page = world.get("/phone").header(HOST, "phone.example").send().await.unwrap();
    assert_eq!(page.status(), 200);
    let form = world.client.post(world.url("/phone/secsign/dave")).form(&[("action", "create")]);
    let sent = form.header(HOST, "phone.example").header(ORIGIN, "https://phone.example").send().await.unwrap();
    assert_eq!((sent.status().as_u16(), sent.headers()[LOCATION].to_str().unwrap()), (303, "/phone/secsign/dave"));
    let api = world.client.post(world.url("/phone/api/reset")).header(HOST, "phone.example").json(&json!({}));
    assert_eq!(api.send().await.unwrap().status(), 403, "the API stays on this machine");
}
