//! Requests of the vendor's own clients, byte for byte as they were recorded on a machine of ours (SecSign notes §2.4). Where
//! a recording names a session, the simulator is told to give the first session that name.

use signbridge_simulator::{Options, PinAccount};

use crate::support::World;

/// What was sent: the lines of its head, and its body.
fn request(head: &[&str], body: &[u8]) -> Vec<u8> {
    [head.join("\r\n").as_bytes(), b"\r\n\r\n", body].concat()
}

async fn server(sessions: &[(i64, &str)], legacy_release: bool) -> World {
    World::with(Options {
        secsign_ids: vec!["zoidberg".to_owned()],
        session_ids: sessions.iter().map(|(id, request_id)| (*id, (*request_id).to_owned())).collect(),
        legacy_release,
        pin_account: Some(PinAccount("pinuser".to_owned(), "pinpass".to_owned())),
        ..Options::default()
    })
    .await
}

const NODE_REQUEST_ID: &str = "7DB1FC51C425A3EC8D9818C71929916BD3D746EBC4044CFD09D23AA07891E6E0";
const NODE_SESSION: (i64, &str) = (4_088_003_598_462_927_442, NODE_REQUEST_ID);
const NODE_CREATE: &str = "secsignid=zoidberg&servicename=Node.js%20test&serviceaddress=localhost&\
                           request=ReqRequestAuthSession&apimethod=SecSignIDApi_Node.js";

fn node(body: &str) -> Vec<u8> {
    let length = format!("Content-Length: {}", body.len());
    let head = [
        "POST / HTTP/1.1",
        "Content-Type: application/x-www-form-urlencoded",
        &length,
        "Host: localhost:28443",
        "Connection: keep-alive",
    ];
    request(&head, body.as_bytes())
}

