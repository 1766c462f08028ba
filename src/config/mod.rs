//! The configuration: what was written (a TOML file, and the environment laid over it) and what it means ([`Config`]).
//!
//! One file per section: it describes its keys, holds the raw section and turns it into what it means. [`key`] says how keys
//! are described, `document` and `environment` read, `reference` and `show` print. Secrets are wrapped on the way in.
//! A configuration that is wrong anywhere is refused as a whole, with every problem named. Nothing here opens a database or a
//! connection; who uses the values is `app`.

mod address;
mod audit;
mod changes;
mod client;
mod database;
mod document;
pub mod duration;
mod environment;
mod general;
mod hsts;
mod key;
mod lifetimes;
mod limits;
mod listen;
mod log;
mod login;
mod not_yet;
mod outbound;
mod problem;
mod reference;
mod secsign;
mod show;
#[cfg(test)]
mod tests;
mod thumbsignin;
mod user;

use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::Deserialize;

pub use address::Issuer;
pub use audit::Audit;
pub use changes::ReadAtStart;
pub use database::Database;
pub use environment::{CONFIG_VARIABLE, LOG_VARIABLE, MASTER_KEY_VARIABLE, variable, variables};
pub use general::KeyFiles;
pub use hsts::Hsts;
pub use lifetimes::Lifetimes;
pub use limits::{Limits, Profile};
pub use listen::{Listen, Tls};
pub use log::{Log, LogFormat};
pub use login::{LoginPolicy, UnknownPerson};
pub use outbound::Outbound;
pub use problem::{ConfigError, Origin, Problem};
pub use reference::{ReferenceEntry, reference, reference_entries};
pub use secsign::SecSign;
pub use show::Shown;
pub use thumbsignin::ThumbSignIn;

use crate::domain::client_patch::DeclaredClient;
use crate::domain::user::warning_of_groups;
use crate::domain::written::{NewUser, WrittenUser};
use document::Document;
use key::Section;
use problem::Reader;

/// Every section, in the order in which they are documented.
const SECTIONS: &[&Section] = &[
    &general::SECTION,
    &listen::SECTION,
    &database::SECTION,
    &secsign::SECTION,
    &thumbsignin::SECTION,
    &outbound::SECTION,
    &limits::SECTION,
    &lifetimes::SECTION,
    &login::SECTION,
    &log::SECTION,
    &audit::SECTION,
    &client::SECTION,
    &user::SECTION,
];

/// The file as it was written, defaults filled in.
#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
struct RawConfig {
    issuer: Option<String>,
    trusted_proxies: Vec<String>,
    hsts: String,
    allow_loopback_upstream: bool,
    keys_dir: String,
    listen: listen::Raw,
    database: database::Raw,
    secsign: Option<secsign::Raw>,
    thumbsignin: Option<thumbsignin::Raw>,
    outbound: outbound::Raw,
    limits: limits::Raw,
    lifetimes: Lifetimes,
    login: login::Raw,
    log: Log,
    audit: Audit,
    #[serde(default)]
    client: Vec<client::Raw>,
    #[serde(default)]
    user: Vec<WrittenUser>,
}

/// What the operator decided, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The URL by which relying parties know this provider.
    pub issuer: Issuer,
    /// Networks of proxies that are believed about a client's address.
    pub trusted_proxies: Vec<IpNet>,
    /// What an https issuer tells browsers about plain http.
    pub hsts: Option<Hsts>,
    /// Where the master key is.
    pub keys: KeyFiles,
    /// Where this server listens.
    pub listen: Listen,
    /// Where everything is kept.
    pub database: Database,
    /// SecSign ID, when configured.
    pub secsign: Option<SecSign>,
    /// ThumbSignIn, when configured.
    pub thumbsignin: Option<ThumbSignIn>,
    /// How addresses that clients registered are called.
    pub outbound: Outbound,
    /// How often a phone may be asked.
    pub limits: Limits,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// How people sign in.
    pub login: LoginPolicy,
    /// The log.
    pub log: Log,
    /// The audit trail.
    pub audit: Audit,
    /// Relying parties that the file declares.
    pub clients: Vec<DeclaredClient>,
    /// People that the file declares.
    pub users: Vec<NewUser>,
    /// What everything else was, to be compared with a later reading.
    pub read_at_start: ReadAtStart,
    /// What was odd where it was written, and works.
    warnings: Vec<String>,
}

impl Config {
    /// Reads `file`, if there is one, lays the product's variables among `env` over it, and checks the whole.
    ///
    /// # Errors
    /// Every problem that was found, each with its place.
    pub fn load(file: Option<&Path>, env: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        Self::load_shown(file, env).map(|(config, _shown)| config)
    }

