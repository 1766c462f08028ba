//! How long things live (decision 2.10), how often a phone may be asked (checks 134–136), how many may wait for it, and
//! what strangers may have us keep (B35), and the services that are called: what the operator decided, as its users take it.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::audit::AuditKind;
use super::id::ClientId;
use super::secret::Secret;
use super::setting::{DAY, HOUR, Kind, MINUTE, SECOND, days, settings};
use crate::protocol::redirect_uri::RedirectUri;
use crate::protocol::uri::WebOrigin;

const fn up_to(most: Duration) -> Kind {
    Kind::Span(SECOND, most)
}

settings! {
    /// How long things live.
    [lifetimes]
    pub(crate) struct Lifetimes {
        /// An authorization code (RFC 6749 §4.1.2).
        code: Duration = up_to(MINUTE), default "60s";
        /// An authorization, from the request to the code.
        authorization: Duration = up_to(DAY), default "30m";
        /// A login, unless the phone service gives it less.
        login: Duration = up_to(Duration::from_mins(2)), default "120s";
        /// An opaque access token.
        access_token: Duration = up_to(Duration::from_mins(10)), default "10m";
        /// An access token that is a JWT: nothing can end it sooner.
        access_token_jwt: Duration = up_to(Duration::from_mins(10)), default "5m";
        /// An ID token (OIDC Core §2).
        id_token: Duration = up_to(DAY), default "1h";
        /// A refresh token since it was last used.
        refresh_sliding: Duration = up_to(days(365)), default "30d";
        /// All refresh tokens of one login.
        refresh_absolute: Duration = up_to(days(365)), default "90d";
        /// How long a lost answer to a refresh can be asked for again.
        refresh_grace: Duration = Kind::Span(Duration::ZERO, MINUTE), default "10s";
        /// A signed-in browser, and every token that was not granted to outlive it (offline_access).
        session: Duration = up_to(DAY), default "24h";
        /// A signed-in browser that nobody uses: it ends single sign-on there, and no tokens.
        session_idle: Duration = up_to(HOUR), default "1h";
        /// How long a browser stays known after its last login, here and by its cookie.
        remembered_browser: Duration = up_to(days(365)), default "180d";
        /// How long a new signing key is published before it signs.
        key_ahead: Duration = up_to(days(30)), default "1h";
        /// How long a key that no longer signs stays published.
        key_retired: Duration = Kind::Span(DAY, days(365)), default "24h";
    }
}

const NUMBER: Kind = Kind::Count(0, 1_000_000);

settings! {
    /// How often a phone may be asked, and what strangers may take. A limit that is written here holds in either profile; 0 lifts it.
    [limits]
    pub(crate) struct Limits {
        /// `off` lifts every limit that is not written: for tests only.
        profile: Profile = Kind::Choice(&["production", "off"]), default "production";
        /// Requests to one person in 10 minutes by browsers that they never signed in from.
        push_per_person_10min: Option<u32> = NUMBER, production 3;
        /// The same in a day.
        push_per_person_day: Option<u32> = NUMBER, production 10;
        /// Requests to one person in 10 minutes by browsers that they did sign in from: a quota that strangers cannot use up.
        push_per_remembered_person_10min: Option<u32> = NUMBER, production 10;
        /// Requests from one source in 10 minutes: an IPv4 address, or a /64 of IPv6.
        push_per_source_10min: Option<u32> = NUMBER, production 20;
        /// Requests from one /48 of IPv6 in 10 minutes.
        push_per_network_10min: Option<u32> = NUMBER, production 100;
        /// Requests in 10 minutes to all people together by browsers that they never signed in from. When it is reached there
        /// is an alarm, and such browsers are told to wait, whatever name they give.
        push_all_people_10min: Option<u32> = NUMBER, production 600;
        /// How long a source waits after the person declined.
        denial_pause: Option<Duration> = Kind::Span(Duration::ZERO, DAY), production "5m";
        /// For how long nobody is asked for browsers that the person never signed in from, after they said of a request that it
        /// was not theirs. Without it nobody is asked whether what they declined was theirs.
        not_me_pause: Option<Duration> = Kind::Span(Duration::ZERO, days(30)), production "24h";
        /// Logins that one browser may have open.
        pending_per_browser: Option<u32> = NUMBER, production 3;
        /// Logins that all browsers together may have open. When there are so many, browsers that nobody signed in from are told
        /// to wait, whatever name they give.
        pending: Option<u32> = NUMBER, production 1000;
        /// Requests of apps that one address (IPv6: one /48) may have open while nobody signs in for them; the oldest make
        /// room.
        authorizations_per_source: Option<u32> = NUMBER, production 200;
        /// The same, of all addresses.
        authorizations: Option<u32> = NUMBER, production 4000;
        /// Wrong secrets of one client from one address (IPv6: one /64) in 10 minutes.
        wrong_secrets_per_source_10min: Option<u32> = NUMBER, production 20;
        /// Pages that may hear of one login by an event stream; a newer one takes the place of the oldest, which comes back
        /// later.
        streams_per_login: Option<u32> = NUMBER, production 4;
        /// Event streams of login pages that one node holds; a page that gets none asks every two seconds.
        streams_per_node: Option<u32> = NUMBER, production 2000;
    }
}

