//! The configuration: what was written (a TOML file, and the environment laid over it) and what it means ([`Config`]).
//!
//! Each section declares its keys ([`settings!`](crate::domain::setting), those that others than `app` use in
//! [`domain::settings`](crate::domain::settings)) and compares them with one another. A configuration that is wrong anywhere is
//! refused as a whole, with every problem named. Nothing here opens a database or a connection.

mod brand;
mod declared;
mod document;
mod duration;
mod environment;
mod general;
mod key;
mod problem;
mod reference;
mod sections;
mod show;
mod sites;
#[cfg(test)]
mod tests;
mod webhook;

use std::path::Path;
use std::time::Duration;

use ipnet::IpNet;

pub(crate) use brand::read_logo;
pub(crate) use duration::parse as parse_duration;
pub(crate) use environment::{CONFIG_VARIABLE, LOG_VARIABLE, MASTER_KEY_VARIABLE, terminal, variable, variables};
pub(crate) use general::{Issuer, KeyFiles};
pub(crate) use problem::{ConfigError, Location, Problem};
pub(crate) use reference::{reference, reference_entries};
pub(crate) use sections::{Audit, Database, DatabaseUrl, Listen, Log, LogFormat, Tls};
pub(crate) use show::{ReadAtStart, Shown};

use crate::domain::brand::Brand;
use crate::domain::client::DeclaredClient;
use crate::domain::settings::{
    EmbeddingSite, Lifetimes, Limits, OutboundSettings, Profile, SecSignSettings, ThumbSignInSettings, WebhookSettings,
};
use crate::domain::user::warning_of_groups;
use crate::domain::written::NewUser;
use crate::protocol::uri::is_app_scheme;
use document::Document;
use general::General;
use key::{Section, Shape};
use sections::{Login, RefuseUnknown};

/// Every section, in the order in which they are documented.
const SECTIONS: &[&Section] = &[
    &Section::of::<General>(Shape::Always),
    &Section::of::<Listen>(Shape::Always),
    &Section::of::<Database>(Shape::Always),
    &Section::of::<SecSignSettings>(Shape::Optional),
    &Section::of::<ThumbSignInSettings>(Shape::Optional),
    &Section::of::<OutboundSettings>(Shape::Always),
    &Section::of::<WebhookSettings>(Shape::Optional),
    &Section::of::<Limits>(Shape::Always),
    &Section::of::<Lifetimes>(Shape::Always),
    &Section::of::<Login>(Shape::Always),
    &Section::of::<Brand>(Shape::Always),
    &Section::of::<Log>(Shape::Always),
    &Section::of::<Audit>(Shape::Always),
    &sites::SITES,
    &declared::CLIENTS,
    &declared::USERS,
];

#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub issuer: Issuer,
    pub trusted_proxies: Vec<IpNet>,
    pub hsts: Option<String>,
    pub keys: KeyFiles,
    pub listen: Listen,
    pub database: Database,
    pub secsign: Option<SecSignSettings>,
    pub thumbsignin: Option<ThumbSignInSettings>,
    pub outbound: OutboundSettings,
    pub webhook: Option<WebhookSettings>,
    pub limits: Limits,
    pub lifetimes: Lifetimes,
    pub brand: Brand,
    pub log: Log,
    pub audit: Audit,
    pub sites: Vec<EmbeddingSite>,
    pub clients: Vec<DeclaredClient>,
    pub users: Vec<NewUser>,
    pub read_at_start: ReadAtStart,
    /// The same as text: without secrets, with the place of each value.
    pub shown: Shown,
    warnings: Vec<String>,
}

impl Config {
    /// Reads `file`, if there is one, lays the product's variables among `env` over it, and checks the whole.
    pub(crate) fn load(file: Option<&Path>, env: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let variables: Vec<(String, String)> = env.into_iter().collect();
        let base = file.and_then(|file| std::path::absolute(file).ok()).and_then(|file| file.parent().map(Path::to_owned));
        let mut document = Document::new(base.unwrap_or_default());
        let config = read_document(file, &variables, &mut document).and_then(|()| Self::resolve(&mut document, &variables));
        match config {
            Some(config) if document.problems.is_empty() => Ok(config),
            _wrong => Err(ConfigError { file: file.map(Path::to_owned), problems: document.problems.into_iter().collect() }),
        }
    }