    /// As [`Config::load`], together with a form of it that can be shown: without secrets, with the place of each value.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_shown(
        file: Option<&Path>,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(Self, Shown), ConfigError> {
        let variables: Vec<(String, String)> = env.into_iter().collect();
        let base = file.and_then(|file| std::path::absolute(file).ok()).and_then(|file| file.parent().map(Path::to_owned));
        let mut reader = Reader::new(base.unwrap_or_default());
        let read = read_document(file, &variables, &mut reader).map(|document| {
            let master_key = environment::variable(&variables, MASTER_KEY_VARIABLE).map(|path| reader.path(path));
            (Self::resolve(&document, master_key, &mut reader), Shown::new(&document))
        });
        match (read, reader.into_problems()) {
            (Some((Some(config), shown)), problems) if problems.is_empty() => Ok((config, shown)),
            (_, problems) => Err(ConfigError { file: file.map(Path::to_owned), problems }),
        }
    }

    fn resolve(document: &Document, master_key: Option<PathBuf>, reader: &mut Reader) -> Option<Self> {
        // What does not fit its raw section was found and left out before; this can only fail when a description is wrong.
        let raw = document.to_table().try_into::<RawConfig>().map_err(|error| error.message().to_owned());
        let raw = reader.check("", raw)?;
        let issuer = reader.required("issuer", raw.issuer, "the https URL by which relying parties know this provider");
        let issuer = issuer.and_then(|text| reader.check("issuer", Issuer::parse(&text)));
        let trusted_proxies = general::trusted_proxies(&raw.trusted_proxies, reader);
        let hsts = reader.check("hsts", hsts::parse(&raw.hsts));
        let listen = Listen::read(raw.listen, reader);
        let database = Database::read(raw.database, reader);
        if raw.secsign.is_none() && raw.thumbsignin.is_none() {
            reader.report("", "no phone service is configured: write a [secsign] or a [thumbsignin] section, or both");
        }
        let allow = raw.allow_loopback_upstream;
        let secsign = raw.secsign.and_then(|raw| SecSign::read(raw, allow, reader));
        let thumbsignin = raw.thumbsignin.and_then(|raw| ThumbSignIn::read(raw, allow, reader));
        let outbound = Outbound::read(raw.outbound, reader);
        raw.lifetimes.check(reader);
        let login = LoginPolicy::read(&raw.login, reader);
        let clients = client::read(raw.client, outbound.allow_private, reader);
        let users = user::read(raw.user, reader);
        let dir = reader.path(raw.keys_dir);
        let keys = KeyFiles { master_key: master_key.unwrap_or_else(|| KeyFiles::usual(&dir)), dir };
        Some(Self {
            issuer: issuer?,
            trusted_proxies: trusted_proxies?,
            hsts: hsts?,
            keys,
            listen: listen?,
            database: database?,
            secsign,
            thumbsignin,
            outbound,
            limits: Limits::read(&raw.limits),
            lifetimes: raw.lifetimes,
            login: login?,
            log: raw.log,
            audit: raw.audit,
            clients,
            users,
            read_at_start: ReadAtStart::of(document),
            warnings: reader.warnings(),
        })
    }

    /// What works but should be known: sentences for the log at start.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.clone();
        if self.limits.profile == Profile::Off && !self.issuer.is_loopback() {
            warnings.push("limits.profile is \"off\": anybody can have anybody's phone ring without end".to_owned());
        }
        if self.outbound.allow_private && !self.issuer.is_loopback() {
            warnings.push("outbound.allow_private is on: clients can have this server call private addresses".to_owned());
        }
        if self.issuer.is_https() && self.listen.tls.is_none() && self.trusted_proxies.is_empty() {
            let text = "the issuer is https, this server speaks http and trusts no proxy: every request will seem to come from the \
                        proxy's address; name its network in trusted_proxies";
            warnings.push(text.to_owned());
        }
        warnings.extend(self.users.iter().filter_map(|user| warning_of_groups(&user.username, &user.groups)));
        warnings
    }
}

fn read_document(file: Option<&Path>, variables: &[(String, String)], reader: &mut Reader) -> Option<Document> {
    let mut document = match file {
        Some(file) => {
            let text = std::fs::read_to_string(file).map_err(|error| format!("the file cannot be read: {error}"));
            Document::read(&reader.check("", text)?, reader)?
        }
        None => Document::default(),
    };
    environment::overlay(&mut document, variables, reader);
    document.fill_defaults();
    Some(document)
}