/// What holds where no single limit is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Profile {
    /// The limits of production.
    Production,
    /// None: for a laptop and for tests.
    Off,
}

settings! {
    /// SecSign ID: a push, then the person picks the symbol that the page shows.
    [secsign]
    pub(crate) struct SecSignSettings {
        /// The SecSign ID server: `https://httpapi.secsign.com`, or one of your own. Paths are added to it.
        url: Url = Kind::Text, required "the address of the SecSign ID server";
        /// A second server, asked when the first one cannot be reached.
        fallback_url: Option<Url> = Kind::Text;
        /// Where the ID app reaches that server, host and port alone: `https://id1.secsign.com` is the vendor's. With it, the page
        /// that waits has a link that opens the app on the same phone, in browsers that its user signed in from before.
        mobile_url: Option<Url> = Kind::Text;
        /// The scheme of that link: another one for an ID app of your own.
        app_scheme: String = Kind::Text, default "com.secsign.secsignid";
        /// The user of the server's PIN account. With one, the server is spoken to through its REST API, without one through its
        /// form API, which needs no account.
        pin_user: Option<String> = Kind::Text;
        /// The password of that account.
        pin_password: Option<Secret> = Kind::Secret;
        /// Tell the server once an approval was read (`ReqReleaseAuthSession`). Only servers from before 2019 know that request;
        /// it belongs to the form API.
        release: bool = Kind::Switch, default false;
        /// Certificates (PEM) to trust for this service, besides the usual ones.
        ca_file: Option<PathBuf> = Kind::Path;
    }
}

settings! {
    /// ThumbSignIn: a QR code or a link into the app, then a fingerprint.
    [thumbsignin]
    pub(crate) struct ThumbSignInSettings {
        /// The service: `https://api.thumbsignin.com`. Paths are added to it.
        url: Url = Kind::Text, required "the address of the ThumbSignIn service";
        /// The app id of your ThumbSignIn application.
        app_id: String = Kind::Text, required "the app id of your ThumbSignIn application";
        /// The secret key of your ThumbSignIn application; requests are signed with it.
        secret: Secret = Kind::Secret,
            required "the secret key of your ThumbSignIn application, or secret_file with the path of a file that holds it";
        /// Certificates (PEM) to trust for this service, besides the usual ones.
        ca_file: Option<PathBuf> = Kind::Path;
        /// Also offer a QR code without asking for a name: the weakest login, with short tokens and a question on the page
        /// after the approval.
        allow_unnamed: bool = Kind::Switch, default false;
    }
}

/// A web site whose pages embed the ThumbSignIn widget, and the client that its visitors sign in for (`[[site]]`).
#[derive(Clone, Debug)]
pub(crate) struct EmbeddingSite {
    pub(crate) origin: WebOrigin,
    pub(crate) client_id: ClientId,
    /// Where the site gets the code. Compared with what the client registered, at each use.
    pub(crate) redirect_uri: RedirectUri,
    /// Whether its pages may register phones.
    pub(crate) register: bool,
    /// Where text messages are handed over. Its query may hold a token.
    pub(crate) sms_url: Option<Secret>,
}

settings! {
    /// Requests to addresses that clients registered (back-channel logout and the like).
    [outbound]
    pub(crate) struct OutboundSettings {
        /// Certificates (PEM) to trust beside the usual ones.
        ca_file: Option<PathBuf> = Kind::Path;
        /// Allow private and loopback addresses and plain http. Only where every client is your own.
        allow_private: bool = Kind::Switch, default false;
        /// The pause after a logout token, or an event for the webhook, could not be delivered; each later one is four times as
        /// long. Five attempts are made, ten for an event.
        logout_retry: Duration = Kind::Span(SECOND, MINUTE), default "5s";
    }
}

settings! {
    /// Where the operator hears of alarms (docs/webhook.md).
    [webhook]
    pub(crate) struct WebhookSettings {
        /// Where events are posted: https, unless `[outbound] allow_private` is on. Its query may hold a token.
        url: Secret = Kind::Secret, required "the URL of the webhook, or url_file with the path of a file that holds it";
        /// What events are signed with: 32 characters or more that nobody can guess.
        secret: Secret = Kind::Secret,
            required "what events are signed with, or secret_file with the path of a file that holds it";
        /// Which events are told, by their names in the audit trail. Where it is not written, the alarms: `login.disowned`,
        /// `login.flood`, `login.mismatch`, `login.new_browser`, `token.reuse`.
        events: Option<Vec<AuditKind>> = Kind::Words;
    }
}

impl WebhookSettings {
    pub(crate) fn events(&self) -> &[AuditKind] {
        self.events.as_deref().unwrap_or(AuditKind::ALARMS)
    }
}
