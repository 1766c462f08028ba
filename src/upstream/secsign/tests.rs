//! The client against servers that answer, misbehave or are not there.

use url::{Url, form_urlencoded};

use super::*;
use crate::domain::login::{Challenge, Confirmation, End, Reason};
use crate::outbound::tests::scripted::{Received, Reply, Scripted, nobody};
use crate::upstream::picture::tests::grey;

const REQUEST: &str = "7DB1FC51C425A3EC8D9818C71929916BD3D746EBC4044CFD09D23AA07891E6E0";

fn client(url: Url, fallback_url: Option<Url>) -> SecSign {
    SecSign::new(SecSignSettings { fallback_url, ..SecSignSettings::at(url) }).unwrap()
}

fn hasty(url: Url, fallback_url: Option<Url>) -> SecSign {
    let limits = Limits { begin: Duration::from_millis(400), ask: Duration::from_millis(400) };
    SecSign { limits, ..client(url, fallback_url) }
}

fn request(user: Option<&str>) -> BeginRequest {
    BeginRequest {
        upstream_user: user.map(str::to_owned),
        service_name: "Demo app".to_owned(),
        service_address: "login.example".to_owned(),
        user_agent: "Mozilla/5.0".to_owned(),
        confirmation: Confirmation::Symbol,
    }
}

fn field(request: &Received, name: &str) -> Vec<String> {
    let pairs = form_urlencoded::parse(request.body.as_bytes());
    pairs.filter(|(key, _)| key == name).map(|(_, value)| value.into_owned()).collect()
}