fn node_about(what: &str) -> Vec<u8> {
    node(&format!(
        "secsignid=zoidberg&requestid={NODE_REQUEST_ID}&authsessionid=4088003598462927442&request={what}&\
         apimethod=SecSignIDApi_Node.js"
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn node_asks_looks_releases_and_withdraws() {
    let world = server(&[NODE_SESSION], false).await;
    let calls = [
        node(NODE_CREATE),
        node_about("ReqGetAuthSessionState"),
        node_about("ReqReleaseAuthSession"),
        node_about("ReqCancelAuthSession"),
    ];
    assert_eq!(calls.each_ref().map(Vec::len), [267, 325, 324, 323]);
    let [create, state, release, cancel] = calls;
    let (status, created) = world.replay(&create);
    let expected = format!(
        "authsessionid=4088003598462927442&servicename=Node.js test&secsignid=zoidberg&authsessionstate=1&\
         serviceaddress=localhost&requestid={NODE_REQUEST_ID}&authsessionicondata=iVBORw0KGgo"
    );
    assert!(status == 200 && created.starts_with(&expected), "{created}");
    let told = |state: u8| format!("authsessionid=4088003598462927442&secsignid=zoidberg&authsessionstate={state}");
    assert_eq!(world.replay(&state), (200, told(1)));
    let (status, refused) = world.replay(&release);
    assert!(status == 200 && refused.starts_with("error=500&errormsg=The server does not support"), "{refused}");
    assert_eq!(world.replay(&state), (200, told(1)));
    assert_eq!(world.replay(&cancel), (200, "authsessionid=4088003598462927442&authsessionstate=6".to_owned()));
    assert!(world.replay(&state).1.starts_with("error=400&errormsg="));

    let old = server(&[NODE_SESSION], true).await;
    assert_eq!(old.replay(&create).0, 200);
    let released = (200, "authsessionid=4088003598462927442&authsessionstate=1".to_owned());
    assert_eq!(old.replay(&release), released, "nothing was approved, so it stays");
    assert_eq!(old.replay(&cancel).1, "authsessionid=4088003598462927442&authsessionstate=6");

    let unknown = node(&NODE_CREATE.replace("zoidberg", "nobody"));
    let error = "error=500&errormsg=A SecSign ID does not exist with that name.&errorcode=20000";
    assert_eq!(world.replay(&unknown), (200, error.to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn node_writes_other_letters_and_a_url_with_a_query() {
    let world = server(&[], false).await;
    let body = "secsignid=zoidberg&servicename=Node.js%20test%20%C3%A9%20%26%20co&\
                serviceaddress=https%3A%2F%2Fidp.example%2Flogin%3Fa%3D1%26b%3D%C3%BC&\
                request=ReqRequestAuthSession&apimethod=SecSignIDApi_Node.js";
    let (_, created) = world.replay(&node(body));
    assert!(created.contains("&servicename=Node.js test é & co&"), "{created}");
    assert!(created.contains("&serviceaddress=https://idp.example/login?a=1&b=ü&requestid="), "{created}");
}

fn php(body: &str) -> Vec<u8> {
    let length = format!("Content-Length: {}", body.len());
    let head = [
        "POST / HTTP/1.1",
        "Host: 127.0.0.1:28100",
        "Accept: */*",
        "Referer: SecSignIDApi_PHP",
        &length,
        "Content-Type: application/x-www-form-urlencoded",
    ];
    request(&head, body.as_bytes())
}

/// The middle of this request id was not kept.
#[tokio::test(flavor = "multi_thread")]
async fn php_asks_looks_and_withdraws() {
    let request_id = format!("E8F5{}399E", "0".repeat(56));
    let world = server(&[(6_190_471_837_786_839_133, request_id.as_str())], false).await;
    let create = "apimethod=SecSignIDApi_PHP&request=ReqRequestAuthSession&secsignid=zoidberg&servicename=Pr%C3%BCf+%26+Co&\
                  serviceaddress=https%3A%2F%2Fidp.example%2Flogin&pluginname=my-plugin+1.0&showaccesspass=true";
    assert_eq!(create.len(), 198);
    let (_, created) = world.replay(&php(create));
    assert!(created.starts_with("authsessionid=6190471837786839133&servicename=Prüf & Co&secsignid=zoidberg&"), "{created}");
    let about = |what: &str| {
        php(&format!(
            "apimethod=SecSignIDApi_PHP&secsignid=zoidberg&authsessionid=6190471837786839133&\
             requestid={request_id}&request={what}"
        ))
    };
    let state = world.replay(&about("ReqGetAuthSessionState")).1;
    assert_eq!(state, "authsessionid=6190471837786839133&secsignid=zoidberg&authsessionstate=1");
    let cancelled = world.replay(&about("ReqCancelAuthSession")).1;
    assert_eq!(cancelled, "authsessionid=6190471837786839133&authsessionstate=6");
}

/// By way of the site's PHP script, which passes the body on: it ends with `&`, and its first SecSign ID is as it was typed.
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_asks_looks_and_withdraws() {
    let request_id = format!("17B3{}257A", "0".repeat(56));
    let world = server(&[(-207_673_675_931_971_274, request_id.as_str())], false).await;
    let address = format!("https%3A%2F%2Fh%2F{}", "x".repeat(255 - "https://h/".len()));
    let create = format!(
        "request=ReqRequestAuthSession&secsignid=%20Zoidberg%20&servicename=My%20%C3%9Cnit&serviceaddress={address}&\
         showaccesspass=true&pluginname=idp&apimethod=SecSignIDApi_JS&"
    );
    let (_, created) = world.replay(&php(&create));
    let expected = "authsessionid=-207673675931971274&servicename=My Ünit&secsignid=zoidberg&authsessionstate=1&";
    assert!(created.starts_with(expected), "{created}");
    let about = |what: &str| {
        php(&format!(
            "request={what}&secsignid=zoidberg&authsessionid=-207673675931971274&requestid={request_id}&\
             apimethod=SecSignIDApi_JS&"
        ))
    };
    let state = world.replay(&about("ReqGetAuthSessionState")).1;
    assert_eq!(state, "authsessionid=-207673675931971274&secsignid=zoidberg&authsessionstate=1");
    let cancelled = world.replay(&about("ReqCancelAuthSession")).1;
    assert_eq!(cancelled, "authsessionid=-207673675931971274&authsessionstate=6");
}

#[tokio::test(flavor = "multi_thread")]
async fn perl_asks() {
    let world = server(&[], false).await;
    let body = "secsignid=%20%20Zoidberg%20&servicename=Your%20Website%20%26%20Co&\
                serviceaddress=http%3A%2F%2Fwww.yoursite.com%2F%3Fa%3Db&\
                request=ReqRequestAuthSession&apimethod=SecSignIDApi_Perl";
    let head = [
        "POST / HTTP/1.1",
        "Host: 127.0.0.1:28100",
        "Accept: */*",
        "Referer: SecSignIDApi_Perl",
        "Content-Length: 179",
        "Content-Type: application/x-www-form-urlencoded",
    ];
    let (_, created) = world.replay(&request(&head, body.as_bytes()));
    assert!(created.contains("&servicename=Your Website & Co&secsignid=zoidberg&authsessionstate=1&"), "{created}");
    assert!(created.contains("&serviceaddress=http://www.yoursite.com/?a=b&requestid="), "{created}");
}

const ACCOUNT: &str = "Authorization: Basic cGludXNlcjpwaW5wYXNz";
const KEYCLOAK_SESSION: (i64, &str) = (-4_453_738_303_638_815_261, "");

fn keycloak(line: &str, body: &[u8]) -> Vec<u8> {
    let line = format!("{line} HTTP/1.1");
    let length = format!("Content-Length: {}", body.len());
    let mut head = vec![line.as_str(), ACCOUNT, "Content-type: application/json"];
    if !body.is_empty() {
        head.push(&length);
    }
    head.extend(["Host: 127.0.0.1:28100", "Connection: Keep-Alive"]);
    head.extend(["User-Agent: Apache-HttpClient/4.5.14 (Java/17.0.15)", "Accept-Encoding: gzip,deflate"]);
    request(&head, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn keycloak_asks_looks_and_withdraws() {
    let world = server(&[KEYCLOAK_SESSION], false).await;
    let asked = "GET /rest/v2/AuthSession?secsignid=Zoidberg&servicename=Realm+%C3%9C%40Keycloak&\
                 serviceaddress=https%3A%2F%2Fkc.example%2F&showaccesspassicons=";
    let (status, created) = world.replay(&keycloak(&format!("{asked}true"), b""));
    let expected = "{\"authsessionid\":-4453738303638815261,\"secsignid\":\"zoidberg\",\"authsessionicondata\":\"iVBORw0KGgo";
    assert!(status == 200 && created.starts_with(expected), "{created}");
    let session = "/rest/v2/AuthSession/-4453738303638815261";
    let state = world.replay(&keycloak(&format!("GET {session}"), b""));
    assert_eq!(state, (200, "{\"authsessionstate\":1}".to_owned()));
    assert_eq!(world.replay(&keycloak(&format!("DELETE {session}"), b"")).0, 200);
    assert_eq!(world.replay(&keycloak(&format!("GET {session}"), b"")).0, 404);
    let transfer =
        format!("{asked}false&transactiontitle=Transfer&transactiondescr=Pay+5+EUR&transactiondata=iban%3DDE%3Bamount%3D5%3B");
    let (status, created) = world.replay(&keycloak(&transfer, b""));
    assert!(status == 200 && !created.contains("authsessionicondata"), "{created}");
    assert_eq!(world.replay(&keycloak(&transfer, b"")).0, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn keycloak_enrols() {
    let world = server(&[], false).await;
    for (line, expected) in [
        ("GET /rest/v2/PluginRegistration/ServerInfo", "{\"majorVersion\":10,\"minorVersion\":7,\"patchVersion\":5}"),
        ("GET /rest/v2/SecSignId/newuser?exist", "{\"exist\":false}"),
        ("GET /rest/v1/Device/zoidberg/Count", "{\"count\":1}"),
    ] {
        assert_eq!(world.replay(&keycloak(line, b"")), (200, expected.to_owned()), "{line}");
    }
    let (status, code) = world.replay(&keycloak("GET /rest/v2/SecSignId/newuser?createqrcode", b""));
    assert!(status == 200 && code.starts_with("{\"createurl\":\"http%3A%2F%2F") && code.contains("\"qrcodebase64\""), "{code}");
    let registration = concat!(
        r#"{"pluginType":"4","pluginName":"Keycloak Add-On","#,
        r#""siteName":"Keycloak Add-On at kc.example","url":"https:\/\/kc.example\/"}"#
    );
    for (line, body, expected) in [
        ("POST /rest/v2/PluginRegistration", registration, "{\"accountName\":\""),
        ("POST /rest/v2/SecSignId/", r#"{"enable":"true","secsignid":"newuser","email":"a@b.example"}"#, "{\"restoreurl\":\""),
        (
            "POST /rest/v2/AccessToken/Info",
            r#"{"serviceurl":"https:\/\/kc.example\/","secsignid":"zoidberg"}"#,
            "{\"authmethods\":[\"SecSignID\"],\"accessAllowedWithoutToken\":true}",
        ),
    ] {
        let (status, answer) = world.replay(&keycloak(line, body.as_bytes()));
        assert!(status == 200 && answer.starts_with(expected), "{line}: {status} {answer}");
    }
    // The connector writes its bodies in ISO 8859-1, whatever it says of them.
    let latin = b"{\"enable\":\"true\",\"secsignid\":\"gro\xDF\"}";
    assert_eq!(world.replay(&keycloak("POST /rest/v2/SecSignId/", latin)).0, 200);
    assert_eq!(world.get_api("requests").await.as_array().unwrap().last().unwrap()["user"], "groß");
}

#[tokio::test(flavor = "multi_thread")]
async fn typo3_sends_forms_to_the_rest_api() {
    let world = server(&[], false).await;
    for (path, body, expected) in [
        (
            "/rest/v2/PluginRegistration",
            "url=https%3A%2F%2Fidp.example&siteName=My+site&pluginName=My+plugin+1.0&pluginType=4",
            "{\"accountName\":\"",
        ),
        ("/rest/v2/SecSignId/", "secsignid=newuser&email=a%40b.example&enable=true", "{\"restoreurl\":\""),
        (
            "/rest/v2/AccessToken",
            "secsignid=zoidberg&serviceurl=https%3A%2F%2Fidp.example&authmethod=SecSignID&capabilities=TOTPSecret",
            "{\"tokenid\":\"",
        ),
    ] {
        let (line, length) = (format!("POST {path} HTTP/1.1"), format!("Content-Length: {}", body.len()));
        let head = [
            line.as_str(),
            "Host: 127.0.0.1:28100",
            ACCOUNT,
            "Accept: */*",
            "Referer: SecSignIDApi_PHP",
            &length,
            "Content-Type: application/x-www-form-urlencoded",
        ];
        let (status, answer) = world.replay(&request(&head, body.as_bytes()));
        assert!(status == 200 && answer.starts_with(expected), "{path}: {status} {answer}");
    }
    let log = world.get_api("requests").await;
    let users: Vec<_> = log.as_array().unwrap().iter().map(|entry| entry["user"].as_str().unwrap_or_default()).collect();
    assert_eq!(users, ["", "newuser", "zoidberg"]);
}
