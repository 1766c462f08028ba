//! The phone client against a server that misbehaves.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use self::scripted::{Reply, Scripted, nobody};
use super::phone::MAX_BODY;
use super::{Delivery, OutboundError, PhoneAnswer, PhoneClient, PhoneRequest, SendError};

pub(crate) mod scripted;

const LIMIT: Duration = Duration::from_secs(5);
const SHORT: Duration = Duration::from_millis(300);

fn client() -> PhoneClient {
    super::phone_service(None).unwrap()
}

async fn post(server: &Scripted, limit: Duration) -> Result<PhoneAnswer, SendError> {
    client().send(PhoneRequest::PostForm(server.url(), "a=b".to_owned()), Delivery::AtMostOnce, limit).await
}

#[tokio::test]
async fn an_answer_comes_back_whole_with_its_status() {
    let server = Scripted::start(|_| Reply::status(418, "short and stout")).await;
    let answer = post(&server, LIMIT).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (418, b"short and stout".as_slice()));
    let request = &server.received()[0];
    assert_eq!((request.method.as_str(), request.target.as_str(), request.body.as_str()), ("POST", "/", "a=b"));
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(request.header("user-agent"), Some(super::USER_AGENT));
    assert_eq!((request.header("accept-encoding"), request.header("cookie"), request.header("referer")), (None, None, None));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let canary = Scripted::start(|_| Reply::ok("reached")).await;
    let target = canary.url().to_string();
    let server =
        Scripted::start(move |_| Reply::Answer { status: 307, headers: vec![("location", target.clone())], body: Vec::new() })
            .await;
    assert_eq!(post(&server, LIMIT).await.unwrap().status, 307);
    assert!(canary.received().is_empty());
}

#[tokio::test]
async fn a_long_answer_is_cut_off() {
    let fits = Scripted::start(|_| Reply::ok(vec![b'x'; MAX_BODY])).await;
    assert_eq!(post(&fits, LIMIT).await.unwrap().body.len(), MAX_BODY);
    let announced = Scripted::start(|_| Reply::ok(vec![b'x'; MAX_BODY + 1])).await;
    assert!(matches!(post(&announced, LIMIT).await, Err(SendError::TooLong { status: 200 })));
    let endless = Scripted::start(|_| Reply::Endless).await;
    let error = post(&endless, LIMIT).await.err().unwrap();
    assert!(matches!(error, SendError::TooLong { status: 200 }) && !error.never_left());
}

#[tokio::test]
async fn a_slow_answer_is_cut_by_the_total_limit() {
    for reply in [|| Reply::Silence, || Reply::HalfAnswer] {
        let server = Scripted::start(move |_| reply()).await;
        let error = post(&server, SHORT).await.err().unwrap();
        assert!(matches!(error, SendError::TimedOut(limit) if limit == SHORT) && !error.never_left());
    }
}

#[tokio::test]
async fn a_refused_connection_never_left_and_a_reset_may_have_arrived() {
    for delivery in [Delivery::AtMostOnce, Delivery::Repeatable] {
        let refused = client().send(PhoneRequest::Get(nobody(), Vec::new()), delivery, LIMIT).await.err().unwrap();
        assert!(refused.never_left(), "{refused:?}");
    }
    let server = Scripted::start(|_| Reply::Reset).await;
    let reset = post(&server, LIMIT).await.err().unwrap();
    assert!(matches!(reset, SendError::Broken(_)) && !reset.never_left());
    assert_eq!(server.received().len(), 1, "what must happen once is sent once");
}

#[tokio::test]
async fn a_request_that_cannot_be_written_never_left() {
    let server = Scripted::start(|_| Reply::ok("")).await;
    let request = PhoneRequest::Get(server.url(), vec![("x-broken", "a\r\nb: c".to_owned())]);
    assert!(client().send(request, Delivery::Repeatable, LIMIT).await.err().unwrap().never_left());
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn an_error_never_tells_the_url() {
    let mut url = nobody();
    url.set_path("/txn-status/c0ffee");
    let error = client().send(PhoneRequest::Get(url, Vec::new()), Delivery::Repeatable, LIMIT).await.err().unwrap();
    assert!(!format!("{error:?} {error}").contains("c0ffee"));
}

/// A TLS server for one connection that reports what it could decrypt: nothing where the client hung up.
fn tls_server() -> (u16, mpsc::Receiver<Vec<u8>>) {
    let chain = CertificateDer::pem_slice_iter(include_bytes!("testdata/server.pem")).collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("testdata/server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (report, reported) = mpsc::channel();
    std::thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        let connection = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = rustls::StreamOwned::new(connection, socket);
        let mut heard = vec![0; 4096];
        let length = stream.read(&mut heard).unwrap_or(0);
        heard.truncate(length);
        let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
        report.send(heard).unwrap();
    });
    (port, reported)
}

async fn over_tls(host: &str, ca_file: Option<&str>) -> (Result<PhoneAnswer, SendError>, Vec<u8>) {
    let (port, reported) = tls_server();
    let ca_file =
        ca_file.map(|name| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/outbound/tests/testdata").join(name));
    let client = super::phone_service(ca_file.as_deref()).unwrap();
    let url = format!("https://{host}:{port}/").parse().unwrap();
    let result = client.send(PhoneRequest::PostForm(url, "requestid=secret".to_owned()), Delivery::AtMostOnce, LIMIT).await;
    (result, reported.recv_timeout(LIMIT).unwrap())
}

#[tokio::test]
async fn nothing_is_sent_to_a_server_whose_certificate_is_not_trusted() {
    let (untrusted, heard) = over_tls("127.0.0.1", None).await;
    assert!(untrusted.err().unwrap().never_left() && heard.is_empty());
    let (wrong_name, heard) = over_tls("localhost", Some("ca.pem")).await;
    assert!(wrong_name.err().unwrap().never_left() && heard.is_empty());
    let (trusted, heard) = over_tls("127.0.0.1", Some("ca.pem")).await;
    assert_eq!(trusted.unwrap().body, b"ok");
    assert!(!heard.is_empty());
}

#[tokio::test]
async fn a_handshake_that_hangs_never_left() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", server.local_addr().unwrap()).parse().unwrap();
    let request = PhoneRequest::PostForm(url, "requestid=secret".to_owned());
    let error = client().send(request, Delivery::AtMostOnce, LIMIT).await.err().unwrap();
    assert!(error.never_left(), "{error:?}");
}

#[test]
fn an_unusable_ca_file_is_refused_at_start() {
    let build = |path: &std::path::Path| super::phone_service(Some(path));
    assert!(matches!(build("/nonexistent/ca.pem".as_ref()), Err(OutboundError::CaFileUnreadable { .. })));
    let mut empty = tempfile::NamedTempFile::new().unwrap();
    empty.write_all(b"no certificate\n").unwrap();
    assert!(matches!(build(empty.path()), Err(OutboundError::CaFileEmpty { .. })));
}
