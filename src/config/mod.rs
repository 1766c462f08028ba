//! The configuration: what was written (a TOML file, and the environment laid over it) and what it means ([`Config`]).
//!
//! Each section declares its keys ([`settings!`](crate::domain::setting), those that others than `app` use in
//! [`domain::settings`](crate::domain::settings)) and compares them with one another. A configuration that is wrong anywhere is
//! refused as a whole, with every problem named. Nothing here opens a database or a connection.

mod address;
mod changes;
mod client;
mod database;
mod document;
mod duration;
mod environment;
mod general;
mod hsts;
mod key;
mod listen;
mod log;
mod not_yet;
mod problem;
mod reference;
mod show;
#[cfg(test)]
mod tests;
mod user;
mod values;

use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;

pub(crate) use address::Issuer;
pub(crate) use changes::ReadAtStart;
pub(crate) use database::{Database, DatabaseUrl};
pub(crate) use environment::{CONFIG_VARIABLE, LOG_VARIABLE, MASTER_KEY_VARIABLE, variable, variables};
pub(crate) use general::KeyFiles;
pub(crate) use listen::{Listen, Tls};
pub(crate) use log::{Audit, Log, LogFormat};
pub(crate) use problem::{ConfigError, Location, Problem};
pub(crate) use reference::{reference, reference_entries};
pub(crate) use show::Shown;

use crate::domain::client_patch::DeclaredClient;
use crate::domain::setting::Declared as _;
use crate::domain::settings::{Lifetimes, Limits, OutboundSettings, Profile, SecSignSettings, ThumbSignInSettings};
use crate::domain::user::warning_of_groups;
use crate::domain::written::NewUser;
use document::Document;
use general::General;
use key::{Section, Shape};
use log::{Login, RefuseUnknown};
use problem::Reader;
use values::Values;

/// Every section, in the order in which they are documented.
const SECTIONS: &[&Section] = &[
    &Section::of::<General>(Shape::Always),
    &Section::of::<Listen>(Shape::Always),
    &Section::of::<Database>(Shape::Always),
    &Section::of::<SecSignSettings>(Shape::Optional),
    &Section::of::<ThumbSignInSettings>(Shape::Optional),
    &Section::of::<OutboundSettings>(Shape::Always),
    &Section::of::<Limits>(Shape::Always),
    &Section::of::<Lifetimes>(Shape::Always),
    &Section::of::<Login>(Shape::Always),
    &Section::of::<Log>(Shape::Always),
    &Section::of::<Audit>(Shape::Always),
    &client::SECTION,
    &user::SECTION,
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
    pub limits: Limits,
    pub lifetimes: Lifetimes,
    pub log: Log,
    pub audit: Audit,
    pub clients: Vec<DeclaredClient>,
    pub users: Vec<NewUser>,
    pub read_at_start: ReadAtStart,
    warnings: Vec<String>,
}

impl Config {
    /// Reads `file`, if there is one, lays the product's variables among `env` over it, and checks the whole.
    pub(crate) fn load(file: Option<&Path>, env: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        Self::load_shown(file, env).map(|(config, _shown)| config)
    }

    /// As [`Config::load`], together with a form of it that can be shown: without secrets, with the place of each value.
    pub(crate) fn load_shown(
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
        let mut values = Values::new(document, reader);
        let general: General = values.read()?;
        values.allow_loopback = general.allow_loopback_upstream;
        let listen = Listen::read_and_compare(&mut values);
        let database = values.read();
        let (secsign, thumbsignin) = (values.read_if_written(), values.read_if_written());
        let outbound: Option<OutboundSettings> = values.read();
        let limits = values.read();
        let lifetimes = lifetimes(&mut values);
        let login: Option<Login> = values.read();
        let (log, audit) = (values.read(), values.read());
        if ![SecSignSettings::NAME, ThumbSignInSettings::NAME].iter().any(|name| document.entries(name, 0).is_some()) {
            reader.report("", "no phone service is configured: write a [secsign] or a [thumbsignin] section, or both");
        }
        let outbound = outbound?;
        let clients = document.list(&client::SECTION, reader)?;
        let clients = client::read(clients, outbound.allow_private, reader);
        let users = user::read(document.list(&user::SECTION, reader)?, reader);
        let dir = reader.path(general.keys_dir);
        let Login { unknown: RefuseUnknown } = login?;
        Some(Self {
            issuer: general.issuer?,
            trusted_proxies: general.trusted_proxies?,
            hsts: general.hsts?.0,
            keys: KeyFiles { master_key: master_key.unwrap_or_else(|| KeyFiles::usual(&dir)), dir },
            listen: listen?,
            database: database?,
            secsign,
            thumbsignin,
            outbound,
            limits: limits?,
            lifetimes: lifetimes?,
            log: log?,
            audit: audit?,
            clients,
            users,
            read_at_start: ReadAtStart::of(document),
            warnings: reader.warnings.clone(),
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

/// `[lifetimes]` against one another.
fn lifetimes(values: &mut Values<'_>) -> Option<Lifetimes> {
    let lifetimes: Lifetimes = values.read()?;
    let mut at_most = |key: &str, value: Duration, other: &str, most: Duration| {
        if value > most {
            values.report(key, format!("is longer than {other} ({})", duration::write(most)));
        }
    };
    at_most("refresh_sliding", lifetimes.refresh_sliding, "refresh_absolute", lifetimes.refresh_absolute);
    at_most("session_idle", lifetimes.session_idle, "session", lifetimes.session);
    at_most("login", lifetimes.login, "authorization", lifetimes.authorization);
    // A signature must be checkable for as long as what it signs is valid (OIDC Core §10.1.1).
    at_most("id_token", lifetimes.id_token, "key_retired", lifetimes.key_retired);
    Some(lifetimes)
}