/// A server that does what it should; its sessions are in the given state.
fn proper(state: &'static str) -> impl Fn(&Received) -> Reply + Send + Sync + 'static {
    move |request| match field(request, "request")[0].as_str() {
        "ReqRequestAuthSession" => Reply::ok(format!(
            "authsessionid=4088003598462927442&servicename=x&secsignid=alice&authsessionstate=1&serviceaddress=y\
             &requestid={REQUEST}&authsessionicondata={}",
            grey(88, 88)
        )),
        "ReqGetAuthSessionState" => {
            Reply::ok(format!("authsessionid=4088003598462927442&secsignid=alice&authsessionstate={state}"))
        }
        _cancel => Reply::ok("authsessionid=4088003598462927442&authsessionstate=6"),
    }
}

async fn begun_at(host: Host) -> UpstreamHandle {
    let server = Scripted::start(proper("1")).await;
    let client = match host {
        Host::Primary => client(server.url(), None),
        Host::Fallback => client(nobody(), Some(server.url())),
    };
    client.begin(request(Some("alice"))).await.unwrap().handle
}

#[tokio::test]
async fn a_session_is_begun_polled_and_cancelled_with_exactly_the_known_parameters() {
    let server = Scripted::start(proper("3")).await;
    let client = client(server.url(), None);
    let begun = client.begin(request(Some(" Alice "))).await.unwrap();
    assert_eq!((begun.challenge, begun.expires_in), (Challenge::AccessPass(Some(grey(88, 88))), None));
    let approved = Progress::Approved { upstream_user: "alice".to_owned() };
    assert_eq!(client.poll(&begun.handle, Some("alice")).await.unwrap(), approved);
    client.cancel(&begun.handle).await.unwrap();
    let bodies: Vec<_> = server.received().into_iter().map(|request| (request.method, request.target, request.body)).collect();
    let triple = format!("apimethod=Signbridge&secsignid=alice&authsessionid=4088003598462927442&requestid={REQUEST}");
    let expected = [
        "request=ReqRequestAuthSession&apimethod=Signbridge&secsignid=alice&servicename=Demo+app\
         &serviceaddress=login.example&pluginname=Signbridge+0.1.0&showaccesspass=true"
            .to_owned(),
        format!("request=ReqGetAuthSessionState&{triple}"),
        format!("request=ReqCancelAuthSession&{triple}"),
    ];
    assert_eq!(bodies, expected.map(|body| ("POST".to_owned(), "/".to_owned(), body)));
}

#[tokio::test]
async fn a_plain_yes_is_asked_for_without_an_access_pass() {
    let server = Scripted::start(proper("3")).await;
    let request = BeginRequest { confirmation: Confirmation::Plain, ..request(Some("alice")) };
    let begun = client(server.url(), None).begin(request).await.unwrap();
    assert_eq!(begun.challenge, Challenge::AccessPass(None), "one that comes all the same is not shown");
    assert_eq!(field(&server.received()[0], "showaccesspass"), ["false"]);
}

fn releasing(url: Url, fallback_url: Option<Url>) -> SecSign {
    SecSign::new(SecSignSettings { fallback_url, release: true, ..SecSignSettings::at(url) }).unwrap()
}

#[tokio::test]
async fn a_session_is_released_once_at_its_host_where_that_is_wanted() {
    let triple = format!("apimethod=Signbridge&secsignid=alice&authsessionid=4088003598462927442&requestid={REQUEST}");
    for made_at in [Host::Primary, Host::Fallback] {
        let handle = begun_at(made_at).await;
        let (primary, fallback) = (Scripted::start(proper("3")).await, Scripted::start(proper("3")).await);
        client(primary.url(), Some(fallback.url())).release(&handle).await;
        assert!(primary.received().is_empty() && fallback.received().is_empty(), "nobody asked for it");
        releasing(primary.url(), Some(fallback.url())).release(&handle).await;
        let asked = if made_at == Host::Primary {
            [primary.received(), fallback.received()]
        } else {
            [fallback.received(), primary.received()]
        };
        let bodies: Vec<_> = asked.concat().into_iter().map(|request| (request.method, request.target, request.body)).collect();
        assert_eq!(bodies, [("POST".to_owned(), "/".to_owned(), format!("request=ReqReleaseAuthSession&{triple}"))]);
        assert_eq!(asked[0].len(), 1);
    }
    let gone = begun_at(Host::Fallback).await;
    let primary = Scripted::start(proper("3")).await;
    releasing(primary.url(), None).release(&gone).await;
    assert!(primary.received().is_empty(), "the other host knows nothing of it");
}

#[tokio::test]
async fn a_release_that_is_refused_or_not_answered_is_not_sent_again() {
    let handle = begun_at(Host::Primary).await;
    let replies: [fn() -> Reply; 5] = [
        || Reply::ok("error=500&errormsg=The server does not support this method any longer.&errorcode=500"),
        || Reply::status(500, ""),
        || Reply::ok("<html>"),
        || Reply::Reset,
        || Reply::Silence,
    ];
    for reply in replies {
        let (primary, fallback) = (Scripted::start(move |_| reply()).await, Scripted::start(proper("3")).await);
        let limits = Limits { begin: Duration::from_millis(400), ask: Duration::from_millis(400) };
        SecSign { limits, ..releasing(primary.url(), Some(fallback.url())) }.release(&handle).await;
        assert_eq!((primary.received().len(), fallback.received().len()), (1, 0));
    }
}

#[tokio::test]
async fn a_link_into_the_app_is_made_of_a_session_where_the_app_has_an_address() {
    let handle = begun_at(Host::Primary).await;
    let mobile_url = Some("https://id1.example:8443".parse().unwrap());
    let settings = SecSignSettings { mobile_url, ..SecSignSettings::at(nobody()) };
    let service = SecSign::new(settings).unwrap();
    let link = service.app_link(&handle, "https://login.example/login/1").unwrap();
    let start =
        "com.secsign.secsignid://authenticate?secsignid=alice&authsessionid=4088003598462927442&returnurl=https%3A%2F%2F";
    assert!(link.starts_with(start) && !link.contains(REQUEST), "{link}");
    let damaged = UpstreamHandle(crate::domain::secret::Secret::new("{}"));
    assert_eq!(service.app_link(&damaged, "https://login.example/login/1"), None);
    assert_eq!(client(nobody(), None).app_link(&handle, "https://login.example/login/1"), None);
}

#[tokio::test]
async fn a_base_with_a_path_is_kept() {
    let server = Scripted::start(proper("1")).await;
    client(server.url().join("/secsign").unwrap(), None).begin(request(Some("alice"))).await.unwrap();
    assert_eq!(server.received()[0].target, "/secsign/");
}

#[tokio::test]
async fn nobody_is_asked_without_a_name_or_for_what_cannot_be_one() {
    let server = Scripted::start(proper("1")).await;
    let client = client(server.url(), None);
    let unnamed = client.begin(request(None)).await.err().unwrap();
    assert!(matches!(unnamed, BeginError::Unusable { in_doubt: false, handle: None, .. }));
    for impossible in ["", "a&request=ReqCancelAuthSession", "a b", "\u{430}lice"] {
        assert!(matches!(client.begin(request(Some(impossible))).await, Err(BeginError::NotRegistered)), "{impossible:?}");
    }
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn an_unreachable_server_leaves_no_doubt() {
    let error = client(nobody(), None).begin(request(Some("alice"))).await.err().unwrap();
    assert!(matches!(error, BeginError::Unreachable(_)));
    let error = client(nobody(), Some(nobody())).begin(request(Some("alice"))).await.err().unwrap();
    assert!(matches!(error, BeginError::Unreachable(_)));
}

#[tokio::test]
async fn the_fallback_gets_what_the_primary_never_saw_and_is_then_asked_first() {
    let fallback = Scripted::start(proper("7")).await;
    let begun = client(nobody(), Some(fallback.url())).begin(request(Some("alice"))).await.unwrap();
    let primary = Scripted::start(proper("1")).await;
    let client = client(primary.url(), Some(fallback.url()));
    assert_eq!(client.poll(&begun.handle, Some("alice")).await.unwrap(), Progress::Fetched);
    assert_eq!((primary.received().len(), fallback.received().len()), (0, 2));
}

#[tokio::test]
async fn a_create_that_was_written_is_never_sent_again() {
    for reply in [|| Reply::Reset, || Reply::Silence, || Reply::HalfAnswer, || Reply::Endless] {
        let primary = Scripted::start(move |_| reply()).await;
        let fallback = Scripted::start(proper("1")).await;
        let error = hasty(primary.url(), Some(fallback.url())).begin(request(Some("alice"))).await.err().unwrap();
        assert!(matches!(error, BeginError::InDoubt(_)), "{error:?}");
        assert_eq!((primary.received().len(), fallback.received().len()), (1, 0));
    }
    for status in [302, 404, 429, 500, 503] {
        let primary = Scripted::start(move |_| Reply::status(status, "")).await;
        let fallback = Scripted::start(proper("1")).await;
        let error = client(primary.url(), Some(fallback.url())).begin(request(Some("alice"))).await.err().unwrap();
        let doubtful = !(400..500).contains(&status);
        assert!(matches!(error, BeginError::Unusable { in_doubt, .. } if in_doubt == doubtful), "{status}");
        assert_eq!((primary.received().len(), fallback.received().len()), (1, 0));
    }
}

#[tokio::test]
async fn a_question_goes_to_the_other_host_where_the_first_says_nothing() {
    let handle = begun_at(Host::Primary).await;
    let silences: [fn() -> Reply; 6] = [
        || Reply::Reset,
        || Reply::Silence,
        || Reply::status(500, "oops"),
        || Reply::status(503, ""),
        || Reply::ok(""),
        || Reply::Endless,
    ];
    for silence in silences {
        let primary = Scripted::start(move |_| silence()).await;
        let fallback = Scripted::start(proper("4")).await;
        let client = SecSign {
            limits: Limits { begin: Duration::from_secs(5), ask: Duration::from_secs(2) },
            ..client(primary.url(), Some(fallback.url()))
        };
        assert_eq!(client.poll(&handle, Some("alice")).await.unwrap(), Progress::Ended(End::Denied));
        client.cancel(&handle).await.unwrap();
    }
}

#[tokio::test]
async fn a_question_without_an_answer_may_be_asked_again() {
    let handle = begun_at(Host::Primary).await;
    let passing: [fn() -> Reply; 5] = [
        || Reply::Reset,
        || Reply::Silence,
        || Reply::HalfAnswer,
        || Reply::status(500, "authsessionstate=3"),
        || Reply::status(429, ""),
    ];
    for reply in passing {
        let server = Scripted::start(move |_| reply()).await;
        let client = hasty(server.url(), None);
        assert!(client.poll(&handle, Some("alice")).await.is_err());
        assert!(client.cancel(&handle).await.is_err());
        assert_eq!(server.received().len(), 2);
    }
    assert!(client(nobody(), Some(nobody())).poll(&handle, Some("alice")).await.is_err());
}

#[tokio::test]
async fn nonsense_ends_a_login() {
    let handle = begun_at(Host::Primary).await;
    let answers: [fn() -> Reply; 5] = [
        || Reply::ok(""),
        || Reply::ok("<html>captive portal</html>"),
        || Reply::status(302, ""),
        || Reply::status(404, "authsessionstate=3"),
        || Reply::Endless,
    ];
    for reply in answers {
        let server = Scripted::start(move |_| reply()).await;
        let progress = client(server.url(), None).poll(&handle, Some("alice")).await.unwrap();
        assert!(matches!(progress, Progress::Nonsense { wrong_person: false, .. }), "{progress:?}");
    }
}

#[tokio::test]
async fn a_session_that_only_the_other_host_denies_is_not_over() {
    let handle = begun_at(Host::Fallback).await;
    let forgetful = || Scripted::start(|_| Reply::ok("error=400&errormsg=unknown session"));
    let (primary, fallback) = (forgetful().await, forgetful().await);
    assert!(client(primary.url(), Some(nobody())).poll(&handle, Some("alice")).await.is_err());
    assert!(client(primary.url(), None).cancel(&handle).await.is_err());
    let client = client(primary.url(), Some(fallback.url()));
    let over = Progress::Ended(End::Failed(Reason::Invalid));
    assert_eq!(client.poll(&handle, Some("alice")).await.unwrap(), over);
    client.cancel(&handle).await.unwrap();
}

#[tokio::test]
async fn a_handle_of_another_person_or_a_damaged_one_asks_nobody() {
    let server = Scripted::start(proper("3")).await;
    let client = client(server.url(), None);
    let handle = begun_at(Host::Primary).await;
    assert!(matches!(client.poll(&handle, Some("bob")).await.unwrap(), Progress::Nonsense { .. }));
    let damaged = UpstreamHandle(crate::domain::secret::Secret::new("{}"));
    assert!(matches!(client.poll(&damaged, None).await.unwrap(), Progress::Nonsense { .. }));
    assert!(client.cancel(&damaged).await.is_err());
    assert!(server.received().is_empty());
}