    fn resolve(document: &mut Document, variables: &[(String, String)]) -> Option<Self> {
        let general = General::read(document)?;
        document.allow_loopback = general.allow_loopback_upstream;
        let listen = Listen::read_and_compare(document);
        let database = Database::read(document);
        let secsign = document.entries("secsign", 0).is_some().then(|| secsign(document));
        let thumbsignin = document.entries("thumbsignin", 0).is_some().then(|| ThumbSignInSettings::read(document));
        if secsign.is_none() && thumbsignin.is_none() {
            document.report("", "no phone service is configured: write a [secsign] or a [thumbsignin] section, or both");
        }
        let outbound = OutboundSettings::read(document);
        let limits = Limits::read(document);
        let lifetimes = lifetimes(document);
        let login = Login::read(document);
        let brand = brand::brand(document);
        let (log, audit) = (Log::read(document), Audit::read(document));
        let outbound = outbound?;
        let webhook = document.entries("webhook", 0).is_some().then(|| webhook::webhook(document, outbound.allow_private));
        let sites = sites::sites(document, general.issuer.as_ref(), thumbsignin.as_ref().and_then(Option::as_ref))?;
        let clients = declared::clients(document, outbound.allow_private)?;
        let users = declared::users(document)?;
        let dir = document.path(general.keys_dir);
        let master_key = environment::variable(variables, MASTER_KEY_VARIABLE).map(|path| document.path(path));
        let Login { unknown: RefuseUnknown } = login?;
        Some(Self {
            issuer: general.issuer?,
            trusted_proxies: general.trusted_proxies?,
            hsts: general.hsts?.0,
            keys: KeyFiles { master_key: master_key.unwrap_or_else(|| KeyFiles::usual(&dir)), dir },
            listen: listen?,
            database: database?,
            secsign: secsign.flatten(),
            thumbsignin: thumbsignin.flatten(),
            outbound,
            webhook: webhook.flatten(),
            limits: limits?,
            lifetimes: lifetimes?,
            brand: brand?,
            log: log?,
            audit: audit?,
            sites,
            clients,
            users,
            read_at_start: ReadAtStart::of(document),
            shown: Shown::new(document),
            warnings: document.warnings.clone(),
        })
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.clone();
        if self.limits.profile == Profile::Off && !self.issuer.is_loopback() {
            warnings.push("limits.profile is \"off\": anybody can have anybody's phone ring without end".to_owned());
        }
        if self.outbound.allow_private && !self.issuer.is_loopback() {
            warnings.push("outbound.allow_private is on: clients can have this server call private addresses".to_owned());
        }
        if self.issuer.is_https() && self.listen.tls().is_none() && self.trusted_proxies.is_empty() {
            let text = "the issuer is https, this server speaks http and trusts no proxy: every request will seem to come from the \
                        proxy's address; name its network in trusted_proxies";
            warnings.push(text.to_owned());
        }
        warnings.extend(self.users.iter().filter_map(|user| warning_of_groups(&user.username, &user.groups)));
        warnings
    }
}

fn read_document(file: Option<&Path>, variables: &[(String, String)], document: &mut Document) -> Option<()> {
    if let Some(file) = file {
        let text = std::fs::read_to_string(file).map_err(|error| format!("the file cannot be read: {error}"));
        let text = document.check("", text)?;
        document.read_file(&text)?;
    }
    environment::overlay(document, variables);
    document.fill_defaults();
    Some(())
}

/// The PIN account has both of its keys or neither, and a name that HTTP Basic can carry (RFC 7617 §2). A link into the app has
/// room for host and port. A release is a request of the API that needs no account.
fn secsign(document: &mut Document) -> Option<SecSignSettings> {
    let settings = SecSignSettings::read(document)?;
    let missing = |other: &str| format!("missing: the account of secsign.{other} needs it");
    match (&settings.pin_user, &settings.pin_password) {
        (Some(_), None) => document.report("secsign.pin_password", missing("pin_user")),
        (None, Some(_)) => document.report("secsign.pin_user", missing("pin_password")),
        (Some(user), _) if user.contains(':') => document.report("secsign.pin_user", "write a name without a colon"),
        _both_or_neither => {}
    }
    if settings.mobile_url.as_ref().is_some_and(|url| url.path() != "/") {
        document.report("secsign.mobile_url", "must not have a path: the app is told host and port alone");
    }
    if !is_app_scheme(&settings.app_scheme) {
        let message = "expected the scheme of an app in small letters, as in \"com.secsign.secsignid\"";
        document.report("secsign.app_scheme", message);
    }
    if settings.release && settings.pin_user.is_some() {
        document.report("secsign.release", "has no place beside pin_user: the REST API has no such request");
    }
    Some(settings)
}

/// `[lifetimes]` against one another.
fn lifetimes(document: &mut Document) -> Option<Lifetimes> {
    let lifetimes = Lifetimes::read(document)?;
    let mut at_most = |key: &str, value: Duration, other: &str, most: Duration| {
        if value > most {
            document.report(&format!("lifetimes.{key}"), format!("is longer than {other} ({})", duration::write(most)));
        }
    };
    at_most("refresh_sliding", lifetimes.refresh_sliding, "refresh_absolute", lifetimes.refresh_absolute);
    at_most("session_idle", lifetimes.session_idle, "session", lifetimes.session);
    at_most("login", lifetimes.login, "authorization", lifetimes.authorization);
    // A signature must be checkable for as long as what it signs is valid (OIDC Core §10.1.1).
    at_most("id_token", lifetimes.id_token, "key_retired", lifetimes.key_retired);
    Some(lifetimes)
}
