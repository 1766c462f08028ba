//! The configuration: what was written (a TOML file, and the environment laid over it) and what it means ([`Config`]).
//!
//! Each section declares its keys ([`settings!`](crate::domain::setting), those of `[lifetimes]` and `[limits]` in
//! [`domain::settings`](crate::domain::settings)) and compares them with one another. `document` and `environment` read, `values`
//! makes the structs, `reference` and `show` print. Secrets are wrapped on the way in. A configuration that is wrong anywhere is
//! refused as a whole, with every problem named. Nothing here opens a database or a connection; who uses the values is `app`.

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
mod lifetimes;
mod listen;
mod log;
mod login;
mod not_yet;
mod problem;
mod reference;
mod services;
mod show;
#[cfg(test)]
mod tests;
mod user;
mod values;

use std::path::{Path, PathBuf};

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
pub(crate) use services::{Outbound, SecSign, ThumbSignIn};
pub(crate) use show::Shown;

use crate::domain::client_patch::DeclaredClient;
use crate::domain::setting::Declared as _;
use crate::domain::settings::{Lifetimes, Limits, Profile};
use crate::domain::user::warning_of_groups;
use crate::domain::written::NewUser;
use document::Document;
use general::General;
use key::{Section, Shape};
use login::{Login, UnknownPerson};
use problem::Reader;
use values::Values;

/// Every section, in the order in which they are documented.
const SECTIONS: &[&Section] = &[
    &Section::of::<General>(Shape::Always),
    &Section::of::<Listen>(Shape::Always),
    &Section::of::<Database>(Shape::Always),
    &Section::of::<SecSign>(Shape::Optional),
    &Section::of::<ThumbSignIn>(Shape::Optional),
    &Section::of::<Outbound>(Shape::Always),
    &Section::of::<Limits>(Shape::Always),
    &Section::of::<Lifetimes>(Shape::Always),
    &Section::of::<Login>(Shape::Always),
    &Section::of::<Log>(Shape::Always),
    &Section::of::<Audit>(Shape::Always),
    &client::SECTION,
    &user::SECTION,
];

/// What the operator decided, checked.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// The URL by which relying parties know this provider.
    pub issuer: Issuer,
    /// Networks of proxies that are believed about a client's address.
    pub trusted_proxies: Vec<IpNet>,
    /// The value of `Strict-Transport-Security`, for an https issuer.
    pub hsts: Option<String>,
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
        let outbound: Option<Outbound> = values.read();
        let limits = values.read();
        let lifetimes = lifetimes::read(&mut values);
        let login: Option<Login> = values.read();
        let (log, audit) = (values.read(), values.read());
        if ![SecSign::NAME, ThumbSignIn::NAME].iter().any(|name| document.entries(name, 0).is_some()) {
            reader.report("", "no phone service is configured: write a [secsign] or a [thumbsignin] section, or both");
        }
        let outbound = outbound?;
        let clients = document.list(&client::SECTION, reader)?;
        let clients = client::read(clients, outbound.allow_private, reader);
        let users = user::read(document.list(&user::SECTION, reader)?, reader);
        let dir = reader.path(general.keys_dir);
        let Login { unknown: UnknownPerson::Refuse } = login?;
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
            warnings: reader.warnings(),
        })
    }

    /// What works but should be known: sentences for the log at start.
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
