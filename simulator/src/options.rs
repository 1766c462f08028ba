//! What a caller may choose. The defaults are what `simulate` runs with.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::logo::Logo;
use crate::random;

/// What a second request for a SecSign ID meets: public material does not settle whether it already fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecondSession {
    #[default]
    Refuse,
    /// The third request fails.
    Create,
}

/// User name and password of the account that the SecSign REST API asks for by HTTP Basic.
#[derive(Clone, Debug)]
pub struct PinAccount(pub String, pub String);

/// The version of a SecSign server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

/// The default listens on a free loopback port, with random credentials and `alice` and `bob` on a phone of each service.
#[derive(Clone)]
pub struct Options {
    /// Port 0 picks a free one. At a loopback address the upstreams answer callers of this machine only.
    pub listen: SocketAddr,
    /// A second address for the phone alone, so that a real phone can reach it. Port 0 means the port of `listen`.
    pub phone_listen: Option<SocketAddr>,
    /// The origin under which phones reach the phone pages, where it is not the listener's own address.
    pub phone_url: Option<String>,
    /// ThumbSignIn application id; 32 hex digits when random.
    pub app_id: String,
    /// ThumbSignIn secret, used as the text that it is; 64 hex digits when random.
    pub secret: String,
    /// What ThumbSignIn phones show of the application.
    pub app_name: String,
    pub app_description: String,
    pub app_logo: Option<Logo>,
    /// People who exist from the start, each on a phone.
    pub secsign_ids: Vec<String>,
    pub thumbsignin_users: Vec<String>,
    pub second_session: SecondSession,
    /// Answer `ReqReleaseAuthSession` as servers did before February 2019, instead of with an error.
    pub legacy_release: bool,
    /// Refuse unknown and duplicate parameters of the SecSign form API, as the vendor's web application firewall does.
    pub strict_parameters: bool,
    /// Remove `&` from the service name and address before they are echoed; the original presumably does not.
    pub strip_echo: bool,
    /// How long a session or a transaction stays open.
    pub secsign_lifetime: Duration,
    pub thumbsignin_lifetime: Duration,
    /// How old a ThumbSignIn signature may be; `None` is the vendor's own rule, which has no bound.
    pub signature_max_age: Option<Duration>,
    /// The account that the SecSign REST API requires; `None` lets everybody in.
    pub pin_account: Option<PinAccount>,
    /// What the SecSign REST API offers: before 10.7.5 some calls do not exist, and another one does.
    pub secsign_version: Version,
    /// Ids and request ids of the first SecSign sessions, in place of random ones, so that recorded requests can be replayed.
    pub session_ids: Vec<(i64, String)>,
}

impl Default for Options {
    fn default() -> Self {
        let people = || vec!["alice".to_owned(), "bob".to_owned()];
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            phone_listen: None,
            phone_url: None,
            app_id: random::hex(2),
            secret: random::hex(4),
            app_name: "Signbridge".to_owned(),
            app_description: String::new(),
            app_logo: None,
            secsign_ids: people(),
            thumbsignin_users: people(),
            second_session: SecondSession::default(),
            legacy_release: false,
            strict_parameters: true,
            strip_echo: false,
            secsign_lifetime: Duration::from_secs(120),
            thumbsignin_lifetime: Duration::from_secs(90),
            signature_max_age: Some(Duration::from_secs(300)),
            pin_account: None,
            secsign_version: Version(10, 7, 5),
            session_ids: Vec::new(),
        }
    }
}
