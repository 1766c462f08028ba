//! What a caller may choose. The defaults are what `simulate` runs with.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::random;

/// What happens to a second request for a SecSign ID whose first is still open. The first is suspended and the ID is
/// frozen either way; public material does not settle whether the second itself already fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecondSession {
    /// The second request fails with the error of a frozen ID.
    #[default]
    Refuse,
    /// The second request gets a session; the third fails.
    Create,
}

/// User name and password of the account that the SecSign REST API asks for by HTTP Basic.
#[derive(Clone)]
pub struct PinAccount(pub String, pub String);

/// How a simulator is set up. `Options::default()` listens on a free loopback port, with random credentials and with
/// `alice` and `bob` on a phone of each service.
#[derive(Clone)]
pub struct Options {
    /// Where the upstreams and the phone listen; port 0 picks a free one. At a loopback address the upstreams answer
    /// callers of this machine only.
    pub listen: SocketAddr,
    /// A second address for the phone alone, so that a real phone can reach it. Port 0 means the port of `listen`. With
    /// an unspecified address (`0.0.0.0`) and the same port, one listener serves both.
    pub phone_listen: Option<SocketAddr>,
    /// The origin under which phones reach the phone pages, where it is not the listener's own address.
    pub phone_url: Option<String>,
    /// ThumbSignIn application id; 32 hex digits when random.
    pub app_id: String,
    /// ThumbSignIn secret, used as the text that it is; 64 hex digits when random.
    pub secret: String,
    /// The name that ThumbSignIn phones show for the application.
    pub app_name: String,
    /// SecSign IDs that exist from the start, each on a phone.
    pub secsign_ids: Vec<String>,
    /// ThumbSignIn user ids that exist from the start, each on a phone.
    pub thumbsignin_users: Vec<String>,
    /// What a second SecSign request meets.
    pub second_session: SecondSession,
    /// Answer `ReqReleaseAuthSession` as servers did before February 2019, instead of with an error.
    pub legacy_release: bool,
    /// Refuse unknown and duplicate parameters of the SecSign form API, as the vendor's web application firewall does.
    pub strict_parameters: bool,
    /// Remove `&` from the service name and address before they are echoed; the original presumably does not.
    pub strip_echo: bool,
    /// How long a SecSign session stays open.
    pub secsign_lifetime: Duration,
    /// How long a ThumbSignIn transaction stays open.
    pub thumbsignin_lifetime: Duration,
    /// How old a ThumbSignIn signature may be; `None` is the vendor's own rule, which has no bound.
    pub signature_max_age: Option<Duration>,
    /// The account that the SecSign REST API requires; `None` lets everybody in.
    pub pin_account: Option<PinAccount>,
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
        }
    }
}
